"""What becomes of a delivery's JSON: checked, kept for good in a thread of our own, then told to whoever waits for it.

It knows no HTTP. Threads are its own, since those of the server belong to others.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.redact import redact, shorten
from airflow_provider_platerec_ocr.webhook.inbox import InboxError
from airflow_provider_platerec_ocr.webhook.payload import parse_payload

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_platerec_ocr.webhook.inbox import Inbox
    from airflow_provider_platerec_ocr.webhook.payload import Payload, Receipt

_THREADS = 32
"""An object store takes 50 ms for each of four operations: 200 deliveries a second are 40 under way, a disk needs 1."""
_MOST_UNTOLD = 10_000
_log = logging.getLogger("airflow_provider_platerec_ocr.webhook")


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is told of payloads, and when; each is called in a thread. What they raise changes nothing for a sender."""

    on_new: Callable[[Payload], None] | None = None
    """Told of each new payload after the sender has its answer, one at a time. What it raises is logged: the payload is
    in the inbox, and the next sweep of it finds it."""
    on_start: Callable[[], None] | None = None
    """Called when the app starts, where the inbox has something: a process that was killed may have told nobody of its
    last payloads."""
    on_close: Callable[[], None] | None = None
    """Called last, when the app shuts down."""


class Receiver:
    """Takes deliveries into an inbox that is opened with the first one.

    :param open_inbox: opens the inbox; asked again after it failed, whatever it raised.
    :param listener: who is told of payloads.
    """

    def __init__(self, open_inbox: Callable[[], Inbox], listener: Listener) -> None:
        self._open = open_inbox
        self._inbox: Inbox | None = None
        self._opening = threading.Lock()
        self._on_new = listener.on_new
        self._on_start = listener.on_start
        self._on_close = listener.on_close
        self._untold: queue.Queue[str | None] = queue.Queue(_MOST_UNTOLD)
        self._pool: ThreadPoolExecutor | None = None
        self._teller: threading.Thread | None = None

    async def take(self, body: bytes) -> Receipt:
        """Return the receipt of a delivery that is durable.

        :raises PayloadError: it is no payload.
        :raises InboxError: it could not be kept.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads(), self._take, body)

    def look(self) -> None:
        """Open the inbox before anybody needs it, in a thread; what is wrong with it is logged and holds nothing up."""
        self._threads().submit(self._look)

    def close(self) -> None:
        """Finish what is under way, tell what is untold, and say that this is the end; blocks."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
        if self._teller is not None:
            self._untold.put(None)
            self._teller.join()
            self._teller = None
        if self._on_close is not None:
            self._on_close()

    def _threads(self) -> ThreadPoolExecutor:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="ocr-webhook")
            if self._on_new is not None:
                self._teller = threading.Thread(target=self._tell, name="ocr-webhook-events", daemon=True)
                self._teller.start()
        return self._pool

    def _take(self, body: bytes) -> Receipt:
        payload = parse_payload(body)
        receipt = self._opened().put(payload)
        if receipt.new and self._on_new is not None:
            try:
                self._untold.put_nowait(receipt.id)
            except queue.Full:
                _log.warning("no event for payload %s: too many wait; the next sweep of the inbox finds it", receipt.id)
        return receipt

    def _look(self) -> None:
        try:
            if self._opened().is_used() and self._on_start is not None:
                self._on_start()
        except InboxError as error:
            _log.error("%s", error)  # a line, never a stack trace

    def _opened(self) -> Inbox:
        with self._opening:
            if self._inbox is None:
                try:
                    self._inbox = self._open()
                except Exception as error:  # each store, and Airflow's connections, have their own kinds
                    why = shorten(redact(str(error)), 300)
                    message = f"The inbox cannot be opened: {why or type(error).__name__}"
                    raise InboxError(message) from error
            return self._inbox

    def _tell(self) -> None:
        while (id_ := self._untold.get()) is not None:
            try:
                payload = self._opened().get(id_)
                if payload is not None and self._on_new is not None:
                    self._on_new(payload)
            except Exception as error:  # noqa: BLE001  # whatever it is, it must not end the thread
                _log.warning(
                    "no event for payload %s (%s); the next sweep of the inbox finds it", id_, type(error).__name__
                )
