"""The one signal that ends a batch early: nothing new starts, what is in flight finishes and is saved.

It knows nothing of calls or files. The first reason counts; later ones are the same end seen from elsewhere.
"""

from __future__ import annotations

import asyncio


class StopSignal:
    """Set once, seen by all; must be made and set on the event loop's thread (others: ``call_soon_threadsafe``)."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self.reason: Exception | None = None

    def set(self, reason: Exception) -> None:
        """Stop because of ``reason``."""
        if self.reason is None:
            self.reason = reason
            self._event.set()

    def is_set(self) -> bool:
        """Return whether nothing new may start."""
        return self._event.is_set()

    async def wait(self) -> None:
        """Return when it is set."""
        await self._event.wait()
