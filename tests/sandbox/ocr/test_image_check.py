"""Telling a whole image from what is not, without a decoder; the images are Pillow's."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image

from airflow_provider_platerec_ocr.sandbox.ocr.image_check import is_whole_image


def encoded(kind: str) -> bytes:
    file = BytesIO()
    Image.linear_gradient("L").convert("RGB").save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
def test_a_whole_image_passes_and_half_of_it_does_not(kind: str) -> None:
    image = encoded(kind)
    assert is_whole_image(image)
    if kind != "TIFF":  # a TIFF's end cannot be told from its head alone
        assert not is_whole_image(image[: len(image) // 2])


def test_a_big_endian_tiff_passes_and_a_directory_beyond_the_end_does_not() -> None:
    assert is_whole_image(b"MM\x00*\x00\x00\x00\x08" + 8 * b"\x00")
    assert not is_whole_image(b"MM\x00*\x00\x00\x01\x08" + 8 * b"\x00")


@pytest.mark.parametrize("data", [b"", b"hello", b"%PDF-1.7", b"<html></html>"])
def test_other_files_do_not_pass(data: bytes) -> None:
    assert not is_whole_image(data)


def test_padding_stands_for_an_end_marker_as_a_decoder_takes_it_for_pixels() -> None:
    assert is_whole_image(encoded("JPEG")[:-2] + bytes(64))
    assert not is_whole_image(encoded("JPEG")[:-2] + bytes(3))
