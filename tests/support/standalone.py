"""A running Airflow as seen over REST, and the settings of one of its own; :mod:`.fleet` starts it, part by part.

::

    run_id = airflow.trigger("nightly_ocr_batch", {"manifest": …})
    assert airflow.wait("nightly_ocr_batch", run_id) == "success"
"""

from __future__ import annotations

import json
import os
import socket
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

from support.waiting import PATIENCE_S, until

if TYPE_CHECKING:
    from pathlib import Path

DONE = frozenset({"success", "failed"})
PARTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")


def free_port() -> int:
    """Return a port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Standalone:
    """A running Airflow and its REST API."""

    url: str
    log: Path
    """Its log, or the folder of its logs."""
    token: str = field(default="", repr=False)
    user: tuple[str, str] | None = field(default=None, repr=False)
    """Name and password; ``None`` where everybody is an administrator."""

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call ``/api/v2`` and return the JSON answer (``None`` where it is empty)."""
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.url}/api/v2{path}", data=data, headers=headers, method=method)  # noqa: S310  # loopback
        try:
            with urlopen(request, timeout=PATIENCE_S) as response:  # noqa: S310
                text = response.read()
        except HTTPError as error:
            message = f"{method} {path}: {error.code} {error.read().decode()[:500]}"
            raise AssertionError(message) from error
        return json.loads(text) if text else None

    def sign_in(self) -> None:
        """Fetch a token."""
        data = None
        if self.user is not None:
            data = json.dumps(dict(zip(("username", "password"), self.user, strict=True))).encode()
        request = Request(f"{self.url}/auth/token", data=data, headers={"Content-Type": "application/json"})  # noqa: S310  # loopback
        with urlopen(request, timeout=PATIENCE_S) as response:  # noqa: S310
            self.token = json.load(response)["access_token"]

    def trigger(self, dag_id: str, conf: dict[str, Any] | None = None, run_id: str | None = None) -> str:
        """Wait until the DAG is known, unpause it, start a run and return its id."""
        self.wait_for_dag(dag_id)
        self.call("PATCH", f"/dags/{dag_id}", {"is_paused": False})
        body: dict[str, Any] = {"logical_date": None, "conf": conf or {}}
        if run_id:
            body["dag_run_id"] = run_id
        return str(self.call("POST", f"/dags/{dag_id}/dagRuns", body)["dag_run_id"])

    def wait_for_dag(self, dag_id: str) -> None:
        """Return when the DAG was parsed: a healthy Airflow has not done that yet."""
        page = f"/dags?limit=100&dag_id_pattern={dag_id}"

        def known() -> bool:
            return dag_id in {dag["dag_id"] for dag in self.call("GET", page)["dags"]}

        until(f"{dag_id} is not there", known, every_s=0.5)

    def state(self, dag_id: str, run_id: str) -> str:
        """Return the run's state."""
        return str(self.call("GET", f"/dags/{dag_id}/dagRuns/{quote(run_id)}")["state"])

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return all task instances of a run."""
        found: list[dict[str, Any]] = []
        while True:  # a page has at most 100, whatever is asked for
            page = f"/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances?limit=100&offset={len(found)}"
            answer = self.call("GET", page)
            found += answer["task_instances"]
            if not answer["task_instances"] or len(found) >= answer["total_entries"]:
                return found

    def wait(self, dag_id: str, run_id: str, *, within_s: float = PATIENCE_S, every_s: float = 0.5) -> str:
        """Return the state in which a run ended."""

        def ended() -> str:
            state = self.state(dag_id, run_id)
            return state if state in DONE else ""

        try:
            return until("it did not end", ended, within_s, every_s=every_s)
        except AssertionError as error:
            states = {f"{ti['task_id']}[{ti['map_index']}]": ti["state"] for ti in self.tasks(dag_id, run_id)}
            message = f"{dag_id} {run_id}: {error}: {states}; see {self.log}"
            raise AssertionError(message) from error

    def wait_for_task(self, dag_id: str, run_id: str, task_id: str, state: str) -> None:
        """Return when a task of a run is in ``state``, which has to be one in which it stays until it is looked at."""

        def reached() -> bool:
            return any((ti["task_id"], ti["state"]) == (task_id, state) for ti in self.tasks(dag_id, run_id))

        until(f"{task_id} never was {state}", reached, every_s=0.5)

    def clear(self, dag_id: str, run_id: str) -> None:
        """Clear a whole run, so that it runs again."""
        self.call("POST", f"/dags/{dag_id}/dagRuns/{quote(run_id)}/clear", {"dry_run": False})

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value") -> Any:
        """Return what a task pushed."""
        path = f"/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances/{task_id}/xcomEntries/{key}"
        value = self.call("GET", path)["value"]
        return json.loads(value) if isinstance(value, str) else value


def healthy(url: str) -> bool:
    """Return whether every part of the Airflow at ``url`` reports in."""
    try:
        with urlopen(f"{url}/api/v2/monitor/health", timeout=60) as response:  # noqa: S310
            health = json.load(response)
    except (URLError, OSError, ValueError):
        return False
    return all(health.get(part, {}).get("status") == "healthy" for part in PARTS)


def settings(home: Path, dags: Path, port: int) -> dict[str, str]:
    """Return the environment of an Airflow of its own in ``home``."""
    mine = {key: value for key, value in os.environ.items() if not key.startswith("AIRFLOW")}
    return mine | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "8",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "PATH": f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ.get('PATH', '')}",  # noqa: PTH120
    }
