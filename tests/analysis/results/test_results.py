"""Reconciliations as they lie beside a table: what each says of itself, which rows fit, and what came and left."""

from __future__ import annotations

import json
import random
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_platerec_ocr.analysis.results.nights import (
    NEED,
    Query,
    Summary,
    decoded,
    kept,
    look,
    sightings_of,
    with_summary,
    without_row,
)
from airflow_provider_platerec_ocr.analysis.results.stays import MOST_ROWS, stays
from airflow_provider_platerec_ocr.analysis.rules.presence import Change, presence
from airflow_provider_platerec_ocr.analysis.yard import files
from airflow_provider_platerec_ocr.analysis.yard.outcome import reconciliation_schema
from support.stores import local_place

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_platerec_ocr.analysis.results.stays import Stays
    from airflow_provider_platerec_ocr.storage.path import StoragePath

FIRST = date(2026, 3, 1)


def row(status: str, code: str | None = None, about: str = "unit", **more: Any) -> dict[str, Any]:
    lists: dict[str, Any] = {key: [] for key in ("read_codes", "candidates", "images", "cameras")}
    return {"status": status, "about": about, "code": code, **lists, "reads": 0, **more}


def write(folder: StoragePath, night: int, rows: list[dict[str, Any]], *, name: str = "a", **says: Any) -> StoragePath:
    """Write what a reconciliation of a night leaves; without ``says`` it says nothing of itself."""
    table = pa.Table.from_pylist(rows, schema=reconciliation_schema())
    if says:
        table = with_summary(table, Summary(**{"counts": {"units": 1}, **says}))
    day = FIRST + timedelta(days=night)
    return files.write_parquet(table, folder / f"date={day}" / f"reconciliation-{name}-{night}.parquet")


def codes(folder: StoragePath, query: Query, **more: Any) -> list[str | None]:
    found = look(kept(folder)[0], query, **({"limit": 50} | more))
    return list(found.table.column("code").to_pylist())


@pytest.fixture
def place(tmp_path: Path) -> StoragePath:
    return local_place(tmp_path / "reads_reconciliations")


def test_what_a_file_says_of_itself_is_what_was_written(place: StoragePath) -> None:
    counts = {"units": 4, "missing": 1}
    write(place, 1, [row("missing", "A")], dag_id="yard", task_id="reconcile", counts=counts, until="2026-03-02")

    [one] = kept(place)

    assert (one.day, one.rows, one.name, one.series) == (
        date(2026, 3, 2),
        1,
        "reconciliation-a-1",
        ("yard", "reconcile"),
    )
    assert (one.summary.counts, one.summary.missing_share) == (counts, 0.25)
    assert Summary({}).missing_share == 0.0


def test_the_newest_night_is_first_and_a_file_that_says_nothing_is_counted(place: StoragePath) -> None:
    for night in range(3):
        write(place, night, [row("missing", "A"), row("extra", "B", "read")])

    found = kept(place, 2)

    assert [each.day.day for each in found] == [3, 2]
    assert (found[0].summary.counts["missing"], found[0].summary.counts["extra"]) == (1, 1)


