"""Which plan is whose: names that tell the plans of a run apart, and states as Airflow gives them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from airflow.sdk import DAG, TaskGroup

from airflow_provider_platerec_ocr.core.models import Owner
from airflow_provider_platerec_ocr.dataset.plan.model import RunRef
from airflow_provider_platerec_ocr.operators.export import OCRExportOperator
from airflow_provider_platerec_ocr.operators.plan import OCRPlanOperator
from airflow_provider_platerec_ocr.operators.read_batch import OCRReadBatchOperator
from airflow_provider_platerec_ocr.tasks.batches import (
    Above,
    Batch,
    above,
    batch_name,
    instances,
    is_alone_again,
    own_batch,
)


@pytest.mark.parametrize(
    ("group", "task_id", "map_index", "alone", "name"),
    [
        ("", "plan", -1, True, ""),
        ("ocr", "ocr.plan", -1, True, "ocr"),
        ("a.b", "a.b.plan", -1, True, "a.b"),
        ("", "plan_a", -1, False, "plan_a:"),
        ("ocr", "ocr.plan_a", -1, False, "ocr.plan_a:"),
        ("", "plan", 0, True, "plan:0"),
        ("ocr", "ocr.plan", 7, False, "ocr.plan:7"),
    ],
)
def test_a_plan_goes_by_its_group_while_it_is_alone_there(
    group: str, task_id: str, map_index: int, name: str, *, alone: bool
) -> None:
    assert batch_name(group, task_id, map_index, alone=alone) == name


def test_no_two_plans_of_a_run_share_files_and_old_names_stay() -> None:
    names = ["", "ocr", "plan_a:", "plan_b:", "plan:0", "plan:1", "plan:10", "ocr.plan:1"]

    slugs = [RunRef("yard", "run", "2026-03-01", group=name).slug for name in names]

    assert len(set(slugs)) == len(names)
    assert slugs[:2] == ["yard__run__826731fd", "yard.ocr__run__8a736771"]  # as versions before this one named them


@pytest.mark.parametrize(
    ("states", "found"),
    [
        ({}, {}),
        ({"plan": "success"}, {-1: "success"}),
        ({"plan": None}, {-1: None}),
        ({"plan_0": "success", "plan_10": "failed", "plan_2": "removed"}, {0: "success", 10: "failed"}),
        ({"plan_b": "success", "replan": "failed"}, {}),
    ],
)
def test_states_by_map_index(states: dict[str, Any], found: dict[int, str | None]) -> None:
    assert instances(states, "plan") == found


@pytest.mark.parametrize(
    ("reads", "skipped", "stopped"),
    [
        ((), False, False),
        (("skipped",), True, True),
        (("upstream_failed",), False, True),
        (("skipped", "upstream_failed"), False, True),
        (("skipped", "success"), False, False),
        (("failed",), False, False),
        ((None,), False, False),
    ],
)
def test_reads_that_never_began_are_told_from_reads_that_failed(
    reads: tuple[str | None, ...], *, skipped: bool, stopped: bool
) -> None:
    found = Above((), reads)

    assert (found.never_read("skipped"), found.never_read("skipped", "upstream_failed")) == (skipped, stopped)


def test_an_owner_belongs_to_its_task_group_unless_it_was_told_its_plan() -> None:
    assert Owner(task_id="ocr.read").group == "ocr"
    assert Owner(task_id="ocr.read", batch="ocr.plan_a:").group == "ocr.plan_a:"
    assert Owner(task_id="reads.read", batch="").group == ""
    assert Owner.from_json({"task_id": "ocr.read"}).group == "ocr"


class Running:
    """A task instance, with the states that Airflow would tell it."""

    def __init__(self, task: Any, states: dict[str, Any], map_index: int = -1, dry: tuple[str, ...] = ()) -> None:
        self.dag_id, self.run_id, self.task_id, self.map_index = "yard", "run", task.task_id, map_index
        self.states, self.dry = states, dry

    def get_task_states(self, dag_id: str, task_ids: list[str], run_ids: list[str]) -> dict[str, Any]:
        assert (dag_id, run_ids) == ("yard", ["run"])
        mine = {key: state for key, state in self.states.items() if any(key.startswith(name) for name in task_ids)}
        return {"run": mine} if mine else {}

    def xcom_pull(self, *, task_ids: str, key: str, map_indexes: int) -> Any:  # noqa: ARG002  # Airflow's signature
        return {"plan_only": True} if task_ids in self.dry and key == "plan" else None


def context(task: Any, ti: Any) -> Any:
    return cast("Any", {"task": task, "ti": ti})


def chain(name: str) -> tuple[Any, Any, Any]:
    plan = OCRPlanOperator(task_id=f"plan_{name}", manifest=f"/{name}", dataset="/reads")
    read = OCRReadBatchOperator.partial(task_id=f"read_{name}").expand(shard=plan.output)
    export = OCRExportOperator(task_id=f"export_{name}", dataset="/reads")
    read >> export
    return plan, read, export


def test_an_export_publishes_the_plans_nearest_above_it() -> None:
    with DAG("yard", schedule=None):
        plan_a, _, export_a = chain("a")
        plan_b, _, export_b = chain("b")
        export_a >> plan_b
        copy = OCRExportOperator(task_id="copy", dataset="/elsewhere")
        export_b >> copy
    states = {"plan_a": "success", "plan_b": "success", "read_a": "success", "read_b_0": "failed"}

    assert above(context(export_a, Running(export_a, states))) == Above(
        (Batch("plan_a:", "plan_a", "success"),), ("success",)
    )
    assert above(context(export_b, Running(export_b, states))) == Above(
        (Batch("plan_b:", "plan_b", "success"),), ("failed",)
    )
    assert [batch.name for batch in above(context(copy, Running(copy, states))).batches] == ["plan_b:"]
    assert [own_batch(context(plan, Running(plan, {}))) for plan in (plan_a, plan_b)] == ["plan_a:", "plan_b:"]


def test_plans_in_groups_of_their_own_go_by_the_groups() -> None:
    with DAG("yard", schedule=None):
        with TaskGroup("north"):
            plan, _, export = chain("a")
        with TaskGroup("south"):
            chain("a")

    assert own_batch(context(plan, Running(plan, {}))) == "north"
    found = above(context(export, Running(export, {"north.plan_a": "skipped"}, dry=("north.plan_a",))))
    assert found.batches == (Batch("north", "north.plan_a", "skipped", dry=True),)


def test_a_mapped_plan_is_as_many_batches_and_a_mapped_export_has_its_own() -> None:
    with DAG("yard", schedule=None):
        plan = OCRPlanOperator.partial(task_id="plan", dataset="/reads").expand(manifest=["/a", "/b"])
        export = OCRExportOperator(task_id="export", dataset="/reads")
        plan >> export
    states = {"plan_0": "success", "plan_1": "failed"}

    found = above(context(export, Running(export, states)))
    assert [(batch.name, batch.failed) for batch in found.batches] == [("plan:0", False), ("plan:1", True)]
    mine = above(context(export, Running(export, states, map_index=1)))
    assert [batch.name for batch in mine.batches] == ["plan:1"]
    assert own_batch(context(plan, Running(plan, {}, map_index=1))) == "plan:1"


def test_an_export_without_a_plan_above_it_looks_in_its_own_group() -> None:
    with DAG("yard", schedule=None), TaskGroup("ocr"):
        export = OCRExportOperator(task_id="export", dataset="/reads")

    assert above(context(export, Running(export, {}))) == Above((Batch("ocr"),))
    outside = SimpleNamespace(task_id="ocr.export", map_index=-1)
    assert above(cast("Any", {"ti": outside})) == Above((Batch("ocr"),))


def test_an_airflow_that_does_not_say_what_became_of_the_plan_holds_up_no_table(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Silent(Running):
        def get_task_states(self, dag_id: str, task_ids: list[str], run_ids: list[str]) -> dict[str, Any]:
            del dag_id, task_ids, run_ids
            message = "no such route"
            raise RuntimeError(message)

    with DAG("yard", schedule=None):
        _, _, export = chain("a")

    assert above(context(export, Silent(export, {}))).batches == (Batch("", "plan_a"),)
    assert "no such route" in caplog.text


@pytest.mark.parametrize(
    ("states", "alone"),
    [
        ({"read_a_0": "success", "export_a": "success"}, True),
        ({"read_a_0": "upstream_failed", "read_a_1": "removed", "export_a": "failed"}, True),
        ({"read_a_0": "success", "export_a": None}, False),
        ({"read_a_0": "running", "export_a": "success"}, False),
        ({"read_a_0": None, "export_a": None}, False),
        ({}, False),
        ({"plan_b": "success"}, False),
    ],
)
def test_a_plan_is_alone_where_all_that_comes_after_it_has_ended(states: dict[str, Any], *, alone: bool) -> None:
    with DAG("yard", schedule=None):
        plan, _, _ = chain("a")
        chain("b")

    assert is_alone_again(context(plan, Running(plan, states))) is alone


def test_a_plan_without_a_dag_is_not_alone() -> None:
    plan = OCRPlanOperator(task_id="plan", manifest="/a", dataset="/reads")

    assert not is_alone_again(context(plan, Running(plan, {"export": "success"})))
    assert not is_alone_again(cast("Any", {"ti": Running(plan, {})}))
