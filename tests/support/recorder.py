"""A tiny HTTP server that answers what it is told and remembers what it was asked; for what the sandbox cannot show."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

STATISTICS = (
    b'{"usage": {"calls": 55, "month": 3, "year": 2026, "resets_on": "2026-04-01T00:00:00Z"}, "total_calls": 5000}'
)


@dataclass
class Recorder:
    """What one server was asked, and what it says."""

    url: str = ""
    status: int = 200
    body: bytes = STATISTICS
    headers: dict[str, str] = field(default_factory=dict)
    silent: bool = False
    """Whether it takes requests and never answers."""
    promise_bytes: int | None = None
    """Content-Length, where it shall be wrong."""
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    """Method, path and headers (names in lower case) of each request."""
    over: threading.Event = field(default_factory=threading.Event)
    """Set at the end of the block."""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        self.asked.append((handler.command, handler.path, {k.lower(): v for k, v in handler.headers.items()}))
        if self.silent:
            self.over.wait()
            return
        handler.send_response(self.status)
        for name, value in self.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(self.promise_bytes or len(self.body)))
        handler.end_headers()
        with suppress(ConnectionError):  # a client that gave up is part of some tests
            handler.wfile.write(self.body)
        handler.close_connection = True


@contextmanager
def recording_server(**settings: Any) -> Iterator[Recorder]:
    """Run a server on a free loopback port; settings are those of :class:`Recorder`."""
    recorder = Recorder(**settings)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            recorder.answer(self)

        do_POST = do_GET  # noqa: N815  # http.server's own naming

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        recorder.url = f"http://127.0.0.1:{server.server_address[1]}"
        worker = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        worker.start()
        try:
            yield recorder
        finally:
            recorder.over.set()
            server.shutdown()
            worker.join()
