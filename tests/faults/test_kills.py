"""Kills of every process of a running task, by a real scheduler's own rules of recovery."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from support.fault_books import age, open_claims
from support.fault_stage import IMAGES, staged, wait_gone

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.fleet import Fleet

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.scheduler, pytest.mark.faults]


def test_a_killed_task_process_loses_nothing(
    airflow: Fleet, undisturbed: list[dict[Any, Any]], tmp_path: Path, line: Callable[..., None]
) -> None:
    with staged(airflow, tmp_path / "task", latency="3") as stage:
        run_id = stage.trigger()
        in_flight = stage.wait_in_flight()

        stage.processes(run_id).task.kill()
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
    with staged(airflow, tmp_path / "supervisor", latency="3") as stage:
        run_id = stage.trigger()
        in_flight = stage.wait_in_flight()

        stage.processes(run_id).supervisor.kill()
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
    with staged(airflow, tmp_path / "both", latency="3") as stage:
        run_id = stage.trigger()
        in_flight = stage.wait_in_flight()

        processes = stage.processes(run_id)
        processes.supervisor.kill()
        processes.task.kill()
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
    with staged(airflow, tmp_path / "term", latency="15", rate_per_s=20, call_timeout_s=40) as stage:
        run_id = stage.trigger()
        in_flight = stage.wait_in_flight()

        stage.processes(run_id).supervisor.terminate()
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
    with staged(airflow, tmp_path / "child", latency="3") as stage:
        run_id = stage.trigger()
        stage.wait_in_flight()

        stage.processes(run_id).child.kill()
        in_flight = stage.sandbox.books()["in_flight"]
        age(open_claims(stage.ledger))  # their leases last 110 s; the long variant waits for them
        state = stage.wait(run_id)

        books, table = stage.books(), stage.table()
        line(0, "kill -9 of the child that calls", books, in_flight=in_flight, rows=len(table))
        assert state == "success"
        books.hold(resent_at_most=in_flight)
        assert books.billed == IMAGES + books.resent
        assert books.resent >= 50
        assert table == undisturbed


@pytest.mark.long
def test_a_killed_childs_calls_are_repeated_only_when_their_leases_are_over(
    airflow: Fleet, undisturbed: list[dict[Any, Any]], tmp_path: Path, line: Callable[..., None]
) -> None:
    with staged(airflow, tmp_path / "leases", latency="3") as stage:
        run_id = stage.trigger()
        stage.wait_in_flight()

        stage.processes(run_id).child.kill()
        killed_at = time.monotonic()
        in_flight = stage.sandbox.books()["in_flight"]
        state = stage.wait(run_id, within_s=400)

        books, table = stage.books(), stage.table()
        line(0, "kill -9 of the child, leases kept", books, in_flight=in_flight, rows=len(table))
        assert state == "success"
        assert time.monotonic() - killed_at > 100
        books.hold(resent_at_most=in_flight)
        assert table == undisturbed


def test_a_whole_worker_killed_loses_nothing(
    airflow: Fleet, undisturbed: list[dict[Any, Any]], tmp_path: Path, line: Callable[..., None]
) -> None:
    with staged(airflow, tmp_path / "worker", latency="3") as stage:
        run_id = stage.trigger()
        in_flight = stage.wait_in_flight()
        child = stage.processes(run_id).child

        airflow.kill("scheduler", with_children=True)
        wait_gone(child)
        airflow.start("scheduler")
        airflow.wait_until_healthy()
        state = stage.wait(run_id)

        books, table = stage.books(), stage.table()
        line(0, "kill -9 of the whole worker", books, in_flight=in_flight, rows=len(table))
        assert state == "success"
        books.hold()
        assert books.billed == IMAGES
        assert table == undisturbed
