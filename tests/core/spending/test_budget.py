from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.models import Statistics
from airflow_provider_platerec_ocr.core.spending.budget import (
    Budget,
    Pace,
    account_day,
    exhausted,
    pace_limit,
    parse_reset,
    period_key,
)

NOW = datetime(2026, 3, 1, 22, tzinfo=UTC)
COUNTS = st.integers(0, 10_000)


@pytest.mark.parametrize(
    ("budget", "allowance", "reason"),
    [
        (Budget(500), 500, "quota, 500 calls left, 500 allowed."),
        (Budget(500, reserve=100), 400, "500 calls left, reserve 100, 400"),
        (
            Budget(500, reserve=100, reserved_by_others=150),
            250,
            "500 calls left, reserve 100, 150 reserved by other runs, 250 allowed",
        ),
        (Budget(50, reserve=100), 0, "0 allowed"),
        (Budget(-5), 0, "quota, 0 calls left"),
        (Budget(500, daily_limit=500), 500, "quota, 500 calls left"),
        (
            Budget(500, daily_limit=200, spent_today=80),
            120,
            "daily_limit 200, 80 spent today, 120 more allowed",
        ),
        (Budget(500, daily_limit=200, spent_today=300), 0, "daily_limit 200, 300 spent today, 0 more"),
        (
            Budget(500, daily_limit=200, spent_today=80, reserved_by_others=20, reserved_today_by_others=20),
            100,
            "80 spent today, 20 reserved by other runs, 100 more",
        ),
        (Budget(500, reserved_by_others=100, daily_limit=450), 400, "100 reserved by other runs"),
    ],
)
def test_the_tightest_limit_binds_and_is_named(budget: Budget, allowance: int, reason: str) -> None:
    assert budget.allowance() == allowance
    assert reason in budget.reason()


RESET = datetime(2026, 3, 11, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("budget", "allowance", "reason"),
    [
        (
            Budget(1000, pace=Pace.of(1000, NOW, RESET)),
            100,
            "pace 100 calls a day (10 nights until the reset on 2026-03-11), 0 spent today, 100 more allowed.",
        ),
        (
            Budget(970, spent_today=30, reserved_today_by_others=20, pace=Pace.of(1000, NOW, RESET)),
            50,
            "30 spent today, 20 reserved by other runs, 50 more allowed.",
        ),
        (
            Budget(1000, daily_limit=80, pace=Pace.of(1000, NOW, RESET)),
            80,
            "daily_limit 80, 0 spent today, 80 more",
        ),
        (Budget(1000, daily_limit=100, pace=Pace.of(1000, NOW, RESET)), 100, "daily_limit 100,"),
        (Budget(1000, daily_limit=101, pace=Pace.of(1000, NOW, RESET)), 100, "pace 100 calls a day"),
        (Budget(0, pace=Pace.of(0, NOW, RESET)), 0, "quota, 0 calls left"),
        (Budget(7, pace=Pace.of(7, NOW, NOW + timedelta(hours=2))), 7, "quota, 7 calls left"),
        (
            Budget(60, reserve=40, pace=Pace.of(20, NOW, NOW + timedelta(hours=25))),
            10,
            "pace 10 calls a day (2 nights until the reset on 2026-03-02), 0 spent today, 10 more",
        ),
        (
            Budget(1000, pace=Pace(1, 1, NOW)),
            1,
            "pace 1 call a day (1 night until the reset on 2026-03-01), 0 spent today, 1 more",
        ),
    ],
)
def test_the_pace_is_a_daily_limit_of_its_own_and_the_smaller_binds(
    budget: Budget, allowance: int, reason: str
) -> None:
    assert budget.allowance() == allowance
    assert reason in budget.reason()


@pytest.mark.parametrize("resets_on", [None, NOW, NOW - timedelta(days=300)])
def test_a_pace_without_a_reset_spreads_over_the_longest_period(resets_on: datetime | None) -> None:
    pace = Pace.of(310, NOW, resets_on)

    assert (pace.calls, pace.nights, pace.until) == (10, 31, None)
    assert str(pace) == "pace 10 calls a day (31 nights; the API does not say when the quota starts anew)"


