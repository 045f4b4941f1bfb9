"""When an image was taken, as tables write it."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from airflow_provider_platerec_ocr.core.images.times import TimeFault, time_of

BERLIN = ZoneInfo("Europe/Berlin")
NO_ZONE, NO_TIME = TimeFault.NO_ZONE, TimeFault.NO_TIME


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("2026-03-01T22:15:00Z", "2026-03-01T22:15:00Z"),
        (" 2026-03-01T22:15:00Z ", "2026-03-01T22:15:00Z"),
        ("2026-03-01T22:15:00.250Z", "2026-03-01T22:15:00.250000Z"),
        ("2026-03-01T22:15:00.123456789Z", "2026-03-01T22:15:00.123456Z"),
        ("2026-03-01T23:15:00+01:00", "2026-03-01T22:15:00Z"),
        ("2026-03-01 22:15:00+00:00", "2026-03-01T22:15:00Z"),  # pandas
        ("2026-03-01 22:15:00+00", "2026-03-01T22:15:00Z"),  # DuckDB and PostgreSQL
        ("2026-03-01T22:15:00.000+0000", "2026-03-01T22:15:00Z"),
        ("2026-03-01 22:15:00 UTC", "2026-03-01T22:15:00Z"),  # BigQuery
        ("2026-03-01 22:15:00 gmt", "2026-03-01T22:15:00Z"),
        ("2026-03-01 9:15 UTC", "2026-03-01T09:15:00Z"),
        ("2026:03:01 22:15:00+00:00", "2026-03-01T22:15:00Z"),  # EXIF
        ("2026-03-01T23:15:00.000+01:00[Europe/Berlin]", "2026-03-01T22:15:00Z"),  # Java
        ("2026-03-01T22:15Z[UTC]", "2026-03-01T22:15:00Z"),
        ("1772403300", "2026-03-01T22:15:00Z"),
        ("1772403300.0", "2026-03-01T22:15:00Z"),
        ("1772403300.25", "2026-03-01T22:15:00.250000Z"),
        ("1772403300250", "2026-03-01T22:15:00.250000Z"),
        ("1772403300250000", "2026-03-01T22:15:00.250000Z"),
        ("1772403300250000000", "2026-03-01T22:15:00.250000Z"),
        (1772403300, "2026-03-01T22:15:00Z"),
        (1772403300250, "2026-03-01T22:15:00.250000Z"),  # pandas' to_json
        (1772403300.25, "2026-03-01T22:15:00.250000Z"),
        (Decimal("1772403300.250"), "2026-03-01T22:15:00.250000Z"),
        (datetime(2026, 3, 1, 22, 15, tzinfo=UTC), "2026-03-01T22:15:00Z"),
        (datetime(2026, 3, 1, 23, 15, tzinfo=timezone(timedelta(hours=1))), "2026-03-01T22:15:00Z"),
        (pd.Timestamp("2026-03-01T22:15:00Z"), "2026-03-01T22:15:00Z"),
    ],
)
def test_what_says_its_zone_needs_no_other(value: Any, said: str) -> None:
    assert time_of(value) == time_of(value, BERLIN) == said


@pytest.mark.parametrize(
    ("value", "in_berlin"),
    [
        ("2026-03-01T22:15:00", "2026-03-01T21:15:00Z"),
        ("2026-03-01 22:15", "2026-03-01T21:15:00Z"),
        ("2026:03:01 22:15:00", "2026-03-01T21:15:00Z"),
        ("2026-03-01 9:15", "2026-03-01T08:15:00Z"),
        ("2026-03-01", "2026-02-28T23:00:00Z"),
        ("20260301", "2026-02-28T23:00:00Z"),
        (20260301, "2026-02-28T23:00:00Z"),
        ("20260301221500", "2026-03-01T21:15:00Z"),
        ("20260301T221500", "2026-03-01T21:15:00Z"),
        (date(2026, 3, 1), "2026-02-28T23:00:00Z"),
        (datetime(2026, 3, 1, 22, 15), "2026-03-01T21:15:00Z"),  # noqa: DTZ001  # without a zone on purpose
        ("2026-07-01 22:15", "2026-07-01T20:15:00Z"),
        ("2026-10-25 02:30", "2026-10-25T00:30:00Z"),  # comes twice: the first
        ("2026-03-29 02:30", "2026-03-29T01:30:00Z"),  # never comes
    ],
)
def test_what_has_no_zone_takes_the_one_that_is_said(value: Any, in_berlin: str) -> None:
    assert time_of(value) is NO_ZONE
    assert time_of(value, BERLIN) == in_berlin
    assert time_of(value, UTC) == time_of(value, timezone.utc)  # noqa: UP017  # any zone will do


@pytest.mark.parametrize(
    "value",
    [
        *(
            "2026-03-01T22:15[Europe/Berlin]",
            "yesterday",
            "01.03.2026 22:15",
            "3/1/2026 22:15",
            "2026-13-01T22:00:00Z",
            "2026-02-30T00:00:00Z",
        ),
        *("46082.9270833333", "7", "-1772403300", "17724033002", "1712121212121212121212"),
        *(True, 7, -5, 46082.5, math.inf, Decimal("Infinity"), b"2026", [], {}, time(22, 15), timedelta(1)),
        "0001-01-01T00:00:00+05:00",
    ],
)
def test_what_cannot_be_understood_is_no_time(value: Any) -> None:
    assert time_of(value, BERLIN) is NO_TIME


@pytest.mark.parametrize("value", [None, "", "  ", "NaN", "NaT", "NULL", "None", "\\N", math.nan, pd.NaT, pd.NA])
def test_nothing_is_no_time_and_no_fault(value: Any) -> None:
    assert time_of(value) is None


def test_a_time_outside_the_calendar_in_its_own_zone_is_no_time() -> None:
    assert time_of("0001-01-01 00:00", BERLIN) is NO_TIME
    assert time_of(datetime(9999, 12, 31, 23), timezone(timedelta(hours=-3))) is NO_TIME  # noqa: DTZ001  # as above


def test_a_zone_that_does_not_say_its_offset_is_none() -> None:
    class Nowhere(tzinfo):
        def utcoffset(self, _: datetime | None) -> None:
            return None

        dst = tzname = utcoffset

    assert time_of(datetime(2026, 3, 1, tzinfo=Nowhere())) is NO_ZONE


@pytest.mark.parametrize("digits", ["1712121212121", "1711010112345", "2012010112345"])
def test_a_number_of_milliseconds_is_never_taken_for_a_day_in_another_century(digits: str) -> None:
    """ISO 8601's reader takes 1712-12-12 and any digit for the T out of the first."""
    assert str(time_of(digits)).startswith("20")
