"""Shards that take turns in one row of starts: an account that counts the calls of each second refuses none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.accounts import BucketAccount, WindowAccount
from support.pacing_stage import Shard, Stage

if TYPE_CHECKING:
    from support.accounts import Account

pytestmark = [pytest.mark.slow, pytest.mark.no_cover]

KINDS = [BucketAccount, WindowAccount]


@pytest.mark.parametrize("where", ["disk", "store"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("limit_per_s", "shards"), [(1.0, 4), (8.0, 3), (8.0, 4), (20.0, 8)])
def test_with_a_known_rate_any_number_of_shards_uses_it_whole_and_is_refused_next_to_nothing(
    limit_per_s: float, shards: int, kind: type[Account], where: str
) -> None:
    account: Account = kind(limit_per_s)  # type: ignore[call-arg]  # both take the limit
    late = [Shard(begins_s=0.37 * index) for index in range(shards)]

    run = Stage(account, late, ceiling_per_s=limit_per_s, near=where == "disk").run(180)

    parts = [run.accepted_per_s(60, 180, index) for index in range(shards)]
    assert run.accepted_per_s(20, 180) >= 0.98 * limit_per_s
    assert sum(not ok for at, _, ok in run.calls if 20 < at < 180) == 0
    assert sum(not ok for at, _, ok in run.calls if at < 180) <= 2
    assert max(parts) <= 1.05 * min(parts)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("limit_per_s", "shards"), [(1.0, 4), (8.0, 3), (20.0, 8)])
def test_shards_find_an_unknown_rate_together_within_a_minute_and_keep_it(
    limit_per_s: float, shards: int, kind: type[Account]
) -> None:
    account: Account = kind(limit_per_s)  # type: ignore[call-arg]  # both take the limit
    late = [Shard(begins_s=0.37 * index) for index in range(shards)]

    seconds = max(180.0, 300.0 / limit_per_s)  # at 1/s, one refusal is a large part of two minutes' calls

    run = Stage(account, late).run(seconds)

    parts = [run.accepted_per_s(60, seconds, index) for index in range(shards)]
    assert run.accepted_per_s(60, seconds) >= 0.95 * limit_per_s
    assert sum(not ok for at, _, ok in run.calls if at > 60) < 0.02 * sum(at > 60 for at, _, _ in run.calls)
    assert max(parts) <= 1.1 * min(parts)


def test_a_429_of_one_shard_is_thought_about_by_the_leader_alone() -> None:
    account = WindowAccount(8.0)

    run = Stage(account, [Shard()] * 4, ceiling_per_s=16.0).run(240)

    assert run.accepted_per_s(60, 240) >= 0.93 * 8.0
    assert run.refused_share() < 0.03


@pytest.mark.parametrize("shards", [2, 4, 8])
@pytest.mark.parametrize("near", [True, False])
def test_shards_that_come_at_the_same_moment_start_one_behind_the_other(shards: int, *, near: bool) -> None:
    run = Stage(WindowAccount(20.0), [Shard()] * shards, ceiling_per_s=20.0, near=near).run(10)

    assert run.refused_share() == 0.0
    assert run.accepted_per_s(0, 5) >= 0.97 * 20.0


def test_when_the_leader_is_gone_the_next_one_leads_on() -> None:
    shards = [Shard(ends_s=100), *[Shard(begins_s=1.0)] * 3]

    run = Stage(BucketAccount(8.0), shards).run(240)

    assert run.accepted_per_s(110, 240) >= 0.95 * 8.0
    assert run.refused_share() < 0.02
