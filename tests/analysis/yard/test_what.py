"""What a code says of what carries it, as columns: of one code, of a frame, of sightings, of a reconciliation."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pytest

from airflow_provider_platerec_ocr import decode_code, decode_reads
from airflow_provider_platerec_ocr.analysis.yard.expected import expected_of
from airflow_provider_platerec_ocr.analysis.yard.outcome import reconciliation_schema
from airflow_provider_platerec_ocr.analysis.yard.reconcile import reconcile
from airflow_provider_platerec_ocr.analysis.yard.seen import sight, sightings_schema, sightings_table, signs_by_code
from airflow_provider_platerec_ocr.analysis.yard.signs import signs
from airflow_provider_platerec_ocr.analysis.yard.what import COLUMNS, Told, column_types, with_what
from airflow_provider_platerec_ocr.core.errors import OCRInputError
from airflow_provider_platerec_ocr.dataset.layout.schema import reads_schema

if TYPE_CHECKING:
    from collections.abc import Sequence

HONDA, BOX = "1HGCM82633A004352", "MSKU9070323"
START = datetime(2026, 3, 2, 22, tzinfo=UTC)
Row = tuple[str | None, str | None, str | None]
"""Image, the code as it was read, and as it is kept."""


def table(*rows: Row) -> pa.Table:
    fields = [{"image": image, "code": code, "code_normalized": kept, "read_at": START} for image, code, kept in rows]
    return pa.Table.from_pylist(fields, schema=reads_schema())


def in_sightings(reads: pa.Table) -> pa.Table:
    found, agreed = sight(reads)
    return sightings_table(found, Told(signs_by_code(agreed)))


def told_of(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name in COLUMNS and value is not None}


def test_a_vin_and_a_container_say_what_they_are() -> None:
    assert list(decode_code(HONDA)) == list(COLUMNS)
    of_vin = {"vin_make": "HONDA", "vin_model": "Accord", "vin_year": 2003, "vin_body": "Coupe"}
    assert told_of(decode_code(HONDA)) == of_vin
    assert told_of(decode_code("msku 907032-3 / 45G1")) == {
        "container_owner": "Maersk",
        "container_category": "freight container",
        "container_size_type": "45G1",
        "container_size": "40 ft, 9 ft 6 in high",
        "container_type": "general purpose: vents at the top of the hold",
    }
    assert told_of(decode_code("TRL-53 0042")) == {}
    assert told_of(decode_code("QQQU1234560", owners={"QQQ": "Somebody"}))["container_owner"] == "Somebody"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([("a", "MSKU 907032 3 45G1", BOX)], ["45G1"]),
        ([("a", "MSKU 907032 3 / 45GP", BOX)], ["45GP"]),
        ([("a", BOX, BOX), ("a", "45G1", "45G1")], ["45G1", None]),
        ([("a", BOX, BOX), ("b", "45G1", "45G1")], [None, None]),
        ([("a", BOX, BOX), ("a", "CSQU3054383", "CSQU3054383"), ("a", "45G1", "45G1")], [None, None, None]),
        ([("a", BOX, BOX), ("a", "45G1", "45G1"), ("a", "22G1", "22G1")], [None, None, None]),
        ([("a", "MSKU 907032 3 22G1", BOX), ("a", "45G1", "45G1")], ["22G1", None]),
        ([("a", BOX, BOX), ("a", "4310", "4310")], [None, None]),
        ([("a", "4718", "4718"), ("a", "45G1", "45G1")], [None, None]),
        ([("a", None, None), (None, "45G1", "45G1"), (None, BOX, BOX)], [None, None, None]),
        ([("a", HONDA, HONDA)], [None]),
        ([], []),
    ],
)
def test_size_and_type_are_those_behind_the_number_or_beside_the_only_one(
    rows: Sequence[Row], expected: list[str | None]
) -> None:
    assert signs(*([row[at] for row in rows] for at in range(3))) == expected


def test_reads_get_the_columns_at_their_end_whatever_kind_of_table_they_are() -> None:
    reads = table(("a", "MSKU 907032 3 45G1", BOX), ("b", HONDA, HONDA), ("c", None, None))
    frame = reads.to_pandas(types_mapper=pd.ArrowDtype).set_index(pd.Index([7, 8, 9]))

    as_arrow, as_frame = decode_reads(reads), decode_reads(frame)

    assert as_arrow.column_names == [*reads.column_names, *COLUMNS]
    assert [as_arrow.schema.field(name).type for name in COLUMNS] == [kind for _, kind in column_types()]
    assert list(as_frame.columns) == as_arrow.column_names
    assert list(as_frame.index) == [7, 8, 9]
    assert as_frame["container_size"].tolist()[0] == "40 ft, 9 ft 6 in high"
    assert as_frame["vin_year"].tolist()[1] == 2003
    assert told_of(as_arrow.to_pylist()[2]) == {}
    assert decode_reads(as_arrow).equals(as_arrow)
    assert decode_reads(as_frame).equals(as_frame)
    assert decode_reads(pd.DataFrame({"code": [BOX, None]}))["container_owner"].iloc[0] == "Maersk"
    assert decode_reads(reads.slice(0, 0)).num_rows == 0


def test_reads_without_codes_are_refused() -> None:
    with pytest.raises(OCRInputError, match="no column code"):
        decode_reads(pd.DataFrame({"image": ["a"]}))


def test_a_correction_leaves_the_size_that_was_read() -> None:
    reads = table(("a", BOX, BOX)).append_column("code_as_read", pa.array(["MSKU 907032 8 45G1"]))

    assert decode_reads(reads).column("container_size_type").to_pylist() == ["45G1"]
    assert in_sightings(reads).column("container_size_type").to_pylist() == ["45G1"]


@pytest.mark.parametrize(
    ("signs_read", "said"),
    [(["45G1", "45G1", "22G1"], "45G1"), (["45G1", "22G1"], None), (["", "45G1"], "45G1"), (["", ""], None)],
)
def test_a_sighting_has_the_size_that_most_of_its_reads_say(signs_read: list[str], said: str | None) -> None:
    rows = [(f"{at}.jpg", f"{BOX} {sign}".strip(), BOX) for at, sign in enumerate(signs_read)]
    found = in_sightings(table(*rows))

    assert found.schema == sightings_schema()
    assert found.column("container_size_type").to_pylist() == [said]
    assert found.column("container_owner").to_pylist() == ["Maersk"]


def test_a_reconciliation_has_what_each_unit_and_each_other_code_is() -> None:
    reads = table(("a", "MSKU 907032 3 45G1", BOX), ("b", "1HGCM82633A004353", "1HGCM82633A004353"), ("c", None, None))
    _, agreed = sight(reads)
    result = reconcile(agreed, expected_of([BOX, "4711"]))

    told = with_what(result.table, Told(signs_by_code(agreed)))

    assert told.column_names == [*reconciliation_schema().names, *COLUMNS]
    by_code = {row["code"]: row for row in told.to_pylist()}
    assert by_code[BOX]["container_size_type"] == "45G1"
    assert "Check Digit" in by_code["1HGCM82633A004353"]["vin_error"]
    assert (told_of(by_code["4711"]), told_of(by_code[None])) == ({}, {})
    assert with_what(result.table, Told()).column("container_owner").to_pylist()[0] == "Maersk"
    assert with_what(result.table.slice(0, 0), Told()).num_rows == 0
