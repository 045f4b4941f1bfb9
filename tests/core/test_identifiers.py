from __future__ import annotations

import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from stdnum import iso6346
from vininfo import Vin

from airflow_provider_platerec_ocr.core.identifiers import (
    CodeCheck,
    check_code,
    is_blank,
    iso6346_check_digit,
    size_behind,
    vin_check_digit,
)

VIN_ALPHABET = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
VINS = st.text(VIN_ALPHABET, min_size=17, max_size=17)
OWNERS = st.text(LETTERS, min_size=3, max_size=3)
SERIALS = st.text("0123456789", min_size=6, max_size=6)


def oracle(vin: str) -> bool:
    """Return what vininfo says, for the makers that it does not exempt from the rule."""
    found = Vin(vin)
    assume(getattr(getattr(found, "assembler", None), "uses_sae_checkdigit", True))  # its older versions exempt nobody
    return bool(found.verify_checksum(check_year=False))


@pytest.mark.parametrize(
    "vin",
    [
        "1M8GDM9AXKP042788",
        "11111111111111111",
        "1J9RP1A36A1644345",
        "1HGBH41JXMN109186",
        "WDBEA30D3HA391172",
        "LFMGJE720DS070251",
        "5GZCZ43D13S812715",
    ],
)
def test_a_good_vin_has_its_check_digit(vin: str) -> None:
    assert check_code(vin, "vin") == CodeCheck(vin, vin, "vin", check_digit_ok=True, repaired=False)


@pytest.mark.parametrize("vin", ["SGZCZ43D13S812715", "WP0ZZZ99ZTS392124", "1M8GDM9A1KP042788"])
def test_another_check_digit_is_information_and_no_fault(vin: str) -> None:
    assert check_code(vin, "vin") == CodeCheck(vin, vin, "vin", check_digit_ok=False, repaired=False)


@given(VINS)
def test_vin_check_digits_agree_with_vininfo(vin: str) -> None:
    assert (vin_check_digit(vin) == vin[8]) == oracle(vin)


@given(VINS)
def test_a_vin_with_its_check_digit_put_in_passes(vin: str) -> None:
    whole = vin[:8] + vin_check_digit(vin) + vin[9:]

    assert check_code(whole, "vin").check_digit_ok is True
    assert oracle(whole)


@given(st.text(LETTERS + "0123456789", min_size=17, max_size=17))
def test_a_repaired_vin_never_contains_i_o_or_q(code: str) -> None:
    check = check_code(code, "vin")

    assert set(check.code_normalized) <= set(VIN_ALPHABET)
    assert check.repaired == bool(set(code) & set("IOQ"))
    assert check.code == code


def test_repairs_give_a_vin_its_digits_back_and_keep_the_raw_text() -> None:
    check = check_code("iM8GDM9AXKPO4Z788", "vin")

    assert check.code == "iM8GDM9AXKPO4Z788"
    assert check.code_normalized == "1M8GDM9AXKP04Z788"
    assert check.repaired
    assert check_code("QHGBH4IJXMN1O9186", "vin").code_normalized == "0HGBH41JXMN109186"


@pytest.mark.parametrize(
    "code", ["*1HGBH41JXMN109186*", " 1HGBH41 JXMN 109186\n", "1hgbh41jxmn109186", "\uff11HGBH41JXMN109186"]
)
def test_marks_spaces_and_case_do_not_hide_a_vin(code: str) -> None:
    check = check_code(code, "vin")

    assert (check.code_normalized, check.check_digit_ok, check.repaired) == ("1HGBH41JXMN109186", True, False)


