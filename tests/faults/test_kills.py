"""Kills of every process of a running task, by a real scheduler's own rules of recovery."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.airflow_versions import TRIES_KILLED_TASKS_AGAIN
from support.fault_books import age, open_claims
from support.fault_stage import HELD, IMAGES, STILL, staged, wait_gone

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.fleet import Fleet

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.scheduler, pytest.mark.faults]


def test_a_killed_task_process_loses_nothing(
    airflow: Fleet, undisturbed: list[dict[Any, Any]], tmp_path: Path, line: Callable[..., None]
) -> None:
    with staged(airflow, tmp_path / "task", latency="2", **STILL) as stage:
        run_id = stage.trigger()
        processes = stage.processes(run_id)
        in_flight = stage.wait_held()

        processes.task.kill()
        stage.let_go()
        state = stage.wait(run_id)
        if not TRIES_KILLED_TASKS_AGAIN:
            assert state == "failed"
            airflow.clear(stage.dag_id, run_id)
            state = stage.wait(run_id)

        books, table = stage.books(), stage.table()
        line(0, "kill -9 of the task process", books, in_flight=in_flight, rows=len(table))
        assert state == "success"
        books.hold()
        assert books.billed == IMAGES
        assert table == undisturbed


def test_a_killed_supervisor_loses_nothing(
    airflow: Fleet, undisturbed: list[dict[Any, Any]], tmp_path: Path, line: Callable[..., None]
) -> None:
    with staged(airflow, tmp_path / "supervisor", latency="2", **STILL) as stage:
        run_id = stage.trigger()
        processes = stage.processes(run_id)
        in_flight = stage.wait_held()

        processes.supervisor.kill()
        stage.let_go()
        stage.presume_dead(run_id)
        state = stage.wait(run_id)

        books, table = stage.books(), stage.table()
        line(0, "kill -9 of its supervisor", books, in_flight=in_flight, rows=len(table))
        assert state == "success"
        books.hold()
        assert books.billed == IMAGES
        assert table == undisturbed


def test_supervisor_and_task_killed_together_lose_nothing(
    airflow: Fleet, undisturbed: list[dict[Any, Any]], tmp_path: Path, line: Callable[..., None]
) -> None:
    with staged(airflow, tmp_path / "both", latency="2", **STILL) as stage:
        run_id = stage.trigger()
        processes = stage.processes(run_id)
        in_flight = stage.wait_held()

        processes.supervisor.kill()
        processes.task.kill()
        stage.let_go()
        stage.presume_dead(run_id)
        state = stage.wait(run_id)

        books, table = stage.books(), stage.table()
        line(0, "kill -9 of supervisor and task", books, in_flight=in_flight, rows=len(table))
        assert state == "success"
        books.hold()
        assert books.billed == IMAGES
        assert table == undisturbed


def test_a_terminated_worker_drains_calls_of_fifteen_seconds(
    airflow: Fleet, undisturbed: list[dict[Any, Any]], tmp_path: Path, line: Callable[..., None]
) -> None:
    with staged(airflow, tmp_path / "term", latency="15", **STILL) as stage:
        run_id = stage.trigger()
        processes = stage.processes(run_id)
        in_flight = stage.wait_held()

        processes.supervisor.terminate()
        stage.let_go()
        stage.sandbox.control(latency="0.2")  # for the calls that begin later
        state = stage.wait(run_id)

        books, table = stage.books(), stage.table()
        line(0, "SIGTERM of the worker, calls of 15 s", books, in_flight=in_flight, rows=len(table))
        assert state == "success"
        books.hold()
        assert books.billed == IMAGES
        assert table == undisturbed


def test_a_killed_child_costs_at_most_the_calls_in_flight_each_named_before_its_resend(
    airflow: Fleet, undisturbed: list[dict[Any, Any]], tmp_path: Path, line: Callable[..., None]
) -> None:
    with staged(airflow, tmp_path / "child", latency="2", **STILL) as stage:
        run_id = stage.trigger()
        processes = stage.processes(run_id)
        in_flight = stage.wait_held()

        processes.child.kill()
        wait_gone(processes.child)
        age(open_claims(stage.ledger))  # their leases last minutes; the long variant waits for them
        stage.let_go()
        state = stage.wait(run_id)
        night = stage.books()
        left = IMAGES - len(stage.table())
        later = stage.wait(stage.trigger())

        books, table = stage.books(), stage.table()
        line(0, "kill -9 of the child that calls, next night", books, in_flight=in_flight, rows=len(table))
        assert (state, later) == ("success", "success")
        night.hold(resent_at_most=in_flight)
        assert (night.billed, left) == (IMAGES, HELD)  # no more than was planned
        books.hold(resent_at_most=in_flight)
        assert books.resent == HELD
        assert books.billed == IMAGES + HELD
        assert table == undisturbed


@pytest.mark.long
def test_a_killed_childs_calls_are_repeated_only_when_their_leases_are_over(
    airflow: Fleet, undisturbed: list[dict[Any, Any]], tmp_path: Path, line: Callable[..., None]
) -> None:
    with staged(airflow, tmp_path / "leases", latency="2", call_timeout_s=60, **STILL) as stage:
        run_id = stage.trigger()
        processes = stage.processes(run_id)
        in_flight = stage.wait_held()

        processes.child.kill()
        wait_gone(processes.child)
        stage.let_go()
        state = stage.wait(run_id)
        later = stage.wait(stage.trigger())

        books, table = stage.books(), stage.table()
        line(0, "kill -9 of the child, leases kept, next night", books, in_flight=in_flight, rows=len(table))
        assert (state, later) == ("success", "success")
        pairs = [(path.with_name(path.name[:-8] + ".1.claim"), path) for path in stage.ledger.rglob("*.2.claim")]
        assert len(pairs) == HELD
        lease_s = 30 + 60 + 60  # until it is sent, for the call, to save its answer
        assert min(second.stat().st_mtime - first.stat().st_mtime for first, second in pairs) >= lease_s
        books.hold(resent_at_most=in_flight)
        assert table == undisturbed


def test_a_whole_worker_killed_loses_nothing(
    airflow: Fleet, undisturbed: list[dict[Any, Any]], tmp_path: Path, line: Callable[..., None]
) -> None:
    with staged(airflow, tmp_path / "worker", latency="2", **STILL) as stage:
        run_id = stage.trigger()
        child = stage.processes(run_id).child
        in_flight = stage.wait_held()

        airflow.kill("scheduler", with_children=True)
        stage.let_go()
        wait_gone(child)
        airflow.start("scheduler")
        airflow.wait_until_healthy()
        stage.presume_dead(run_id)
        state = stage.wait(run_id)

        books, table = stage.books(), stage.table()
        line(0, "kill -9 of the whole worker", books, in_flight=in_flight, rows=len(table))
        assert state == "success"
        books.hold()
        assert books.billed == IMAGES
        assert table == undisturbed
