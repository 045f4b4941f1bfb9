from __future__ import annotations

import math
from statistics import fmean
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_platerec_ocr.core.rate.pacing import AdaptiveRate, RateState
from support.accounts import BucketAccount, WindowAccount, simulate

if TYPE_CHECKING:
    from support.accounts import Account, Run

KINDS = [BucketAccount, WindowAccount]


def even_over(run: Run, start_s: int, end_s: int, window_s: int = 120) -> list[float]:
    return [run.accepted_per_s(at, at + window_s) for at in range(start_s, end_s - window_s + 1, 30)]


@pytest.mark.no_cover
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limit_per_s", [1.0, 8.0, 20.0])
@pytest.mark.parametrize("seed", [1, 2])
def test_an_unknown_limit_is_found_within_a_minute_and_kept(limit_per_s: float, kind: type[Account], seed: int) -> None:
    account: Account = kind(limit_per_s)  # type: ignore[call-arg]  # both take the limit

    run = simulate(AdaptiveRate(), account, 600, seed=seed)

    assert min(even_over(run, 60, 600)) >= 0.94 * limit_per_s
    assert run.accepted_per_s(60, 600) >= 0.95 * limit_per_s
    assert abs(fmean(rate for at, rate in run.rates if at > 60) / limit_per_s - 1) <= 0.05
    assert run.refused_share() < 0.02
    assert run.refused_share(60) < 0.015


@pytest.mark.no_cover
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limit_per_s", [2.0, 8.0, 20.0])
def test_a_limit_that_halves_is_followed_and_found_again_when_it_doubles(
    limit_per_s: float, kind: type[Account]
) -> None:
    account: Account = kind(limit_per_s)  # type: ignore[call-arg]  # both take the limit

    run = simulate(AdaptiveRate(), account, 1200, changes=[(300, limit_per_s / 2), (700, limit_per_s)])

    assert run.accepted_per_s(300, 360) >= 0.8 * limit_per_s / 2
    assert run.accepted_per_s(360, 700) >= 0.94 * limit_per_s / 2
    assert run.accepted_per_s(960, 1200) >= 0.94 * limit_per_s
    assert run.refused_share() < 0.02


def test_without_any_limit_the_rate_goes_on_growing() -> None:
    run = simulate(AdaptiveRate(), BucketAccount(1e6), 60)

    assert run.rates[-1][1] > 100
    assert run.refused_share() == 0


@pytest.mark.parametrize("burst_s", [0.25, 1.0])
def test_a_known_limit_is_used_at_once_and_never_exceeded(burst_s: float) -> None:
    run = simulate(AdaptiveRate(ceiling=8), BucketAccount(8, burst_s), 300)

    assert run.refused_share() < 0.001
    assert run.accepted_per_s(0, 300) >= 0.99 * 8
    assert max(rate for _, rate in run.rates) == 8


def test_a_ceiling_above_the_accounts_limit_is_found_out() -> None:
    run = simulate(AdaptiveRate(ceiling=8), BucketAccount(4), 600)

    assert run.accepted_per_s(60, 600) >= 0.95 * 4
    assert run.refused_share() < 0.02


def test_a_single_429_below_a_known_limit_halves_the_rate_for_seconds_only() -> None:
    rate = AdaptiveRate(ceiling=8)
    rate.on_started(0.0)

    rate.on_throttled(0.1)

    assert rate.rate_per_s == 4
    now = 1.0
    while rate.rate_per_s < 8:
        rate.on_started(now)
        now += 1 / rate.rate_per_s
    assert now < 8


def test_throttles_that_belong_together_slow_down_once() -> None:
    rate = AdaptiveRate(ceiling=8)
    for start in range(8):
        rate.on_started(start / 8)

    rate.on_throttled(1.0, started_at=0.5)
    slower = rate.rate_per_s
    rate.on_throttled(1.5)
    rate.on_throttled(9.0, started_at=0.9)

    assert slower == 4
    assert rate.rate_per_s == slower


def test_a_closed_account_is_asked_more_and_more_rarely_and_found_again() -> None:
    account = BucketAccount(8)

    run = simulate(AdaptiveRate(), account, 400, changes=[(100, 0.0), (200, 8.0)], asks_for_s=0.0)

    assert sum(130 <= at < 200 for at, _ in run.arrivals) <= 14
    assert run.accepted_per_s(280, 400) >= 0.95 * 8


def test_the_rate_never_falls_below_its_floor() -> None:
    rate = AdaptiveRate()
    for second in range(0, 200, 2):
        rate.on_throttled(float(second))

    assert rate.rate_per_s == AdaptiveRate.LEAST_PER_S


def test_time_in_which_little_is_sent_proves_nothing() -> None:
    rate = AdaptiveRate()
    rate.on_started(0.0)

    rate.on_started(3600.0)

    assert rate.rate_per_s <= 1.2


