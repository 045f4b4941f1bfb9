"""Making an image small enough to upload, and no smaller than that: every pixel given up is a character less sure.

Pillow is an optional dependency and is imported only when an image is really over the limit. The result is a JPEG of
the first frame that keeps the orientation a camera noted; other EXIF data, such as where it was taken, is left out.
"""

from __future__ import annotations

import io
import math
import threading
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.saying.counts import count_of

if TYPE_CHECKING:
    from PIL import Image

QUALITIES = (95, 90, 85, 80, 75, 70)
"""Tried at full size first: text survives compression better than scaling."""
_SCALED_QUALITY = 80
_SMALLEST_SIDE = 16
_ROUNDS = 12
_AIM = 0.97
_CLOSE_ENOUGH = 0.9
_ORIENTATION = 0x0112
_TURNED = range(2, 9)
"""Values of it that mean anything; 1 is upright."""
_ONE_AT_A_TIME = threading.Lock()
"""A decoded photograph takes 100 MB and more; many at once would break the worker's memory."""


class CannotShrinkError(Exception):
    """Pillow is missing, cannot read the image, or no acceptable size fits; the text says which."""


def shrink_image(content: bytes, max_bytes: int) -> bytes:
    """Return ``content`` as a JPEG of at most ``max_bytes``: the highest quality that fits, else scaled down, too.

    Raises :class:`CannotShrinkError`.
    """
    try:
        from PIL import Image
    except ImportError:
        message = "Pillow is not installed: pip install 'airflow-provider-platerec-ocr[images]'"
        raise CannotShrinkError(message) from None
    with _ONE_AT_A_TIME:
        try:
            with Image.open(io.BytesIO(content)) as opened:
                picture = as_rgb(opened)
                # Asked only now: of a TIFF, Pillow turns the pixels when it loads them, and takes the tag away.
                orientation = opened.getexif().get(_ORIENTATION, 1)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, MemoryError) as error:
            message = f"Pillow cannot read it: {error}"
            raise CannotShrinkError(message) from None
        return _fit(picture, max_bytes, orientation)


def as_rgb(opened: Image.Image) -> Image.Image:
    """Return the pixels as JPEG can hold them: grey or RGB, transparent parts white, 16 bits a pixel scaled to 8."""
    from PIL import Image

    if opened.mode in {"L", "RGB"}:
        opened.load()
        return opened.copy()
    if opened.mode.startswith("I"):
        return opened.convert("I").point(lambda value: value / 256).convert("L")
    if opened.mode in {"RGBA", "LA", "PA"} or "transparency" in opened.info:
        layer = opened.convert("RGBA")
        paper = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(paper, layer).convert("RGB")
    return opened.convert("RGB")


def _fit(picture: Image.Image, max_bytes: int, orientation: int) -> bytes:
    """Return the best JPEG that fits: by bisection over the qualities, then by scaling."""
    best = b""
    low, high = 0, len(QUALITIES)
    while low < high:
        middle = (low + high) // 2
        tried = _encode(picture, QUALITIES[middle], orientation)
        if len(tried) <= max_bytes:
            best, high = tried, middle
        else:
            low = middle + 1
    return best or _scale(picture, max_bytes, orientation)


def _scale(picture: Image.Image, max_bytes: int, orientation: int) -> bytes:
    """Return the largest scaled JPEG found in a few rounds: the size of a JPEG grows about as its pixels do."""
    factor, low, high, best = 1.0, 0.0, 1.0, b""
    size = len(_encode(picture, _SCALED_QUALITY, orientation))
    for _ in range(_ROUNDS):
        guess = factor * math.sqrt(_AIM * max_bytes / size)
        factor = guess if low < guess < high else (low + high) / 2
        width, height = (max(1, round(side * factor)) for side in picture.size)
        if min(width, height) < _SMALLEST_SIDE:
            break
        tried = _encode(picture.resize((width, height)), _SCALED_QUALITY, orientation)
        size = len(tried)
        if size > max_bytes:
            high = factor
        else:
            low, best = factor, max(best, tried, key=len)
            if size >= _CLOSE_ENOUGH * max_bytes:
                break
    if not best:
        message = f"no picture of {count_of(max_bytes, 'byte')} could still be read"
        raise CannotShrinkError(message)
    return best


def _encode(picture: Image.Image, quality: int, orientation: int) -> bytes:
    from PIL import Image

    exif = Image.Exif()
    if orientation in _TURNED:
        exif[_ORIENTATION] = orientation
    target = io.BytesIO()
    picture.save(target, "JPEG", quality=quality, optimize=True, exif=exif)
    return target.getvalue()
