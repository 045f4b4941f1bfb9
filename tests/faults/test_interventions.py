"""What people and deadlines do to a running task: mark failed, clear, execution_timeout, restarts, two runs at once."""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psutil
import pyarrow.parquet as pq
import pytest

from support.airflow_versions import since_3_1
from support.fault_books import table_of
from support.fault_stage import HELD, IMAGES, READ, STILL, staged, wait_gone

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.fault_stage import Stage
    from support.fleet import Fleet, TaskProcesses

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.scheduler, pytest.mark.faults]
RESTARTING = "a running task that is cleared is restarting for ever, until it is marked failed: apache/airflow#55045"


def _reading(stage: Stage, run_id: str) -> list[dict[str, Any]]:
    return [ti for ti in stage.airflow.tasks(stage.dag_id, run_id) if ti["task_id"] == READ]


def _seconds_until_gone(stage: Stage, processes: TaskProcesses) -> dict[str, str]:
    """Return when, from now on, Airflow had killed the task's process, and when the one that calls had drained.

    The calls are answered only when the task's process is gone, so that they certainly outlast it.
    """
    begun = time.monotonic()
    wait_gone(processes.task)
    task = time.monotonic() - begun
    stage.let_go()
    wait_gone(processes.child)
    return {"task gone, s": f"{task:.1f}", "child drained, s": f"{time.monotonic() - begun:.1f}"}


def test_marking_a_running_task_failed_loses_nothing_and_a_clear_finishes_the_table(
    airflow: Fleet, undisturbed: list[dict[Any, Any]], tmp_path: Path, line: Callable[..., None]
) -> None:
    with staged(airflow, tmp_path / "failed", latency="5", **STILL) as stage:
        run_id = stage.trigger()
        processes = stage.processes(run_id)
        in_flight = stage.wait_held()

        airflow.set_state(stage.dag_id, run_id, _reading(stage, run_id)[0], "failed")
        gone = _seconds_until_gone(stage, processes)
        assert stage.wait(run_id) == "failed"
        drained = stage.sandbox.books()["billed"]
        airflow.clear(stage.dag_id, run_id)
        state = stage.wait(run_id)

        books, table = stage.books(), stage.table()
        line(0, "mark failed mid-run, calls outlast it, clear", books, gone, in_flight=in_flight, rows=len(table))
        assert state == "success"
        assert drained == HELD
        books.hold()
        assert books.billed == IMAGES
        assert table == undisturbed


@since_3_1(RESTARTING)
def test_clearing_a_running_task_loses_nothing(
    airflow: Fleet, undisturbed: list[dict[Any, Any]], tmp_path: Path, line: Callable[..., None]
) -> None:
    with staged(airflow, tmp_path / "cleared", latency="5", **STILL) as stage:
        run_id = stage.trigger()
        processes = stage.processes(run_id)
        in_flight = stage.wait_held()

        airflow.clear_tasks(stage.dag_id, run_id, READ)
        gone = _seconds_until_gone(stage, processes)
        state = stage.wait(run_id)

        books, table = stage.books(), stage.table()
        line(0, "clear while running, calls outlast it", books, gone, in_flight=in_flight, rows=len(table))
        assert state == "success"
        books.hold()
        assert books.billed == IMAGES
        assert table == undisturbed


@since_3_1(f"clearing one mapped task clears the running ones with it, and {RESTARTING}")
def test_clearing_a_finished_shard_while_another_runs_pays_for_nothing_again(
    airflow: Fleet, undisturbed: list[dict[Any, Any]], tmp_path: Path, line: Callable[..., None]
) -> None:
    with staged(airflow, tmp_path / "shards", latency="0.2", faults=("image=load_000001:hold",)) as stage:
        run_id = stage.trigger(images_per_shard=IMAGES - 10)

        def finished(tries: int) -> list[dict[str, Any]]:
            return [ti for ti in _reading(stage, run_id) if ti["state"] == "success" and ti["try_number"] >= tries]

        done = stage.until("no shard finished before the other", lambda: finished(1))
        in_flight = stage.wait_held(1)
        airflow.clear_tasks(stage.dag_id, run_id, (READ, done[0]["map_index"]))
        again = stage.until("the cleared shard did not finish before the other", lambda: finished(2))
        others = [ti["state"] for ti in _reading(stage, run_id) if ti["map_index"] != done[0]["map_index"]]
        stage.let_go()
        state = stage.wait(run_id)

        books, table = stage.books(), stage.table()
        line(0, "clear after success, other shard running", books, in_flight=in_flight, rows=len(table))
        assert [len(done), len(again), others] == [1, 1, ["running"]]
        assert state == "success"
        books.hold()
        assert books.billed == IMAGES == stage.sandbox.books()["posts"]
        assert table == undisturbed


