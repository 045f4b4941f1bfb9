"""Several plans in one DAG: side by side, in one group, mapped; each reads its own manifest and is published once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.dataset import read_dataset
from airflow_provider_platerec_ocr.sandbox.samples import make_load_images
from support.airflow_home import connection_env
from support.sandbox import TOKEN, running_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.airflow_home import AirflowHome, DagRunResult
    from support.sandbox import Sandbox

pytestmark = pytest.mark.airflow

HEAD = """
from airflow.sdk import DAG, TaskGroup, task
from airflow_provider_platerec_ocr import OCRExportOperator, OCRPlanOperator, OCRReadBatchOperator

A, B, NONE, READS = "{root}/a", "{root}/b", "{root}/none", "{root}/reads"

@task
def all_shards(plans):
    return [shard for plan in plans for shard in plan]

"""
SIDE_BY_SIDE = """
with DAG("{dag}", schedule=None):
    for name, manifest in (("a", A), ("b", B)):
        plan = OCRPlanOperator(task_id=f"plan_{{name}}", manifest=manifest, dataset=READS)
        read = OCRReadBatchOperator.partial(task_id=f"read_{{name}}").expand(shard=plan.output)
        read >> OCRExportOperator(task_id=f"export_{{name}}", dataset=READS)
"""
IN_ONE_GROUP = """
with DAG("{dag}", schedule=None), TaskGroup("yard"):
    for name, manifest in (("a", A), ("b", B)):
        plan = OCRPlanOperator(task_id=f"plan_{{name}}", manifest=manifest, dataset=READS)
        read = OCRReadBatchOperator.partial(task_id=f"read_{{name}}").expand(shard=plan.output)
        read >> OCRExportOperator(task_id=f"export_{{name}}", dataset=READS)
"""
ONE_EXPORT = """
with DAG("{dag}", schedule=None):
    export = OCRExportOperator(task_id="export", dataset=READS)
    for name, manifest in (("a", A), ("b", B)):
        plan = OCRPlanOperator(task_id=f"plan_{{name}}", manifest=manifest, dataset=READS)
        OCRReadBatchOperator.partial(task_id=f"read_{{name}}").expand(shard=plan.output) >> export
"""
MAPPED = """
with DAG("{dag}", schedule=None):
    plan = OCRPlanOperator.partial(task_id="plan", dataset=READS).expand(manifest=[A, B])
    read = OCRReadBatchOperator.partial(task_id="read").expand(shard=all_shards(plan.output))
    read >> OCRExportOperator(task_id="export", dataset=READS)
"""
MAPPED_WITH_AN_EMPTY_ONE = """
with DAG("{dag}", schedule=None):
    plan = OCRPlanOperator.partial(task_id="plan", dataset=READS, on_empty="skip").expand(manifest=[A, NONE])
    read = OCRReadBatchOperator.partial(task_id="read").expand(shard=all_shards(plan.output))
    read >> OCRExportOperator(task_id="export", dataset=READS)
"""
ONE_AFTER_THE_OTHER = """
with DAG("{dag}", schedule=None):
    before = None
    for name, manifest in (("a", A), ("b", B)):
        plan = OCRPlanOperator(task_id=f"plan_{{name}}", manifest=manifest, dataset=READS)
        read = OCRReadBatchOperator.partial(task_id=f"read_{{name}}").expand(shard=plan.output)
        export = OCRExportOperator(task_id=f"export_{{name}}", dataset=READS)
        read >> export
        if before:
            before >> plan
        before = export
"""
MAPPED_EXPORT = """
SITES = [{{"manifest": A, "dataset": "{root}/reads_a"}}, {{"manifest": B, "dataset": "{root}/reads_b"}}]
with DAG("{dag}", schedule=None):
    plan = OCRPlanOperator.partial(task_id="plan").expand_kwargs(SITES)
    read = OCRReadBatchOperator.partial(task_id="read").expand(shard=all_shards(plan.output))
    read >> OCRExportOperator.partial(task_id="export").expand(dataset=[site["dataset"] for site in SITES])
