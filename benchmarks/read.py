"""How close reading comes to the account's limit: N images at a known rate, in one shard and in four.

``python -m benchmarks.read [N RATE LATENCY]`` prints a line for each number of shards. The default is 400 images at
40/s with calls of 2 to 3 s, a tenth of the API's; ``2000 8 20-30`` is the API's own pace and takes five minutes a line.
Each shard is a process as in Airflow, and the sandbox is another. The limit is N / rate + the slowest call. ``run`` is
from the start of the first process to the end of the last, ``calls`` from the first call's arrival to the last answer.
The figures to reach: 1.06 at 2,000 images and 8/s, under 0.1 % refused, 5 ms of processor an image of 50 KB.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import machine
from benchmarks.shards import Stand, Worker, all_stopped
from support.sandbox import sandbox_process

SHARDS = (1, 4)
IMAGE_BYTES = 50_000


@dataclass(frozen=True)
class Load:
    """What is read."""

    images: int = 400
    """How many."""
    rate_per_s: float = 40.0
    """What the account allows, and the connection says."""
    latency: str = "2-3"
    """Seconds that a call takes, from-to."""

    @property
    def limit_s(self) -> float:
        """The time in which it could be read at best."""
        return self.images / self.rate_per_s + float(self.latency.rpartition("-")[2])


def line(load: Load, shards: int) -> str:
    """Read the load in so many shards and return the line that tells of it."""
    options = ["--latency", load.latency, "--rate", str(load.rate_per_s), "--quota", str(load.images)]
    with tempfile.TemporaryDirectory() as folder, sandbox_process(*options) as sandbox:
        sizes = [load.images // shards + (index < load.images % shards) for index in range(shards)]
        stand = Stand(Path(folder), sandbox, sizes, load.rate_per_s, image_bytes=IMAGE_BYTES).prepare()
        began = time.monotonic()
        workers = [Worker.start(stand.job(index)) for index in range(shards)]
        with all_stopped(workers):
            for worker in workers:
                worker.join()
        run_s = time.monotonic() - began
        books = sandbox.books()
    assert books["billed"] == books["unique_billed"] == load.images
    calls_s = books["last_end_s"] - books["first_arrival_s"]
    refused = 100.0 * books["per_status"].get("429", 0) / books["posts"]
    cpu_ms = 1000.0 * sum(worker.cpu_s for worker in workers) / load.images
    return (
        f"{load.images:>7,}{load.rate_per_s:>7g}{shards:>7}{load.limit_s:>9.1f}"
        f"{run_s:>8.1f}{run_s / load.limit_s:>7.2f}{calls_s:>9.1f}{calls_s / load.limit_s:>7.2f}"
        f"{refused:>7.2f}{len(books['early_starts']):>7}{books['peak_in_flight']:>8}"
        f"{cpu_ms:>8.1f}{max(worker.peak_mb for worker in workers):>9.0f}"
    )


def main(load: Load) -> None:
    """Measure each number of shards."""
    print(f"{machine()}; calls of {load.latency} s, {IMAGE_BYTES:,} bytes an image")
    print(
        f"{'images':>7}{'rate':>7}{'shards':>7}{'limit s':>9}{'run s':>8}{'ratio':>7}{'calls s':>9}{'ratio':>7}"
        f"{'429 %':>7}{'early':>7}{'flight':>8}{'cpu ms':>8}{'peak MB':>9}"
    )
    for shards in SHARDS:
        print(line(load, shards), flush=True)


if __name__ == "__main__":
    given = sys.argv[1:]
    main(Load(int(given[0].replace(",", "")), float(given[1]), given[2]) if given else Load())
