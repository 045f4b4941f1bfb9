from __future__ import annotations

import asyncio
import contextlib
import shutil
from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.engine.rate.board import PaceBoard
from airflow_provider_platerec_ocr.engine.rate.hold_file import NAME
from airflow_provider_platerec_ocr.engine.rate.limiter import MARGIN, StartLimiter
from support.clock import FakeClock
from support.pacing_stage import Inline
from support.pictures import local, opened
from support.simulated_store import SimulatedStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from airflow_provider_platerec_ocr.storage.path import StoragePath


def limiter(clock: FakeClock, rate: float | None = 8.0 / MARGIN, *, max_in_flight: int = 1000) -> StartLimiter:
    return StartLimiter(clock=clock, ceiling_per_s=rate, max_in_flight=max_in_flight)


async def starts(limits: StartLimiter, clock: FakeClock, number: int) -> list[float]:
    """Return when each of ``number`` calls started, in virtual seconds."""
    moments = []
    for _ in range(number):
        (await limits.start()).done()
        moments.append(round(clock.elapsed_s, 6))
    return moments


@contextlib.asynccontextmanager
async def shard(
    clock: FakeClock, place: StoragePath, *, planned: int = 1, rate: float = 8.0
) -> AsyncIterator[StartLimiter]:
    """Run a shard with its heartbeat."""
    limits = StartLimiter(
        clock=clock,
        ceiling_per_s=rate / MARGIN,
        max_in_flight=1000,
        board=PaceBoard(place, clock=clock),
        planned_shards=planned,
        executor=Inline(),
    )
    heart = asyncio.ensure_future(limits.run_heartbeat())
    try:
        yield limits
    finally:
        heart.cancel()
        await asyncio.gather(heart, return_exceptions=True)


async def busy(limits: StartLimiter, clock: FakeClock, until_s: float, moments: list[float]) -> None:
    while clock.elapsed_s < until_s:
        (await limits.start()).done()
        moments.append(clock.elapsed_s)


def most_in(moments: list[float], window_s: float) -> int:
    """Return the most starts that any window of this length holds."""
    ordered = sorted(moments)
    return max(sum(start <= other < start + window_s for other in ordered) for start in ordered)


def test_a_lone_shard_of_many_planned_ones_takes_the_whole_rate_soon(tmp_path: Path) -> None:
    clock = FakeClock()

    async def run() -> float:
        async with shard(clock, local(tmp_path), planned=4) as limits:
            (await limits.start()).done()
            first = limits.rate_per_s
            await clock.sleep(2.5)
            return first / limits.rate_per_s

    assert clock.run(run()) == pytest.approx(1 / 4)


@pytest.mark.parametrize("uri", ["local", "memory://pace-together"])
def test_shards_that_start_together_never_exceed_the_accounts_rate(tmp_path: Path, uri: str) -> None:
    clock, moments = FakeClock(), list[float]()
    place = local(tmp_path) if uri == "local" else opened(uri)

    async def run() -> None:
        async def one() -> None:
            async with shard(clock, place, planned=4) as limits:
                await busy(limits, clock, 40, moments)

        await asyncio.gather(*(one() for _ in range(4)))

    clock.run(run())
    assert most_in(moments, 10) <= 80 + 4
    assert len(moments) >= 0.9 * 8 * 40


def test_a_late_shard_gets_its_part_and_a_finished_one_leaves_its_own(tmp_path: Path) -> None:
    clock, mine, others = FakeClock(), list[float](), list[float]()

    async def run() -> None:
        async def second() -> None:
            await clock.sleep(30)
            async with shard(clock, local(tmp_path)) as limits:
                await busy(limits, clock, 60, others)

        async with shard(clock, local(tmp_path)) as limits:
            await asyncio.gather(busy(limits, clock, 90, mine), second())

    clock.run(run())
    assert most_in(mine + others, 5) <= 40 + 2
    assert len([moment for moment in others if moment > 40]) == pytest.approx(20 * 4, abs=4)
    assert len([moment for moment in mine if 40 < moment < 60]) == pytest.approx(20 * 4, abs=4)
    assert len([moment for moment in mine if moment > 65]) == pytest.approx(25 * 8, abs=4)


def test_a_shard_that_only_waits_for_its_last_answers_leaves_the_rate_to_the_others(tmp_path: Path) -> None:
    clock, moments = FakeClock(), list[float]()

    async def run() -> tuple[float, list[float]]:
        async with shard(clock, local(tmp_path)) as one, shard(clock, local(tmp_path)) as two:
            permit = await two.start()
            await busy(one, clock, 30, moments)
            permit.done()
            working = asyncio.ensure_future(busy(one, clock, 60, moments))
            again = await starts(two, clock, 20)
            rate = one.rate_per_s
            await working
            return rate, again

    rate, again = clock.run(run())
    assert len([moment for moment in moments if 15 < moment < 30]) == pytest.approx(15 * 8, abs=2)
    assert again[0] < 35
    assert rate == pytest.approx(4.0)
    assert most_in(moments + again, 5) <= 40 + 2


@pytest.mark.parametrize(("store", "within_s"), [("local", 0.2), ("objects", 3.1)])
def test_what_one_shard_is_told_holds_for_all(tmp_path: Path, store: str, within_s: float) -> None:
    clock, moments = FakeClock(), list[float]()
    place = local(tmp_path) if store == "local" else SimulatedStore(clock).place("bucket/pace")

    async def run() -> None:
        async with shard(clock, place) as one, shard(clock, place) as two:
            await clock.sleep(10)
            working = asyncio.ensure_future(busy(two, clock, 120, moments))
            await clock.sleep(10)
            one.throttled(60.0)
            await working

    clock.run(run())
    held = [moment for moment in moments if 20 + within_s < moment < 80]
    assert held == []
    assert [moment for moment in moments if moment < 20]
    assert [moment for moment in moments if 80 <= moment < 82]


