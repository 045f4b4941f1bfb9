"""Nights made up to have a wrong unit found: whole reconciliations, from the photographs to the answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from airflow_provider_platerec_ocr.analysis.rules.sightings import Cameras
from airflow_provider_platerec_ocr.analysis.yard.expected import expected_of
from airflow_provider_platerec_ocr.analysis.yard.reconcile import reconcile
from airflow_provider_platerec_ocr.analysis.yard.seen import sight, sightings_table
from airflow_provider_platerec_ocr.core.identifiers import vin_check_digit
from airflow_provider_platerec_ocr.dataset.layout.schema import reads_schema
from support.yards import seeded, vins

START = datetime(2026, 3, 2, 22, tzinfo=UTC)
VIN = "1M8GDM9AXKP042788"
FIRST, SECOND, THIRD = "1K2DEG0D6RA139318", "1K2DEG0D8RA139319", "1K2DEG0D4RA139320"
"""Three of one series."""
BOX = "MSKU9070323"
NEAR = [f"3AKJHHDR{vin_check_digit(f'3AKJHHDR0KP{serial}')}KP{serial}" for serial in (479168, 479170)]


@dataclass(frozen=True)
class Shot:
    """What was read off one photograph."""

    code: str | None
    minute: float | None = 0
    """Since the start of the night; none: the photograph has no time, and was read at the start."""
    camera: str | None = "gate-1"
    image: str = ""
    by: str | None = None
    """Who has said what is there."""


def night(*shots: Shot | str) -> pa.Table:
    """Return a table of reads, in this order; a code alone is a photograph two hours after the one before."""
    rows: list[dict[str, Any]] = []
    for number, each in enumerate(shots):
        shot = each if isinstance(each, Shot) else Shot(each, 120.0 * number)
        taken = None if shot.minute is None else START + timedelta(minutes=shot.minute)
        row = {"code": shot.code, "code_normalized": shot.code, "camera_id": shot.camera, "confidence": 0.9}
        rows.append(row | {"image": shot.image or f"{number:03}.jpg", "timestamp": taken, "read_at": START})
    table = pa.Table.from_pylist(rows, schema=reads_schema())
    said = [None if isinstance(each, str) else each.by for each in shots]
    return table.append_column("corrected_by", pa.array(said, pa.string()))


def answers(table: pa.Table, units: list[str], **how: Any) -> list[str]:
    """Return what is said of each unit and of each code that is none, and by how many photographs."""
    _, agreed = sight(table, cameras=Cameras({"gate-1": ["gate-2"]}))
    found = reconcile(agreed, expected_of(units), **how).table.to_pylist()
    return [f"{row['status']} {row['code'] or '-'} {len(row['images'])}" for row in found]


@pytest.mark.parametrize(
    ("shots", "units", "expected"),
    [
        pytest.param([FIRST, THIRD], [FIRST, SECOND, THIRD], ["matched", "missing", "matched"], id="a gap in a series"),
        pytest.param(
            ["1K2DEG0D8RA139318"],
            [FIRST, SECOND, THIRD],
            ["ambiguous", "ambiguous", "missing"],
            id="between neighbours",
        ),
        pytest.param(["1K2DEG0D8RA139318"], [FIRST, THIRD], ["ambiguous", "missing"], id="its neighbour is not listed"),
        pytest.param(["IM8GDM9AXKPO4Z788"], [VIN], ["matched_confusable"], id="letters that no VIN has"),
        pytest.param(["1M8GDM9AXKP042788", "1M8GDM9AKKP042788"], [VIN], ["matched"], id="check digit X read as K"),
        pytest.param(["1M8GDM9AYKP042788"], [VIN], ["matched_confusable"], id="check digit X read as Y"),
        pytest.param(["1MBGDM9AXKP04278B"], [VIN], ["missing"], id="two characters"),
        pytest.param(["4711", "471I"], ["4711", "471I"], ["matched", "matched"], id="two units that look like one"),
        pytest.param(["471I"], ["4711", "4717", "4712"], ["ambiguous", "missing", "missing"], id="a dense list"),
        pytest.param(["4711"], ["4711", "47111", "04711"], ["matched", "missing", "missing"], id="4 to 6 digits"),
        pytest.param(["TRL-4711"], ["4711"], ["missing"], id="a prefix that the list does not have"),
        pytest.param(["trl 4711"], ["TRL-4711"], ["matched"], id="marks and capitals"),
        pytest.param([BOX, "MSKU907032"], [BOX], ["matched"], id="a container without its check digit, read"),
        pytest.param([BOX], ["MSKU 907032"], ["matched"], id="a container without its check digit, listed"),
        pytest.param(["MSKU9070323 45G1"], [BOX], ["matched"], id="a container with its size"),
        pytest.param([VIN, BOX, "4711"], ["4711", BOX, VIN], ["matched"] * 3, id="all kinds in one list"),
        pytest.param([], [VIN], ["missing"], id="nothing was read"),
    ],
)
def test_a_code_by_itself(shots: list[str], units: list[str], expected: list[str]) -> None:
    found = answers(night(*shots), units)
    assert [each.split()[0] for each in found[: len(units)]] == expected


@pytest.mark.parametrize(
    ("shots", "units", "expected"),
    [
        pytest.param(
            [Shot(FIRST), Shot("1K2DEG0D8RA139319", 1)],
            [FIRST, SECOND],
            [f"matched {FIRST} 1", f"matched {SECOND} 1"],
            id="two trucks of a series in one minute",
        ),
        pytest.param(
            [Shot(VIN, 0), Shot(VIN, 200, "gate-9")], [VIN], [f"matched {VIN} 2"], id="a truck that passes two gates"
        ),
        pytest.param(
            [Shot(VIN, image="a.jpg"), Shot(VIN, image="a.jpg")],
            [VIN],
            [f"matched {VIN} 1"],
            id="two readings of one image",
        ),
        pytest.param(
            [Shot(None, image="a.jpg"), Shot(BOX, image="a.jpg")],
            [BOX],
            [f"matched {BOX} 1"],
            id="an image read for two types",
        ),
        pytest.param(
            [Shot("4718", 0), Shot("471B", 1), Shot("4718", 2)],
            ["4718"],
            ["matched 4718 3"],
            id="outvoted by its own photographs",
        ),
        pytest.param(
            [Shot("4718", 0, image="a.jpg"), Shot("4718", 0, image="a.jpg"), Shot("471B", 1)],
            ["471B", "4718"],
            ["matched 471B 1", "matched 4718 1"],
            id="one image, read twice, outvotes nobody",
        ),
        pytest.param(
            [Shot("471B", 0), Shot("471B", 1), Shot("4718", 2, by="kim")],
            ["4718", "471B"],
            ["matched 4718 1", "matched 471B 2"],
            id="a person is not outvoted",
        ),
        pytest.param(
            [Shot("4719", 0, by="kim")], ["4718"], ["missing 4718 0", "extra 4719 1"], id="a person has misread nothing"
        ),
        pytest.param(
            [Shot(VIN, 0), Shot("1MBGDM9AXKP042788", 1, by="kim")],
            [VIN],
            [f"matched {VIN} 1", "extra 1MBGDM9AXKP042788 1"],
            id="a person may say a code whose check digit does not fit",
        ),
        pytest.param(
            [Shot(VIN, None), Shot("1MBGDM9AXKP042788", None), Shot(VIN, None, None)],
            [VIN],
            [f"matched {VIN} 3"],
            id="no times at all",
        ),
        pytest.param(
            [Shot(VIN, 0), Shot("1MBGDM9AXKP042788", -3, "gate-2")],
            [VIN],
            [f"matched {VIN} 2"],
            id="clocks of two cameras that differ by some minutes",
        ),
        pytest.param(
            [Shot(VIN, 0), Shot("1MBGDM9AXKP042788", 60, "gate-2")],
            [VIN],
            [f"matched {VIN} 2"],
            id="clocks of two cameras that differ by an hour",
        ),
    ],
)
def test_several_photographs(shots: list[Shot], units: list[str], expected: list[str]) -> None:
    assert answers(night(*shots), units) == expected


def test_the_next_of_a_series_is_no_unit_that_was_misread_twice() -> None:
    """Its serial number and its check digit differ, and both look alike; and both check digits fit."""
    found = answers(night(SECOND), [FIRST], max_edits=2)
    assert [each.split()[:2] for each in found] == [["ambiguous", FIRST], ["ambiguous", SECOND]]


def test_a_digit_that_was_lost_may_be_that_of_a_neighbour_whose_check_digit_fits_as_well() -> None:
    """Of ``…479169`` the 9 at the end was lost, of ``…479186`` it would be the 8; only the other one is on the list."""
    found = answers(night("3AKJHHDR2KP47916"), ["3AKJHHDR2KP479186", *NEAR])
    assert found[0] == "ambiguous 3AKJHHDR2KP479186 1"
    assert found[-1] == "ambiguous 3AKJHHDR2KP47916 1"


def test_each_unit_of_a_long_night_has_its_own_photographs_and_codes() -> None:
    """In the order in which they were taken; thousands, since Arrow groups a thousand rows at a time."""
    units = vins(seeded(1), 1_200, 12)
    shots = [
        Shot(unit, number / 60, image=f"{unit}-{copy}.jpg") for copy in (1, 0) for number, unit in enumerate(units)
    ]
    found, agreed = sight(night(*shots))
    rows = reconcile(agreed, expected_of(units)).table.to_pylist()
    assert [row["images"] for row in rows] == [[f"{unit}-0.jpg", f"{unit}-1.jpg"][::-1] for unit in units]
    seen = sightings_table(found).to_pylist()
    assert len(seen) == len(units)
    assert all(row["images"] == [f"{row['code']}-0.jpg", f"{row['code']}-1.jpg"] for row in seen)


@pytest.mark.parametrize(
    ("code", "units", "partial", "expected"),
    [
        ("042788", [VIN, "5GZCZ43D13S042788"], 6, ["ambiguous", "ambiguous"]),
        ("042788", [VIN], 6, ["matched_partial"]),
        ("O42788", [VIN], 6, ["missing"]),
        (VIN, ["042788", VIN], 6, ["missing", "matched"]),
    ],
)
def test_the_last_characters(code: str, units: list[str], partial: int, expected: list[str]) -> None:
    found = answers(night(code), units, partial=partial)
    assert [each.split()[0] for each in found[: len(units)]] == expected


LOOKS, ALIKE = "TR8100", "TRB100"
EU = "WDB9634031L123677"


@pytest.mark.parametrize(
    ("shots", "units", "how", "expected"),
    [
        pytest.param(
            ["TCLU724122"],
            ["TCLU7241292"],
            {},
            ["missing TCLU7241292 0", "extra TCLU724122 1"],
            id="a container that was read without its check digit is no other one",
        ),
        pytest.param(
            ["WDB9634031L123877", "WDB9634031L123977"],
            [EU],
            {},
            [f"ambiguous {EU} 2", "ambiguous WDB9634031L123877 1", "ambiguous WDB9634031L123977 1"],
            id="two that are nearly one are two strangers",
        ),
        pytest.param(
            [EU, "WDB9634031L123877"],
            [EU],
            {},
            [f"matched {EU} 1", "ambiguous WDB9634031L123877 1"],
            id="beside the unit itself its next number is a stranger",
        ),
        pytest.param(
            ["4718", "471B"], ["4718"], {}, ["matched 4718 2"], id="beside the unit itself a letter is a misread"
        ),
        pytest.param(
            [Shot(LOOKS, 0), Shot(LOOKS, 1), Shot(LOOKS, 2), Shot(ALIKE, 5)],
            [LOOKS, ALIKE],
            {},
            [f"matched {LOOKS} 3", f"matched {ALIKE} 1"],
            id="two units of the list are no sighting of one",
        ),
        pytest.param(
            [Shot(LOOKS, 0), Shot(LOOKS, 1), Shot(ALIKE, 5)],
            [LOOKS],
            {},
            [f"matched {LOOKS} 3"],
            id="a code that is not on the list is outvoted",
        ),
        pytest.param(
            ["8124711", "EUR1234711"],
            ["4711"],
            {"partial": 4},
            ["missing 4711 0", "extra 8124711 1", "extra EUR1234711 1"],
            id="a unit of no more characters than are compared ends many numbers",
        ),
        pytest.param(
            ["4711", "C4711"],
            ["TRLC4711"],
            {"partial": 4},
            ["ambiguous TRLC4711 2", "ambiguous 4711 1", "ambiguous C4711 1"],
            id="two that end as one unit",
        ),
        pytest.param(
            ["TRLC4711", "4711", "8884711X", "99994711"],
            ["TRLC4711"],
            {"partial": 4},
            ["matched TRLC4711 2", "extra 8884711X 1", "ambiguous 99994711 1"],
            id="beside the unit itself another whole number is another unit",
        ),
        pytest.param(
            ["1WZ87J5R5EFYH8876"],
            ["1WZ87J5R5EFYH887G"],
            {},
            ["matched_confusable 1WZ87J5R5EFYH887G 1"],
            id="a list whose own check digit is wrong where one is demanded has a mistake",
        ),
        pytest.param(
            ["WVWZZZ1K9AW123456"],
            ["WVWZZZ1K9AW12345G"],
            {},
            ["ambiguous WVWZZZ1K9AW12345G 1", "ambiguous WVWZZZ1K9AW123456 1"],
            id="in Europe none is demanded and the code that was read may be a vehicle of its own",
        ),
    ],
)
def test_no_stranger_stands_for_a_unit(
    shots: list[Shot | str], units: list[str], how: dict[str, Any], expected: list[str]
) -> None:
    assert answers(night(*shots), units, **how) == expected
