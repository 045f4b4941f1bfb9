"""The child process: takes a job from its standard input, reads it, and outlives its parent to drain.

Standard input carries the job, then the word ``stop`` where the parent wants an early end; its end of file means that
the parent is gone, which is the same wish. A pipe of its own, whose descriptor is the first argument, carries one JSON
object a line back: log records, events where a second argument says that somebody listens, and at last how it ended.
Nothing is written to disk here but what the reading itself saves.
"""

from __future__ import annotations

import base64
import gc
import logging
import os
import pickle
import resource
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRDrained, OCRError
from airflow_provider_platerec_ocr.core.events import Events
from airflow_provider_platerec_ocr.engine.reading.progress import log_line
from airflow_provider_platerec_ocr.worker.drain_signals import DrainSignals
from airflow_provider_platerec_ocr.worker.ended import Ended
from airflow_provider_platerec_ocr.worker.said_lines import EventLines, Lines, LinesHandler, Printed
from airflow_provider_platerec_ocr.worker.travel import unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider_platerec_ocr.worker.ended import Job

log = logging.getLogger(__name__)
LENGTH_BYTES = 8
STOP = b"stop\n"
RUNS, CALLS = "runs", "calls"
"""Which events the parent wants: of runs alone, or of calls as well."""
MOST_FILES = 65_536
"""Open files that the child asks for: each call in flight holds a socket."""
COLLECT_EVERY = 20_000
"""New objects after which the garbage collector looks among them for circles."""
CHATTY = ("azure",)
"""Loggers that say twenty lines of each request to a store, where a task says one a batch."""
LAST_LINES_S = 5.0
"""Seconds for which the last log lines are waited for."""
GRACE_S = 30.0
"""Seconds beyond one call and its saving after which an orphan ends by force."""


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

    def __init__(self, source: int, job: Job) -> None:
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
    source: int,
    lines: Lines,
    *,
    signals: DrainSignals | None = None,
    log_lines: LinesHandler | None = None,
    hears: str = "",
) -> int:
    """Read one job; return 0, since the parent was told how it ended, or a note was left.

    :param source: descriptor on which the parent speaks.
    :param signals: whose coming ends the reading early, too.
    :param log_lines: what was logged, which is to be said before the end.
    :param hears: which events the parent wants: none, ``runs``, or ``calls`` as well.
    """
    event_lines = EventLines(lines) if hears else None
    waiting = [each for each in (event_lines, log_lines) if each is not None]
    sent = take_job(source)
    try:
        job: Job = unpacked(sent)
    except Exception as error:  # noqa: BLE001  # a place cannot be opened here: the parent raises it as the task's own
        _tell(lines, Ended({}, error), waiting)
        return 0
    watch = ParentWatch(source, job)
    begun = SystemClock().now()

    def started(stop: Callable[[Exception], None]) -> None:
        watch.begin(stop)
        if signals is not None:
            signals.begin(stop)

    try:
        ended = job.read(started, _events(event_lines, hears))
    except Exception as error:  # whatever it is, the parent raises it as the task's own
        if not isinstance(error, OCRError):
            log.exception("The process that makes the calls ends with an error.")  # its traceback cannot travel
        ended = Ended({}, error)
    finally:
        watch.end()
    if not _tell(lines, ended, waiting) or watch.orphaned:
        job.leave_note(ended, begun)
    return 0


def _events(event_lines: EventLines | None, hears: str) -> Events:
    """Return where what happens is told: the log, and the parent where somebody listens there."""
    hearing = [log_line] if event_lines is None else [log_line, event_lines]
    return Events(*hearing, calls=hears == CALLS, failed=partial(log.error, "Events are not told: %s"))


def _tell(lines: Lines, ended: Ended, waiting: Sequence[EventLines | LinesHandler]) -> bool:
    """Tell the parent how it ended, after all that waits to be said; return whether there is a parent."""
    for each in waiting:
        each.drain(LAST_LINES_S)
    return lines.send({"ended": base64.b64encode(pickled(ended)).decode()})


def pickled(ended: Ended) -> bytes:
    """Return ``ended`` for the parent; an error that cannot travel goes as its text, and its notes with it."""
    try:
        data = pickle.dumps(ended)
        pickle.loads(data)  # noqa: S301  # our own, to see that it can be read
    except Exception:  # noqa: BLE001  # any error of a third party's class
        told = RuntimeError(f"{type(ended.error).__name__}: {ended.error}")
        for note in getattr(ended.error, "__notes__", ()):
            told.add_note(str(note))
        data = pickle.dumps(replace(ended, error=told))
    return data


def raise_file_limit() -> None:
    """Let the process open as many files as the machine grants: with 256, images failed for want of a descriptor."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # a kernel may grant less than it says
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def spare_collections() -> None:
    """Have the garbage collector leave alone what was imported, and look for circles less often.

    Hundreds of calls in flight are tens of thousands of live objects, which it would walk again and again: that was a
    twentieth of the processor time of a call.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_EVERY, 20, 20)


def run() -> int:
    """Be the child process."""
    taken = DrainSignals()
    spare_collections()
    raise_file_limit()
    to_parent = Lines(os.fdopen(int(sys.argv[1]), "wb"))
    handler = LinesHandler(to_parent)
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    sys.stdout = Printed(partial(handler.say, "stdout", logging.INFO))
    sys.stderr = Printed(partial(handler.say, "stderr", logging.WARNING))
    hears = sys.argv[2] if len(sys.argv) > 2 else ""  # noqa: PLR2004  # the second argument
    return main(sys.stdin.fileno(), to_parent, signals=taken, log_lines=handler, hears=hears)


if __name__ == "__main__":
    sys.exit(run())
