"""Which unit a code stands for: the rules one by one, the hard cases, and the figures over whole lists."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.analysis.rules.codes import code_of
from airflow_provider_platerec_ocr.analysis.rules.confusions import Confusions
from airflow_provider_platerec_ocr.analysis.rules.matching import Found, Match, Matcher
from support.yards import containers, fleet_numbers, misread, seeded, vins

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

VIN = "1M8GDM9AXKP042788"
NEXT_VIN = "1M8GDM9A1KP042789"
BOX = "MSKU9070323"
DIGITS = {"1": "7", "7": "1", "3": "8", "8": "36", "5": "6", "6": "58", "0": "69", "9": "0"}
"""Digits that dirt turns into others: the confusions that make another unit's serial number."""


def found(code: str, units: Sequence[str], *, max_edits: int = 1, partial: int | None = None) -> Found:
    return Matcher(units, max_edits=max_edits, partial=partial).find(code)


@pytest.mark.parametrize(
    ("code", "units", "match", "characters"),
    [
        (VIN, [VIN, NEXT_VIN], Match.MATCHED, None),
        ("1m8gdm9ax kp04-2788", [VIN], Match.MATCHED, None),
        ("IM8GDM9AXKPO42788", [VIN], Match.MATCHED, None),
        ("1MBGDM9AXKP042788", [VIN], Match.CONFUSABLE, "B→8 at 3"),
        ("1M8GDM9AXKP04278B", [VIN, NEXT_VIN], Match.CONFUSABLE, "B→8 at 17"),
        ("1M8GDM9AXKP04288", [VIN], Match.CONFUSABLE, "7 lost at 15"),
        ("1M8GDM9AXKKP042788", [VIN], Match.CONFUSABLE, "K added at 11"),
        ("1M8GDM9AXKP04Z7B8", [VIN], Match.EXTRA, None),
        ("4M8GDM9AXKP042788", [VIN], Match.EXTRA, None),
        ("MSKU 907032-3", [BOX], Match.MATCHED, None),
        ("MSKU90703Z3", [BOX], Match.CONFUSABLE, "Z→2 at 10"),
        ("4711", ["4711", "4717"], Match.MATCHED, None),
        ("4711", ["4717"], Match.CONFUSABLE, "1→7 at 4"),
        ("471B", ["4718"], Match.CONFUSABLE, "B→8 at 4"),
        ("471B", ["4718", "4713"], Match.AMBIGUOUS, None),
        ("471B", ["4718", "4728"], Match.AMBIGUOUS, None),
        ("4999", ["4711"], Match.EXTRA, None),
        ("???", ["4711"], Match.EXTRA, None),
    ],
)
def test_a_code_stands_for(code: str, units: list[str], match: Match, characters: str | None) -> None:
    answer = found(code, units)
    assert (answer.match, answer.characters) == (match, characters)


def test_two_characters_are_confused_only_where_the_user_allows_two() -> None:
    assert found("1M8GDM9AXKP04Z7B8", [VIN], max_edits=2).match == Match.CONFUSABLE
    assert found("1MBGDM9AXKP042788", [VIN], max_edits=0).match == Match.EXTRA


@pytest.mark.parametrize(
    ("code", "units", "partial", "match"),
    [
        ("042788", [VIN], 6, Match.PARTIAL),
        ("KP042788", [VIN], 8, Match.PARTIAL),
        (VIN, ["KP042788"], 8, Match.PARTIAL),
        ("042788", [VIN], None, Match.EXTRA),
        ("42788", [VIN], 6, Match.EXTRA),
        ("ABCD124711", ["7344711"], 4, Match.EXTRA),
        ("MN109186", ["1HGBH41JXMN109186", "3VWFE21C24M109186"], 6, Match.PARTIAL),
        ("WWWWWWWW9KP042788", [VIN], 6, Match.PARTIAL),
        ("042788", [VIN, "WVWZZZ1JZXW042788"], 6, Match.AMBIGUOUS),
        (VIN, ["5GZCZ43D13S042788"], 6, Match.EXTRA if code_of("5GZCZ43D13S042788").checked else Match.PARTIAL),
    ],
)
def test_last_characters_are_enough_only_where_the_user_allows_it(
    code: str, units: list[str], partial: int | None, match: Match
) -> None:
    assert found(code, units, partial=partial).match == match


