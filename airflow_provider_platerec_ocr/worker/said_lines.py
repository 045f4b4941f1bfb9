"""What the child says to its parent: JSON lines on a pipe of their own, and log lines and events that nobody waits for.

The reading's thread never writes such a line itself: a parent that is stuck or gone must hold up no answer. What some
library prints becomes a log line, too, since the child's own standard output is a pipe that nobody empties.
"""

from __future__ import annotations

import io
import json
import logging
import queue
import threading
from typing import TYPE_CHECKING, BinaryIO

from airflow_provider_platerec_ocr.core.events import packed
from airflow_provider_platerec_ocr.core.saying.counts import count_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_platerec_ocr.core.events import Event

MOST_LINES = 10_000
"""Log lines, or events, that wait for the parent; more are dropped: one that does not read must hold up no answer."""


class Lines:
    """Writes JSON lines to the parent for as long as there is one."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def send(self, message: dict[str, object]) -> bool:
        """Send one object; return whether somebody could have read it."""
        data = json.dumps(message, default=str).encode() + b"\n"
        try:
            with self._lock:
                self._stream.write(data)
                self._stream.flush()
        except (OSError, ValueError):  # the parent is gone: the ledger matters, not the log
            return False
        return True


class Outbox:
    """Messages to the parent, sent by a thread; where too many wait, more are dropped, and their number is told.

    :param dropped: returns the message that says how many were dropped.
    """

    def __init__(self, lines: Lines, name: str, dropped: Callable[[int], dict[str, object]]) -> None:
        self._lines = lines
        self._waiting: queue.Queue[dict[str, object] | None] = queue.Queue(MOST_LINES)
        self._dropped = 0
        self._say_dropped = dropped
        self._thread = threading.Thread(target=self._send, daemon=True, name=name)
        self._thread.start()

    def put(self, message: dict[str, object]) -> None:
        """Hand one message on, or drop it where too many wait."""
        try:
            self._waiting.put_nowait(message)
        except queue.Full:
            self._dropped += 1

    def drain(self, within_s: float) -> None:
        """Wait until what was put has been sent, but not for a parent that does not read."""
        try:
            self._waiting.put(None, timeout=within_s)
        except queue.Full:
            return
        self._thread.join(within_s)

    def _send(self) -> None:
        while (message := self._waiting.get()) is not None:
            self._lines.send(message)
            if self._dropped:
                number, self._dropped = self._dropped, 0
                self._lines.send(self._say_dropped(number))


def _dropped_lines(number: int) -> dict[str, object]:
    text = f"{count_of(number, 'log line')} dropped: nobody read them in time."
    return {"log": __name__, "level": logging.WARNING, "text": text}


class EventLines:
    """Hears of events and sends them to the parent, where the listeners are."""

    def __init__(self, lines: Lines) -> None:
        self._outbox = Outbox(lines, "platerec-events", lambda number: {"dropped": number})

    def __call__(self, event: Event) -> None:
        """Hand one event on."""
        self._outbox.put({"event": packed(event)})

    def drain(self, within_s: float) -> None:
        """Wait until the events have been sent, but not for a parent that does not read."""
        self._outbox.drain(within_s)


class LinesHandler(logging.Handler):
    """Sends log records to the parent, which gives them to Airflow's task log; from a thread, so that nobody waits."""

    def __init__(self, lines: Lines) -> None:
        super().__init__()
        self._outbox = Outbox(lines, "platerec-log", _dropped_lines)

    def emit(self, record: logging.LogRecord) -> None:
        """Hand one record on, with its traceback if it has one; what cannot be said is told as that."""
        try:
            text = record.getMessage()
            if record.exc_info:
                text = f"{text}\n{logging.Formatter().formatException(record.exc_info)}"
        except Exception as error:  # noqa: BLE001  # somebody's bad log call must not raise in the paid path
            text = f"{record.msg!r} could not be formatted: {type(error).__name__}"
        self.say(record.name, record.levelno, text)

    def say(self, name: str, level: int, text: str) -> None:
        """Hand one line on, or drop it where too many wait."""
        self._outbox.put({"log": name, "level": level, "text": text})

    def drain(self, within_s: float) -> None:
        """Wait until what was logged has been sent, but not for a parent that does not read."""
        self._outbox.drain(within_s)


class Printed(io.TextIOBase):
    """Stands for standard output and standard error: what is printed there is logged, and never raises or waits.

    :param say: takes each whole line.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__()
        self._say = say
        self._rest = ""

    def writable(self) -> bool:
        """Return that it can be written to."""
        return True

    def write(self, text: str) -> int:
        """Take a piece of text; its whole lines are said at once."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            if line.strip():
                self._say(line.rstrip())
        return len(text)
