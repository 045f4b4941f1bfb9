"""What analyses left of a table goes with what is deleted from it: whole files, since they can be made again."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_platerec_ocr.analysis.yard.outcome import reconciliation_schema
from airflow_provider_platerec_ocr.analysis.yard.seen import sightings_schema
from airflow_provider_platerec_ocr.core.images.wanted import Wanted
from airflow_provider_platerec_ocr.upkeep.derived import Derived, erase
from support.stores import local_place

if TYPE_CHECKING:
    from pathlib import Path

VIN, OTHER = "1M8GDM9AXKP042788", "1M8GDM9A1KP042789"


def put(path: Path, table: pa.Table) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)
    return path.name


def row(schema: pa.Schema, **values: object) -> pa.Table:
    return pa.Table.from_pylist([values], schema=schema)


@pytest.fixture
def derived(tmp_path: Path) -> Derived:
    """Two days of both analyses; the first is about one unit, the second about another."""
    for day, code in (("2026-03-01", VIN), ("2026-03-02", OTHER)):
        folder = f"date={day}"
        unit = row(reconciliation_schema(), status="matched", code=code, read_codes=[code], images=[f"{day}.jpg"])
        put(tmp_path / "reads_reconciliations" / folder / f"reconciliation-{day}.parquet", unit)
        seen = row(sightings_schema(), code=code, images=[f"{day}.jpg"])
        put(tmp_path / "reads_sightings" / folder / f"sightings-{day}.parquet", seen)
        for ending in ("csv", "xlsx"):
            (tmp_path / "reads_reports").mkdir(exist_ok=True)
            (tmp_path / "reads_reports" / f"reconciliation-{day}.{ending}").write_text(code)
    (tmp_path / "reads_reports" / "run.json").write_text("{}")
    return Derived(local_place(tmp_path / "reads"), local_place(tmp_path / "reads_reports"))


FIRST = {
    "reconciliation-2026-03-01.parquet",
    "sightings-2026-03-01.parquet",
    "reconciliation-2026-03-01.csv",
    "reconciliation-2026-03-01.xlsx",
}


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted.of(code=VIN.lower()),
        Wanted.of(image="2026-03-01.jpg"),
        Wanted().with_found(set(), {("2026-03-01.jpg", "v1")}),
    ],
)
def test_files_that_name_the_code_or_the_image_go_with_those_for_people(derived: Derived, wanted: Wanted) -> None:
    found = derived.about(wanted)
    assert {place.name for place in found} == FIRST
    erase(found)
    assert derived.about(wanted) == []
    assert len(derived.about(Wanted.of(code=OTHER))) == 4


def test_files_of_earlier_days_go_by_age(derived: Derived) -> None:
    assert {place.name for place in derived.before(date(2026, 3, 2))} == FIRST
    assert derived.before(date(2026, 3, 1)) == []


def test_a_file_that_cannot_be_read_may_hold_anything(derived: Derived, tmp_path: Path) -> None:
    torn = tmp_path / "reads_sightings" / "date=2026-03-02" / "sightings-2026-03-02.parquet"
    torn.write_bytes(b"PAR1")
    assert torn.name in {place.name for place in derived.about(Wanted.of(code=VIN))}
    odd = tmp_path / "reads_sightings" / "date=soon" / "sightings-x.parquet"
    put(odd, row(sightings_schema(), code="4711"))
    assert odd.name not in {place.name for place in derived.before(date(2030, 1, 1))}


def test_nothing_there_is_nothing_to_delete(tmp_path: Path) -> None:
    assert Derived(local_place(tmp_path / "none"), local_place(tmp_path / "reports")).about(Wanted.of(code=VIN)) == []
