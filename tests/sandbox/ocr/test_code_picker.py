"""Picking the code out of everything that was read."""

from __future__ import annotations

import pytest

from airflow_provider_platerec_ocr.sandbox.ocr.code_picker import Rank, pick, vins_in
from airflow_provider_platerec_ocr.sandbox.ocr.lines import Line
from airflow_provider_platerec_ocr.sandbox.ocr.reader import Orientation


def rows(*texts: str, score: float = 0.9, height: float = 20.0) -> list[Line]:
    """Lines far below each other, so that none is joined with another."""
    return [
        Line(
            text,
            score,
            ((0, 200.0 * index), (300, 200.0 * index), (300, 200.0 * index + height), (0, 200.0 * index + height)),
        )
        for index, text in enumerate(texts)
    ]


def picked(type_: str, *texts: str) -> str | None:
    found = pick(rows(*texts), type_)
    return found.code if found else None


@pytest.mark.parametrize(
    ("text", "vin"),
    [
        ("1HGBH41JXMN109186", "1HGBH41JXMN109186"),
        ("wdbea30d3ha391172", "WDBEA30D3HA391172"),
        ("WOLOTGF705G058709", "W0L0TGF705G058709"),
        (":KMHEC41LBEA591721", "KMHEC41LBEA591721"),
        ("*1HGBH41JXMN109186*", "1HGBH41JXMN109186"),
        ("VIN: 1HGBH41JXMN109186", "1HGBH41JXMN109186"),
        ("V.I.N. 1HGBH41JXMN109186", "1HGBH41JXMN109186"),
        ("CHASSIS NO 1HGBH41JXMN109186", "1HGBH41JXMN109186"),
        ("1HGBH41JXMN109186 TYPE: PC", "1HGBH41JXMN109186"),
        ("WDB 211006 2A 623543", "WDB2110062A623543"),
        ("I HGBH41JXMNIO9186", "1HGBH41JXMN109186"),
    ],
)
def test_a_vin_is_found_with_its_safe_repairs_and_without_its_label(text: str, vin: str) -> None:
    assert picked("vin", "HARBOR VEHICLE WORKS", text, "2870 KG", "1-1150 kg") == vin


@pytest.mark.parametrize(
    "text",
    ["1HGBH41JXMN10918", "1HGBH41JXMN1091867", "e1*2001/116*0211", "1HGBH41JXMN10918A", "", "THISVEHICLECONFORMS"],
)
def test_what_has_not_17_characters_ending_in_four_digits_is_no_vin(text: str) -> None:
    assert list(vins_in(text)) == []


def test_a_vin_with_a_right_check_digit_is_preferred_and_none_is_demanded() -> None:
    assert picked("vin", "WVGZZZ1TZ6W215366") == "WVGZZZ1TZ6W215366"
    assert picked("vin", "WVGZZZ1TZ6W215366", "1HGBH41JXMN109186") == "1HGBH41JXMN109186"


def test_among_equals_the_surest_reading_is_taken() -> None:
    lines = [*rows("WVGZZZ1TZ6W215366", score=0.7), *rows("", "WVGZZZ1TZ6W215367", score=0.9)]
    found = pick(lines, "vin")
    assert found is not None
    assert (found.code, found.rank) == ("WVGZZZ1TZ6W215367", Rank.PLAIN)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("MSKU4135329", "MSKU4135329"),
        ("EISU 9458864", "EISU9458864"),
        ("CXTU 112503 1", "CXTU1125031"),
        ("CXTU 112503 I", "CXTU1125031"),
        ("C0SU4I35329", None),
        ("JBHU 235811", "JBHU235811"),
        ("HDZ 53124", "HDZ53124"),
        ("53 4821", "534821"),
        ("R 40213", "R40213"),
        ("102A4711", "102A4711"),
    ],
)
def test_a_trailer_number_is_found_among_weights_and_words(text: str, code: str | None) -> None:
    around = ("NORTHFIELD FREIGHT", "45G1", "2261", "MAX. GROSS", "32.500 KG", "71,650 LBS", "8.938 CES", "76.4 CU.M")
    others = ("USDOT 1234567", "1-800-555-0172", "AIR RIDE 102 IN WIDE", "9'6\"", "MC 445566", "www.example.com")
    assert picked("trailer_id", *around, text, *others) == code


def test_a_code_that_satisfies_iso_6346_beats_all_others() -> None:
    assert picked("trailer_id", "JBHU235811", "MSKU4135328", "534821", "MSKU4135329") == "MSKU4135329"
    assert picked("trailer_id", "JBHU235811", "MSKU4135328") == "MSKU4135328"


def test_of_fleet_numbers_the_largest_is_taken() -> None:
    small, large = rows("531234")[0], rows("", "539876", height=60)[1]
    found = pick([small, large], "trailer_id")
    assert found is not None
    assert found.code == "539876"


def test_look_alikes_pass_for_each_other_only_where_the_check_digit_agrees() -> None:
    assert picked("trailer_id", "M5KU4I35329") == "MSKU4135329"
    assert picked("trailer_id", "M5KU4I35328") is None


def test_an_owner_code_and_a_serial_number_in_two_rows_are_joined_if_they_check() -> None:
    assert picked("trailer_id", "MSKU", "4135329") == "MSKU4135329"
    assert picked("trailer_id", "MSKU", "4135328") == "4135328"


def test_the_wide_letters_that_stacked_text_comes_back_with_are_plain_ones() -> None:
    assert picked("trailer_id", "M\uff33KU\uff14\uff11\uff135329") == "MSKU4135329"
    assert list(vins_in("\uff11HGBH41JXMN10918\uff16")) == ["1HGBH41JXMN109186"]


def test_a_vertical_code_is_called_vertical() -> None:
    letters = [
        Line(char, 0.9, ((0, 50.0 * index), (30, 50.0 * index), (30, 50.0 * index + 40), (0, 50.0 * index + 40)))
        for index, char in enumerate("MSKU4135329")
    ]
    found = pick(letters, "trailer_id")
    assert found is not None
    assert (found.code, found.run.orientation) == ("MSKU4135329", Orientation.VERTICAL)


@pytest.mark.parametrize("type_", ["vin", "trailer_id"])
def test_nothing_read_gives_nothing(type_: str) -> None:
    assert pick([], type_) is None
    assert picked(type_, "NORTHFIELD", "TARE 3.900 KG", "45G1") is None
