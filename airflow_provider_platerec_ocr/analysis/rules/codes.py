"""One code as it is compared: the same normal form, and the same knowledge of its check digit, on both sides."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from airflow_provider_platerec_ocr.core.identifiers import (
    TRAILER,
    VIN,
    check_code,
    iso6346_check_digit,
    size_behind,
    vin_check_digit,
)

CACHED = 500_000
"""Codes whose form is remembered, some 250 bytes each: an analysis asks for each several times."""
_VIN_LENGTH = 17
_PLAIN = re.compile(r"[^A-Z0-9]")
_VIN = re.compile(r"[A-HJ-NPR-Z0-9]{17}")
_CONTAINER = re.compile(r"[A-Z]{3}[UJZABDEK][0-9]{7}")
_CHECK_AT = 8
_STEM = re.compile(r"[A-Z]{3}[UJZ][0-9]{6}")
"""A container's number without its check digit (ISO 6346), as many systems store it."""


@dataclass(frozen=True, slots=True)
class Code:
    """A code in the form in which it is compared."""

    key: str
    """Capital letters and digits, whatever stood between them; empty for a code without any."""
    system: str | None
    """``vin``, ``bic``, ``ilu``, or ``None``: it has no check digit."""
    check_digit_ok: bool | None
    """Whether its check digit fits; ``None`` where the system is not known."""

    @property
    def checked(self) -> bool:
        """Whether its check digit speaks for it."""
        return bool(self.check_digit_ok)


@lru_cache(maxsize=CACHED)
def code_of(text: str) -> Code:
    """Return a code as it is compared.

    A list of units does not say what kind each is, so the code itself does: 17 characters that a VIN can have are one,
    four letters and seven digits a container; anything else is a fleet's own number. In it, ``ECHB 211-650`` and
    ``echb211650`` are the same. A container with country and size has 17 characters, too, and is no VIN where no check
    digit says so.
    """
    may_be_vin = len(text) >= _VIN_LENGTH or not (text.isascii() and text.isalnum())  # a night has millions
    found = check_code(text, VIN) if may_be_vin else None
    if found is None or found.code_system is None or (not found.check_digit_ok and size_behind(text)):
        found = check_code(text, TRAILER)
    key = _PLAIN.sub("", found.code_normalized.upper())
    return Code(key, found.code_system, found.check_digit_ok)


def whole_container(key: str) -> str | None:
    """Return a container's number with its check digit where a list has it without; ``None`` for any other code."""
    return f"{key}{iso6346_check_digit(key)}" if _STEM.fullmatch(key) else None


def fits(key: str) -> bool:
    """Return whether a check digit speaks for a code that is in the form in which it is compared already.

    It is asked of each code that another one may be a misread of: of more than there are, so it remembers none.
    """
    if _VIN.fullmatch(key):
        return vin_check_digit(key) == key[_CHECK_AT]
    return bool(_CONTAINER.fullmatch(key)) and iso6346_check_digit(key[:-1]) == int(key[-1])
