"""When an image was taken, as tables write it: ISO text in its dialects, typed times, days, and seconds since 1970.

A manifest's time is never a reason not to read its image: what cannot be understood says so, and counts as unknown.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.images.facts import is_missing, says_nothing
from airflow_provider_platerec_ocr.core.models import format_timestamp

if TYPE_CHECKING:
    from datetime import tzinfo

_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_ZONE_WORD = re.compile(r"\s*(?:UTC|GMT|Z)$", re.IGNORECASE)
_NAMED_ZONE = re.compile(r"(Z|[-+]\d\d:?\d\d)\[[^\]]*\]$", re.IGNORECASE)
"""Java writes the name of the zone behind its offset."""
_SHORT_HOUR = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d:.*)")
_EXIF = re.compile(r"(\d{4}):(\d\d):(\d\d)(?=[ T])")
"""As cameras, and the programs that list what they wrote, divide a day."""
_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?")
_RUN_TOGETHER = re.compile(r"(\d{8})(\d{6})?")
_EPOCH = re.compile(r"\d{10}(\d{3}){0,3}(\.\d*)?")
_EPOCH_DIGITS = 10
"""Digits of the seconds since 1970 from 2001 to 2286; milli-, micro- and nanoseconds have three more each."""
_START = datetime(1970, 1, 1, tzinfo=UTC)


class TimeFault(Enum):
    """Why a time counts as unknown."""

    NO_ZONE = "has no time zone"
    """It is a time, but nothing says of which place."""
    NO_TIME = "is no time"
    """It cannot be understood, or lies outside the years 1 to 9999."""


def time_of(value: Any, zone: tzinfo | None = None) -> str | TimeFault | None:
    """Return a time as the API wants it (UTC, ISO 8601 with ``Z``), ``None`` where nothing is said, or why not.

    :param value: ISO 8601 text (with a blank for the ``T``, ``UTC`` for the ``Z``, a one-digit hour, or the colons
        of EXIF as well), a datetime, a date (its first moment), or a number: of 10 digits seconds, of 13, 16 or 19
        milli-, micro- or nanoseconds since 1970 in UTC, of 8 or 14 a day or a time without marks.
    :param zone: where the clock hangs of times that do not say so. Of an hour that comes twice the first is meant.
    """
    if isinstance(value, str):
        said = value.strip()
        if _UTC.fullmatch(said):
            return said if isinstance(_iso(said), datetime) else TimeFault.NO_TIME  # as most are: nothing to convert
        if says_nothing(said):
            return None
        found = _parsed(said)
    elif is_missing(value):
        return None
    elif isinstance(value, datetime):
        found = value
    elif isinstance(value, date):
        found = datetime(value.year, value.month, value.day)  # noqa: DTZ001  # the zone comes below
    elif isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        found = _parsed(f"{value:.6f}".rstrip("0").rstrip("."))
    else:
        return TimeFault.NO_TIME
    return found if isinstance(found, TimeFault) else _in_utc(found, zone)


def _in_utc(found: datetime, zone: tzinfo | None) -> str | TimeFault:
    if found.tzinfo is None or found.utcoffset() is None:
        if zone is None:
            return TimeFault.NO_ZONE
        found = found.replace(tzinfo=zone)
    try:
        return format_timestamp(found)
    except OCRConfigError:
        return TimeFault.NO_TIME


def _parsed(said: str) -> datetime | TimeFault:
    if _NUMBER.fullmatch(said):
        return _numbered(said)
    found = _iso(said)
    return _dialect(said) if found is TimeFault.NO_TIME else found


def _numbered(said: str) -> datetime | TimeFault:
    """Return the time behind a number; ISO 8601's own reader takes any digit for the ``T``."""
    if _EPOCH.fullmatch(said):
        whole, _, part = said.partition(".")
        fraction = f"{whole[_EPOCH_DIGITS:]}{part}"[:6].ljust(6, "0")
        return _START + timedelta(seconds=int(whole[:_EPOCH_DIGITS]), microseconds=int(fraction))
    together = _RUN_TOGETHER.fullmatch(said)
    return _iso("T".join(filter(None, together.groups()))) if together else TimeFault.NO_TIME


def _dialect(said: str) -> datetime | TimeFault:
    """Return a time in one of the forms that ISO 8601 does not have."""
    said = _EXIF.sub(r"\1-\2-\3", said)
    plain = _ZONE_WORD.sub("+00:00", _NAMED_ZONE.sub(r"\1", said))
    short = _SHORT_HOUR.fullmatch(plain)
    return _iso(f"{short[1]}T0{short[2]}" if short else plain)


def _iso(said: str) -> datetime | TimeFault:
    try:
        return datetime.fromisoformat(said)
    except ValueError:
        return TimeFault.NO_TIME
