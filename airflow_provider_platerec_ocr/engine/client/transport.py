"""One HTTP exchange over aiohttp, knowing at each moment whether the whole body has left.

It never retries, follows no redirect, and does not know what an answer means (that is :mod:`...core.wire`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from airflow_provider_platerec_ocr.core.answer.compression import inflated
from airflow_provider_platerec_ocr.engine.client.failures import detail_of, failure
from airflow_provider_platerec_ocr.engine.client.session import KEEPALIVE_S, open_session, phases
from airflow_provider_platerec_ocr.engine.client.trust import proxy_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.core.settings import ClientSettings
    from airflow_provider_platerec_ocr.core.wire import Request

CHUNK_BYTES = 64 * 1024
MAX_ANSWER_BYTES = 16 * 1024 * 1024
"""Longer answers are cut off: a read is a few hundred bytes, and memory is the worker's."""


class Sending:
    """A request on its way: an async iterable of chunks that knows when the last one was handed over.

    It keeps the body only until then, so that hundreds of calls that wait 30 s for their answers hold no images.
    Whoever made the request has to let go of it, too.

    :param request: what to send.
    :param secrets: what is cut out of the answer, should the API repeat it.
    :param on_sent: called once, when the last byte of the body has been handed to the connection.
    """

    def __init__(
        self, request: Request, on_sent: Callable[[], None] | None = None, secrets: tuple[str, ...] = ()
    ) -> None:
        self.secrets = secrets
        self.method = request.method
        self.url = request.url
        self.headers = dict(request.headers)
        self.whole = False
        """Whether the body has left; a request without a body costs nothing, and never is."""
        self._body = request.body
        self._at = 0
        self._on_sent = on_sent
        if request.body is not None:
            self.headers["Content-Length"] = str(len(request.body))

    @property
    def has_body(self) -> bool:
        """Whether there are bytes left to send."""
        return self._body is not None

    def __aiter__(self) -> Self:
        """Return itself: it can be sent once."""
        return self

    async def __anext__(self) -> bytes:
        """Return the next chunk; asking for one more means that the last was written."""
        body = self._body
        if body is None:
            raise StopAsyncIteration
        if self._at < len(body):
            chunk = body[self._at : self._at + CHUNK_BYTES]
            self._at += len(chunk)
            return chunk
        self._body = None
        self.whole = True
        if self._on_sent is not None:
            self._on_sent()
        raise StopAsyncIteration


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    """HTTP status."""
    headers: Mapping[str, str]
    """Case-insensitive."""
    body: bytes
    """At most :data:`MAX_ANSWER_BYTES`; decompressed."""
    cut_off: str = ""
    """Why the body is not whole, or empty."""


class Transport:
    """One session to one account; an async context manager.

    :param settings: account, base URL, timeouts, TLS and proxy.
    :param clock: measures how long a call took.
    :param keepalive_s: how long an idle connection may be reused.
    """

    def __init__(self, settings: ClientSettings, clock: Clock, *, keepalive_s: float = KEEPALIVE_S) -> None:
        self._settings = settings
        self._keepalive_s = keepalive_s
        self._clock = clock
        self._proxy: str | None = None
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the session; raises :class:`OCRConfigError` for TLS or proxy settings that cannot work."""
        self._proxy = proxy_of(self._settings)
        self._session = open_session(self._settings, self._keepalive_s)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the session and its connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(self, sending: Sending, *, total_s: float) -> Answer:
        """Make the exchange once.

        Raises :class:`OCRNotSent` before the last byte of the body is handed over, :class:`OCROutcomeUnknown` after
        it, :class:`OCRConfigError` for a request that cannot be built. An answer whose status has arrived is
        returned in any case, cut off or not.
        """
        if self._session is None:
            message = "The client is not open: use it as `async with OCRClient(settings) as client`."
            raise RuntimeError(message)
        begun = self._clock.monotonic()
        try:
            async with self._session.request(
                sending.method,
                sending.url,
                data=sending if sending.has_body else None,
                headers=sending.headers,
                allow_redirects=False,
                proxy=self._proxy,
                timeout=phases(self._settings, total_s),
            ) as response:
                return await self._answer(response, sending)
        except (aiohttp.ClientError, HttpProcessingError, OSError, ValueError) as error:
            elapsed_s = self._clock.monotonic() - begun
            raise failure(error, self._settings, whole=sending.whole, elapsed_s=elapsed_s) from None

    async def _answer(self, response: aiohttp.ClientResponse, sending: Sending) -> Answer:
        """Read the body as far as it comes: a status that has arrived says more than the break after it."""
        body = bytearray()
        cut_off = ""
        try:
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > MAX_ANSWER_BYTES:
                    cut_off = f"longer than {MAX_ANSWER_BYTES} bytes"
                    break
        except (aiohttp.ClientError, HttpProcessingError, OSError) as error:
            cut_off = detail_of(error, self._settings)
        if cut_off or sending.has_body:
            response.close()  # an answer before the end of the body, such as 413, leaves the rest unsent
        content, problem = inflated(bytes(body), response.headers.get("Content-Encoding", ""), MAX_ANSWER_BYTES)
        return Answer(response.status, response.headers, content[:MAX_ANSWER_BYTES], cut_off or problem)
