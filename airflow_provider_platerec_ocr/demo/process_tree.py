"""Ending a command together with all that it started.

``airflow standalone`` dies of a SIGTERM without a word to its parts, and only a terminal's Ctrl-C would reach them
besides; tasks, in turn, make their calls in processes with sessions of their own. So each command of the demo leads a
session, and what is ended is that session with all that descends from it: asked first, since calls in flight are saved
then, and killed if that takes too long.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from typing import IO, TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PATIENCE_S = 30.0
"""For how long a command may end by itself: a task's calls in flight take that long on a slow machine."""
_KILLED_WITHIN_S = 10.0
_LOOK_EVERY_S = 0.1


@contextlib.contextmanager
def running(
    command: Sequence[str],
    output: IO[str],
    environment: Mapping[str, str] | None = None,
    *,
    patience_s: float = PATIENCE_S,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command in a session of its own until the block ends, and let nothing of it be left."""
    leader = subprocess.Popen(  # noqa: S603  # the demo's own commands
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield leader
    finally:
        end(leader, patience_s)


def end(leader: subprocess.Popen[bytes], patience_s: float) -> None:
    """End a session's leader, whoever else is in the session, and their descendants."""
    known: set[psutil.Process] = set()
    for request, within_s in ((signal.SIGTERM, patience_s), (signal.SIGKILL, _KILLED_WITHIN_S)):
        asked: set[psutil.Process] = set()
        until = time.monotonic() + within_s
        while (left := _living(leader, known)) and time.monotonic() < until:
            for process in left - asked:  # some come while others go
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(request)
            asked |= left
            time.sleep(_LOOK_EVERY_S)
    leader.wait()


def _living(leader: subprocess.Popen[bytes], known: set[psutil.Process]) -> set[psutil.Process]:
    """Return the processes that still run, and add those to ``known`` that are new.

    Who was known is kept in mind: a process whose parent has ended is nobody's descendant any more.
    """
    leader.poll()  # else it stays as a zombie, and keeps its number
    known |= {process for process in psutil.process_iter() if _session(process) == leader.pid}
    for process in tuple(known):
        with contextlib.suppress(psutil.NoSuchProcess):
            known.update(process.children(recursive=True))
    return {process for process in known if _runs(process)}


def _session(process: psutil.Process) -> int | None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        return os.getsid(process.pid)
    return None


def _runs(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False
