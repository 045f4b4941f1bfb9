"""What is paid is never more than what was granted, whatever the plan knew: the operators one after the other."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import (
    OCRDrained,
    OCRError,
    OCRInDoubt,
    OCRQuotaExhausted,
    OCRStop,
)
from airflow_provider_platerec_ocr.core.models import Owner
from airflow_provider_platerec_ocr.engine.ledger.reservations import BudgetBook
from airflow_provider_platerec_ocr.operators.read_batch import OCRReadBatchOperator
from airflow_provider_platerec_ocr.sandbox.samples import make_load_images
from airflow_provider_platerec_ocr.storage.store import Store
from support.batch_stage import BatchRun, BatchStage
from support.pictures import local
from support.recorder import recording_server
from support.sandbox import running_sandbox
from support.stores import age_claims
from support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.sandbox import Sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(quota=1000) as running:
        yield running


def purse_files(stage: BatchStage) -> list[Path]:
    return sorted((stage.root / "ledger" / "call-budget").rglob("*.drawn"))


def test_another_base_url_pays_no_more_than_the_limits_say(stage: BatchStage, monkeypatch: pytest.MonkeyPatch) -> None:
    make_load_images(stage.images, 60, 2_000, seed=7)
    stage.run("practice")
    shutil.rmtree(stage.dataset)
    with running_sandbox(quota=10) as real:
        BatchStage.connect(monkeypatch, stage.root, real.url, real.token)
        dry = stage.run("look", plan_only=True, daily_limit=1, reserve=8)
        run = stage.run("night-1", daily_limit=1, reserve=8)

        assert (dry.plan["to_pay"], run.plan["to_pay"], run.plan["planned"]) == (1, 1, 60)
        assert (real.books()["billed"], real.books()["posts"]) == (1, 1)
        assert (run.error, run.counts["reads"], run.counts["carried_over"]) == (None, 1, 59)
        assert run.report["whole"] is False


def test_images_that_were_overwritten_pay_no_more_than_the_limits_say(stage: BatchStage, sandbox: Sandbox) -> None:
    manifest = stage.root / "manifest.csv"
    manifest.write_text("image\n" + "".join(f"{path}\n" for path in sorted(stage.images.iterdir())))
    stage.run("day-1", manifest=str(manifest))
    shutil.rmtree(stage.dataset)
    make_load_images(stage.root / "next", 20, 2_000, seed=8)
    for old, new in zip(sorted(stage.images.iterdir()), sorted((stage.root / "next").glob("*.jpg")), strict=False):
        new.replace(old)
    sandbox.control(quota=30)  # 10 left

    run = stage.run("day-2", manifest=str(manifest), daily_limit=20 + 5, reserve=7)

    assert sandbox.books()["billed"] == 20 + 3
    assert (run.counts["reads"], run.counts["carried_over"]) == (3, 17)


def test_touched_images_do_not_starve_a_new_one(stage: BatchStage, sandbox: Sandbox) -> None:
    stage.run("night-1")
    for path in stage.images.iterdir():
        os.utime(path, (1_900_000_000, 1_900_000_000))
    make_load_images(stage.root / "other", 1, 2_000, seed=99)
    (new,) = (stage.root / "other").glob("*.jpg")
    new.rename(stage.images / "zz-new.jpg")

    run = stage.run("night-2", daily_limit=23)

    assert (run.plan["to_pay"], run.plan["left_over"]) == (3, 18)
    assert (run.counts["reads"], run.counts["from_ledger"], run.counts["calls_billed"]) == (21, 20, 1)
    assert sandbox.books()["billed"] == 21


def test_two_shards_share_one_grant(stage: BatchStage, sandbox: Sandbox) -> None:
    run = stage.run("night-1", images_per_shard=10, daily_limit=8)

    assert len(run.shards) == 2
    assert sandbox.books()["billed"] == 8
    assert (run.counts["reads"], run.counts["carried_over"], run.error) == (8, 12, None)


def test_what_a_shard_does_not_need_is_there_for_the_next_one(stage: BatchStage, sandbox: Sandbox) -> None:
    first = sorted(stage.images.iterdir())[:5]
    manifest = stage.root / "some.csv"
    manifest.write_text("image\n" + "".join(f"{path}\n" for path in first))
    stage.run("before", manifest=str(manifest))
    shutil.rmtree(stage.dataset)

    run = stage.run("night-1", images_per_shard=10, daily_limit=5 + 15)

    assert (run.counts["reads"], run.counts["calls_billed"], run.counts["carried_over"]) == (20, 15, 0)
    assert sandbox.books()["billed"] == 20


def test_a_grant_is_drawn_in_parts_and_not_call_by_call(stage: BatchStage, sandbox: Sandbox) -> None:
    stage.run("night-1")

    assert sandbox.books()["billed"] == 20
    assert len(purse_files(stage)) <= 3  # drawn, and closed by the export


def test_refused_calls_give_back_what_they_took(stage: BatchStage, sandbox: Sandbox) -> None:
    sandbox.control(faults=["nth=2-6:503", "nth=9-12:429;retry_after=1"])

    run = stage.run("night-1", daily_limit=20)

    assert (run.counts["reads"], run.counts["carried_over"]) == (20, 0)
    assert sandbox.books()["billed"] == 20


@pytest.mark.parametrize("limit", [{}, {"daily_limit": 20}])
def test_a_call_that_is_sent_once_more_is_bound_by_what_the_plan_said(
    stage: BatchStage, sandbox: Sandbox, limit: dict[str, int]
) -> None:
    sandbox.control(faults=["nth=3:cut-after"])
    dry = stage.run("look", plan_only=True, **limit)
    run = BatchRun()
    stage.plan(run, "night-1", **limit)
    stage.read(run, "night-1", max_tries=3)
    first = run.reads[0]
    stage.export(run, "night-1")

    assert not isinstance(first, Exception)  # another try would be in vain
    assert sandbox.books()["billed"] == dry.plan["to_pay"] == 20
    assert (run.counts["in_doubt"], run.counts["dead_letters_by_reason"]) == (1, {"in_doubt": 1})

    age_claims(stage.root / "ledger", 1000)
    later = stage.run("night-2", **(limit and {"daily_limit": 21}))

    assert (later.plan["to_pay"], later.counts["reads"], later.counts["in_doubt"]) == (1, 1, 0)
    assert sandbox.books()["billed"] == 21


def test_a_call_is_sent_once_more_with_one_that_another_shard_did_not_need(
    stage: BatchStage, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.connect(monkeypatch, stage.root, sandbox.url, sandbox.token, call_timeout_s=5)
    last = sorted(stage.images.iterdir())[10:15]
    manifest = stage.root / "some.csv"
    manifest.write_text("image\n" + "".join(f"{path}\n" for path in last))
    stage.run("before", manifest=str(manifest))
    shutil.rmtree(stage.dataset)
    sandbox.control(faults=["nth=3:cut-after"])
    run = BatchRun()
    stage.plan(run, "night-1", images_per_shard=10)
    stage.read(run, "night-1", max_tries=3)
    age_claims(stage.root / "ledger", 1000)
    first, *_ = run.reads
    stage.read(run, "night-1", try_number=2, max_tries=3)
    stage.export(run, "night-1")

    assert isinstance(first, OCRInDoubt)
    assert (run.counts["reads"], run.counts["in_doubt"], run.counts["calls_billed"]) == (20, 0, 16)
    assert run.report["spend"]["resent"] == 1
    assert sandbox.books()["billed"] == 5 + 16 <= 5 + run.plan["to_pay"]


def test_what_a_killed_shard_drew_and_did_not_spend_comes_back(
    stage: BatchStage, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.connect(monkeypatch, stage.root, sandbox.url, sandbox.token, rate_per_s=2, call_timeout_s=5)
    run = BatchRun()
    stage.plan(run, "night-1", daily_limit=20)
    kill_a_read(stage, run, sandbox, calls=3)
    stage.connect(monkeypatch, stage.root, sandbox.url, sandbox.token, call_timeout_s=5)
    age_claims(stage.root / "ledger", 1000)
    stage.read(run, "night-1", try_number=2, max_tries=3)
    stage.export(run, "night-1")

    billed = sandbox.books()["billed"]
    assert billed <= 20
    doubts = run.counts["in_doubt"]
    assert run.counts["reads"] + doubts + run.counts["carried_over"] == 20
    assert run.counts["carried_over"] == 0
    assert run.counts["reads"] == 20 - doubts


def kill_a_read(stage: BatchStage, run: BatchRun, sandbox: Sandbox, calls: int) -> None:
    """Kill the child of the first shard's task once so many calls were made."""
    task = OCRReadBatchOperator(task_id="read", shard=run.shards[0], conn_id=stage.conn_id)
    ended: list[Exception] = []

    def execute() -> None:
        try:
            task.execute(stage.context("night-1", "read", map_index=0, max_tries=3))
        except OCRDrained as error:
            ended.append(error)

    thread = threading.Thread(target=execute)
    thread.start()
    until("calls are made", lambda: sandbox.books()["posts"] >= calls)
    assert task._process is not None  # noqa: SLF001  # whom to kill
    os.kill(task._process.pid, signal.SIGKILL)  # noqa: SLF001
    thread.join()
    assert ended


