"""The sandbox's view of time, passed in everywhere so that a test can turn the clock by hand.

Knows nothing of accounts, limits or HTTP.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Clock:
    """Three ways of looking at time; each can be replaced."""

    monotonic: Callable[[], float] = time.monotonic
    """Seconds that never run backwards; what the rate limit and the call log measure with."""
    now: Callable[[], datetime] = _utc_now
    """The wall clock in UTC; what periods and time stamps are made of."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    """Waits that many seconds; what latency is made of."""


def iso(moment: datetime) -> str:
    """Write a moment as the API does: ``2025-03-22T13:26:01.683008Z``, without zero microseconds."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_iso(text: str) -> datetime:
    """Read an ISO 8601 moment; without an offset it is UTC, as the API's document says.

    :raises ValueError: for anything that is not a date with a time.
    """
    moment = datetime.fromisoformat(text.strip())
    if "T" not in text.strip().upper() and " " not in text.strip():
        msg = f"{text!r} has no time of day"
        raise ValueError(msg)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
