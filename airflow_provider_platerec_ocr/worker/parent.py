"""The task's side of the child process: start it, pass its log and events on, tell it to stop, learn how it ended.

The child gets a session of its own and none of our descriptors but its pipes: Airflow signals the task's process group,
and waits for whoever holds the task's sockets. The token goes through a pipe, never into arguments or the environment.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import pickle
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

from airflow_provider_platerec_ocr.core.errors import OCRDrained
from airflow_provider_platerec_ocr.worker.child import CALLS, LENGTH_BYTES, RUNS, STOP
from airflow_provider_platerec_ocr.worker.travel import packed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_platerec_ocr.worker.ended import Ended, Job
    from airflow_provider_platerec_ocr.worker.travel import HandOver

log = logging.getLogger(__name__)
MODULE = "airflow_provider_platerec_ocr.worker.child"
FLUSH_S = 5.0
"""Seconds for which those who listen are waited for at the end."""
MOST_PRINTED = 65_536
"""Bytes of what the child printed by itself that are logged; a pipe holds no more."""


class Ear(Protocol):
    """Who listens in the task's process. Its methods never raise, and :meth:`take` waits for nobody."""

    @property
    def wants_calls(self) -> bool:
        """Whether single calls are to be told."""

    def take(self, message: Mapping[str, Any]) -> None:
        """Take one message of the child."""

    def close(self, within_s: float) -> None:
        """Have what was taken heard, within this time at most."""


class ChildProcess:
    """A job that is read in a child process.

    :param job: what to read.
    :param hand_over: what opens, in the child, places that were opened through Airflow.
    :param ear: who listens to what happens; ``None`` where nobody does.
    """

    def __init__(self, job: Job, hand_over: HandOver | None = None, ear: Ear | None = None) -> None:
        data = packed(job, hand_over)  # first: what cannot travel leaves no process behind
        self._sent = self._stopped = False
        self._ear = ear
        hears = [] if ear is None else [CALLS if ear.wants_calls else RUNS]
        said, to_us = os.pipe()
        printed, print_to = os.pipe()
        os.set_blocking(print_to, False)  # what does not fit is dropped, and holds nothing up
        self._said, self._printed = os.fdopen(said, "rb"), os.fdopen(printed, "rb", buffering=0)
        self._input: IO[bytes] | None = None
        try:
            self._process = subprocess.Popen(  # noqa: S603  # our own module, no shell
                [
                    sys.executable,
                    "-P",
                    "-m",
                    MODULE,
                    str(to_us),
                    *hears,
                ],  # a task's working directory holds files of others
                stdin=subprocess.PIPE,
                stdout=print_to,
                stderr=print_to,
                env=os.environ | {"PYTHONPATH": without_working_directory(os.environ.get("PYTHONPATH", ""))},
                start_new_session=True,
                pass_fds=(to_us,),
            )
        except BaseException:
            self._close()
            raise
        finally:
            os.close(to_us)
            os.close(print_to)
        self._input = self._process.stdin
        try:
            self._write(len(data).to_bytes(LENGTH_BYTES, "big") + data)
            self._sent = True
            if self._stopped:
                self._write(STOP)
            log.info("Process %s makes the calls, and finishes those in flight if this task is killed.", self.pid)
        except BaseException:
            self._abandon()
            raise

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    def stop(self) -> None:
        """Have it drain: nothing new starts, calls in flight finish. Safe in a signal handler."""
        self._stopped = True
        if self._sent:
            self._write(STOP)

    def _write(self, data: bytes) -> None:
        """Write without a buffer: a signal handler may do so in the middle of anything."""
        view = memoryview(data)
        with suppress(OSError, ValueError):  # it is dead: wait() says so
            while view and self._input is not None:
                view = view[os.write(self._input.fileno(), view) :]

    def wait(self) -> Ended:
        """Pass its log on until it ends, and return how it ended. Blocks, also where an event loop runs.

        What interrupts the waiting, such as Ctrl-C of ``airflow dags test`` or Airflow's own timeout, stops the child,
        too: nothing new starts, and it ends by itself once the calls in flight are saved.

        :raises OCRDrained: it died without a word; what was in flight is named in the ledger.
        """
        try:
            ended = self._wait()
        except BaseException as error:
            self._abandon()
            self._hush(FLUSH_S if isinstance(error, OCRDrained) else 0.0)
            raise
        self._hush(FLUSH_S)
        return ended

    def _wait(self) -> Ended:
        ended: Ended | None = None
        for line in self._said:
            message = parsed(line)
            if "ended" in message:
                ended = pickle.loads(base64.b64decode(message["ended"]))  # noqa: S301  # from our own child
            elif "log" in message:
                logging.getLogger(message["log"]).log(int(message["level"]), "%s", message["text"])
            elif self._ear is not None:
                self._ear.take(message)
        code = self._process.wait()
        self._log_printed()
        self._close()
        if ended is None:
            text = (
                f"The process that made the calls ended without a word (exit code {code}; -9 is often the memory "
                "limit). Its calls in flight are named in the ledger, and another try goes on from there."
            )
            raise OCRDrained(text)
        return ended

    def _hush(self, within_s: float) -> None:
        """Wait a little for those who listen; whatever they do, the task goes on."""
        if self._ear is not None:
            self._ear.close(within_s)

    def _log_printed(self) -> None:
        """Log what it printed past Python, such as the interpreter's last words."""
        os.set_blocking(self._printed.fileno(), False)
        for line in (self._printed.read(MOST_PRINTED) or b"").splitlines():
            if line.strip():
                log.warning("%s", line.decode(errors="replace").rstrip())

    def _abandon(self) -> None:
        """Tell it to end by itself, and go: it finds nobody listening, and leaves a note of how it ended."""
        self.stop()
        self._close()
        if self._sent:
            log.warning("Nobody waits for process %s any more: it finishes and saves the calls in flight.", self.pid)
        with suppress(RuntimeError):  # the interpreter is on its way out, and somebody else takes the child over
            threading.Thread(target=self._process.wait, daemon=True, name="platerec-reaper").start()

    def _close(self) -> None:
        for pipe in (self._input, self._said, self._printed):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()


def without_working_directory(python_path: str) -> str:
    """Return ``PYTHONPATH`` without what depends on the working directory, where files of others lie.

    An empty entry, as ``PYTHONPATH=$PYTHONPATH:/opt/ours`` often leaves one, is that directory. What holds this package
    stays, however it is written.
    """
    home = Path(__file__).parents[2]
    entries = [entry for entry in python_path.split(os.pathsep) if entry]
    return os.pathsep.join(entry for entry in entries if Path(entry).is_absolute() or Path(entry).resolve() == home)


def parsed(line: bytes) -> dict[str, Any]:
    """Return the child's message; nothing where its death cut the line off."""
    try:
        message = json.loads(line)
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}