def test_what_the_own_camera_confuses_is_learned() -> None:
    assert Matcher(["HW4711"]).find("HN4711") == Found(Match.EXTRA)
    learned = Confusions().with_observed([("HW4711", "HN4711"), ("CW0001", "CN0001")])
    assert Matcher(["HW4711"], learned).find("HN4711") == Found(Match.CONFUSABLE, ("HW4711",), "N→W at 2")


def test_a_container_whose_check_digit_is_zero_may_be_one_of_ten() -> None:
    """Its check digit is 0 for a rest of 0 and of 10, so two units that differ in one digit can both fit."""
    one, other = "IDPU8979590", "IDPU8979500"
    assert code_of(one).checked
    assert code_of(other).checked
    matcher = Matcher([one, other])
    matcher.misread = 0.9
    assert matcher.find(other) == Found(Match.AMBIGUOUS, (other, one))


def outcomes(
    units: Sequence[str], seed: int, *, off_list: float, table: Mapping[str, str] | None = None
) -> Counter[tuple[str, str]]:
    """Misread each unit once, look it up in a list that lacks a share of them, and count what came of it."""
    rng = seeded(seed)
    listed = [unit for unit in units if rng.random() >= off_list]
    wrong = {unit: misread(rng, unit, table) if table else misread(rng, unit) for unit in units}
    reads = {unit: code for unit, code in wrong.items() if code is not None}
    matcher = Matcher(listed)
    matcher.learn(Counter(reads.values()))
    on_list = set(listed)
    counts: Counter[tuple[str, str]] = Counter()
    for unit, code in reads.items():
        answer, key = matcher.find(code), code_of(unit).key
        where = "listed" if unit in on_list else "stranger"
        if answer.match in {Match.MATCHED, Match.CONFUSABLE}:
            counts[where, "right" if answer.units == (key,) else "wrong"] += 1
        elif answer.match == Match.AMBIGUOUS:
            counts[where, "ambiguous" if key in answer.units or where == "stranger" else "lost"] += 1
        else:
            counts[where, "extra"] += 1
    return counts


@pytest.mark.parametrize("off_list", [0.0, 0.1])
@pytest.mark.parametrize("kind", [vins, containers])
def test_99_of_100_misread_codes_find_their_unit_and_none_a_wrong_one(kind: object, off_list: float) -> None:
    units = kind(seeded(7), 5_000, 100)  # type: ignore[operator]
    counts = outcomes(units, 7, off_list=off_list)
    listed = sum(number for (where, _), number in counts.items() if where == "listed")
    assert counts["listed", "right"] >= 0.99 * listed
    assert counts["listed", "wrong"] == counts["listed", "lost"] == counts["listed", "extra"] == 0
    assert counts["stranger", "wrong"] + counts["stranger", "right"] <= 1


@pytest.mark.parametrize("kind", [vins, containers])
def test_digits_taken_for_other_digits_of_a_series_never_find_a_wrong_unit(kind: object) -> None:
    counts = outcomes(kind(seeded(3), 2_000, 40), 3, off_list=0.1, table=DIGITS)  # type: ignore[operator]
    assert counts["listed", "wrong"] == counts["listed", "lost"] == 0
    assert counts["stranger", "wrong"] <= 1


@pytest.mark.parametrize("digits", [4, 5, 6])
def test_misread_fleet_numbers_of_a_dense_list_are_ambiguous_and_never_wrong(digits: int) -> None:
    counts = outcomes(fleet_numbers(seeded(digits), 2_000, digits), digits, off_list=0.1)
    assert counts["listed", "wrong"] == counts["listed", "lost"] == 0
    assert counts["stranger", "wrong"] <= 1
    assert counts["listed", "ambiguous"] > 0


def test_fleet_numbers_that_are_read_well_are_matched_however_dense_the_list() -> None:
    rng = seeded(5)
    units = fleet_numbers(rng, 2_000, 5)
    matcher = Matcher(units)
    matcher.learn(Counter(units))
    assert all(matcher.find(unit) == Found(Match.MATCHED, (unit,)) for unit in units)