"""
TWO_TYPES = """
with DAG("{dag}", schedule=None):
    for kind in ("vin", "trailer_id"):
        plan = OCRPlanOperator(task_id=f"plan_{{kind}}", manifest=A, dataset=READS, type=kind)
        read = OCRReadBatchOperator.partial(task_id=f"read_{{kind}}").expand(shard=plan.output)
        read >> OCRExportOperator(task_id=f"export_{{kind}}", dataset=READS)
"""


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    with running_sandbox(quota=1000) as running:
        monkeypatch.setenv(*connection_env(running.url, TOKEN, rate_per_s=200))
        monkeypatch.setenv("AIRFLOW__PLATEREC_OCR__LEDGER", str(tmp_path / "ledger"))
        for folder, count in (("a", 3), ("b", 2)):
            make_load_images(tmp_path / folder, count, 2_000, seed=count)
        yield running


def run_dag(home: AirflowHome, root: Path, source: str, dag: str) -> DagRunResult:
    home.add_dag(f"{dag}.py", (HEAD + source).format(root=root, dag=dag))
    return home.run_dag(dag)


def images(table: Path) -> list[str]:
    found = read_dataset(str(table))["image"]
    return sorted("/".join(name.rsplit("/", 2)[-2:]) for name in found)


ALL = ["a/load_000001.jpg", "a/load_000002.jpg", "a/load_000003.jpg", "b/load_000001.jpg", "b/load_000002.jpg"]


@pytest.mark.parametrize(
    "source",
    [SIDE_BY_SIDE, IN_ONE_GROUP, ONE_EXPORT, MAPPED, ONE_AFTER_THE_OTHER],
    ids=["side_by_side", "in_one_group", "one_export", "mapped", "one_after_the_other"],
)
def test_each_of_several_plans_reads_its_own_manifest_and_is_published_once(
    airflow_home: AirflowHome, sandbox: Sandbox, tmp_path: Path, source: str, request: pytest.FixtureRequest
) -> None:
    run = run_dag(airflow_home, tmp_path, source, f"plans_{request.node.callspec.id}")

    assert run.state == "success", run.tasks
    assert images(tmp_path / "reads") == ALL
    assert sandbox.books()["billed"] == 5


def test_an_empty_manifest_of_a_mapped_plan_keeps_nobody_from_reading_the_others(
    airflow_home: AirflowHome, sandbox: Sandbox, tmp_path: Path
) -> None:
    """Airflow skips what stands behind a mapped task if one of its instances is skipped, and the run is green."""
    (tmp_path / "none").mkdir()

    run = run_dag(airflow_home, tmp_path, MAPPED_WITH_AN_EMPTY_ONE, "plans_one_empty")

    assert run.state == "success", run.tasks
    assert images(tmp_path / "reads") == ALL[:3]
    assert sandbox.books()["billed"] == 3


def test_an_export_of_several_plans_adds_them_up(airflow_home: AirflowHome, sandbox: Sandbox, tmp_path: Path) -> None:
    run = run_dag(airflow_home, tmp_path, MAPPED, "plans_added_up")

    counts = run.xcom("export")
    assert (counts["planned"], counts["reads"], counts["calls_billed"], counts["plans"]) == (5, 5, 5, 2)
    assert counts["spend"]["billed"] == 5
    assert counts["spend"]["calls_left"] == 1000 - sandbox.books()["billed"]
    assert len(list((tmp_path / "reads_reports").glob("*.json"))) == len(set(counts["reports"])) == 2


def test_a_mapped_export_publishes_the_plan_of_its_own_place(
    airflow_home: AirflowHome, sandbox: Sandbox, tmp_path: Path
) -> None:
    run = run_dag(airflow_home, tmp_path, MAPPED_EXPORT, "plans_mapped_export")

    assert run.state == "success", run.tasks
    assert [images(tmp_path / name) for name in ("reads_a", "reads_b")] == [ALL[:3], ALL[3:]]
    assert sandbox.books()["billed"] == 5


def test_the_same_manifest_in_two_plans_is_read_for_each(
    airflow_home: AirflowHome, sandbox: Sandbox, tmp_path: Path
) -> None:
    run = run_dag(airflow_home, tmp_path, TWO_TYPES, "plans_two_types")

    assert run.state == "success", run.tasks
    assert sandbox.books()["billed"] == 6
    assert sorted(read_dataset(str(tmp_path / "reads"))["type"]) == ["trailer_id"] * 3 + ["vin"] * 3
