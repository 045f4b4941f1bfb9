"""Several shards that find and share a rate that nobody configured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.accounts import BucketAccount, WindowAccount
from support.pacing_stage import Shard, Stage

if TYPE_CHECKING:
    from support.accounts import Account

pytestmark = pytest.mark.no_cover

LIMIT = 8.0


@pytest.mark.parametrize("kind", [BucketAccount, WindowAccount])
def test_shards_find_an_unknown_rate_together_and_share_it_evenly(kind: type[Account]) -> None:
    stage = Stage(kind(LIMIT), [Shard()] * 4).run(300)  # type: ignore[call-arg]  # both take the limit

    parts = [stage.accepted_per_s(60, 300, shard) for shard in range(4)]
    assert stage.accepted_per_s(60, 300) >= 0.95 * LIMIT
    assert max(parts) <= 1.1 * min(parts)
    assert stage.refused_share() < 0.02


def test_a_late_shard_gets_its_part_of_an_unknown_rate_within_seconds() -> None:
    stage = Stage(BucketAccount(LIMIT), [*[Shard()] * 3, Shard(begins_s=120)]).run(180)

    assert stage.accepted_per_s(125, 180, shard=3) >= 0.9 * LIMIT / 4
    assert stage.accepted_per_s(120, 180) >= 0.95 * LIMIT
    assert stage.refused_share() < 0.02


def test_what_a_finished_shard_leaves_is_used_by_the_others_within_seconds() -> None:
    stage = Stage(BucketAccount(LIMIT), [*[Shard()] * 3, Shard(ends_s=120)]).run(180)

    assert stage.accepted_per_s(120, 180) >= 0.95 * LIMIT


def test_the_part_of_a_killed_shard_is_used_by_the_others_after_its_heartbeat_has_gone_stale() -> None:
    stage = Stage(BucketAccount(LIMIT), [*[Shard()] * 3, Shard(ends_s=120, killed=True)]).run(200)

    assert stage.accepted_per_s(120, 134) >= 0.7 * LIMIT
    assert stage.accepted_per_s(140, 200) >= 0.95 * LIMIT


def test_a_late_shard_is_not_starved_by_the_rounding_of_shares() -> None:
    stage = Stage(BucketAccount(LIMIT), [*[Shard()] * 3, Shard(begins_s=30)], ceiling_per_s=LIMIT).run(90)

    assert stage.accepted_per_s(40, 90, shard=3) == pytest.approx(LIMIT / 4, rel=0.05)
    assert stage.refused_share() < 0.001


@pytest.mark.slow
def test_over_half_an_hour_of_coming_and_going_and_changing_limits_little_is_wasted() -> None:
    shards = [Shard(begins_s=(194 * number) % 1200, ends_s=1800) for number in range(1, 5)]
    shards += [Shard(), Shard(ends_s=300), Shard(begins_s=200, ends_s=700, killed=True)]
    changes = [(500.0, LIMIT / 2), (1000.0, LIMIT), (1400.0, 2 * LIMIT)]

    stage = Stage(BucketAccount(LIMIT), shards, changes=changes).run(1800)

    assert stage.accepted_per_s(60, 500) >= 0.9 * LIMIT
    assert stage.accepted_per_s(560, 1000) >= 0.9 * LIMIT / 2
    assert stage.accepted_per_s(1090, 1400) >= 0.9 * LIMIT
    assert stage.accepted_per_s(1490, 1800) >= 0.9 * 2 * LIMIT
    assert stage.refused_share() < 0.02


def test_when_a_hold_ends_the_shards_do_not_all_start_in_the_same_moment() -> None:
    stage = Stage(
        BucketAccount(LIMIT),
        [Shard(begins_s=number * 1.13) for number in range(8)],
        ceiling_per_s=LIMIT,
        changes=[(60.0, 6.0)],
    )

    stage.run(120)

    first = next(at for at, _, ok in stage.calls if not ok)
    after = [at for at, _, _ in stage.calls if at > first + 1.0]
    assert sum(at < after[0] + 0.1 for at in after) <= 3
