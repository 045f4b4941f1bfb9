"""How many requests of the page run at once, what a form may bring, and the headers that every answer has.

The API server runs all blocking work in one pool of threads. A store that hangs must not take them all: no more than a
few are ever the page's, and who comes then is told so instead of being kept waiting. Nor may who sends slowly keep a
turn, signed in or not: a form is taken in before its request gets one, and it is small and in time, or refused.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

AT_ONCE = 8
"""Requests that run at once, of the 40 threads that the API server has."""
PATIENCE_S = 10.0
"""Seconds for which a request waits for its turn."""
LARGEST_BODY = 64 * 1024
"""Bytes of a form."""
BODY_S = 10.0
"""Seconds in which a whole form must have come."""
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
    :param body_s: seconds in which its body must have come.
    """

    def __init__(
        self, app: ASGIApp, *, at_once: int = AT_ONCE, patience_s: float = PATIENCE_S, body_s: float = BODY_S
    ) -> None:
        self._app = app
        self._turns = asyncio.Semaphore(at_once)
        self._patience_s = patience_s
        self._body_s = body_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or say why not: its body, or too many others."""
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
            async with asyncio.timeout(self._body_s):
                body = await _body_of(scope, receive)
        except TimeoutError:
            await _refusal("The form did not arrive in time. Try again.", 408)(scope, receive, with_headers)
            return
        if body is None:
            await _refusal("This is more than any form of this page.", 413)(scope, receive, with_headers)
            return
        try:
            await asyncio.wait_for(self._turns.acquire(), self._patience_s)
        except TimeoutError:
            busy = PlainTextResponse("Too many pages are being made just now. Load this one again in a moment.", 503)
            await busy(scope, receive, with_headers)
            return
        try:
            await self._app(scope, _again(body, receive), with_headers)
        finally:
            self._turns.release()


async def _body_of(scope: Scope, receive: Receive) -> list[Message] | None:
    """Return the messages of a request's body; ``None`` where it is too large."""
    said = Headers(scope=scope).get("content-length", "")
    if said.isdecimal() and int(said[:20]) > LARGEST_BODY:
        return None
    messages: list[Message] = []
    size, is_more = 0, True
    while is_more:  # a body need not be as long as it says, nor say how long it is
        message = await receive()
        size += len(message.get("body", b""))
        if size > LARGEST_BODY:
            return None
        is_more = message.get("more_body", False)
        if message.get("body") or not is_more:
            messages.append(message)
    return messages


def _again(messages: list[Message], receive: Receive) -> Receive:
    """Return what hands out messages that have come, and then what comes."""
    left = deque(messages)

    async def receive_again() -> Message:
        return left.popleft() if left else await receive()

    return receive_again


def _refusal(said: str, status: int) -> PlainTextResponse:
    """Return an answer after which nothing more of this connection is read."""
    return PlainTextResponse(said, status, headers={"Connection": "close"})
