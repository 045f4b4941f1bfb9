"""How long one page of reads takes to find, over a table of N rows in 365 days.

``python -m benchmarks.page [N]`` makes a table of N reads (default 1,000,000), as nightly runs of a year leave it, and
looks for reads as the page inside Airflow does: cold (nothing is known of the files, as in a server that has just
begun; the disk's own cache is warm) and warm. The figure to reach: one second for the slowest of each kind.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from airflow_provider_platerec_ocr.dataset.layout.schema import reads_schema
from airflow_provider_platerec_ocr.dataset.search.groups import Footers
from airflow_provider_platerec_ocr.dataset.search.query import CheckDigit, ReadQuery, SearchStatus
from airflow_provider_platerec_ocr.dataset.search.search import DEEPEST, search
from airflow_provider_platerec_ocr.dataset.search.story import image_story
from airflow_provider_platerec_ocr.dataset.upkeep.correct import correct
from benchmarks.figures import at_most
from benchmarks.measure import machine, measured, place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.figures import Figure

FULL = 1_000_000
DAYS = 365
SECONDS = 1.0
TIMES = 7
FIRST = date(2025, 3, 1)
CAMERAS = 40
LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"


def code_of(index: int) -> str:
    """Return a code of 17 signs that nobody guesses, another one for each read."""
    digest = sha256(str(index).encode()).digest()
    return "".join(LETTERS[byte % len(LETTERS)] for byte in digest[:17])


def image_of(index: int) -> str:
    """Return the name of a read's image."""
    return f"/data/yard-{index % CAMERAS:02d}/camera-{index % 9}/img_{sha256(b'i%d' % index).hexdigest()[:12]}.jpg"


