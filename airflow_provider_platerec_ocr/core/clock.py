"""The only home of time and sleep; everything else is handed a :class:`Clock`, so that tests never wait."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where time comes from."""

    def monotonic(self) -> float:
        """Return seconds that never go back; only differences mean something."""
        ...

    def now(self) -> datetime:
        """Return the wall clock's time, aware, in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after ``seconds`` (at once where it is not positive)."""
        ...

    def pause(self, seconds: float) -> None:
        """Block the thread for ``seconds``."""
        ...


class SystemClock:
    """The machine's clock."""

    def monotonic(self) -> float:
        """Return :func:`time.monotonic`."""
        return time.monotonic()

    def now(self) -> datetime:
        """Return the present in UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Sleep without blocking the loop."""
        await asyncio.sleep(max(0.0, seconds))

    def pause(self, seconds: float) -> None:
        """Sleep, blocking the thread."""
        time.sleep(max(0.0, seconds))
