"""How long to wait before the next attempt: what the API asked for, else an exponential of our own.

Pure: the present and the jitter are handed in. Nothing here decides *whether* to try again, that is the error's class.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

LONGEST_WAIT_S = 31 * 86_400.0
"""A longer ``Retry-After`` (31 days, the longest period of an account) is a mistake, such as epoch seconds."""

_NUMBER = r"\d+(?:\.\d+)?"
_SECONDS = re.compile(rf"{_NUMBER}(?:\s*,\s*{_NUMBER})*")
_IN_TEXT = re.compile(
    rf"(?i)\b(?:available|retry|again|wait)\b[^\d-]{{0,40}}?({_NUMBER})\s*"
    r"(milliseconds?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|h|days?|d)\b"
)
_UNIT_S = {"m": 60.0, "h": 3600.0, "d": 86_400.0}


def header(headers: Mapping[str, str], name: str) -> str:
    """Return the header's value whatever the case of its name, stripped; empty where it is absent."""
    wanted = name.lower()
    return next((str(value).strip() for key, value in headers.items() if key.lower() == wanted), "")


def retry_after_s(headers: Mapping[str, str], detail: str, now: datetime) -> float | None:
    """Return the seconds the API asked to wait, or ``None`` where it did not say (or said nonsense).

    The header counts first (RFC 9110: seconds or an HTTP date), else a number in the body's text, as Django REST
    framework writes it: ``Expected available in 2 seconds.`` [sibling]; the header is [inferred]. A wait is never
    shortened: of several values the longest counts, a date is measured against the answer's own ``Date`` where it
    has one, and a value is either taken whole or, if it is negative, not a number, or beyond
    :data:`LONGEST_WAIT_S`, not at all.

    :param detail: the body's text, as :func:`.wire.error_detail` gives it.
    :param now: the present, aware.
    """
    value = header(headers, "Retry-After")
    if _SECONDS.fullmatch(value):
        seconds: float | None = max(float(part) for part in value.split(","))
    else:
        moment = _http_date(value)
        reference = _http_date(header(headers, "Date")) or now
        seconds = None if moment is None else max(0.0, (moment - reference).total_seconds())
    if seconds is None or seconds > LONGEST_WAIT_S:
        seconds = _from_text(detail)
    return seconds if seconds is not None and seconds <= LONGEST_WAIT_S else None


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _from_text(text: str) -> float | None:
    match = _IN_TEXT.search(text)
    if match is None:
        return None
    unit = match.group(2).lower()
    if unit == "ms" or unit.startswith("milli"):
        return float(match.group(1)) / 1000
    return float(match.group(1)) * _UNIT_S.get(unit[0], 1.0)


@dataclass(frozen=True, slots=True)
class Backoff:
    """An exponential with jitter that never comes earlier than asked."""

    base_s: float = 1.0
    """Longest wait after the first attempt."""
    factor: float = 2.0
    """How much longer each further wait may be."""
    cap_s: float = 60.0
    """Longest wait of our own; what the API asks for is not capped."""

    def delay_s(self, attempt: int, *, jitter: float, retry_after_s: float | None = None) -> float:
        """Return the seconds to wait after the failed ``attempt``.

        Our own wait lies between half and the whole of ``base_s * factor ** (attempt - 1)``, so that a crowd that
        failed together does not come back together, and nobody comes back at once.

        :param attempt: number of the attempt that failed, from 1.
        :param jitter: 0 to 1, drawn anew each time.
        :param retry_after_s: what the API asked for; the result is never less.
        """
        if attempt < 1 or not 0.0 <= jitter <= 1.0:
            message = f"attempt counts from 1 and jitter lies in 0 to 1, not {attempt!r} and {jitter!r}"
            raise ValueError(message)
        try:
            longest = min(self.cap_s, self.base_s * float(self.factor) ** (attempt - 1))
        except OverflowError:
            longest = self.cap_s
        return max(longest * (0.5 + jitter / 2), retry_after_s or 0.0)
