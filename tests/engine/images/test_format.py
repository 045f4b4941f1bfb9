from __future__ import annotations

import io

import pytest
from PIL import Image

from airflow_provider_platerec_ocr.engine.images.format import ImageFormat, image_format, is_truncated
from support.pictures import noise, picture

Image.init()


@pytest.mark.parametrize("found", [each for each in ImageFormat if each.name in Image.SAVE])  # never HEIC; old: no AVIF
def test_each_format_is_known_by_what_pillow_writes(found: ImageFormat) -> None:
    content = picture(found.name)
    assert image_format(content) is found
    assert not is_truncated(content)


@pytest.mark.parametrize("brand", [b"heic", b"mif1"])
def test_heic_is_known_by_its_brand(brand: bytes) -> None:
    assert image_format(b"\0\0\0\x18ftyp" + brand + bytes(12)) is ImageFormat.HEIC


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xd8", b"hello", b"<html>", b'{"detail": "no"}', b"%PDF-1.7", b"BM is a text", b"RIFF0000WAVE",
     b"\0\0\0\x18ftypisom", b"version https://git-lfs.github.com/spec/v1\n"],
)  # fmt: skip
def test_anything_else_is_no_image(content: bytes) -> None:
    assert image_format(content) is None
    assert not is_truncated(content)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.99])
def test_a_part_of_an_image_is_truncated(kind: str, part: float) -> None:
    content = noise(kind)
    assert is_truncated(content[: int(len(content) * part)])


def test_a_jpeg_of_nothing_but_its_first_bytes_is_truncated() -> None:
    assert is_truncated(b"\xff\xd8\xff")


def test_a_preallocated_file_that_was_never_filled_is_truncated() -> None:
    assert is_truncated(noise()[:2000] + bytes(50_000))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("tail", [bytes(1000), b"\r\n", b"motion photo video"])
def test_bytes_behind_the_end_do_no_harm(kind: str, tail: bytes) -> None:
    assert not is_truncated(noise(kind) + tail)


def test_a_progressive_jpeg_with_many_scans_is_whole() -> None:
    assert not is_truncated(noise(progressive=True))


def test_the_end_of_a_thumbnail_is_not_the_end_of_the_photo() -> None:
    thumbnail = picture()
    exif = Image.Exif()
    exif[0x010E] = thumbnail.decode("latin-1")
    target = io.BytesIO()
    Image.open(io.BytesIO(noise())).save(target, "JPEG", exif=b"Exif\0\0" + thumbnail)
    content = target.getvalue()
    assert content.find(b"\xff\xd9") < 2000
    assert not is_truncated(content)
    assert is_truncated(content[:5000])


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xd8\xff\xff\xff\xe0\x00\x04ab\xff\xd9",  # fill bytes before a marker
        b"\xff\xd8\xff\x01\xff\xd0\xff\xd9",  # markers without a length
        b"\xff\xd8\xff\xe0\x00\x04ab\x12nobody knows",  # not understood
        b"\xff\xd8\xff\xe0\x00\x00\xff\xd9",  # a length that cannot be
        b"\x89PNG\r\n\x1a\n\0\0\0\1\0\0\0\0nobody knows",  # not understood
    ],
)
def test_what_is_odd_but_not_surely_cut_is_left_to_the_api(content: bytes) -> None:
    assert not is_truncated(content)
