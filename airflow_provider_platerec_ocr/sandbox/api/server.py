"""The HTTP side: routes, and putting replies on the wire, whole or broken.

Runs until it is told to stop. Knows nothing of what a reply means.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from aiohttp import web

from airflow_provider_platerec_ocr.sandbox.api import control
from airflow_provider_platerec_ocr.sandbox.api.api import Api, Incoming
from airflow_provider_platerec_ocr.sandbox.api.listener import Listener
from airflow_provider_platerec_ocr.sandbox.ocr.reader import DeterministicReader
from airflow_provider_platerec_ocr.sandbox.state import replies
from airflow_provider_platerec_ocr.sandbox.state.options import ReaderKind
from airflow_provider_platerec_ocr.sandbox.state.replies import Delivery, Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_platerec_ocr.sandbox.ocr.reader import Reader
    from airflow_provider_platerec_ocr.sandbox.state.clock import Clock
    from airflow_provider_platerec_ocr.sandbox.state.faults import Fault
    from airflow_provider_platerec_ocr.sandbox.state.options import Options

READER_PATH = "/v1/ocr/reader/"
STATISTICS_PATH = "/v1/ocr/statistics/"
LARGEST_BODY_BYTES = 64 * 1024 * 1024
_STOP_AFTER_S = 1.0
_LOOK_EVERY_S = 0.1
_CORS = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "Authorization, Content-Type"}


class Wire:
    """Puts replies on the wire of one sandbox."""

    def __init__(self, api: Api, stopping: asyncio.Event) -> None:
        """Take the API and the event that ends hanging calls."""
        self._api = api
        self._stopping = stopping

    async def reader(self, request: web.Request) -> web.StreamResponse:
        """Handle ``/v1/ocr/reader/``."""
        if request.method != "POST":
            return _other_method(request, "POST, OPTIONS")
        call = self._api.log.arrive(request.headers.get("User-Agent"))
        reply, fault = Reply(0, delivery=Delivery.CUT), None
        try:
            reply, fault = await self._api.read(call, await _incoming(request))
        except web.HTTPRequestEntityTooLarge:
            reply = replies.too_large(LARGEST_BODY_BYTES)
        except ConnectionError:
            """The client went away before its body was here; there is nobody to answer."""
        finally:
            if reply.delivery is not Delivery.HANG:
                self._api.log.end(call, reply.status, reply.retry_after_s)
        try:
            return await self._deliver(request, reply, fault)
        finally:
            if reply.delivery is Delivery.HANG:
                self._api.log.end(call, reply.status)

    async def statistics(self, request: web.Request) -> web.StreamResponse:
        """Handle ``/v1/ocr/statistics/``."""
        if request.method != "GET":
            return _other_method(request, "GET, OPTIONS")
        reply, fault = await self._api.statistics(request.headers.get("Authorization"))
        if fault and fault.seconds and reply.delivery is not Delivery.HANG:
            await self._api.clock.sleep(fault.seconds)
        return await self._deliver(request, reply, fault)

    async def _deliver(self, request: web.Request, reply: Reply, fault: Fault | None) -> web.StreamResponse:
        if reply.delivery is Delivery.WHOLE:
            return _response(reply)
        if reply.delivery is Delivery.CUT_IN_BODY:
            return await _half(request, reply)
        if reply.delivery is Delivery.HANG:
            await self._hang(request, fault.seconds if fault else None)
        if request.transport:
            request.transport.abort()
        return web.Response()

    async def _hang(self, request: web.Request, seconds: float | None) -> None:
        """Say nothing for so long, or until the client goes or the sandbox stops."""
        until_s = None if seconds is None else self._api.clock.monotonic() + seconds
        while request.transport and not request.transport.is_closing() and not self._stopping.is_set():
            if until_s is not None and self._api.clock.monotonic() >= until_s:
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), _LOOK_EVERY_S)


async def _incoming(request: web.Request) -> Incoming:
    body = await request.read()
    base_url = f"{request.scheme}://{request.host}"
    return Incoming(request.headers.get("Authorization"), request.headers.get("Content-Type", ""), body, base_url)


def _response(reply: Reply) -> web.Response:
    return web.Response(
        status=reply.status,
        body=reply.body.encode(),
        content_type=reply.content_type,
        headers=_CORS | dict(reply.headers),
    )


async def _half(request: web.Request, reply: Reply) -> web.StreamResponse:
    """Promise the whole body, send half of it, and close the connection."""
    body = reply.body.encode()
    response = web.StreamResponse(status=reply.status, headers=_CORS | {"Content-Length": str(len(body))})
    response.content_type = reply.content_type
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport:
        request.transport.close()
    return response


def _other_method(request: web.Request, allowed: str) -> web.Response:
    if request.method == "OPTIONS":
        return web.Response(headers=_CORS | {"Access-Control-Allow-Methods": allowed})
    return _response(replies.method_not_allowed(request.method, allowed))


async def _not_found(_: web.Request) -> web.Response:
    return _response(replies.not_found())


async def _add_slash(request: web.Request) -> web.Response:
    query = f"?{request.query_string}" if request.query_string else ""
    return web.Response(status=301, headers=_CORS | {"Location": f"{request.path}/{query}"})


def make_app(api: Api, stopping: asyncio.Event, listener: Listener | None = None) -> web.Application:
    """Make the application with the API's routes and the sandbox's own."""
    app = web.Application(client_max_size=LARGEST_BODY_BYTES, middlewares=[listener.pass_through] if listener else [])
    wire = Wire(api, stopping)
    app.router.add_route("*", READER_PATH, wire.reader)
    app.router.add_route("*", STATISTICS_PATH, wire.statistics)
    for path in (READER_PATH, STATISTICS_PATH):
        app.router.add_route("*", path.rstrip("/"), _add_slash)
    control.add_routes(app, api)
    app.router.add_route("*", "/{path:.*}", _not_found)
    return app


def make_reader(kind: ReaderKind) -> Reader:
    """Make the reader; the OCR engine is imported here and nowhere earlier."""
    if kind is ReaderKind.DETERMINISTIC:
        return DeterministicReader()
    from airflow_provider_platerec_ocr.sandbox.ocr.engine import EngineReader

    return EngineReader()


async def serve(
    options: Options,
    ready: Callable[[str], None],
    stopping: asyncio.Event,
    clock: Clock | None = None,
) -> None:
    """Listen until ``stopping`` is set.

    :param ready: called with the base URL (``http://127.0.0.1:PORT``) when calls are answered, models loaded.
    :raises OSError: when the port is taken.
    """
    reader = make_reader(options.reader)
    api = Api(options, reader, clock)
    listener = Listener(options.host, options.port, api.clock)
    runner = web.AppRunner(make_app(api, stopping, listener), access_log=None, shutdown_timeout=_STOP_AFTER_S)
    api.leave = listener.leave
    try:
        await reader.start()
        await runner.setup()
        ready(await listener.open(runner))
        await stopping.wait()
    finally:
        listener.shut()
        await runner.cleanup()
        await api.webhooks.close()
        await reader.close()
        api.log.close()
