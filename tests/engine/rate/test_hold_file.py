"""Holds: how long they last whatever the clocks of the workers say, and the one call that asks after a long one."""

from __future__ import annotations

import asyncio
import json
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.core.backoff import LONGEST_HOLD_S
from airflow_provider_platerec_ocr.engine.rate.board import PaceBoard
from airflow_provider_platerec_ocr.engine.rate.hold_file import Hold, HoldFile
from airflow_provider_platerec_ocr.engine.rate.limiter import StartLimiter
from airflow_provider_platerec_ocr.storage.store import Store
from support.clock import FakeClock
from support.pictures import local

if TYPE_CHECKING:
    from pathlib import Path

MONTH_S = 30 * 86_400.0


class Off(FakeClock):
    """A worker's clock that is minutes off."""

    def __init__(self, off_s: float) -> None:
        super().__init__()
        self.off_s = off_s

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.off_s)


def file(folder: Path, off_s: float = 0.0) -> HoldFile:
    return HoldFile(Store(local(folder)), Off(off_s))


def left_s(folder: Path, off_s: float = 0.0) -> float:
    return file(folder, off_s).posted().until_s - Off(off_s).now().timestamp()


@pytest.mark.parametrize("writer_s", [-600.0, 0.0, 600.0])
@pytest.mark.parametrize("reader_s", [-600.0, 0.0, 600.0])
def test_a_hold_lasts_as_long_whatever_the_clocks_say(tmp_path: Path, writer_s: float, reader_s: float) -> None:
    writer = Off(writer_s)
    HoldFile(Store(local(tmp_path)), writer).post(writer.now().timestamp() + 5.0)

    assert left_s(tmp_path, reader_s) == pytest.approx(5.0, abs=1.5)


def test_a_hold_grows_old_on_the_stores_clock(tmp_path: Path) -> None:
    file(tmp_path, 600.0).post(Off(600.0).now().timestamp() + 50.0)
    path = tmp_path / "hold.json"
    moment = path.stat().st_mtime - 30.0
    os.utime(path, (moment, moment))

    assert left_s(tmp_path, -600.0) == pytest.approx(20.0, abs=1.5)


def test_a_store_that_dates_in_whole_seconds_shortens_no_hold(tmp_path: Path) -> None:
    file(tmp_path).post(Off(0.0).now().timestamp() + 5.0)
    path = tmp_path / "hold.json"
    whole = float(int(path.stat().st_mtime))
    os.utime(path, (whole, whole))

    assert left_s(tmp_path) >= 4.9


@pytest.mark.parametrize(
    ("wait_s", "held_s", "asks"), [(30.0, 30.0, False), (MONTH_S, LONGEST_HOLD_S, True), (-5.0, -5.0, False)]
)
def test_a_hold_of_an_older_version_is_understood(
    tmp_path: Path,
    wait_s: float,
    held_s: float,
    asks: bool,  # noqa: FBT001  # a truth table's column
) -> None:
    until_s = Off(0.0).now().timestamp() + wait_s
    (tmp_path / "hold.json").write_text(json.dumps({"until_s": until_s, "throttled_at_s": 7.0}))

    posted = file(tmp_path).posted()

    assert posted.until_s - Off(0.0).now().timestamp() == pytest.approx(held_s, abs=2.0)
    assert (posted.throttled_at_s, posted.ask_first) == (7.0, asks)


def test_an_older_version_understands_a_hold(tmp_path: Path) -> None:
    until_s = Off(0.0).now().timestamp() + 30.0
    file(tmp_path).post(until_s, throttled_at_s=9.0)

    found = json.loads((tmp_path / "hold.json").read_bytes())

    assert (found["until_s"], found["throttled_at_s"]) == (until_s, 9.0)


def test_one_of_many_may_ask(tmp_path: Path) -> None:
    file(tmp_path).post(Off(0.0).now().timestamp() + 5.0, ask_first=True)

    assert [file(tmp_path).ask(300.0) for _ in range(5)] == [True, False, False, False, False]


def test_who_asked_in_vain_lets_the_next_one_ask(tmp_path: Path) -> None:
    one, two = file(tmp_path), file(tmp_path)
    one.post(Off(0.0).now().timestamp() + 5.0, ask_first=True)
    one.asked_in_vain()

    assert one.ask(300.0)
    one.asked_in_vain()
    assert two.ask(300.0)
    assert not one.ask(300.0)


def test_who_died_asking_is_waited_for_no_longer_than_a_lease(tmp_path: Path) -> None:
    one, two = file(tmp_path), file(tmp_path)
    one.post(Off(0.0).now().timestamp() + 5.0, ask_first=True)
    assert one.ask(300.0)
    (asked,) = tmp_path.glob("*.ask")
    moment = asked.stat().st_mtime - 301.0
    os.utime(asked, (moment, moment))

    assert two.ask(300.0)


