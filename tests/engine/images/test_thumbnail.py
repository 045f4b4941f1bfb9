from __future__ import annotations

import io

import pytest
from PIL import Image

from airflow_provider_platerec_ocr.engine.images.thumbnail import SIDE, can_draw, thumbnail
from support.pictures import noise, picture


def opened(content: bytes | None) -> Image.Image:
    assert content is not None
    return Image.open(io.BytesIO(content))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP"])
def test_a_picture_is_small_and_keeps_its_shape(kind: str) -> None:
    found = thumbnail(picture(kind, (800, 400)), 4000)

    assert opened(found).format == "JPEG"
    assert opened(found).size == (SIDE, SIDE // 2)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA", "CMYK", "1"])
def test_any_kind_of_pixels_becomes_a_picture(mode: str) -> None:
    kind = "TIFF" if mode in {"CMYK", "1"} else "PNG"

    assert opened(thumbnail(picture(kind, mode=mode), 4000)).mode in {"L", "RGB"}


def test_what_is_transparent_is_white() -> None:
    target = io.BytesIO()
    Image.new("RGBA", (40, 30), (0, 0, 0, 0)).save(target, "PNG")

    assert opened(thumbnail(target.getvalue(), 4000)).getpixel((5, 5)) == (255, 255, 255)


def test_it_stands_upright_and_tells_nothing_of_the_camera() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "a camera that tells"

    found = thumbnail(picture(size=(400, 300), exif=exif), 4000)

    assert opened(found).size[1] == SIDE
    assert opened(found).size[0] < SIDE
    assert dict(opened(found).getexif()) == {}


def test_it_is_no_larger_than_it_may_be() -> None:
    found = thumbnail(noise(), 6_000)

    assert found is not None
    assert len(found) <= 6_000
    assert thumbnail(noise(), 100) is None


@pytest.mark.parametrize(
    "content", [b"", b"no image", picture()[:60], b"\x89PNG\r\n\x1a\n" + b"\0" * 50, b"\xff\xd8\xff"]
)
def test_what_is_no_whole_image_has_no_picture(content: bytes) -> None:
    assert thumbnail(content, 4000) is None


@pytest.mark.parametrize("size", [(10_000, 5_001), (4_000, 2_001)])
def test_an_image_that_would_need_much_memory_has_no_picture(size: tuple[int, int]) -> None:
    assert thumbnail(picture("PNG", size, mode="1"), 4000) is None


def test_pillow_is_there() -> None:
    assert can_draw()
