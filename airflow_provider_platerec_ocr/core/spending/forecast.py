"""How long the quota lasts at the pace of this period so far. Pure: the statistics and the present are handed in."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.models import format_timestamp
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.core.spending.budget import parse_reset

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.models import Statistics

_DAY = timedelta(days=1)
_HORIZON_DAYS = 3650.0
"""A date further away than this means as much as none."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What becomes of the quota if the account goes on as it did in this period."""

    remaining: int
    """Calls left now."""
    calls_per_day: float | None = None
    """Average of this period so far, all users of the account; ``None`` where nobody knows when it began."""
    used_up_on: datetime | None = None
    """When the calls left are used up at that rate, UTC; ``None`` where they never are, or the rate is not known."""
    resets_on: datetime | None = None
    """When the quota starts anew, UTC; ``None`` where the API does not say."""

    @property
    def lasts(self) -> bool | None:
        """Whether the calls left last until the reset; ``None`` where that cannot be told."""
        if self.resets_on is None or (self.calls_per_day is None and self.remaining):
            return None
        return bool(self.remaining) and (self.used_up_on is None or self.used_up_on >= self.resets_on)

    def to_json(self) -> dict[str, Any]:
        """Return the forecast as JSON-ready data."""
        return {
            "calls_per_day": None if self.calls_per_day is None else round(self.calls_per_day, 1),
            "used_up_on": format_timestamp(self.used_up_on) if self.used_up_on else None,
            "resets_on": format_timestamp(self.resets_on) if self.resets_on else None,
            "lasts_until_reset": self.lasts,
        }

    def __str__(self) -> str:
        """Return the forecast as one sentence."""
        reset = f"the reset on {self.resets_on:%Y-%m-%d}" if self.resets_on else ""
        unknown = "the API does not say when the quota starts anew"
        if not self.remaining:
            return f"The quota is used up until {reset}." if reset else f"The quota is used up; {unknown}."
        if self.calls_per_day is None:
            return f"No forecast: {unknown}."
        per_day = round(self.calls_per_day)
        pace = count_of(per_day, "call") if per_day or not self.calls_per_day else "less than one call"
        rate = f"At {pace} a day, as in this period so far, what is left"
        if self.used_up_on is None:
            return f"{rate} lasts more than ten years."
        if not self.resets_on:
            return f"{rate} is used up on {self.used_up_on:%Y-%m-%d}; {unknown}."
        if self.lasts:
            return f"{rate} lasts until {reset}."
        days = count_of(round((self.resets_on - self.used_up_on) / _DAY), "day")
        return f"{rate} is used up on {self.used_up_on:%Y-%m-%d}, {days} before {reset}."


def forecast(statistics: Statistics, now: datetime) -> Forecast:
    """Return how long the calls left last, taken at ``now`` (aware).

    The period begins a month before its reset [inferred: the quota is monthly]; where the reset is not known, on the
    first of the month that the statistics name. A period younger than a day counts as a day old.
    """
    resets_on = parse_reset(statistics.resets_on, now)
    begun = _period_start(statistics, now, resets_on)
    if begun is None:
        return Forecast(statistics.remaining, resets_on=resets_on)
    per_day = statistics.calls / max(1.0, (now - begun) / _DAY)
    days = statistics.remaining / per_day if per_day else _HORIZON_DAYS + 1
    used_up = now.astimezone(UTC) + timedelta(days=days) if days <= _HORIZON_DAYS else None
    return Forecast(statistics.remaining, per_day, used_up, resets_on)


def _period_start(statistics: Statistics, now: datetime, resets_on: datetime | None) -> datetime | None:
    if resets_on is not None:
        begun = _month_before(resets_on)
        return begun if begun <= now else None
    try:
        begun = datetime(statistics.year or 0, statistics.month or 0, 1, tzinfo=UTC)
    except ValueError:
        return None
    return begun if begun <= now < begun + 2 * timedelta(days=31) else None


def _month_before(moment: datetime) -> datetime:
    year, month = (moment.year, moment.month - 1) if moment.month > 1 else (moment.year - 1, 12)
    return moment.replace(year=year, month=month, day=min(moment.day, calendar.monthrange(year, month)[1]))
