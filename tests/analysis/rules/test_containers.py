"""What a container's number and the sign below it say: owner, category, size, type, by tables that need no network."""

from __future__ import annotations

import csv
import re
from importlib.resources import files

import pytest

from airflow_provider_platerec_ocr.analysis.rules.containers import (
    CATEGORIES,
    GROUPS,
    HEIGHTS,
    LENGTHS,
    TYPES,
    size_type,
)
from airflow_provider_platerec_ocr.analysis.yard.containers import TABLE, Container, container, owner_names
from airflow_provider_platerec_ocr.core.identifiers import iso6346_check_digit


def number(letters: str, serial: str = "123456") -> str:
    return f"{letters}{serial}{iso6346_check_digit(letters + serial)}"


@pytest.mark.parametrize(
    ("sign", "size", "kind"),
    [
        ("22G1", "20 ft, 8 ft 6 in high", "general purpose: vents at the top of the hold"),
        ("42G0", "40 ft, 8 ft 6 in high", "general purpose: opens at one or both ends"),
        ("45G1", "40 ft, 9 ft 6 in high", "general purpose: vents at the top of the hold"),
        ("45R1", "40 ft, 9 ft 6 in high", "refrigerated: cools and heats"),
        ("L5R1", "45 ft, 9 ft 6 in high", "refrigerated: cools and heats"),
        ("22T6", "20 ft, 8 ft 6 in high", "tank: for dangerous liquids, at least 6 bar"),
        ("22K2", "20 ft, 8 ft 6 in high", "pressure tank: for dangerous liquids from 2.65 to 10 bar"),
        ("22N5", "20 ft, 8 ft 6 in high", "bulk tank: empties by tipping"),
        ("22U1", "20 ft, 8 ft 6 in high", "open top: opens at the ends, removable top frame"),
        ("42P3", "40 ft, 8 ft 6 in high", "platform: two folding ends"),
        ("28P0", "20 ft, 4 ft 3 in high", "platform: no ends"),
        ("22H0", "20 ft, 8 ft 6 in high", "insulated: unit outside, 0.4 W/(m2 K)"),
        ("20V2", "20 ft, 8 ft high", "ventilated: fan inside"),
        ("22B1", "20 ft, 8 ft 6 in high", "dry bulk: airtight"),
        ("42S1", "40 ft, 8 ft 6 in high", "named cargo: cars"),
        ("M5G1", "48 ft, 9 ft 6 in high", "general purpose: vents at the top of the hold"),
        ("PFG1", "53 ft, over 9 ft 6 in high, up to 2.5 m wide", "general purpose: vents at the top of the hold"),
        ("LEG1", "45 ft, 9 ft 6 in high, up to 2.5 m wide", "general purpose: vents at the top of the hold"),
        ("2MG1", "20 ft, 9 ft high, over 2.5 m wide", "general purpose: vents at the top of the hold"),
        ("22GB", "20 ft, 8 ft 6 in high", "general purpose: vents at the top of the hold, reduced strength"),
        ("45GP", "40 ft, 9 ft 6 in high", "general purpose"),
        ("22TD", "20 ft, 8 ft 6 in high", "tank"),
        ("22G7", "20 ft, 8 ft 6 in high", "general purpose"),
        ("22A0", "20 ft, 8 ft 6 in high", "air and surface"),
        ("4310", "40 ft, 8 ft 6 in high", "general purpose, vents"),
        ("2200", "20 ft, 8 ft 6 in high", "general purpose"),
        ("4532", "40 ft, over 8 ft 6 in high", "refrigerated"),
        ("4364", "40 ft, 8 ft 6 in high", "platform"),
    ],
)
def test_a_sign_says_size_and_type(sign: str, size: str, kind: str) -> None:
    found = size_type(sign)
    assert found is not None
    assert (found.sign, found.size, found.type) == (sign, size, kind)


@pytest.mark.parametrize(
    "sign", ["", "22G", "22G11", "X2G1", "2XG1", "22X1", "22GE", "22G?", "7310", "4610", "9999", "45g1", "²2G1"]
)
def test_a_sign_that_no_table_has_says_nothing(sign: str) -> None:
    assert size_type(sign) is None


