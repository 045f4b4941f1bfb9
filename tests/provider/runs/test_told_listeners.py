"""A user's listener hears of a whole run: its plan, each call and step of its reads, its export."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.events import CallEvent, RunEvent
from support import heard

if TYPE_CHECKING:
    import pytest

    from support.batch_stage import BatchStage
    from support.sandbox import Sandbox


def test_a_listener_hears_of_a_whole_run(stage: BatchStage, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__PLATEREC_OCR__LISTENERS", "support.heard:heard")
    heard.EVENTS.clear()

    run = stage.run("night-1", daily_limit=3)

    steps = [event for event in heard.EVENTS if isinstance(event, RunEvent)]
    assert [event.step.value for event in steps] == ["planned", "begun", "progress", "read", "published"]
    assert (steps[0].counts["to_pay"], steps[-1].counts["reads"]) == (3, run.counts["reads"])
    assert steps[-1].calls_left == run.counts["spend"]["calls_left"]
    assert sum(isinstance(event, CallEvent) for event in heard.EVENTS) == 3 == sandbox.books()["billed"]
    assert {event.run_id for event in heard.EVENTS} == {"night-1"}
