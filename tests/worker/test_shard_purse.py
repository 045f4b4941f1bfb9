"""A call beyond the grant asks the account first: nothing waits for an answer that does not come."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.core.errors import OCRDrained, OCRUnavailable
from airflow_provider_platerec_ocr.core.models import Owner, Statistics
from airflow_provider_platerec_ocr.engine.ledger.purse import RunPurse, Tools
from airflow_provider_platerec_ocr.engine.reading.stop import StopSignal
from airflow_provider_platerec_ocr.worker.shard_purse import asked

if TYPE_CHECKING:
    from collections.abc import Callable


class Account:
    """A client whose statistics come when they are let."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()

    async def statistics(self) -> Statistics:
        await self.may_answer.wait()
        return Statistics(calls=1, total_calls=2)


def test_the_statistics_are_handed_on() -> None:
    async def main() -> Statistics:
        account: Any = Account()
        account.may_answer.set()
        return await asked(account, StopSignal())

    assert asyncio.run(main()).remaining == 1


def test_statistics_that_take_too_long_are_an_error_of_the_account_and_no_fault() -> None:
    async def main() -> None:
        account: Any = Account()
        await asked(account, StopSignal(), within_s=0.01)

    with pytest.raises(OCRUnavailable, match="did not answer within"):
        asyncio.run(main())


def test_nobody_waits_for_the_statistics_after_a_stop() -> None:
    async def main() -> None:
        stop, account = StopSignal(), Account()
        waiting = asyncio.ensure_future(asked(account, stop))  # type: ignore[arg-type]  # as much of a client as is needed
        await asyncio.sleep(0)
        stop.set(OCRDrained("told to stop"))
        await waiting

    with pytest.raises(OCRUnavailable, match="before the task was stopped"):
        asyncio.run(main())


class Slow:
    """Reserves calls once it is let, in a thread, as it would ask the account."""

    def __init__(self, wait: Callable[[], object]) -> None:
        self._wait = wait

    def reserve(self, _wanted: int, _in_hand: int) -> int:
        self._wait()
        return 1


def test_a_purse_is_settled_once_nothing_is_drawn_any_more() -> None:
    """An image that is given up leaves its draw behind, in a thread that may wait for the loop."""

    async def main() -> bool:
        loop, begun, answered = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()

        async def io(function: Any, *given: Any) -> Any:
            return await asyncio.to_thread(function, *given)

        def wait() -> None:
            loop.call_soon_threadsafe(begun.set)
            asyncio.run_coroutine_threadsafe(answered.wait(), loop).result()

        slow: Any = Slow(wait)
        purse = RunPurse(Tools(io=io, owner=Owner(), more=slow))
        await purse.settle()  # nothing was drawn yet
        taking = asyncio.ensure_future(purse.take(1))
        await begun.wait()
        taking.cancel()
        settling = asyncio.ensure_future(purse.settle())
        await asyncio.sleep(0)
        early = settling.done()
        answered.set()
        await settling
        return early

    assert asyncio.run(main()) is False
