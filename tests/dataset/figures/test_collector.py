"""What is counted while a run is published."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.core.models import Outcome
from airflow_provider_platerec_ocr.dataset.figures.collector import MOST_DOUBTFUL, MOST_LETTERS, Collector
from airflow_provider_platerec_ocr.dataset.figures.model import BINS, OTHERS, Figures, middle
from airflow_provider_platerec_ocr.dataset.figures.spreads import MOST_CAMERAS, MOST_TYPES, SHOWN
from airflow_provider_platerec_ocr.dataset.table.outcome_table import to_table
from airflow_provider_platerec_ocr.dataset.table.rows import reads_table
from support.table_stage import RUN, VIN

if TYPE_CHECKING:
    from collections.abc import Iterable

WRONG = "1M8GDM9A1KP042788"
"""The same VIN with another check digit."""


def read(row: int, *codes: tuple[str, Any], **more: Any) -> Outcome:
    """An image on which codes were found, each with a confidence."""
    results = [
        {"identifier": {"type": "text", "props": {"code": [{"value": code}], "confidence": confidence}}}
        for code, confidence in codes
    ]
    answer = json.dumps({"results": results, "processing_time": 1.0, "version": 1})
    given = {"at": "2026-03-01T23:00:00Z", "image_version": "v", "fingerprint": f"{row:064x}", **more}
    return Outcome(row=row, image=f"/yard/{row}.jpg", status="read", **({"type": "vin", "answer": answer} | given))


def counted(*shards: Iterable[Outcome]) -> Figures:
    collector = Collector()
    for shard in shards:
        outcomes = to_table(shard)
        collector.take_shard(outcomes)
        for type_ in sorted(set(outcomes.column("type").to_pylist())):
            some = outcomes.filter([each == type_ for each in outcomes.column("type").to_pylist()])
            collector.take_rows(type_, reads_table(some, RUN, "m.csv"))
    return collector.figures()


def test_confidence_is_counted_by_type_and_camera() -> None:
    figures = counted(
        [read(1, (VIN, 0.93), camera_id="gate"), read(2, (VIN, 0.97), camera_id="gate")],
        [read(3, (VIN, 0.5)), read(4, ("TRL 12", 1.0), type="trailer_id", camera_id="gate")],
    )

    assert [(each.type, each.codes, each.below) for each in figures.types] == [("vin", 3, 1), ("trailer_id", 1, 0)]
    vin = figures.types[0]
    assert {place: number for place, number in enumerate(vin.bins) if number} == {10: 1, 18: 1, 19: 1}
    assert vin.median == pytest.approx(0.925)
    assert [(each.type, each.camera, each.codes) for each in figures.cameras] == [
        ("vin", "gate", 2),
        ("vin", None, 1),
        ("trailer_id", "gate", 1),
    ]
    assert figures.types[1].bins[BINS - 1] == 1


@pytest.mark.parametrize("confidence", [None, -0.1, 1.01, 1e300, "high", True])
def test_a_confidence_that_is_none_is_counted_apart(confidence: Any) -> None:
    (kind,) = counted([read(1, ("ABC", confidence), type="other")]).types

    assert (kind.codes, sum(kind.bins) + kind.unknown) == (1, 1)
    if confidence is not True:
        assert (kind.unknown, kind.median) == (1, None)


def test_an_image_without_a_code_counts_nowhere() -> None:
    figures = counted([read(1), read(2, answer="no json")])

    assert (figures.types, figures.cameras, figures.doubtful, figures.doubts) == ((), (), (), 0)


def test_the_share_of_check_digits_that_fail_is_counted() -> None:
    figures = counted([read(1, (VIN, 0.9)), read(2, (WRONG, 0.9)), read(3, ("SHORT", 0.9))])

    assert (figures.checked, figures.failed) == (2, 1)
    assert figures.to_json()["check_digits"] == {"checked": 2, "failed": 1}


def test_cameras_beyond_those_that_are_kept_are_counted_together() -> None:
    number = MOST_CAMERAS + 50
    figures = counted([read(row, (VIN, 0.9), camera_id=f"c{row}") for row in range(number)])

    assert figures.types[0].codes == number
    assert len(figures.cameras) == SHOWN
    assert (figures.cameras[0].camera, figures.cameras[0].codes) == (OTHERS, 50)


def test_types_beyond_those_that_are_kept_are_left_out() -> None:
    figures = counted([read(row, ("A", 0.9), type=f"t{row:03}") for row in range(MOST_TYPES + 3)])

    assert len(figures.types) == MOST_TYPES


def test_the_most_doubtful_reads_come_out_worst_first_and_each_image_once() -> None:
    figures = counted(
        [read(1, (VIN, 0.99)), read(2, (VIN, 0.3)), read(3, (VIN, 0.9), ("OTHER", 0.95))],
        [read(4, (WRONG, 0.99)), read(5, (WRONG, 0.7), (WRONG, 0.2))],
    )

    assert [each.row for each in figures.doubtful] == [5, 4, 2, 3]
    assert [each.shard for each in figures.doubtful] == [1, 1, 0, 0]
    assert [each.why for each in figures.doubtful] == [
        ("wrong check digit", "confidence 0.20", "several codes on one image (2)"),
        ("wrong check digit",),
        ("confidence 0.30",),
        ("several codes on one image (2)",),
    ]
    assert figures.doubts == 5
    assert figures.several == 2
    assert figures.doubtful[1].code == WRONG


def test_no_more_doubtful_reads_are_kept_than_are_shown() -> None:
    shards = [[read(100 * shard + row, (VIN, 0.5 + row / 1000)) for row in range(60)] for shard in range(3)]

    figures = counted(*shards)

    assert figures.doubts == 180
    assert len(figures.doubtful) == MOST_DOUBTFUL
    assert max(each.confidence or 0 for each in figures.doubtful) == pytest.approx(0.516)


def test_the_slowest_calls_come_out_by_name() -> None:
    first = [read(row, (VIN, 0.9), call_s=20 + row) for row in range(20)]
    second = [read(100, (VIN, 0.9), call_s=120.5), read(101, (VIN, 0.9)), read(102, (VIN, 0.9), from_ledger=True)]

    calls = counted(first, second).calls

    assert calls.timed == 21
    assert (calls.slowest_s, calls.slowest[0].image) == (120.5, "/yard/100.jpg")
    assert [each.seconds for each in calls.slowest[1:]] == [39.0, 38.0, 37.0, 36.0, 35.0, 34.0, 33.0, 32.0, 31.0]
    assert calls.median_s == pytest.approx(30, rel=0.06)
    assert calls.p95_s == pytest.approx(39, rel=0.06)


def test_calls_of_a_version_that_did_not_time_them_are_not_known() -> None:
    figures = counted([read(1, (VIN, 0.9))])

    assert figures.calls.to_json() == {"timed": 0, "median_s": None, "p95_s": None, "slowest": []}
    assert figures.calls.slowest_s is None


@pytest.mark.parametrize("seconds", [0.0, 1e-9, 1e9])
def test_a_call_of_any_length_is_counted(seconds: float) -> None:
    assert counted([read(1, (VIN, 0.9), call_s=seconds)]).calls.timed == 1


def test_the_last_image_says_until_when_the_run_read() -> None:
    figures = counted([read(1, at="2026-03-01T23:10:00Z")], [read(2, at="2026-03-01T23:05:00Z"), read(3, at=None)], [])

    assert figures.read_until == "2026-03-01T23:10:00Z"


def test_some_letters_of_each_reason_come_out() -> None:
    collector = Collector()
    for row in range(MOST_LETTERS + 5):
        collector.take_letter({"reason": "image_missing", "message": "gone", "image": f"{row}.jpg", "row": row})
    collector.take_letter({"reason": "api_rejected", "message": "no", "image": "x.jpg", "row": 99, "permanent": True})

    letters = collector.figures().letters

    assert [letter.reason for letter in letters] == ["api_rejected"] + ["image_missing"] * MOST_LETTERS
    assert letters[0].permanent


def test_a_figure_that_cannot_be_counted_fails_nothing_and_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    collector = Collector()

    collector.take_rows("vin", to_table([read(1)]))  # which has none of the columns
    collector.take_letter({})
    collector.take_shard(None)

    assert collector.figures() == Figures()
    assert caplog.text.count("figures of this run are missing") == 1


def test_nothing_of_an_image_is_in_the_numbers_but_the_names_of_slow_ones() -> None:
    figures = counted([read(1, (WRONG, 0.2)), read(2, (VIN, 0.9), call_s=1.0)])

    text = json.dumps(figures.to_json())

    assert "/yard/1.jpg" not in text
    assert WRONG not in text
    assert "/yard/2.jpg" in text


@pytest.mark.parametrize(("bins", "expected"), [((), None), ((0, 0), None), ((0, 3), 0.75), ((2, 2), 0.25)])
def test_the_middle_is_that_of_its_bar(bins: tuple[int, ...], expected: float | None) -> None:
    assert middle(bins) == expected
