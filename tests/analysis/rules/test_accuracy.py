"""How sure the reads are: verdicts, groups, intervals, and where to draw the line; estimates beside the truth."""

from __future__ import annotations

import pytest

from airflow_provider_platerec_ocr.analysis.rules.accuracy import (
    Judged,
    Share,
    Verdict,
    band,
    confused,
    curve,
    edit_distance,
    groups,
    suggested,
)
from support.yards import misread, seeded, vins

VIN = "1M8GDM9AXKP042788"


@pytest.mark.parametrize(
    ("truth", "read", "verdict"),
    [
        (VIN, VIN, Verdict.EXACT),
        (VIN, "1m8gdm9axkp-042788", Verdict.EXACT),
        (VIN, "IM8GDM9AXKPO42788", Verdict.EXACT),
        ("ECHB 211", "ECHB211", Verdict.EXACT),
        ("ECHB211", "ECH8211", Verdict.OFF_BY_ONE),
        ("ECHB211", "ECHB21", Verdict.OFF_BY_ONE),
        ("ECHB211", "XCHB2111", Verdict.OFF_BY_MORE),
        ("ECHB211", None, Verdict.NOTHING),
        ("ECHB211", "", Verdict.NOTHING),
    ],
)
def test_a_read_is_as_far_from_the_truth_as(truth: str, read: str | None, verdict: Verdict) -> None:
    assert Judged("a.jpg", truth, read).verdict == verdict


@pytest.mark.parametrize(("number", "of", "low", "high"), [(0, 0, 0, 1), (0, 10, 0, 0.278), (50, 100, 0.404, 0.596)])
def test_an_interval_is_wilsons(number: int, of: int, low: float, high: float) -> None:
    assert Share(number, of).interval == pytest.approx((low, high), abs=0.001)


def test_a_share_says_on_how_many_it_rests() -> None:
    assert str(Share(92, 100)) == "92.0 % (85.0 to 95.9 %), 92 of 100"
    assert Share(0, 0).value == 0.0


@pytest.mark.parametrize(
    ("confidence", "name"), [(None, "not said"), (0.0, "0.00 to 0.50"), (0.8, "0.80 to 0.90"), (1.0, "0.95 to 1.00")]
)
def test_bands_of_confidence(confidence: float | None, name: str) -> None:
    assert band(confidence) == name


@pytest.mark.parametrize(
    ("one", "other", "distance"), [("", "", 0), ("a", "", 1), ("ab", "ba", 2), ("abc", "xyz", 2), ("abc", "abd", 1)]
)
def test_the_distance_of_two_codes(one: str, other: str, distance: int) -> None:
    assert edit_distance(one, other) == distance


def test_a_thousand_reads_with_known_confusions_are_estimated_as_they_are() -> None:
    """60 of 1,000 are misread, at confidences below 0.8 but for ten; 20 are not read at all."""
    rng = seeded(11)
    judged: list[Judged] = []
    for number, truth in enumerate(vins(rng, 1_000, 20)):
        wrong = misread(rng, truth) if number < 60 else truth
        read = None if number >= 980 else wrong
        confidence = None if read is None else (0.9 if number < 10 else 0.7 if number < 60 else 0.95)
        judged.append(Judged(f"{number}.jpg", truth, read, "vin", f"gate-{number % 2}", "horizontal", confidence))
    really = sum(each.verdict not in {Verdict.EXACT, Verdict.NOTHING} for each in judged)
    every, *rest = groups(judged)
    assert (every.by, every.verdicts.total(), every.verdicts[Verdict.NOTHING]) == ("all", 1_000, 20)
    assert every.share(Verdict.OFF_BY_ONE) == Share(really, 1_000)
    low, high = every.share(Verdict.OFF_BY_ONE).interval
    assert low <= really / 1_000 <= high
    assert {(group.by, group.name) for group in rest} == {
        ("type", "vin"),
        ("camera", "gate-0"),
        ("camera", "gate-1"),
        ("orientation", "horizontal"),
        ("confidence", "0.70 to 0.80"),
        ("confidence", "0.90 to 0.95"),
        ("confidence", "0.95 to 1.00"),
    }
    assert sum(number for _, _, number in confused(judged)) == really
    line = suggested(judged, target=0.02)
    assert line is not None
    assert line.confidence == 0.71
    assert line.reviewed == Share(70, 1_000)
    assert str(line).startswith("at 0.71 review 7.0 % and let")
    assert suggested(judged, target=0.0) == next(each for each in curve(judged) if each.confidence == 0.91)


def test_where_everything_is_wrong_nothing_is_suggested() -> None:
    assert suggested([Judged("a.jpg", "4711", "9999", confidence=0.9)]) is None
    assert suggested([]) is None
