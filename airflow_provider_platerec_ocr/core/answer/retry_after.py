"""How long the API asked to wait: what a header, a body's JSON, or its text says, in each form that was seen.

Pure: the present is handed in. What to make of the wait is said in :mod:`~..backoff`.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_WAIT_S = 31 * 86_400.0
"""A longer ``Retry-After`` (31 days, the longest period of an account) is a mistake, such as epoch seconds."""

_NUMBER = r"\d+(?:\.\d+)?"
_UNIT = r"(?:milliseconds?|msecs?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d)(?![a-z])"
_SPAN = re.compile(rf"(?i)({_NUMBER})\s*({_UNIT})")
_SPANS = rf"{_NUMBER}\s*{_UNIT}(?:[\s,]*(?:and\s+)?{_NUMBER}\s*{_UNIT})*"
_WAIT = re.compile(rf"(?i)({_SPANS})|({_NUMBER})")
_IN_TEXT = re.compile(rf"(?i)\b(?:available|retry|again|wait)(?![a-z])[^\d-]{{0,40}}?({_SPANS})")
_DAY = r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?"
_DATE = re.compile(
    rf"(?i)\b{_DAY},?\s+(?:\d{{1,2}}[ -][a-z]{{3}}[ -]\d{{2,5}}\s+[\d:]+(?:\s*(?:gmt|utc|[+-]\d{{4}}))?"
    r"|[a-z]{3}\s+\d{1,2}\s+[\d:]+\s+\d{4,5})"
)
"""The three forms of an HTTP date (RFC 9110), wherever it stands: several header lines come joined by commas."""
_ISO = re.compile(r"\d{4}-\d\d-\d\d[T ][\d:.]+(?:Z|[+-][\d:]+)?", re.IGNORECASE)
"""What gateways write where RFC 9110 wants its own."""
_UNIT_S = {"m": 60.0, "h": 3600.0, "d": 86_400.0}
_KEYS = {
    "retryafter": 1.0,
    "retryafters": 1.0,
    "retryaftersec": 1.0,
    "retryaftersecs": 1.0,
    "retryafterseconds": 1.0,
    "retryafterms": 0.001,
    "retryaftermilliseconds": 0.001,
    "retrydelay": 1.0,
    "retryin": 1.0,
    "retryinseconds": 1.0,
    "availablein": 1.0,
    "waitseconds": 1.0,
}
"""Keys of a body's JSON that hold a wait, without case, hyphens and underscores, with the seconds of one."""
_DEEPEST = 4
"""How far into a body's JSON a wait is looked for."""


def header(headers: Mapping[str, str], name: str) -> str:
    """Return the header's value whatever the case of its name, stripped; the first of several, empty without one."""
    return next(iter(header_lines(headers, name)), "")


def header_lines(headers: Mapping[str, str], name: str) -> list[str]:
    """Return every line of a header, stripped, whatever the case of its name."""
    wanted = name.lower()
    return [str(value).strip() for key, value in headers.items() if key.lower() == wanted]


def retry_after_s(headers: Mapping[str, str], detail: str, now: datetime, *, data: Any = None) -> float | None:
    """Return the seconds the API asked to wait, or ``None`` where it did not say (or said nonsense).

    A wait may stand in the header (RFC 9110: seconds or an HTTP date; some write ``60s``), in a number of the body's
    JSON (``{"retry_after": 30}``), or in its text, as Django REST framework writes it: ``Expected available in
    2 seconds.`` [sibling]; the header is [inferred]. A wait is never shortened: of several values, lines and places
    the longest counts, a date is measured against the answer's own ``Date`` where it has one, and a value is either
    taken whole or, if it is negative, not a number, or beyond :data:`LONGEST_WAIT_S`, not at all.

    :param detail: the body's text, as :func:`~..wire.error_detail` gives it.
    :param now: the present, aware.
    :param data: the body's parsed JSON, if it is some.
    """
    reference = _http_date(header(headers, "Date")) or now
    found = [wait for line in header_lines(headers, "Retry-After") for wait in _waits(line, reference)]
    found += _in_json(data, reference, _DEEPEST)
    found += [_seconds(match.group(1)) for match in _IN_TEXT.finditer(detail)]
    return max((wait for wait in found if wait <= LONGEST_WAIT_S), default=None)


def _waits(text: str, reference: datetime) -> list[float]:
    """Return the waits of a header line or of a value in JSON: dates, and numbers with or without a unit."""
    found = [
        max(0.0, (moment - reference).total_seconds())
        for moment in (*map(_http_date, _DATE.findall(text)), *map(_iso_date, _ISO.findall(text)))
        if moment is not None
    ]
    for part in _DATE.sub("", text).split(","):
        match = _WAIT.fullmatch(part.partition(";")[0].strip(" \t\"'+"))
        if match is not None:
            found.append(_seconds(match.group(1)) if match.group(1) else float(match.group(2)))
    return found


def _in_json(data: Any, reference: datetime, depth: int) -> list[float]:
    if not depth or not isinstance(data, dict | list):
        return []
    found: list[float] = []
    for key, value in data.items() if isinstance(data, dict) else enumerate(data):
        unit_s = _KEYS.get(re.sub(r"[-_\s]", "", str(key)).lower())
        for each in value if unit_s is not None and isinstance(value, list) else [value]:
            if unit_s is not None and isinstance(each, int | float | str) and not isinstance(each, bool):
                found += [wait * unit_s for wait in _waits(str(each), reference)]
            else:
                found += _in_json(each, reference, depth - 1)
    return found


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _iso_date(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _seconds(text: str) -> float:
    """Return the seconds of ``1 minute 30 seconds``; a larger unit behind a smaller one is another wait."""
    total, last = 0.0, math.inf
    for number, name in _SPAN.findall(text):
        unit = name.lower()
        unit_s = 0.001 if unit.startswith(("ms", "milli")) else _UNIT_S.get(unit[0], 1.0)
        if unit_s >= last:
            break
        total, last = total + float(number) * unit_s, unit_s
    return total
