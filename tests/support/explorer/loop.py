"""An event loop that never waits: it runs what is ready and hands everything else to a scheduler.

Timers and jobs for threads become points of the world, which decides when they happen. A job runs in a greenlet of its
own, so that the real, blocking ledger code can be stopped at each request to its store.
"""

from __future__ import annotations

import asyncio
import contextvars
from asyncio.events import _set_running_loop  # what every event loop calls; it is in the module's __all__
from collections import deque
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class TurnLoop:
    """Runs callbacks until none is ready.

    :param time: the monotonic clock that timers are set by.
    :param timer: told of each timer: its handle, and what to do when it is due.
    :param job: told of each job for a thread: its function and its future.
    """

    def __init__(
        self,
        time: Callable[[], float],
        timer: Callable[[asyncio.TimerHandle, Callable[[], None]], None],
        job: Callable[[Callable[[], Any], asyncio.Future[Any]], None],
    ) -> None:
        self.faults: list[dict[str, Any]] = []
        """What nobody caught."""
        self._as_loop = cast("asyncio.AbstractEventLoop", self)  # as much of one as asyncio asks for
        self._time = time
        self._timer = timer
        self._job = job
        self._ready: deque[tuple[asyncio.Handle, contextvars.Context, Callable[..., object], tuple[Any, ...]]] = deque()

    def drain(self) -> None:
        """Run whatever is ready, until nothing is."""
        _set_running_loop(self._as_loop)
        try:
            while self._ready:
                handle, context, callback, args = self._ready.popleft()
                if not handle.cancelled():
                    context.run(callback, *args)
        finally:
            _set_running_loop(None)

    def time(self) -> float:
        return self._time()

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self._as_loop)

    def create_task(self, coro: Any, **_: Any) -> asyncio.Task[Any]:
        return asyncio.Task(coro, loop=self._as_loop)

    def call_soon(
        self, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self._as_loop, context)
        self._ready.append((handle, context or contextvars.copy_context(), callback, args))
        return handle

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._time() + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self._as_loop, context)
        self._timer(handle, lambda: self._ready.append((handle, contextvars.copy_context(), callback, args)))
        return handle

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:
        del executor
        future: asyncio.Future[T] = self.create_future()
        self._job(lambda: func(*args), future)
        return future

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Have its point called off, as every loop is told."""

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.faults.append(context)
