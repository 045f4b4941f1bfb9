from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from airflow_provider_platerec_ocr.core.answer.retry_after import (
    LONGEST_WAIT_S,
    header,
    header_lines,
    retry_after_s,
)
from airflow_provider_platerec_ocr.core.backoff import DEFAULT_LEASE_S, Backoff, hold_s
from airflow_provider_platerec_ocr.core.settings import ClientSettings

NOW = datetime(2026, 3, 1, 22, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2", 2.0),
        (" 90 ", 90.0),
        ("1.5", 1.5),
        ("0", 0.0),
        ("86400", 86_400.0),
        ("90000", 90_000.0),
        ("1, 30", 30.0),
        ("Sun, 01 Mar 2026 22:00:30 GMT", 30.0),
        ("Sun, 01 Mar 2026 22:00:30 -0000", 30.0),
        ("Sunday, 01-Mar-26 22:00:30 GMT", 30.0),
        ("Sun Mar  1 22:00:30 2026", 30.0),
        ("Sun, 01 Mar 2026 21:00:00 GMT", 0.0),
        ("", None),
        ("-5", None),
        ("NaN", None),
        ("inf", None),
        ("1e12", None),
        ("1000000000000", None),
        ("1772402400", None),
        ("soon", None),
        ("Sun, 99 Foo 2026", None),
        ("Sun, 01 Mar 9999 22:00:30 GMT", None),
        ("Sun, 01 Mar 99999 22:00:30 GMT", None),
        ("²", None),
    ],
)
def test_the_header_says_how_long(value: str, expected: float | None) -> None:
    assert retry_after_s({"Retry-After": value}, "", NOW) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Request was throttled. Expected available in 2 seconds.", 2.0),
        ("Request was throttled. Expected available in 1 second.", 1.0),
        ("Please try again in 5 minutes.", 300.0),
        ("Retry after 1.5s", 1.5),
        ("wait 250 ms", 0.25),
        ("wait 500 milliseconds", 0.5),
        ("available in 2 h", 7200.0),
        ("available in 1 day", 86_400.0),
        ("available in 99999 days", None),
        ("Request was throttled.", None),
        ("The limit is 8 calls per second", None),
        ("try again later. 503 nginx", None),
        ("available in -5 seconds", None),
        ("", None),
    ],
)
def test_the_body_says_how_long_where_no_header_does(text: str, expected: float | None) -> None:
    assert retry_after_s({}, text, NOW) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("60s", 60.0),
        ("60 seconds", 60.0),
        ("500ms", 0.5),
        ("2 min", 120.0),
        ("1m30s", 90.0),
        ("5, Sun, 01 Mar 2026 22:01:00 GMT", 60.0),
        ("Sun, 01 Mar 2026 22:00:30 GMT, 120", 120.0),
        ("soon, 9", 9.0),
        ('"60"', 60.0),
        ("+60", 60.0),
        ("2026-03-01T22:01:00Z", 60.0),
        ("2026-03-01 22:01:00", 60.0),
        ("2026-03-01T23:01:00+01:00, 5", 60.0),
        ("2026-13-01T22:01:00Z", None),
        ("-1s", None),
        ("99999999s", None),
        ("60;comment=maintenance, 5", 60.0),
    ],
)
def test_the_header_may_hold_units_and_several_values(value: str, expected: float | None) -> None:
    assert retry_after_s({"Retry-After": value}, "", NOW) == expected


@pytest.mark.parametrize(("first", "second"), [("5", "60"), ("60", "5"), ("soon", "60s")])
def test_of_several_header_lines_the_longest_counts(first: str, second: str) -> None:
    lines = CIMultiDict([("Retry-After", first), ("retry-after", second)])

    assert retry_after_s(lines, "", NOW) == 60.0
    assert header_lines(lines, "RETRY-AFTER") == [first, second]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("try again in 5 seconds, or wait 10 minutes", 600.0),
        ("wait 10 minutes; available in 5 seconds", 600.0),
        ("available in 1 minute 30 seconds", 90.0),
        ("available in 1 hour, 2 minutes and 3 seconds", 3723.0),
        ("try again in 1h30m", 5400.0),
        ("retry in 5 seconds, 60 minutes is the window", 5.0),
    ],
)
def test_of_several_waits_in_a_text_the_longest_counts(text: str, expected: float) -> None:
    assert retry_after_s({}, text, NOW) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"retry_after": 30}, 30.0),
        ({"retry_after": 1.5}, 1.5),
        ({"retry_after": "30"}, 30.0),
        ({"retryAfter": "60s"}, 60.0),
        ({"error": {"Retry-After": 30}}, 30.0),
        ({"errors": [{"retry_after_seconds": 30}, {"retry_after_ms": 90_000}]}, 90.0),
        ({"retry_after": "Sun, 01 Mar 2026 22:00:30 GMT"}, 30.0),
        ({"error": {"details": [{"retryDelay": "39s"}]}}, 39.0),
        ({"retry_after": [5, "60s", None, {"retry_after": 7}]}, 60.0),
        ({"retry_after": {"seconds": 9}}, None),
        ({"retry_after": True}, None),
        ({"retry_after": -3}, None),
        ({"retry_after": float("inf")}, None),
        ({"retry_after": None}, None),
        ({"a": {"b": {"c": {"d": {"retry_after": 30}}}}}, None),
        ({"status": 429}, None),
        ([], None),
        (None, None),
    ],
)
def test_a_number_in_the_bodys_json_says_how_long(data: object, expected: float | None) -> None:
    assert retry_after_s({}, "", NOW, data=data) == expected


