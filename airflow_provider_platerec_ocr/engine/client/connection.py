"""aiohttp's connection with :class:`.framing.Framing` in front of its parser; the only place that knows its inside."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler

from airflow_provider_platerec_ocr.engine.client.framing import Framing, HeadTooLongError

if TYPE_CHECKING:
    import asyncio


class HeadTooLong(aiohttp.ClientPayloadError):
    """The head of an answer has no end."""


class LenientHandler(ResponseHandler):
    """Gives the parser what it takes; one answer at a time, as HTTP/1.1 has them without pipelining."""

    _framing: Framing | None = None

    def set_response_params(self, **params: Any) -> None:
        """Begin the answer to a request that is about to go out; what has come before it is handed over now."""
        self._framing = Framing()
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        """Take what has arrived; nothing means that the parser goes on with what it has."""
        if data and self._framing is not None and self._parser is not None and not self.upgraded:
            try:
                data = self._framing.feed(data)
            except HeadTooLongError:
                self.close_with(HeadTooLong())
                return
            if self._framing.spoiled:
                self.force_close()
            if not data:
                return
        super().data_received(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Hand on the end that only a closed connection marks."""
        rest = self._framing.end() if self._framing is not None and exc is None else b""
        if rest and self._parser is not None:
            super().data_received(rest)
        super().connection_lost(exc)

    def close_with(self, error: aiohttp.ClientError) -> None:
        """Give up on this answer."""
        if self.transport is not None:
            self.transport.close()
        self.set_exception(error)


def make_lenient(connector: aiohttp.TCPConnector, loop: asyncio.AbstractEventLoop) -> None:
    """Have ``connector`` make connections of our kind; without this it works, and is as strict as aiohttp."""
    handler = partial(LenientHandler, loop=loop)
    connector._factory = cast("partial[ResponseHandler]", handler)  # noqa: SLF001  # aiohttp has no other door
