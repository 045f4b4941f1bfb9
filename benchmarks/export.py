"""How long publishing takes, and how much memory: N outcomes with one VIN each, in shards of 2,000.

``python -m benchmarks.export [N] …`` prints one line for each N (default 100,000). The figure to reach, for 1,000,000:
20 s and 300 MB.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.models import Outcome
from airflow_provider_platerec_ocr.dataset.plan.plan import Plan, RunRef, ShardRef
from airflow_provider_platerec_ocr.dataset.table.journal import OutcomeWriter
from airflow_provider_platerec_ocr.dataset.table.publish import publish
from benchmarks.figures import at_most
from benchmarks.measure import header, line, measured, place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.figures import Figure
    from benchmarks.measure import Measured

RUN = RunRef("benchmark", "manual__2026-03-01", "2026-03-01")
SHARD = 2_000
FULL = 1_000_000
SECONDS = 20.0
MEMORY_MB = 300.0


def outcome(index: int) -> Outcome:
    """Return a read with an answer of the documented shape."""
    image = f"/data/yard-{index % 40:02d}/2026/03/camera-{index % 9}/img_{index:09d}.jpg"
    fingerprint = hashlib.sha256(image.encode()).hexdigest()
    props = {
        "code": [{"value": f"1M8GDM9AXKP{index % 1_000_000:06d}"}],
        "orientation": [{"value": "horizontal"}],
        "confidence": 0.93,
    }
    answer = {
        "processing_time": 128.758,
        "timestamp": "2026-03-01T22:15:00Z",
        "results": [{"identifier": {"type": "text", "props": props}}],
        "filename": f"img_{index:09d}-{fingerprint}.jpg",
        "version": 1,
        "camera_id": None,
    }
    return Outcome(
        row=index,
        image=image,
        type="vin",
        status="read",
        image_version=f"{50_000 + index}-1772403300",
        timestamp="2026-03-01T22:15:00Z",
        fingerprint=fingerprint,
        answer=json.dumps(answer),
        read_at="2026-03-01T23:15:00.123456Z",
        calls_billed=1,
        at="2026-03-01T23:15:00.123456Z",
    )


def plan_of(number: int) -> Plan:
    """Return the plan whose outcomes are there."""
    starts = range(0, number, SHARD)
    shards = (ShardRef(f"shards/{i:05d}.jsonl", i, min(SHARD, number - start)) for i, start in enumerate(starts))
    return Plan("manifest.csv", rows=number, planned=number, to_pay=number, shards=tuple(shards))


def prepare(root: Path, number: int) -> int:
    """Write the outcomes as read tasks do."""
    for shard in plan_of(number).shards:
        with OutcomeWriter(place(root / "work"), shard.index, 1) as writer:
            for index in range(shard.index * SHARD, shard.index * SHARD + shard.images):
                writer.append(outcome(index))
    return number


def export(root: Path, number: int) -> int:
    """Publish the outcomes that lie in ``root``; return how many rows there are."""
    result = publish(
        plan_of(number),
        workspace=place(root / "work"),
        dataset=place(root / "dataset"),
        dead_letters=place(root / "dead_letters"),
        run=RUN,
    )
    return result.rows


def took(number: int) -> tuple[Measured, float]:
    """Return what one export took, and the size of its files in MB."""
    root = Path(tempfile.mkdtemp())
    try:
        measured(partial(prepare, root, number))
        found = measured(partial(export, root, number))
        assert found.result == number
        return found, sum(file.stat().st_size for file in (root / "dataset").rglob("*.parquet")) / 1e6
    finally:
        shutil.rmtree(root)


def figures(number: int) -> Iterator[Figure]:
    """Yield the lines of the benchmarks' table; the figures to reach are those of 1,000,000, and shrink with it."""
    found, size_mb = took(number)
    name = f"export of {number:,} reads"
    remark = f"CPU {found.cpu_s:.1f} s, {size_mb:,.0f} MB of Parquet"
    yield at_most(f"{name}, seconds", SECONDS * number / FULL, found.seconds, " s", remark)
    yield at_most(f"{name}, memory", MEMORY_MB, found.peak_mb, " MB")


def main(sizes: list[int]) -> None:
    """Measure each size."""
    print(header())
    for number in sizes:
        found, size_mb = took(number)
        print(line(f"export, {size_mb:,.0f} MB of Parquet", number, found), flush=True)


if __name__ == "__main__":
    main([int(text.replace(",", "").replace("_", "")) for text in sys.argv[1:]] or [100_000])
