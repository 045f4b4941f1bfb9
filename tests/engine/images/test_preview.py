from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from PIL import Image

from airflow_provider_platerec_ocr.engine.images.preview import NoPreviewError, make_preview
from support.pictures import noise, picture

SAMPLE = Path(__file__).parents[3] / "dags" / "sample_images" / "trailer_turned_12.jpg"


def shown(content: bytes, side: int = 64) -> Image.Image:
    return Image.open(io.BytesIO(make_preview(content, side)))


def test_a_photograph_becomes_small() -> None:
    small = shown(SAMPLE.read_bytes(), 240)

    assert (small.format, max(small.size)) == ("JPEG", 240)
    assert not small.getexif()


def corners(turned: int, kind: str = "JPEG") -> bytes:
    """A picture, 64 by 32, whose upper left quarter is white once it is turned as its EXIF says."""
    upright = Image.new("L", (64, 32), 0)
    upright.paste(255, (0, 0, 32, 16))
    how = Image.Transpose
    back = {
        2: how.FLIP_LEFT_RIGHT,
        3: how.ROTATE_180,
        4: how.FLIP_TOP_BOTTOM,
        5: how.TRANSPOSE,
        6: how.ROTATE_90,
        7: how.TRANSVERSE,
        8: how.ROTATE_270,
    }
    exif = Image.Exif()
    exif[0x0112] = turned
    target = io.BytesIO()
    (upright.transpose(back[turned]) if turned in back else upright).save(target, kind, exif=exif)
    return target.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize("turned", range(1, 10))
def test_a_picture_is_upright(turned: int, kind: str) -> None:
    small = shown(corners(turned, kind)).convert("L")

    assert small.size == (64, 32)
    assert [int(small.getpixel(at)) // 128 for at in ((8, 4), (56, 4), (8, 28), (56, 28))] == [1, 0, 0, 0]  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP", "TIFF", "WEBP"])
def test_every_kind_of_image_is_shown(kind: str) -> None:
    assert shown(picture(kind)).format == "JPEG"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "cannot be shown as an image"),
        (b"<svg/>", "cannot be shown as an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "cannot be shown as an image"),
        (noise()[:9_000], "cannot be shown as an image"),
        (picture("PNG", (9_000, 9_000), "1"), "too many pixels"),
        (picture("PNG", (10_000, 9_500), "1"), "too many pixels"),
        (picture("PNG", (20_000, 20_000), "1"), "too many pixels"),
    ],
    ids=["empty", "svg", "eps", "cut", "81 million", "95 million", "400 million"],
)
def test_what_cannot_be_shown_says_why(content: bytes, why: str) -> None:
    with pytest.raises(NoPreviewError, match=why):
        make_preview(content, 64)


def test_without_pillow_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    content = picture()
    monkeypatch.setitem(sys.modules, "PIL", None)

    with pytest.raises(NoPreviewError, match=r"airflow-provider-platerec-ocr\[images\]"):
        make_preview(content, 64)
