"""Which processes still run: those of one tree, or those that have a variable of the environment."""

from __future__ import annotations

import contextlib

import psutil


def is_alive(process: psutil.Process) -> bool:
    """Return whether a process runs: one that ended, and that nobody asked for its exit code, does not."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def with_environment(name: str, value: str) -> list[psutil.Process]:
    """Return the running processes that were started with a variable, whoever their parents are."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if process.environ().get(name) == value and is_alive(process):
                found.append(process)
    return found
