"""The wiring of the task group, as Airflow has it after the DAG file was read."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG, task_group

from airflow_provider_platerec_ocr.task_group import OCRManifestTaskGroup


def group(default_args: dict[str, Any] | None = None, **given: Any) -> OCRManifestTaskGroup:
    with DAG("yard", schedule=None, default_args=default_args or {}):
        return OCRManifestTaskGroup("ocr", **({"manifest": "/yard/m.csv", "dataset": "/reads"} | given))


def pools(made: OCRManifestTaskGroup) -> tuple[str, str, str]:
    return made.plan.pool, made.read.partial_kwargs.get("pool", "default_pool"), made.export.pool


def test_the_pool_of_default_args_is_that_of_all_three_tasks() -> None:
    assert pools(group({"pool": "ocr_pool"})) == ("ocr_pool", "ocr_pool", "ocr_pool")
    assert pools(group()) == ("default_pool", "default_pool", "default_pool")


def test_a_pool_that_is_given_is_that_of_the_read_tasks() -> None:
    assert pools(group(pool="reads")) == ("default_pool", "reads", "default_pool")
    assert pools(group({"pool": "ocr_pool"}, pool="reads")) == ("ocr_pool", "reads", "ocr_pool")


@pytest.mark.parametrize("given", [{}, {"read_timeout": timedelta(hours=2)}])
def test_a_time_limit_of_default_args_holds_for_reads_where_none_is_given(given: dict[str, Any]) -> None:
    made = group({"execution_timeout": timedelta(hours=1)}, **given)

    assert made.plan.execution_timeout == made.export.execution_timeout == timedelta(hours=1)
    assert made.read.partial_kwargs["execution_timeout"] == given.get("read_timeout", timedelta(hours=1))


def test_airflow_maps_no_group_that_holds_one_and_a_loop_does_it() -> None:
    @task_group
    def site(manifest: str) -> None:
        OCRManifestTaskGroup("ocr", manifest=manifest, dataset="/reads")

    with DAG("yard", schedule=None), pytest.raises(NotImplementedError, match="operator expansion in an expanded task"):
        site.expand(manifest=["/a", "/b"])

    with DAG("yard", schedule=None) as dag:
        for name in ("north", "south"):
            OCRManifestTaskGroup(f"ocr_{name}", manifest=f"/yards/{name}", dataset="/reads")
    assert len(dag.tasks) == 8


def test_places_may_be_path_objects_with_templates_in_them() -> None:
    made = group(manifest=Path("/yard/{{ ds }}"), dataset=Path("/reads"), ledger=Path("/ledger"), workspace=Path("/w"))

    assert (made.plan.manifest, made.plan.dataset, made.plan.ledger) == ("/yard/{{ ds }}", "/reads", "/ledger")
    assert (made.export.dataset, made.export.workspace) == ("/reads", "/w")
