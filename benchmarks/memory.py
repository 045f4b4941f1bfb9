"""Whether memory stays flat: one shard of 100, 10,000 and 100,000 images, 100 calls in flight, images of 10 KB.

``python -m benchmarks.memory [N] …`` prints the figures of shards of so many images (default: 100 and 10,000). The
figure to reach: a shard of 10,000 within 50 MB of a shard of 100. Calls take half a second, so that the number in
flight is the same for all sizes; 100,000 images take ten minutes.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.figures import at_most, billed_once, for_show, table
from benchmarks.measure import machine
from benchmarks.shards import Stand, Worker, all_stopped
from support.sandbox import sandbox_process

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.figures import Figure

SHORT = (100, 2_000)
FULL = (100, 10_000, 100_000)
RATE_PER_S = 200.0
LATENCY = "0.5"
IMAGE_BYTES = 10_000
MORE_MB = 50.0
"""What a larger shard may take beyond the smallest one …"""
MOST = 10_000
"""… up to so many images."""


def figures(sizes: tuple[int, ...]) -> Iterator[Figure]:
    """Yield the lines: the peak of each size, and what each takes beyond the smallest."""
    peaks = {}
    for size in sizes:
        worker, books = _read(size)
        peaks[size] = worker.peak_mb
        remark = f"{worker.seconds:.0f} s, CPU {1000 * worker.cpu_s / size:.1f} ms an image"
        yield for_show(f"peak memory of a shard of {size:,}", worker.peak_mb, " MB", remark)
        yield billed_once(
            f"shard of {size:,}: calls billed per image", int(books["billed"]), int(books["unique_billed"]), size
        )
    smallest = min(sizes)
    for size in sizes:
        if size != smallest:
            what, more = f"a shard of {size:,} beyond one of {smallest:,}", peaks[size] - peaks[smallest]
            yield at_most(what, MORE_MB, more, " MB") if size <= MOST else for_show(what, more, " MB")


def _read(size: int) -> tuple[Worker, dict[str, float]]:
    options = [
        "--latency",
        LATENCY,
        "--rate",
        str(RATE_PER_S),
        "--quota",
        str(2 * size),
    ]  # calls in flight are held back twice without a plan
    with tempfile.TemporaryDirectory() as folder, sandbox_process(*options) as sandbox:
        stand = Stand(Path(folder), sandbox, [size], RATE_PER_S, image_bytes=IMAGE_BYTES).prepare()
        worker = Worker.start(stand.job(0))
        with all_stopped([worker]):
            worker.join()
        return worker, sandbox.books()


def main(arguments: list[str]) -> int:
    """Measure each size; return 1 where the books are wrong."""
    print(machine())
    found = list(figures(tuple(int(text.replace(",", "")) for text in arguments) or FULL[:2]))
    print(table(found))
    return int(any(figure.wrong for figure in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
