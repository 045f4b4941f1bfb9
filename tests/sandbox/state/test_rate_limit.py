"""The token bucket of an account."""

from __future__ import annotations

import pytest

from airflow_provider_platerec_ocr.sandbox.state.rate_limit import RateLimit


def test_without_a_rate_everything_starts_at_once() -> None:
    limit = RateLimit(None)
    assert [limit.start(0.0) for _ in range(1000)] == [0.0] * 1000


def test_the_burst_starts_at_once_and_the_next_is_told_its_wait() -> None:
    limit = RateLimit(2, burst=3)
    assert [limit.start(10.0) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert limit.start(10.0) == 0.5
    assert limit.start(10.25) == 0.25


def test_who_waits_as_told_may_start() -> None:
    limit = RateLimit(2, burst=1)
    limit.start(0.0)
    wait_s = limit.start(0.1)
    assert limit.start(0.1 + wait_s) == 0.0


def test_a_refused_start_takes_nothing() -> None:
    limit = RateLimit(1, burst=1)
    limit.start(0.0)
    for _ in range(50):
        assert limit.start(0.5) == 0.5
    assert limit.start(1.0) == 0.0


def test_no_more_than_the_burst_is_saved_up() -> None:
    limit = RateLimit(10, burst=2)
    limit.start(0.0)
    assert [limit.start(1000.0) == 0.0 for _ in range(4)] == [True, True, False, False]


def test_the_default_burst_is_the_rate_rounded_up() -> None:
    assert RateLimit(2.5).burst == 3
    assert RateLimit(None).burst == 1


@pytest.mark.parametrize(("rate", "burst"), [(0, None), (-1, None), (1, 0)])
def test_a_limit_that_would_let_nothing_through_is_refused(rate: float, burst: int | None) -> None:
    with pytest.raises(ValueError, match="must be"):
        RateLimit(rate, burst)
