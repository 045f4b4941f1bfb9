"""How long a run takes on a real Airflow, against the account's limit: LocalExecutor, PostgreSQL, uploads of 50 KB.

``python -m benchmarks.airflow_run [N RATE LATENCY [unknown | second]] …`` prints the figures of each run. The default
is 2,000 images at 80/s with calls of 2 to 3 s, a tenth of the API's; ``2000 8 20-30`` is the API's own pace and takes
five minutes. With ``unknown`` no rate is configured, so that it has to be found; with ``second`` it was found by a run
of the same account just before, over as many other images.

The limit is N / rate + the slowest call. The run is from the start of the plan task to the end of the export task.
What a run takes beyond its limit is the hundredth of a known rate that is not used, and Airflow's own time to start
three tasks, which does not shrink with the latency: so a run at another pace also says what it would be at 8/s and 20
to 30 s, with the same seconds for the tasks.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.engine.rate.limiter import MARGIN
from benchmarks.figures import Figure, at_most, billed_once, for_show, table
from benchmarks.measure import machine
from benchmarks.read import Load
from benchmarks.stage import Children, moment, stage
from support.sandbox import sandbox_process

if TYPE_CHECKING:
    from benchmarks.stage import Stage

SHORT = Load(2_000, 80, "2-3")
API_LATENCY = "20-30"
RATIOS = {2_000: 1.06, 10_000: 1.02}
"""Images, and the figure to reach at 8/s."""
SECOND_NIGHT = 1.10
"""The figure to reach where the rate was found by an earlier run."""
REFUSED = {True: 0.1, False: 2.0}
"""Whether the rate is given, and the part of calls in percent that may be refused."""
CPU_MS = 5.0
PER_SHARD = 2_000


@dataclass(frozen=True)
class Run:
    """What one run took."""

    load: Load
    given: bool
    """Whether the rate was configured."""
    seconds: dict[str, float]
    """Length of each phase."""
    books: dict[str, Any]
    """The sandbox's sums."""
    child_cpu_s: float
    """Processor time of the read tasks and of the processes that made their calls."""
    worker_cpu_s: float
    """Processor time of the executor's processes: all three tasks, and Airflow's watch over them."""
    airflow_cpu_s: float
    """Processor time of the whole Airflow."""
    peak_mb: float
    """Peak memory of the largest process that made calls."""
    second: bool = False
    """Whether the rate was found by an earlier run."""

    @property
    def beyond_s(self) -> float:
        """Seconds beyond the limit."""
        return self.seconds["run"] - self.load.limit_s

    @property
    def ratio(self) -> float:
        """Run time over limit."""
        return self.seconds["run"] / self.load.limit_s

    @property
    def refused(self) -> float:
        """Part of the calls that was refused, in percent."""
        return 100.0 * float(self.books["per_status"].get("429", 0)) / float(self.books["posts"])

    def figures(self) -> list[Figure]:
        """Return the run's lines."""
        load = self.load
        how = "" if self.given else " (second night)" if self.second else " (to be found)"
        name = f"{load.images:,} images, {load.rate_per_s:g}/s{how}"
        return [
            self._ratio(name),
            for_show(f"{name}: seconds beyond the limit", self.beyond_s, " s", self._phases()),
            billed_once(
                f"{name}: calls billed per image", self.books["billed"], self.books["unique_billed"], load.images
            ),
            at_most(
                f"{name}: calls refused with 429",
                REFUSED[self.given],
                self.refused,
                " %",
                f"{self.books['posts']:,} calls sent",
            ),
            at_most(
                f"{name}: CPU of the read tasks per image",
                CPU_MS,
                1000 * self.child_cpu_s / load.images,
                " ms",
                f"all three tasks {1000 * self.worker_cpu_s / load.images:.1f} ms, "
                f"all of Airflow {1000 * self.airflow_cpu_s / load.images:.1f} ms",
            ),
        ]

    def _ratio(self, name: str) -> Figure:
        what = f"{name}: run / limit of {self.load.limit_s:.1f} s"
        target = RATIOS.get(self.load.images)
        if self.second:
            return at_most(what, SECOND_NIGHT, self.ratio)
        if not self.given or target is None:
            return for_show(what, self.ratio)
        api = Load(self.load.images, 8, API_LATENCY)
        if (self.load.rate_per_s, self.load.latency) == (api.rate_per_s, api.latency):
            return at_most(what, target, self.ratio)
        same = 1 + (self.beyond_s - _margin_s(self.load) + _margin_s(api)) / api.limit_s
        verdict = "reached" if same <= target else "missed"
        return Figure(what, f"≤ {target} at 8/s", f"{self.ratio:.3f}", f"{verdict}: at 8/s it would be {same:.3f}")

    def _phases(self) -> str:
        s = self.seconds
        return (
            f"plan {s['plan']:.1f} s, to the first call {s['first']:.1f} s, calls {s['calls']:.1f} s, "
            f"last answer to the end {s['last']:.1f} s"
        )