def day_rows(day: int, indices: range) -> pa.Table:
    """Return the rows of one night."""
    moment = datetime(FIRST.year, FIRST.month, FIRST.day, 23, tzinfo=UTC) + timedelta(days=day)
    number, codes = len(indices), [code_of(index) for index in indices]
    answer = '{"processing_time": 128.758, "results": [{"identifier": {"type": "text"}}], "version": 1}'
    given = {
        "image": [image_of(index) for index in indices],
        "image_version": [f"{50_000 + index}-1772403300" for index in indices],
        "fingerprint": [sha256(b"%d" % index).hexdigest() for index in indices],
        "status": ["read"] * number,
        "identifier_index": [0] * number,
        "identifier_count": [1] * number,
        "code": codes,
        "code_normalized": codes,
        "orientation": ["horizontal"] * number,
        "confidence": [0.5 + (index * 7919 % 500) / 1000 for index in indices],
        "code_system": ["vin"] * number,
        "check_digit_ok": [index % 97 != 0 for index in indices],
        "camera_id": [f"cam-{index % CAMERAS}" for index in indices],
        "read_at": [moment] * number,
        "published_at": [moment + timedelta(hours=1)] * number,
        "calls_billed": [1] * number,
        "read_type": ["vin"] * number,
        "run_date": [moment.date()] * number,
        "manifest": ["/data/manifest.csv"] * number,
        "manifest_row": list(range(1, number + 1)),
        "image_name": [image_of(index).removeprefix("/data/") for index in indices],
        "schema_version": [2] * number,
        "run_id": [f"scheduled__{moment.date()}"] * number,
        "raw": [answer.replace("128.758", str(index)) for index in indices],
    }
    schema = reads_schema()
    columns = [
        pa.array(given[field.name], field.type) if field.name in given else pa.nulls(number, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def prepare(root: Path, number: int) -> int:
    """Write the table of ``number`` reads, and a few corrections."""
    for day in range(DAYS):
        indices = range(number * day // DAYS, number * (day + 1) // DAYS)
        folder = root / "reads" / "type=vin" / f"date={FIRST + timedelta(days=day)}"
        folder.mkdir(parents=True)
        table = day_rows(day, indices)
        pq.write_table(
            table, folder / f"reads-nightly__{day:04d}-00000.parquet", compression="zstd", row_group_size=50_000
        )
    for index in range(0, number, max(1, number // 20)):
        correct(
            root / "reads",
            "CORRECTED0000" + f"{index:04d}"[-4:],
            fingerprint=sha256(b"%d" % index).hexdigest(),
            by="b",
            why="b",
        )
    return number


def questions(number: int) -> dict[str, Callable[[Path, Footers], object]]:
    """Return what is asked, by what it is called."""
    old, last = number // 3, FIRST + timedelta(days=DAYS - 1)
    asked = {
        "newest reads": ReadQuery(),
        "one day": ReadQuery(since=last - timedelta(days=200), until=last - timedelta(days=200)),
        "a whole code": ReadQuery(code=code_of(old)),
        "part of a code": ReadQuery(code=code_of(old)[3:9]),
        "a code that is not there": ReadQuery(code="NOTINHERE"),
        "two signs of a code": ReadQuery(code="A7"),
        "part of an image's name": ReadQuery(image=image_of(old)[-16:-4]),
        "a camera": ReadQuery(camera="cam-7"),
        "a confidence": ReadQuery(min_confidence=0.5, max_confidence=0.502),
        "check digit failed": ReadQuery(check_digit=CheckDigit.FAILED),
        "corrected": ReadQuery(status=SearchStatus.CORRECTED),
        "a corrected code": ReadQuery(code="CORRECTED"),
    }
    found: dict[str, Callable[[Path, Footers], object]] = {name: partial(page, query) for name, query in asked.items()}
    found["row 100,000"] = partial(page, ReadQuery(), offset=min(DEEPEST, number // 2))
    found["an image's story"] = lambda root, _: image_story(
        place(root / "reads"), image=image_of(old), corrections=place(root / "reads_corrections")
    )
    return found


def page(query: ReadQuery, root: Path, footers: Footers, offset: int = 0) -> object:
    """Find one page as the server does."""
    found = search(
        place(root / "reads"), query, offset=offset, corrections=place(root / "reads_corrections"), footers=footers
    )
    return found.rows(), found.total


@dataclass(frozen=True)
class Took:
    """What a kind of question took, in seconds."""

    cold: list[float]
    warm: list[float]
    found: int

    @property
    def worst(self) -> float:
        """The slowest of all."""
        return max(*self.cold, *self.warm)

    def told(self) -> str:
        """Return medians and worst, cold and warm."""
        parts = (f"{statistics.median(each):.3f} / {max(each):.3f}" for each in (self.cold, self.warm))
        return "cold {}, warm {} s".format(*parts)


def took(number: int, times: int = TIMES) -> Iterator[tuple[str, Took]]:
    """Yield what each kind of question took."""
    root = Path(tempfile.mkdtemp())
    try:
        measured(partial(prepare, root, number))
        for name, ask in questions(number).items():
            cold, warm = list[float](), list[float]()
            footers, answer = Footers(), None
            for known in [None] * times + [footers] * times:
                began = time.perf_counter()
                answer = ask(root, known or Footers())
                (warm if known else cold).append(time.perf_counter() - began)
            total = answer[1] if isinstance(answer, tuple) else 1
            yield name, Took(cold, warm[1:], total)
    finally:
        shutil.rmtree(root)


def figures(number: int) -> Iterator[Figure]:
    """Yield the lines of the benchmarks' table."""
    for name, found in took(number):
        yield at_most(f"page over {number:,} reads: {name}", SECONDS, found.worst, " s", found.told())


def main(sizes: list[int]) -> None:
    """Measure each size."""
    print(machine())
    print(f"{'median / worst':<30}{'rows found':>12}")
    for number in sizes:
        for name, found in took(number):
            print(f"{name:<30}{found.found:>12,}  {found.told()}", flush=True)


if __name__ == "__main__":
    main([int(text.replace(",", "").replace("_", "")) for text in sys.argv[1:]] or [FULL])
