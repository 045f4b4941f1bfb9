from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_platerec_ocr.core import errors
from airflow_provider_platerec_ocr.core.models import Statistics
from airflow_provider_platerec_ocr.runtime.gate import Gate, announced_reset, as_xcom, is_final, name_refusal

NOW = datetime(2026, 3, 15, 12, 0, tzinfo=UTC)


def used(calls: int, resets_on: str | None = "2026-03-15T13:00:00Z", total: int = 100) -> Statistics:
    return Statistics(calls, total, 3, 2026, resets_on)


@pytest.mark.parametrize(
    ("gate", "calls", "is_open"),
    [
        (Gate(), 99, True),
        (Gate(), 100, False),
        (Gate(), 120, False),
        (Gate(min_remaining=10), 90, True),
        (Gate(min_remaining=10), 91, False),
        (Gate(min_remaining=10, reserve=5), 85, True),
        (Gate(min_remaining=10, reserve=5), 86, False),
    ],
)
def test_the_gate_is_open_while_enough_calls_are_left(gate: Gate, calls: int, *, is_open: bool) -> None:
    assert gate.judge(used(calls), NOW).open is is_open


@pytest.mark.parametrize(
    ("resets_on", "wait_s"),
    [
        ("2026-03-15T13:00:00Z", 3602),  # sleeps until the reset
        ("2026-03-15T14:00:00+01:00", 3602),
        ("2026-03-15T13:00:00", 3602),  # the API writes UTC
        ("2026-04-01T00:00:00Z", 6 * 3600),  # a larger plan could open it sooner
        ("2026-03-15T12:00:00Z", 60),  # the reset is due now: soon
        ("2026-03-15T11:51:00Z", 60),
        ("2026-03-15T11:50:00Z", 1800),  # announced, and did not come: gently
        ("2025-03-20T00:00:00Z", 1800),
        (None, 1800),
        ("", 1800),
        ("next month", 1800),
    ],
)
def test_a_closed_gate_sleeps_until_the_reset_and_polls_gently_where_it_is_unknown(
    resets_on: str | None, wait_s: float
) -> None:
    verdict = Gate().judge(used(100, resets_on), NOW)

    assert verdict.open is False
    assert verdict.wait_s == wait_s


def test_a_short_poll_interval_is_obeyed_but_never_becomes_a_busy_loop() -> None:
    assert Gate(poll_s=5).judge(used(100, "2026-03-15T11:59:00Z"), NOW).wait_s == 5
    assert Gate(poll_s=0).judge(used(100, None), NOW).wait_s == 1
    assert Gate(poll_s=0).judge(used(100, "2026-03-15T11:59:00Z"), NOW).wait_s == 1


def test_the_verdict_says_what_is_used_what_is_needed_and_when_it_looks_again() -> None:
    assert Gate(min_remaining=20, reserve=5).judge(used(90), NOW).message == (
        "The gate is closed: 90 of 100 calls used, 10 left, 25 needed; they come back on 2026-03-15 13:00 UTC. "
        "Next look in 1:00:02."
    )
    assert Gate().judge(used(55), NOW).message == "The gate is open: 55 of 100 calls used, 45 left, 1 needed."


def test_a_gate_that_the_plan_can_never_open_fails_at_once() -> None:
    with pytest.raises(errors.OCRStop, match=r"never open: 150 calls needed .*plan has 100 a period.*Lower them"):
        Gate(min_remaining=100, reserve=50).judge(used(0), NOW)


@pytest.mark.parametrize("numbers", [{"min_remaining": 0}, {"reserve": -1}, {"min_remaining": "5"}, {"reserve": True}])
def test_numbers_that_mean_nothing_are_refused(numbers: dict[str, Any]) -> None:
    with pytest.raises(errors.OCRConfigError, match="must be a whole number of calls from"):
        Gate(**numbers)


@pytest.mark.parametrize(
    ("error", "final"),
    [
        (errors.OCRUnauthorized("401"), True),
        (errors.OCRNotEnabled("403"), True),
        (errors.OCRWrongBaseURL("404"), True),
        (errors.OCRStop("no fields"), True),
        (errors.OCRConfigError("no token"), True),
        (errors.OCRLedgerError("not a call's error"), True),
        (errors.OCRNotSent("refused"), False),
        (errors.OCRUnavailable("502"), False),
        (errors.OCRRateLimited("429"), False),
        (errors.OCROutcomeUnknown("cut"), False),
    ],
)
def test_only_what_a_person_must_change_ends_the_waiting(error: errors.OCRError, *, final: bool) -> None:
    assert is_final(error) is final


def test_after_a_passing_failure_the_gate_asks_soon_but_never_earlier_than_asked() -> None:
    assert Gate().wait_after(errors.OCRUnavailable("502")) == 60
    assert Gate(poll_s=5).wait_after(errors.OCRNotSent("refused")) == 5
    assert Gate(poll_s=5).wait_after(errors.OCRRateLimited("429", retry_after_s=90.0)) == 90
    assert Gate(poll_s=0).wait_after(errors.OCRNotSent("refused")) == 1


def test_a_403_of_the_free_call_means_not_enabled() -> None:
    error = name_refusal(errors.OCRForbidden("403", status=403, detail="No."))

    assert type(error) is errors.OCRNotEnabled
    assert (error.status, error.detail) == (403, "No.")


def test_the_xcom_holds_the_numbers_and_what_is_left() -> None:
    assert as_xcom(used(55)) == {
        "calls": 55,
        "total_calls": 100,
        "month": 3,
        "year": 2026,
        "resets_on": "2026-03-15T13:00:00Z",
        "remaining": 45,
    }


def test_a_reset_is_read_in_any_zone() -> None:
    assert announced_reset(used(0, " 2026-03-15T14:00:00+02:00 ")) == datetime(2026, 3, 15, 12, tzinfo=UTC)
