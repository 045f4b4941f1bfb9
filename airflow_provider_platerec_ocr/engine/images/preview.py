"""A small picture of an image, for people who look at many: upright, a JPEG, and without anything else of the file.

Whatever is wrong with an image, or too much of it, is a sentence and no error of another kind. Pillow is an optional
dependency and is imported only here and for shrinking; of its many formats only those that are sent are opened.
"""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.engine.images.shrink import as_rgb

if TYPE_CHECKING:
    from PIL import Image

SMALL, LARGE = 240, 1200
"""Pixels of the longer side: in a gallery, and of one image by itself."""
MAX_PIXELS = 80_000_000
"""An image with more is not decoded: it would take gigabytes. Cameras of phones have up to 50 million."""
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
_QUALITY = 78
_ORIENTATION = 0x0112
_AT_A_TIME = threading.BoundedSemaphore(2)
"""A decoded photograph takes 100 MB and more."""


class NoPreviewError(Exception):
    """There is no picture to show; the text says why, in a few words for a person, and holds nothing of the file."""


def make_preview(content: bytes, side: int) -> bytes:
    """Return ``content`` as a JPEG whose longer side has at most ``side`` pixels, turned as its EXIF says.

    :raises NoPreviewError: Pillow is missing, or cannot make one.
    """
    try:
        from PIL import Image
    except ImportError:
        message = "pictures need Pillow: pip install 'airflow-provider-platerec-ocr[images]'"
        raise NoPreviewError(message) from None
    with _AT_A_TIME:
        try:
            target = io.BytesIO()
            small_picture(content, side).save(target, "JPEG", quality=_QUALITY)
            return target.getvalue()
        except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError):
            message = "too many pixels to show"
        except Exception:  # noqa: BLE001  # decoders raise whatever a broken file makes them
            message = "the file cannot be shown as an image"
    raise NoPreviewError(message)


def small_picture(
    content: bytes, side: int, *, most_pixels: int = MAX_PIXELS, most_decoded: int = MAX_PIXELS
) -> Image.Image:
    """Return an image's pixels, RGB and upright, the longer side at most ``side``.

    Whatever Pillow raises comes through, ``DecompressionBombError`` for an image of too many pixels among it.

    :param most_pixels: that it may claim.
    :param most_decoded: that may be in memory at a time: a JPEG is decoded at a fraction of its size.
    """
    from PIL import Image

    Image.init()
    known = [each for each in _FORMATS if each in Image.OPEN]
    with Image.open(io.BytesIO(content), formats=known) as opened:
        if opened.width * opened.height > most_pixels:
            raise Image.DecompressionBombError
        opened.draft("RGB", (2 * side, 2 * side))
        if opened.width * opened.height > most_decoded:
            raise Image.DecompressionBombError
        picture = as_rgb(opened)
        # Asked only now: of a TIFF, Pillow turns the pixels when it loads them, and takes the tag away.
        orientation = opened.getexif().get(_ORIENTATION, 1)
    picture.thumbnail((side, side))
    turn = _turns().get(orientation)
    return picture if turn is None else picture.transpose(turn)


def _turns() -> dict[int, Image.Transpose]:
    """Return what brings an image upright, by the value of its EXIF's orientation."""
    from PIL import Image

    how = Image.Transpose
    return {
        2: how.FLIP_LEFT_RIGHT,
        3: how.ROTATE_180,
        4: how.FLIP_TOP_BOTTOM,
        5: how.TRANSPOSE,
        6: how.ROTATE_270,
        7: how.TRANSVERSE,
        8: how.ROTATE_90,
    }
