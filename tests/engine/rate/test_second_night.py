"""Shards that begin with what an earlier night found of the account's rate."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.engine.rate.board import PaceBoard
from airflow_provider_platerec_ocr.engine.rate.limiter import MARGIN
from airflow_provider_platerec_ocr.engine.rate.rate_memory import FILE
from support.accounts import BucketAccount, WindowAccount
from support.clock import START, FakeClock
from support.pacing_stage import Shard, Stage
from support.simulated_store import SimulatedStore

if TYPE_CHECKING:
    from support.accounts import Account

pytestmark = pytest.mark.no_cover

LIMIT = 20.0


@dataclass
class Nights:
    """Runs of one account on one board, each a day after the one before."""

    store: SimulatedStore = field(default_factory=lambda: SimulatedStore(FakeClock()))
    nights: int = 0

    def run(self, account: Account, seconds: float, *, shards: int = 1, ceiling_per_s: float | None = None) -> Stage:
        clock = self.store.clock = FakeClock(START + timedelta(days=self.nights))
        self.nights += 1
        stage = Stage(account, [Shard()] * shards, ceiling_per_s=ceiling_per_s, clock=clock, store=self.store)
        return stage.run(seconds)

    def found_per_s(self) -> float | None:
        clock = FakeClock(START + timedelta(days=self.nights))
        found = PaceBoard(self.store.place(), clock=clock).memory.read()
        return None if found is None else found.rate_per_s


@pytest.fixture
def nights() -> Nights:
    return Nights()


@pytest.mark.parametrize("kind", [BucketAccount, WindowAccount])
@pytest.mark.parametrize(("shards", "first_s"), [(1, 60), (4, 60), (8, 60)])
def test_a_second_night_is_nearly_as_fast_as_the_account_and_is_refused_next_to_nothing(
    nights: Nights, kind: type[Account], shards: int, first_s: float
) -> None:
    nights.run(kind(LIMIT), first_s, shards=shards)  # type: ignore[call-arg]  # both take the limit

    second = nights.run(kind(LIMIT), 45, shards=shards)  # type: ignore[call-arg]  # as above

    last_s = [at for at, _, ok in sorted(second.calls) if ok][799]
    assert last_s + 3.0 <= 1.05 * (800 / LIMIT + 3.0)
    assert second.refused_share() < 0.02


def test_a_limit_that_was_halved_since_is_respected_within_half_a_minute(nights: Nights) -> None:
    nights.run(BucketAccount(LIMIT), 60, shards=2)

    second = nights.run(BucketAccount(LIMIT / 2), 60, shards=2)

    assert second.accepted_per_s(30, 60) == pytest.approx(LIMIT / 2, rel=0.1)
    assert sum(not ok for at, _, ok in second.calls if at >= 30) < 0.02 * sum(at >= 30 for at, _, _ in second.calls)
    assert nights.found_per_s() == pytest.approx(LIMIT / 2, rel=0.2)


def test_what_was_found_never_lifts_what_the_user_allows(nights: Nights) -> None:
    nights.run(BucketAccount(LIMIT), 60)

    second = nights.run(BucketAccount(LIMIT), 30, ceiling_per_s=4.0)

    assert second.accepted_per_s(0, 30) == pytest.approx(4.0 * MARGIN, rel=0.05)


def test_a_rate_that_was_given_is_not_remembered_and_what_was_found_before_stays(nights: Nights) -> None:
    nights.run(BucketAccount(LIMIT), 30, ceiling_per_s=4.0)
    assert nights.found_per_s() is None

    nights.run(BucketAccount(LIMIT), 60)
    found = nights.found_per_s()
    nights.run(BucketAccount(2.0), 30, ceiling_per_s=4.0)

    assert nights.found_per_s() == found


def test_a_night_of_a_few_images_leaves_what_is_remembered_as_it_was(nights: Nights) -> None:
    nights.run(BucketAccount(LIMIT), 60)
    file = (nights.store.place() / FILE).path
    before = nights.store.cat_file(file)

    nights.run(BucketAccount(LIMIT), 0.5)

    assert nights.store.cat_file(file) == before


def test_a_killed_shard_leaves_what_it_had_found_until_half_a_minute_before(nights: Nights) -> None:
    stage = Stage(BucketAccount(LIMIT), [Shard()], store=nights.store)
    seen = list[bool]()

    async def look() -> None:
        await stage.clock.sleep(45)
        seen.append(PaceBoard(nights.store.place(), clock=stage.clock).memory.read() is not None)

    stage.run(60, beside=look())

    assert seen == [True]


def test_a_torn_memory_costs_no_more_than_finding_the_rate_anew(
    nights: Nights, caplog: pytest.LogCaptureFixture
) -> None:
    nights.store.pipe_file((nights.store.place() / FILE).path, b"{")

    first = nights.run(BucketAccount(LIMIT), 60)

    assert first.accepted_per_s(40, 60) >= 0.9 * LIMIT
    assert [record.levelname for record in caplog.records].count("WARNING") == 1
    assert nights.found_per_s() == pytest.approx(LIMIT, rel=0.2)