def test_reads_that_are_cleared_after_their_export_reserve_anew_within_the_limits(
    stage: BatchStage, sandbox: Sandbox
) -> None:
    run = stage.run("night-1", daily_limit=6)
    stage.read(run, "night-1", try_number=2)
    stage.export(run, "night-1")
    assert (sandbox.books()["billed"], run.counts["carried_over"]) == (6, 14)

    again = BatchRun()
    stage.plan(again, "night-1", daily_limit=9)
    stage.read(again, "night-1", try_number=3)
    stage.export(again, "night-1")

    assert again.plan["to_pay"] == 3
    assert (sandbox.books()["billed"], again.counts["reads"], len(stage.rows())) == (9, 3, 9)


def test_what_a_shard_had_drawn_is_no_longer_its_own_after_the_export(stage: BatchStage, sandbox: Sandbox) -> None:
    """A shard is killed, its run exported, and another run gets the calls: clearing the shard pays none of them."""
    run = BatchRun()
    stage.plan(run, "night-1", daily_limit=20)
    grant = run.shards[0]["grant"]
    killed = Owner("yard", "night-1", "ocr.read", 0, 1)
    book = BudgetBook(Store(local(stage.root / "ledger")), grant["account"], grant["period"], SystemClock())
    assert book.purse(grant["number"], grant["calls"], killed).draw(20, 1) == 20
    stage.export(run, "night-1")
    other = BatchStage.over(stage.root / "other", images=30, seed=99)
    other.dag_id = "other"
    assert other.run("night-2", daily_limit=20).counts["reads"] == 20

    stage.read(run, "night-1", try_number=2)

    assert sandbox.books()["billed"] == 20
    assert [counts["carried_over"] for counts in run.reads if isinstance(counts, dict)] == [20]


