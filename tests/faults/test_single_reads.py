"""What ends a task that reads one image: a kill from the UI, and an ``execution_timeout`` shorter than its call."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from support.fault_stage import staged, wait_gone

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.fault_stage import Stage
    from support.fleet import Fleet

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.scheduler, pytest.mark.faults]
ONE: dict[str, Any] = {"latency": "0.2", "count": 1, "faults": ("always:hold",)}
"""For :func:`staged`: one image, whose call is held."""


def test_a_kill_from_the_ui_of_a_single_read_loses_nothing(
    airflow: Fleet, tmp_path: Path, line: Callable[..., None]
) -> None:
    with staged(airflow, tmp_path / "single", **ONE) as stage:
        stage.dag_id = "faults_single"
        run_id = stage.trigger(image=str(stage.images[0]))
        processes = stage.processes(run_id, "single")
        in_flight = stage.wait_held(1)

        begun = time.monotonic()
        airflow.set_state(stage.dag_id, run_id, airflow.tasks(stage.dag_id, run_id)[0], "failed")
        wait_gone(processes.task)
        gone = {"task gone, s": f"{time.monotonic() - begun:.1f}"}
        stage.let_go()
        wait_gone(processes.child)
        failed = stage.wait(run_id)
        airflow.clear(stage.dag_id, run_id)
        state = stage.wait(run_id)

        line(0, "mark failed: a single read", _held_books(stage), gone, in_flight=in_flight)
        assert (failed, state) == ("failed", "success")


def test_an_execution_timeout_of_a_task_that_reads_by_the_hook_loses_nothing(
    airflow: Fleet, tmp_path: Path, line: Callable[..., None]
) -> None:
    with staged(airflow, tmp_path / "hook", **ONE) as stage:
        stage.dag_id = "faults_hook"
        run_id = stage.trigger(image=str(stage.images[0]))
        in_flight = stage.wait_held(1)

        def tries() -> int:
            return max(int(ti["try_number"]) for ti in airflow.tasks(stage.dag_id, run_id))

        stage.until("the task never ran into its timeout", lambda: tries() > 1)
        stage.let_go()
        state = stage.wait(run_id)

        line(0, f"execution_timeout, hook.read ({tries()} tries)", _held_books(stage), in_flight=in_flight)
        assert "AirflowTaskTimeout" in stage.logs()
        assert state == "success"


def _held_books(stage: Stage) -> Any:
    """Return the books of one image, which was sent and billed once."""
    books = stage.books()
    books.hold()
    assert books.billed == stage.sandbox.books()["posts"] == 1
    return books
