"""How long the view *Yard* takes over thirty nights, each of N units that were seen five times.

``python -m benchmarks.yard_page [N]`` makes the files of thirty reconciliations (default: 200,000 units, 1,000,000
reads a night) and does what the page does with them: the counts of all nights from their footers, what came and left
(kept for ten minutes by the page), and fifty rows. The figure to reach: one second for all of it together.
"""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from airflow_provider_platerec_ocr.analysis.results.nights import Query, Summary, kept, look, with_summary
from airflow_provider_platerec_ocr.analysis.results.stays import stays
from airflow_provider_platerec_ocr.analysis.yard.files import write_parquet
from airflow_provider_platerec_ocr.analysis.yard.outcome import Reconciled, reconciliation_schema
from benchmarks.measure import machine, measured, place

if TYPE_CHECKING:
    from collections.abc import Callable

UNITS = 200_000
NIGHTS = 30
FIRST = date(2026, 3, 1)
SHARES = {"matched": 93, "matched_confusable": 4, "missing": 2, "ambiguous": 1}


def night_table(number: int, units: int) -> Any:
    """Return one night: most units seen on five images each."""
    chance = random.Random(number)  # noqa: S311  # units, no secret
    status = chance.choices(list(SHARES), list(SHARES.values()), k=units)
    codes = [f"1M8GDM9AXKP{unit:06d}" for unit in range(units)]
    seen = [each.startswith("matched") for each in status]
    given: dict[str, list[Any]] = {
        "status": list(status),
        "about": ["unit"] * units,
        "code": list(codes),
        "read_codes": [[code] if there else [] for code, there in zip(codes, seen, strict=True)],
        "images": [
            [f"/data/{number:02}/gate{gate}/IMG_{unit:06}.jpg" for gate in range(5)] if there else []
            for unit, there in enumerate(seen)
        ],
        "reads": [5 * there for there in seen],
        "expected": ['{"bay":"B4","customer":"Northway"}'] * units,
    }
    schema = reconciliation_schema()
    return pa.table({name: given.get(name, [None] * units) for name in schema.names}, schema=schema)


def prepare(root: Path, units: int) -> int:
    """Write the files of all nights."""
    for number in range(NIGHTS):
        table, day = night_table(number, units), FIRST + timedelta(days=number)
        summary = Summary(Reconciled(table, 0.0).counts, dag_id="yard", task_id="reconcile", until=f"{day}")
        write_parquet(with_summary(table, summary), place(root) / f"date={day}" / f"reconciliation-{number:02}.parquet")
    return units


def main(units: int = UNITS) -> None:
    """Measure, and print wall and processor time of each."""
    root = Path(tempfile.mkdtemp())
    try:
        measured(lambda: prepare(root, units))
        print(machine())
        found = timed("the counts of all nights", lambda: kept(place(root)))
        what = timed("what came and left", lambda: stays(found))
        print(f"  over {len(what.nights)} nights: {dict(what.counts())}")
        timed("fifty rows", lambda: look(found[0], Query(), limit=50))
        timed("fifty rows of one outcome", lambda: look(found[0], Query("matched_confusable"), limit=50))
        timed("a code", lambda: look(found[0], Query(code="199999"), limit=50))
        timed("row 150,000", lambda: look(found[0], Query(), limit=50, offset=units * 3 // 4))
    finally:
        shutil.rmtree(root)


def timed(what: str, work: Callable[[], Any]) -> Any:
    """Do it three times, print the median of each kind of time, and return what came out."""
    took = []
    for _ in range(3):
        began, cpu = time.perf_counter(), time.process_time()
        result = work()
        took.append((time.perf_counter() - began, time.process_time() - cpu))
    print(f"{what:<30}{sorted(wall for wall, _ in took)[1]:8.2f} s{sorted(cpu for _, cpu in took)[1]:8.2f} s CPU")
    return result


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