def test_a_task_drains_before_its_execution_timeout(
    airflow: Fleet, undisturbed: list[dict[Any, Any]], tmp_path: Path, line: Callable[..., None]
) -> None:
    with staged(airflow, tmp_path / "timeout", latency="2", rate_per_s=6, call_timeout_s=30) as stage:
        stage.dag_id = "faults_timeout"
        run_id = stage.trigger()
        state = stage.wait(run_id)

        books, table = stage.books(), stage.table()
        tries = _reading(stage, run_id)[0]["try_number"]
        line(0, f"execution_timeout mid-run ({tries} tries)", books, rows=len(table))
        assert state == "success"
        assert tries >= 2
        books.hold()
        assert books.billed == IMAGES
        assert table == undisturbed


def test_scheduler_and_api_server_killed_and_restarted_mid_run_cost_nothing(
    airflow: Fleet, undisturbed: list[dict[Any, Any]], tmp_path: Path, line: Callable[..., None]
) -> None:
    with staged(airflow, tmp_path / "restart", latency="2", **STILL) as stage:
        run_id = stage.trigger()
        in_flight = stage.wait_held()
        orphans = psutil.Process(airflow.parts["scheduler"].pid).children(recursive=True)

        airflow.kill("scheduler")
        airflow.kill("api-server")
        stage.let_go()
        airflow.start("api-server", "scheduler")
        airflow.wait_until_healthy()
        state = stage.wait(run_id)

        books, table = stage.books(), stage.table()
        line(0, "scheduler and API server killed, restarted", books, in_flight=in_flight, rows=len(table))
        assert state == "success"
        books.hold()
        assert books.billed == IMAGES
        assert table == undisturbed
    for orphan in orphans:  # idle workers of the killed scheduler wait for work for ever
        with suppress(psutil.NoSuchProcess):
            orphan.kill()


def test_a_triggerer_killed_while_the_gate_waits_leads_to_no_paid_call(
    airflow: Fleet, tmp_path: Path, line: Callable[..., None]
) -> None:
    with staged(airflow, tmp_path / "gate", latency="1", count=1) as stage:
        resets_on = datetime.now(UTC) + timedelta(seconds=25)
        stage.sandbox.control(quota=500, used=500, resets_on=resets_on.isoformat(), auto_reset=False)
        run_id = airflow.trigger("faults_gate", {"conn_id": stage.conn_id})
        airflow.wait_for_task("faults_gate", run_id, "gate", "deferred")

        airflow.kill("triggerer", with_children=True)
        looks = stage.sandbox.books()["statistics_calls"]
        airflow.start("triggerer")
        stage.until("nobody waits any more", lambda: stage.sandbox.books()["statistics_calls"] > looks)
        waiting = airflow.state("faults_gate", run_id)
        stage.sandbox.control(new_period=True)  # by itself it could begin before anybody waits for it
        state = airflow.wait("faults_gate", run_id)

        sums = stage.sandbox.books()
        line(
            0, "triggerer killed while the gate waits", {"images": 0, "billed": sums["billed"], "resent": 0, "lost": 0}
        )
        assert (waiting, state) == ("running", "success")
        assert datetime.now(UTC) >= resets_on
        assert sums["posts"] == 0


def test_two_dags_and_two_runs_over_overlapping_images_pay_for_each_once(
    airflow: Fleet, undisturbed: list[dict[Any, Any]], tmp_path: Path, line: Callable[..., None]
) -> None:
    with staged(airflow, tmp_path / "overlap", latency="1") as stage:
        half = tmp_path / "half"
        half.mkdir()
        for path in stage.images[: IMAGES // 2]:
            shutil.copy(path, half / path.name)
        datasets = [stage.dataset, tmp_path / "second", tmp_path / "third"]
        runs = [
            (dag_id, stage.trigger(dag_id, dataset=str(dataset), manifest=str(manifest)))
            for dag_id, dataset, manifest in zip(
                ("faults", "faults", "faults_twin"),
                datasets,
                (tmp_path / "overlap" / "images", half, half),
                strict=True,
            )
        ]
        states = [airflow.wait(dag_id, run_id) for dag_id, run_id in runs]

        books, tables = stage.books(), [table_of(dataset) for dataset in datasets]
        line(0, "two DAGs, three runs, overlapping images", books, rows="+".join(str(len(table)) for table in tables))
        assert states == ["success"] * 3
        books.hold()
        assert books.billed == IMAGES
        assert tables[0] == undisturbed
        assert tables[1] == tables[2] == undisturbed[: IMAGES // 2]


def test_the_same_image_under_two_names_is_paid_once_and_has_one_row(
    airflow: Fleet, tmp_path: Path, line: Callable[..., None]
) -> None:
    with staged(airflow, tmp_path / "names", latency="1", count=20) as stage:
        copies = [path.with_name(f"copy_{path.name}") for path in stage.images]
        for path, copy in zip(stage.images, copies, strict=True):
            shutil.copy(path, copy)
        state = stage.wait(stage.trigger(images_per_shard=15))

        books, table = stage.books(), stage.table()
        line(0, "each image under two names, three shards", books, rows=len(table))
        assert state == "success"
        books.hold()
        assert books.billed == 20
        assert len(table) == 20
        repeats = pq.read_table(f"{stage.dataset}_repeats").column("image_name").to_pylist()
        names = {row["image"] for row in table} | {name.rpartition("/")[2] for name in repeats}
        assert names == {path.name for path in (*stage.images, *copies)}
