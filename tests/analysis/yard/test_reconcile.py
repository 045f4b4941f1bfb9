"""Reads held against a list: one row a unit, one row for each code that is no unit's, and all evidence with it."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_platerec_ocr.analysis.rules.sightings import Cameras
from airflow_provider_platerec_ocr.analysis.yard.expected import Expected, expected_of, read_expected
from airflow_provider_platerec_ocr.analysis.yard.outcome import describe, reconciliation_schema
from airflow_provider_platerec_ocr.analysis.yard.reconcile import reconcile
from airflow_provider_platerec_ocr.analysis.yard.seen import sight
from airflow_provider_platerec_ocr.core.errors import OCRManifestError
from airflow_provider_platerec_ocr.dataset.layout.schema import reads_schema

if TYPE_CHECKING:
    from pathlib import Path

VIN = "1M8GDM9AXKP042788"
START = datetime(2026, 3, 2, 22, tzinfo=UTC)
TOGETHER = Cameras({"gate-0": ["gate-1"]})


def reads(*codes: str | None) -> pa.Table:
    """Return a table of reads, one image each, a minute apart."""
    rows = [
        {
            "image": f"{number}.jpg",
            "code": code,
            "code_normalized": code,
            "confidence": 0.9 - number / 100 if code else None,
            "camera_id": f"gate-{number % 2}",
            "read_at": START + timedelta(minutes=number),
        }
        for number, code in enumerate(codes)
    ]
    return pa.Table.from_pylist(rows, schema=reads_schema())


def rows(table: pa.Table) -> list[tuple[Any, ...]]:
    names = ("status", "about", "code", "images", "candidates")
    return [tuple(row[name] for name in names) for row in table.to_pylist()]


def test_each_unit_and_each_other_code_has_one_row() -> None:
    found = reconcile(
        reads(VIN, VIN, "MSKU90703Z3", "AB 999", None, "471B"),
        expected_of([VIN, "MSKU 907032-3", "1HGCM82633A004352", "4718", "4713"]),
    )
    assert found.table.schema == reconciliation_schema()
    assert rows(found.table) == [
        ("matched", "unit", VIN, ["0.jpg", "1.jpg"], []),
        ("matched_confusable", "unit", "MSKU 907032-3", ["2.jpg"], []),
        ("missing", "unit", "1HGCM82633A004352", [], []),
        ("ambiguous", "unit", "4718", ["5.jpg"], []),
        ("ambiguous", "unit", "4713", ["5.jpg"], []),
        ("ambiguous", "read", "471B", ["5.jpg"], ["4718", "4713"]),
        ("extra", "read", "AB 999", ["3.jpg"], []),
        ("unreadable", "read", None, ["4.jpg"], []),
    ]
    assert found.counts == {
        "units": 5,
        "matched": 1,
        "matched_confusable": 1,
        "matched_partial": 0,
        "ambiguous": 2,
        "missing": 1,
        "extra": 1,
        "unreadable": 1,
        "ambiguous_reads": 1,
        "duplicates": 0,
        "unusable_rows": 0,
    }
    assert found.missing_share == 0.2
    assert describe(found.counts)[0].startswith("2 of 5 expected units were seen (1 exactly, 1 by a confusion")


def test_a_unit_has_the_evidence_of_all_its_reads() -> None:
    [unit] = reconcile(reads("1MBGDM9AXKP042788", VIN, VIN), [Expected(7, VIN, '{"bay":"B4"}')]).table.to_pylist()
    assert unit == {
        "status": "matched",
        "about": "unit",
        "code": VIN,
        "read_codes": ["1MBGDM9AXKP042788", VIN],
        "characters": None,
        "candidates": [],
        "images": ["0.jpg", "1.jpg", "2.jpg"],
        "reads": 3,
        "cameras": ["gate-0", "gate-1"],
        "confidence": 0.9,
        "check_digit_ok": True,
        "first_seen": START,
        "last_seen": START + timedelta(minutes=2),
        "expected_row": 7,
        "expected": '{"bay":"B4"}',
        "not_listed": [],
    }


def test_a_unit_that_is_listed_twice_counts_once_and_a_row_without_a_code_not_at_all() -> None:
    found = reconcile(reads(VIN), expected_of([VIN, VIN.lower(), ""]))
    assert [row[0] for row in rows(found.table)] == ["matched"]
    assert (found.counts["units"], found.counts["duplicates"], found.counts["unusable_rows"]) == (1, 1, 1)
    assert describe(found.counts)[-1].startswith("Rows of the list: 1 repeat a unit and count once, 1 have no code")


def test_an_image_is_unreadable_only_where_no_type_found_a_code_and_has_one_row() -> None:
    table = reads(None, "4711", None, None).set_column(0, "image", pa.array(["a.jpg", "a.jpg", "b.jpg", "b.jpg"]))
    [extra, unreadable] = reconcile(table, []).table.to_pylist()
    assert (extra["status"], extra["images"]) == ("extra", ["a.jpg"])
    assert (unreadable["status"], unreadable["images"], unreadable["reads"]) == ("unreadable", ["b.jpg"], 2)


def test_nothing_seen_and_nothing_expected() -> None:
    assert reconcile(reads(), expected_of([VIN])).counts["missing"] == 1
    empty = reconcile(reads(VIN), [])
    assert (empty.counts["extra"], empty.missing_share) == (1, 0.0)


def written(folder: Path, name: str, text: str) -> list[Expected]:
    (folder / name).write_text(text, newline="")
    return read_expected(str(folder / name))


@pytest.mark.parametrize(
    ("name", "text", "own"),
    [
        (
            "units.csv",
            "code,bay,type\n4711,B4,dolly\n,B5,\n",
            ['{"bay":"B4","type":"dolly"}', '{"bay":"B5","type":null}'],
        ),
        ("units.csv", "Code;bay\n4711;B4\n;B5\n", ['{"bay":"B4"}', '{"bay":"B5"}']),
        (
            "units.jsonl",
            '{"code": 4711.0, "bay": "B4"}\n{"code": null, "bay": "B5"}\n',
            ['{"bay":"B4"}', '{"bay":"B5"}'],
        ),
        ("units.txt", "4711\n", [None]),
        ("units.csv", "\ufeffCODE;Bay\r4711;B4\r;B5\r", ['{"Bay":"B4"}', '{"Bay":"B5"}']),
        ("units.csv", "Unit No\tcode\r\nx\t 4711.0 \r\ny\t\r\n", ['{"Unit No":"x"}', '{"Unit No":"y"}']),
    ],
)
def test_a_list_is_whatever_a_manifest_may_be(tmp_path: Path, name: str, text: str, own: list[str | None]) -> None:
    found = written(tmp_path, name, text)
    assert [unit.code for unit in found] == ["4711", ""][: len(own)]
    assert [unit.own for unit in found] == own


def test_a_list_may_be_compressed(tmp_path: Path) -> None:
    (tmp_path / "units.csv.gz").write_bytes(gzip.compress(b"code\n4711\n"))
    assert [unit.code for unit in read_expected(str(tmp_path / "units.csv.gz"))] == ["4711"]


def test_a_list_in_parquet_keeps_its_types(tmp_path: Path) -> None:
    pq.write_table(pa.table({"code": ["4711"], "axles": [3]}), tmp_path / "units.parquet")
    [unit] = read_expected(str(tmp_path / "units.parquet"))
    assert json.loads(unit.own or "") == {"axles": 3}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("vin,bay\n4711,B4\n", "no column code; it has: vin, bay. If it is 'vin', give code_column='vin'."),
        ("what,bay\n4711,B4\n", "Name the one with the codes in code_column."),
        ("code,code\n4711,B4\n", "has the column code twice"),
        ("code,bay\n4711,B4,x\n", "Row 1 of"),
    ],
)
def test_a_list_that_cannot_be_read_says_what_to_do(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(OCRManifestError, match=message):
        written(tmp_path, "units.csv", text)


def test_a_querys_rows_are_a_list_as_well() -> None:
    assert expected_of([{"Code": 4711, "bay": "B4"}]) == [Expected(1, "4711", '{"bay":"B4"}')]
    with pytest.raises(OCRManifestError, match="Row 1 of the expected units has no column code; it has: vin"):
        expected_of([{"vin": VIN}])


@pytest.mark.parametrize(
    ("value", "code"),
    [(7, "7"), (7.0, "7"), ("7.0", "7"), (float("nan"), ""), (1.23457e12, "1234570000000"), (2.0**60, "1.15292E+18")],
)
def test_codes_may_be_numbers(value: object, code: str) -> None:
    assert [unit.code for unit in expected_of([{"code": value}])] == [code]


@pytest.mark.parametrize("value", [["4711"], True, b"4711"])
def test_what_is_no_text_and_no_number_is_no_code(value: object) -> None:
    with pytest.raises(OCRManifestError, match=r"Row 2 of the expected units has a .* as its code"):
        expected_of([{"code": "4711"}, {"code": value}])


def test_the_photograph_of_one_truck_is_no_evidence_for_the_next_one() -> None:
    """Two trucks of consecutive numbers, a minute apart at one gate; the first is misread as nearly the second."""
    first, second = "1K2DEG0D6RA139318", "1K2DEG0D8RA139319"
    table = reads("1K2DEG0D8RA139318", second)
    _, agreed = sight(table, cameras=TOGETHER)
    found = reconcile(agreed, expected_of([first, second]))
    assert [(row[0], row[2], row[3]) for row in rows(found.table)] == [
        ("ambiguous", first, ["0.jpg"]),
        ("matched", second, ["1.jpg"]),
        ("ambiguous", "1K2DEG0D8RA139318", ["0.jpg"]),
    ]


def test_a_code_that_its_photographs_say_only_together_is_no_exact_match() -> None:
    _, agreed = sight(reads("1MBGDM9AXKP042788", "1M8GDM9AXKPO4278B"), cameras=TOGETHER)
    [unit] = reconcile(agreed, expected_of([VIN])).table.to_pylist()
    assert (unit["status"], unit["characters"]) == ("matched_confusable", "B→8 at 3")
    assert unit["read_codes"] == ["1MBGDM9AXKP042788", "1M8GDM9AXKPO4278B"]
