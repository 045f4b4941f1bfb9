"""Why a person should look at a read. Pure: the codes of one read go in, reasons come out.

The order in which a queue shows reads, and what counts as doubtful, is decided here alone, for the form, the page and
whoever asks from a DAG.
"""

from __future__ import annotations

import csv
import difflib
import io
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.identifiers import VIN, check_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CONFIDENT = 0.8
"""Confidence from which on nobody is asked, unless another one is given."""
_WITH_CHECK_DIGIT = frozenset("12345")
"""First characters of the VINs that must have a check digit: those of North America (49 CFR 565)."""
_NEAR = 0.75
"""How like a code of the list one must be to be offered in its place, 0 to 1."""


class Doubt(StrEnum):
    """Why a person should look."""

    CHECK_DIGIT = "check_digit"
    """The check digit does not fit, and the code is of a kind that must have one."""
    CONFIDENCE = "confidence"
    """The API was not sure."""
    SEVERAL = "several"
    """The image has more than one identifier."""
    UNEXPECTED = "unexpected"
    """It is not what the list of expected codes has, or something else than it has for this image."""


SAID = {
    Doubt.CHECK_DIGIT: "check digit does not fit",
    Doubt.CONFIDENCE: "low confidence",
    Doubt.SEVERAL: "several identifiers",
    Doubt.UNEXPECTED: "not expected",
}
"""The reasons in words."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A list of the codes that should be there, such as a gate's bookings."""

    codes: frozenset[str] = frozenset()
    """Normalized."""
    by_image: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The same of single images, by name, where the list says them."""

    @classmethod
    def of(cls, codes: Iterable[str | tuple[str | None, str]], type_: str = VIN) -> Self:
        """Return the list of codes, or of pairs of an image and its code.

        :param type_: as which they are normalized.
        """
        every: set[str] = set()
        of_images: dict[str, set[str]] = {}
        for each in codes:
            image, code = (None, each) if isinstance(each, str) else each
            normalized = check_code(code, type_).code_normalized
            every.add(normalized)
            if image:
                of_images.setdefault(image, set()).add(normalized)
        return cls(frozenset(every), {image: frozenset(some) for image, some in of_images.items()})

    @classmethod
    def read(cls, text: str, type_: str = VIN) -> Self:
        """Return the list in a CSV with a column ``code`` and, where there is one, ``image``; or one code a line.

        :raises OCRConfigError: a CSV of several columns has none called ``code``.
        """
        rows = [row for row in csv.reader(io.StringIO(text.removeprefix("\ufeff"))) if any(map(str.strip, row))]
        heads = [head.strip().lower() for head in rows[0]] if rows else []
        if "code" not in heads:
            if len(heads) > 1:
                message = f"The list of expected codes has the columns {', '.join(heads)}, and none is called code."
                raise OCRConfigError(message)
            return cls.of((row[0].strip() for row in rows), type_)
        at, image_at = heads.index("code"), heads.index("image") if "image" in heads else None
        found = []
        for row in rows[1:]:
            image = row[image_at].strip() if image_at is not None and image_at < len(row) else None
            if at < len(row) and row[at].strip():
                found.append((image, row[at].strip()))
        return cls.of(found, type_)

    def of_image(self, *names: str | None) -> frozenset[str] | None:
        """Return the codes that the list has for an image, by any of its names; ``None`` where it does not say."""
        return next((self.by_image[name] for name in names if name is not None and name in self.by_image), None)

    def nearest(self, code: str, *names: str | None) -> str | None:
        """Return the expected code that is most like ``code``, to be offered in its place; ``None`` for none."""
        wanted = self.of_image(*names)
        if wanted is not None and len(wanted) == 1:
            return next(iter(wanted))
        near = difflib.get_close_matches(code, sorted(wanted or self.codes), n=1, cutoff=_NEAR)
        return near[0] if near else None


@dataclass(frozen=True, slots=True)
class Criteria:
    """What needs eyes."""

    confidence_below: float | None = CONFIDENT
    """Codes that the API was less sure of; ``None``: whatever it says."""
    check_digit: bool = True
    """Codes whose check digit does not fit, where they must have one."""
    several: bool = True
    """Images with more than one identifier."""
    expected: Expected | None = None
    """Codes that are not on this list."""

    def __post_init__(self) -> None:
        """Refuse a confidence that is none."""
        if self.confidence_below is not None and not 0 <= self.confidence_below <= 1:
            message = f"confidence_below must be from 0 to 1, not {self.confidence_below!r}."
            raise OCRConfigError(message)


def must_have_check_digit(code_normalized: str | None, code_system: str | None) -> bool:
    """Return whether a check digit that does not fit is a fault, and not only a thing to know.

    Of VINs, those of North America alone must have one; containers and loading units all do.
    """
    if code_system == VIN:
        return (code_normalized or "")[:1] in _WITH_CHECK_DIGIT
    return code_system is not None


def doubts_of(code: Mapping[str, Any], number: int, criteria: Criteria) -> tuple[Doubt, ...]:
    """Return why a person should look at one row of the reads.

    :param code: the row: ``image``, ``image_name``, ``code_normalized``, ``code_system``, ``check_digit_ok`` and
        ``confidence``.
    :param number: how many identifiers its image has.
    """
    found = []
    normalized, system = code["code_normalized"], code["code_system"]
    if criteria.check_digit and code["check_digit_ok"] is False and must_have_check_digit(normalized, system):
        found.append(Doubt.CHECK_DIGIT)
    confidence, least = code["confidence"], criteria.confidence_below
    if least is not None and confidence is not None and confidence < least:
        found.append(Doubt.CONFIDENCE)
    if criteria.several and number > 1:
        found.append(Doubt.SEVERAL)
    if criteria.expected is not None and _is_unexpected(code, criteria.expected):
        found.append(Doubt.UNEXPECTED)
    return tuple(found)


def _is_unexpected(code: Mapping[str, Any], expected: Expected) -> bool:
    normalized = code["code_normalized"]
    wanted = expected.of_image(code["image"], code["image_name"])
    if wanted is not None:
        return normalized not in wanted  # also where nothing was found
    return normalized is not None and normalized not in expected.codes
