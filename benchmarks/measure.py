"""What the benchmarks share: run something in a process of its own, and tell its time and its peak memory."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.storage.path import local_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_platerec_ocr.storage.path import StoragePath


@dataclass(frozen=True)
class Measured:
    """What one run took."""

    seconds: float
    """Wall time."""
    cpu_s: float
    """Time on the processors, all threads."""
    peak_mb: float
    """Peak memory of the process, imports included."""
    load: float
    """The machine's load when it ended: above 1, the seconds are not the work's own."""
    result: int
    """What the function returned."""


def place(path: Path | str) -> StoragePath:
    """Return a place on the local disk."""
    return local_path(str(path))


def measured(work: Callable[[], int]) -> Measured:
    """Run ``work`` in a forked process and return what it took; the caller's memory counts too, so keep it small."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            began = time.perf_counter()
            result = work()
            usage = resource.getrusage(resource.RUSAGE_SELF)
            took = (time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
            os.write(write_end, json.dumps([*took, os.getloadavg()[0], result]).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    if not text:
        message = "the measured process failed; its error is above"
        raise RuntimeError(message)
    return Measured(*json.loads(text))


def header() -> str:
    """Return the table's head."""
    return f"{'what':<34}{'size':>11}{'seconds':>9}{'cpu s':>8}{'peak MB':>9}{'load':>6}"


def line(what: str, size: int, took: Measured) -> str:
    """Return one line of the table."""
    return f"{what:<34}{size:>11,}{took.seconds:>9.1f}{took.cpu_s:>8.1f}{took.peak_mb:>9.0f}{took.load:>6.1f}"


def machine() -> str:
    """Return what a figure has to be read with: processors, memory, Python, load."""
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    python = ".".join(str(number) for number in sys.version_info[:3])
    return (
        f"{os.cpu_count()} processors ({_model()}), {memory_gb:.0f} GB, Python {python}, load {os.getloadavg()[0]:.1f}"
    )


def _model() -> str:
    text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    return text.partition("model name")[2].partition("\n")[0].strip("\t :") or "unknown"
