"""Which unit a code stands for: the rules one by one, the hard cases, and the figures over whole lists."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from unittest.mock import ANY

import pytest

from airflow_provider_platerec_ocr.analysis.rules.codes import code_of
from airflow_provider_platerec_ocr.analysis.rules.confusions import Confusions
from airflow_provider_platerec_ocr.analysis.rules.matching import Match, MatchedCode, Matcher
from airflow_provider_platerec_ocr.analysis.rules.misreads import nobody_knows
from support.yards import containers, fleet_numbers, misread, seeded, vins

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

VIN = "1M8GDM9AXKP042788"
NEXT_VIN = "1M8GDM9A1KP042789"
BOX = "MSKU9070323"
DIGITS = {"1": "7", "7": "1", "3": "8", "8": "36", "5": "6", "6": "58", "0": "69", "9": "0"}
"""Digits that dirt turns into others: the confusions that make another unit's serial number."""


def found(code: str, units: Sequence[str], *, max_edits: int = 1, partial: int | None = None) -> MatchedCode:
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
        ("MSKU907032", [BOX], Match.MATCHED, None),
        ("TCLU724122", ["TCLU7241292"], Match.EXTRA, None),
        ("TCLU724122", ["TCLU724129"], Match.EXTRA, None),
        ("TCLU7241224", ["TCLU724124"], Match.EXTRA, None),
        ("MSKU970323", [BOX], Match.EXTRA, None),
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
        ("8124711", ["4711"], 4, Match.EXTRA),
        ("8124711", ["TRL4711"], 4, Match.PARTIAL),
        ("4711", ["TRL4711"], 4, Match.PARTIAL),
        ("907032", ["MSKU907032"], 6, Match.PARTIAL),
        ("070323", ["MSKU907032"], 6, Match.PARTIAL),
        (VIN, ["5GZCZ43D13S042788"], 6, Match.EXTRA if code_of("5GZCZ43D13S042788").checked else Match.PARTIAL),
    ],
)
def test_last_characters_are_enough_only_where_the_user_allows_it(
    code: str, units: list[str], partial: int | None, match: Match
) -> None:
    assert found(code, units, partial=partial).match == match


def test_what_the_own_camera_confuses_is_learned() -> None:
    assert Matcher(["HW4711"]).find("HN4711") == MatchedCode(Match.EXTRA)
    learned = Confusions().with_observed([("HW4711", "HN4711"), ("CW0001", "CN0001")])
    assert Matcher(["HW4711"], learned).find("HN4711") == MatchedCode(Match.CONFUSABLE, ("HW4711",), "N→W at 2")


def test_a_container_whose_check_digit_is_zero_may_be_one_of_ten() -> None:
    """Its check digit is 0 for a rest of 0 and of 10, so two units that differ in one digit can both fit."""
    one, other = "IDPU8979590", "IDPU8979500"
    assert code_of(one).checked
    assert code_of(other).checked
    matcher = Matcher([one, other])
    matcher.misread = 0.9
    assert matcher.find(other) == MatchedCode(Match.AMBIGUOUS, (other, one))


def test_an_ambiguous_read_names_the_rival_that_is_not_on_the_list() -> None:
    """Two of a series are listed and the one between them is not: a misread of it would be one of either."""
    listed = ["1K2DEG0D6RA139318", "1K2DEG0D4RA139320"]
    answer = found("1K2DEG0D8RA139318", listed)
    assert (answer.match, answer.units) == (Match.AMBIGUOUS, ("1K2DEG0D6RA139318",))
    assert answer.not_listed == ("1K2DEG0D8RA139319",)
    assert found("471B", ["4718", "4713"]).not_listed == ()


@pytest.mark.parametrize(("stranger", "unit"), [(False, True), (False, None), (True, True), (None, True)])
def test_a_vehicle_that_cannot_be_is_no_rival(stranger: bool | None, unit: bool | None) -> None:  # noqa: FBT001
    """It decides only where the unit's own VIN decodes: what the tables lack says nothing of either."""
    listed, between = ["1K2DEG0D6RA139318", "1K2DEG0D4RA139320"], "1K2DEG0D8RA139319"
    matcher = Matcher(listed, decodes=lambda vin: stranger if vin == between else unit)
    decides = stranger is False and unit is True
    assert matcher.find("1K2DEG0D8RA139318").match == (Match.CONFUSABLE if decides else Match.AMBIGUOUS)


@pytest.mark.parametrize(
    ("decodes", "match"), [(True, Match.AMBIGUOUS), (False, Match.CONFUSABLE), (None, Match.CONFUSABLE)]
)
def test_a_read_that_is_a_vehicle_of_its_own_may_be_one_that_is_not_listed(
    decodes: bool | None,  # noqa: FBT001
    match: Match,
) -> None:
    """``1`` and ``J`` have one value in a VIN, so that both check digits fit."""
    unit, read = "1M8GDM9AXKP042788", "JM8GDM9AXKP042788"
    assert code_of(unit).checked
    assert code_of(read).checked
    answer = Matcher([unit], decodes=lambda _: decodes).find(read)
    assert (answer.match, answer.not_listed) == (match, (read,) if decodes else ())


