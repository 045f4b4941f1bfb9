"""What kind of image some bytes are, and whether they surely stop in the middle.

Sending what cannot be an image would cost a call, and refusing what is one would lose a read: so a format is known by
its first bytes, and only what is certainly cut off is called so. This file must not know where the bytes came from.
"""

from __future__ import annotations

from enum import StrEnum

_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD8)})
"""Markers without a length: TEM and the restart markers."""
_JPEG_SCAN = 0xDA
_JPEG_END = 0xD9
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_BMP_HEADER_SIZES = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})


class ImageFormat(StrEnum):
    """Formats that are sent; the value is the extension that an upload gets."""

    JPEG = "jpg"
    PNG = "png"
    WEBP = "webp"
    GIF = "gif"
    BMP = "bmp"
    TIFF = "tif"
    HEIC = "heic"
    AVIF = "avif"


KNOWN_FORMATS = ", ".join(each.name for each in ImageFormat)
"""For messages."""


def image_format(content: bytes) -> ImageFormat | None:
    """Return the format that the first bytes tell, or ``None`` where they are of no known image format."""
    head = content[:32]
    for signature, found in (
        (b"\xff\xd8\xff", ImageFormat.JPEG),
        (_PNG_SIGNATURE, ImageFormat.PNG),
        (b"GIF87a", ImageFormat.GIF),
        (b"GIF89a", ImageFormat.GIF),
        (b"II*\x00", ImageFormat.TIFF),
        (b"MM\x00*", ImageFormat.TIFF),
        (b"II+\x00", ImageFormat.TIFF),
        (b"MM\x00+", ImageFormat.TIFF),
    ):
        if head.startswith(signature):
            return found
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return ImageFormat.WEBP
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BMP_HEADER_SIZES:
        return ImageFormat.BMP  # "BM" alone would also be a text that begins with it
    return _boxed(head)


def _boxed(head: bytes) -> ImageFormat | None:
    """Return HEIC or AVIF by the major brand of the ISO base media ``ftyp`` box."""
    if head[4:8] != b"ftyp":
        return None
    if head[8:12] in _AVIF_BRANDS:
        return ImageFormat.AVIF
    return ImageFormat.HEIC if head[8:12] in _HEIF_BRANDS else None


def is_truncated(content: bytes) -> bool:
    """Return whether the image surely stops in the middle.

    Bytes after the end are fine (cameras pad, phones append videos), and so is anything that is not understood: the
    API knows more formats than this file.
    """
    found = image_format(content)
    if found is ImageFormat.JPEG:
        return _jpeg_truncated(content)
    if found is ImageFormat.PNG:
        return _png_truncated(content)
    if found is ImageFormat.WEBP:
        return int.from_bytes(content[4:8], "little") + 8 > len(content)
    return False


def _jpeg_truncated(content: bytes) -> bool:
    """Walk the header segments, so that a thumbnail's end marker inside EXIF does not count, then look for the end."""
    at = 2
    while at + 1 < len(content):
        if content[at] != 0xFF:  # noqa: PLR2004  # every marker begins with 0xFF
            return False
        marker = content[at + 1]
        if marker == 0xFF:  # noqa: PLR2004  # a fill byte
            at += 1
        elif marker == _JPEG_END:
            return False
        elif marker == _JPEG_SCAN:
            return content.find(b"\xff\xd9", at + 2) < 0
        elif marker in _JPEG_BARE:
            at += 2
        else:
            length = int.from_bytes(content[at + 2 : at + 4], "big")
            at += 2 + max(2, length)
    return True


def _png_truncated(content: bytes) -> bool:
    """Walk the chunks to IEND: each is a length, a name of four letters, the data and four bytes of check sum."""
    at = len(_PNG_SIGNATURE)
    while at + 8 <= len(content):
        name = content[at + 4 : at + 8]
        if name == b"IEND":
            return False
        if not name.isalpha():
            return False
        at += 12 + int.from_bytes(content[at : at + 4], "big")
    return True
