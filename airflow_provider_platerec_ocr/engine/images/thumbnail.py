"""A picture small enough to be one of fifty in a report: some 160 pixels wide and a few kilobytes, or none at all.

Nothing here raises: whoever shows a picture can do without. What a camera noted about place and time does not come
along. A photograph is decoded at an eighth of its size where its format allows that, and one that would need much
memory all the same is left out.
"""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

WIDTH, HEIGHT = 176, 132
"""Most pixels of a picture."""
MOST_PIXELS = 50_000_000
"""An image that claims more is left out."""
MOST_DECODED = 8_000_000
"""Pixels that are held in memory at a time: 24 MB of them."""
QUALITIES = (62, 45, 30, 18)
"""Tried in this order, until the picture is small enough."""
SHARES = (1.0, 0.7, 0.45)
"""Of its width and height, tried in this order where no quality makes it small enough."""
log = logging.getLogger(__name__)


def can_draw() -> bool:
    """Return whether Pillow is installed."""
    try:
        import PIL.Image  # noqa: F401  # whether it is there is the question
    except ImportError:
        return False
    return True


def thumbnail(content: bytes, most_bytes: int) -> bytes | None:
    """Return the image as a small JPEG of at most ``most_bytes``; ``None`` where none can be made of it."""
    if not can_draw():
        return None
    try:
        return _fitting(_small(content), most_bytes)
    except Exception as error:  # noqa: BLE001  # whatever a decoder meets in a broken file, the report goes without
        log.debug("No picture: %s: %s", type(error).__name__, error)
        return None


def _small(content: bytes) -> Image.Image:
    from PIL import Image, ImageOps

    with Image.open(io.BytesIO(content)) as opened:
        if opened.width * opened.height > MOST_PIXELS:
            message = f"{opened.width} x {opened.height} pixels are too many"
            raise ValueError(message)
        opened.draft("RGB", (2 * WIDTH, 2 * HEIGHT))
        if opened.width * opened.height > MOST_DECODED:
            message = "it cannot be decoded at less than its size"
            raise ValueError(message)
        upright = ImageOps.exif_transpose(opened)
        upright.thumbnail((WIDTH, HEIGHT))
        if upright.mode == "RGB":
            return upright
        clear = upright.convert("RGBA")
        white = Image.new("RGB", clear.size, "white")
        white.paste(clear, mask=clear.getchannel("A"))
        return white


def _fitting(picture: Image.Image, most_bytes: int) -> bytes | None:
    for share in SHARES:
        picture.thumbnail((round(WIDTH * share), round(HEIGHT * share)))
        for quality in QUALITIES:
            held = io.BytesIO()
            picture.save(held, "JPEG", quality=quality, optimize=True)
            if held.tell() <= most_bytes:
                return held.getvalue()
    return None
