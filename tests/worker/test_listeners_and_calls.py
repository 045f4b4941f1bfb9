"""The books of a run to which everybody listens badly: nothing is lost, nothing is paid twice, and the run goes on."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.events import CallEnd, CallEvent, RunEvent, RunStep
from airflow_provider_platerec_ocr.dataset.table.journal import best_outcomes
from airflow_provider_platerec_ocr.listeners.ears import Ears, Listener
from airflow_provider_platerec_ocr.worker.parent import ChildProcess
from support.sandbox import running_sandbox
from support.shards import answers_in, job

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from airflow_provider_platerec_ocr.core.events import Event


class Hasty(Ears):
    """Waits for those who hang as long as a task does not have to in a test."""

    def close(self, within_s: float) -> None:
        super().close(min(within_s, 0.5))


def raises(event: Event) -> None:
    raise RuntimeError(event.at)


def leaves(_: Event) -> None:
    sys.exit(1)


def test_where_every_hook_raises_or_hangs_the_books_are_whole(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Twelve images, one of them refused with 429 first: 12 billed, 12 answers, none twice."""
    forever = threading.Event()

    def hangs(_: Event) -> None:
        forever.wait()

    def never_begins() -> Callable[[Event], object]:
        forever.wait()
        return raises

    listeners = [
        Listener("raises", lambda: raises),
        Listener("hangs", lambda: hangs),
        Listener("never-begins", never_begins),
        Listener("leaves", lambda: leaves),
    ]
    with running_sandbox(faults=["nth=3:429"]) as sandbox:
        work = job(tmp_path, sandbox, 12)

        ended = ChildProcess(work, ear=Hasty(listeners, most=4)).wait()

        assert ended.error is None
        assert ended.counts["read"] == 12
        assert sandbox.books()["billed"] == 12
        assert sandbox.books()["billed_more_than_once"] == {}
    forever.set()
    assert answers_in(work) == len(best_outcomes(work.workspace, 0)) == 12
    assert "The listener raises failed" in caplog.text
    assert "The listener hangs did not take" in caplog.text


def test_each_call_and_each_step_of_a_shard_is_heard_of(tmp_path: Path) -> None:
    heard: list[Event] = []
    with running_sandbox(faults=["nth=2:429", "nth=3:400"]) as sandbox:
        ended = ChildProcess(job(tmp_path, sandbox, 6), ear=Ears([Listener("all", lambda: heard.append)])).wait()

    calls = [event for event in heard if isinstance(event, CallEvent)]
    steps = [event for event in heard if isinstance(event, RunEvent)]
    assert ended.error is None
    assert sorted(event.end for event in calls) == sorted(
        [CallEnd.REFUSED, CallEnd.REJECTED, *[CallEnd.ANSWERED] * 5],
    )
    assert {(event.dag_id, event.run_id, event.task_id, event.type) for event in calls} == {
        ("dag", "run", "read", "vin")
    }
    assert {event.row for event in calls} == set(range(1, 7))
    assert {event.error for event in calls} == {None, "OCRRateLimited", "OCRRejected"}
    assert all(len(event.fingerprint) == 64 and event.upload_bytes > 0 for event in calls)
    assert [steps[0].step, steps[-1].step] == [RunStep.BEGUN, RunStep.READ]
    assert steps[-1].counts == ended.counts
    assert sandbox.token not in repr(heard)


def test_where_only_runs_are_wanted_no_call_is_told(tmp_path: Path) -> None:
    heard: list[Event] = []
    ears = Ears([Listener("runs", lambda: heard.append, wants_calls=False)])
    with running_sandbox() as sandbox:
        ChildProcess(job(tmp_path, sandbox, 3), ear=ears).wait()

    assert {type(event) for event in heard} == {RunEvent}
