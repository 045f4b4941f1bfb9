"""Airflow part by part on PostgreSQL, so that a test can kill any part of it, and find the processes of one task.

::

    with fleet(home, dags, {}) as airflow:
        run_id = airflow.trigger("nightly", {...})
        airflow.processes_of("nightly", run_id, "ocr.read")[0].task.kill()
        airflow.kill("scheduler")
        airflow.start("scheduler")
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from sqlalchemy import create_engine, text

from support.postgres import postgres
from support.standalone import Standalone, free_port, healthy, settings
from support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

PARTS = ("api-server", "scheduler", "dag-processor", "triggerer")
CHILD = "airflow_provider_platerec_ocr.worker.child"
QUICK = {
    "AIRFLOW__CORE__PARALLELISM": "16",
    "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "1",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "10",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "10",
    "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_POOL_SIZE": "20",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_MAX_OVERFLOW": "20",
}
"""What makes Airflow look every few seconds, and gives it room and time for many runs at once on a small machine.

How long a task may be silent before it counts as dead stays as it is, at minutes: with seconds, a busy machine kills
tasks that are well. A test that killed one says so itself, see :meth:`Fleet.presume_dead`.
"""
AGE = text("UPDATE task_instance SET last_heartbeat_at = now() - interval '1 hour' WHERE id::text = ANY(:dead)")


@dataclass(frozen=True)
class TaskProcesses:
    """The processes of one running task."""

    supervisor: psutil.Process
    """The executor's worker process, which watches over the task."""
    task: psutil.Process
    """The task's own process, in which the operator runs."""
    child: psutil.Process
    """The process that makes the calls, in a session of its own."""


