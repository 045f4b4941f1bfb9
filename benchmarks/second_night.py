"""What it is worth to remember a rate: the same account on four nights, beside each other in one table.

``python -m benchmarks.second_night [N RATE LATENCY]`` reads N images a night (default 800 at 20/s, calls of 2 to 3 s)
with the process that a read task starts: with the rate given; with no rate, for the first time; with no rate, the next
night; and once more, with half the limit. The nights share one ledger, and the machine. *Calls* is from the first
arrival to the last answer, the limit is N / rate + the slowest call. The figures to reach: the second night within 1.10
of its limit, and less than 2 % refused; from 30 s on, half the limit is kept, too.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.figures import at_most, billed_once, for_show, table
from benchmarks.measure import machine
from benchmarks.read import Load
from benchmarks.shards import Stand, Worker, all_stopped
from support.sandbox import sandbox_process

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.figures import Figure
    from support.sandbox import Sandbox

LOAD = Load(800, 20, "2-3")
RATIO = 1.10
REFUSED = 2.0
"""Percent."""
RESPECTED_S = 30.0
TOO_MANY = 429


@dataclass(frozen=True)
class Night:
    """One run over images of its own."""

    name: str
    load: Load
    calls: list[dict[str, object]]
    """As the sandbox saw them."""
    books: dict[str, float]

    @property
    def ratio(self) -> float:
        """Time of the calls over the limit."""
        return (self.books["last_end_s"] - self.books["first_arrival_s"]) / self.load.limit_s

    def refused(self, start_s: float = 0.0) -> float:
        """Return the percentage of calls that was refused from ``start_s`` on."""
        first = float(str(self.calls[0]["arrived_s"]))
        found = [call["status"] == TOO_MANY for call in self.calls if float(str(call["arrived_s"])) - first >= start_s]
        return 100.0 * sum(found) / max(1, len(found))

    def figures(self, *, has_targets: bool = False) -> Iterator[Figure]:
        """Yield the night's lines."""
        ratio, refused = f"{self.name}: calls / limit of {self.load.limit_s:.1f} s", f"{self.name}: refused with 429"
        if has_targets:
            yield at_most(ratio, RATIO, self.ratio)
            yield at_most(refused, REFUSED, self.refused(), " %")
        else:
            yield for_show(ratio, self.ratio)
            yield for_show(refused, self.refused(), " %")
        billed, unique = int(self.books["billed"]), int(self.books["unique_billed"])
        yield billed_once(f"{self.name}: calls billed per image", billed, unique, self.load.images)


def nights(load: Load) -> Iterator[Figure]:
    """Yield the lines of all four nights."""
    half = replace(load, rate_per_s=load.rate_per_s / 2)
    options = ["--latency", load.latency, "--rate", str(load.rate_per_s), "--quota", "1000000", "--seed", "1"]
    with tempfile.TemporaryDirectory() as folder, sandbox_process(*options) as sandbox:
        root = Path(folder)
        yield from _night(root, sandbox, load, "rate given", given=True).figures()
        yield from _night(root, sandbox, load, "first night").figures()
        yield from _night(root, sandbox, load, "second night").figures(has_targets=True)
        lower = _night(root, sandbox, half, "half the limit")
        yield from lower.figures()
        yield at_most(f"half the limit: refused after {RESPECTED_S:g} s", REFUSED, lower.refused(RESPECTED_S), " %")


def _night(root: Path, sandbox: Sandbox, load: Load, name: str, *, given: bool = False) -> Night:
    sandbox.reset()
    sandbox.control(rate=load.rate_per_s)
    stand = Stand(root / name, sandbox, [load.images], load.rate_per_s if given else None, ledger=root / "ledger")
    stand.prepare(seed=sum(name.encode()))
    worker = Worker.start(stand.job(0))
    with all_stopped([worker]):
        worker.join()
    return Night(name, load, sandbox.calls(), sandbox.books())


def main(load: Load) -> int:
    """Measure and print; return 1 where the books are wrong."""
    print(f"{machine()}; {load.images:,} images at {load.rate_per_s:g}/s, calls of {load.latency} s")
    found = list(nights(load))
    print(table(found))
    return int(any(figure.wrong for figure in found))


if __name__ == "__main__":
    words = sys.argv[1:]
    sys.exit(main(Load(int(words[0].replace(",", "")), float(words[1]), words[2]) if words else LOAD))