@given(st.integers(-10, 10_000), COUNTS, st.none() | COUNTS, COUNTS, COUNTS)
def test_no_run_may_touch_the_reserve_or_pass_the_day(
    remaining: int, reserve: int, daily_limit: int | None, spent_today: int, others: int
) -> None:
    allowance = Budget(remaining, reserve, daily_limit, spent_today, others).allowance()

    assert allowance >= 0
    assert allowance == 0 or allowance + others + reserve <= remaining
    assert daily_limit is None or allowance == 0 or allowance + spent_today <= daily_limit


@pytest.mark.parametrize("name", ["reserve", "daily_limit", "spent_today", "reserved_by_others"])
def test_a_negative_limit_is_refused_by_name(name: str) -> None:
    wrong: dict[str, Any] = {name: -1}
    with pytest.raises(OCRConfigError, match=f"{name} must be 0 or more"):
        Budget(remaining=10, **wrong)


def test_the_quota_is_exhausted_at_the_reserve() -> None:
    assert exhausted(Statistics(calls=100, total_calls=100))
    assert not exhausted(Statistics(calls=99, total_calls=100))
    assert exhausted(Statistics(calls=90, total_calls=100), reserve=10)
    assert not exhausted(Statistics(calls=89, total_calls=100), reserve=10)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-20T00:00:00Z", datetime(2026, 3, 20, tzinfo=UTC)),
        ("2026-03-20T00:00:00+02:00", datetime(2026, 3, 19, 22, tzinfo=UTC)),
        ("2026-03-20T00:00:00", datetime(2026, 3, 20, tzinfo=UTC)),
        ("2026-03-20", datetime(2026, 3, 20, tzinfo=UTC)),
        ("2025-03-20T00:00:00Z", None),
        ("2026-03-01T22:00:00Z", None),
        ("0001-01-01T00:00:00+05:00", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_a_reset_in_the_past_or_garbage_is_unknown(text: str | None, expected: datetime | None) -> None:
    assert parse_reset(text, NOW) == expected


@pytest.mark.parametrize(
    ("remaining", "resets_on", "expected"),
    [
        (100, None, None),
        (100, NOW - timedelta(seconds=1), None),
        (100, NOW, None),
        (100, NOW + timedelta(hours=1), 100),
        (100, NOW + timedelta(days=10), 10),
        (100, NOW + timedelta(days=10, hours=1), 10),
        (10, NOW + timedelta(days=3), 4),
        (0, NOW + timedelta(days=3), 0),
        (-5, NOW + timedelta(days=3), 0),
    ],
)
def test_what_is_left_is_spread_over_the_nights(
    remaining: int, resets_on: datetime | None, expected: int | None
) -> None:
    assert pace_limit(remaining, NOW, resets_on) == expected


@given(st.integers(0, 100_000), st.integers(1, 40 * 86_400))
def test_keeping_the_pace_lasts_until_the_reset(remaining: int, seconds: int) -> None:
    now, resets_on, left = NOW, NOW + timedelta(seconds=seconds), remaining
    first = pace_limit(left, now, resets_on)
    while now < resets_on:
        tonight = pace_limit(left, now, resets_on)
        assert tonight is not None
        assert first is not None
        assert tonight <= first
        left -= tonight
        now += timedelta(days=1)

    assert left == 0


def test_the_day_is_the_accounts_utc_day() -> None:
    assert account_day(datetime(2026, 3, 2, 1, tzinfo=timezone(timedelta(hours=2)))) == "2026-03-01"


@pytest.mark.parametrize(
    ("statistics", "key"),
    [
        (Statistics(1, 2, month=3, year=2026, resets_on="2026-03-20T00:00:00Z"), "until-2026-03-20"),
        (Statistics(1, 2, month=2, year=2026, resets_on="2025-03-20T00:00:00Z"), "2026-02"),
        (Statistics(1, 2, month=2), "2026-03"),
        (Statistics(1, 2), "2026-03"),
    ],
)
def test_all_runs_of_a_period_agree_on_its_name(statistics: Statistics, key: str) -> None:
    assert period_key(statistics, NOW) == key
