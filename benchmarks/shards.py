"""What the benchmarks of the read tasks share: shards of load images, read by the processes that read them in Airflow.

``ChildProcess`` is what a read task runs; only Airflow itself is left out.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.models import Owner, PlannedImage
from airflow_provider_platerec_ocr.core.settings import ClientSettings
from airflow_provider_platerec_ocr.dataset.layout.lines import to_line
from airflow_provider_platerec_ocr.sandbox.samples import make_load_images
from airflow_provider_platerec_ocr.worker.job import ShardJob
from airflow_provider_platerec_ocr.worker.parent import ChildProcess
from benchmarks.measure import place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_platerec_ocr.worker.ended import Ended
    from support.sandbox import Sandbox

POLL_S = 0.2


@dataclass
class Stand:
    """Load images cut into shards, and a workspace and a ledger for them."""

    root: Path
    """Folder of it all."""
    sandbox: Sandbox
    """Whom to ask."""
    sizes: list[int]
    """Images of each shard."""
    rate_per_s: float | None = None
    """The account's limit, where it is known to the worker."""
    max_in_flight: int = 1024
    """Calls in flight of one shard."""
    image_bytes: int = 2_000
    """Size of each image."""
    ledger: Path | None = None
    """Folder of the ledger, where others have a part in it."""

    def prepare(self, seed: int = 0) -> Stand:
        """Write images and shards; other seeds make other images."""
        images = make_load_images(self.root / "images", sum(self.sizes), self.image_bytes, seed)
        (self.root / "work" / "shards").mkdir(parents=True)
        first = 0
        for index, size in enumerate(self.sizes):
            part = [
                PlannedImage(row=row, image=str(path), type="vin", uri=str(path))
                for row, path in enumerate(images[first : first + size], first + 1)
            ]
            (self.root / "work" / _shard(index)).write_text("".join(to_line(image) for image in part))
            first += size
        return self

    def job(self, index: int) -> ShardJob:
        """Return what the read task of shard ``index`` gives to its process."""
        return ShardJob(
            settings=ClientSettings(
                token=self.sandbox.token,
                base_url=self.sandbox.url,
                rate_per_s=self.rate_per_s,
                max_in_flight=self.max_in_flight,
            ),
            owner=Owner("benchmark", "run", "read", index, 1),
            ledger=place(self.ledger or self.root / "ledger"),
            spill=self.root / "spill",
            workspace=place(self.root / "work"),
            path=_shard(index),
            index=index,
            images=self.sizes[index],
            shards=len(self.sizes),
            roots=(place(self.root / "images"),),
        )


def _shard(index: int) -> str:
    return f"shards/{index:05d}.jsonl"


@dataclass
class Worker:
    """A shard that is being read in a process of its own."""

    process: ChildProcess
    ended: Ended | None = None
    """How it ended; ``None`` while it runs."""
    peak_mb: float = 0.0
    """Peak memory of the child so far."""
    cpu_s: float = 0.0
    """Processor time of the child so far."""
    seconds: float = 0.0
    """From its start to its end."""
    _threads: list[threading.Thread] = field(default_factory=list)

    @classmethod
    def start(cls, job: ShardJob) -> Worker:
        """Start the process, and two threads: one waits for it, one looks at what it takes."""
        worker, began, over = cls(ChildProcess(job)), time.monotonic(), threading.Event()

        def wait() -> None:
            try:
                worker.ended = worker.process.wait()
            finally:
                worker.seconds = time.monotonic() - began
                over.set()

        def look() -> None:
            while not over.is_set():
                with suppress(OSError, ValueError, IndexError):
                    worker.look()
                time.sleep(POLL_S)

        worker._threads = [threading.Thread(target=work, daemon=True) for work in (wait, look)]
        for thread in worker._threads:
            thread.start()
        return worker

    def look(self) -> None:
        """Take note of memory and processor time as they are."""
        self.peak_mb = max(self.peak_mb, peak_mb(self.process.pid))
        self.cpu_s = max(self.cpu_s, cpu_s(self.process.pid))

    def join(self) -> Worker:
        """Wait for its end."""
        for thread in self._threads:
            thread.join()
        assert self.ended is not None, "the shard's process ended without a word"
        return self

    def stop(self) -> None:
        """Have it finish the calls in flight."""
        self.process.stop()


def peak_mb(pid: int | str = "self") -> float:
    """Return a process's peak memory; the kernel's count per program, which a fork does not hand on."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.partition("VmHWM:")[2].split()[0]) / 1024


def cpu_s(pid: int | str = "self") -> float:
    """Return a process's processor time so far, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


@contextmanager
def all_stopped(workers: list[Worker]) -> Iterator[None]:
    """Stop and join ``workers`` at the end of the block."""
    try:
        yield
    finally:
        for worker in workers:
            worker.stop()
        for worker in workers:
            worker.join()