@pytest.mark.parametrize(
    ("code", "normalized"),
    [
        ("1M8GDM9A?KP042788", "1M8GDM9A?KP042788"),
        ("1M8GDM9A*KP042788", "1M8GDM9A*KP042788"),
        ("1M8GDM9A_KP042788", "1M8GDM9A_KP042788"),
        ("1M8GDM9A.KP042788", "1M8GDM9A.KP042788"),
        ("?M8GDM9AXKP042788", "?M8GDM9AXKP042788"),
        ("1\u041c8GDM9AXKP042788", "1\u041c8GDM9AXKP042788"),
        ("1M8\u00c4\u00d6\u6f22", "1M8\u00c4\u00d6\u6f22"),
        ("1m8 gdm9 \ufffd", "1M8GDM9\ufffd"),
        ("stra\u00dfe", "STRA\u00dfE"),
        ("---", "---"),
    ],
)
def test_a_sign_that_no_code_can_have_keeps_its_place(code: str, normalized: str) -> None:
    assert check_code(code, "vin") == CodeCheck(code, normalized, None, None, repaired=False)


@pytest.mark.parametrize("code", ["CSQU305438?3", "CSQU3054\u066338", "CSQU*305438 3"])
def test_a_container_with_a_sign_that_cannot_be_read_is_none(code: str) -> None:
    assert check_code(code, "trailer_id") == CodeCheck(code, code.replace(" ", ""), None, None, repaired=False)


@given(st.text(min_size=1, max_size=30), st.sampled_from(["vin", "trailer_id", "odometer"]))
def test_only_a_whole_vin_or_container_and_a_trailers_marks_get_shorter_than_what_can_be_seen(
    code: str, kind: str
) -> None:
    check = check_code(code, kind)
    plain = unicodedata.normalize("NFKC", code)
    seen = [char for char in plain if not is_blank(char) and (kind != "trailer_id" or char.isalnum() or char in "?*_")]

    if check.code_normalized not in (None, "") and check.code_system is None:
        assert len(check.code_normalized.replace(" ", "")) >= len(seen) or len(check.code_normalized) == 11
    assert check_code(check.code_normalized, kind).code_normalized == check.code_normalized


@pytest.mark.parametrize(("code", "blank"), [("", True), (" \t\n", True), ("\u200b\ufeff\x00", True), ("?", False)])
def test_what_nobody_can_see_is_no_code(code: str, blank: bool) -> None:  # noqa: FBT001  # the expected verdict
    assert is_blank(code) is blank


@pytest.mark.parametrize("code", ["1HGBH41\u200bJXMN109186", "1HGBH41\u2013JXMN109186", "1HGBH41.JXMN.109186"])
def test_invisible_signs_and_dashes_do_not_hide_a_vin(code: str) -> None:
    assert check_code(code, "vin").code_normalized == "1HGBH41JXMN109186"


@pytest.mark.parametrize("code", ["", "HGBH41JXMN109186", "1HGBH41JXMN1091861", "O12"])
def test_another_length_is_no_vin_and_is_not_repaired(code: str) -> None:
    assert check_code(code, "vin") == CodeCheck(code, code, None, None, repaired=False)


@given(st.text(VIN_ALPHABET, min_size=17, max_size=17), st.sampled_from(["1J", "8H", "3L", "7P", "5E", "2S", "BK"]))
def test_pairs_of_equal_value_pass_for_each_other(vin: str, pair: str) -> None:
    swapped = vin.replace(pair[0], pair[1])
    assume(swapped != vin)

    assert vin_check_digit(swapped) == vin_check_digit(vin)


@pytest.mark.parametrize("vin", ["", "1" * 16, "1" * 18, "I" + "1" * 16, "1hgbh41jxmn109186", "1" * 17 + "\n"])
def test_only_a_vin_has_a_vin_check_digit(vin: str) -> None:
    with pytest.raises(ValueError, match="is no VIN"):
        vin_check_digit(vin)


