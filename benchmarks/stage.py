"""A real Airflow for benchmarks: LocalExecutor, PostgreSQL, Airflow's own defaults, and what its processes take."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from airflow_provider_platerec_ocr.sandbox.samples import make_load_images
from benchmarks.shards import cpu_s, peak_mb
from support.fleet import CHILD, fleet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.fleet import Fleet
    from support.sandbox import Sandbox

DAGS = Path(__file__).parent / "dags"
IMAGE_BYTES = 50_000
LOOK_EVERY_S = 0.5
DEFAULTS = {
    "AIRFLOW__CORE__PARALLELISM": "32",
    "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "30",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "300",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "10",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "300",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "30",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "30",
}
"""Airflow's own values, where the fault suite has others."""


@dataclass
class Children:
    """What the processes that make the calls take, and their tasks."""

    scheduler: int
    """Id of the process from which all tasks descend."""
    cpu: dict[int, float] = field(default_factory=dict)
    """Processor seconds of each process, children that have ended left out."""
    peak_mb: dict[int, float] = field(default_factory=dict)
    """Peak memory of each process that makes calls."""
    _over: threading.Event = field(default_factory=threading.Event)

    def look(self) -> None:
        """Take note of what runs now."""
        for process in psutil.Process(self.scheduler).children(recursive=True):
            with contextlib.suppress(psutil.Error, OSError, ValueError, IndexError):
                if CHILD in " ".join(process.cmdline()):
                    self.peak_mb[process.pid] = peak_mb(process.pid)
                    for pid in (process.pid, process.ppid()):
                        self.cpu[pid] = cpu_s(pid)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look again and again while the block runs."""

        def work() -> None:
            while not self._over.wait(LOOK_EVERY_S):
                self.look()

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()


@dataclass
class Stage:
    """A running Airflow, and images."""

    airflow: Fleet
    root: Path
    runs: int = 0

    @property
    def scheduler(self) -> int:
        """Id of the scheduler's process; the executor's workers and all tasks descend from it."""
        return self.airflow.parts["scheduler"].pid

    def manifest(self, images: int, seed: int = 0) -> Path:
        """Return a manifest of so many images, which all runs share; other seeds have other images."""
        folder = self.root / f"images-{seed}"
        if not (folder / f"load_{images:06}.jpg").exists():
            make_load_images(folder, images, IMAGE_BYTES, seed)
        path = folder / f"manifest-{images}.csv"
        path.write_text("image\n" + "".join(f"load_{index:06}.jpg\n" for index in range(1, images + 1)))
        return path

    def connect(self, sandbox: Sandbox, **extra: Any) -> str:
        """Make a connection of ours to a sandbox and return its id."""
        self.runs += 1
        conn_id = f"benchmark_{self.runs}"
        self.airflow.add_connection(conn_id, sandbox.url, sandbox.token, json.dumps(extra))
        return conn_id

    def connect_http(self, sandbox: Sandbox) -> str:
        """Make a connection of the HTTP provider to a sandbox and return its id."""
        self.runs += 1
        extra = json.dumps({"Authorization": f"Token {sandbox.token}"})
        conn_id = f"benchmark_{self.runs}"
        body = {"connection_id": conn_id, "conn_type": "http", "host": sandbox.url, "extra": extra}
        self.airflow.call("POST", "/connections", body)
        return conn_id

    def run(self, dag_id: str, conf: dict[str, Any], within_s: float) -> str:
        """Run a DAG to its end and return the run's id.

        :raises AssertionError: it failed.
        """
        run_id = self.airflow.trigger(dag_id, conf)
        state = self.airflow.wait(dag_id, run_id, within_s=within_s)
        assert state == "success", f"{dag_id} {run_id} ended as {state}; see {self.airflow.home}"
        return run_id

    def cpu(self) -> tuple[float, float]:
        """Return processor seconds so far: of the executor and all its tasks, and of the whole Airflow."""
        own = cpu_s(self.scheduler)
        workers = _tree_s(self.scheduler) - own
        return workers, sum(_tree_s(part.pid) for part in self.airflow.parts.values())


def _tree_s(pid: int) -> float:
    """Return the processor seconds of a process, of what descends from it, and of what has ended below it."""
    total = 0.0
    top = psutil.Process(pid)
    for process in (top, *top.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def moment(text: str) -> float:
    """Return Airflow's time stamp as seconds."""
    return datetime.fromisoformat(text).timestamp()


@contextmanager
def stage() -> Iterator[Stage]:
    """Run an Airflow until the block ends; it is warm: each DAG is parsed, and a small run has been made."""
    root = Path(tempfile.mkdtemp(prefix="benchmark-"))
    try:
        with fleet(root / "airflow", DAGS, DEFAULTS) as airflow:
            for dag_id in ("benchmark_ours", "benchmark_http_operator", "benchmark_requests"):
                _wait_parsed(airflow, dag_id)
            yield Stage(airflow, root)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _wait_parsed(airflow: Fleet, dag_id: str, within_s: float = 120) -> None:
    until = time.monotonic() + within_s
    while True:
        try:
            airflow.call("GET", f"/dags/{dag_id}")
        except AssertionError:
            assert time.monotonic() < until, f"{dag_id} was never parsed; see {airflow.home}"
            time.sleep(0.5)
        else:
            return
