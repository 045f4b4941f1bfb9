"""Signals to all processes of a service."""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from support.fault_stage import HELD, IMAGES, STILL, staged, wait_gone

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.fleet import Fleet

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.scheduler, pytest.mark.faults]


def signal_all(root: psutil.Process, number: int) -> None:
    """Send a signal to a process and all that descends from it, as a service manager does to its unit."""
    for process in [*root.children(recursive=True), root]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: signal.Signals(number).name)
def test_a_signal_to_all_processes_of_a_unit_loses_nothing(
    airflow: Fleet, undisturbed: list[dict[Any, Any]], tmp_path: Path, line: Callable[..., None], number: int
) -> None:
    name = signal.Signals(number).name
    with staged(airflow, tmp_path / name.lower(), latency="2", **STILL) as stage:
        run_id = stage.trigger()
        processes = stage.processes(run_id)
        in_flight = stage.wait_held()

        signal_all(psutil.Process(airflow.parts["scheduler"].pid), number)
        stage.let_go()
        wait_gone(processes.child)
        drained = stage.sandbox.books()["billed"]
        kept = len(list(stage.ledger.rglob("*.answer")))
        airflow.parts["scheduler"].wait()
        airflow.start("scheduler")
        airflow.wait_until_healthy()
        stage.presume_dead(run_id)
        state = stage.wait(run_id)

        books, table = stage.books(), stage.table()
        line(0, f"{name} to all processes of the unit", books, in_flight=in_flight, rows=len(table))
        assert drained == kept == HELD
        assert state == "success"
        books.hold()
        assert books.billed == IMAGES
        assert table == undisturbed
