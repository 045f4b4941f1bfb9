"""A TCP server that does exactly what a test says, byte by byte: cuts, stalls, answers early, answers nonsense.

It lives in the test's own event loop, so that it also works on a fake clock::

    async with raw_server(answer(200, b"{}")) as server:
        ...server.url...

Each connection is handed to the next behaviour of the list, the last one serves all further connections.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable


@dataclass
class Connection:
    """One accepted connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    server: RawServer

    async def head(self) -> tuple[str, dict[str, str]]:
        """Read first line and headers."""
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        return lines[0], {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:-2])
        }

    async def request(self) -> bytes:
        """Read one whole request and return its body."""
        line, headers = await self.head()
        body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        self.server.requests.append((line, headers, body))
        self.server.arrived.set()
        return body

    async def send(self, data: bytes) -> None:
        """Write bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """Cut the connection with RST instead of FIN."""
        sock: socket.socket = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def stall(self) -> None:
        """Say nothing until the other side goes."""
        with contextlib.suppress(ConnectionError):
            while await self.reader.read(65536):
                pass


@dataclass
class RawServer:
    """A running server."""

    url: str
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    """Whole requests in the order in which they ended: first line, headers in lower case, body."""
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the first request is whole."""
    connections: int = 0
    """How many connections were accepted."""


def response(
    status: int, body: bytes = b"", headers: dict[str, str] | None = None, *, length: int | None = None
) -> bytes:
    """Return an HTTP answer as bytes; ``length`` may lie."""
    lines = [f"HTTP/1.1 {status} Reason", f"Content-Length: {len(body) if length is None else length}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def answer(
    status: int, body: bytes = b"", headers: dict[str, str] | None = None
) -> Callable[[Connection], Awaitable[None]]:
    """Answer every request of the connection alike."""

    async def behave(connection: Connection) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                await connection.request()
                await connection.send(response(status, body, headers))

    return behave


@asynccontextmanager
async def raw_server(
    *behaviours: Callable[[Connection], Awaitable[None]], tls: ssl.SSLContext | None = None
) -> AsyncIterator[RawServer]:
    """Run the server on a free port of the loopback."""
    tasks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        behave = behaviours[min(running.connections, len(behaviours) - 1)]
        running.connections += 1
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await behave(Connection(reader, writer, running))
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    scheme = "http" if tls is None else "https"
    running = RawServer(f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    try:
        yield running
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
