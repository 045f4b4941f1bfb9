"""What is remembered of a rate that nobody configured: how it is found, trusted, kept, and begun with again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_platerec_ocr.core.rate.pacing import (
    FADE_S,
    NEARLY,
    SEARCHED,
    AdaptiveRate,
    FoundRate,
    RateState,
    rate_to_keep,
    usual_climb_s,
)
from support.accounts import BucketAccount, WindowAccount, simulate

if TYPE_CHECKING:
    from support.accounts import Account, Run

DAY_S = 86_400.0
KINDS = [BucketAccount, WindowAccount]


def made(kind: type[Account], limit_per_s: float) -> Account:
    return kind(limit_per_s)  # type: ignore[call-arg]  # both take the limit


def after_a_night(account: Account, seconds: float) -> FoundRate:
    rate = AdaptiveRate()
    simulate(rate, account, seconds)
    found = rate.found(0.0)
    assert found is not None
    return found


def recalling(found: FoundRate, after_s: float = DAY_S) -> AdaptiveRate:
    rate = AdaptiveRate()
    rate.recall(found, 0.0, found.at_s + after_s)
    return rate


def starts_end_s(run: Run, images: int) -> float:
    """Return when the last of so many calls was let through."""
    return [at for at, ok in run.arrivals if ok][images - 1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("call_s", [3.0, 30.0])
def test_a_second_night_takes_at_most_a_tenth_longer_than_the_limit_allows(kind: type[Account], call_s: float) -> None:
    """800 images at 20/s: the limit is 800/20 s and the slowest call, whether a call takes 3 s or 30 s."""
    found = after_a_night(made(kind, 20.0), 60)

    run = simulate(recalling(found), made(kind, 20.0), 60, seed=2)

    assert starts_end_s(run, 800) + call_s <= 1.05 * (800 / 20 + call_s)
    assert run.refused_share(0, starts_end_s(run, 800)) < 0.02


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("limit_per_s", "images"), [(1.0, 100), (2.0, 200), (8.0, 200), (8.0, 600), (60.0, 2000)])
def test_any_second_night_is_nearly_as_fast_as_the_account(
    kind: type[Account], limit_per_s: float, images: int
) -> None:
    found = after_a_night(made(kind, limit_per_s), images / limit_per_s + 30)

    run = simulate(recalling(found), made(kind, limit_per_s), 1.3 * images / limit_per_s + 5, seed=2)

    assert starts_end_s(run, images) + 3.0 <= 1.1 * (images / limit_per_s + 3.0)
    assert run.refused_share() < 0.02


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("factor", [0.5, 0.25])
def test_a_limit_that_has_been_lowered_since_is_respected_within_half_a_minute(
    kind: type[Account], factor: float
) -> None:
    now_per_s = factor * 20.0

    run = simulate(recalling(FoundRate(20.0, 1.0, 0.0)), made(kind, now_per_s), 60)

    assert sum(not ok for at, ok in run.arrivals if at < 30) <= 16
    assert run.refused_share(30, 60) < 0.02
    assert 0.9 * now_per_s <= run.accepted_per_s(30, 60) <= 1.05 * now_per_s


def test_a_limit_that_has_been_raised_since_is_found_as_during_a_night() -> None:
    run = simulate(recalling(FoundRate(10.0, 1.0, 0.0)), BucketAccount(20.0), 150)

    assert run.accepted_per_s(90, 150) >= 0.93 * 20.0


def test_a_limit_that_was_lowered_is_what_the_next_night_begins_with() -> None:
    rate = recalling(FoundRate(20.0, 1.0, 0.0))
    simulate(rate, BucketAccount(10.0), 120)

    found = rate.found(DAY_S)

    assert found is not None
    assert found.rate_per_s == pytest.approx(10.0, rel=0.1)


@pytest.mark.parametrize("days", [365, 3650])
def test_what_is_years_old_is_a_first_night_again(days: int) -> None:
    assert recalling(FoundRate(20.0, 1.0, 0.0), days * DAY_S).rate_per_s == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("sure", "days", "trust"),
    [
        (1.0, 0, 1.0),
        (1.0, 30, 0.5),
        (1.0, 60, 0.25),
        (0.5, 30, 0.25),
        (0.8, -1, 0.8),  # a clock that is ahead makes nothing surer
        (1.0, 1e9, 0.0),
    ],
)
def test_trust_halves_with_each_month(sure: float, days: float, trust: float) -> None:
    assert FoundRate(20.0, sure, 0.0).trust(days * DAY_S) == pytest.approx(trust)


@pytest.mark.parametrize(
    ("rate_per_s", "sure", "days", "begin", "top"),
    [
        (20.0, 1.0, 0, 19.4, 20.0),  # what was found just now: nearly that, and on to all of it
        (20.0, 1.0, 1, 18.957, 20.0),
        (20.0, 1.0, 7, 16.503, 20.0),
        (20.0, 1.0, 40, 7.700, None),  # too old to aim at: searched from below
        (20.0, 0.5, 0, 9.7, None),  # as far as a search had come
        (20.0, 0.6, 0, 11.64, 20.0),
        (20.0, 0.01, 0, 0.5, None),  # never slower than where nothing is known …
        (0.2, 1.0, 0, 0.194, 0.2),  # … unless the account is
        (0.2, 0.5, 0, 0.194, None),
    ],
)
def test_a_night_begins_at_nearly_what_was_found_and_lower_the_less_it_is_trusted(
    rate_per_s: float, sure: float, days: float, begin: float, top: float | None
) -> None:
    climb_s = 1.0 if top is None else usual_climb_s(rate_per_s)

    state = FoundRate(rate_per_s, sure, 0.0).state(days * DAY_S)

    assert state == RateState(state.rate_per_s, top=top, bottom=state.rate_per_s, climb_s=climb_s)
    assert state.rate_per_s == pytest.approx(begin, rel=1e-3)


@given(st.floats(0.01, 1000), st.floats(0.001, 1), st.floats(-1e6, 1e12))
def test_no_night_begins_faster_than_the_account_was_seen_to_take(rate_per_s: float, sure: float, at_s: float) -> None:
    state = FoundRate(rate_per_s, sure, 0.0).state(at_s)

    assert 0.0 < state.rate_per_s <= NEARLY * rate_per_s


OLD = FoundRate(20.0, 0.8, 1000.0)


@pytest.mark.parametrize(
    ("new", "since_s", "kept"),
    [
        (FoundRate(10.0, 0.5, 2000.0), 1500.0, "new"),  # it began with the old one, and came to another end
        (FoundRate(10.0, 0.9, 2000.0), 500.0, "new"),  # found beside each other: the surer one
        (FoundRate(10.0, 0.8, 2000.0), 500.0, "new"),  # as sure, and later
        (FoundRate(10.0, 0.5, 2000.0), 500.0, "old"),  # less sure
        (FoundRate(10.0, 1.0, 900.0), 500.0, "old"),  # surer, but of before
        (FoundRate(10.0, 1.0, 900.0), 1500.0, "old"),  # whatever a clock says
        (FoundRate(10.0, 0.5, 1000.0 + FADE_S), 500.0, "new"),  # the old one has faded
    ],
)
def test_of_two_the_later_and_surer_one_is_kept(new: FoundRate, since_s: float, kept: str) -> None:
    assert rate_to_keep(OLD, new, since_s=since_s) is (new if kept == "new" else OLD)


def test_the_first_one_is_kept() -> None:
    assert rate_to_keep(None, OLD, since_s=0.0) is OLD


def test_a_rate_that_was_given_is_neither_found_nor_begun_with_anything_else() -> None:
    rate = AdaptiveRate(ceiling=8)
    rate.recall(FoundRate(20.0, 1.0, 0.0), 0.0, 0.0)
    assert rate.rate_per_s == 8

    simulate(rate, BucketAccount(4), 60)

    assert rate.found(0.0) is None


def test_a_few_calls_tell_nothing_of_the_limit() -> None:
    rate = AdaptiveRate()
    for start in range(19):
        rate.on_started(float(start))
    assert rate.found(0.0) is None

    rate.on_started(19.0)

    assert rate.found(7.0) == FoundRate(rate.rate_per_s, SEARCHED, 7.0)


def test_a_few_calls_after_a_long_night_make_what_is_known_no_surer() -> None:
    rate = recalling(FoundRate(20.0, 0.9, 0.0))
    for start in range(20):
        rate.on_started(start / 20)

    found = rate.found(DAY_S)

    assert found is not None
    assert found.rate_per_s == 20.0
    assert found.sure == pytest.approx(0.9 * 0.5 ** (1 / 30))


def test_the_longer_a_climb_has_held_the_surer_it_is() -> None:
    rate, sure = AdaptiveRate(start_per_s=10), list[float]()
    rate.on_throttled(0.0)
    for start in range(1, 301):
        rate.on_started(start / 10)
        found = rate.found(0.0)
        assert found is not None
        assert found.rate_per_s == rate.state.top
        sure.append(found.sure)

    assert sure == sorted(sure)
    assert sure[0] == pytest.approx(0.5, abs=0.01)
    assert sure[-1] == pytest.approx(1.0)


def test_a_429_that_came_alone_leaves_what_is_known_nearly_as_sure_as_it_was() -> None:
    rate = AdaptiveRate(start_per_s=10)
    rate.on_throttled(0.0)
    for start in range(1, 301):
        rate.on_started(start / 10)

    rate.on_throttled(30.0)
    alone = rate.found(0.0)
    rate.on_started(31.4)
    rate.on_started(31.5)
    rate.on_throttled(32.0)
    again = rate.found(0.0)

    assert alone is not None
    assert again is not None
    assert alone.sure > 0.95
    assert again.sure == pytest.approx(0.75, abs=0.01)


def test_a_search_beyond_what_was_held_forgets_nothing() -> None:
    rate = AdaptiveRate(start_per_s=10)
    rate.on_throttled(0.0)
    now = 0.0
    while rate.state.top is not None:
        now += 1 / rate.rate_per_s
        rate.on_started(now)

    rate.on_throttled(now)
    found = rate.found(0.0)

    assert found is not None
    assert found.sure > 0.95


def test_nothing_is_remembered_of_an_account_that_takes_no_call_at_all() -> None:
    rate = AdaptiveRate()
    for second in range(0, 100, 2):
        rate.on_started(float(second))
        rate.on_throttled(second + 1.0)

    assert rate.found(0.0) is None