@given(OWNERS, st.sampled_from("UJZ"), SERIALS)
def test_container_check_digits_agree_with_stdnum(owner: str, category: str, serial: str) -> None:
    stem = owner + category + serial
    digit = iso6346_check_digit(stem)

    assert str(digit) == iso6346.calc_check_digit(stem)
    for last in range(10):
        check = check_code(f"{stem}{last}", "trailer_id")
        assert (check.code_system, check.check_digit_ok) == ("bic", last == digit)
        assert check.check_digit_ok == iso6346.is_valid(f"{stem}{last}")


@given(OWNERS, st.sampled_from("ABDEK"), SERIALS)
def test_a_european_loading_unit_counts_like_a_container(owner: str, category: str, serial: str) -> None:
    stem = owner + category + serial
    check = check_code(f"{stem}{iso6346.calc_check_digit(stem)}", "trailer_id")

    assert (check.code_system, check.check_digit_ok) == ("ilu", True)


@pytest.mark.parametrize("code", ["CSQU3054383", "csqu 305438 3", "CSQU-305438[3]"])
def test_a_container_is_found_however_it_is_painted(code: str) -> None:
    assert check_code(code, "trailer_id") == CodeCheck(code, "CSQU3054383", "bic", check_digit_ok=True, repaired=False)


@pytest.mark.parametrize(
    ("code", "normalized"),
    [
        ("12345", "12345"),
        (" sw  5301 ", "SW5301"),
        ("JBHZ-53", "JBHZ53"),
        ("TRL-53 0042", "TRL530042"),
        ("trl 53/0042", "TRL530042"),
        ("TRL\u201353.0042", "TRL530042"),
        ("#53-0042", "530042"),
        ("(TRL) 53'0042", "TRL530042"),
        ("TRL-53?0042", "TRL53?0042"),
        ("TRL 53*0042", "TRL53*0042"),
        ("TRL 53_042", "TRL53_042"),
        ("\u0422RL-53", "\u0422RL53"),
        ("--- ", "---"),
        ("ABCX1234567", "ABCX1234567"),
        ("OQI-1", "OQI1"),
        ("CSQU305438", "CSQU305438"),
        ("1HGBH41JXMN109186", "1HGBH41JXMN109186"),
    ],
)
def test_a_fleets_own_number_has_no_check_digit(code: str, normalized: str) -> None:
    assert check_code(code, "trailer_id") == CodeCheck(code, normalized, None, None, repaired=False)


def test_an_unknown_type_gets_no_check() -> None:
    assert check_code(" 1hgbh41 jxmn109186 ", "odometer") == CodeCheck(
        " 1hgbh41 jxmn109186 ", "1HGBH41 JXMN109186", None, None, repaired=False
    )
    assert check_code("ABCX1234567", "odometer").code_system is None


@pytest.mark.parametrize("kind", ["trailer_id", "container", "chassis_id", "odometer"])
@pytest.mark.parametrize(
    ("code", "normalized", "system", "fits"),
    [
        ("MSKU 907032 3", "MSKU9070323", "bic", True),
        ("msku-907032-3", "MSKU9070323", "bic", True),
        ("MSKU 907032 4", "MSKU9070324", "bic", False),
        ("CSQU3054383 45G1", "CSQU3054383", "bic", True),
        ("CSQU 305438 3 / 45G1", "CSQU3054383", "bic", True),
        ("CSQU3054383 US 4310", "CSQU3054383", "bic", True),
        ("CSQU3054383 45GB", "CSQU3054383", "bic", True),
        ("CSQU305438322GP", "CSQU3054383", "bic", True),
        ("CSQU3054384 22T6", "CSQU3054384", "bic", False),
        ("CSQU305438345G1", "CSQU3054383", "bic", True),
        ("*CSQU3054383*", "CSQU3054383", "bic", True),
        ("TCLB 200111 5", "TCLB2001115", "ilu", True),
    ],
)
def test_a_container_is_known_by_its_look_under_any_type_but_vin(
    code: str, normalized: str, system: str, kind: str, *, fits: bool
) -> None:
    if system == "ilu":
        fits = iso6346.calc_check_digit(normalized[:10]) == normalized[10]

    assert check_code(code, kind) == CodeCheck(code, normalized, system, fits, repaired=False)


