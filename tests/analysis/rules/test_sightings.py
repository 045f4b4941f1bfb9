"""Photographs of one unit become one sighting; those of two units that look alike stay two."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.analysis.rules.confusions import Confusions
from airflow_provider_platerec_ocr.analysis.rules.misreads import Misreads
from airflow_provider_platerec_ocr.analysis.rules.sightings import Cameras, CodeRead, consensus, sightings
from airflow_provider_platerec_ocr.core.identifiers import vin_check_digit

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.analysis.rules.sightings import Sighting

VIN = "1M8GDM9AXKP042788"
NEXT_VIN = "1M8GDM9A1KP042789"
START = datetime(2026, 3, 2, 22, tzinfo=UTC)


def read(code: str, minute: float = 0, camera: str | None = "gate-1", confidence: float | None = 0.9) -> CodeRead:
    return CodeRead(f"{code}-{minute}.jpg", code, START + timedelta(minutes=minute), camera, confidence)


def said(found: list[Sighting]) -> list[tuple[str, str]]:
    return [(each.code, f"{each.agreeing} of {len(each.reads)}") for each in found]


@pytest.mark.parametrize(
    ("reads", "expected"),
    [
        ([read(VIN), read(VIN, 1), read("1MBGDM9AXKP042788", 2), read(VIN, 3)], [(VIN, "3 of 4")]),
        ([read(VIN), read(NEXT_VIN, 1)], [(VIN, "1 of 1"), (NEXT_VIN, "1 of 1")]),
        (
            [read("1K2DEG0D8RA139318"), read("1K2DEG0D8RA139319", 1)],
            [("1K2DEG0D8RA139318", "1 of 1"), ("1K2DEG0D8RA139319", "1 of 1")],
        ),
        (
            [read("1K2DEG0D8RA139318"), read("1K2DEG008RA139319", 1)],
            [("1K2DEG0D8RA139318", "1 of 1"), ("1K2DEG008RA139319", "1 of 1")],
        ),
        ([read(VIN), read(VIN, 11)], [(VIN, "1 of 1"), (VIN, "1 of 1")]),
        ([read(VIN), read(VIN, 9), read(VIN, 18)], [(VIN, "3 of 3")]),
        ([read(VIN), read(VIN, 1, "gate-9")], [(VIN, "1 of 1"), (VIN, "1 of 1")]),
        ([read(VIN), read(VIN, 1, "gate-2")], [(VIN, "2 of 2")]),
        ([read(VIN), read(VIN, 1, None)], [(VIN, "2 of 2")]),
        ([read("4718"), read("4718", 1), read("4718", 2), read("4719", 3)], [("4718", "3 of 3"), ("4719", "1 of 1")]),
        ([read("4718"), read("4718", 1), read("471B", 2)], [("4718", "2 of 3")]),
        ([read("4718"), read("471B", 2)], [("4718", "1 of 1"), ("471B", "1 of 1")]),
        ([read("1MBGDM9AXKP042788"), read("1M8GDM9AXKP04278B", 1)], [(VIN, "0 of 2")]),
        ([CodeRead("a.jpg", VIN, None), CodeRead("b.jpg", VIN, None)], [(VIN, "2 of 2")]),
        ([], []),
    ],
)
def test_reads_become_sightings(reads: list[CodeRead], expected: list[tuple[str, str]]) -> None:
    cameras = Cameras({"gate-1": ["gate-2"]})
    assert said(sightings(reads, cameras=cameras)) == expected
    assert said(sightings(reversed(reads), cameras=cameras)) == expected


@pytest.mark.parametrize(
    ("reads", "expected"),
    [
        ([read(VIN, minute) for minute in (0, 9, 18, 27, 36)] + [read("1MBGDM9AXKP042788", 18)], [(VIN, "5 of 6")]),
        ([read("4718"), read("4718"), read("471B", 2)], [("4718", "2 of 2"), ("471B", "1 of 1")]),
        (
            [read("1MBGDM9AXKP042788"), read("1M8GDM9AXKP04278B", 1), read("1MBGDM9AXKP042788", 60)],
            [(VIN, "0 of 2"), ("1MBGDM9AXKP042788", "1 of 1")],
        ),
        (
            [CodeRead(f"{n}.jpg", "4718", None, order=n) for n in (1, 2)] + [CodeRead("3.jpg", "471B", None, order=3)],
            [("4718", "2 of 3")],
        ),
        (
            [CodeRead(f"{n}.jpg", "4718", None, order=n) for n in (1, 2)] + [CodeRead("3.jpg", "471B", None, order=40)],
            [("4718", "2 of 2"), ("471B", "1 of 1")],
        ),
        (
            [CodeRead("a.jpg", VIN, None, "gate-1"), read(VIN, 0), read(VIN, 60)],
            [(VIN, "2 of 2"), (VIN, "1 of 1")],
        ),
        ([read(VIN, 0, "gate-1"), read(VIN, 1, "gate-2"), read(VIN, 2, "gate-1")], [(VIN, "3 of 3")]),
        ([read(VIN, 0, "gate-1"), read(VIN, 1, "gate-9"), read(VIN, 2)], [(VIN, "2 of 2"), (VIN, "1 of 1")]),
    ],
)
def test_hard_cases_of_sightings(reads: list[CodeRead], expected: list[tuple[str, str]]) -> None:
    assert said(sightings(reads, cameras=Cameras({"gate-1": ["gate-2"]}))) == expected


def test_digits_are_never_taken_for_digits_whatever_was_learned() -> None:
    learned = Confusions().with_observed([("4719", "4718")] * 100)
    found = sightings([read("4719"), read("4719", 1), read("4718", 2)], confusions=learned)
    assert said(found) == [("4719", "2 of 2"), ("4718", "1 of 1")]


@pytest.mark.parametrize(
    ("misread", "true", "joined"),
    [(False, True, True), (False, None, False), (None, True, False), (True, True, False), (False, False, False)],
)
def test_a_check_digit_that_fits_by_chance_does_not_speak_for_a_vehicle_that_cannot_be(
    misread: bool | None,  # noqa: FBT001
    true: bool | None,  # noqa: FBT001
    joined: bool,  # noqa: FBT001
) -> None:
    """``S`` and ``2`` have one value in a VIN; this camera takes one for the other."""
    unit, wrong = "1M8GDM9A2KS042788", "1M8GDM9A2K2042788"
    unit, wrong = with_check_digit(unit), with_check_digit(wrong)
    confusions = Confusions().with_observed([("S1", "21")] * 10)
    answers = {unit: true, wrong: misread}
    found = sightings([read(unit), read(unit, 1), read(wrong, 2)], confusions=confusions, decodes=answers.get)
    assert said(found) == ([(unit, "2 of 3")] if joined else [(unit, "2 of 2"), (wrong, "1 of 1")])


def test_of_codes_that_both_fit_the_one_that_is_a_vehicle_counts() -> None:
    unit, wrong = with_check_digit("1M8GDM9A2KS042788"), with_check_digit("1M8GDM9A2K2042788")
    votes = [(wrong, 0.9), (wrong, 0.9), (unit, 0.4)]
    assert Misreads(Confusions()).consensus(votes) == wrong
    assert Misreads(Confusions(), {unit: True}.get).consensus(votes) == unit


def with_check_digit(vin: str) -> str:
    return f"{vin[:8]}{vin_check_digit(vin)}{vin[9:]}"


def test_a_misread_between_two_units_is_no_sighting_of_either() -> None:
    found = sightings([read("4718"), read("4718", 1), read("47IB", 1), read("47IB", 2), read("471B", 3)])
    assert said(found) == [("4718", "2 of 2"), ("47IB", "2 of 2"), ("471B", "1 of 1")]


def test_a_sighting_knows_its_images_its_times_and_its_best_confidence() -> None:
    [found] = sightings([read(VIN, 3, confidence=0.7), read("1MBGDM9AXKP042788", 0, confidence=0.99), read(VIN, 1)])
    assert [each.image for each in found.reads] == ["1MBGDM9AXKP042788-0.jpg", f"{VIN}-1.jpg", f"{VIN}-3.jpg"]
    assert (found.first_seen, found.last_seen) == (START, START + timedelta(minutes=3))
    assert found.confidence == 0.9


@pytest.mark.parametrize(
    ("reads", "code"),
    [
        ([read("1MBGDM9AXKP042788", confidence=0.99), read(VIN, confidence=0.4)], VIN),
        ([read("AB12", confidence=0.9), read("A812", confidence=0.4), read("A812", confidence=0.4)], "AB12"),
        ([read("AB12", confidence=None), read("A812", confidence=0.4)], "AB12"),
        ([read("1MBGDM9AXKP042788"), read("1M8GDM9AXKP04278B"), read("1M8GDM9AXKPO4Z788")], VIN),
    ],
)
def test_the_consensus_is_what_weighs_most(reads: list[CodeRead], code: str) -> None:
    assert consensus(reads) == code


def test_a_sighting_without_times_has_none() -> None:
    [found] = sightings([CodeRead("a.jpg", VIN, None)])
    assert (found.first_seen, found.last_seen, found.confidence) == (None, None, None)