@dataclass
class Fleet(Standalone):
    """A running Airflow whose parts are separate processes."""

    environment: dict[str, str] = field(default_factory=dict, repr=False)
    home: Path = field(kw_only=True)
    parts: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, *names: str) -> None:
        """Start parts; each has a session of its own."""
        for name in names:
            with (self.home / f"{name}.log").open("ab") as output:
                self.parts[name] = subprocess.Popen(  # noqa: S603  # our own arguments
                    [sys.executable, "-m", "airflow", *name.split()],
                    env=self.environment,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )

    def kill(self, name: str, *, with_children: bool = False) -> None:
        """Kill a part with -9; ``with_children`` takes all that descends from it but the processes that make calls."""
        found = psutil.Process(self.parts[name].pid)
        children = found.children(recursive=True) if with_children else []
        victims = [found, *(child for child in children if CHILD not in _line(child))]
        for victim in victims:
            with contextlib.suppress(psutil.NoSuchProcess):
                victim.kill()
        self.parts[name].wait()

    def wait_until_healthy(self) -> None:
        """Return when all parts report in."""

        def up() -> bool:
            dead = [name for name, part in self.parts.items() if part.poll() is not None]
            assert not dead, f"{dead[0]} ended: {(self.home / f'{dead[0]}.log').read_text()[-3000:]}"
            return healthy(self.url)

        until(f"Airflow did not become healthy; see {self.home}", up, every_s=0.5)

    def end(self) -> None:
        """End every part and what it started."""
        everything = [
            process
            for part in self.parts.values()
            if psutil.pid_exists(part.pid)
            for process in psutil.Process(part.pid).children(recursive=True)
        ]
        for part in self.parts.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(part.pid, signal.SIGKILL)
            part.wait()
        for process in everything:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def add_connection(self, conn_id: str, host: str, token: str, extra: str) -> None:
        """Make a connection of ours in the metadata database."""
        body = {"connection_id": conn_id, "conn_type": "platerec_ocr", "host": host, "password": token, "extra": extra}
        self.call("POST", "/connections", body)

    def know_host(self, name: str, calls_in_s: float = 0.0) -> None:
        """Have a name under ``.faults.test`` known to the tasks; to those that make the calls in so many seconds."""
        folder = Path(self.environment["FAULTS_HOSTS"])
        folder.mkdir(exist_ok=True)
        (folder / f".{name}").write_text(str(time.time() + calls_in_s))
        (folder / f".{name}").replace(folder / name)

    def set_state(self, dag_id: str, run_id: str, task: dict[str, Any], state: str) -> None:
        """Do what *mark as …* in the UI does, to one task instance of :meth:`tasks`."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task['task_id']}/{task['map_index']}"
        self.call("PATCH", path, {"new_state": state})

    def clear_tasks(self, dag_id: str, run_id: str, *tasks: str | tuple[str, int]) -> None:
        """Clear tasks of a run, running or not; one mapped instance is ``(task_id, map_index)``."""
        body = {
            "dry_run": False,
            "dag_run_id": run_id,
            "only_failed": False,
            "include_downstream": True,
            "task_ids": [list(task) if isinstance(task, tuple) else task for task in tasks],
        }
        self.call("POST", f"/dags/{dag_id}/clearTaskInstances", body)

    def presume_dead(self, dag_id: str, run_id: str, task_id: str) -> None:
        """Return when Airflow has noticed that a running task's supervisor is dead.

        The task's last sign of life is made old, again and again, since one that was on its way may still come in.
        """
        dead = [ti["id"] for ti in self.tasks(dag_id, run_id) if (ti["task_id"], ti["state"]) == (task_id, "running")]
        engine = create_engine(self.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])

        def noticed() -> bool:
            with engine.begin() as connection:
                connection.execute(AGE, {"dead": dead})
            return not any(ti["id"] in dead and ti["state"] == "running" for ti in self.tasks(dag_id, run_id))

        try:
            until(f"nobody noticed that {task_id} is dead", noticed, every_s=1)
        finally:
            engine.dispose()

    def processes_of(self, dag_id: str, run_id: str, task_id: str) -> list[TaskProcesses]:
        """Return the processes of each running instance of a task whose child is up."""
        running = [ti for ti in self.tasks(dag_id, run_id) if (ti["task_id"], ti["state"]) == (task_id, "running")]
        titles = {f"airflow worker -- {ti['id']}" for ti in running}
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                if _line(process).strip() in titles:
                    children = [child for child in process.children() if CHILD in _line(child)]
                    supervisor = process.parent()
                    if children and supervisor is not None:
                        found.append(TaskProcesses(supervisor, process, children[0]))
        return found


def _line(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
        return " ".join(process.cmdline())
    return ""


@contextmanager
def fleet(
    home: Path, dags: Path, extra: dict[str, str], more: tuple[str, ...] = (), user: tuple[str, str] | None = None
) -> Iterator[Fleet]:
    """Run Airflow in ``home`` over the DAG folder ``dags`` on a PostgreSQL of its own until the block ends.

    :param more: parts beside the usual ones, such as ``celery worker``.
    :param user: name and password of the one administrator; ``None``: everybody is one, signed in or not.
    """
    home.mkdir(parents=True, exist_ok=True)
    port = free_port()
    secret = {
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
        "AIRFLOW__API__SECRET_KEY": secrets.token_hex(32),
        "AIRFLOW__CORE__FERNET_KEY": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    }
    with postgres() as database, (home / "migrate.log").open("wb") as log:
        environment = settings(home, dags, port) | QUICK | secret | database | extra
        if user is not None:
            (home / "passwords.json").write_text(json.dumps(dict([user])))
            environment |= {
                "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
                "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{user[0]}:admin",
                "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
            }
        migrate = [sys.executable, "-m", "airflow", "db", "migrate"]
        subprocess.run(migrate, env=environment, stdout=log, stderr=subprocess.STDOUT, check=True)  # noqa: S603
        airflow = Fleet(f"http://127.0.0.1:{port}", log=home, user=user, environment=environment, home=home)
        try:
            airflow.start(*PARTS, *more)
            airflow.wait_until_healthy()
            airflow.sign_in()
            yield airflow
        finally:
            airflow.end()