@pytest.mark.parametrize(
    ("code", "normalized"),
    [
        ("CSQU305438445G1", "CSQU305438445G1"),  # glued, and the check digit does not bear it out
        ("ABCX1234567 45G1", "ABCX123456745G1"),  # no container's letter
        ("CSQU3054383 45", "CSQU305438345"),
        ("CSQU3054383 0310", "CSQU30543830310"),
        ("CSQU305438? 45G1", "CSQU305438?45G1"),
    ],
)
def test_what_only_looks_like_a_container_with_its_size_keeps_every_sign(code: str, normalized: str) -> None:
    assert check_code(code, "trailer_id") == CodeCheck(code, normalized, None, None, repaired=False)


@pytest.mark.parametrize(
    ("code", "sign"),
    [
        ("CSQU3054383 45G1", "45G1"),
        ("csqu 305438 3 / us 45g1", "45G1"),
        ("CSQU305438345G1", "45G1"),
        ("CSQU3054383 US 4310", "4310"),
        ("CSQU3054384 22T6", "22T6"),
        ("CSQU3054383", None),
        ("CSQU305438445G1", None),
        ("CSQU3054383 45", None),
        ("ABCX1234567 45G1", None),
        ("45G1", None),
        ("", None),
    ],
)
def test_the_size_that_was_read_behind_a_container_can_be_had(code: str, sign: str | None) -> None:
    assert size_behind(code) == sign


@pytest.mark.parametrize(
    ("code", "normalized"), [("12.5", "12.5"), ("123,456 km", "123,456 KM"), ("ABCX 1234567", "ABCX 1234567")]
)
def test_marks_of_other_types_mean_something_and_stay(code: str, normalized: str) -> None:
    assert check_code(code, "odometer") == CodeCheck(code, normalized, None, None, repaired=False)


@pytest.mark.parametrize(
    "code",
    [
        "I1HGBH41JXMN109186",
        "I 1HGBH41JXMN109186",
        "I*1HGBH41JXMN109186*",
        "VIN: 1HGBH41JXMN109186",
        "V.I.N. 1HGBH41 JXMN109186",
        "Vin No. 1HGBH41JXMN109186",
        "FIN*1HGBH41JXMN109186*",
        "*1HGBH41JXMN109186",
    ],
)
def test_what_is_read_before_a_vin_is_none_of_it(code: str) -> None:
    assert check_code(code, "vin") == CodeCheck(code, "1HGBH41JXMN109186", "vin", check_digit_ok=True, repaired=False)


def test_a_vin_behind_a_prefix_is_repaired_as_any_other() -> None:
    check = check_code("VIN iHGBH4iJXMN1O9186", "vin")

    assert (check.code_normalized, check.check_digit_ok, check.repaired) == ("1HGBH41JXMN109186", True, True)


@pytest.mark.parametrize(
    ("code", "normalized"),
    [
        ("X1HGBH41JXMN109186", "X1HGBH41JXMN109186"),
        ("VIN 1HGBH41?XMN109186", "VIN1HGBH41?XMN109186"),
        ("VIN", "VIN"),
        ("I1HGBH41JXMN10918", "11HGBH41JXMN10918"),  # 17 signs: the I is one of them
    ],
)
def test_other_signs_before_seventeen_are_no_prefix(code: str, normalized: str) -> None:
    assert check_code(code, "vin").code_normalized == normalized


@pytest.mark.parametrize("code", ["", "CSQU3054383", "CSQ30543830", "csqu305438", "CSQU30543٣"])
def test_only_a_container_stem_has_a_container_check_digit(code: str) -> None:
    with pytest.raises(ValueError, match="four capital letters and six digits"):
        iso6346_check_digit(code)
