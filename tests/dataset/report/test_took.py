from __future__ import annotations

import pytest

from airflow_provider_platerec_ocr.dataset.report.took import Took

BEGIN, END = "2026-03-01T22:00:00Z", "2026-03-01T22:10:00.5Z"


@pytest.mark.parametrize(
    ("calls", "rate", "slowest", "limit"),
    [
        (800, 8.0, 31.25, 131.2),
        (0, 8.0, None, None),
        (800, None, 31.25, None),
        (800, 8.0, None, None),
        (800, 0.0, 31.25, None),
    ],
)
def test_the_least_a_run_can_take_is_its_calls_at_the_rate_and_the_slowest(
    calls: int, rate: float | None, slowest: float | None, limit: float | None
) -> None:
    took = Took.of(BEGIN, END, calls=calls, rate_per_s=rate, slowest_call_s=slowest)

    assert took.limit_s == limit
    assert took.seconds == 600.5


@pytest.mark.parametrize(("begin", "end"), [("", END), (BEGIN, None), (END, BEGIN), (BEGIN, "tomorrow")])
def test_a_time_that_is_not_known_is_none(begin: str, end: str | None) -> None:
    assert Took.of(begin, end, calls=1, rate_per_s=1.0, slowest_call_s=1.0).to_json()["seconds"] is None
