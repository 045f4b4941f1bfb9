"""The reader that really reads: decodes the image, lets the OCR engine find lines of text, picks identifiers from them.

The only file that imports the engine (rapidocr on onnxruntime; the models are inside its wheel). Reads happen on one
thread of their own: the engine keeps settings between calls and is not safe to share. Knows nothing of HTTP.
"""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO
from itertools import product
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from PIL import Image, ImageOps
from rapidocr import RapidOCR

from airflow_provider_platerec_ocr.sandbox.ocr.code_picker import Rank, pick
from airflow_provider_platerec_ocr.sandbox.ocr.lines import Line
from airflow_provider_platerec_ocr.sandbox.ocr.reader import Identifier, NotAnImageError
from airflow_provider_platerec_ocr.sandbox.ocr.rescan import needs_second_look, strips_around

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from airflow_provider_platerec_ocr.sandbox.ocr.code_picker import Candidate
    from airflow_provider_platerec_ocr.sandbox.ocr.lines import Box

    Pixels = NDArray[np.uint8]

THIN = 2.5
"""An image this much longer than high gets a border, or the detector finds nothing in it."""
_LOWEST_SCORE = 0.3
_MAX_THREADS = 4
_STRIP_HEIGHT_PX = 96


class EngineReader:
    """Reads with rapidocr, one image at a time."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ocr")
        self._engine: RapidOCR | None = None

    async def start(self) -> None:
        """Load the models by reading a blank image with a word-sized bar on it."""
        blank = np.full((96, 320, 3), 255, np.uint8)
        blank[40:56, 60:260] = 0
        await asyncio.get_running_loop().run_in_executor(self._thread, self._lines, blank)

    async def close(self) -> None:
        """End the thread when its read is done."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    async def read(self, image: bytes, type_: str) -> list[Identifier]:
        """Read at most one identifier.

        :raises NotAnImageError: when Pillow cannot decode the whole image.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._read, image, type_)

    def _read(self, image: bytes, type_: str) -> list[Identifier]:
        pixels = decode(image)
        found = pick(self._lines(pixels), type_)
        if found and needs_second_look(found, type_):
            found = self._second_look(pixels, found, type_)
        if found is None:
            return []
        return [Identifier(found.code, found.run.orientation, round(found.run.score, 3))]

    def _load(self) -> RapidOCR:
        if self._engine is None:
            threads = min(_MAX_THREADS, os.cpu_count() or 1)
            self._engine = RapidOCR(
                params={
                    "Global.log_level": "critical",
                    "Global.text_score": _LOWEST_SCORE,
                    "EngineConfig.onnxruntime.intra_op_num_threads": threads,
                }
            )
        return self._engine

    def _lines(self, pixels: Pixels) -> list[Line]:
        """Find and read all lines. All three switches each time: the engine remembers them from call to call."""
        read: Any = self._load()(with_border(pixels), use_det=True, use_cls=True, use_rec=True)
        if read.boxes is None:
            return []
        return [
            Line(text, float(score), _box(corners))
            for corners, text, score in zip(read.boxes, read.txts, read.scores, strict=True)
        ]

    def _one_line(self, pixels: Pixels) -> list[Line]:
        """Read a strip as one line, without looking for boxes: finds digits in frames that the detector passes over."""
        read: Any = self._load()(pixels, use_det=False, use_cls=True, use_rec=True)
        height, width = pixels.shape[:2]
        return [Line(read.txts[0], float(read.scores[0]), ((0, 0), (width, 0), (width, height), (0, height)))]

    def _second_look(self, pixels: Pixels, found: Candidate, type_: str) -> Candidate:
        """Read the strip around a code again, widened; take the result only if its check digit is right."""
        strips = [cut_out(pixels, box) for box in strips_around(found)]
        for read, strip in product((self._one_line, self._lines), strips):
            again = pick(read(strip), type_)
            if again and again.rank is Rank.CHECKED and found.code in again.code:
                return replace(found, code=again.code, rank=again.rank)
        return found


def _box(corners: NDArray[np.float32]) -> Box:
    (a, b, c, d) = ((float(x), float(y)) for x, y in corners)
    return (a, b, c, d)


def decode(image: bytes) -> Pixels:
    """Decode to blue-green-red pixels, turned as EXIF says (the engine itself does not turn).

    :raises NotAnImageError: for anything Pillow cannot decode to the end.
    """
    try:
        with Image.open(BytesIO(image)) as opened:
            turned = ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise NotAnImageError(str(error)) from error
    return np.ascontiguousarray(np.asarray(turned)[:, :, ::-1])


def with_border(pixels: Pixels) -> Pixels:
    """Give a thin strip more height by repeating its edges."""
    height, width = pixels.shape[:2]
    if width <= THIN * height:
        return pixels
    pad = int(width / THIN - height) // 2 + 1
    return np.pad(pixels, ((pad, pad), (0, 0), (0, 0)), mode="edge")


def cut_out(pixels: Pixels, box: Box) -> Pixels:
    """Straighten the part of an image inside a box, scaled to a good height for reading."""
    width = np.hypot(box[1][0] - box[0][0], box[1][1] - box[0][1])
    height = np.hypot(box[3][0] - box[0][0], box[3][1] - box[0][1])
    size = (max(1, round(width * _STRIP_HEIGHT_PX / max(height, 1.0))), _STRIP_HEIGHT_PX)
    corners = np.array([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]], np.float32)
    turn = cv2.getPerspectiveTransform(np.array(box, np.float32), corners)
    cut: Any = cv2.warpPerspective(pixels, turn, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cut, np.uint8)