def _margin_s(load: Load) -> float:
    """Return the seconds that the part of the rate costs which is not used, so that a strict server refuses nothing."""
    return load.images / load.rate_per_s * (1 / MARGIN - 1)


def run(on: Stage, load: Load, *, given: bool = True, second: bool = False) -> Run:
    """Run the main job once and return what it took.

    :param second: whether the account had a first night over other images, which is not counted.
    """
    manifest = on.manifest(load.images)
    options = ["--latency", load.latency, "--rate", str(load.rate_per_s), "--quota", "10000000", "--seed", "1"]
    with tempfile.TemporaryDirectory(dir=on.root) as folder, sandbox_process(*options) as sandbox:
        conf = {
            "manifest": str(manifest),
            "dataset": f"{folder}/reads",
            "ledger": f"{folder}/ledger",
            "conn_id": on.connect(sandbox, **({"rate_per_s": load.rate_per_s} if given else {})),
            "images_per_shard": PER_SHARD,
        }
        if second:
            other = conf | {"manifest": str(on.manifest(load.images, seed=1))}
            on.run("benchmark_ours", other, within_s=5 * load.limit_s + 300)
            sandbox.reset()
        children = Children(on.scheduler)
        before = on.cpu()
        with children.watched():
            run_id = on.run("benchmark_ours", conf, within_s=5 * load.limit_s + 300)
        after, books = on.cpu(), sandbox.books()
        return Run(
            load=load,
            given=given,
            seconds=_phases(on, run_id, books),
            books=books,
            child_cpu_s=sum(children.cpu.values()),
            worker_cpu_s=after[0] - before[0],
            airflow_cpu_s=after[1] - before[1],
            peak_mb=max(children.peak_mb.values(), default=0.0),
            second=second,
        )


def _phases(on: Stage, run_id: str, books: dict[str, Any]) -> dict[str, float]:
    """Return how long each part of a run took; the sandbox's clock is this machine's."""
    tasks = {ti["task_id"]: ti for ti in on.airflow.tasks("benchmark_ours", run_id)}
    plan, export = tasks["ocr.plan"], tasks["ocr.export"]
    wall = time.time() - time.monotonic()
    began, ended = moment(plan["start_date"]), moment(export["end_date"])
    first, last = wall + books["first_arrival_s"], wall + books["last_end_s"]
    return {
        "run": ended - began,
        "plan": moment(plan["end_date"]) - began,
        "first": first - began,
        "calls": last - first,
        "last": ended - last,
    }


def warm(on: Stage) -> None:
    """Make a small run, so that Airflow's workers are there and its files are in the cache, as on any other night."""
    run(on, Load(20, 20, "0-0.1"))


def main(arguments: list[str]) -> int:
    """Measure each run that is named; return 1 where the books are wrong."""
    runs = []
    while arguments:
        images, rate, latency, *rest = arguments
        given = rest[:1] not in (["unknown"], ["second"])
        second = rest[:1] == ["second"]
        arguments = rest if given else rest[1:]
        runs.append((Load(int(images.replace(",", "")), float(rate), latency), given, second))
    figures: list[Figure] = []
    with stage() as on:
        warm(on)
        for load, given, second in runs or [(SHORT, True, False)]:
            print(machine(), flush=True)
            figures += run(on, load, given=given, second=second).figures()
            print(table(figures), flush=True)
    return int(any(figure.wrong for figure in figures))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
