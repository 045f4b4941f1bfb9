"""Picking the VIN or the trailer number out of everything that was read off an image.

Rules learnt from real photographs: the check digit of a VIN ranks candidates and is never demanded (most of the world's
VINs carry none) nor used to repair; a container code must look like one and is best when ISO 6346 agrees; weights,
volumes, size and type codes, DOT and phone numbers are not trailer numbers. Pure; knows no engine.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.sandbox.ocr.codes import (
    CONTAINER_LENGTH,
    VIN_LENGTH,
    is_container_checked,
    is_vin_checked,
)
from airflow_provider_platerec_ocr.sandbox.ocr.lines import Run, runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from airflow_provider_platerec_ocr.sandbox.ocr.lines import Line

_VIN_REPAIRS = str.maketrans("IOQ", "100")
_VIN_LABEL = re.compile(r"\b(?:V\W?[I1]\W?N|CHASSIS|FRAME|FIN|NO|NR|NUMBER)\b\W*", re.IGNORECASE)
_VIN = re.compile(r"[A-HJ-NPR-Z0-9]{13}[0-9]{4}")

_TO_LETTER = str.maketrans("015826", "OISBZG")
_TO_DIGIT = str.maketrans("OQDISBZGT", "000158267")
_OWNER_LETTERS = 4
_SERIAL_DIGITS = 6
_FLEET = (
    re.compile(r"[A-Z]{1,4}\d{3,7}[A-Z]?"),
    re.compile(r"\d{4,8}"),
    re.compile(r"\d{1,3}[A-Z]{1,2}\d{3,6}"),
)
_SIZE_TYPE = re.compile(r"[1-9LMP][0-9CDEFLMNP][A-Z0-9][0-9A-Z]")
_MEASURE = re.compile(
    r"\bK[GQ]S?\b|\bL[BE8]S?\b|CU\W?\s*(?:M|FT|CAP)|GROSS|TARE|\bNET\b|PAYLOAD|\bCAP\b|\bMAX|\bM\.?G\.?W|\bFT\b|HIGH|CAUTION"
    r"|\d[.,]\d{3}|\d\s*(?:KG|LB|CU)|['\"\u2032\u2033\u201d]",
    re.IGNORECASE,
)
_OTHER_NUMBER = re.compile(
    r"\bUS\s?DOT|\bDOT\b|\bMC\W?\d|\d{3}\W\d{3}\W\d{4}|WWW|\.COM|\bTEL|\bCALL\b|\bPH\b|LOAD|PSI|\bTIRE|ISO|\bMFD|\bGVWR|\bGAWR",
    re.IGNORECASE,
)


class Rank(IntEnum):
    """How good a candidate is; lower is better."""

    CHECKED = 0
    """The check digit is right."""
    PLAIN = 1
    """The shape is right."""
    PARTIAL = 2
    """Four letters and six digits: a container code without its check digit, or a fleet's own number."""
    FLEET = 3
    """A shorter number, as fleets choose them."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One code an image might show."""

    code: str
    """Upper case, no blanks."""
    rank: Rank
    """How good it is."""
    run: Run
    """Where it was read."""

    @property
    def order(self) -> tuple[float, ...]:
        """Sort key, best first: rank; of fleet numbers the largest; then fewest pieces and surest reading."""
        size = -self.run.size if self.rank is Rank.FLEET else 0.0
        return (self.rank, size, -len(self.code), len(self.run.pieces), -self.run.score)


def pick(lines: Sequence[Line], type_: str) -> Candidate | None:
    """Pick the best code of a type (``vin``; anything else counts as ``trailer_id``); None when there is none."""
    found = _vins(lines) if type_ == "vin" else _trailers(lines)
    return min(found, key=lambda candidate: candidate.order, default=None)


def _plain(text: str) -> str:
    """Upper case, with the wide forms that the engine gives for stacked letters made plain."""
    return unicodedata.normalize("NFKC", text).upper()


def _squeezed(text: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", _plain(text))


def _vins(lines: Sequence[Line]) -> Iterator[Candidate]:
    for run in runs(lines):
        for code in vins_in(run.text):
            yield Candidate(code, Rank.CHECKED if is_vin_checked(code) else Rank.PLAIN, run)


def vins_in(text: str) -> Iterator[str]:
    """Give what may be a VIN in a text: 17 characters that end in four digits, after the safe repairs (I, O, Q).

    A text that is longer gives the part after a label such as ``VIN:``, and single words of 17 characters.
    """
    upper = _plain(text)
    for part in dict.fromkeys((upper, _VIN_LABEL.sub("", upper), *upper.split())):
        code = _squeezed(part).translate(_VIN_REPAIRS)
        if len(code) == VIN_LENGTH and _VIN.fullmatch(code):
            yield code


def _trailers(lines: Sequence[Line]) -> Iterator[Candidate]:
    all_runs = list(runs(lines))
    for run in all_runs:
        code = _squeezed(run.text)
        candidate = _container(code, run) or _fleet(code, run)
        if candidate:
            yield candidate
    yield from _two_rows(all_runs)


def _container(code: str, run: Run) -> Candidate | None:
    """Read four letters and six or seven digits, letting look-alikes pass for each other only if the check agrees."""
    if len(code) == CONTAINER_LENGTH:
        repaired = code[:_OWNER_LETTERS].translate(_TO_LETTER) + code[_OWNER_LETTERS:].translate(_TO_DIGIT)
        for shaped in (code, repaired):
            if is_container_checked(shaped):
                return Candidate(shaped, Rank.CHECKED, run)
    owner, serial = code[:_OWNER_LETTERS], code[_OWNER_LETTERS:]
    if not (owner.isalpha() and serial.isdigit()) or _MEASURE.search(run.text):
        return None
    if len(serial) == _SERIAL_DIGITS + 1:
        return Candidate(code, Rank.PLAIN, run)
    return Candidate(code, Rank.PARTIAL, run) if len(serial) == _SERIAL_DIGITS else None


def _fleet(code: str, run: Run) -> Candidate | None:
    text = _plain(run.text)
    if _MEASURE.search(text) or _OTHER_NUMBER.search(text) or _SIZE_TYPE.fullmatch(code):
        return None
    return Candidate(code, Rank.FLEET, run) if any(shape.fullmatch(code) for shape in _FLEET) else None


def _two_rows(all_runs: Iterable[Run]) -> Iterator[Candidate]:
    """Join an owner code with a serial number written elsewhere, if the check digit agrees and both stand together."""
    texts = [(_squeezed(run.text), run) for run in all_runs]
    owners = [(text, run) for text, run in texts if len(text) == _OWNER_LETTERS and text.isalpha() and text[3] in "UJZ"]
    serials = [(text, run) for text, run in texts if len(text) == _SERIAL_DIGITS + 1 and text.isdigit()]
    for owner, above in owners:
        for serial, below in serials:
            if is_container_checked(owner + serial):
                yield Candidate(owner + serial, Rank.CHECKED, Run(above.pieces + below.pieces, below.orientation))
