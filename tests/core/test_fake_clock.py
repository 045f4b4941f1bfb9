"""The suite's own clock, since a clock that lies would let every other test pass."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.core.clock import SystemClock
from support.clock import START, FakeClock, Stuck

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.clock import Clock


def test_sleepers_wake_in_order_at_their_own_times() -> None:
    clock = FakeClock()
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((name, clock.elapsed_s))

    async def main() -> None:
        tasks = [asyncio.create_task(sleeper("late", 3)), asyncio.create_task(sleeper("early", 1))]
        await clock.advance(2)
        assert woken == [("early", 1.0)]
        assert clock.sleeping == 1
        await clock.advance(2)
        await asyncio.gather(*tasks)

    asyncio.run(main())

    assert woken == [("early", 1.0), ("late", 3.0)]
    assert clock.slept == [3, 1]
    assert clock.elapsed_s == 4


def test_a_cancelled_sleeper_is_forgotten() -> None:
    clock = FakeClock()

    async def main() -> None:
        task = asyncio.create_task(clock.sleep(1))
        await clock.settle()
        task.cancel()
        await clock.advance(5)
        assert task.cancelled()

    asyncio.run(main())


def test_hours_pass_by_themselves_in_milliseconds() -> None:
    clock = FakeClock()

    async def main() -> str:
        async with asyncio.timeout(7200):
            await clock.sleep(3600)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await clock.sleep(3600)
        return "done"

    began = time.monotonic()

    assert clock.run(main()) == "done"

    assert time.monotonic() - began < 2
    assert clock.elapsed_s == pytest.approx(3660)
    assert clock.now() - START == pytest.approx(timedelta(seconds=3660), abs=timedelta(seconds=1))


def test_time_stands_still_while_a_thread_works() -> None:
    clock = FakeClock()

    async def main() -> float:
        ticker = asyncio.create_task(clock.sleep(1000))
        await asyncio.to_thread(time.sleep, 0.03)
        elapsed_s = clock.elapsed_s
        ticker.cancel()
        return elapsed_s

    assert clock.run(main()) == 0


def test_a_thread_that_pauses_waits_for_virtual_time() -> None:
    clock = FakeClock()

    async def main() -> None:
        await asyncio.gather(asyncio.to_thread(clock.pause, 30), clock.sleep(10))

    clock.run(main())

    assert clock.elapsed_s == pytest.approx(30)


def test_loopback_traffic_comes_before_the_next_jump() -> None:
    clock = FakeClock()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        await writer.drain()
        writer.close()

    async def main() -> bytes:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server, asyncio.timeout(5):
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
            writer.write(b"hello\n")
            line = await reader.read()
            writer.close()
            await writer.wait_closed()
        return line

    assert clock.run(main()) == b"hello\n"
    assert clock.elapsed_s < 5


def test_a_deadlock_is_an_error_and_not_a_hang() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Stuck, match="no timer"):
        FakeClock().run(main(), stuck_after_s=0.02)


def test_pause_moves_time_where_no_loop_runs() -> None:
    clock = FakeClock()
    before_s = clock.monotonic()

    clock.pause(5)
    clock.pause(-1)

    assert clock.monotonic() - before_s == 5


@pytest.mark.parametrize("clock", [SystemClock(), FakeClock()])
def test_both_clocks_keep_the_protocol(clock: Clock) -> None:
    before_s = clock.monotonic()

    clock.pause(-1)
    asyncio.run(clock.sleep(-1))

    assert clock.monotonic() >= before_s
    assert clock.now().utcoffset() == timedelta(0)
