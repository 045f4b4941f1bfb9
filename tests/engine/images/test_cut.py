"""An image is called cut off only if it surely is: part of its first picture's pixels is not there."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import pytest
from PIL import Image

from airflow_provider_platerec_ocr.engine.images.format import image_format, is_truncated
from support.pictures import noise, picture

Image.init()
KINDS: dict[str, dict[str, Any]] = {
    "PNG": {}, "WEBP": {}, "GIF": {"mode": "P"}, "BMP": {}, "TIFF": {}, "TIFF packed": {"compression": "tiff_lzw"},
    "TIFF big": {"big_tiff": True}, "PNG grey": {"mode": "L"}, "PNG bits": {"mode": "1"}, "BMP palette": {"mode": "P"},
    "WEBP lossless": {"lossless": True}, "AVIF": {},
}  # fmt: skip


def made(kind: str) -> bytes:
    name = kind.partition(" ")[0]
    if name not in Image.SAVE:
        pytest.skip(f"this Pillow writes no {name}")
    return noise(name, size=(80, 60), **KINDS[kind])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tail", [b"", bytes(1000), b"\r\n", b"a trailer of a phone" * 9])
def test_a_whole_image_is_whole_whatever_stands_behind_it(kind: str, tail: bytes) -> None:
    assert not is_truncated(made(kind) + tail)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", [0.4, 0.7, 0.95])
def test_part_of_an_image_is_cut_off(kind: str, part: float) -> None:
    content = made(kind)

    assert is_truncated(content[: int(len(content) * part)])


@pytest.mark.parametrize("kind", ["PNG", "PNG grey", "PNG bits"])
def test_a_png_whose_pixels_all_unpack_needs_no_end_chunk(kind: str) -> None:
    content = made(kind)[:-12]

    assert not is_truncated(content)
    assert not is_truncated(content[:-4])  # nor the check sum of the pixels
    assert not is_truncated(content + bytes(5000))
    assert is_truncated(content[:-300])
    assert is_truncated(content[:-300] + bytes(5000))


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    parts = [struct.pack(">I", len(data)) + name + data + bytes(4) for name, data in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


HEADER = struct.pack(">IIBBBBB", 2, 2, 8, 0, 0, 0, 0)
INTERLACED = HEADER[:-1] + b"\x01"
PIXELS = zlib.compress(bytes(6))


@pytest.mark.parametrize(
    ("content", "cut"),
    [
        (png((b"IHDR", HEADER), (b"IDAT", PIXELS)), False),
        (png((b"IHDR", HEADER), (b"IDAT", PIXELS[:4]), (b"IDAT", PIXELS[4:])), False),
        (png((b"IHDR", INTERLACED), (b"IDAT", PIXELS)), False),
        (png((b"IHDR", INTERLACED), (b"IDAT", PIXELS[:-6])), True),
        (png((b"IHDR", INTERLACED), (b"IDAT", b"no stream")), True),
        (png((b"IHDR", HEADER), (b"IDAT", b"no stream")), True),
        (png((b"IHDR", HEADER)), True),
        (png((b"IDAT", PIXELS)), True),
        (png((b"IHDR", HEADER), (b"IDAT", PIXELS), (b"\0\0\0\0", b"")), False),
        (png((b"IHDR", HEADER), (b"\0\0\0\0", b"")), False),
    ],
)
def test_the_pixels_of_a_png_count_and_not_its_chunks(content: bytes, *, cut: bool) -> None:
    assert is_truncated(content) is cut


def test_a_webp_whose_writer_counted_its_own_header_is_whole() -> None:
    content = noise("WEBP", size=(80, 60))
    for more in (8, 1000):
        told = content[:4] + struct.pack("<I", len(content) - 8 + more) + content[8:]

        assert not is_truncated(told)
        assert is_truncated(told[:-500])
    assert is_truncated(content[:12])


def test_a_gif_is_whole_once_its_first_picture_is() -> None:
    frames = [Image.open(io.BytesIO(noise("GIF", size=(80, 60), mode="P"))) for _ in range(2)]
    target = io.BytesIO()
    frames[0].save(target, "GIF", save_all=True, append_images=[frames[1].rotate(180)], comment=b"of a yard")
    content = target.getvalue()

    assert not is_truncated(content[:-1])
    assert not is_truncated(content[: int(len(content) * 0.7)])
    assert is_truncated(content[: int(len(content) * 0.3)])
    assert is_truncated(content[:8])
    assert not is_truncated(content[:10] + b"\0" + content[11:13] + b";")


@pytest.mark.parametrize("height", [2, -2])
def test_a_bmp_holds_as_many_rows_as_it_says(height: int) -> None:
    pixels = bytes(2 * 8)
    content = b"BM" + struct.pack("<IIIIiiHHI", 0, 0, 54, 40, 2, height, 1, 24, 0) + bytes(20) + pixels
    assert image_format(content) is not None
    packed = content[:30] + b"\1" + content[31:]
    old = b"BM" + struct.pack("<IIIIHHHH", 0, 0, 26, 12, 2, 2, 1, 24) + pixels

    assert [is_truncated(each) for each in (content, old, packed)] == [False] * 3
    assert [is_truncated(each[:-1]) for each in (content, old, packed)] == [True, True, False]


def box(name: bytes, data: bytes, size: int | None = None) -> bytes:
    return struct.pack(">I", 8 + len(data) if size is None else size) + name + data


FTYP = box(b"ftyp", b"heic" + bytes(12))


@pytest.mark.parametrize(
    ("content", "cut"),
    [
        (FTYP + box(b"meta", bytes(40)) + box(b"mdat", bytes(400)), False),
        (FTYP + box(b"meta", bytes(40)) + box(b"mdat", bytes(400), 500), True),
        (FTYP + box(b"meta", bytes(40), 60), True),
        (FTYP + box(b"meta", bytes(40)) + box(b"mdat", struct.pack(">Q", 416) + bytes(400), 1), False),
        (FTYP + box(b"meta", bytes(40)) + box(b"mdat", struct.pack(">Q", 500) + bytes(400), 1), True),
        (FTYP + box(b"meta", bytes(40)) + box(b"mdat", bytes(400), 0), False),
        (FTYP + box(b"mdat", bytes(400)) + box(b"mpvd", bytes(400), 9999), False),
        (FTYP + box(b"mdat", bytes(400)) + bytes(50), False),
    ],
)
def test_a_box_with_the_pixels_of_a_heic_does_not_run_past_the_end(content: bytes, *, cut: bool) -> None:
    assert image_format(content) is not None
    assert is_truncated(content) is cut


def tiff(tags: list[tuple[int, int, int, int]], more: bytes = b"", start: int = 8) -> bytes:
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0" + struct.pack("<I", start) + struct.pack("<H", len(tags)) + entries + bytes(4) + more


@pytest.mark.parametrize(
    ("content", "cut"),
    [
        (tiff([(273, 4, 1, 38), (279, 4, 1, 50)], bytes(50)), False),
        (tiff([(273, 4, 1, 38), (279, 4, 1, 50)], bytes(49)), True),
        (tiff([(324, 4, 1, 38), (325, 3, 1, 50)], bytes(49)), True),
        (
            tiff([(273, 4, 2, 38), (279, 4, 1, 8)], struct.pack("<II", 46, 9999) + bytes(8)),
            False,
        ),  # lengths are not all there
        (tiff([(273, 4, 2, 38), (279, 4, 2, 38)], struct.pack("<II", 46, 9999)), True),
        (tiff([(273, 2, 1, 38), (279, 77, 1, 50)]), False),
        (tiff([(273, 4, 9_999_999, 38), (279, 4, 1, 50)]), False),
        (tiff([(256, 4, 1, 38)]), False),
        (tiff([], start=4000), True),
        (tiff([], start=0), False),
        (tiff([(273, 4, 1, 38), (279, 4, 1, 50)])[:20], True),
        (b"II*\0" + struct.pack("<IH", 8, 60_000), False),
        (picture("TIFF")[:6], True),
    ],
)
def test_the_directory_and_the_strips_of_a_tiff_lie_within_it(content: bytes, *, cut: bool) -> None:
    assert is_truncated(content) is cut
