"""The sandbox's own check digits, against published codes."""

from __future__ import annotations

import pytest

from airflow_provider_platerec_ocr.sandbox.ocr import codes


@pytest.mark.parametrize(
    "vin",
    ["1M8GDM9AXKP042788", "11111111111111111", "1J9RP1A36A1644345", "1HGBH41JXMN109186", "LFMGJE720DS070251"],
)
def test_published_vins_carry_their_check_digit(vin: str) -> None:
    assert codes.is_vin_checked(vin)


@pytest.mark.parametrize("vin", ["SGZCZ43D13S812715", "1M8GDM9A1KP042788", "1HGBH41JXMN10918", "1HGBH41JXMN1O9186", ""])
def test_a_wrong_digit_a_wrong_length_and_a_wrong_letter_do_not_pass(vin: str) -> None:
    assert not codes.is_vin_checked(vin)


@pytest.mark.parametrize("code", ["CSQU3054383", "MSKU4135329", "CMAU0051548"])
def test_real_container_codes_carry_their_check_digit(code: str) -> None:
    assert codes.is_container_checked(code)


@pytest.mark.parametrize("code", ["CSQU3054384", "CSQU305438", "CSQ13054383", "CSQU30543A3", "ÄSQU3054383"])
def test_what_is_no_container_code_does_not_pass(code: str) -> None:
    assert not codes.is_container_checked(code)


@pytest.mark.parametrize("number", range(200))
def test_made_up_codes_are_valid_and_depend_on_the_seed_alone(number: int) -> None:
    seed = number.to_bytes(2, "big")
    vin, container = codes.made_up_vin(seed), codes.made_up_container(seed)
    assert codes.is_vin_checked(vin)
    assert vin[-4:].isdigit()
    assert codes.is_container_checked(container)
    assert container[3] == "U"
    assert (vin, container) == (codes.made_up_vin(seed), codes.made_up_container(seed))


def test_two_hundred_seeds_give_two_hundred_codes() -> None:
    seeds = [number.to_bytes(2, "big") for number in range(200)]
    assert len({codes.made_up_vin(seed) for seed in seeds}) == 200
    assert len({codes.made_up_container(seed) for seed in seeds}) == 200


def test_a_serial_number_whose_remainder_is_ten_is_stepped_over() -> None:
    # 45 seeds in 500 would land on remainder 10, whose check digit 0 is ambiguous.
    for number in range(500):
        code = codes.made_up_container(number.to_bytes(2, "big"))
        total = sum(codes._CONTAINER_VALUES[char] << index for index, char in enumerate(code[:10]))  # noqa: SLF001
        assert total % 11 != 10
