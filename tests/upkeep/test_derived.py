"""What analyses left of a table goes with what is deleted from it: whole files, since they can be made again."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_platerec_ocr.analysis.yard.files import write_all
from airflow_provider_platerec_ocr.analysis.yard.outcome import reconciliation_schema
from airflow_provider_platerec_ocr.analysis.yard.seen import sightings_schema
from airflow_provider_platerec_ocr.core.images.wanted import Wanted
from airflow_provider_platerec_ocr.upkeep.derived import Derived, erase
from support.stores import local_place

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
        put(tmp_path / "reads_reports" / f"reconciliation-{day}.parquet", unit)
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
    assert ({place.name for place in found}, len(found)) == (FIRST, 5)
    erase(found)
    assert derived.about(wanted) == []
    assert len(derived.about(Wanted.of(code=OTHER))) == 5


def alone(folder: Path, code: str, image: str) -> list[str]:
    """One reconciliation as it lies among the reports, each form under a name of its own."""
    unit = row(reconciliation_schema(), status="matched", code=code, read_codes=[code, "4711"], images=["x.jpg", image])
    written = write_all(unit, local_place(folder), "reconciliation-own")
    for place in written:
        path = Path(place.path)
        path.rename(path.with_name(f"reconciliation-{path.suffix[1:]}{path.suffix}"))
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("wanted", "is_there"),
    [
        (Wanted.of(code=VIN), True),
        (Wanted.of(code="4711"), True),
        (Wanted.of(image="gate & co/ü.jpg"), True),
        (Wanted.of(code=OTHER), False),
        (Wanted.of(code="471"), False),
    ],
)
def test_each_form_of_a_reconciliation_is_found_where_it_is_all_that_is_left(
    tmp_path: Path, wanted: Wanted, *, is_there: bool
) -> None:
    names = alone(tmp_path / "reports", VIN, "gate & co/ü.jpg")
    assert len(names) == 3
    found = Derived(local_place(tmp_path / "reads"), local_place(tmp_path / "reports")).about(wanted)
    assert sorted(place.name for place in found) == (names if is_there else [])


def test_a_file_that_stands_alone_goes_by_when_it_was_written(tmp_path: Path) -> None:
    names = alone(tmp_path / "reports", VIN, "a.jpg")
    os.utime(tmp_path / "reports" / names[0], (0, 0))
    found = Derived(local_place(tmp_path / "reads"), local_place(tmp_path / "reports"))
    assert [place.name for place in found.before(date(2026, 3, 2))] == names[:1]


def test_a_folder_that_was_named_loses_its_analyses_and_nothing_else(tmp_path: Path) -> None:
    unit = row(reconciliation_schema(), status="matched", code=VIN)
    for name in ("reconciliation-a", "own"):
        put(tmp_path / "far" / "date=2026-03-01" / f"{name}.parquet", unit)
    far = local_place(tmp_path / "far")
    found = Derived(local_place(tmp_path / "reads"), local_place(tmp_path / "reports"), elsewhere=[far, far])
    told = write_all(unit, far, "reconciliation")
    assert len(found.about(Wanted.of(code=VIN))) == 1 + len(told)
    erase(told)
    for places in (found.about(Wanted.of(code=VIN)), found.before(date(2026, 3, 2))):
        assert [place.name for place in places] == ["reconciliation-a.parquet"]


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
