"""Looking after a table: making it again from its ledger, and making few files of many.

``python -m benchmarks.upkeep [N]`` makes a ledger of N answers (default 100,000) and rebuilds the table from it; the
figure to reach is 180 s for 1,000,000. It also makes a table of 26,000 files, as hourly runs of three years leave them,
plans against it, compacts it, and plans against it again.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.dataset.layout.schema import reads_schema
from airflow_provider_platerec_ocr.dataset.plan.done import done_keys
from airflow_provider_platerec_ocr.dataset.upkeep.compact import compact
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from airflow_provider_platerec_ocr.upkeep.rebuild import EVERY, rebuild
from benchmarks.export import outcome
from benchmarks.figures import at_most, for_show
from benchmarks.measure import header, line, measured, place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.figures import Figure
    from benchmarks.measure import Measured

FULL = 1_000_000
SECONDS = 180.0
DAYS = 365
HOURS = 24
FILES = 26_000
ROWS = 4
"""Rows of an hour's file."""


def prepare_ledger(root: Path, number: int) -> int:
    """Write the claims and answers of ``number`` images, as read tasks do, but for the syncing."""
    for index in range(number):
        one = outcome(index)
        fingerprint = str(one.fingerprint)
        folder = root / "ledger" / "vin" / fingerprint[:2]
        folder.mkdir(parents=True, exist_ok=True)
        night = f"2026-{1 + index % DAYS // 31:02d}-{1 + index % 28:02d}"
        owner = {"dag_id": "nightly", "run_id": f"scheduled__{night}T22:00:00+00:00", "task_id": "ocr.read"}
        head = {"schema": 1, "type": "vin", "fingerprint": fingerprint, "attempt": 1, "nonce": "n", "owner": owner}
        facts = {"image": one.image, "row": index, "image_version": one.image_version, "run_date": night}
        claim = {**head, "claimed_at": one.read_at, "lease_s": 270.0, "facts": facts}
        facts = facts | {"dataset": "/srv/reads", "read_at": one.read_at, "body": one.answer, "bytes": 50_000}
        answer = {
            **head,
            "saved_at": one.read_at,
            "late": False,
            "answer": json.loads(one.answer or ""),
            "facts": facts,
        }
        (folder / f"{fingerprint}.1.claim").write_text(json.dumps(claim))
        (folder / f"{fingerprint}.1.answer").write_text(json.dumps({**answer, "end": "answer"}))
    return number


def make_again(root: Path) -> int:
    """Rebuild the table from the ledger in ``root``; return how many reads it has."""
    ledger = Ledger.peek(place(root / "ledger"), lease_s=270.0, clock=SystemClock())
    return rebuild(ledger, place(root / "reads"), place(root / "work"), of=EVERY).made.reads


def took_rebuild(number: int) -> Measured:
    """Return what one rebuild took; the ledger's files are in the machine's cache, having just been written."""
    root = Path(tempfile.mkdtemp())
    try:
        measured(partial(prepare_ledger, root, number))
        found = measured(partial(make_again, root))
        assert found.result == number
        return found
    finally:
        shutil.rmtree(root)


def prepare_files(root: Path, number: int) -> int:
    """Write a table of ``number`` small files, of 24 hours a day."""
    schema = reads_schema()
    for hour in range(number):
        day = f"{2024 + hour // HOURS // 336:04d}-{1 + hour // HOURS % 336 // 28:02d}-{1 + hour // HOURS % 28:02d}"
        names = [f"/yard/{hour:06d}-{row}.jpg" for row in range(ROWS)]
        given = {"image": pa.array(names), "run_id": pa.array([f"hour-{hour}"] * ROWS)}
        columns = [given.get(field.name, pa.nulls(ROWS, field.type)) for field in schema]
        target = root / "reads" / "type=vin" / f"date={day}" / f"reads-hourly__{hour:06d}-00000.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(columns, schema=schema), target, compression="zstd")
    return number


def look(root: Path) -> int:
    """Learn what is done, as a plan does; return how many images that are."""
    keys = done_keys(place(root / "reads"), place(root / "dead_letters"), retry_rejected=False)
    return len(keys._first)  # noqa: SLF001  # there is no need to count them elsewhere


def make_few(root: Path) -> int:
    """Compact the table in ``root``; return how many files it has then."""
    return compact(place(root / "reads"), place(root / "reads_workspace")).files_after


def took_compact(number: int) -> dict[str, Measured]:
    """Return what a plan's look at many files took, compacting them, and a look at what is left."""
    root = Path(tempfile.mkdtemp())
    try:
        measured(partial(prepare_files, root, number))
        found = {"look at many files": measured(partial(look, root)), "compact": measured(partial(make_few, root))}
        found["look at one file a day"] = measured(partial(look, root))
        assert found["look at many files"].result == found["look at one file a day"].result == number * ROWS
        return found
    finally:
        shutil.rmtree(root)


def figures(number: int, files: int) -> Iterator[Figure]:
    """Yield the lines of the benchmarks' table; the figure to reach is that of 1,000,000, and shrinks with it."""
    found = took_rebuild(number)
    name = f"rebuild of {number:,} answers, seconds"
    remark = f"CPU {found.cpu_s:.1f} s, {found.peak_mb:,.0f} MB"
    yield at_most(name, SECONDS * number / FULL, found.seconds, " s", remark)
    for what, each in took_compact(files).items():
        yield for_show(f"{what}, {files:,} files of hourly runs", each.seconds, " s", f"{each.peak_mb:,.0f} MB")


def main(sizes: list[int]) -> None:
    """Measure each size."""
    print(header())
    for number in sizes:
        print(line("rebuild", number, took_rebuild(number)), flush=True)
    for what, found in took_compact(FILES).items():
        print(line(what, FILES, found), flush=True)


if __name__ == "__main__":
    main([int(text.replace(",", "").replace("_", "")) for text in sys.argv[1:]] or [100_000])