def test_with_fail_a_budget_that_was_planned_for_is_no_failure(stage: BatchStage, sandbox: Sandbox) -> None:
    run = stage.run("night-1", daily_limit=6, on_quota="fail")

    assert (run.error, run.counts["reads"], sandbox.books()["billed"]) == (None, 6, 6)


UNLIMITED = b'{"usage": {"calls": 5, "month": 3, "year": 2026}, "total_calls": %s}'


@pytest.mark.parametrize("total", [b"null", b'"unlimited"', b"[]"])
@pytest.mark.parametrize("limit", [{"reserve": 4000}, {"daily_limit": 5}, {"pace": True}])
def test_without_a_usable_count_nothing_starts_where_a_limit_was_asked_for(
    stage: BatchStage, monkeypatch: pytest.MonkeyPatch, total: bytes, limit: dict[str, Any]
) -> None:
    with recording_server(body=UNLIMITED % total) as api:
        stage.connect(monkeypatch, stage.root, api.url, "token")
        with pytest.raises(OCRStop, match="no usable total_calls"):
            stage.plan(BatchRun(), "night-1", **limit)


@pytest.mark.parametrize(
    ("limit", "to_pay"),
    [
        ({}, 20),
        ({"reserve": 4000, "without_statistics": "go_on"}, 20),
        ({"daily_limit": 5} | {"without_statistics": "go_on"}, 5),
    ],
)
def test_an_account_without_a_quota_is_read_where_no_limit_binds_it_or_the_user_says_so(
    stage: BatchStage, monkeypatch: pytest.MonkeyPatch, limit: dict[str, Any], to_pay: int
) -> None:
    with recording_server(body=UNLIMITED % b"null") as api:
        stage.connect(monkeypatch, stage.root, api.url, "token")
        run = BatchRun()
        stage.plan(run, "night-1", **limit)

    assert run.plan["to_pay"] == to_pay
    assert sum(shard["images"] for shard in run.shards) == 20


@pytest.mark.parametrize("limit", [{"reserve": 100}, {"daily_limit": 20}])
def test_while_reading_nothing_starts_where_the_account_does_not_say_what_is_left(
    stage: BatchStage, sandbox: Sandbox, limit: dict[str, int]
) -> None:
    run = BatchRun()
    stage.plan(run, "night-1", **limit)
    sandbox.control(faults=["on=statistics,always:error-200"])
    stage.read(run, "night-1", **limit)

    assert isinstance(run.reads[0], OCRError)
    assert not isinstance(run.reads[0], OCRQuotaExhausted)
    assert sandbox.books()["posts"] == 0
