"""What a VIN says of its vehicle, by tables that need no network."""

from __future__ import annotations

import csv
import logging
import re
import sys
from importlib.resources import files

import pytest

from airflow_provider_platerec_ocr.analysis.yard.decode import MAKERS, Vehicle, is_there, makers, source, vehicles
from airflow_provider_platerec_ocr.core.identifiers import vin_check_digit

HONDA, PORSCHE, UNKNOWN = "1HGCM82633A004352", "WP0ZZZ99ZTS392124", "ZZZAA0622KB123456"


def test_an_american_vin_says_make_model_year_and_body() -> None:
    assert vehicles([HONDA, HONDA.lower()])[HONDA] == Vehicle("HONDA", "Accord", 2003, "Coupe")
    assert set(vehicles([HONDA.lower()])) == {HONDA.lower()}


def test_a_european_vin_says_its_maker_and_has_no_error_for_want_of_a_record() -> None:
    found = vehicles([PORSCHE])[PORSCHE]
    assert (found.make, found.model, found.error) == ("PORSCHE", None, None)


def test_a_check_digit_that_does_not_fit_is_an_error_only_where_it_must() -> None:
    assert "Check Digit" in (vehicles(["1HGCM82633A004353"])["1HGCM82633A004353"].error or "")
    assert vehicles(["WBA3A5C51CF256651"])["WBA3A5C51CF256651"] == Vehicle("BMW", "328i", 2012, "Sedan/Saloon")


@pytest.mark.parametrize(
    ("vin", "make"),
    [
        ("WVWZZZ1KZAW123456", "VOLKSWAGEN"),
        ("WV1ZZZ7HZ8H123456", "VOLKSWAGEN"),
        ("ZFA25000002123456", "FIAT"),
        ("VF1RFB00X56123456", "RENAULT"),
        ("VF624GPA000012345", "RENAULT TRUCKS"),
        ("VF3LBHZTXFS123456", "PEUGEOT"),
        ("XP7YGCEK1PB012345", "TESLA"),
        ("LRWYGCEK1PC012345", "TESLA"),
        ("WSM00000003123456", "SCHMITZ CARGOBULL"),
        ("WKESD000000123456", "KRONE"),
        ("SUDNS300000012345", "WIELTON"),
        ("WDB9634031L123456", "MERCEDES-BENZ"),
        ("W1T96342310123456", "MERCEDES-BENZ"),
        ("WDD2050071R123456", "MERCEDES-BENZ"),
        ("WMAN18ZZ6HY123456", "MAN"),
        ("YS2R4X20005123456", "SCANIA"),
        ("YV2RT40A5KB123456", "VOLVO"),
        ("XLRTEH4300G123456", "DAF"),
        ("ZCFC735A305123456", "IVECO"),
        ("VLG00000000012345", "AIXAM"),  # of vininfo's table alone
        ("TMBJJ7NE8K0123456", "ŠKODA"),
        ("VSSZZZ5FZKR123456", "SEAT"),
        ("W0L0SDL08A4123456", "OPEL"),
        ("WF0AXXTTGAJK12345", "FORD"),
        ("UU1DJF00968123456", "DACIA"),
        ("WK0S0002400123456", None),
        ("W09ABC123KED05001", None),  # makers of few vehicles share W09, and ZA9: those are no Ruf and no Bugatti
    ],
)
def test_elsewhere_than_in_north_america_a_vin_says_its_maker_and_never_an_error(vin: str, make: str | None) -> None:
    assert vehicles([vin])[vin] == Vehicle(make)


@pytest.mark.parametrize(
    ("vin", "expected"),
    [
        ("1JJV532D_KL123456", Vehicle("WABASH VANS", "Dry Van Duraplate", 2019, "Trailer")),
        ("1UYVS253_K7123456", Vehicle("UTILITY TRAILER MANUFACTURER", None, 2019, "Trailer")),
        ("1DW1A532_KS123456", Vehicle("STOUGHTON TRAILERS", None, 2019, "Trailer")),
        ("1UYVS253_W7123456", Vehicle("UTILITY TRAILER MANUFACTURER", None, 1998, "Trailer")),  # no trailer of 2028
    ],
)
def test_a_trailers_model_is_not_its_maker_again_and_its_year_does_not_lie_ahead(vin: str, expected: Vehicle) -> None:
    fits = vin.replace("_", vin_check_digit(vin.replace("_", "0")))
    assert vehicles([fits], year=2026)[fits] == expected


@pytest.mark.parametrize("vin", ["1JJV532D1KL123456", "7SAYGDEE1NF312345", "3AKJHHDR1KSKA1234"])
def test_a_check_digit_has_to_fit_in_all_of_north_america(vin: str) -> None:
    assert "Check Digit" in (vehicles([vin])[vin].error or "")


@pytest.mark.parametrize("vin", ["1A8Y62TZ0F2ZC2566", "1Y11UDPAX2YDU4162"])
def test_a_check_digit_that_fits_is_no_error_whatever_else_is_wrong(vin: str) -> None:
    assert vehicles([vin])[vin].error is None
    assert vehicles([vin])[vin].is_refused
    other = vin[:8] + ("1" if vin[8] != "1" else "2") + vin[9:]
    assert vehicles([other])[other].error == "1 - Check Digit (9th position) does not calculate properly"


def test_without_its_packages_nothing_is_said_and_the_log_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert is_there()
    monkeypatch.setitem(sys.modules, "vininfo", None)
    assert vehicles(["VLG00000000012345", "WSM00000003123456"]) == {
        "VLG00000000012345": Vehicle(),
        "WSM00000003123456": Vehicle("SCHMITZ CARGOBULL"),
    }
    monkeypatch.setitem(sys.modules, "ultravin", None)
    with caplog.at_level(logging.INFO):
        assert vehicles([HONDA]) == {}
    assert not is_there()


def test_the_table_of_makers_has_each_three_characters_once_with_source_and_date() -> None:
    text = (files("airflow_provider_platerec_ocr.analysis.yard") / MAKERS).read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))

    wmis = [row["wmi"] for row in rows]
    assert wmis == sorted(set(wmis))
    assert all(re.fullmatch("[A-HJ-NPR-Z0-9]{2}[A-HJ-NPR-Z0-8]", wmi) for wmi in wmis)
    assert all(row["maker"] and row["source"] and re.fullmatch(r"20\d\d", row["as_of"]) for row in rows)
    assert makers() == {row["wmi"]: row["maker"] for row in rows}


@pytest.mark.parametrize("code", ["4711", "MSKU9070323", "", "not a VIN at all"])
def test_what_is_no_vin_says_nothing(code: str) -> None:
    assert vehicles([code]) == {}


def test_a_maker_that_no_table_knows_is_null() -> None:
    assert vehicles([UNKNOWN])[UNKNOWN] == Vehicle()
    assert (source() or "").startswith("ultravin ")
