"""Quota, budget and the spend report, with the operators executed one after the other against the sandbox."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.core.errors import OCRIncomplete, OCRQuotaExhausted
from support.batch_stage import BatchStage, connected
from support.sandbox import running_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.sandbox import Sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox(quota=1000) as running:
        yield running


@pytest.fixture
def stage(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BatchStage:
    return connected(monkeypatch, tmp_path, sandbox, images=20)


def in_days(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


def test_a_quota_that_ends_mid_run_carries_the_rest_over_and_says_how_many(stage: BatchStage, sandbox: Sandbox) -> None:
    run = run_with_quota_gone(stage, sandbox, left=12)

    assert run.error is None
    assert run.reads[0]["carried_over"] == 8
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


def run_with_quota_gone(stage: BatchStage, sandbox: Sandbox, left: int, **given: Any) -> Any:
    """Plan everything, let others use up the quota but for ``left`` calls, then read and export."""
    from support.batch_stage import BatchRun

    run = BatchRun()
    stage.plan(run, "night-1", **given)
    used = sandbox.state()["accounts"][0]["used"]
    sandbox.control(quota=used + left)
    stage.read(run, "night-1", **given)
    stage.export(run, "night-1", **given)
    return run