@pytest.mark.parametrize("rubbish", [b"no parquet", b""])
def test_what_cannot_be_read_is_left_aside(
    place: StoragePath, rubbish: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    whole = write(place, 1, [row("missing", "A")])
    (place / "date=2026-03-09").fs.makedirs((place / "date=2026-03-09").path)
    for name in (
        "date=2026-03-09/reconciliation-b.parquet",
        "reconciliation-c.parquet",
        "date=x/reconciliation-d.parquet",
    ):
        file = place / name
        file.fs.makedirs(file.parent.path, exist_ok=True)
        file.fs.pipe_file(file.path, rubbish)

    assert [each.place.path for each in kept(place)] == [whole.path]
    assert "reconciliation-b.parquet is left aside" in caplog.text
    assert kept(place.parent / "nothing") == []


def test_a_file_that_somebody_has_written_anew_is_read_and_one_of_other_columns_is_left_aside(
    place: StoragePath, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [row("matched", "4711", read_codes=["471I"]), row("missing", "4712")]
    write(place, 1, rows)
    table = pa.Table.from_pylist(rows, schema=reconciliation_schema())
    large = [pa.large_string() if kind == pa.string() else kind for kind in table.schema.types]
    anew = table.cast(pa.schema(list(zip(table.column_names, large, strict=True)))).drop_columns("not_listed")
    for day, some in ((3, anew), (4, anew.drop_columns("candidates"))):
        target = place / f"date=2026-03-0{day}" / "reconciliation-a.parquet"
        target.fs.makedirs(target.parent.path)
        pq.write_table(some, target.path)

    assert [each.day.day for each in kept(place)] == [3, 2]
    assert "is left aside: it has no column candidates" in caplog.text
    assert codes(place, Query(code="471i")) == ["4711"]
    assert stayed(place).counts()[Change.STAYED] == 1
    assert without_row(kept(place)[0], {"4711", "4713"}) == ["4713"]


def test_rows_come_in_the_order_in_which_they_need_a_person(place: StoragePath) -> None:
    every = [row(status.value, f"{about} {status}", about) for about, status in NEED]
    write(place, 1, [*every[::-1], row("matched", "unit again")])

    assert codes(place, Query()) == [each["code"] for each in every] + ["unit again"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (Query(status="missing"), ["MSKU 907032-3"]),
        (Query(status="nowhere"), []),
        (Query(code="msku9070"), ["MSKU 907032-3"]),
        (Query(code="71b"), ["471B", "4713"]),
        (Query(code="4713"), ["471B", "4713"]),
        (Query(code="...."), []),
        (Query(codes=frozenset({"4713", "other"})), ["4713"]),
        (Query(status="ambiguous", code="47"), ["471B"]),
    ],
)
def test_a_code_is_found_as_it_is_listed_as_it_was_read_and_as_a_candidate(
    place: StoragePath, query: Query, found: list[str]
) -> None:
    ambiguous = row("ambiguous", "471B", "read", read_codes=["471B"], candidates=["4713", "4718"])
    write(
        place,
        1,
        [
            row("missing", "MSKU 907032-3"),
            row("matched", "4713", read_codes=["4713", "471B"]),
            ambiguous,
            row("unreadable", about="read"),
        ],
    )

    assert codes(place, query) == found


def test_a_page_is_the_rows_of_any_row_groups_in_order(place: StoragePath) -> None:
    table = pa.Table.from_pylist([row("matched", f"{n:03}") for n in range(100)], schema=reconciliation_schema())
    target = place / "date=2026-03-01" / "reconciliation-a.parquet"
    target.fs.makedirs(target.parent.path)
    pq.write_table(table, target.path, row_group_size=7)

    assert codes(place, Query(), limit=20, offset=35) == [f"{n:03}" for n in range(35, 55)]
    assert codes(place, Query(codes=frozenset({"006", "007", "099"}))) == ["006", "007", "099"]
    assert codes(place, Query(), offset=100) == []


def test_what_sightings_say_of_a_code_is_whatever_columns_they_have_besides(place: StoragePath) -> None:
    write(place, 1, [row("matched", "A")])
    [one] = kept(place)
    target = sightings_of(one, place.parent / "reads_sightings")
    assert target.path.endswith("reads_sightings/date=2026-03-02/sightings-a-1.parquet")
    assert decoded(target, ["A"]) == {}
    target.fs.makedirs(target.parent.path)
    pq.write_table(
        pa.table({"code": ["A", "B"], "reads": [1, 2], "vin_make": ["Ford", None], "owner": ["x", None]}), target.path
    )

    assert decoded(target, ["A", "B", "C"]) == {"A": {"vin_make": "Ford", "owner": "x"}}


def stayed(place: StoragePath) -> Stays:
    return stays(kept(place))


def test_what_came_left_and_stayed_is_what_the_rule_says(place: StoragePath) -> None:
    rng = random.Random(5)  # noqa: S311  # nights, no secret
    names = [f"{n}" for n in range(40)]
    seen = [(code, night) for night in range(6) for code in names if rng.random() < 0.5]
    for night in range(6):
        those = [row("matched" if int(code) % 2 else "extra", code) for code, on in seen if on == night]
        write(place, night, [*those, row("missing", "away"), row("ambiguous", "never")])

    said = stayed(place)

    nights = [FIRST + timedelta(days=night) for night in range(6)]
    expected = presence([(code, nights[night]) for code, night in seen], nights)
    assert said.nights == tuple(nights)
    assert said.of([*names, "away"]) == {each.code: each for each in expected}
    for change in Change:
        assert said.with_change(change) == {each.code for each in expected if each.change == change}
        assert said.counts()[change] == len(said.with_change(change))


def test_lists_of_one_day_count_together_and_nights_beyond_what_fits_do_not(place: StoragePath) -> None:
    write(place, 0, [row("matched", "A")])
    write(place, 1, [row("matched", "B")])
    write(place, 1, [row("matched", "A")], name="b")
    every = kept(place)

    assert {each.code: each.change for each in stays(every).of(["A", "B"]).values()} == {
        "A": Change.STAYED,
        "B": Change.CAME,
    }
    huge = [type(each)(each.place, each.day, MOST_ROWS, each.summary) for each in every]
    assert len(stays(huge).nights) == 1
    assert stays([]).of(["A"]) == {}
    assert without_row(every[0], {"A", "B", "C"}) == (
        ["A", "C"] if every[0].name.startswith("reconciliation-a") else ["B", "C"]
    )


@pytest.mark.parametrize(
    ("as_read", "as_listed"),
    [
        ("MSKU9070323", "MSKU 907032-3"),
        ("MSKU9070323", "msku 907032"),
        ("MSKU9070323", "MSKU 907032 3 45G1"),
        ("1M8GDM9AXKP042788", "IM8GDM9AXKPO42788"),
        ("TRL530042", "TRL-53 0042"),
        ("OIQ7", "oiq 7"),
    ],
)
def test_a_unit_that_comes_onto_the_list_is_the_one_that_was_there_before(
    place: StoragePath, as_read: str, as_listed: str
) -> None:
    write(place, 0, [row("extra", as_read, "read"), row("matched", "B")])
    write(place, 1, [row("matched", as_listed), row("matched", "B")])

    said = stayed(place)

    assert said.of([as_listed, as_read]).keys() == {as_listed, as_read}
    assert said.counts()[Change.STAYED] == 2
    assert codes(place, Query(codes=said.with_change(Change.STAYED))) == [as_listed, "B"]
    assert without_row(kept(place)[0], {as_read}) == []


def test_a_night_whose_file_has_gone_has_seen_nothing(place: StoragePath) -> None:
    write(place, 0, [row("matched", "A")])
    write(place, 1, [row("matched", "A")])
    every = kept(place)
    every[1].place.fs.rm_file(every[1].place.path)

    assert stays(every).of(["A"])["A"].change == Change.CAME
    assert json.dumps(every[0].summary.counts)
