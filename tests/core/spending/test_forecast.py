from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_platerec_ocr.core.models import Statistics
from airflow_provider_platerec_ocr.core.spending.forecast import Forecast, forecast

NOW = datetime(2026, 3, 11, tzinfo=UTC)
"""Ten days after the period began, where the reset is on the first of April."""
RESET = "2026-04-01T00:00:00Z"


def used(calls: int, total: int = 1000, resets_on: str | None = RESET, **more: int) -> Statistics:
    return Statistics(calls, total, resets_on=resets_on, **more)


@pytest.mark.parametrize(
    ("statistics", "lasts", "sentence"),
    [
        (
            used(500),
            False,
            (
                "At 50 calls a day, as in this period so far, what is left is used up on 2026-03-21, "
                "11 days before the reset on 2026-04-01."
            ),
        ),
        (
            used(200),
            True,
            "At 20 calls a day, as in this period so far, what is left lasts until the reset on 2026-04-01.",
        ),
        (used(0), True, "At 0 calls a day, as in this period so far, what is left lasts more than ten years."),
        (
            used(2),
            True,
            "At less than one call a day, as in this period so far, what is left lasts more than ten years.",
        ),
        (used(1000), False, "The quota is used up until the reset on 2026-04-01."),
        (
            used(1000, resets_on=None),
            None,
            "The quota is used up; the API does not say when the quota starts anew.",
        ),
        (used(10, resets_on=None), None, "No forecast: the API does not say when the quota starts anew."),
        (
            used(500, resets_on="2025-03-20T00:00:00Z", month=3, year=2026),
            None,
            (
                "At 50 calls a day, as in this period so far, what is left is used up on 2026-03-21; "
                "the API does not say when the quota starts anew."
            ),
        ),
    ],
)
def test_the_forecast_says_when_the_calls_are_used_up(
    statistics: Statistics, *, lasts: bool | None, sentence: str
) -> None:
    found = forecast(statistics, NOW)

    assert found.lasts is lasts
    assert str(found) == sentence


@pytest.mark.parametrize(
    ("statistics", "per_day"),
    [
        (used(30, resets_on="2026-03-31T00:00:00Z"), 30 / 11),  # a month before is the 28th of February
        (used(30, resets_on="2026-03-20T00:00:00Z"), 30 / 19),  # the period is the account's own
        (used(30, resets_on="2026-04-10T12:00:00Z"), 30.0),  # half a day old
        (used(70, resets_on="2026-04-11T00:00:00Z"), 70.0),  # begun this moment
        (used(30, resets_on="2026-05-30T00:00:00Z"), None),  # longer than a month: nobody knows when it began
        (used(30, resets_on=None, month=3, year=2026), 3.0),
        (used(30, resets_on=None, month=4, year=2026), None),
        (used(30, resets_on=None, month=12, year=2025), None),  # that period is over
        (used(30, resets_on=None, month=13, year=2026), None),
        (used(30, resets_on=None, month=3), None),
    ],
)
def test_the_rate_is_the_average_since_the_period_began(statistics: Statistics, per_day: float | None) -> None:
    assert forecast(statistics, NOW).calls_per_day == (None if per_day is None else pytest.approx(per_day))


def test_a_period_may_begin_in_the_year_before() -> None:
    found = forecast(used(40, resets_on="2026-01-10T00:00:00Z"), datetime(2025, 12, 30, tzinfo=UTC))

    assert found.calls_per_day == 2.0


def test_the_forecast_is_plain_data_for_the_report() -> None:
    assert forecast(used(500), NOW).to_json() == {
        "calls_per_day": 50.0,
        "used_up_on": "2026-03-21T00:00:00Z",
        "resets_on": "2026-04-01T00:00:00Z",
        "lasts_until_reset": False,
    }
    assert Forecast(5).to_json() == {
        "calls_per_day": None,
        "used_up_on": None,
        "resets_on": None,
        "lasts_until_reset": None,
    }


@given(st.integers(1, 100_000), st.integers(0, 100_000), st.integers(0, 30 * 24))
def test_what_is_said_to_last_does_last(calls: int, left: int, hours: int) -> None:
    start, reset = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
    now = start + timedelta(hours=hours)

    found = forecast(Statistics(calls, calls + left, resets_on=reset.isoformat()), now)

    assert found.calls_per_day is not None
    needed = found.calls_per_day * ((reset - now) / timedelta(days=1))
    assert found.lasts is (left > 0 and needed <= left) or abs(needed - left) < 1e-3
