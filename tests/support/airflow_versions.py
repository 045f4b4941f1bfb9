"""What the tests, and only they, need from Airflow and that its versions keep in different places or do not have.

A test of something that a version lacks by its nature is skipped there, with the reason.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
from airflow import sdk

from airflow_provider_platerec_ocr.compat import find
from airflow_provider_platerec_ocr.stand_ins import StandInRetryAction

if TYPE_CHECKING:
    from airflow.sdk import RetryAction
    from airflow.sdk.exceptions import (
        AirflowException,
        AirflowFailException,
        AirflowNotFoundException,
        AirflowRescheduleException,
        AirflowSensorTimeout,
        AirflowSkipException,
        AirflowTaskTimeout,
        TaskDeferralTimeout,
        TaskDeferred,
    )
    from airflow.sdk.exceptions import TaskAwaitingInput as WaitsForPerson

__all__ = [
    "ASKS_PEOPLE", "TRIES_KILLED_TASKS_AGAIN", "AirflowException", "AirflowFailException", "AirflowNotFoundException",
    "AirflowRescheduleException", "AirflowSensorTimeout", "AirflowSkipException", "AirflowTaskTimeout", "RetryAction",
    "TaskDeferralTimeout", "TaskDeferred", "WaitsForPerson", "dag_bag", "file_systems", "import_string", "redact",
    "share_one_api", "since_3_1", "since_3_2", "stored",
]  # fmt: skip

if not TYPE_CHECKING:
    RetryAction = getattr(sdk, "RetryAction", StandInRetryAction)

TRIES_KILLED_TASKS_AGAIN = hasattr(sdk, "BaseHook")
"""Whether a task whose process was killed is tried again; 3.0 fails it for good, and a person clears it."""


ASKS_PEOPLE = TRIES_KILLED_TASKS_AGAIN
"""Whether a task can wait for a person, as from 3.1 on."""


def since_3_1(reason: str) -> pytest.MarkDecorator:
    """Mark what Airflow 3.0 cannot do."""
    return pytest.mark.skipif(not hasattr(sdk, "BaseHook"), reason=f"Airflow 3.0: {reason}")


def since_3_2(reason: str) -> pytest.MarkDecorator:
    """Mark what Airflow 3.0 and 3.1 cannot do."""
    return pytest.mark.skipif(not hasattr(sdk, "PartitionedAssetTimetable"), reason=f"Airflow before 3.2: {reason}")


def __getattr__(name: str) -> Any:
    """Return one of Airflow's exceptions from where this version has it."""
    if name == "WaitsForPerson":  # before 3.3 such a task is one of the triggerer's
        waits = ("TaskAwaitingInput", "TaskDeferred")
        return next(found for each in waits if (found := getattr(_exceptions(), each, None)))
    if name in __all__:
        return find(name, ("airflow.sdk.exceptions", "airflow.exceptions"))
    raise AttributeError(name)


def _exceptions() -> Any:
    return import_module(find("TaskDeferred", ("airflow.sdk.exceptions", "airflow.exceptions")).__module__)


def import_string(path: str) -> Any:
    """Import what Airflow would by its dotted name."""
    return find("import_string", ("airflow.sdk.module_loading", "airflow.utils.module_loading"))(path)


def redact(text: str) -> str:
    """Return a line as it would be in the log."""
    masked: str = find("redact", ("airflow.sdk.log", "airflow.sdk.execution_time.secrets_masker"))(text)
    return masked


def stored(dag: Any) -> str:
    """Return a DAG as Airflow keeps it in its database."""
    module: Any = import_module("airflow.serialization.serialized_objects")
    return json.dumps(getattr(module, "DagSerialization", module.SerializedDAG).to_dict(dag), sort_keys=True)


def file_systems() -> dict[str, Any]:
    """Return what opens an object store's URI, by scheme; a test may put its own there."""
    schemes: dict[str, Any] = find("_register_filesystems", ("airflow.sdk.io.fs", "airflow.io"))()
    return schemes


def share_one_api() -> None:
    """Have all tasks of ``DAG.test()`` ask one API, as from 3.3 on: before, each makes its own, which takes seconds."""
    supervisor: Any = import_module("airflow.sdk.execution_time.supervisor")
    if not hasattr(supervisor.in_process_api_server, "cache_info"):
        supervisor.in_process_api_server = cache(supervisor.in_process_api_server)


def dag_bag(folder: str) -> Any:
    """Parse a folder of DAG files; 3.0 has to store them before ``DAG.test()``, which does so itself from 3.1 on."""
    bag = find("DagBag", ("airflow.dag_processing.dagbag", "airflow.models.dagbag"))(dag_folder=folder)
    if hasattr(bag, "sync_to_db"):
        find("DagBundlesManager", ("airflow.dag_processing.bundles.manager",))().sync_bundles_to_db()
        bag.sync_to_db("dags-folder", None)
    return bag
