"""What wakes the limiter's one waiter: the moment for which it sleeps, or a change that comes before."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.clock import Clock


class Change:
    """An event that one waiter waits for, at most for a time; each start does, so it has to be cheap."""

    def __init__(self) -> None:
        self._came = False
        self._waiter: asyncio.Future[None] | None = None

    def set(self) -> None:
        """Wake who waits, or will."""
        self._came = True
        self._wake()

    def clear(self) -> None:
        """Forget what came."""
        self._came = False

    async def within(self, seconds: float, clock: Clock) -> None:
        """Return when it has come, or ``seconds`` are over."""
        if self._came:
            return
        waiter = self._waiter = asyncio.get_running_loop().create_future()
        sleeping = None if seconds == math.inf else asyncio.ensure_future(clock.sleep(seconds))
        if sleeping is not None:
            sleeping.add_done_callback(self._wake)
        try:
            await waiter
        finally:
            if sleeping is not None:
                sleeping.remove_done_callback(self._wake)
                sleeping.cancel()

    def _wake(self, _: object = None) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
