"""The sandbox's listening port, which can be closed for a while, as when a host or its network is away.

Knows nothing of calls: connections come in or are refused.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

    from airflow_provider_platerec_ocr.sandbox.state.clock import Clock

_BACKLOG = 2048


class Listener:
    """Listens on one address; the application has :meth:`pass_through` among its middlewares."""

    def __init__(self, host: str, port: int, clock: Clock) -> None:
        """Take the address; port 0 takes a free one, and keeps it."""
        self._host = host
        self._port = port
        self._clock = clock
        self._away: asyncio.Task[None] | None = None
        self._busy: set[asyncio.Transport | None] = set()

    @web.middleware
    async def pass_through(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Note which connections have a call in flight."""
        transport = request.transport
        self._busy.add(transport)
        try:
            return await handler(request)
        finally:
            self._busy.discard(transport)

    async def open(self, runner: web.AppRunner) -> str:
        """Begin to listen for a runner that is set up, and return the base URL.

        :raises OSError: when the port is taken.
        """
        self._runner = runner
        self._site = web.TCPSite(self._runner, self._host, self._port, backlog=_BACKLOG)
        await self._site.start()
        self._port = runner.addresses[0][1]  # TCPSite.port came with aiohttp 3.14
        return f"http://{self._host}:{self._port}"

    def leave(self, seconds: float) -> None:
        """Refuse connections for so long, and end idle ones; calls in flight go on."""
        if self._away is None or self._away.done():
            self._away = asyncio.ensure_future(self._leave(seconds))

    async def _leave(self, seconds: float) -> None:
        await self._site.stop()
        server = self._runner.server
        for connection in server.connections if server else ():
            if connection.transport in self._busy:
                connection.close()  # after its answer
            else:
                connection.force_close()
        await self._clock.sleep(seconds)
        await self.open(self._runner)

    def shut(self) -> None:
        """Stay away."""
        if self._away is not None:
            self._away.cancel()