def test_every_sign_of_the_standard_is_known_and_is_a_sentence_of_its_own() -> None:
    signs = [f"{length}{height}{pair}" for length in LENGTHS for height in HEIGHTS for pair in TYPES]
    said = {sign: size_type(sign) for sign in signs}

    assert None not in said.values()
    assert {pair[0] for pair in TYPES} == set(GROUPS)
    assert len({each.size for each in said.values() if each}) == len(LENGTHS) * len(HEIGHTS)


@pytest.mark.parametrize(
    ("code", "owner", "category"),
    [
        ("MSKU9070323", "Maersk", "freight container"),
        ("msku 907032-3", "Maersk", "freight container"),
        ("CSQU3054383", "Hapag-Lloyd", "freight container"),
        (number("MEDU"), "MSC", "freight container"),
        (number("CMAU"), "CMA CGM", "freight container"),
        (number("HLXU"), "Hapag-Lloyd", "freight container"),
        (number("OOLU"), "OOCL", "freight container"),
        (number("CSNU"), "COSCO Shipping Lines", "freight container"),
        (number("EGHU"), "Evergreen Marine (Hong Kong)", "freight container"),
        (number("ONEU"), "Ocean Network Express (ONE)", "freight container"),
        (number("HMMU"), "HMM", "freight container"),
        (number("YMLU"), "Yang Ming", "freight container"),
        (number("ZIMU"), "ZIM", "freight container"),
        (number("TCLU"), "Triton", "freight container"),
        (number("TGHU"), "Textainer", "freight container"),
        (number("CAIU"), "CAI", "freight container"),
        (number("GESU"), "Seaco", "freight container"),
        (number("FCIU"), "Florens", "freight container"),
        (number("MATZ"), "Matson", "trailer or chassis"),
        (number("MSKJ"), "Maersk", "detachable equipment"),
        (number("QQQU"), None, "freight container"),
        (number("MSKA"), None, "European loading unit"),
    ],
)
def test_a_number_says_owner_and_category_and_an_owner_that_no_table_has_is_null(
    code: str, owner: str | None, category: str
) -> None:
    assert container(code) == Container(owner, category)


@pytest.mark.parametrize("code", ["", "4711", "1HGCM82633A004352", "ABCX1234567", "MSKU907032", "MSKU90703?3"])
def test_what_is_no_container_says_nothing(code: str) -> None:
    assert container(code) is None


def test_a_check_digit_that_does_not_fit_is_said_beside_what_the_letters_say() -> None:
    assert container("MSKU9070324") == Container(
        "Maersk", "freight container", error="The check digit is 4 and should be 3."
    )


def test_size_and_type_count_wherever_they_were_read_and_only_as_a_table_has_them() -> None:
    behind = container("MSKU 907032 3 US 45G1")

    assert behind is not None
    assert behind == container("MSKU9070323", "45G1")
    assert (behind.size_type, behind.size) == ("45G1", "40 ft, 9 ft 6 in high")
    assert container("MSKU9070323", "4XG1") == Container("Maersk", "freight container")


def test_who_has_the_whole_register_can_give_it() -> None:
    assert container(number("QQQU"), owners={"QQQ": "Somebody"}) == Container("Somebody", "freight container")
    assert container("MSKU9070323", owners={}) == Container(None, "freight container")


def test_the_table_of_owners_has_each_code_once_with_source_and_date() -> None:
    text = (files("airflow_provider_platerec_ocr.analysis.yard") / TABLE).read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))

    codes = [row["owner_code"] for row in rows]
    assert codes == sorted(set(codes))
    assert all(re.fullmatch("[A-Z]{3}", code) for code in codes)
    assert all(row["owner"] and row["source"] and re.fullmatch(r"20\d\d(-\d\d)*", row["as_of"]) for row in rows)
    assert owner_names() == {row["owner_code"]: row["owner"] for row in rows}
    assert set(CATEGORIES) == set("UJZABDEK")
