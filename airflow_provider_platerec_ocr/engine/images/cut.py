"""Whether an image file surely stops in the middle, for each format that says how much of it there should be.

Refusing what is whole would lose a read, and sending what is cut off would cost a call. So an image is called cut off
only where part of its first picture's pixels is not there; what is not understood is left to the API.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.engine.images.jpeg_scan import holds_all_pixels

if TYPE_CHECKING:
    from collections.abc import Iterator

_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD8)})
"""Markers without a length: TEM and the restart markers."""
_JPEG_SCAN, _JPEG_END, _JPEG_MARK = 0xDA, 0xD9, 0xFF
_PNG_SIGNATURE_LENGTH = 8
_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_PIECE = 1 << 20
_WEBP_PIXELS = (b"VP8 ", b"VP8L", b"ANMF")
_GIF_PICTURE, _GIF_EXTENSION = 0x2C, 0x21
_BMP_PLAIN = (0, 3, 6)
"""Kinds of compression that are none."""
_BMP_CORE_HEADER = 12
_HEIF_PIXELS = (b"meta", b"mdat", b"moov")
_TIFF_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 13: 4, 16: 8}
"""Bytes of a value, by the number of its type."""
_TIFF_PIXELS = ((273, 279), (324, 325))
"""Tags of where the strips or the tiles lie, and of how long they are."""
_TIFF_HEADER = 8
_TIFF_MOST_TAGS = 4096
_TIFF_MOST_STRIPS = 1_000_000


def jpeg_is_cut(content: bytes) -> bool:
    """Walk the header segments, so that a thumbnail's end marker inside EXIF does not count, then look for the end.

    Where there is none, the codes of the pixels are counted.
    """
    at = 2
    while at + 1 < len(content):
        if content[at] != _JPEG_MARK:
            return False
        marker = content[at + 1]
        if marker == _JPEG_MARK:  # a fill byte
            at += 1
        elif marker == _JPEG_END:
            return False
        elif marker == _JPEG_SCAN:
            return content.find(b"\xff\xd9", at + 2) < 0 and holds_all_pixels(content) is False
        elif marker in _JPEG_BARE:
            at += 2
        else:
            length = int.from_bytes(content[at + 2 : at + 4], "big")
            at += 2 + max(2, length)
    return True


def png_is_cut(content: bytes) -> bool:
    """Walk the chunks to IEND: each is a length, a name of four letters, the data and four bytes of check sum.

    Where it does not come, the pixels are unpacked, and thrown away.
    """
    at, header = _PNG_SIGNATURE_LENGTH, b""
    pixels: list[memoryview] = []
    while at + 8 <= len(content):
        length, name = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8]
        if name == b"IEND":
            return False
        if not name.isalpha():
            return bool(pixels) and not _png_unpacks(pixels, header)
        data = memoryview(content)[at + 8 : at + 8 + length]
        if name == b"IDAT":
            pixels.append(data)
        elif name == b"IHDR":
            header = bytes(data)
        at += 12 + length
    return not _png_unpacks(pixels, header)


def _png_unpacks(pixels: list[memoryview], header: bytes) -> bool:
    """Return whether all pixels come out of what there is of a PNG."""
    if len(header) < 13 or not pixels:  # noqa: PLR2004  # bytes of a whole IHDR
        return False
    width, height = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
    bits = _PNG_CHANNELS.get(header[9], 1) * header[8]
    wanted = 1 if header[12] else height * (1 + -(-width * bits // 8))  # interlaced: as long as the stream goes on
    unpacker = zlib.decompressobj()
    done = 0
    try:
        for piece in pixels:
            rest = bytes(piece)
            while rest and not unpacker.eof:
                done += len(unpacker.decompress(rest, _PIECE))
                rest = unpacker.unconsumed_tail
    except zlib.error:
        return done >= wanted and not header[12]
    return unpacker.eof or (done >= wanted and not header[12])


def webp_is_cut(content: bytes) -> bool:
    """Walk the chunks, where the file is shorter than its own header says: writers count that in two ways."""
    if _little(content[4:8]) + 8 <= len(content):
        return False
    at, has_pixels = 12, False
    while at + 8 <= len(content):
        length = _little(content[at + 4 : at + 8])
        if at + 8 + length > len(content):
            return True
        has_pixels = has_pixels or content[at : at + 4] in _WEBP_PIXELS
        at += 8 + length + length % 2
    return not has_pixels


def gif_is_cut(content: bytes) -> bool:
    """Walk the blocks to the end of the first picture, which is the one that is read."""
    at = 13 + _gif_colours(content[10:11])
    while at < len(content):
        kind = content[at]
        if kind not in {_GIF_EXTENSION, _GIF_PICTURE}:
            return False
        at = at + 2 if kind == _GIF_EXTENSION else at + 11 + _gif_colours(content[at + 9 : at + 10])
        while at < len(content) and content[at]:
            at += 1 + content[at]
        if kind == _GIF_PICTURE:
            break
        at += 1
    return at >= len(content)


def _gif_colours(flags: bytes) -> int:
    """Return the bytes of a table of colours."""
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0


def bmp_is_cut(content: bytes) -> bool:
    """Hold the file's length against that of its rows, where they are not packed."""
    start, header = _little(content[10:14]), _little(content[14:18])
    if header == _BMP_CORE_HEADER:
        width, height, bits, packed = _little(content[18:20]), _little(content[20:22]), _little(content[24:26]), 0
    else:
        width, bits, packed = _little(content[18:22]), _little(content[28:30]), _little(content[30:34])
        height = abs(int.from_bytes(content[22:26], "little", signed=True))  # below 0 where the first row is on top
    return packed in _BMP_PLAIN and len(content) < start + (width * bits + 31) // 32 * 4 * height


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")


def heif_is_cut(content: bytes) -> bool:
    """Walk the boxes of HEIC and AVIF: one that holds pixels must not run past the end."""
    at = 0
    while at + 8 <= len(content):
        size, name, head = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8], 8
        if size == 1:
            size, head = int.from_bytes(content[at + 8 : at + 16], "big"), 16
        if size < head:  # 0: up to the end of the file; else it makes no sense
            return False
        if at + size > len(content):
            return name in _HEIF_PIXELS
        at += size
    return False


def tiff_is_cut(content: bytes) -> bool:
    """Look whether the directory of the first picture, and its strips or tiles, lie within the file."""
    order = "little" if content[:2] == b"II" else "big"
    is_big = content[2:4] in {b"+\x00", b"\x00+"}
    word, count, entry = (8, 8, 20) if is_big else (4, 2, 12)

    def number(at: int, size: int) -> int:
        return int.from_bytes(content[at : at + size], order)  # type: ignore[arg-type]  # one of the two

    start = number(8 if is_big else 4, word)
    tags = number(start, count)
    if start < _TIFF_HEADER or tags > _TIFF_MOST_TAGS:
        return False
    if start + count + tags * entry > len(content):
        return True

    def values(wanted: int) -> Iterator[int] | None:
        for at in range(start + count, start + count + tags * entry, entry):
            if number(at, 2) == wanted:
                size, many = _TIFF_SIZES.get(number(at + 2, 2), 0), number(at + 4, word)
                if not size or many > _TIFF_MOST_STRIPS:
                    return None
                place = at + 4 + word
                place = place if size * many <= word else number(place, word)
                return (number(place + size * index, size) for index in range(many))
        return None

    for places, lengths in _TIFF_PIXELS:
        first, second = values(places), values(lengths)
        if first is not None and second is not None:
            return any(place + length > len(content) for place, length in zip(first, second, strict=False))
    return False
