"""How many requests of the page run at once, and the headers that every answer has.

The API server runs all blocking work in one pool of threads. A store that hangs must not take them all: no more than a
few are ever the page's, and who comes then is told so instead of being kept waiting.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

AT_ONCE = 8
"""Requests that run at once, of the 40 threads that the API server has."""
PATIENCE_S = 10.0
"""Seconds for which a request waits for its turn."""
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'self'; frame-ancestors 'self'"
)
"""Nothing is fetched from another host, no script is inline, and only Airflow itself may frame the page."""
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Turnstile:
    """An ASGI middleware.

    :param at_once: requests that run at once.
    :param patience_s: seconds for which one waits for its turn.
    """

    def __init__(self, app: ASGIApp, *, at_once: int = AT_ONCE, patience_s: float = PATIENCE_S) -> None:
        self._app = app
        self._turns = asyncio.Semaphore(at_once)
        self._patience_s = patience_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or say that there are too many."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if "/static/" in scope["path"]:  # asked for again with each page, and answered by a 304
                    headers["Cache-Control"] = "no-cache"
            await send(message)

        try:
            await asyncio.wait_for(self._turns.acquire(), self._patience_s)
        except TimeoutError:
            busy = PlainTextResponse("Too many pages are being made just now. Load this one again in a moment.", 503)
            await busy(scope, receive, with_headers)
            return
        try:
            await self._app(scope, receive, with_headers)
        finally:
            self._turns.release()
