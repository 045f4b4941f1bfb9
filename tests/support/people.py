"""A person in the loop without a scheduler: what a task asks is caught, and a test answers in their place."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from airflow.sdk.execution_time import task_runner

from support.airflow_versions import WaitsForPerson

if TYPE_CHECKING:
    from airflow.sdk import Context

JANE = {"id": "7", "name": "jane"}


class Asked(list[Any]):
    """Takes what tasks ask of their supervisor: questions to a person."""

    def send(self, msg: Any) -> None:
        if hasattr(msg, "subject"):  # else it is a secret that is to be masked
            self.append(msg)

    @classmethod
    def caught(cls, monkeypatch: pytest.MonkeyPatch) -> Asked:
        """Stand in for the supervisor's end of the line, which is Airflow's."""
        found = cls()
        monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", found, raising=False)
        return found


def context_of(context: Any, task_id: str = "ask") -> Context:
    """Return a context as a task that asks a person needs it."""
    ti = context["ti"] if context else SimpleNamespace(dag_id="yard", run_id="night-1", task_id=task_id, map_index=-1)
    ti.id = uuid.UUID(int=7)
    return cast("Context", {**(context or {}), "ti": ti, "task_instance": ti})


def ask(task: Any, context: Context) -> None:
    """Have a task ask; it waits then."""
    with pytest.raises(WaitsForPerson):
        task.execute(context)


def answer(task: Any, context: Context, choice: str, fields: dict[str, Any] | None = None, by: Any = JANE) -> Any:
    """Go on with what a person chose, in a task that knows nothing of the one that asked."""
    now = datetime(2026, 3, 2, 8, tzinfo=UTC)
    event = {"chosen_options": [choice], "params_input": fields or {}, "responded_at": now, "responded_by_user": by}
    return task.execute_complete(context, event)
