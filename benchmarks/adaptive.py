"""How well a rate that nobody configured is found, followed and shared: real processes against the sandbox's limits.

``python -m benchmarks.adaptive [--full]`` runs all cases beside each other, each with a sandbox of its own, and prints
a line for each. Short: under two minutes, calls of 2 to 3 s. Full: six minutes, calls of 20 to 30 s. The figures to
reach: found within 60 s, from then on within 5 % of the limit, under 2 % of the calls refused.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import machine
from benchmarks.shards import Stand, Worker, all_stopped
from support.sandbox import sandbox_process

FOUND = 0.95
"""Part of the limit from which on it counts as found."""


@dataclass(frozen=True)
class Case:
    """One account, and what happens to it."""

    name: str
    """What the table calls it."""
    limit_per_s: float
    """The account's limit at first."""
    burst: int | None = None
    """Starts that it accepts at once; ``None``: a second's."""
    changes: tuple[tuple[float, float], ...] = ()
    """Part of the run's time, and the limit from then on."""
    shards: tuple[tuple[float, float], ...] = ((0.0, 1.0),)
    """Of each shard: parts of the run's time at which it starts and runs out of images."""


CASES = (
    Case("1/s, one shard", 1),
    Case("8/s, one shard", 8),
    Case("20/s, one shard", 20),
    Case("8/s, no burst forgiven", 8, burst=1),
    Case("8/s, then 4/s", 8, changes=((0.5, 4),)),
    Case("8/s, then 16/s", 8, changes=((0.5, 16),)),
    Case("8/s, 4 shards", 8, shards=((0, 1),) * 4),
    Case("20/s, 8 shards", 20, shards=((0, 1),) * 8),
    Case("8/s, 4 shards, 1 late, 1 short", 8, shards=((0, 1), (0, 1), (0.6, 1), (0, 0.75))),
)


@dataclass(frozen=True)
class Arrival:
    """One call as the sandbox saw it."""

    at_s: float
    """Seconds after the first one."""
    ok: bool
    """Whether the limit let it through."""
    shard: int
    """Who sent it."""


@dataclass(frozen=True)
class Result:
    """What a case came to."""

    case: Case
    arrivals: list[Arrival]
    seconds: float

    def accepted(self, start_s: float, end_s: float) -> int:
        """Return how many calls were let through in a window."""
        return sum(one.ok and start_s <= one.at_s < end_s for one in self.arrivals)

    def found_s(self, since_s: float, limit_per_s: float) -> float | None:
        """Return the seconds after ``since_s`` from which on a window holds what the limit allows, and no more."""
        window_s = max(10.0, 20.0 / limit_per_s)
        for step in range(int(self.seconds - since_s - window_s) + 1):
            per_s = self.accepted(since_s + step, since_s + step + window_s) / window_s
            if per_s / limit_per_s >= FOUND:
                return float(step)
        return None

    def refused(self, start_s: float = 0.0) -> float:
        """Return the part of the calls that was refused from ``start_s`` on."""
        found = [one.ok for one in self.arrivals if one.at_s >= start_s]
        return found.count(False) / max(1, len(found))

    def line(self) -> str:
        """Return the table's line; the last limit is what counts."""
        since_s, limit = 0.0, self.case.limit_per_s
        for part, changed in self.case.changes:
            since_s, limit = part * self.seconds, changed
        found = self.found_s(since_s, limit)
        steady_s = min(since_s + 60.0, 0.9 * self.seconds) if found is None else since_s + min(found, 60.0)
        used = self.accepted(steady_s, self.seconds) / (self.seconds - steady_s) / limit
        apart = self._apart(steady_s)
        return (
            f"{self.case.name:<32}{limit:>7g}{'never' if found is None else f'{found:.0f} s':>9}{used:>11.1%}"
            f"{self.refused():>10.2%}{self.refused(steady_s):>11.2%}{apart:>9}{len(self.arrivals):>8}"
        )

    def _apart(self, start_s: float) -> str:
        """Return how far the shards that run all the time are apart: the largest part over the smallest."""
        always = [index for index, (begin, end) in enumerate(self.case.shards) if begin == 0 and end == 1]
        parts = [sum(one.shard == index and one.at_s >= start_s for one in self.arrivals) for index in always]
        return "-" if len(parts) < 2 else f"{max(parts) / max(1, min(parts)):.2f}"  # noqa: PLR2004  # one has no other


def run(case: Case, seconds: float, latency: str) -> Result:
    """Run one case in real time."""
    most = max(case.limit_per_s, *(limit for _, limit in case.changes), 1.0)
    sizes = [_images(case, index, most * seconds) for index in range(len(case.shards))]
    burst = [] if case.burst is None else ["--burst", str(case.burst)]
    options = ["--rate", str(case.limit_per_s), *burst, "--latency", latency, "--seed", "1", "--quota", "1000000"]
    with tempfile.TemporaryDirectory() as folder, sandbox_process(*options) as sandbox:
        stand = Stand(Path(folder), sandbox, sizes).prepare()
        began, workers = time.monotonic(), list[Worker]()
        events: list[tuple[float, int, float]] = [(begin, index, 0.0) for index, (begin, _) in enumerate(case.shards)]
        events += [(part, -1, limit) for part, limit in case.changes]
        with all_stopped(workers):
            for part, index, limit in sorted(events):
                time.sleep(max(0.0, began + part * seconds - time.monotonic()))
                if index < 0:
                    sandbox.control(rate=limit)
                else:
                    workers.append(Worker.start(stand.job(index)))
            time.sleep(max(0.0, began + seconds + 1.0 - time.monotonic()))  # a process takes a second to start
        return Result(case, _arrivals(sandbox.calls(), sizes), seconds)


def _images(case: Case, index: int, most: float) -> int:
    """Return how many images a shard needs: more than it can read, or its even part until it is to run out."""
    end = case.shards[index][1]
    return int(most) + 100 if end == 1 else int(most * end / len(case.shards))


def _arrivals(calls: list[dict[str, object]], sizes: list[int]) -> list[Arrival]:
    first = float(str(calls[0]["arrived_s"]))
    bounds = [sum(sizes[: index + 1]) for index in range(len(sizes))]
    found = []
    for call in calls:
        number = int(str(call["filename"]).removeprefix("load_")[:6])
        shard = next(index for index, bound in enumerate(bounds) if number <= bound)
        found.append(Arrival(float(str(call["arrived_s"])) - first, call["status"] != 429, shard))  # noqa: PLR2004  # HTTP's own
    return found


def main(*, full: bool = False) -> None:
    """Run all cases at once and print the table."""
    seconds, latency = (300.0, "api") if full else (100.0, "2-3")
    results: list[Result | None] = [None] * len(CASES)

    def work(index: int) -> None:
        results[index] = run(CASES[index], seconds, latency)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(CASES))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"no rate configured, {seconds:.0f} s, calls of {latency} s; {machine()}")
    print(f"{'case':<32}{'limit/s':>7}{'found':>9}{'then used':>11}{'refused':>10}{'then':>11}{'apart':>9}{'calls':>8}")
    for result in results:
        print("failed; its error is above" if result is None else result.line(), flush=True)


if __name__ == "__main__":
    main(full="--full" in sys.argv[1:])
