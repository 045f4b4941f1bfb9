"""A throw-away Airflow: its own ``AIRFLOW_HOME``, a SQLite database and a DAG folder, for tests that run real DAGs.

``claim()`` must run before anything imports Airflow, since Airflow reads its environment once, at import: the top
``conftest.py`` does that. The database is made when the ``airflow_home`` fixture is first used (about ten seconds).

::

    @pytest.mark.airflow
    def test_something(airflow_home, monkeypatch):
        monkeypatch.setenv(*connection_env("http://127.0.0.1:8080", "secret"))
        airflow_home.add_dag("my_dag.py", SOURCE)            # text, or a Path to copy
        run = airflow_home.run_dag("my_dag", {"param": 1})   # in this process, triggers and retries included
        assert run.state == "success"
        assert run.xcom("my_task") == {"a": 1}
"""

# Airflow must not be imported before claim() has run
from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

_SETTINGS = {
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
    "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "1",
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
}


def claim() -> Path:
    """Point this process, and those that it starts, at a new and empty ``AIRFLOW_HOME``; once per process."""
    known = os.environ.get("_TESTS_AIRFLOW_HOME", "")
    if known.endswith(f"-{os.getpid()}"):
        return Path(known)
    home = Path(tempfile.mkdtemp(prefix="airflow-home-", suffix=f"-{os.getpid()}"))
    (home / "dags").mkdir()
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    os.environ.update(
        _SETTINGS,
        _TESTS_AIRFLOW_HOME=str(home),
        AIRFLOW_HOME=str(home),
        AIRFLOW__CORE__DAGS_FOLDER=str(home / "dags"),
        AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{home}/airflow.db",
    )
    return home


def connection_env(
    base_url: str, token: str, *, conn_id: str = "platerec_ocr_default", **extra: Any
) -> tuple[str, str]:
    """Return name and value of the environment variable that defines a connection; every process sees it."""
    value = {"conn_type": "platerec_ocr", "host": base_url, "password": token, "extra": extra}
    return f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(value)


@dataclass(frozen=True)
class DagRunResult:
    """What a finished DAG run left in the database."""

    dag_id: str
    run_id: str
    state: str
    """``success`` or ``failed``."""
    tasks: dict[tuple[str, int], str]
    """State of each task instance by task id and map index (-1 where not mapped)."""

    def xcom(self, task_id: str, *, map_index: int = -1, key: str = "return_value") -> Any:
        """Return what the task returned (or pushed under ``key``), ``None`` where it did not."""
        from airflow.models.xcom import XComModel
        from airflow.utils.session import create_session
        from sqlalchemy import select

        with create_session() as session:
            row = session.scalar(select(XComModel).filter_by(**self._where(task_id, map_index), key=key))
            return None if row is None else XComModel.deserialize_value(row)

    def rendered(self, task_id: str, *, map_index: int = -1) -> dict[str, Any]:
        """Return the template fields as Airflow stored them for its pages."""
        from airflow.models.renderedtifields import RenderedTaskInstanceFields
        from airflow.utils.session import create_session
        from sqlalchemy import select

        fields = RenderedTaskInstanceFields
        with create_session() as session:
            query = select(fields.rendered_fields)
            if hasattr(fields, "dag_id"):
                query = query.filter_by(**self._where(task_id, map_index))
            else:  # 3.4 stores them by the task instance
                query = query.join(fields.task_instance).filter_by(**self._where(task_id, map_index))
            rendered: dict[str, Any] = session.scalars(query).one()
            return rendered

    def state_of(self, task_id: str, *, map_index: int = -1, key: str) -> Any:
        """Return what the task keeps in its own state, ``None`` where it keeps nothing; from Airflow 3.3 on."""
        from airflow.models.task_state_store import TaskStateStoreModel
        from airflow.utils.session import create_session
        from sqlalchemy import select

        where = self._where(task_id, map_index)
        if hasattr(TaskStateStoreModel, "region_index"):  # as 3.4 calls it
            where["region_index"] = where.pop("map_index")
        query = select(TaskStateStoreModel.value).filter_by(**where, key=key)
        with create_session() as session:
            value = session.scalar(query)
            return None if value is None else json.loads(value)

    def _where(self, task_id: str, map_index: int) -> dict[str, Any]:
        return {"dag_id": self.dag_id, "run_id": self.run_id, "task_id": task_id, "map_index": map_index}


@dataclass(frozen=True)
class AirflowHome:
    """A migrated ``AIRFLOW_HOME``."""

    path: Path

    @property
    def dags(self) -> Path:
        """The DAG folder."""
        return self.path / "dags"

    def add_dag(self, name: str, source: str | Path) -> Path:
        """Put a DAG file into the folder: its text, or a file to copy."""
        target = self.dags / name
        target.write_text(source.read_text() if isinstance(source, Path) else source)
        return target

    def find_dag(self, dag_id: str) -> Any:
        """Return a DAG from the newest file that has it; to parse them all takes longer than most runs."""
        from support.airflow_versions import dag_bag

        for file in sorted(self.dags.glob("*.py"), key=lambda file: file.stat().st_mtime_ns, reverse=True):
            if dag_id in file.read_text():
                bag = dag_bag(str(file))
                assert bag.import_errors == {}, bag.import_errors
                if dag_id in bag.dags:
                    return bag.dags[dag_id]
        raise LookupError(dag_id)

    def run_dag(self, dag_id: str, conf: dict[str, Any] | None = None, *, at: datetime | None = None) -> DagRunResult:
        """Run a DAG to its end in this process, as ``dag.test()`` does: retries, mapping and triggers included.

        :param at: the run's logical date, if not now.
        """
        from support.airflow_versions import share_one_api

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Airflow's own deprecations are not what is tested
            share_one_api()
            when = {} if at is None else {"logical_date": at}
            run = self.find_dag(dag_id).test(run_conf=conf, **when)
            tasks = {(ti.task_id, ti.map_index): str(ti.state) for ti in run.get_task_instances()}
            return DagRunResult(dag_id, run.run_id, str(run.state), tasks)

    def airflow(self, *arguments: str, timeout_s: float = 180, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the ``airflow`` command with this home; output holds stdout and stderr together."""
        return subprocess.run(  # noqa: S603  # our own arguments
            [sys.executable, "-m", "airflow", *arguments],
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout_s,
            check=False,
        )


def migrate(home: Path) -> AirflowHome:
    """Make the database, once."""
    ready = AirflowHome(home)
    if not (home / "migrated").exists():
        done = ready.airflow("db", "migrate")
        assert done.returncode == 0, done.stdout
        (home / "migrated").touch()
    return ready
