"""How long it takes to hold reads against a list of units: ``python -m benchmarks.reconcile [READS [UNITS]]``.

Default: 100,000 reads against 20,000 units. The figure to reach, for 1,000,000 against 200,000: 60 s and 1 GB. A third
are VINs, a third containers, a third fleet numbers; one read in thirty is misread, one unit in ten is missing, one read
in twenty is of a unit that is not on the list.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from airflow_provider_platerec_ocr.analysis.yard.expected import Expected
from airflow_provider_platerec_ocr.analysis.yard.files import write_all
from airflow_provider_platerec_ocr.analysis.yard.knowledge import decoder
from airflow_provider_platerec_ocr.analysis.yard.reads import RECONCILED, load, newest_day
from airflow_provider_platerec_ocr.analysis.yard.reconcile import reconcile
from airflow_provider_platerec_ocr.analysis.yard.seen import sight, sightings_table, signs_by_code
from airflow_provider_platerec_ocr.analysis.yard.what import Told, with_what
from airflow_provider_platerec_ocr.dataset.layout.schema import reads_schema
from benchmarks.figures import at_most, for_show
from benchmarks.measure import header, line, measured, place
from support.yards import containers, fleet_numbers, misread, seeded, vins

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.figures import Figure
    from benchmarks.measure import Measured

READS, UNITS = 1_000_000, 200_000
SECONDS, MEMORY_MB = 60.0, 1_000.0
LISTED = 0.95
START = datetime(2026, 3, 2, tzinfo=UTC)


def prepare(root: Path, reads: int, units: int) -> int:
    """Write the reads and the list, each as Parquet."""
    rng = seeded(1)
    every = vins(rng, units // 3, 200) + containers(rng, units // 3, 200)
    every += fleet_numbers(rng, units - len(every), 8)
    rng.shuffle(every)
    pq.write_table(pa.table({"code": every}), root / "units.parquet")
    there = every[: int(len(every) * 0.9)]
    strangers = vins(rng, max(1, units // 20), 1)
    codes = []
    for _ in range(reads):
        code = rng.choice(there if rng.random() < LISTED else strangers)
        codes.append((misread(rng, code) or code) if rng.random() < 1 / 30 else code)
    taken = [START + timedelta(seconds=number / 40) for number in range(reads)]
    given = {
        "image": pa.array([f"/yard/{number:07d}.jpg" for number in range(reads)]),
        "code": pa.array(codes),
        "code_normalized": pa.array(codes),
        "confidence": pa.array([0.5 + rng.random() / 2 for _ in range(reads)]),
        "camera_id": pa.array([f"gate-{number % 9}" for number in range(reads)]),
        "timestamp": pa.array(taken, pa.timestamp("us", tz="UTC")),
    }
    schema = reads_schema()
    given |= {"schema_version": pa.array([2] * reads), "read_type": pa.array(["vin"] * reads)}
    columns = [pa.nulls(reads, field.type) if field.name not in given else given[field.name] for field in schema]
    folder = root / "table" / "type=vin" / f"date={START.date()}"
    folder.mkdir(parents=True)
    table = pa.table([column.cast(kind) for column, kind in zip(columns, schema.types, strict=True)], schema=schema)
    pq.write_table(table, folder / "reads.parquet")
    return reads


def units_of(root: Path) -> list[Expected]:
    """Return the list."""
    codes = pq.read_table(root / "units.parquet")["code"].to_pylist()
    return [Expected(row, code) for row, code in enumerate(codes, start=1)]


def reads_of(root: Path) -> pa.Table:
    """Return the reads of the table's last day, as the operator takes them."""
    dataset = place(root / "table")
    day = newest_day(dataset)
    return load(dataset, place(root / "table_corrections"), since=day, until=day, columns=RECONCILED)


def plain(root: Path) -> int:
    """Reconcile the reads one by one, and write the Parquet file."""
    table = reads_of(root)
    write_all(reconcile(table, units_of(root)).table, place(root), "reconciliation", people=False)
    return int(table.num_rows)


def whole(root: Path) -> int:
    """Do what the operator does: read the table, find the sightings, reconcile them, write all files."""
    table, decodes = reads_of(root), decoder()
    found, agreed = sight(table, decodes=decodes)
    told, rows = Told(signs_by_code(agreed)), table.num_rows
    write_all(sightings_table(found, told), place(root), "sightings", people=False)
    del found, table
    result = reconcile(agreed, units_of(root), decodes=decodes)
    write_all(with_what(result.table, told), place(root), "reconciliation")
    return int(rows)


def measure(reads: int, units: int) -> dict[str, Measured]:
    """Measure each in a process of its own."""
    root = Path(tempfile.mkdtemp())
    try:
        measured(partial(prepare, root, reads, units))
        return {work.__name__: measured(partial(work, root)) for work in (plain, whole)}
    finally:
        shutil.rmtree(root)


def figures(reads: int = READS, units: int = UNITS) -> Iterator[Figure]:
    """Yield the figures."""
    found = measure(reads, units)
    name = f"reconcile {reads:,} reads with {units:,} units"
    alone, took = found["plain"], found["whole"]
    yield at_most(f"{name}, seconds", SECONDS * reads / READS, took.seconds, " s", f"CPU {took.cpu_s:.1f} s")
    yield at_most(f"{name}, memory", MEMORY_MB, took.peak_mb, " MB", "")
    remark = f"CPU {alone.cpu_s:.1f} s, {alone.peak_mb:.0f} MB"
    yield for_show(f"{name}, without sightings and files for people, seconds", alone.seconds, " s", remark)


def main(words: list[str]) -> None:
    """Measure and print a line each."""
    reads, units = (
        int(word.replace(",", "").replace("_", "")) for word in (*words, *("100000", "20000")[len(words) :])
    )
    print(header())
    for name, took in measure(reads, units).items():
        print(line(f"reconcile, {name}", reads, took))


if __name__ == "__main__":
    main(sys.argv[1:])
