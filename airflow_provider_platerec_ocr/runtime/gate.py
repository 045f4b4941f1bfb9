"""The rules of the quota gate, shared by the sensor and its trigger: open or not, and when to ask again. Pure.

The statistics call costs nothing, so the gate may ask as often as it likes; it asks seldom all the same, since nothing
changes before the reset unless somebody buys calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.backoff import hold_s
from airflow_provider_platerec_ocr.core.errors import (
    OCRCallError,
    OCRConfigError,
    OCRNotEnabled,
    OCRStop,
)
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.core.spending.budget import parse_reset

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.errors import (
        OCRError,
        OCRForbidden,
    )
    from airflow_provider_platerec_ocr.core.models import Statistics

LONGEST_WAIT_S = 6 * 3600.0
"""Even with a known reset the gate asks this often: a larger plan frees calls at once."""
AFTER_RESET_S = 2.0
"""Seconds after the reset at which the gate asks, since two clocks never agree."""
JUST_RESET_S = 600.0
"""So long after a reset that did not come yet, the gate still asks every :data:`SOON_S`."""
SOON_S = 60.0
"""Pause after a failed call, and around a reset."""
_SHORTEST_WAIT_S = 1.0
_EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate makes of one answer."""

    open: bool
    """Whether enough calls are left."""
    wait_s: float
    """Seconds until it makes sense to ask again; 0 where it is open."""
    message: str
    """One sentence for the log."""


@dataclass(frozen=True, slots=True)
class Gate:
    """How many calls must be left, and how patiently to wait for them."""

    min_remaining: int = 1
    """Calls that must be left, above the reserve."""
    reserve: int = 0
    """Calls that are kept for others."""
    poll_s: float = 1800.0
    """Pause between two questions where nobody knows when calls come back."""

    def __post_init__(self) -> None:
        """Refuse numbers that could never mean anything."""
        for name, value, low in (("min_remaining", self.min_remaining, 1), ("reserve", self.reserve, 0)):
            if isinstance(value, bool) or not isinstance(value, int) or value < low:
                message = f"{name} must be a whole number of calls from {low} up, not {value!r}."
                raise OCRConfigError(message)

    def judge(self, statistics: Statistics, now: datetime) -> Verdict:
        """Return what to make of the account's usage at ``now`` (aware).

        :raises OCRStop: the plan has fewer calls per period than the gate asks for, so it could never open.
        """
        needed = self.min_remaining + self.reserve
        state = (
            f"{statistics.calls:,} of {count_of(statistics.total_calls, 'call')} used, {statistics.remaining:,} left"
        )
        if statistics.remaining >= needed:
            return Verdict(open=True, wait_s=0.0, message=f"The gate is open: {state}, {needed:,} needed.")
        if statistics.total_calls < needed:
            message = (
                f"The gate can never open: {count_of(needed, 'call')} needed (min_remaining {self.min_remaining}, "
                f"reserve {self.reserve}) and the plan has {statistics.total_calls} a period. Lower "
                "them, or enlarge the plan."
            )
            raise OCRStop(message)
        wait_s, until = self._wait(announced_reset(statistics), now)
        message = f"The gate is closed: {state}, {needed:,} needed; {until}. Next look in {_span(wait_s)}."
        return Verdict(open=False, wait_s=wait_s, message=message)

    def _wait(self, reset: datetime | None, now: datetime) -> tuple[float, str]:
        if reset is None:
            return max(self.poll_s, _SHORTEST_WAIT_S), "nobody says when they come back"
        until_s = (reset - now).total_seconds()
        if until_s > 0:
            return min(until_s + AFTER_RESET_S, LONGEST_WAIT_S), f"they come back on {reset:%Y-%m-%d %H:%M} UTC"
        soon = -until_s < JUST_RESET_S
        return max(min(SOON_S, self.poll_s) if soon else self.poll_s, _SHORTEST_WAIT_S), "the announced reset is past"

    def wait_after(self, error: OCRError) -> float:
        """Return the seconds to wait after a statistics call that failed in passing; as asked, at most an hour."""
        asked_s = hold_s(getattr(error, "retry_after_s", None))
        return max(min(SOON_S, self.poll_s), asked_s, _SHORTEST_WAIT_S)


def is_final(error: OCRError) -> bool:
    """Return whether a failed statistics call will fail again until a person changes something."""
    return isinstance(error, (OCRStop, OCRConfigError)) or not isinstance(error, OCRCallError)


def name_refusal(error: OCRForbidden) -> OCRNotEnabled:
    """Return what a 403 of the *statistics* means: it costs no call, so it is not the quota that forbids it."""
    message = (
        f"OCR is not enabled for this account ({error.status}: {error.detail or 'no reason given'}). "
        "Enable it at https://app.platerecognizer.com/, or put another account's token into the connection."
    )
    return OCRNotEnabled(message, **error.attributes)


def announced_reset(statistics: Statistics) -> datetime | None:
    """Return the time of the reset in UTC, past or not; ``None`` where it is missing or no time."""
    return parse_reset(statistics.resets_on, _EVER)


def as_xcom(statistics: Statistics) -> dict[str, Any]:
    """Return the statistics as the sensor hands them on: the API's numbers and what is left."""
    return {**statistics.to_json(), "remaining": statistics.remaining}


def _span(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
