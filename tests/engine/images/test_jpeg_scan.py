"""JPEGs without an end marker: whole where all codes of all scans are there, whatever stands behind them."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from airflow_provider_platerec_ocr.engine.images.format import is_truncated
from airflow_provider_platerec_ocr.engine.images.jpeg_scan import LARGEST, holds_all_pixels
from support.pictures import noise, picture

WAYS: dict[str, dict[str, Any]] = {
    "plain": {},
    "grey": {"mode": "L"},
    "print": {"mode": "CMYK"},
    "no subsampling": {"subsampling": 0},
    "optimized": {"optimize": True, "quality": 30},
    "restarts": {"restart_marker_blocks": 3},
    "restarts by row": {"restart_marker_rows": 1},
    "progressive": {"progressive": True},
    "progressive grey": {"progressive": True, "mode": "L"},
    "progressive restarts": {"progressive": True, "restart_marker_blocks": 5},
    "odd size": {"size": (41, 37)},
    "progressive odd size": {"size": (41, 37), "progressive": True, "quality": 95},
}
TAILS = {
    "nothing": b"",
    "zeros": bytes(64),
    "many zeros": bytes(50_000),
    "ones": b"\xff" * 64,
    "half a marker": b"\xff",
    "a pattern": b"\xaa" * 500,
    "a trailer": b"SEFHe\0\0\0\x01\0\0\0 and so on SEFT",
    "a line break": b"\r\n",
}


def made(way: str) -> bytes:
    return noise(**({"size": (64, 48)} | WAYS[way]))


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("way", WAYS)
def test_without_its_end_marker_a_jpeg_is_whole_whatever_stands_behind_its_pixels(way: str, tail: str) -> None:
    content = made(way)[:-2] + TAILS[tail]

    assert holds_all_pixels(content) is True
    assert not is_truncated(content)


@pytest.mark.parametrize("tail", ["nothing", "zeros", "many zeros", "ones", "a pattern"])
@pytest.mark.parametrize("part", [0.2, 0.5, 0.8, 0.95])
@pytest.mark.parametrize("way", WAYS)
def test_a_jpeg_that_ends_within_a_scan_is_cut_off_whatever_fills_the_rest(way: str, part: float, tail: str) -> None:
    whole = made(way)
    start = whole.find(b"\xff\xda") + 14
    content = whole[: start + int((len(whole) - start) * part)] + TAILS[tail]

    assert holds_all_pixels(content) is False
    assert is_truncated(content)


@pytest.mark.parametrize("way", ["plain", "restarts", "progressive"])
def test_where_all_codes_are_there_a_decoder_loses_no_pixel(way: str) -> None:
    whole = made(way)
    pixels = Image.open(io.BytesIO(whole)).tobytes()

    for cut in range(2, 40):
        if holds_all_pixels(whole[:-cut]):
            assert Image.open(io.BytesIO(whole[:-cut] + b"\xff\xd9")).tobytes() == pixels


def test_a_progressive_jpeg_that_lacks_its_last_scans_is_cut_off() -> None:
    whole = noise(size=(64, 48), progressive=True)
    last = whole.rfind(b"\xff\xda")

    assert holds_all_pixels(whole[:last]) is False
    assert holds_all_pixels(whole[: whole.find(b"\xff\xda")]) is False


@pytest.mark.parametrize("way", ["plain", "progressive"])
def test_a_flat_picture_of_hardly_any_codes_is_counted_as_well(way: str) -> None:
    content = picture(size=(640, 480), **WAYS[way])[:-2]

    assert holds_all_pixels(content + bytes(4000)) is True
    assert holds_all_pixels(content[:-40] + bytes(4000)) is False


def without_segment(content: bytes, marker: int) -> bytes:
    at = content.find(bytes((0xFF, marker)))
    return content[:at] + content[at + 2 + int.from_bytes(content[at + 2 : at + 4], "big") :]


def with_bytes(content: bytes, after: bytes, offset: int, new: bytes) -> bytes:
    at = content.find(after) + offset
    return content[:at] + new + content[at + len(new) :]


FRAME, SCAN = b"\xff\xc0", b"\xff\xda"


@pytest.mark.parametrize(
    "content",
    [
        with_bytes(noise(), b"\xff\xc0", 1, b"\xc9"),  # arithmetic codes
        with_bytes(noise(), FRAME, 5, b"\0\0"),  # its height comes after the scan
        with_bytes(noise(), FRAME, 11, b"\x00"),  # a sampling of nothing
        with_bytes(noise(), FRAME, 5, b"\xff\xff\xff\xff"),  # 4 gigapixels
        with_bytes(noise(), SCAN, 6, b"\x33"),  # tables that nobody brought
        without_segment(noise(), 0xC0),  # a scan of nothing that was announced
        with_bytes(noise(), SCAN, 4, b"\0"),  # a scan of no component
        with_bytes(noise(progressive=True), SCAN, 12, b"\x40"),  # of coefficients that no block has
        noise()[:2] + without_segment(noise(), 0xE0)[2:-2].replace(FRAME, b"\xff\xe9", 1),  # no frame at all
        bytes(LARGEST + 1),
    ],
)
def test_what_is_not_counted_is_left_to_the_api(content: bytes) -> None:
    assert holds_all_pixels(content) is None


def test_the_frames_of_a_film_have_the_tables_of_the_standard() -> None:
    frame = noise(size=(64, 48))
    while b"\xff\xc4" in frame:
        frame = without_segment(frame, 0xC4)

    assert holds_all_pixels(frame[:-2] + bytes(100)) is True
    assert holds_all_pixels(frame[: len(frame) // 2] + bytes(9000)) is False


def test_a_code_that_is_none_ends_the_count() -> None:
    grey = noise(mode="L", size=(64, 48))
    start = grey.find(SCAN) + 10

    assert holds_all_pixels(grey[:start] + b"\xff\x00" * 2000) is False


@pytest.mark.parametrize("content", [b"\xff\xd8\xff", b"\xff\xd8\xff\xff\xff", b"\xff\xd8\xff\xc0\x00\x04\x08\x00"])
def test_a_header_that_is_cut_off_is_no_picture(content: bytes) -> None:
    assert holds_all_pixels(content) is False


def test_more_scans_than_any_camera_makes_are_not_counted() -> None:
    grey = noise(mode="L", size=(8, 8))[:-2]
    scan = grey[grey.find(SCAN) :]

    assert holds_all_pixels(grey + scan * 5) is True
    assert holds_all_pixels(grey + scan * 40) is None
