"""One POST through the transport against a server that behaves as told."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRError
from airflow_provider_platerec_ocr.core.settings import ClientSettings
from airflow_provider_platerec_ocr.core.wire import Request
from airflow_provider_platerec_ocr.engine.client.transport import Sending, Transport
from support.rawserver import raw_server

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.engine.client.transport import Answer
    from support.clock import FakeClock
    from support.rawserver import Connection

TOKEN = "s3cret-t0ken"
LARGE = 20_000_000
"""More than the kernel buffers between two ends of the loopback."""


def settings(url: str, **more: Any) -> ClientSettings:
    return ClientSettings(token=TOKEN, base_url=url, **more)


def post(url: str, body: bytes = b"x" * 1000) -> Request:
    return Request("POST", url + "/v1/ocr/reader/", {"Authorization": f"Token {TOKEN}"}, body)


async def exchange(url: str, sending: Sending | None = None, *, clock: Clock | None = None, **more: Any) -> Answer:
    async with Transport(settings(url, **more), clock or SystemClock()) as transport:
        return await transport.send(sending or Sending(post(url)), total_s=more.get("total_s", 180.0))


def against(
    *behaviours: Callable[[Connection], Awaitable[None]],
    body: bytes = b"x" * 1000,
    clock: FakeClock | None = None,
    **more: Any,
) -> tuple[Answer | OCRError, bool]:
    """Return what became of one POST, and whether it was sent whole."""

    async def run() -> tuple[Answer | OCRError, bool]:
        async with raw_server(*behaviours) as server:
            sending = Sending(post(server.url, body))
            try:
                return await exchange(server.url, sending, clock=clock, **more), sending.whole
            except OCRError as error:
                return error, sending.whole

    return clock.run(run()) if clock else asyncio.run(run())


def unused_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