@pytest.mark.parametrize(
    ("read", "match"),
    [
        ("MSKU9070323", Match.MATCHED),
        ("MSKU907032", Match.MATCHED),
        ("MSKU90703Z3", Match.CONFUSABLE),
        ("MSKU9070328", Match.CONFUSABLE),
        ("MSKU9070413", Match.EXTRA),
    ],
)
def test_a_container_may_be_listed_without_its_check_digit(read: str, match: Match) -> None:
    assert found(read, ["MSKU907032"]) == MatchedCode(match, ("MSKU907032",) if match != Match.EXTRA else (), ANY)


EU, EU_TOO = "WDB9634031L123677", "WDB9634031L123401"
"""Of Europe, where no check digit is demanded: that of the first fits by chance, that of the other does not."""


@pytest.mark.parametrize(
    ("code", "units", "not_listed"),
    [
        pytest.param("WDB9634031L123877", [EU, EU_TOO], ("WDB9634031L123877",), id="a number of its own"),
        pytest.param("WDB9634031L123877", [EU], (), id="no series is known"),
        pytest.param("WD89634031L123677", [EU, EU_TOO], (), id="the serial number is as listed"),
        pytest.param("WDB9634031LL23677", [EU, EU_TOO], (), id="a character that one digit alone looks like"),
        pytest.param(
            "WDB9634031L123G77", [EU, EU_TOO], ("WDB9634031L123077", "WDB9634031L123977"), id="one that several do"
        ),
        pytest.param(
            "WDB9634031L12367", [EU, EU_TOO], tuple(f"WDB9634031L12367{last}" for last in "012"), id="one was lost"
        ),
        pytest.param(
            "WDB9634031L1236577",
            [EU, EU_TOO],
            ("WDB9634031L123657", "WDB9634031L123577", "WDB9634031L126577"),
            id="one is too much",
        ),
        pytest.param("WDB963403L123677", [EU, EU_TOO], (), id="one was lost before the serial number"),
        pytest.param("WDB9634031L123615", ["WDB9634031L123616"], ("WDB9634031L123615",), id="a check digit that fits"),
        pytest.param("535336", ["535386", "535401"], ("535336",), id="fleet numbers"),
        pytest.param("TRL5336", ["TRL5386", "TRL9401"], ("TRL5336",), id="fleet numbers behind letters"),
        pytest.param("535A", ["5354", "TRL9401"], (), id="fleet numbers of no series"),
        pytest.param("TRLF", ["TRLE", "TRKX"], (), id="no serial number at all"),
    ],
)
def test_the_next_number_of_a_series_is_another_unit_where_no_check_digit_speaks(
    code: str, units: list[str], not_listed: tuple[str, ...]
) -> None:
    answer = found(code, units)
    assert (answer.match, answer.not_listed) == (Match.AMBIGUOUS if not_listed else Match.CONFUSABLE, not_listed)
    assert answer.units == (units[0],)


@pytest.mark.parametrize("same_shape", [0.0, 0.05])
def test_of_a_european_series_no_number_that_is_not_listed_is_found_to_be_another_one(same_shape: float) -> None:
    """Of 1,000 consecutive numbers 100 are listed, 60 of them there, and 300 others."""
    rng = seeded(3)
    series = [f"WDB9634031L{serial:06d}" for serial in range(123_000, 124_000)]
    rng.shuffle(series)
    listed, there = series[:100], series[:60] + series[100:400]
    reads = {unit: (misread(rng, unit) if rng.random() < same_shape else None) or unit for unit in there}
    matcher = Matcher(listed)
    matcher.learn(Counter(reads.values()))
    answers = {unit: matcher.find(code) for unit, code in reads.items()}
    certain = {unit: answer.units for unit, answer in answers.items() if answer.match in SURE}
    assert all(units == (unit,) for unit, units in certain.items())
    assert len(certain) >= 50


SURE = {Match.MATCHED, Match.CONFUSABLE}


def outcomes(
    units: Sequence[str],
    seed: int,
    *,
    off_list: float,
    table: Mapping[str, str] | None = None,
    decodes: Callable[[str], bool | None] = nobody_knows,
) -> Counter[tuple[str, str]]:
    """Misread each unit once, look it up in a list that lacks a share of them, and count what came of it."""
    rng = seeded(seed)
    listed = [unit for unit in units if rng.random() >= off_list]
    wrong = {unit: misread(rng, unit, table) if table else misread(rng, unit) for unit in units}
    reads = {unit: code for unit, code in wrong.items() if code is not None}
    matcher = Matcher(listed, decodes=decodes)
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


def test_a_code_that_a_person_has_said_is_a_misread_of_nothing() -> None:
    assert Matcher(["4718"]).find("4719", is_certain=True) == MatchedCode(Match.EXTRA)
    dense = Matcher(fleet_numbers(seeded(1), 900, 3))
    dense.misread = 0.9
    unit = next(iter(dense.units))
    assert dense.find(unit).match == Match.AMBIGUOUS
    assert dense.find(unit, is_certain=True) == MatchedCode(Match.MATCHED, (unit,))


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


@pytest.mark.parametrize("answer", [True, False, None])
def test_whatever_tables_say_of_all_vehicles_no_wrong_one_is_found(answer: bool | None) -> None:  # noqa: FBT001
    counts = outcomes(vins(seeded(3), 1_000, 20), 3, off_list=0.1, table=DIGITS, decodes=lambda _: answer)
    assert counts["listed", "wrong"] == counts["listed", "lost"] == counts["stranger", "wrong"] == 0


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
    assert all(matcher.find(unit) == MatchedCode(Match.MATCHED, (unit,)) for unit in units)
