"""Nights beside each other: came, left, stayed, and since when."""

from __future__ import annotations

from datetime import date

import pytest

from airflow_provider_platerec_ocr.analysis.rules.confusions import Confusions
from airflow_provider_platerec_ocr.analysis.rules.misreads import Misreads
from airflow_provider_platerec_ocr.analysis.rules.presence import Change, presence, settled

NIGHTS = [date(2026, 3, day) for day in range(1, 6)]


@pytest.mark.parametrize(
    ("seen_on", "change", "here_since", "nights", "gaps"),
    [
        ((5,), Change.CAME, 5, 1, 0),
        ((4, 5), Change.STAYED, 4, 2, 0),
        ((1, 2, 4, 5), Change.STAYED, 4, 4, 1),
        ((1, 2, 3, 4, 5), Change.STAYED, 1, 5, 0),
        ((4,), Change.LEFT, None, 1, 0),
        ((1, 4), Change.LEFT, None, 2, 2),
        ((1, 3), Change.AWAY, None, 2, 1),
        ((1, 5), Change.CAME, 5, 2, 3),
    ],
)
def test_what_became_of_a_unit(
    seen_on: tuple[int, ...], change: Change, here_since: int | None, nights: int, gaps: int
) -> None:
    [found] = presence([("4711", date(2026, 3, day)) for day in seen_on] * 2, NIGHTS)
    since = found.here_since.day if found.here_since else None
    assert (found.change, since, found.nights, found.gaps) == (change, here_since, nights, gaps)
    assert (found.first_seen.day, found.last_seen.day) == (seen_on[0], seen_on[-1])


def test_a_night_on_which_nobody_looked_is_no_gap() -> None:
    first, last = date(2026, 3, 1), date(2026, 3, 9)
    assert [each.change for each in presence([("a", first), ("a", last), ("b", last)])] == [Change.STAYED, Change.CAME]
    assert presence([]) == []


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        (["1M8GDM9AXKP042788", "1MBGDM9AXKP042788"], ["1M8GDM9AXKP042788"] * 2),
        (["4718", "471B", "4718"], ["4718"] * 3),
        (["4718", "471B"], ["4718", "471B"]),
        (["4718", "4719", "4718"], ["4718", "4719", "4718"]),
        (["AB-12", "AB12"], ["AB-12", "AB-12"]),
        (["MSKU907032", "MSKU9070323"], ["MSKU9070323"] * 2),
        (["MSKU907032", "MSKU 907032"], ["MSKU907032"] * 2),
    ],
)
def test_a_misread_night_makes_no_other_unit(codes: list[str], expected: list[str]) -> None:
    found = settled(zip(codes, NIGHTS, strict=False), Misreads(Confusions()))
    assert found == list(zip(expected, NIGHTS, strict=False))


def test_two_that_were_there_in_one_night_are_two_units() -> None:
    seen = [("TR8100", NIGHTS[0]), ("TRB100", NIGHTS[0]), ("TR8100", NIGHTS[1])]
    assert settled(seen, Misreads(Confusions())) == seen
