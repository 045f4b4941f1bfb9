from __future__ import annotations

import asyncio
import itertools

import pytest

from airflow_provider_platerec_ocr.engine.rate.limiter import MARGIN, StartLimiter
from support.clock import FakeClock


def limiter(clock: FakeClock, rate: float | None = 8.0 / MARGIN, *, max_in_flight: int = 1000) -> StartLimiter:
    return StartLimiter(clock=clock, ceiling_per_s=rate, max_in_flight=max_in_flight)


async def starts(limits: StartLimiter, clock: FakeClock, number: int) -> list[float]:
    """Return when each of ``number`` calls started, in virtual seconds."""
    moments = []
    for _ in range(number):
        (await limits.start()).done()
        moments.append(round(clock.elapsed_s, 6))
    return moments


def test_starts_are_spaced_evenly_at_the_known_rate() -> None:
    clock = FakeClock()
    assert clock.run(starts(limiter(clock), clock, 5)) == [0, 0.125, 0.25, 0.375, 0.5]


def test_a_known_ceiling_is_never_quite_reached() -> None:
    clock = FakeClock()
    moments = clock.run(starts(limiter(clock, 10.0), clock, 100))
    assert all(late - early > 1.0 for early, late in zip(moments, moments[10:], strict=False))


def test_time_without_calls_is_not_saved_up() -> None:
    clock = FakeClock()

    async def run() -> list[float]:
        limits = limiter(clock)
        await starts(limits, clock, 1)
        await clock.sleep(60)
        return await starts(limits, clock, 3)

    assert clock.run(run()) == [60, 60.125, 60.25]


def test_first_come_first_served() -> None:
    clock = FakeClock()

    async def run() -> list[int]:
        limits, order = limiter(clock), []

        async def call(number: int) -> None:
            await limits.start()
            order.append(number)

        await asyncio.gather(*(call(number) for number in range(50)))
        return order

    assert clock.run(run()) == list(range(50))


def test_a_cancelled_wait_costs_neither_time_nor_place() -> None:
    clock = FakeClock()

    async def run() -> list[float]:
        limits = limiter(clock)
        await starts(limits, clock, 1)
        waiting = [asyncio.ensure_future(limits.start()) for _ in range(10)]
        await asyncio.sleep(0.06)
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert limits.in_flight == 0
        return await starts(limits, clock, 2)

    assert clock.run(run()) == [0.125, 0.25]


def test_no_more_calls_are_in_flight_than_allowed() -> None:
    clock = FakeClock()

    async def run() -> tuple[list[int], int]:
        limits, moments, peak = limiter(clock, 100.0, max_in_flight=3), list[int](), 0

        async def call() -> None:
            nonlocal peak
            permit = await limits.start()
            moments.append(round(clock.elapsed_s))
            peak = max(peak, limits.in_flight)
            await clock.sleep(10)
            permit.done()

        await asyncio.gather(*(call() for _ in range(9)))
        assert limits.in_flight == 0
        return moments, peak

    assert clock.run(run()) == ([0, 0, 0, 10, 10, 10, 20, 20, 20], 3)


def test_a_permit_given_back_twice_counts_once() -> None:
    clock = FakeClock()

    async def run() -> int:
        limits = limiter(clock)
        permit, _ = await limits.start(), await limits.start()
        permit.done()
        permit.done()
        return limits.in_flight

    assert clock.run(run()) == 1


def test_nothing_starts_before_a_hold_has_ended_and_then_the_pace_goes_on() -> None:
    clock = FakeClock()

    async def run() -> list[float]:
        limits = limiter(clock)
        waiting = asyncio.ensure_future(starts(limits, clock, 4))
        await asyncio.sleep(0.13)
        limits.hold(30)
        limits.hold(5)
        assert limits.held_for_s == pytest.approx(30)
        return await waiting

    assert clock.run(run()) == [0, 0.125, 30.13, 30.255]


def test_a_429_holds_as_long_as_it_asks_and_slows_down() -> None:
    clock = FakeClock()

    async def run() -> tuple[float, float]:
        limits = limiter(clock)
        await starts(limits, clock, 1)
        limits.throttled(90.0)
        return (await starts(limits, clock, 1))[0], limits.rate_per_s

    moment, rate = clock.run(run())
    assert moment == 90
    assert rate < 8


def test_a_429_that_asks_for_nothing_holds_for_a_second() -> None:
    clock = FakeClock()

    async def run() -> list[float]:
        limits = limiter(clock)
        await starts(limits, clock, 1)
        limits.throttled()
        return await starts(limits, clock, 1)

    assert clock.run(run()) == [1]


def test_after_one_429_the_known_rate_is_back_within_seconds() -> None:
    clock = FakeClock()

    async def run() -> float:
        limits = limiter(clock)
        await starts(limits, clock, 10)
        limits.throttled(1.0)
        await starts(limits, clock, 80)
        limits.succeeded()
        return limits.rate_per_s

    assert clock.run(run()) == pytest.approx(8.0)


def test_a_late_wake_up_does_not_lead_to_a_burst() -> None:
    clock = FakeClock()

    async def run() -> list[float]:
        limits = limiter(clock)
        waiting = asyncio.ensure_future(starts(limits, clock, 4))
        await asyncio.sleep(0.01)
        clock.tick(1.0)  # the loop was blocked
        return await waiting

    moments = clock.run(run())
    assert moments[0] == 0
    assert all(late - early >= 0.125 for early, late in itertools.pairwise(moments))


def test_an_unknown_rate_finds_the_accounts_limit_and_stays_below_it() -> None:
    clock = FakeClock()

    async def run() -> tuple[float, float]:
        limits, tokens, at, refused, sent = limiter(clock, None), 8.0, 0.0, 0, 0
        while clock.elapsed_s < 600:
            (await limits.start()).done()
            tokens, at = min(8.0, tokens + (clock.elapsed_s - at) * 8.0), clock.elapsed_s
            late = at > 60
            sent += late
            if tokens < 1:
                refused += late
                limits.throttled(1.0)
            else:
                tokens -= 1
                limits.succeeded()
        return sent / 540, refused / sent

    rate, refused = clock.run(run())
    assert 7.0 < rate <= 8.0
    assert refused < 0.02
