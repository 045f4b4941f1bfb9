"""Which plan of a run a task belongs to, and what became of it: a DAG may hold several plans, mapped ones among them.

A plan alone in its task group goes by the group's name, as it always did, so that what older versions wrote is found.
Several in one group, and the instances of a mapped one, go by their task.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from airflow.sdk import Context

log = logging.getLogger(__name__)
SKIPPED, GONE, UPSTREAM_FAILED = "skipped", "removed", "upstream_failed"
FAILED = frozenset({"failed", UPSTREAM_FAILED})
ENDED = FAILED | {"success", SKIPPED, GONE}


@dataclass(frozen=True, slots=True)
class Batch:
    """One plan of a run, as its export sees it."""

    name: str
    """What tells it from the run's other batches: its task group, else its task; see :class:`~.Owner`."""
    task_id: str = ""
    """Task that made the plan; empty where none stands above the export in the DAG."""
    state: str | None = None
    """Of that task; ``None`` where nobody can say."""
    dry: bool = False
    """Whether it only counted."""

    @property
    def failed(self) -> bool:
        """Whether its plan failed, or what stands before it did."""
        return self.state in FAILED

    @property
    def skipped(self) -> bool:
        """Whether its plan was skipped."""
        return self.state == SKIPPED


@dataclass(frozen=True, slots=True)
class Above:
    """What stands above an export."""

    batches: tuple[Batch, ...]
    """The plans that it publishes."""
    reads: tuple[str | None, ...] = ()
    """States of the read tasks; empty where nobody can say."""

    def never_read(self, *states: str) -> bool:
        """Return whether all read tasks are in one of the states, in none of which a task is ever run."""
        return bool(self.reads) and set(self.reads) <= set(states)


def batch_name(group: str, task_id: str, map_index: int, *, alone: bool) -> str:
    """Return the name of a plan's batch.

    :param group: task group of the plan, empty where it is in none.
    :param map_index: -1 where the plan is not mapped.
    :param alone: whether the group holds no other plan.
    """
    if map_index >= 0:
        return f"{task_id}:{map_index}"
    return group if alone else f"{task_id}:"


def instances(states: Mapping[str, Any], task_id: str) -> dict[int, str | None]:
    """Return a task's states by map index, as Airflow gives them: ``read_3``, or ``read`` where it is not mapped."""
    found: dict[int, str | None] = {}
    for key, state in states.items():
        match = re.fullmatch(rf"{re.escape(task_id)}(?:_([0-9]+))?", key)
        if match:
            found[-1 if match[1] is None else int(match[1])] = None if state is None else str(state)
    return {index: state for index, state in sorted(found.items()) if state != GONE}


def own_batch(context: Context) -> str:
    """Return the name of the batch of the plan that is running."""
    ti, task = context["ti"], context.get("task")
    index = -1 if ti.map_index is None else ti.map_index
    group = ti.task_id.rpartition(".")[0]
    return batch_name(group, ti.task_id, index, alone=task is None or len(_plans_in(task, group)) <= 1)


def above(context: Context) -> Above:
    """Return the plans that an export is to publish, with their states: those nearest above it in the DAG.

    A mapped export publishes the plan of its own map index, one that is not mapped those of all.
    """
    ti, task = context["ti"], context.get("task")
    plans, reads = _upstream(task) if task is not None else ({}, set())
    if not plans:
        return Above((Batch(ti.task_id.rpartition(".")[0]),))
    batches: list[Batch] = []
    for task_id, plan in plans.items():
        group = task_id.rpartition(".")[0]
        alone = len(_plans_in(plan, group)) <= 1
        found = _states(context, task_id) or {-1: None}
        wanted = found if ti.map_index not in found or ti.map_index < 0 else {ti.map_index: found[ti.map_index]}
        for index, state in wanted.items():
            name = batch_name(group, task_id, index, alone=alone)
            batches.append(Batch(name, task_id, state, dry=_was_dry(context, task_id, index)))
    states = [state for task_id in sorted(reads) for state in _states(context, task_id).values()]
    return Above(tuple(batches), tuple(states))


