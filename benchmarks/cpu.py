"""What one image costs the process that makes its call, in processor time: uploads of 50 KB at 20/s.

``python -m benchmarks.cpu [N RATE LATENCY] [--against FOLDER]`` reads N images (default 600, calls of 2 to 3 s) three
times and prints each and their median. With ``--against``, another copy of this repository (of before a change, say)
takes turns with this one, so that both meet the same machine: time on the processors grows by a tenth and more where
others use them, too. It is that of the child alone, its start included. The figure to reach: 5 ms.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.figures import at_most, for_show, table
from benchmarks.measure import machine
from benchmarks.read import IMAGE_BYTES, Load
from benchmarks.shards import Stand, Worker, all_stopped
from support.sandbox import sandbox_process

LOAD = Load(600, 20, "2-3")
ROUNDS = 3
CPU_MS = 5.0
ONCE = "--once"
AGAINST = "--against"
HERE = Path(__file__).resolve()


def once(load: Load) -> float:
    """Read the load and return the child's milliseconds per image."""
    options = ["--latency", load.latency, "--rate", str(load.rate_per_s), "--quota", "1000000"]
    with tempfile.TemporaryDirectory() as folder, sandbox_process(*options) as sandbox:
        stand = Stand(Path(folder), sandbox, [load.images], load.rate_per_s, image_bytes=IMAGE_BYTES).prepare()
        worker = Worker.start(stand.job(0))
        with all_stopped([worker]):
            worker.join()
        billed = sandbox.books()["billed"]
    assert billed == load.images, f"{billed} of {load.images} images were billed: {worker.ended}"
    return 1000.0 * worker.cpu_s / load.images


def _apart(tree: Path, words: list[str]) -> float:
    """Run :func:`once` of a copy of the repository in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    command = [sys.executable, str(HERE), ONCE, *words]
    ran = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)  # noqa: S603  # our own program
    return float(ran.stdout.split()[-1])


def main(words: list[str]) -> None:
    """Measure in turns and print the table."""
    trees = {"this": HERE.parent.parent}
    if AGAINST in words:
        at = words.index(AGAINST)
        trees["the other"] = Path(words[at + 1]).resolve()
        del words[at : at + 2]
    found: dict[str, list[float]] = {name: [] for name in trees}
    for _ in range(ROUNDS):
        for name, tree in trees.items():
            found[name].append(_apart(tree, words))
    load = _load(words)
    print(f"{machine()}; {load.images:,} images at {load.rate_per_s:g}/s, calls of {load.latency} s")
    lines = []
    for name, values in found.items():
        what, each = f"CPU of the child per image, {name}", ", ".join(f"{value:.2f}" for value in values)
        median = statistics.median(values)
        lines.append(
            at_most(what, CPU_MS, median, " ms", each) if name == "this" else for_show(what, median, " ms", each)
        )
    print(table(lines))


def _load(words: list[str]) -> Load:
    return Load(int(words[0].replace(",", "")), float(words[1]), words[2]) if words else LOAD


if __name__ == "__main__":
    if ONCE in sys.argv[1:]:
        print(once(_load([word for word in sys.argv[1:] if word != ONCE])))
    else:
        main(sys.argv[1:])
