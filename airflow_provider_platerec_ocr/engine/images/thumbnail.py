"""A picture small enough to be one of fifty in a report: under 200 pixels wide and a few kilobytes, or none at all.

Nothing here raises: whoever shows a picture can do without. What a camera noted about place and time does not come
along. A photograph is decoded at an eighth of its size where its format allows that, and one that would need much
memory all the same is left out.
"""

from __future__ import annotations

import io
import logging
import threading
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.engine.images.preview import small_picture

if TYPE_CHECKING:
    from PIL import Image

SIDE = 176
"""Most pixels of a picture's longer side."""
MOST_PIXELS = 50_000_000
"""An image that claims more is left out."""
MOST_DECODED = 8_000_000
"""Pixels that are held in memory at a time: 24 MB of them."""
QUALITIES = (62, 45, 30, 18)
"""Tried in this order, until the picture is small enough."""
SHARES = (1.0, 0.7, 0.45)
"""Of its sides, tried in this order where no quality makes it small enough."""
_ONE_AT_A_TIME = threading.Lock()
"""An export must not grow by it, however many threads wait for their images."""
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
        with _ONE_AT_A_TIME:
            picture = small_picture(content, SIDE, most_pixels=MOST_PIXELS, most_decoded=MOST_DECODED)
        return _fitting(picture, most_bytes)
    except Exception as error:  # noqa: BLE001  # whatever a decoder meets in a broken file, the report goes without
        log.debug("No picture: %s: %s", type(error).__name__, error)
        return None


def _fitting(picture: Image.Image, most_bytes: int) -> bytes | None:
    for share in SHARES:
        picture.thumbnail((round(SIDE * share), round(SIDE * share)))
        for quality in QUALITIES:
            held = io.BytesIO()
            picture.save(held, "JPEG", quality=quality, optimize=True)
            if held.tell() <= most_bytes:
                return held.getvalue()
    return None