def is_alone_again(context: Context) -> bool:
    """Return whether a plan runs once more by itself: all that reads or publishes below it has ended before.

    What is cleared with it has no state any more by then.
    """
    task = context.get("task")
    if task is None or not task.has_dag():
        return False
    below = [each.task_id for each in task.get_flat_relatives(upstream=False)]
    follow = [each.task_id for each in _dag_tasks(task) if each.task_id in below and _follows(each)]
    states = list(_all_states(context, follow).values())
    return bool(states) and all(str(state) in ENDED for state in states)


def _follows(task: Any) -> bool:
    return _marked(task, "reads_shard") or _marked(task, "publishes")


def is_red_anyway(context: Context) -> bool:
    """Return whether the run fails whatever becomes of this task: another of its last tasks has failed already.

    A run's state is that of its last tasks, so one that is skipped there could hide what failed before it.
    """
    task = context.get("task")
    if task is None:
        return False
    last = [each for each in _dag_tasks(task) if not each.downstream_task_ids and not each.is_teardown]
    others = [each.task_id for each in last if each.task_id != task.task_id]
    return any(str(state) in FAILED for state in _all_states(context, others).values())


def _dag_tasks(task: Any) -> list[Any]:
    return list(task.dag.tasks) if task.has_dag() else []


def _marked(task: Any, mark: str) -> bool:
    return bool(getattr(task.operator_class, mark, False))


def _plans_in(task: Any, group: str) -> list[Any]:
    plans = (each for each in _dag_tasks(task) if _marked(each, "makes_plan"))
    return [each for each in plans if each.task_id.rpartition(".")[0] == group]


def _upstream(task: Any) -> tuple[dict[str, Any], set[str]]:
    """Return the plans and the ids of the read tasks above an export, not beyond a plan or another export."""
    for beyond in (False, True):  # an export that copies what another one publishes stands below that one
        plans, reads = {}, set()
        for each in _walk(task, beyond_exports=beyond):
            if _marked(each, "makes_plan"):
                plans[each.task_id] = each
            if _marked(each, "reads_shard"):
                reads.add(each.task_id)
        if plans:
            return dict(sorted(plans.items())), reads
    return {}, set()


def _walk(task: Any, *, beyond_exports: bool) -> Iterator[Any]:
    seen: set[str] = set()
    waiting = list(task.upstream_list) if task.has_dag() else []
    while waiting:
        each = waiting.pop()
        if each.task_id in seen or (_marked(each, "publishes") and not beyond_exports):
            continue
        seen.add(each.task_id)
        yield each
        if not _marked(each, "makes_plan"):
            waiting.extend(each.upstream_list)


def _states(context: Context, task_id: str) -> dict[int, str | None]:
    return instances(_all_states(context, [task_id]), task_id)


def _all_states(context: Context, task_ids: Iterable[str]) -> Mapping[str, Any]:
    """Ask Airflow for the states of tasks of this run; where it cannot say, the plan that is there counts."""
    ti: Any = context["ti"]
    wanted = list(task_ids)
    if not wanted:
        return {}
    try:
        found = ti.get_task_states(dag_id=ti.dag_id, task_ids=wanted, run_ids=[ti.run_id])
    except Exception as error:  # noqa: BLE001  # an Airflow that does not answer this must hold up no table
        log.warning("Airflow does not say what became of %s: %s", ", ".join(wanted), error)
        return {}
    states: Mapping[str, Any] = (found or {}).get(ti.run_id) or {}
    return {key: getattr(state, "value", state) for key, state in states.items()}


def _was_dry(context: Context, task_id: str, map_index: int) -> bool:
    ti: Any = context["ti"]
    counts = ti.xcom_pull(task_ids=task_id, key="plan", map_indexes=map_index)
    return isinstance(counts, dict) and bool(counts.get("plan_only"))
