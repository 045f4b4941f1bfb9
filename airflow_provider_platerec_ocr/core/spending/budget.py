"""How many calls a run may spend, and how what is left lasts until the quota starts anew.

Pure: the statistics and the present are handed in. The period is the account's own, not the calendar's month, and the
day of the daily limit is the account's UTC day.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.saying.counts import count_of

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.models import Statistics

LONGEST_PERIOD = timedelta(days=31)
"""A period of the quota is a month [doc]; where nobody says when it ends, the longest is taken."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Today's share of a quota that is to last until it starts anew."""

    calls: int
    """Most calls of today, those already spent today included."""
    nights: int
    """Nights that the quota is spread over, tonight's included."""
    until: datetime | None = None
    """When the quota starts anew, in UTC; ``None`` where the API does not say, and a whole period is taken."""

    @classmethod
    def of(cls, left_this_morning: int, now: datetime, resets_on: datetime | None) -> Pace:
        """Return the share of today of what was left when the day began, without the reserve.

        Where nobody knows the reset, :data:`LONGEST_PERIOD` is taken: nothing is spent too early, at the price that
        some of the quota may be left in the end.
        """
        until = resets_on if resets_on is not None and resets_on > now else None
        end = until or now + LONGEST_PERIOD
        return cls(pace_limit(left_this_morning, now, end) or 0, _nights(now, end), until)

    def __str__(self) -> str:
        """Return the limit in words, to begin a sentence with."""
        nights, calls = count_of(self.nights, "night"), count_of(self.calls, "call")
        if self.until is None:
            return f"pace {calls} a day ({nights}; the API does not say when the quota starts anew)"
        return f"pace {calls} a day ({nights} until the reset on {self.until:%Y-%m-%d})"


@dataclass(frozen=True, slots=True)
class Budget:
    """The limits that bind one run, in calls."""

    remaining: int
    """Calls left in the period, by the statistics."""
    reserve: int = 0
    """Calls that the run must leave for others, 0 or more."""
    daily_limit: int | None = None
    """Most calls of one account day, or ``None``."""
    spent_today: int = 0
    """Calls that were spent today already, where a daily limit or a pace is set."""
    reserved_by_others: int = 0
    """Calls of this period that other live runs hold reservations for and have not made yet."""
    reserved_today_by_others: int = 0
    """Those of them that were reserved today; they count against the daily limit and the pace."""
    pace: Pace | None = None
    """Today's share of what is left of the period, or ``None``; the smaller of it and the daily limit binds."""

    def __post_init__(self) -> None:
        """Refuse limits that would give more than there is."""
        for name in ("reserve", "daily_limit", "spent_today", "reserved_by_others", "reserved_today_by_others"):
            value = getattr(self, name)
            if value is not None and value < 0:
                message = f"{name} must be 0 or more, not {value!r}."
                raise OCRConfigError(message)

    def allowance(self) -> int:
        """Return how many calls the run may plan, 0 or more."""
        day = self._of_day()
        return max(0, self._of_period() if day is None else min(self._of_period(), day))

    def reason(self) -> str:
        """Return which limit binds, as what follows ``Limit:`` in the log and the report."""
        day = self._of_day()
        if day is not None and day < self._of_period():
            held = (
                f", {self.reserved_today_by_others:,} reserved by other runs" if self.reserved_today_by_others else ""
            )
            return f"{self._daily()[1]}, {self.spent_today:,} spent today{held}, {self.allowance():,} more allowed."
        kept = f", reserve {self.reserve:,}" if self.reserve else ""
        kept += f", {self.reserved_by_others:,} reserved by other runs" if self.reserved_by_others else ""
        return f"quota, {count_of(max(0, self.remaining), 'call')} left{kept}, {self.allowance():,} allowed."

    def _of_period(self) -> int:
        return self.remaining - self.reserve - self.reserved_by_others

    def _of_day(self) -> int | None:
        most = self._daily()[0]
        return None if most is None else most - self.spent_today - self.reserved_today_by_others

    def _daily(self) -> tuple[int | None, str]:
        """Return the tighter of the day's two limits, and its name."""
        limit = self.daily_limit
        if self.pace is not None and (limit is None or self.pace.calls < limit):
            return self.pace.calls, str(self.pace)
        return limit, f"daily_limit {limit:,}" if limit is not None else ""


def exhausted(statistics: Statistics, reserve: int = 0) -> bool:
    """Return whether no call may be made: none is left above the reserve."""
    return statistics.remaining <= reserve


def parse_reset(text: str | None, now: datetime) -> datetime | None:
    """Return when the counter starts anew, in UTC, or ``None`` where that is not known.

    A time in the past says nothing: the document's own example has one [doc]. A time without a zone is the API's,
    whose times are UTC.
    """
    try:
        moment = datetime.fromisoformat((text or "").strip())
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if moment > now else None


def pace_limit(remaining: int, now: datetime, resets_on: datetime | None) -> int | None:
    """Return the most calls of one night that let ``remaining`` last until the reset, or ``None`` if it is unknown.

    Nights are counted in whole days from now, the last one begun included; what does not divide evenly is spent early.
    """
    if resets_on is None or resets_on <= now:
        return None
    return math.ceil(max(0, remaining) / _nights(now, resets_on))


def _nights(now: datetime, resets_on: datetime) -> int:
    return math.ceil((resets_on - now) / timedelta(days=1))


def account_day(now: datetime) -> str:
    """Return the account's day as ``YYYY-MM-DD``: its days are UTC days."""
    return now.astimezone(UTC).date().isoformat()


def period_key(statistics: Statistics, now: datetime) -> str:
    """Return a name for the account's present period, the same for all of its runs; fit for a file name.

    The day of the reset where it is known, since the period need not be the calendar's month; else the month that the
    statistics name; else the present one.
    """
    resets_on = parse_reset(statistics.resets_on, now)
    if resets_on is not None:
        return f"until-{resets_on.date().isoformat()}"
    if statistics.year and statistics.month:
        return f"{statistics.year:04d}-{statistics.month:02d}"
    return account_day(now)[:7]
