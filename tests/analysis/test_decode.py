"""What a VIN says of its vehicle, by tables that need no network."""

from __future__ import annotations

import pytest

from airflow_provider_platerec_ocr.analysis.yard.decode import Vehicle, source, vehicles

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


@pytest.mark.parametrize("code", ["4711", "MSKU9070323", "", "not a VIN at all"])
def test_what_is_no_vin_says_nothing(code: str) -> None:
    assert vehicles([code]) == {}


def test_a_maker_that_no_table_knows_is_null() -> None:
    assert vehicles([UNKNOWN])[UNKNOWN] == Vehicle()
    assert (source() or "").startswith("ultravin ")
