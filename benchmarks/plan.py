"""How long planning takes, and how much memory: a manifest of N rows against a dataset of N rows.

``python -m benchmarks.plan [N] …`` prints two lines for each N (default 100,000): nothing of the manifest is in the
dataset, or all of it. The figure to reach, for 1,000,000: 10 s and 300 MB.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from airflow_provider_platerec_ocr.dataset.layout.schema import reads_schema
from airflow_provider_platerec_ocr.dataset.plan.plan import PlanRequest, RunRef, make_plan
from benchmarks.figures import at_most
from benchmarks.measure import header, line, measured, place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.figures import Figure
    from benchmarks.measure import Measured

RUN = RunRef("benchmark", "manual__2026-03-01", "2026-03-01")
BATCH = 50_000
FULL = 1_000_000
SECONDS = 10.0
MEMORY_MB = 300.0


def image(index: int) -> str:
    """Return a path as a yard's cameras write it."""
    return f"/data/yard-{index % 40:02d}/2026/03/camera-{index % 9}/img_{index:09d}.jpg"


def prepare(root: Path, number: int, first: int) -> int:
    """Write a manifest of ``number`` images, and a dataset of as many from the image ``first`` on."""
    with (root / "manifest.csv").open("w") as file:
        file.write("image,type,camera_id,timestamp\n")
        for index in range(number):
            file.write(f"{image(index)},vin,gate-{index % 9},2026-03-01T22:15:00Z\n")
    target = root / "table" / "type=vin" / "date=2026-02-28" / "reads-benchmark-00000.parquet"
    target.parent.mkdir(parents=True)
    schema = reads_schema()
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for start in range(first, first + number, BATCH):
            images = [image(index) for index in range(start, min(start + BATCH, first + number))]
            given = {"image": pa.array(images)}
            empty = [given.get(field.name, pa.nulls(len(images), field.type)) for field in schema]
            writer.write_table(pa.table(empty, schema=schema))
    return number


def plan(root: Path) -> int:
    """Plan the manifest that lies in ``root``; return how many images are to be read."""
    made = make_plan(
        PlanRequest(
            manifest=str(root / "manifest.csv"),
            opener=place,
            dataset=place(root / "table"),
            dead_letters=place(root / "dead_letters"),
            workspace=place(root / "work"),
            run=RUN,
        )
    )
    return made.planned


WHAT = {"plan, all of it new": True, "plan, all of it done": False}
"""What is measured, and whether nothing of the manifest is in the dataset, or all of it."""


def took(what: str, number: int) -> Measured:
    """Return what one plan took."""
    first = number if WHAT[what] else 0
    root = Path(tempfile.mkdtemp())
    try:
        measured(partial(prepare, root, number, first))
        found = measured(partial(plan, root))
        assert found.result == first
        return found
    finally:
        shutil.rmtree(root)


def figures(number: int) -> Iterator[Figure]:
    """Yield the lines of the benchmarks' table; the figures to reach are those of 1,000,000, and shrink with it."""
    for what in WHAT:
        found = took(what, number)
        name = f"{what}: {number:,} rows against {number:,}"
        yield at_most(f"{name}, seconds", SECONDS * number / FULL, found.seconds, " s", f"CPU {found.cpu_s:.1f} s")
        yield at_most(f"{name}, memory", MEMORY_MB, found.peak_mb, " MB")


def main(sizes: list[int]) -> None:
    """Measure each size."""
    print(header())
    for number in sizes:
        for what in WHAT:
            print(line(what, number, took(what, number)), flush=True)


if __name__ == "__main__":
    main([int(text.replace(",", "").replace("_", "")) for text in sys.argv[1:]] or [100_000])
