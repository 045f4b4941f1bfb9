"""The task's side of the child process: start it, pass its log on, tell it to stop, learn how it ended.

The child gets a session of its own and none of our descriptors: Airflow signals the task's process group, and waits for
whoever holds the task's sockets. The token goes through the pipe, never into arguments or the environment.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import pickle
import subprocess
import sys
from contextlib import suppress
from typing import IO, TYPE_CHECKING, cast

from airflow_provider_platerec_ocr.core.errors import OCRDrained
from airflow_provider_platerec_ocr.worker.child import LENGTH_BYTES, STOP
from airflow_provider_platerec_ocr.worker.travel import packed

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.worker.job import Ended, ShardJob
    from airflow_provider_platerec_ocr.worker.travel import HandOver

log = logging.getLogger(__name__)
MODULE = "airflow_provider_platerec_ocr.worker.child"


class ShardProcess:
    """A shard that is read in a child process.

    :param job: what to read.
    :param hand_over: what opens, in the child, places that were opened through Airflow.
    """

    def __init__(self, job: ShardJob, hand_over: HandOver | None = None) -> None:
        data = packed(job, hand_over)  # first: what cannot travel leaves no process behind
        self._process = subprocess.Popen(  # noqa: S603  # our own module, no shell
            [sys.executable, "-P", "-m", MODULE],  # a task's working directory holds files of others
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            close_fds=True,
        )
        self._input = cast("IO[bytes]", self._process.stdin)
        self._output = cast("IO[bytes]", self._process.stdout)
        self._sent = self._stopped = False
        self._write(len(data).to_bytes(LENGTH_BYTES, "big") + data)
        self._sent = True
        if self._stopped:
            self._write(STOP)
        log.info("Process %s makes this shard's calls, and finishes those in flight if this task is killed.", self.pid)

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
            while view:
                view = view[os.write(self._input.fileno(), view) :]

    def wait(self) -> Ended:
        """Pass its log on until it ends, and return how it ended. Blocks.

        What interrupts the waiting, such as Ctrl-C of ``airflow dags test`` or Airflow's own timeout, stops the child,
        too: nothing new starts, and it ends by itself once the calls in flight are saved.

        :raises OCRDrained: it died without a word; what was in flight is named in the ledger.
        """
        try:
            return self._wait()
        except BaseException:
            self.stop()
            self._close()  # so that it finds nobody listening, and leaves a note of how it ended
            raise

    def _wait(self) -> Ended:
        ended: Ended | None = None
        for line in self._output:
            message = parsed(line)
            if "ended" in message:
                ended = pickle.loads(base64.b64decode(message["ended"]))  # noqa: S301  # from our own child
            elif "log" in message:
                logging.getLogger(message["log"]).log(int(message["level"]), "%s", message["text"])
        code = self._process.wait()
        self._close()
        if ended is None:
            text = (
                f"The process that made the calls ended without a word (exit code {code}; -9 is often the memory "
                "limit). Its calls in flight are named in the ledger, and another try goes on from there."
            )
            raise OCRDrained(text)
        return ended

    def _close(self) -> None:
        for pipe in (self._input, self._output):
            with suppress(OSError):
                pipe.close()


def parsed(line: bytes) -> dict[str, str]:
    """Return the child's message; what is none (a traceback of the interpreter) becomes a warning in the log."""
    try:
        message = json.loads(line)
    except ValueError:
        message = None
    if isinstance(message, dict):
        return message
    return {"log": MODULE, "level": str(logging.WARNING), "text": line.decode(errors="replace").rstrip()}
