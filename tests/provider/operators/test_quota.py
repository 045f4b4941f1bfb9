"""A quota that ends mid-run, and what a run says of its spending: the operators one after the other, no scheduler."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests

from airflow_provider_platerec_ocr.core.errors import OCRIncomplete, OCRInDoubt, OCRQuotaExhausted
from support.batch_stage import BatchRun
from support.sandbox import running_sandbox
from support.stores import age_claims
from support.waiting import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from support.batch_stage import BatchStage
    from support.sandbox import Sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(quota=1000) as running:
        yield running


def night_without_quota(stage: BatchStage, sandbox: Sandbox, left: int, **given: Any) -> BatchRun:
    """Plan everything, let the account shrink to ``left`` calls, then read and export."""
    run = BatchRun()
    stage.plan(run, "night-1", **given)
    sandbox.control(quota=left)
    stage.read(run, "night-1", **given)
    stage.export(run, "night-1", **given)
    return run


def calls_of_others(sandbox: Sandbox, number: int) -> None:
    """Use the account without our ledger."""
    for index in range(number):
        answer = requests.post(
            f"{sandbox.url}/v1/ocr/reader/",
            data={"type": "vin", "upload_url": f"https://elsewhere.example/{index}.jpg"},
            headers={"Authorization": f"Token {sandbox.token}"},
            timeout=PATIENCE_S,
        )
        assert answer.status_code == 200


def test_a_quota_that_ends_mid_run_carries_the_rest_over_and_says_how_many(stage: BatchStage, sandbox: Sandbox) -> None:
    run = night_without_quota(stage, sandbox, left=12)

    assert run.error is None
    assert [read["carried_over"] for read in run.reads if isinstance(read, dict)] == [8]
    assert (run.counts["reads"], run.counts["carried_over"], run.counts["missing"]) == (12, 8, 0)
    assert run.counts["dead_letters"] == 0
    assert run.report["whole"] is False
    assert any("8 images carried over to the next run" in line for line in run.report["summary"])
    assert len(stage.rows()) == 12

    sandbox.control(quota=1000)
    later = stage.run("night-2")

    assert (later.counts["reads"], later.counts["already_done"], later.counts["carried_over"]) == (8, 12, 0)
    assert later.report["whole"] is True
    assert sandbox.books()["billed"] == sandbox.books()["unique_billed"] == 20


def test_with_fail_the_read_task_fails_and_what_was_read_is_published(stage: BatchStage, sandbox: Sandbox) -> None:
    run = night_without_quota(stage, sandbox, left=12, on_quota="fail")

    assert [isinstance(read, OCRQuotaExhausted) for read in run.reads] == [True]
    assert isinstance(run.error, OCRIncomplete)
    assert "8 planned images without an outcome" in str(run.error)
    assert "Shard 1 of 1 ended with OCRQuotaExhausted: " in str(run.error)
    assert len(stage.rows()) == 12
    assert (run.report["whole"], run.report["spend"]["missing"], run.report["spend"]["carried_over"]) == (False, 8, 0)

    sandbox.control(quota=1000)
    stage.read(run, "night-1", try_number=2)
    stage.export(run, "night-1")

    assert (run.counts["reads"], run.counts["calls_billed"]) == (20, 20)
    assert sandbox.books()["billed"] == 20


def test_a_reserve_reached_mid_run_is_a_quota_that_ended(stage: BatchStage, sandbox: Sandbox) -> None:
    run = night_without_quota(stage, sandbox, left=40, reserve=40)

    assert run.error is None
    assert (run.counts["reads"], run.counts["carried_over"]) == (0, 20)
    assert sandbox.books()["posts"] == 0


def test_carried_over_images_are_read_when_the_run_is_cleared(stage: BatchStage, sandbox: Sandbox) -> None:
    night_without_quota(stage, sandbox, left=12)
    sandbox.control(quota=1000)

    cleared = stage.run("night-1", try_number=2)

    assert (cleared.plan["done"], cleared.plan["planned"]) == (12, 8)
    assert (cleared.counts["reads"], cleared.counts["carried_over"], cleared.counts["calls_billed"]) == (8, 0, 8)
    assert cleared.report["whole"] is True
    assert len(stage.rows()) == 20
    assert sandbox.books()["billed"] == 20


def test_what_the_ledger_knows_is_read_without_any_quota(stage: BatchStage, sandbox: Sandbox) -> None:
    stage.run("night-1")
    shutil.rmtree(stage.dataset)
    sandbox.control(quota=20)

    run = stage.run("night-2")

    assert (run.plan["planned"], run.plan["to_pay"]) == (20, 0)
    assert (run.counts["reads"], run.counts["from_ledger"], run.counts["carried_over"]) == (20, 20, 0)
    assert sandbox.books()["billed"] == 20


def test_doubts_that_must_fail_do_so_though_the_quota_is_gone(stage: BatchStage, sandbox: Sandbox) -> None:
    sandbox.control(faults=["nth=3:cut-after"])

    run = night_without_quota(stage, sandbox, left=12, in_doubt="fail")

    assert isinstance(run.reads[0], OCRInDoubt)
    assert isinstance(run.error, OCRInDoubt)
    assert "1 image in doubt: 1 read task failed for it. What was read is published." in str(run.error)
    counts: Mapping[str, Any] = run.error.counts
    assert (counts["in_doubt"], counts["dead_letters_by_reason"]) == (1, {"in_doubt": 1})
    assert counts["reads"] + counts["carried_over"] == 19


def test_a_doubt_stays_named_where_the_quota_is_gone(stage: BatchStage, sandbox: Sandbox) -> None:
    sandbox.control(faults=["nth=3:cut-after"], quota=20)
    run = stage.run("night-1")
    age_claims(stage.root / "ledger", 3600)
    again = stage.run("night-2")

    assert (run.counts["in_doubt"], run.counts["carried_over"], run.counts["calls_billed"]) == (1, 0, 20)
    assert (again.plan["to_pay"], again.counts["in_doubt"], again.counts["calls_billed"]) == (0, 1, 0)
    assert sandbox.books()["posts"] == 20


def test_nothing_is_planned_beyond_the_pace(stage: BatchStage, sandbox: Sandbox) -> None:
    sandbox.control(quota=30, resets_on=(datetime.now(UTC) + timedelta(days=4, hours=12)).isoformat())

    run = stage.run("night-1", pace=True, daily_limit=100)
    again = stage.run("night-1b", pace="true")

    assert (run.plan["to_pay"], run.plan["left_over"]) == (6, 14)
    assert run.plan["limit_reason"].startswith("pace 6 calls a day (5 nights until the reset on ")
    assert any("pace 6 calls a day" in line for line in run.report["summary"])
    assert (again.plan["to_pay"], again.counts["planned"], again.error) == (0, 14, None)
    assert (again.counts["reads"], again.counts["carried_over"]) == (0, 14)
    assert sandbox.books()["billed"] == 6


def test_the_report_names_every_kind_of_spending(stage: BatchStage, sandbox: Sandbox) -> None:
    faults = ["nth=4:503", "nth=6-7:429;retry_after=1", "nth=9:400"]
    sandbox.control(faults=faults, resets_on="2099-01-01T00:00:00Z")

    run = stage.run("night-1")

    spend = run.report["spend"]
    assert spend == run.counts["spend"]
    assert (spend["billed"], spend["from_ledger"], spend["in_doubt"], spend["resent"]) == (19, 0, 0, 0)
    assert spend["refused"] == {"OCRRateLimited": 2, "OCRUnavailable": 1}
    assert spend["dead_letters"] == {"api_rejected": 1}
    assert (spend["calls_left"], spend["total_calls"]) == (981, 1000)
    assert spend["forecast"]["resets_on"] == "2099-01-01T00:00:00Z"
    assert spend["account"] | {"since": "", "until": ""} == {
        "since": "",
        "until": "",
        "calls_then": 0,
        "calls_now": 19,
        "resets_on": "2099-01-01T00:00:00Z",
        "billed": 19,
        "began_anew": False,
        "made": 19,
        "difference": 0,
    }
    text = " ".join(run.report["summary"])
    assert "19 calls billed, 0 answered by the ledger." in text
    assert "Refused or not sent, and tried again: 2 OCRRateLimited, 1 OCRUnavailable." in text
    assert "Left of this period: 981 of 1,000 calls." in text
    assert "The account and this run's ledger agree: 19 calls since " in text


def test_calls_of_others_are_a_difference_that_is_named(
    stage: BatchStage, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    run = BatchRun()
    stage.plan(run, "night-1")
    calls_of_others(sandbox, 12)
    stage.read(run, "night-1")
    stage.export(run, "night-1")

    assert run.report["spend"]["account"]["difference"] == 12
    said = "The account made 12 calls more than this run's ledger shows (32 calls since "
    assert any(line.startswith(said) for line in run.report["summary"])
    assert said in caplog.text


def test_a_run_whose_plan_is_cleared_keeps_its_table_and_its_report_and_counts_nothing_twice(
    stage: BatchStage, sandbox: Sandbox
) -> None:
    first = stage.run("night-1")
    before, report = stage.table_files(), first.report
    calls_of_others(sandbox, 5)

    cleared = stage.run("night-1", try_number=2)

    assert stage.table_files() == before
    assert (cleared.plan["done"], cleared.plan["planned"], cleared.shards) == (20, 0, [])
    assert (cleared.counts["reads"], cleared.counts["calls_billed"]) == (0, 0)
    assert cleared.report["spend"]["account"]["made"] == cleared.report["spend"]["account"]["difference"] == 0
    assert first.report == report
    assert cleared.counts["report"] != first.counts["report"]
    assert sandbox.books()["billed"] == 25


def test_reads_and_export_that_are_cleared_give_the_same_table_and_count_nothing_twice(
    stage: BatchStage, sandbox: Sandbox
) -> None:
    sandbox.control(faults=["nth=4:503"])
    cleared = first = stage.run("night-1")
    before, first_report = stage.table_files(), first.report
    calls_of_others(sandbox, 5)

    stage.read(cleared, "night-1", try_number=2)
    stage.export(cleared, "night-1")
    stage.export(cleared, "night-1")

    assert stage.table_files() == before
    same = ("billed", "from_ledger", "refused", "resent", "dead_letters")
    assert [cleared.report["spend"][name] for name in same] == [first_report["spend"][name] for name in same]
    assert cleared.report["spend"]["tries"] == 2
    assert cleared.report["spend"]["account"] == first_report["spend"]["account"]
    assert sandbox.books()["billed"] == 25


def test_a_resent_call_is_in_the_report_once(stage: BatchStage, sandbox: Sandbox) -> None:
    sandbox.control(faults=["nth=3:cut-after"])
    first = stage.run("night-1").report["spend"]
    age_claims(stage.root / "ledger", 1000)
    later = stage.run("night-2").report

    assert (first["resent"], first["billed"], first["in_doubt"]) == (0, 20, 1)
    spend = later["spend"]
    assert (spend["resent"], spend["billed"], spend["in_doubt"]) == (1, 1, 0)
    assert "1 call in doubt sent once more: the bill may show them twice." in later["summary"]
    assert sandbox.books()["billed"] == 21


def test_an_account_that_does_not_answer_hides_no_table(stage: BatchStage, sandbox: Sandbox) -> None:
    run = BatchRun()
    stage.plan(run, "night-1")
    stage.read(run, "night-1")
    sandbox.control(tokens=[])
    stage.export(run, "night-1")

    assert run.error is None
    assert len(stage.rows()) == 20
    assert (
        run.report["spend"]["calls_left"] is run.report["spend"]["account"] is run.report["spend"]["forecast"] is None
    )
    assert "The account could not be asked what is left." in run.report["summary"]


def test_a_connection_that_is_gone_hides_no_table(
    stage: BatchStage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run = BatchRun()
    stage.plan(run, "night-1")
    stage.read(run, "night-1")
    monkeypatch.delenv("AIRFLOW_CONN_BATCH")
    stage.export(run, "night-1")

    assert len(stage.rows()) == 20
    assert "The run's reservation of calls stays until this task succeeds" in caplog.text


def test_two_runs_that_plan_and_read_together_spend_each_call_once(stage: BatchStage, sandbox: Sandbox) -> None:
    sandbox.control(quota=15)
    runs = [BatchRun(), BatchRun()]

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda number: stage.plan(runs[number], f"night-{number}"), (0, 1)))

    assert sum(run.plan["to_pay"] for run in runs) == 15
    assert sum(run.plan["left_over"] for run in runs) == 25


def test_an_export_without_a_plan_says_so_and_frees_what_was_reserved(stage: BatchStage, sandbox: Sandbox) -> None:
    run = BatchRun()
    stage.plan(run, "night-1")
    shutil.rmtree(stage.root / "reads_workspace")  # the disk was full, say, after the calls were reserved
    sandbox.control(quota=20)
    held = stage.run("look", plan_only=True).plan["to_pay"]
    stage.export(run, "night-1")

    assert "There is no plan at " in str(run.error)
    assert "the plan task has to succeed first" in str(run.error)
    assert (held, stage.run("look", plan_only=True).plan["to_pay"]) == (0, 20)
