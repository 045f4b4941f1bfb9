from __future__ import annotations

import io

import pytest
from PIL import Image, ImageOps

from airflow_provider_platerec_ocr.engine.images.shrink import CannotShrinkError, shrink_image
from support.pictures import noise, picture


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def test_an_image_keeps_all_its_pixels_where_compression_is_enough() -> None:
    content = noise(quality=95)
    small = shrink_image(content, len(content) * 2 // 3)
    assert opened(small).size == (400, 300)
    assert len(content) // 2 < len(small) <= len(content) * 2 // 3


def test_the_best_quality_that_fits_is_taken() -> None:
    limit = len(noise(quality=85, optimize=True)) + 2000
    small = shrink_image(noise("PNG"), limit)
    assert len(noise(quality=80, optimize=True)) < len(small) <= limit


@pytest.mark.parametrize("limit", [10_000, 20_000, 40_000])
def test_an_image_is_scaled_no_further_than_needed(limit: int) -> None:
    small = shrink_image(noise("PNG"), limit)
    assert 0.8 * limit < len(small) <= limit
    width, height = opened(small).size
    assert width / height == pytest.approx(400 / 300, rel=0.05)


def test_the_orientation_is_kept_and_nothing_else_of_the_exif() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "a camera that tells"
    small = shrink_image(noise(exif=exif, quality=95), 60_000)
    assert dict(opened(small).getexif()) == {0x0112: 6}


def test_an_upright_image_gets_no_exif() -> None:
    assert not opened(shrink_image(noise(), 60_000)).getexif()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16", "RGB"])
def test_every_kind_of_png_becomes_a_jpeg(mode: str) -> None:
    if mode == "I;16":
        image = Image.frombytes("I;16", (64, 48), bytes(range(256)) * 24)
    else:
        image = Image.open(io.BytesIO(noise("PNG", (64, 48)))).convert(mode)
    target = io.BytesIO()
    image.save(target, "PNG")
    assert opened(shrink_image(target.getvalue(), 3000)).format == "JPEG"


def test_sixteen_bits_are_scaled_and_not_cut() -> None:
    image = Image.new("I;16", (64, 48), 0x8000)
    target = io.BytesIO()
    image.save(target, "PNG")
    assert opened(shrink_image(target.getvalue(), 5000)).getpixel((5, 5)) == 128


def test_what_is_transparent_becomes_white() -> None:
    target = io.BytesIO()
    Image.new("RGBA", (64, 48), (0, 0, 0, 0)).save(target, "PNG")
    assert opened(shrink_image(target.getvalue(), 5000)).getpixel((5, 5)) == (255, 255, 255)


def test_a_print_image_becomes_rgb() -> None:
    assert opened(shrink_image(noise(mode="CMYK"), 60_000)).mode == "RGB"


@pytest.mark.parametrize("content", [b"\xff\xd8\xffgarbage", noise("PNG")[:3000], b"GIF89a"])
def test_what_pillow_cannot_read_cannot_be_shrunk(content: bytes) -> None:
    with pytest.raises(CannotShrinkError, match="Pillow cannot read it"):
        shrink_image(content, 1000)


def test_a_limit_that_leaves_nothing_to_read_is_refused() -> None:
    with pytest.raises(CannotShrinkError, match="no picture of 300 bytes"):
        shrink_image(noise(), 300)


def test_a_thin_strip_is_not_scaled_away() -> None:
    with pytest.raises(CannotShrinkError):
        shrink_image(noise("PNG", (4000, 17)), 3000)


def test_a_picture_that_needs_nothing_still_comes_back_whole() -> None:
    assert opened(shrink_image(picture("BMP"), 5000)).size == (32, 24)


TURNS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""How a camera that notes an orientation has turned the pixels."""


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "MPO"])
def test_a_shrunk_image_is_shown_as_the_original_is(kind: str, orientation: int, mode: str) -> None:
    Image.init()
    if kind not in Image.SAVE:
        pytest.skip(f"this Pillow writes no {kind}")
    upright = Image.new("L", (192, 96), 255)
    upright.paste(0, (0, 0, 96, 48))  # dark: upper left
    upright.paste(128, (96, 48, 192, 96))  # grey: lower right
    turn, exif, target = TURNS[orientation], Image.Exif(), io.BytesIO()
    exif[0x0112] = orientation
    held = upright.convert(mode) if turn is None else upright.convert(mode).transpose(turn)
    held.save(target, kind, exif=exif)

    shown = ImageOps.exif_transpose(opened(shrink_image(target.getvalue(), 2_500))).convert("L")

    width, height = shown.size
    assert width == 2 * height
    corners = [shown.getpixel((width * x // 4, height * y // 4)) for x, y in ((1, 1), (3, 1), (1, 3), (3, 3))]
    assert corners == pytest.approx([0, 255, 255, 128], abs=25)


def test_an_orientation_that_is_none_is_not_noted() -> None:
    exif, target = Image.Exif(), io.BytesIO()
    exif[0x0112] = 99
    Image.new("RGB", (64, 48)).save(target, "JPEG", exif=exif)

    assert not opened(shrink_image(target.getvalue(), 5_000)).getexif()
