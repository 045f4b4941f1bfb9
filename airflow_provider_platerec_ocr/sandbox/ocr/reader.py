"""Readers: what turns an image into identifiers.

Two of them: one that derives a code from the bytes, without decoding them, for load tests, and one that really reads
(``engine``). Neither knows of HTTP, money or time.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from airflow_provider_platerec_ocr.sandbox.ocr.codes import made_up_container, made_up_vin
from airflow_provider_platerec_ocr.sandbox.ocr.image_check import is_whole_image


class Orientation(StrEnum):
    """How the text runs, in the API's words."""

    HORIZONTAL = "horizontal"
    VERTICAL = "vertical"


@dataclass(frozen=True, slots=True)
class Identifier:
    """One code that was read."""

    code: str
    """The text, upper case, without blanks."""
    orientation: Orientation
    """How it runs."""
    confidence: float
    """0 to 1."""

    def as_result(self) -> dict[str, Any]:
        """Give the element of ``results`` in the API's answer."""
        props = {
            "code": [{"value": self.code}],
            "orientation": [{"value": self.orientation.value}],
            "confidence": self.confidence,
        }
        return {"identifier": {"type": "text", "props": props}}


class NotAnImageError(ValueError):
    """The bytes are no image, or not a whole one."""


class Reader(Protocol):
    """What the server asks of a reader."""

    async def read(self, image: bytes, type_: str) -> list[Identifier]:
        """Read all identifiers; an empty list is a normal answer.

        :raises NotAnImageError: for bytes that cannot be decoded.
        """

    async def start(self) -> None:
        """Load what is needed, so that the first read is not slower than the others."""

    async def close(self) -> None:
        """Let go of threads and models."""


class DeterministicReader:
    """The same bytes always give the same valid code; costs one hash."""

    async def read(self, image: bytes, type_: str) -> list[Identifier]:
        """Derive one identifier from the bytes.

        :raises NotAnImageError: judged by magic number and end marker alone.
        """
        if not is_whole_image(image):
            raise NotAnImageError
        return [made_up(hashlib.sha256(image).digest(), type_)]

    async def start(self) -> None:
        """Nothing to load."""

    async def close(self) -> None:
        """Nothing to let go of."""


def made_up(seed: bytes, type_: str) -> Identifier:
    """Make an identifier of a type from any bytes: a VIN or a container code with the right check digit."""
    code = made_up_vin(seed) if type_ == "vin" else made_up_container(seed)
    orientation = Orientation.VERTICAL if type_ != "vin" and seed[0] % 4 == 0 else Orientation.HORIZONTAL
    return Identifier(code, orientation, round(0.8 + seed[1] / 1280, 3))
