from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.models import (
    Identifier,
    Outcome,
    Owner,
    PlannedImage,
    Reason,
    Statistics,
    format_timestamp,
    is_for_good,
    parse_timestamp,
    to_utc,
)


def test_a_naive_timestamp_is_refused_with_both_ways_out() -> None:
    with pytest.raises(OCRConfigError, match=r"22:15:00Z for UTC, or e\.g\. .*\+02:00"):
        parse_timestamp("2026-03-01T22:15:00")


def test_an_aware_timestamp_is_converted_to_utc() -> None:
    assert format_timestamp(parse_timestamp("2026-03-01T22:15:00+02:00")) == "2026-03-01T20:15:00Z"
    assert format_timestamp(parse_timestamp(" 2025-03-22T13:26:01.683008Z ")) == "2025-03-22T13:26:01.683008Z"


def test_what_is_no_timestamp_is_refused_by_name() -> None:
    with pytest.raises(OCRConfigError, match="taken_at 'yesterday' is not an ISO 8601 time"):
        parse_timestamp("yesterday", "taken_at")


def test_a_timestamp_outside_the_calendar_is_refused_and_no_crash() -> None:
    with pytest.raises(OCRConfigError, match="outside the years"):
        parse_timestamp("0001-01-01T00:00:00+05:00")


@given(
    st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2200, 1, 1)),  # noqa: DTZ001  # zone drawn apart
    st.integers(-14 * 60, 14 * 60),
)
def test_writing_and_reading_keeps_the_moment(naive: datetime, offset_min: int) -> None:
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=offset_min)))

    written = format_timestamp(moment)

    assert written.endswith("Z")
    assert parse_timestamp(written) == moment
    assert to_utc(moment).tzinfo is UTC


@pytest.mark.parametrize(
    "value",
    [
        PlannedImage(row=1, image="/a.jpg", type="vin", uri="/a.jpg"),
        Identifier("12345", "horizontal", 0.8),
        Statistics(calls=55, total_calls=5000, month=3, year=2025, resets_on="2025-03-20T00:00:00Z"),
        Owner("dag", "run", "task", 3, 2),
        Outcome(row=1, image="/a.jpg", type="vin", status="read"),
    ],
)
def test_values_come_back_from_json_and_later_keys_are_left_aside(
    value: PlannedImage | Identifier | Statistics | Owner | Outcome,
) -> None:
    assert type(value).from_json({**value.to_json(), "added_later": 1}) == value


def test_calls_left_are_never_below_zero() -> None:
    assert Statistics(calls=55, total_calls=5000).remaining == 4945
    assert Statistics(calls=5001, total_calls=5000).remaining == 0


def test_a_task_knows_its_group_since_a_run_may_hold_several() -> None:
    assert Owner("dag", "run", "yard.ocr.plan").group == "yard.ocr"
    assert Owner("dag", "run", "plan").group == ""


@pytest.mark.parametrize(
    ("reason", "version", "for_good"),
    [
        (Reason.IMAGE_TRUNCATED, None, False),
        (Reason.IMAGE_TRUNCATED, "1-2", True),
        (Reason.API_REJECTED, None, True),
        (None, None, True),
    ],
)
def test_what_a_files_bytes_said_holds_for_good_only_of_a_version(
    reason: str | None, version: str | None, *, for_good: bool
) -> None:
    assert is_for_good(reason, version) is for_good