def test_an_answer_opens_the_account(tmp_path: Path) -> None:
    one, two = file(tmp_path), file(tmp_path)
    one.post(Off(0.0).now().timestamp() + 5.0, throttled_at_s=3.0, ask_first=True)
    one.open()

    assert two.posted() == Hold(0.0, 3.0)


def test_after_a_wait_of_a_month_one_call_asks_in_an_hour_and_the_others_follow() -> None:
    clock = FakeClock()

    async def run() -> list[float]:
        limits = StartLimiter(clock=clock, ceiling_per_s=10.0, max_in_flight=100)
        (await limits.start()).done()
        limits.throttled(MONTH_S)
        limits.throttled(MONTH_S)
        moments = []

        async def call(*, takes_s: float) -> None:
            permit = await limits.start()
            moments.append(clock.elapsed_s)
            await clock.sleep(takes_s)
            limits.succeeded()
            permit.done()

        await asyncio.gather(*(call(takes_s=20.0) for _ in range(3)))
        return moments

    first, second, third = clock.run(run())

    assert first == pytest.approx(LONGEST_HOLD_S, abs=1.0)
    assert second == pytest.approx(first + 20.0, abs=4.0)
    assert third == pytest.approx(second, abs=1.0)


def test_a_call_that_asks_and_is_refused_again_holds_for_another_hour() -> None:
    clock = FakeClock()

    async def run() -> list[float]:
        limits = StartLimiter(clock=clock, ceiling_per_s=10.0, max_in_flight=100)
        limits.hold(MONTH_S)
        moments = []
        for _ in range(3):
            permit = await limits.start()
            moments.append(clock.elapsed_s)
            limits.throttled(MONTH_S)
            permit.done()
        return moments

    moments = clock.run(run())

    assert moments == pytest.approx([LONGEST_HOLD_S, 2 * LONGEST_HOLD_S, 3 * LONGEST_HOLD_S], abs=3.0)


def test_a_call_that_asks_and_says_nothing_is_followed_by_another_alone() -> None:
    clock = FakeClock()

    async def run() -> int:
        limits = StartLimiter(clock=clock, ceiling_per_s=10.0, max_in_flight=100)
        limits.hold(MONTH_S)
        (await limits.start()).done()
        await limits.start()
        waiting = asyncio.ensure_future(limits.start())
        await clock.sleep(30.0)
        assert not waiting.done()
        limits.succeeded()
        (await waiting).done()
        return limits.in_flight

    assert clock.run(run()) == 1


@pytest.mark.no_cover
@pytest.mark.slow
def test_two_shards_send_one_call_that_asks(tmp_path: Path) -> None:
    clock = FakeClock()

    async def run() -> tuple[int, int]:
        shards = [
            StartLimiter(
                clock=clock,
                ceiling_per_s=10.0,
                max_in_flight=100,
                board=PaceBoard(local(tmp_path), shard=name, clock=clock),
                planned_shards=2,
            )
            for name in ("one", "two")
        ]
        beating = [asyncio.ensure_future(shard.run_heartbeat()) for shard in shards]
        await clock.sleep(5.0)
        shards[0].throttled(MONTH_S)
        await clock.sleep(5.0)
        waiting = [asyncio.ensure_future(shard.start()) for shard in shards for _ in range(3)]
        await clock.sleep(LONGEST_HOLD_S + 60.0)
        asked = [each.result() for each in waiting if each.done()]
        for shard in shards:
            shard.succeeded()
        for permit in asked:
            permit.done()
        await clock.sleep(30.0)
        started = sum(each.done() for each in waiting)
        for beat in beating:
            beat.cancel()
        await asyncio.gather(*beating, return_exceptions=True)
        return len(asked), started

    assert clock.run(run()) == (1, 6)


def test_a_lifted_hold_lets_a_waiting_shard_go(tmp_path: Path) -> None:
    clock = FakeClock()

    async def run() -> float:
        board = PaceBoard(local(tmp_path), shard="one", clock=clock)
        limits = StartLimiter(clock=clock, ceiling_per_s=10.0, max_in_flight=100, board=board)
        beating = asyncio.ensure_future(limits.run_heartbeat())
        await clock.sleep(2.0)
        limits.throttled(MONTH_S)
        await clock.sleep(2.0)
        waiting = asyncio.ensure_future(limits.start())
        await clock.sleep(10.0)
        assert not waiting.done()
        HoldFile(Store(local(tmp_path)), clock).open(lifted=True)
        (await waiting).done()
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
        return clock.elapsed_s

    assert clock.run(run()) < 20.0
