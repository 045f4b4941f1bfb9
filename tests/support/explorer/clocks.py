"""Clocks of the explored world: every machine's runs as fast as the store's, and tells another time of day."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from support.explorer.world import World

BOOTED_S = 5_000.0
"""By how much a machine's monotonic clock is ahead of the world's seconds."""


class WorkerClock:
    """One machine's clocks.

    :param skew_s: how far its wall clock is ahead of the store's.
    """

    def __init__(self, world: World, skew_s: float) -> None:
        self._world = world
        self._skew_s = skew_s

    def monotonic(self) -> float:
        return BOOTED_S + self._world.now_s

    def now(self) -> datetime:
        return self._world.now() + timedelta(seconds=self._skew_s)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))

    def pause(self, seconds: float) -> None:
        raise NotImplementedError(seconds)
