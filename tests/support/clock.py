"""A clock whose time moves only when a test says so, or when everything waits.

Two ways to use it::

    clock = FakeClock()                       # by hand, inside any running loop
    task = asyncio.create_task(code_that_sleeps(clock))
    await clock.advance(5)                    # wakes sleepers in order, letting each run before time moves on

    clock = FakeClock()                       # by itself: hours pass in milliseconds
    result = clock.run(code_that_sleeps(clock))

``run`` drives the coroutine on an event loop of its own whose ``time()`` *is* the fake clock. Whenever the loop would
block with nothing to do, time jumps to the next timer. So ``clock.sleep``, ``asyncio.sleep``, ``asyncio.timeout`` and a
library's own timeouts all run on virtual time, in the right order. Time stands still while a job of
``loop.run_in_executor`` or ``asyncio.to_thread`` runs (unless that job sits in ``clock.pause``), and where sockets are
open a few real milliseconds are granted to their traffic before each jump. A server that a test talks to should
therefore live in the same loop; a server in another thread or process answers on real time, and is for tests without
a fake clock. If nothing can ever happen again, ``run`` raises :class:`Stuck` instead of hanging.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import selectors
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from concurrent.futures import Executor

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

START = datetime(2026, 3, 1, 22, 0, tzinfo=UTC)
SLICE_S = 0.002
"""Real seconds between two looks at jobs in threads."""


class Stuck(RuntimeError):
    """Everything waits, and nothing is left that could wake it."""


class FakeClock:
    """Virtual time, as a :class:`airflow_provider_platerec_ocr.core.clock.Clock`."""

    def __init__(self, start: datetime = START, *, monotonic: float = 1000.0) -> None:
        self.elapsed_s = 0.0
        """Virtual seconds since the clock was made."""
        self.slept: list[float] = []
        """Every wait that was asked for through :meth:`sleep` and :meth:`pause`, in order."""
        self._start = start
        self._monotonic = monotonic
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._loop: _WarpLoop | None = None

    def monotonic(self) -> float:
        return self._monotonic + self.elapsed_s

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.elapsed_s)

    async def sleep(self, seconds: float) -> None:
        """Suspend until virtual time has moved on; a cancelled sleeper is forgotten."""
        self.slept.append(seconds)
        loop = asyncio.get_running_loop()
        if seconds <= 0 or loop is self._loop:
            await asyncio.sleep(max(0.0, seconds))
            return
        waiter: asyncio.Future[None] = loop.create_future()
        heapq.heappush(self._sleepers, (self.elapsed_s + seconds, next(self._order), waiter))
        await waiter

    def pause(self, seconds: float) -> None:
        """In a thread beside :meth:`run`, block until time has moved on; elsewhere, move time on."""
        self.slept.append(seconds)
        loop = self._loop
        if loop is not None and not loop.owns_this_thread():
            loop.pause_thread(max(0.0, seconds))
        else:
            self.tick(seconds)

    def tick(self, seconds: float) -> None:
        """Move time on at once, without letting anybody run in between (for code without a loop)."""
        self.elapsed_s += max(0.0, seconds)

    async def advance(self, seconds: float) -> None:
        """Move time on by ``seconds``, waking each sleeper at its time and letting it run until it waits again."""
        target = self.elapsed_s + seconds
        await self.settle()
        while self._sleepers and self._sleepers[0][0] <= target:
            when, _, waiter = heapq.heappop(self._sleepers)
            if not waiter.done():
                self.elapsed_s = max(self.elapsed_s, when)
                waiter.set_result(None)
                await self.settle()
        self.elapsed_s = max(self.elapsed_s, target)
        await self.settle()

    async def settle(self, turns: int = 50) -> None:
        """Let the loop turn until everybody had the chance to reach their next wait."""
        for _ in range(turns):
            await asyncio.sleep(0)

    @property
    def sleeping(self) -> int:
        """How many sleepers wait for :meth:`advance`."""
        return sum(not waiter.done() for _, _, waiter in self._sleepers)

    def run(self, main: Coroutine[Any, Any, T], *, grace_s: float = 0.005, stuck_after_s: float = 60.0) -> T:
        """Run ``main`` to its end on virtual time and return its result.

        :param grace_s: real seconds granted to open sockets before each jump; no effect where none are open.
        :param stuck_after_s: real seconds without any event after which a loop with no timer counts as stuck.
        """
        with asyncio.Runner(loop_factory=lambda: _WarpLoop(self, grace_s, stuck_after_s)) as runner:
            loop = runner.get_loop()
            assert isinstance(loop, _WarpLoop)
            self._loop = loop
            try:
                return runner.run(_until_done(main, loop))
            finally:
                self._loop = None


async def _until_done(main: Coroutine[Any, Any, T], loop: _WarpLoop) -> T:
    try:
        return await main
    finally:
        loop.warping = False  # closing the loop's own threads takes real time


class _WarpLoop(asyncio.SelectorEventLoop):
    """An event loop that lives on a :class:`FakeClock`."""

    def __init__(self, clock: FakeClock, grace_s: float, stuck_after_s: float) -> None:
        self.warping = True
        self._clock = clock
        self._thread = threading.get_ident()
        self._jobs = 0
        self._paused = 0
        self._lock = threading.Lock()
        super().__init__(_WarpSelector(self, clock, grace_s, stuck_after_s))

    def time(self) -> float:
        return self._clock.monotonic()

    def owns_this_thread(self) -> bool:
        return threading.get_ident() == self._thread

    @property
    def busy(self) -> bool:
        """Whether a job in a thread is doing something other than waiting for virtual time."""
        with self._lock:
            return self._jobs > self._paused

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        future = super().run_in_executor(executor, func, *args)
        self._count(jobs=1)
        future.add_done_callback(lambda _: self._count(jobs=-1))
        return future

    def pause_thread(self, seconds: float) -> None:
        over = threading.Event()

        def wake() -> None:
            self._count(paused=-1)
            over.set()

        def plan() -> None:
            self.call_later(seconds, wake)
            self._count(paused=1)

        self.call_soon_threadsafe(plan)
        over.wait()

    def _count(self, *, jobs: int = 0, paused: int = 0) -> None:
        with self._lock:
            self._jobs += jobs
            self._paused += paused


class _WarpSelector(selectors.DefaultSelector):
    """Looks at the sockets as usual; where the loop would block, moves the clock on instead."""

    def __init__(self, loop: _WarpLoop, clock: FakeClock, grace_s: float, stuck_after_s: float) -> None:
        super().__init__()
        self._loop = loop
        self._clock = clock
        self._grace_s = grace_s
        self._stuck_after_s = stuck_after_s

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout <= 0:
            return super().select(0)
        if not self._loop.warping:
            found = super().select(None if timeout is None else min(timeout, 1.0))
            self._clock.elapsed_s += 0.0 if found or timeout is None else timeout
            return found
        give_up = time.monotonic() + self._stuck_after_s
        found = super().select(self._grace_s if len(self.get_map()) > 1 else 0)
        while not found and (timeout is None or self._loop.busy):
            if time.monotonic() > give_up and not self._loop.busy:
                message = "everything waits, and no timer, job or socket is left to wake it"
                raise Stuck(message)
            found = super().select(SLICE_S)
        if not found and timeout is not None:
            self._clock.elapsed_s += timeout
        return found
