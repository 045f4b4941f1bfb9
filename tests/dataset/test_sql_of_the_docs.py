"""The SQL that the how-to pages show runs, and finds what the pages say, over a table with the columns of an export."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_platerec_ocr.dataset.layout import schema

if TYPE_CHECKING:
    from collections.abc import Iterator

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"
PAGES = ("join-with-your-data", "what-will-it-cost", "open-the-table", "dead-letters")
VIN = "1HGBH41JXMN109186"
READ = {
    "image": "/data/yard/a.jpg",
    "fingerprint": "f1",
    "code_normalized": VIN,
    "check_digit_ok": True,
    "confidence": 0.9,
    "timestamp": datetime(2026, 3, 1, 23, 30, tzinfo=UTC),
    "read_at": datetime(2026, 3, 1, 23, 40, tzinfo=UTC),
    "calls_billed": 1,
    "run_date": date(2026, 3, 1),
    "manifest": "/data/yard/manifest.csv",
    "image_name": "a.jpg",
    "manifest_columns": '{"unit_number": "7"}',
}


def samples() -> Iterator[Any]:
    for page in PAGES:
        for number, sql in enumerate(re.findall(r"(?ms)^```sql\n(.*?)^```", (HOW_TO / f"{page}.md").read_text())):
            yield pytest.param(sql, id=f"{page}-{number}")


def put(place: Path, columns: pa.Schema, **row: Any) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist([row], columns), place)


@pytest.mark.parametrize("sql", list(samples()))
def test_the_sql_of_the_pages_finds_something(sql: str, tmp_path: Path) -> None:
    put(tmp_path / "ocr/reads/type=vin/date=2026-03-01/reads-1.parquet", schema.reads_schema(), **READ)
    put(tmp_path / "ocr/reads_repeats/repeats-1.parquet", schema.repeats_schema(), image="/b.jpg", fingerprint="f1")
    put(
        tmp_path / "ocr/reads_dead_letters/dead_letters-1.parquet", schema.dead_letters_schema(), reason="image_missing"
    )
    for name, text in (
        ("yard/manifest.csv", "image,gate\na.jpg,7\n"),
        ("fleet/units.csv", f"unit_number,vin\n7,{VIN}\n"),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)

    connection = duckdb.connect()
    connection.execute("SET TimeZone='UTC'")
    at = sql.replace("read_csv('/data", f"read_csv('{tmp_path}").replace(
        "read_parquet('/data", f"read_parquet('{tmp_path}"
    )

    assert connection.execute(at).fetchall()
