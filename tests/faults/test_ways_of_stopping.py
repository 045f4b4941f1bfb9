"""Signals to all processes of a service, and Ctrl-C of ``airflow dags test``."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from support.airflow_home import connection_env
from support.fault_books import open_claims
from support.fault_stage import HELD, IMAGES, STILL, staged, wait_gone
from support.sandbox import TOKEN
from support.waiting import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.fault_stage import Stage
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


@contextmanager
def dags_test(stage: Stage, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``airflow dags test`` in a terminal's process group of its own, with a home and a database of its own."""
    home = stage.root / "home"
    name, connection = connection_env(
        stage.base_url, TOKEN, conn_id=stage.conn_id, call_timeout_s=120, rate_per_s=30, max_in_flight=stage.at_once
    )
    environment = stage.airflow.environment | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        name: connection,
    }
    home.mkdir()
    airflow = [sys.executable, "-m", "airflow"]
    places = {"manifest": str(stage.root / "images"), "dataset": str(stage.dataset), "ledger": str(stage.ledger)}
    conf = json.dumps(places | {"conn_id": stage.conn_id})
    with log.open("wb") as output:
        subprocess.run([*airflow, "db", "migrate"], env=environment, stdout=output, stderr=output, check=True)  # noqa: S603  # our own arguments
        person = subprocess.Popen(  # noqa: S603  # as above
            [*airflow, "dags", "test", stage.dag_id, "--conf", conf],
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            yield person
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(person.pid, signal.SIGKILL)


def test_ctrl_c_of_dags_test_starts_no_new_call_and_loses_nothing(
    airflow: Fleet, undisturbed: list[dict[Any, Any]], tmp_path: Path, line: Callable[..., None]
) -> None:
    log = tmp_path / "dags-test.log"
    with staged(airflow, tmp_path / "ctrl_c", latency="2", **STILL) as stage:
        with dags_test(stage, log) as person:
            in_flight = stage.wait_held()

            os.killpg(person.pid, signal.SIGINT)
            stage.until("nobody gave the calls up", lambda: "Nobody waits for process" in log.read_text())
            stage.let_go()
            code = person.wait(PATIENCE_S)
            stage.until("the calls never ended", lambda: not open_claims(stage.ledger))
        sums = stage.sandbox.books()
        state = stage.wait(stage.trigger())

        books, table = stage.books(), stage.table()
        line(0, "Ctrl-C of airflow dags test, next night", books, in_flight=in_flight, rows=len(table))
        assert code != 0
        assert (sums["posts"], sums["billed"]) == (HELD, HELD)
        assert state == "success"
        books.hold()
        assert books.billed == IMAGES
        assert table == undisturbed
