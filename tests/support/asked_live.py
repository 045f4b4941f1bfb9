"""Answering over REST what a running Airflow asks a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from support.standalone import Standalone

WAITS = {"awaiting_input", "deferred"}
"""The state of a task that waits for a person: from Airflow 3.3 on, and before."""


def states(airflow: Standalone, dag_id: str, run_id: str) -> dict[str, str]:
    """Return the state of each task of a run."""
    return {ti["task_id"]: ti["state"] for ti in airflow.tasks(dag_id, run_id)}


def answer_for(
    airflow: Standalone,
    run: tuple[str, str],
    task_id: str,
    choice: str,
    fill: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda _: {},
) -> dict[str, Any]:
    """Answer in a person's place when one is asked, until the task has heard it, and return what they were asked.

    Where the answer comes in the moment in which the task goes to wait, as no person's does, the scheduler takes the
    task for lost, and tries it again: it asks again then.

    :param run: DAG and run.
    :param fill: what is written into the fields of the form, given them with what stands in each.
    """
    path = f"/dags/{run[0]}/dagRuns/{quote(run[1])}/taskInstances/{task_id}/-1/hitlDetails"
    asked: dict[str, Any] = {}

    def heard() -> bool:
        state = states(airflow, *run).get(task_id)
        if state in WAITS:
            asked.update(airflow.call("GET", path))
            if not asked["response_received"]:
                fields = {name: given["value"] for name, given in (asked.get("params") or {}).items()}
                body = {"chosen_options": [choice], "params_input": dict(fill(fields))}
                airflow.call("PATCH", path, body)
        return state == "success"

    until("the task never heard an answer", heard, every_s=1.0)
    return asked
