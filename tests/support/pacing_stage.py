"""Shards with their limiters and a board, against a simulated account, in virtual time.

The board lies in a simulated store, whose files age on virtual time, too, and cost a fraction of real ones. That a
board works on a real disk and on real object stores is tested elsewhere.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.engine.rate.board import PaceBoard
from airflow_provider_platerec_ocr.engine.rate.limiter import StartLimiter
from support.accounts import ROUND_TRIP_S
from support.clock import FakeClock
from support.simulated_store import SimulatedStore

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Sequence

    from support.accounts import Account


class Inline(Executor):
    """Runs each job at once in the caller's thread, so that a simulation does the same each time."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **more: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(function(*args, **more))
        except BaseException as error:  # noqa: BLE001  # whatever it is, it belongs to who waits for the job
            future.set_exception(error)
        return future


@dataclass(frozen=True)
class Shard:
    """When a shard is there, and how."""

    begins_s: float = 0.0
    ends_s: float = 1e9
    """When it has no more images."""
    killed: bool = False
    """Whether its process dies then, so that its heartbeat stays behind."""


@dataclass
class Stage:
    """A number of shards of one account, of which some come late or end early."""

    account: Account
    shards: Sequence[Shard]
    ceiling_per_s: float | None = None
    changes: Sequence[tuple[float, float]] = ()
    """Time, and the account's limit from then on."""
    near: bool = True
    """Whether looking at the board costs next to nothing, as on a disk."""
    clock: FakeClock = field(default_factory=FakeClock)
    store: SimulatedStore | None = None
    """Where the board is, if other runs have a part in it."""
    calls: list[tuple[float, int, bool]] = field(default_factory=list)
    """When each call came, from which shard, and whether it was accepted."""

    def run(self, seconds: float, *, beside: Coroutine[Any, Any, None] | None = None) -> Stage:
        """Send as fast as the limiters allow.

        :param beside: what else is done meanwhile.
        """
        self.clock.run(self._run(seconds, () if beside is None else (beside,)))
        return self

    async def _run(self, seconds: float, beside: Iterable[Coroutine[Any, Any, None]]) -> None:
        store = self.store or SimulatedStore(self.clock)
        shards = [self._shard(index, seconds, store) for index in range(len(self.shards))]
        changes = [self._change(at, limit) for at, limit in self.changes]
        await asyncio.gather(*shards, *changes, *beside)

    async def _change(self, at: float, limit: float) -> None:
        await self.clock.sleep(at)
        self.account.limit_per_s = limit

    async def _shard(self, index: int, seconds: float, store: SimulatedStore) -> None:
        shard, calls = self.shards[index], set[asyncio.Task[None]]()
        await self.clock.sleep(shard.begins_s)
        board = PaceBoard(store.place(), shard=f"{index:02}", clock=self.clock)
        board.is_local = self.near
        limits = StartLimiter(
            clock=self.clock,
            ceiling_per_s=self.ceiling_per_s,
            max_in_flight=10_000,
            board=board,
            planned_shards=len(self.shards),
            executor=Inline(),
        )
        heart = asyncio.ensure_future(limits.run_heartbeat())
        while self.clock.elapsed_s < min(shard.ends_s, seconds):
            permit = await limits.start()
            call = asyncio.ensure_future(self._call(index, limits))
            calls.add(call)
            call.add_done_callback(calls.discard)
            permit.done()
        if shard.killed:
            board.leave = lambda: None  # type: ignore[method-assign]  # a killed one does not say good-bye
        heart.cancel()
        await asyncio.gather(heart, *calls, return_exceptions=True)

    async def _call(self, index: int, limits: StartLimiter) -> None:
        await self.clock.sleep(ROUND_TRIP_S / 2)
        ok = self.account.accepts(self.clock.elapsed_s)
        self.calls.append((self.clock.elapsed_s, index, ok))
        await self.clock.sleep(ROUND_TRIP_S / 2)
        if ok:
            limits.succeeded()
        else:
            limits.throttled(1.0)

    def accepted_per_s(self, start_s: float, end_s: float, shard: int | None = None) -> float:
        """Return what the limit let through a second, of one shard or of all."""
        found = sum(ok and start_s <= at < end_s and shard in {None, index} for at, index, ok in self.calls)
        return found / (end_s - start_s)

    def refused_share(self) -> float:
        """Return the part of all calls that was refused."""
        return sum(not ok for _, _, ok in self.calls) / len(self.calls)