def test_who_is_alone_asks_for_holds_with_its_heartbeat_and_in_company_before_each_start() -> None:
    """A turn of a thread for each start would be a tenth of what an image costs."""
    clock = FakeClock()
    store, asked = SimulatedStore(clock), list[str]()
    store.before = lambda _, path: asked.append(path) if path.endswith(NAME) else None

    def shard() -> StartLimiter:
        board = PaceBoard(store.place(), clock=clock)
        board.is_local = True
        return StartLimiter(clock=clock, ceiling_per_s=8.0 / MARGIN, max_in_flight=1000, board=board, executor=Inline())

    async def run() -> tuple[int, int]:
        one, two = shard(), shard()
        heart = asyncio.ensure_future(one.run_heartbeat())
        await busy(one, clock, 10, [])
        alone = len(asked)
        other = asyncio.ensure_future(two.run_heartbeat())
        await busy(one, clock, 20, [])
        for task in (heart, other):
            task.cancel()
        await asyncio.gather(heart, other, return_exceptions=True)
        return alone, len(asked) - alone

    alone, together = clock.run(run())
    assert alone <= 12
    assert together >= 10 + 10 + 35


@pytest.mark.parametrize("told", [0, 1])
def test_what_one_shard_is_told_slows_all_down(tmp_path: Path, told: int) -> None:
    clock = FakeClock()

    async def run() -> tuple[float, list[float]]:
        async with shard(clock, local(tmp_path)) as one, shard(clock, local(tmp_path)) as two:
            limits = (one, two)
            working = [asyncio.ensure_future(busy(each, clock, 20, [])) for each in limits]
            await clock.sleep(10)
            before = one.rate_per_s
            limits[told].throttled(6.0)
            await clock.sleep(4)
            after = [each.rate_per_s for each in limits]
            await asyncio.gather(*working)
            return before, after

    before, after = clock.run(run())
    assert all(rate < 0.8 * before for rate in after)


def test_a_hold_that_is_over_slows_nobody_down(tmp_path: Path) -> None:
    clock = FakeClock()

    async def run() -> float:
        board = PaceBoard(local(tmp_path))
        board.beat(0.0)
        board.hold(clock.now().timestamp() - 5, throttled_at_s=clock.now().timestamp() - 6)
        board.leave()
        async with shard(clock, local(tmp_path)) as limits:
            (await limits.start()).done()
            assert clock.elapsed_s == 0
            return limits.rate_per_s

    assert clock.run(run()) == pytest.approx(8.0)


def test_a_waiting_start_comes_earlier_when_the_share_grows(tmp_path: Path) -> None:
    clock = FakeClock()

    async def run() -> list[float]:
        async with shard(clock, local(tmp_path), planned=100, rate=1.0) as limits:
            return await starts(limits, clock, 3)

    moments = clock.run(run())
    assert moments[0] == 0
    assert moments[1] < 6  # a hundredth of the rate would have been 100 s


def test_without_a_board_the_rate_is_split_by_plan() -> None:
    clock = FakeClock()
    limits = StartLimiter(clock=clock, ceiling_per_s=8 / MARGIN, max_in_flight=10, planned_shards=4)

    async def run() -> list[float]:
        await limits.run_heartbeat()
        await limits.stop()
        return await starts(limits, clock, 3)

    assert clock.run(run()) == [0, 0.5, 1.0]


def test_a_board_that_cannot_be_written_leaves_the_planned_part_and_warns_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    clock = FakeClock()

    async def run() -> list[float]:
        async with shard(clock, local(tmp_path / "file") / "account", planned=4) as limits:
            moments = await starts(limits, clock, 3)
            limits.throttled(10.0)
            await clock.sleep(30)
            return moments

    assert clock.run(run()) == [0, 0.5, 1.0]
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "1/4 of the rate" in caplog.text
    assert str(tmp_path) in caplog.text


def test_a_follower_whose_board_fails_thinks_for_itself_about_a_429(tmp_path: Path) -> None:
    clock, folder = FakeClock(), tmp_path / "account"

    async def run() -> tuple[float, float]:
        async with shard(clock, local(folder), planned=2) as one:
            working = asyncio.ensure_future(busy(one, clock, 12, []))
            await clock.sleep(1)
            async with shard(clock, local(folder), planned=2) as two:
                other = asyncio.ensure_future(busy(two, clock, 12, []))
                await clock.sleep(5)
                shutil.rmtree(folder)
                folder.touch()
                await clock.sleep(1.5)
                before = two.rate_per_s
                two.throttled(1.0)
                after = two.rate_per_s
                await asyncio.gather(working, other)
                return before, after

    before, after = clock.run(run())
    assert before == pytest.approx(4.0)
    assert after == pytest.approx(before / 2)


def test_a_board_that_works_again_is_used_again(tmp_path: Path) -> None:
    clock = FakeClock()
    (tmp_path / "account").touch()

    async def run() -> tuple[float, float]:
        async with shard(clock, local(tmp_path) / "account", planned=4) as limits:
            await starts(limits, clock, 1)
            alone = limits.rate_per_s
            (tmp_path / "account").unlink()
            await busy(limits, clock, 7, [])
            return alone, limits.rate_per_s

    assert clock.run(run()) == pytest.approx((2.0, 8.0))
