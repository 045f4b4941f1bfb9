"""A receiver of webhooks reduced to its promise: 200 once the payload is in the inbox."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.storage.path import StoragePath
from airflow_provider_platerec_ocr.webhook.inbox import Inbox
from airflow_provider_platerec_ocr.webhook.payload import parse_payload
from support.stores import local_place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def receiving(folder: Path | StoragePath) -> Iterator[str]:
    """Receive into an inbox, by default one on the local disk, while the block runs; gives the URL."""
    place = folder if isinstance(folder, StoragePath) else local_place(folder)
    inbox = Inbox(place, clock=SystemClock())

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            inbox.put(parse_payload(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 256

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/hook"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
