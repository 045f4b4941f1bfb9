"""The account's count held against the run's books, span by span."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.core.models import Statistics
from airflow_provider_platerec_ocr.dataset.report.account import Span, close_span, load_spans, open_span
from support.stores import local_place

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.storage.path import StoragePath

RESET = "2026-04-01T00:00:00Z"


@pytest.fixture
def workspace(tmp_path: Path) -> StoragePath:
    return local_place(tmp_path / "work")


def used(calls: int, resets_on: str | None = RESET) -> Statistics:
    return Statistics(calls, 5000, resets_on=resets_on)


def test_a_span_goes_from_the_plan_to_the_export(workspace: StoragePath) -> None:
    open_span(workspace, used(100), "22:00")
    span = close_span(workspace, used(130), "23:00", 18)

    assert span is not None
    assert (span.since, span.until, span.made, span.billed, span.difference) == ("22:00", "23:00", 30, 18, 12)
    assert span.describe() == (
        "The account made 12 calls more than this run's ledger shows (30 calls since 22:00, 18 by this run's ledger): "
        "other runs or programs with the same token."
    )
    assert "or some of this run's own (7 refused with 503)" in span.describe("7 refused with 503")
    assert span.to_json()["difference"] == 12


@pytest.mark.parametrize(
    ("calls", "billed", "said"),
    [
        (118, 18, "The account and this run's ledger agree: 18 calls since 22:00, 18 by this run's ledger."),
        (117, 18, "The account made 1 call fewer than this run's ledger shows (17 calls since 22:00, 18 by this run's"),
    ],
)
def test_agreement_and_fewer_calls_are_said(workspace: StoragePath, calls: int, billed: int, said: str) -> None:
    open_span(workspace, used(100), "22:00")
    span = close_span(workspace, used(calls), "23:00", billed)

    assert span is not None
    assert span.describe().startswith(said)


def test_a_run_that_is_planned_again_before_its_export_keeps_the_beginning(
    workspace: StoragePath, tmp_path: Path
) -> None:
    open_span(workspace, used(100), "22:00")
    again = local_place(tmp_path / "again")
    open_span(again, used(110), "22:05", after=load_spans(workspace)[-1], billed=3)

    assert [(span.since, span.calls_then) for span in load_spans(again)] == [("22:00", 100)]
    span = close_span(again, used(120), "23:00", 20)
    assert span is not None
    assert (span.made, span.billed) == (20, 20)


def test_a_run_that_is_planned_again_after_its_export_is_held_against_its_own_time_alone(
    workspace: StoragePath, tmp_path: Path
) -> None:
    open_span(workspace, used(100), "22:00")
    close_span(workspace, used(110), "23:00", 10)
    again = local_place(tmp_path / "again")
    open_span(again, used(900), "next day", after=load_spans(workspace)[-1], billed=1)
    span = close_span(again, used(902), "next day, later", 3)  # of which the books of the first plan had one, in doubt

    assert span is not None
    assert (span.since, span.made, span.billed, span.difference) == ("next day", 2, 2, 0)


def test_an_export_that_is_run_again_says_the_same(workspace: StoragePath) -> None:
    open_span(workspace, used(100), "22:00")
    first = close_span(workspace, used(110), "23:00", 10)

    assert close_span(workspace, used(150), "later", 10) == first


def test_reads_that_are_cleared_without_their_plan_follow_the_last_span(workspace: StoragePath) -> None:
    open_span(workspace, used(100), "22:00")
    close_span(workspace, used(110), "23:00", 10)
    span = close_span(workspace, used(116), "23:30", 13)

    assert span is not None
    assert (span.since, span.made, span.billed, span.difference) == ("23:00", 6, 3, 3)


@pytest.mark.parametrize(("calls", "resets_on"), [(5, RESET), (105, "2026-05-01T00:00:00Z")])
def test_a_count_that_began_anew_cannot_be_held_against_anything(
    workspace: StoragePath, calls: int, resets_on: str | None
) -> None:
    open_span(workspace, used(100), "22:00")
    span = close_span(workspace, used(calls, resets_on), "23:00", 10)

    assert span is not None
    assert (span.made, span.difference) == (None, None)
    assert span.describe().startswith("The account's count began anew since 22:00")
    later = close_span(workspace, used(calls + 3, resets_on), "23:30", 13)
    assert later is not None
    assert later.difference == 0


def test_without_a_beginning_there_is_nothing_to_hold(workspace: StoragePath) -> None:
    assert close_span(workspace, used(110), "23:00", 10) is None


@pytest.mark.parametrize("content", ["{", "[1]", '[{"odd": 1}]'])
def test_a_broken_file_counts_as_none(workspace: StoragePath, content: str, caplog: pytest.LogCaptureFixture) -> None:
    Path(workspace.path).mkdir()
    (Path(workspace.path) / "account.json").write_text(content)

    assert load_spans(workspace) == []
    assert "holds no spans and is left aside" in caplog.text


def test_a_span_that_still_runs_has_made_nothing_yet() -> None:
    assert Span("22:00", 100, calls_now=100).made == 0


@pytest.mark.parametrize(
    ("calls", "resets_on", "anew"),
    [
        (130, "2026-04-01T00:00:07Z", False),
        (130, "2026-03-31T23:59:58+00:00", False),
        (130, "2026-04-02", False),
        (130, "2026-05-01T00:00:00Z", True),
        (130, "2026-04-02T00:00:01Z", True),
        (130, None, False),
        (130, "soon", False),
        (99, RESET, True),
        (99, None, True),
    ],
)
def test_the_count_began_anew_only_if_it_fell_or_the_reset_moved_by_more_than_a_day(
    workspace: StoragePath, calls: int, resets_on: str | None, *, anew: bool
) -> None:
    open_span(workspace, used(100), "22:00")
    span = close_span(workspace, used(calls, resets_on), "23:00", 30)

    assert span is not None
    assert span.began_anew is anew
    assert ("began anew" in span.describe()) is anew


def test_a_reset_that_nobody_announced_before_does_not_mean_a_new_count(workspace: StoragePath) -> None:
    open_span(workspace, used(100, None), "22:00")
    span = close_span(workspace, used(130), "23:00", 30)

    assert span is not None
    assert not span.began_anew
