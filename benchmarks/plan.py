"""How long planning takes, and how much memory: a manifest of N rows against a dataset of N rows.

``python -m benchmarks.plan [N] …`` prints two lines for each N (default 100,000): nothing of the manifest is in the
dataset, or all of it. The figure to reach, for 1,000,000: 10 s and 600 MB.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path

from airflow_provider_platerec_ocr.dataset.plan import PlanRequest, RunRef, make_plan
from airflow_provider_platerec_ocr.dataset.schema import reads_schema
from benchmarks.measure import header, line, measured, place

RUN = RunRef("benchmark", "manual__2026-03-01", "2026-03-01")
BATCH = 50_000


def image(index: int) -> str:
    """Return a path as a yard's cameras write it."""
    return f"/data/yard-{index % 40:02d}/2026/03/camera-{index % 9}/img_{index:09d}.jpg"


def prepare(root: Path, number: int, first: int) -> int:
    """Write a manifest of ``number`` images, and a dataset of as many from the image ``first`` on."""
    import pyarrow as pa  # noqa: PLC0415  # only in the process that prepares
    import pyarrow.parquet as pq  # noqa: PLC0415  # as above

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


def main(sizes: list[int]) -> None:
    """Measure each size."""
    print(header())
    for number in sizes:
        for what, first in (("plan, all of it new", number), ("plan, all of it done", 0)):
            root = Path(tempfile.mkdtemp())
            try:
                measured(partial(prepare, root, number, first))
                took = measured(partial(plan, root))
                assert took.result == first
                print(line(what, number, took), flush=True)
            finally:
                shutil.rmtree(root)


if __name__ == "__main__":
    main([int(text.replace(",", "").replace("_", "")) for text in sys.argv[1:]] or [100_000])
