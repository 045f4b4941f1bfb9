"""What importing the example DAGs costs where DAG files are parsed, beyond Airflow itself.

``python -m benchmarks.parse`` prints one line. Each sample is a new process that first imports every module of Airflow
that the DAGs need, and then runs all DAG files. The median of the processor time counts, which is the wall time of a
quiet machine. The figure to reach: 150 ms for all of them.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.figures import at_most, table
from benchmarks.measure import machine

if TYPE_CHECKING:
    from benchmarks.figures import Figure

DAGS = sorted((Path(__file__).parents[1] / "dags").glob("*.py"))
SAMPLES = 7
LIMIT_MS = 150.0
RUN = "import runpy, sys, time\nfor path in sys.argv[1:]: runpy.run_path(path)\n"
NAMES = RUN + "import json; print(json.dumps([n for n in sys.modules if n.split('.')[0] == 'airflow']))"
TIMED = """
import importlib, json, runpy, sys, time
for name in json.loads(sys.stdin.read()):
    importlib.import_module(name)
wall, began = time.perf_counter(), time.process_time()
for path in sys.argv[1:]:
    runpy.run_path(path)
print(time.process_time() - began, time.perf_counter() - wall)
"""


def _python(code: str, given: str = "") -> str:
    line = [sys.executable, "-W", "ignore", "-c", code, *map(str, DAGS)]
    done = subprocess.run(line, input=given, capture_output=True, text=True, check=True)  # noqa: S603  # our own code
    return done.stdout.strip().splitlines()[-1]


def figures() -> list[Figure]:
    """Return the line."""
    modules: list[str] = json.loads(_python(NAMES))
    samples = [_python(TIMED, json.dumps(modules)).split() for _ in range(SAMPLES)]
    cpu, wall = ([1000 * float(text) for text in column] for column in zip(*samples, strict=True))
    remark = f"CPU {min(cpu):.0f} to {max(cpu):.0f} ms in {SAMPLES} processes, median of the wall time {_middle(wall)}"
    what = f"importing the {len(DAGS)} example DAGs, beyond Airflow"
    return [at_most(what, LIMIT_MS, statistics.median(cpu), " ms", remark)]


def _middle(values: list[float]) -> str:
    return f"{statistics.median(values):.0f} ms"


if __name__ == "__main__":
    print(machine())
    print(table(figures()))