def test_a_429_before_any_start_was_noted_is_taken_in_stride() -> None:
    rate = AdaptiveRate(start_per_s=2)

    rate.on_throttled(0.0)

    assert 1.8 < rate.rate_per_s < 2


def test_the_share_of_refused_calls_is_known() -> None:
    rate = AdaptiveRate()
    assert rate.refused_share == 0

    for _ in range(3):
        rate.on_success(0.0)
    rate.on_throttled(0.0)

    assert rate.refused_share == 0.25


@pytest.mark.parametrize("start_per_s", [0.0, -1.0, math.nan, math.inf])
def test_a_rate_that_is_none_is_refused(start_per_s: float) -> None:
    with pytest.raises(ValueError, match="rate must be"):
        AdaptiveRate(start_per_s=start_per_s)
    with pytest.raises(ValueError, match="rate must be"):
        AdaptiveRate(ceiling=start_per_s)


@pytest.mark.no_cover
@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_over_hours_of_changing_limits_the_rate_stays_at_the_limit(kind: type[Account]) -> None:
    account: Account = kind(8)  # type: ignore[call-arg]  # both take the limit
    changes = [(1800.0, 4.0), (3600.0, 8.0), (5400.0, 16.0)]

    run = simulate(AdaptiveRate(), account, 7200, changes=changes)

    for start_s, limit_per_s in [(60, 8), (1860, 4), (3690, 8), (5490, 16)]:
        assert run.accepted_per_s(start_s, start_s // 1800 * 1800 + 1800) >= 0.95 * limit_per_s
    assert run.refused_share() < 0.01


@pytest.mark.no_cover
@settings(max_examples=25, deadline=None)
@given(st.floats(1, 30), st.sampled_from(KINDS), st.floats(0.5, 2.0), st.integers(120, 400), st.integers(1, 1000))
def test_whatever_the_limit_and_however_it_changes_it_is_found_and_little_is_refused(
    limit_per_s: float, kind: type[Account], factor: float, change_s: int, seed: int
) -> None:
    first, then = float(round(limit_per_s)), float(max(1, round(limit_per_s * factor)))
    account: Account = kind(first)  # type: ignore[call-arg]  # both take the limit

    run = simulate(AdaptiveRate(), account, change_s + 600, changes=[(change_s, then)], seed=seed)

    assert run.accepted_per_s(60, change_s) >= 0.9 * first
    assert run.accepted_per_s(change_s + 200, change_s + 600) >= 0.92 * then
    assert run.refused_share() < 0.025


@pytest.mark.parametrize("limit_per_s", [4.0, 8.0])
def test_a_limit_that_doubles_is_found_within_a_minute_and_a_half(limit_per_s: float) -> None:
    run = simulate(AdaptiveRate(), BucketAccount(limit_per_s), 600, changes=[(300, 2 * limit_per_s)])

    assert run.accepted_per_s(390, 450) >= 0.93 * 2 * limit_per_s


def test_the_rate_of_others_is_taken_over_and_needs_no_search() -> None:
    rate = AdaptiveRate()

    rate.adopt(RateState(8.0, top=8.0, bottom=7.8, climb_s=30.0, climbed_s=30.0))
    for start in range(80):
        rate.on_started(start / 8)

    assert rate.state.top == 8.0
    assert rate.rate_per_s == pytest.approx(8.0, rel=0.01)


def test_a_search_of_others_is_joined() -> None:
    rate = AdaptiveRate()
    rate.on_throttled(0.0)

    rate.adopt(RateState(4.0))
    for start in range(20):
        rate.on_started(1 + start / 4)

    assert rate.state.top is None
    assert rate.rate_per_s > 7


def test_a_climb_goes_on_from_the_state_of_others_where_it_was() -> None:
    one, two = AdaptiveRate(start_per_s=10), AdaptiveRate(start_per_s=20)
    one.on_throttled(0.0)
    for start in range(100):
        one.on_started(start / 10)

    two.adopt(one.state)

    assert two.state == one.state


@pytest.mark.parametrize("state", [RateState(10.0), RateState(7.8, top=8.0, bottom=7.8, climb_s=30.0)])
def test_a_state_that_is_some_seconds_old_is_brought_up_to_now(state: RateState) -> None:
    one, two = AdaptiveRate(), AdaptiveRate()
    one.adopt(state)
    for step in range(21):
        one.on_started(step / 10)

    two.adopt(state, since_s=2.0)

    assert two.rate_per_s > state.rate_per_s
    assert two.rate_per_s == pytest.approx(one.rate_per_s, rel=0.05)


def test_no_rate_of_others_lifts_a_known_ceiling_or_stops_the_rate() -> None:
    rate = AdaptiveRate(ceiling=8)

    rate.adopt(RateState(20.0))
    assert rate.rate_per_s == 8

    rate.adopt(RateState(0.0))
    assert rate.rate_per_s == AdaptiveRate.LEAST_PER_S
