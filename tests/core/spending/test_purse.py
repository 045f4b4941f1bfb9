from __future__ import annotations

import json

import pytest

from airflow_provider_platerec_ocr.core.claims import Attempt, End
from airflow_provider_platerec_ocr.core.models import Owner
from airflow_provider_platerec_ocr.core.spending.purse import Grant, Inherited, Limits, part, spenders, spent_on

TASK = Owner("yard", "night-1", "ocr.read", 3, 2)


@pytest.mark.parametrize(
    ("left", "wanted", "granted", "shards", "drawn"),
    [
        (0, 10, 100, 1, 0),
        (10, 0, 100, 1, 0),
        (8, 60, 8, 1, 8),
        (2000, 2000, 2000, 1, 2000),
        (8, 30, 8, 2, 4),  # a fair share
        (4, 26, 8, 2, 2),
        (2, 24, 8, 2, 2),  # not one at a time
        (1, 30, 1, 2, 1),
        (20_000, 2000, 20_000, 10, 2000),
        (500, 2000, 20_000, 10, 50),
        (30, 2000, 20_000, 10, 30),
        (5, 3, 20_000, 1000, 3),
    ],
)
def test_a_shard_draws_a_fair_share_and_not_one_call_at_a_time(
    left: int, wanted: int, granted: int, shards: int, drawn: int
) -> None:
    assert part(left, wanted, granted=granted, shards=shards) == drawn


@pytest.mark.parametrize("shards", [1, 2, 7, 40])
@pytest.mark.parametrize("granted", [1, 8, 100, 5000])
def test_a_purse_is_emptied_in_few_draws(granted: int, shards: int) -> None:
    left, draws = granted, 0
    while drawn := part(left, granted, granted=granted, shards=shards):
        left, draws = left - drawn, draws + 1

    assert left == 0
    assert draws <= granted / 50 + 6 * shards


def attempt(end: End | None, *, try_number: int = 1, row: int = 7, image: str = "a.jpg", **owner: object) -> Attempt:
    by = Owner(**{**TASK.to_json(), "try_number": try_number, **owner})
    return Attempt(1, "nonce", by, None, end, facts={"row": row, "image": image})


@pytest.mark.parametrize(
    ("found", "spent"),
    [
        (attempt(End.ANSWER), 1),
        (attempt(None), 1),  # open: it may have been billed
        (attempt(End.TORN), 1),
        (attempt(End.REJECTED), 1),
        (attempt(End.RELEASED), 0),
        (attempt(End.ANSWER, try_number=2), 0),  # its own
        (attempt(End.ANSWER, try_number=3), 0),  # drew nothing
        (attempt(End.ANSWER, row=8), 0),
        (attempt(End.ANSWER, image="b.jpg"), 0),
        (attempt(End.ANSWER, map_index=4), 0),
        (attempt(End.ANSWER, run_id="night-2"), 0),
        (attempt(End.ANSWER, task_id="other.read"), 0),
    ],
)
def test_the_claims_of_earlier_tries_say_what_they_spent(found: Attempt, spent: int) -> None:
    assert spent_on((found,), 7, "a.jpg", by=TASK, tries={1}) == spent


def test_what_a_killed_try_drew_comes_back_row_by_row_as_the_ledger_is_asked() -> None:
    left = Inherited(10, tries=1, spent=4, rows=[1, 2, 3, 4, 5, 6])

    free = [left.free]
    for row, spent in ((1, 0), (2, 1), (2, 1), (9, 1), (3, 0)):
        left.looked(row, spent)
        free.append(left.free)
    left.take(2)

    assert free == [0, 1, 1, 1, 1, 2]
    assert left.free == 0


@pytest.mark.parametrize(
    ("drawn", "present", "tries"),
    [
        ({}, 2, set()),
        ({1: 5}, 2, {1}),
        ({1: 5}, 4, {1, 2, 3}),  # the third try spent what the first had drawn
        ({2: 5, 3: -1}, 4, {2, 3}),
    ],
)
def test_a_try_that_drew_nothing_may_have_spent_what_an_earlier_one_drew(
    drawn: dict[int, int], present: int, tries: set[int]
) -> None:
    assert spenders(drawn, present) == tries


def test_all_tries_together_spend_two_calls_on_a_row_at_most() -> None:
    assert Inherited(10, tries=5, rows=[1, 2, 3]).free == 4


def test_each_earlier_try_may_have_spent_a_call_on_each_row() -> None:
    left = Inherited(10, tries=2, spent=0, rows=[1, 2, 3])
    assert left.free == 4
    left.looked(1, 2)
    assert left.free == 4
    left.looked(2, 0)
    assert left.free == 6


def test_without_earlier_tries_nothing_is_inherited() -> None:
    left = Inherited(rows=[1, 2])
    left.looked(1, 0)

    assert left.free == 0


def test_a_grant_survives_its_way_through_xcom() -> None:
    grant = Grant("0123", "until-2026-04-01", 7, 500, Limits(8, 1, pace=True))

    assert Grant.from_json(json.loads(json.dumps(grant.to_json()))) == grant


@pytest.mark.parametrize(
    ("limits", "there_is_one"),
    [
        (Limits(), False),
        (Limits(reserve=1), True),
        (Limits(daily_limit=0), True),
        (Limits(pace=True), True),
    ],
)
def test_limits_that_need_the_statistics(limits: Limits, there_is_one: bool) -> None:  # noqa: FBT001  # a table's cell
    assert limits.any is there_is_one
