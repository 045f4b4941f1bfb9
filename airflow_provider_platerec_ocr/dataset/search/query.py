"""What is asked of a search, as a frozen value: made from arguments or from a form, and checked once.

Pure: no file is touched. What is not understood in a form is said in a sentence and left out, since a page must answer
whatever stands in its address; as arguments of a function the same is an error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum
from math import isfinite
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.identifiers import TRAILER, VIN, check_code
from airflow_provider_platerec_ocr.core.redact import shorten, whole_text
from airflow_provider_platerec_ocr.core.saying.counts import count_of

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST = 500
"""Characters of a text that is looked for; no code and no image's name that a person types is longer."""
_NO_SIGN = re.compile(r"[^A-Z0-9]+")


class CheckDigit(StrEnum):
    """What the check digit of a code says."""

    OK = "ok"
    """It fits."""
    FAILED = "failed"
    """It does not fit."""
    NONE = "none"
    """There is a code, and none applies to it."""


class SearchStatus(StrEnum):
    """What a read came to."""

    CODE = "code"
    """A code was found."""
    NO_CODE = "no_code"
    """The API found nothing."""
    UNREADABLE = "unreadable"
    """Its answer is kept, and this version cannot understand it."""
    CORRECTED = "corrected"
    """A person has corrected it, added a code or taken one back."""


@dataclass(frozen=True, slots=True)
class ReadQuery:
    """Which rows are looked for; each part that is given must fit, and what is empty asks nothing.

    :raises OCRConfigError: a part makes no sense; the message names it.
    """

    code: str = ""
    """A code or part of one; case counts for nothing, nor do marks and spaces. Found in the code as it was read, as it
    was normalized, and as a person corrected it."""
    image: str = ""
    """Part of the image's path, URI or URL, or of what the manifest calls it; the case of plain letters does not
    count."""
    camera: str = ""
    """The camera's id, whole."""
    fingerprint: str = ""
    """Of the content, whole."""
    whole_image: str = ""
    """The image's name as the column ``image`` has it, whole."""
    types: tuple[str, ...] = ()
    """Any of these."""
    since: date | None = None
    """First day of the run."""
    until: date | None = None
    """Last day of the run, itself included."""
    min_confidence: float | None = None
    """0 to 1; a read without a code has none and does not fit."""
    max_confidence: float | None = None
    """0 to 1, itself included."""
    check_digit: CheckDigit | None = None
    """As a person corrected it, where somebody did."""
    status: SearchStatus | None = None

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        for name in ("code", "image", "camera", "fingerprint", "whole_image"):
            text = getattr(self, name)
            if len(text) > LONGEST and name not in {"whole_image", "camera"}:
                message = f"{name} has {count_of(len(text), 'character')}; {LONGEST} at most can be looked for."
                raise OCRConfigError(message)
        for name in ("min_confidence", "max_confidence"):
            value = getattr(self, name)
            if value is not None and not (isfinite(value) and 0 <= value <= 1):
                message = f"{name} must be a number from 0 to 1, not {value}."
                raise OCRConfigError(message)
        for low, high in (("since", "until"), ("min_confidence", "max_confidence")):
            one, other = getattr(self, low), getattr(self, high)
            if one is not None and other is not None and one > other:
                message = f"{low} ({one}) comes after {high} ({other}): nothing lies between them."
                raise OCRConfigError(message)

    @property
    def asks_rows(self) -> bool:
        """Whether rows must be looked at; without, folders and the counts of files say it all."""
        texts = (self.code, self.image, self.camera, self.fingerprint, self.whole_image)
        given = (self.min_confidence, self.max_confidence, self.check_digit, self.status)
        return any(texts) or any(value is not None for value in given)

    @property
    def asks_code(self) -> bool:
        """Whether it asks for what a correction changes."""
        return bool(self.code) or self.check_digit is not None or self.status is not None

    def fits_day(self, day: date) -> bool:
        """Return whether the rows of a day are asked for."""
        return (self.since is None or day >= self.since) and (self.until is None or day <= self.until)

    def to_params(self) -> dict[str, str]:
        """Return it as the parameters of an address, without what is not asked; see :func:`query_of`."""
        names = {"types": "type", "whole_image": ""}
        given = {names.get(each.name, each.name): getattr(self, each.name) for each in fields(self)}
        return {
            name: ",".join(value) if isinstance(value, tuple) else str(value)
            for name, value in given.items()
            if name and value not in (None, "", ())
        }


@dataclass(frozen=True, slots=True)
class CodeNeedles:
    """Texts that are looked for in codes; any of them will do."""

    as_read: str
    """In the code as it was read, in capitals."""
    normalized: tuple[str, ...]
    """In the code as it was normalized."""


