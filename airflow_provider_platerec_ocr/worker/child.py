"""The child process: takes a job from its standard input, reads the shard, and outlives its parent to drain.

Standard input carries the job, then the word ``stop`` where the parent wants an early end; its end of file means that
the parent is gone, which is the same wish. Standard output carries one JSON object a line: log records, and at last
how it ended. Nothing is written to disk here but what the reading itself saves.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import pickle
import queue
import resource
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRDrained
from airflow_provider_platerec_ocr.worker.drain_signals import DrainSignals
from airflow_provider_platerec_ocr.worker.job import Ended, read_shard
from airflow_provider_platerec_ocr.worker.orphan_note import leave_note
from airflow_provider_platerec_ocr.worker.travel import unpacked

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_platerec_ocr.worker.job import ShardJob

LENGTH_BYTES = 8
STOP = b"stop\n"
MOST_FILES = 65_536
"""Open files that the child asks for: each call in flight holds a socket."""
MOST_LINES = 10_000
"""Log lines that wait for the parent; more are dropped, since a parent that does not read must hold up no answer."""
LAST_LINES_S = 5.0
"""Seconds for which the last log lines are waited for."""
GRACE_S = 30.0
"""Seconds beyond one call and its saving after which an orphan ends by force."""


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


class LinesHandler(logging.Handler):
    """Sends log records to the parent, which gives them to Airflow's task log; from a thread, so that nobody waits."""

    def __init__(self, lines: Lines) -> None:
        super().__init__()
        self._lines = lines
        self._waiting: queue.Queue[dict[str, object] | None] = queue.Queue(MOST_LINES)
        self._dropped = 0
        self._thread = threading.Thread(target=self._send, daemon=True, name="platerec-log")
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Hand one record on, with its traceback if it has one; what cannot be said is told as that."""
        try:
            text = record.getMessage()
            if record.exc_info:
                text = f"{text}\n{logging.Formatter().formatException(record.exc_info)}"
        except Exception as error:  # noqa: BLE001  # somebody's bad log call must not raise in the paid path
            text = f"{record.msg!r} could not be formatted: {type(error).__name__}"
        try:
            self._waiting.put_nowait({"log": record.name, "level": record.levelno, "text": text})
        except queue.Full:
            self._dropped += 1

    def drain(self, within_s: float) -> None:
        """Wait until what was logged has been sent, but not for a parent that does not read."""
        try:
            self._waiting.put(None, timeout=within_s)
        except queue.Full:
            return
        self._thread.join(within_s)

    def _send(self) -> None:
        while (message := self._waiting.get()) is not None:
            self._lines.send(message)
            if self._dropped:
                text, self._dropped = f"{self._dropped} log lines were dropped: nobody read them in time.", 0
                self._lines.send({"log": __name__, "level": logging.WARNING, "text": text})


def take_job(source: int) -> bytes:
    """Return the job that the parent sends first through the descriptor: its length in 8 bytes, then the job, packed.

    :raises EOFError: the parent died before it had sent the job; nothing was begun.
    """
    length = int.from_bytes(_exactly(source, LENGTH_BYTES), "big")
    return _exactly(source, length)


def _exactly(source: int, length: int) -> bytes:
    parts = bytearray()
    while len(parts) < length:
        part = os.read(source, length - len(parts))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)


class ParentWatch:
    """Listens to the parent while the reading runs."""

    def __init__(self, source: int, job: ShardJob) -> None:
        self._source = source
        timeouts = job.settings.timeouts
        self._limit_s = timeouts.call_s + timeouts.save_s + GRACE_S
        self._ended = threading.Event()
        self.orphaned = False

    def begin(self, stop: Callable[[Exception], None]) -> None:
        """Stop the reading when the parent says so, or is gone."""
        threading.Thread(target=self._listen, args=(stop,), daemon=True, name="platerec-parent").start()

    def _listen(self, stop: Callable[[Exception], None]) -> None:
        while said := os.read(self._source, 64):  # without a buffer, whose lock would not let the process end
            if STOP in said:
                stop(OCRDrained("The task was told to stop; calls in flight were finished and saved first."))
        self.orphaned = True
        stop(OCRDrained("The task's process is gone; calls in flight were finished and saved."))
        if not self._ended.wait(self._limit_s):
            os._exit(3)  # pragma: no cover  # whatever hangs, an orphan does not stay

    def end(self) -> None:
        """Take note that the reading is over."""
        self._ended.set()


def main(
    source: int, lines: Lines, *, signals: DrainSignals | None = None, log_lines: LinesHandler | None = None
) -> int:
    """Read one shard; return 0, since the parent was told how it ended, or a note was left.

    :param source: descriptor on which the parent speaks.
    :param signals: whose coming ends the reading early, too.
    :param log_lines: what was logged, which is to be said before the end.
    """
    sent = take_job(source)
    try:
        job: ShardJob = unpacked(sent)
    except Exception as error:  # noqa: BLE001  # a place cannot be opened here: the parent raises it as the task's own
        _tell(lines, Ended({}, error), log_lines)
        return 0
    watch = ParentWatch(source, job)
    begun = SystemClock().now()

    def started(stop: Callable[[Exception], None]) -> None:
        watch.begin(stop)
        if signals is not None:
            signals.begin(stop)

    try:
        ended = read_shard(job, started)
    except Exception as error:  # noqa: BLE001  # whatever it is, the parent raises it as the task's own
        ended = Ended({}, error)
    finally:
        watch.end()
    if not _tell(lines, ended, log_lines) or watch.orphaned:
        leave_note(job, ended, begun)
    return 0


def _tell(lines: Lines, ended: Ended, log_lines: LinesHandler | None) -> bool:
    """Tell the parent how it ended, after all that was logged; return whether there is a parent."""
    if log_lines is not None:
        log_lines.drain(LAST_LINES_S)
    return lines.send({"ended": base64.b64encode(pickled(ended)).decode()})


def pickled(ended: Ended) -> bytes:
    """Return ``ended`` for the parent; an error that cannot travel goes as its text."""
    try:
        data = pickle.dumps(ended)
        pickle.loads(data)  # noqa: S301  # our own, to see that it can be read
    except Exception:  # noqa: BLE001  # any error of a third party's class
        data = pickle.dumps(Ended(ended.counts, RuntimeError(f"{type(ended.error).__name__}: {ended.error}")))
    return data


def raise_file_limit() -> None:
    """Let the process open as many files as the machine grants: with 256, images failed for want of a descriptor."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # a kernel may grant less than it says
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


if __name__ == "__main__":
    taken = DrainSignals()
    raise_file_limit()
    to_parent = Lines(sys.stdout.buffer)
    handler = LinesHandler(to_parent)
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    sys.exit(main(sys.stdin.fileno(), to_parent, signals=taken, log_lines=handler))
