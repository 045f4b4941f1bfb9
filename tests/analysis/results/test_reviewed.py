"""Codes that persons looked at: what each decision says of the read, and what is shown of all of them."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.analysis.results.reviewed import Reviewed, accuracy_of, judged_by, reviewed
from airflow_provider_platerec_ocr.analysis.rules.accuracy import Judged, Verdict
from airflow_provider_platerec_ocr.dataset.corrections.table import CorrectionKind
from airflow_provider_platerec_ocr.dataset.search.matching import TAKEN_BACK
from support.search_stage import SearchStage, Shot
from support.table_stage import VIN

if TYPE_CHECKING:
    from pathlib import Path

OTHER = "1M8GDM9AXKP042783"


def row(**more: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {"image": "a.jpg", "read_type": "vin", "fingerprint": "f", "identifier_index": 0}
    facts |= {"code": VIN, "code_normalized": VIN, "code_as_read": VIN, "corrected_by": "jane", TAKEN_BACK: False}
    return facts | {"camera_id": "gate", "orientation": "horizontal", "confidence": 0.7} | more


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        ({}, Verdict.EXACT),
        ({"code_as_read": OTHER}, Verdict.OFF_BY_ONE),
        ({"code_as_read": "47"}, Verdict.OFF_BY_MORE),
        ({"code_as_read": None, "confidence": None}, Verdict.NOTHING),
        ({TAKEN_BACK: True, "code_as_read": None}, Verdict.OFF_BY_MORE),
        ({"code_as_read": None, "code": None, "code_normalized": None}, None),
        ({"corrected_by": None}, None),
    ],
    ids=["accepted", "corrected", "another code", "added", "taken back", "nothing is there", "nobody looked"],
)
def test_each_decision_says_how_far_the_read_was_from_the_truth(facts: dict[str, Any], verdict: Verdict | None) -> None:
    assert [each.verdict for each in judged_by([row(**facts)])] == ([verdict] if verdict else [])


def test_a_read_that_was_published_twice_counts_once() -> None:
    assert len(judged_by([row(), row(), row(identifier_index=1), row(fingerprint="g")])) == 3


def test_what_persons_looked_at_is_found_in_the_table(tmp_path: Path) -> None:
    stage = SearchStage.local(tmp_path)
    stage.night(1, [Shot("a.jpg", camera="gate"), Shot("b.jpg", (OTHER,), 0.4), Shot("c.jpg"), Shot("d.jpg", ())])
    stage.correct("b.jpg", VIN)
    stage.correct("a.jpg", kind=CorrectionKind.ACCEPT)
    stage.correct("d.jpg", "4711", kind=CorrectionKind.ADD)

    found = reviewed(stage.dataset, stage.corrections)

    assert [(each.truth, each.read, each.confidence) for each in found.judged] == [
        (VIN, VIN, 0.8),
        (VIN, OTHER, 0.4),
        ("4711", None, None),
    ]
    assert found.whole
    assert reviewed(stage.dataset, stage.corrections, since=date(2026, 3, 2)).judged == ()
    assert reviewed(stage.dataset, stage.dataset.parent / "none").judged == ()


def test_shares_stand_with_their_interval_by_kind_and_a_line_is_suggested() -> None:
    right = [Judged(f"{n}", VIN, VIN, "vin", "gate-1", "horizontal", 0.95) for n in range(99)]
    wrong = [Judged(f"w{n}", VIN, OTHER, "vin", "gate-2", "vertical", 0.6) for n in range(11)]

    shown = accuracy_of(Reviewed((*right, *wrong)))

    assert shown is not None
    by_name = {(each.by, each.name): each for each in shown.lines}
    assert by_name["", "all"].shares[0] == ("90.0 %", "(83 to 94 %; 99)")
    assert by_name["camera", "gate-2"].shares[:2] == (("0.0 %", "(0 to 26 %; 0)"), ("100.0 %", "(74 to 100 %; 11)"))
    assert {by for by, _ in by_name} == {"", "type", "camera", "orientation", "confidence"}
    assert shown.confusions == [("8", "3", "11")]
    assert "at 0.61 review 10.0 % and let 0.0 % wrong through" in shown.suggestion
    assert ("0.50", "0.0 %", "10.0 %") in shown.thresholds
    assert "what was looked at, and not about all codes" in shown.words
    assert str(shown.chart).count("<polyline") == 2


def test_without_a_threshold_that_does_it_says_so_and_of_many_cameras_those_with_the_most_are_shown() -> None:
    cameras = [f"cam-{n:02}" for n in range(40)]
    every = [Judged(f"{c}{n}", VIN, OTHER, "vin", c, None, 0.9) for c in cameras for n in range(1 + (c == "cam-39"))]

    shown = accuracy_of(Reviewed(tuple(every), whole=False))

    assert shown is not None
    assert "No confidence lets as little as 1 % wrong through" in shown.suggestion
    assert shown.words.startswith("The newest codes")
    names = [each.name for each in shown.lines if each.by == "camera"]
    assert len(names) == 25
    assert "cam-39" in names
    assert ("0.95", "100.0 %", "nothing is left") in shown.thresholds
    assert accuracy_of(Reviewed(())) is None