def code_needles(text: str) -> CodeNeedles:
    """Return what to look for, for a code or a part of one as a person types it: ``csqu 305438-3``, ``O`` for ``0``."""
    capitals = ascii_upper(" ".join(text.split()))
    whole = {check_code(text, kind).code_normalized for kind in (VIN, TRAILER)}
    found = {_NO_SIGN.sub("", capitals), *(each for each in whole if _NO_SIGN.search(each) is None)}
    return CodeNeedles(capitals, tuple(sorted(each for each in found if each)))


def ascii_upper(text: str) -> str:
    """Return plain letters in capitals and all else as it is, as Arrow's ``ascii_upper`` does."""
    return "".join(char.upper() if char.isascii() else char for char in text)


def ascii_lower(text: str) -> str:
    """Return plain letters in small and all else as it is, as Arrow's ``ascii_lower`` does."""
    return "".join(char.lower() if char.isascii() else char for char in text)


def query_of(params: Mapping[str, str]) -> tuple[ReadQuery, list[str]]:
    """Return the query that a form or an address says, and what of it was not understood, as sentences.

    Empty parts ask nothing. What is not understood is left out of the query.
    """
    given: dict[str, Any] = {}
    said: list[str] = []
    for name, read in _READERS.items():
        text = whole_text(params.get(name, "")).replace("\0", "").strip()
        if not text:
            continue
        try:
            given[_FIELDS.get(name, name)] = read(text)
        except ValueError:
            said.append(f"{name}: {shorten(text, 40)!r} is not understood; {_WANTED[name]} is. It is left out.")
    while True:
        try:
            return ReadQuery(**given), said
        except OCRConfigError as error:
            said.append(f"{error} It is left out.")
            wrong = str(error).partition(" ")[0]
            given.pop(wrong, None)


def filter_of(name: str, text: str) -> Any:
    """Return a filter's value as a person types it in a shell, such as ``80%`` for a confidence.

    :raises ValueError: it is not understood; its message says what is.
    """
    try:
        value = _READERS[name](whole_text(text).strip())
    except ValueError:
        message = f"must be {_WANTED[name]}, not {shorten(text, 40)!r}"
        raise ValueError(message) from None
    if value == ():
        message = f"names no type: {shorten(text, 40)!r}"
        raise ValueError(message)
    return value


def _share(text: str) -> float:
    """Return a confidence: 0.8, 0,8 or 80 %."""
    plain = text.replace(",", ".")
    return float(plain.removesuffix("%")) / 100 if plain.endswith("%") else float(plain)


def _types(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip().lower() for part in text.split(",") if part.strip()))


_TEXTS = ("code", "image", "camera", "fingerprint")
_DAYS: dict[str, Any] = dict.fromkeys(("since", "until"), date.fromisoformat)
_CHOICES: dict[str, Any] = {"check_digit": CheckDigit, "status": SearchStatus}
_READERS: dict[str, Any] = {
    **dict.fromkeys(_TEXTS, str),
    "type": _types,
    **_DAYS,
    **dict.fromkeys(("min_confidence", "max_confidence"), _share),
    **_CHOICES,
}
FILTERS = tuple(_READERS)
"""Names of all filters, in order: of an address, of ``find_reads`` and of the command ``reads``."""
_FIELDS = {"type": "types"}
"""Filters that the query has under another name."""
_WANTED = {
    **dict.fromkeys(("since", "until"), "a day such as 2026-03-01"),
    **dict.fromkeys(("min_confidence", "max_confidence"), "a number from 0 to 1"),
    "check_digit": f"one of {', '.join(CheckDigit)}",
    "status": f"one of {', '.join(SearchStatus)}",
}


def query_from(filters: Mapping[str, Any]) -> ReadQuery:
    """Return the query that arguments say; those that are ``None`` ask nothing.

    :param filters: by name, of :data:`FILTERS`: texts, ``type`` also as several, days also as dates.
    :raises OCRConfigError: one is not understood; the message names it.
    """
    given = {name: value for name, value in filters.items() if value is not None}
    return ReadQuery(**{_FIELDS.get(name, name): _argument(name, value) for name, value in given.items()})


def _argument(name: str, value: Any) -> Any:
    """Return an argument as the query has it."""
    if name == "type":
        return (value,) if isinstance(value, str) else tuple(value)
    if name in _TEXTS:
        text = whole_text(value)
        return text.strip() if name == "code" else text
    if name not in _CHOICES and not isinstance(value, str):
        return value  # a number, or a date
    try:
        return (_CHOICES | _DAYS)[name](value)
    except (KeyError, ValueError):
        message = f"{name} must be {_WANTED[name]}, not {value!r}."
        raise OCRConfigError(message) from None
