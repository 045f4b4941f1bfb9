from __future__ import annotations

from dataclasses import replace

import pytest

from airflow_provider_platerec_ocr.dataset.report.nights import Night
from airflow_provider_platerec_ocr.dataset.report_page.changes import NIGHTS, changes, stands_out

TONIGHT = Night("nightly.ocr__n9__0", "nightly", "r9", images=100, reads=90, seconds=180.0, checked=50, failed_checks=5)


def nights(*reads: int | None) -> list[Night]:
    return [replace(TONIGHT, run=f"nightly.ocr__n{number}__0", reads=each) for number, each in enumerate(reads)]


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [
        (200, [90, 100, 110], True),
        (50, [90, 100, 110], True),
        (105, [90, 100, 110], False),
        (110, [90, 100, 110], False),
        (111, [100, 105, 110], False),
        (200, [90, 110], False),
        (1, [0, 0, 0], True),
        (0, [0, 0, 0], False),
    ],
)
def test_a_figure_stands_out_where_it_is_unlike_all_nights_before(
    now: float, before: list[float], *, expected: bool
) -> None:
    assert stands_out(now, before) is expected


def test_a_figure_is_held_against_the_middle_of_the_nights_before() -> None:
    (reads,) = [each for each in changes(TONIGHT, nights(30, 50, 40)) if each.label == "Images read"]

    assert (reads.now, reads.usual, reads.change, reads.stands_out) == ("90", "40", "+125 %", True)


@pytest.mark.parametrize(
    "night",
    [
        replace(TONIGHT, run="nightly.ocr__x", dag_id="another", reads=1),
        replace(TONIGHT, run="nightly.ocr__x", images=0, reads=1),
        replace(TONIGHT, run="nightly.ocr__x", images=None, reads=1),
        replace(TONIGHT, run="nightly.trailers__x", reads=1),
        replace(TONIGHT, reads=1),
    ],
    ids=["another DAG", "nothing planned", "nothing known", "another group", "this run"],
)
def test_other_runs_are_no_nights_to_compare_with(night: Night) -> None:
    assert changes(TONIGHT, [night]) == []


def test_no_more_nights_are_looked_at_than_are_said() -> None:
    (reads,) = [each for each in changes(TONIGHT, nights(*[90] * NIGHTS, *[1] * 20)) if each.label == "Images read"]

    assert reads.change == "as usual"


def test_a_figure_that_nobody_wrote_down_is_left_out() -> None:
    labels = {each.label for each in changes(replace(TONIGHT, seconds=None), nights(None, None))}

    assert labels.isdisjoint({"Images read", "Time taken", "Seconds for an image read"})
    assert "Check digits that fail" in labels
