from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_platerec_ocr.core.rate.pacing import TokenBucket, next_share, turn_off_s

RATES = st.floats(0.05, 50)


def most_in_a_window(starts: list[float], window_s: float) -> int:
    return max(sum(start <= other <= start + window_s for other in starts) for start in starts)


@given(RATES, st.floats(1, 10), st.lists(st.floats(0, 3), min_size=1, max_size=60), st.floats(0, 10))
def test_starts_in_any_window_are_at_most_rate_times_window_plus_burst(
    rate: float, burst: float, gaps_s: list[float], window_s: float
) -> None:
    bucket, now, starts = TokenBucket(rate, burst), 100.0, []
    for gap_s in gaps_s:
        now += gap_s
        starts.append(bucket.next_start(now))
        assert starts[-1] >= now

    assert starts == sorted(starts)
    assert most_in_a_window(starts, window_s) <= rate * window_s + burst + 1e-6


@given(st.lists(st.tuples(st.floats(0, 2), RATES), min_size=1, max_size=40), st.floats(1, 5), st.floats(0, 10))
def test_no_change_of_the_rate_lets_more_through_than_the_highest_rate(
    steps: list[tuple[float, float]], burst: float, window_s: float
) -> None:
    bucket, now, starts = TokenBucket(steps[0][1], burst), 0.0, []
    for gap_s, rate in steps:
        now += gap_s
        bucket.set_rate(now, rate)
        starts += [bucket.next_start(now), bucket.next_start(now)]

    assert most_in_a_window(starts, window_s) <= max(rate for _, rate in steps) * window_s + burst + 1e-6


def test_starts_come_evenly_and_not_later_than_needed() -> None:
    bucket = TokenBucket(4)

    assert [bucket.next_start(10.0) for _ in range(4)] == [10.0, 10.25, 10.5, 10.75]
    assert bucket.next_start(20.0) == 20.0
    assert bucket.next_start(20.0) == 20.25


def test_a_rest_saves_up_no_more_than_the_burst() -> None:
    bucket = TokenBucket(2, burst=3)

    assert [bucket.next_start(0.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert [bucket.next_start(100.0) for _ in range(4)] == [100.0, 100.0, 100.0, 100.5]


def test_a_new_rate_counts_from_the_last_start_that_was_given_away() -> None:
    bucket = TokenBucket(1)
    assert [bucket.next_start(0.0) for _ in range(3)] == [0.0, 1.0, 2.0]

    bucket.set_rate(0.0, 10)

    assert bucket.rate_per_s == 10
    assert bucket.next_start(0.0) == pytest.approx(2.1)


def test_a_rate_of_zero_starts_nothing_and_takes_nothing() -> None:
    bucket = TokenBucket(0)
    assert bucket.next_start(0.0) == 0.0
    assert bucket.next_start(1.0) == math.inf

    bucket.set_rate(2.0, 4)

    assert bucket.next_start(2.0) == 2.25


@pytest.mark.parametrize(("rate", "burst"), [(-1.0, 1.0), (math.inf, 1.0), (math.nan, 1.0), (1.0, 0.5), (1.0, -1.0)])
def test_a_rate_or_burst_that_is_none_is_refused(rate: float, burst: float) -> None:
    with pytest.raises(ValueError, match="must be"):
        TokenBucket(rate, burst)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=60), st.integers(1, 6))
def test_the_shares_of_shards_that_read_each_other_never_exceed_one(beats: list[int], planned: int) -> None:
    announced: dict[int, float] = {}
    for shard in beats:
        others = [share for other, share in announced.items() if other != shard]
        announced[shard] = next_share(len(others) + 1, others, planned=1 if shard in announced else planned)

        assert math.fsum(announced.values()) <= 1.0 + 1e-9
        assert announced[shard] >= 0.0


@given(st.integers(1, 20))
def test_shards_that_start_together_blind_share_what_was_planned(planned: int) -> None:
    assert sum(next_share(1, [], planned=planned) for _ in range(planned)) <= 1.0 + 1e-9


@pytest.mark.parametrize(
    ("live", "others", "planned", "share"),
    [
        (1, [], 1, 1.0),
        (1, [], 4, 0.25),
        (2, [1.0], 1, 0.0),
        (2, [0.5], 1, 0.5),
        (4, [0.25, 0.25, 0.25], 4, 0.25),
        (2, [0.9], 1, pytest.approx(0.1)),
        (2, [1.5], 1, 0.0),
        (2, [-1.0], 1, 0.5),
        (0, [], 0, 1.0),
    ],
)
def test_a_share_is_even_but_never_what_others_still_hold(
    live: int, others: list[float], planned: int, share: float
) -> None:
    assert next_share(live, others, planned=planned) == share


def test_shards_that_join_and_leave_come_to_even_shares() -> None:
    shares = {0: next_share(1, [], planned=1)}
    for _ in range(3):
        for shard in range(4):
            others = [share for other, share in shares.items() if other != shard]
            shares[shard] = next_share(4, others, planned=1)

    assert list(shares.values()) == pytest.approx([0.25] * 4)
    assert next_share(1, [], planned=1) == 1.0


def test_a_start_that_was_moved_is_what_the_next_ones_follow() -> None:
    bucket = TokenBucket(0.001)
    assert [bucket.next_start(0.0), bucket.next_start(0.0)] == [0.0, 1000.0]

    bucket.set_rate(1.0, 2)
    bucket.move_start(1.5)

    assert [bucket.next_start(1.0), bucket.next_start(1.0)] == [2.0, 2.5]


@pytest.mark.parametrize(
    ("at_s", "rank", "share", "off_s"),
    [
        (100.0, 0, 1.0, 0.0),  # alone, at a start of the row
        (100.05, 0, 1.0, -0.05),  # a little behind it
        (100.0, 1, 0.5, 0.25),  # the second of two, at the first one's turn
        (100.25, 1, 0.5, 0.0),
        (100.5, 1, 0.5, 0.25),
        (103.0, 2, 0.25, 0.5),  # the third of four, three turns later
        (103.6, 2, 0.25, -0.1),
        (103.0, 6, 0.25, 0.5),  # shares that are on their way: every rank has a place
    ],
)
def test_a_shard_is_told_how_far_it_is_from_its_turn(at_s: float, rank: int, share: float, off_s: float) -> None:
    off = turn_off_s(at_s, row_s=100.0, counted_per_s=4.0, rate_per_s=4.0, place=(rank, share))

    assert off == pytest.approx(off_s, abs=1e-9)


@given(st.floats(0, 60), RATES, st.integers(1, 16))
def test_shards_that_take_their_turns_start_with_even_gaps(behind_s: float, rate: float, shards: int) -> None:
    due = [1000.0 + behind_s * number for number in range(shards)]
    starts = [
        at + turn_off_s(at, row_s=1000.0, counted_per_s=rate, rate_per_s=rate, place=(rank, 1 / shards))
        for rank, at in enumerate(due)
    ]

    turns = sorted((at - 1000.0) * rate % shards for at in starts)
    gaps = [later - earlier for earlier, later in zip(turns, [*turns[1:], turns[0] + shards], strict=True)]
    assert gaps == pytest.approx([1.0] * shards, abs=1e-3)
