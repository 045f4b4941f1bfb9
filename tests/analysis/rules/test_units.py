"""Which rows of a list are units: each once, and none that only looks like one."""

from __future__ import annotations

import pytest

from airflow_provider_platerec_ocr.analysis.rules.units import Units
from airflow_provider_platerec_ocr.analysis.yard.expected import expected_of

VIN = "1M8GDM9AXKP042788"


@pytest.mark.parametrize(
    ("codes", "units", "repeated", "rounded", "blank"),
    [
        ([VIN, "4711"], [1, 2], [], [], []),
        ([VIN, VIN.lower(), " 1M8 GDM9AX-KP042788 "], [1], [2, 3], [], []),
        (["4711", "47-11", "4711.0"], [1], [2, 3], [], []),
        (["MSKU9070323", "MSKU 907032", "MSKU907032-3"], [1], [2, 3], [], []),
        (["MSKU907032", "MSKU9070323"], [1], [2], [], []),
        (["", "  ", "-", None, "4711"], [5], [], [], [1, 2, 3, 4]),
        (["1.23457E+12", "1,23457E+12", "4e+16", "12E34", "1E5"], [4, 5], [], [1, 2, 3], []),
        ([], [], [], [], []),
    ],
)
def test_a_row_is_a_unit_a_repeat_or_nothing(
    codes: list[str | None], units: list[int], repeated: list[int], rounded: list[int], blank: list[int]
) -> None:
    found = Units.of(expected_of([{"code": code} for code in codes]))

    assert [row.row for row in found.units] == units
    assert [row.row for row, _ in found.repeated] == repeated
    assert ([row.row for row in found.rounded], [row.row for row in found.blank]) == (rounded, blank)
    assert found.counts == {"duplicates": len(repeated), "unusable_rows": len(rounded) + len(blank)}


def test_what_is_no_unit_is_named_by_its_row() -> None:
    rounded, blank, repeated = Units.of(expected_of([VIN, VIN, "1.23457E+12", ""])).warnings()

    assert rounded.startswith("1 row of the list has a number that a spreadsheet has rounded, so nobody knows")
    assert "row 3 (1.23457E+12). Format the column as text" in rounded
    assert blank == "1 row of the list has no code and is no unit: row 4."
    assert repeated == f"1 row of the list repeats a unit and counts once: row 2 ({VIN}, as row 1)."


def test_of_many_rows_some_are_named() -> None:
    [blank] = Units.of(expected_of([""] * 12)).warnings()
    assert blank.startswith("12 rows of the list have no code and are no units: row 1, row 2,")
    assert blank.endswith("row 10, ….")


def test_units_that_no_read_of_a_type_can_be_are_counted() -> None:
    units = Units.of(expected_of([VIN, "4711", "MSKU9070323"]))
    assert (units.not_of("vin"), units.not_of("trailer_id")) == (2, 1)