@pytest.mark.parametrize(("in_header", "in_text", "in_json"), [("7", 2, 3), ("2", 7, 3), ("2", 3, 7), ("soon", 7, 1)])
def test_of_header_text_and_json_the_longest_counts(in_header: str, in_text: int, in_json: int) -> None:
    text = f"Expected available in {in_text} seconds."

    assert retry_after_s({"retry-after": in_header}, text, NOW, data={"retry_after": in_json}) == 7.0


@pytest.mark.parametrize(
    ("asked", "held"), [(None, 0.0), (0.0, 0.0), (5.0, 5.0), (3600.0, 3600.0), (2_592_000, 3600.0)]
)
def test_a_wait_holds_an_account_for_an_hour_at_most(asked: float | None, held: float) -> None:
    assert hold_s(asked) == held


@pytest.mark.parametrize("nonsense", ["soon", "-1", "1000000000000"])
def test_the_body_counts_where_the_header_is_nonsense(nonsense: str) -> None:
    assert retry_after_s({"RETRY-AFTER": nonsense}, "Expected available in 2 seconds.", NOW) == 2.0


def test_a_date_is_measured_by_the_clock_of_the_server() -> None:
    headers = {"Retry-After": "Sun, 01 Mar 2026 23:00:30 GMT", "Date": "Sun, 01 Mar 2026 23:00:00 GMT"}

    assert retry_after_s(headers, "", NOW) == 30.0


def test_header_names_have_no_case() -> None:
    assert header({"Content-TYPE": " text/html "}, "content-type") == "text/html"
    assert header({}, "content-type") == ""


@given(st.text(max_size=30), st.text(max_size=60))
def test_whatever_the_server_says_a_wait_is_none_or_finite(value: str, text: str) -> None:
    wait = retry_after_s({"Retry-After": value}, text, NOW)

    assert wait is None or 0.0 <= wait <= LONGEST_WAIT_S


@given(st.integers(1, 10_000), st.floats(0, 1), st.none() | st.floats(0, LONGEST_WAIT_S))
def test_the_delay_is_never_earlier_than_asked(attempt: int, jitter: float, asked: float | None) -> None:
    backoff = Backoff(base_s=1, factor=2, cap_s=60)

    delay = backoff.delay_s(attempt, jitter=jitter, retry_after_s=asked)

    assert delay >= (asked or 0.0)
    assert delay <= max(60.0, asked or 0.0)
    assert delay >= 0.5


def test_the_delay_doubles_up_to_its_cap_however_many_attempts() -> None:
    backoff = Backoff(base_s=1, factor=2, cap_s=10)

    assert [backoff.delay_s(n, jitter=1) for n in (1, 2, 3, 4, 5, 5000, 10**9)] == [1, 2, 4, 8, 10, 10, 10]
    assert [backoff.delay_s(n, jitter=0) for n in (1, 2, 3)] == [0.5, 1, 2]
    assert backoff.delay_s(2, jitter=0.5) == 1.5


@pytest.mark.parametrize(("attempt", "jitter"), [(0, 0.5), (1, -0.1), (1, 1.1), (1, float("nan"))])
def test_a_wrong_attempt_or_jitter_is_refused(attempt: int, jitter: float) -> None:
    with pytest.raises(ValueError, match="counts from 1"):
        Backoff().delay_s(attempt, jitter=jitter)


def test_a_call_of_unknown_outcome_is_left_alone_for_the_lease_of_the_default_settings() -> None:
    assert ClientSettings().lease_s == DEFAULT_LEASE_S
