"""What the state of a plan makes of its run under a real scheduler: one error, and a clear that plans anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.dataset import read_dataset
from airflow_provider_platerec_ocr.sandbox.samples import make_load_images

if TYPE_CHECKING:
    from pathlib import Path

    from support.fleet import Fleet
    from support.sandbox import Sandbox

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.scheduler, pytest.mark.xdist_group("one_airflow")]

DAG_ID = "nightly_ocr_batch"


def states(airflow: Fleet, run_id: str) -> dict[str, str]:
    return {ti["task_id"]: ti["state"] for ti in airflow.tasks(DAG_ID, run_id)}


def events(airflow: Fleet, run_id: str) -> int:
    found = airflow.call("GET", f"/assets/events?source_dag_id={DAG_ID}&limit=1000")["asset_events"]
    return sum(event["source_run_id"] == run_id for event in found)


def test_a_plan_that_fails_is_one_error_and_the_run_is_red(airflow: Fleet, sandbox: Sandbox, tmp_path: Path) -> None:
    before = sandbox.books()["posts"]
    (tmp_path / "m.csv").write_text("path\na.jpg\n")

    run_id = airflow.trigger(DAG_ID, {"manifest": str(tmp_path / "m.csv"), "dataset": str(tmp_path / "reads")})

    assert airflow.wait(DAG_ID, run_id) == "failed"
    assert states(airflow, run_id) == {
        "gate": "success",
        "ocr.plan": "failed",
        "ocr.planned": "upstream_failed",
        "ocr.read": "upstream_failed",
        "ocr.export": "skipped",
    }
    assert events(airflow, run_id) == 0
    assert sandbox.books()["posts"] == before


def test_a_plan_that_is_cleared_reads_what_came_late_and_the_rest_is_done(
    airflow: Fleet, sandbox: Sandbox, tmp_path: Path
) -> None:
    before = sandbox.books()["billed"]
    first, *others = make_load_images(tmp_path / "images", 4, seed=31)
    late = first.read_bytes()
    first.unlink()
    places = {"manifest": str(tmp_path / "images"), "dataset": str(tmp_path / "reads"), "daily_limit": None}
    run_id = airflow.trigger(DAG_ID, places)
    assert airflow.wait(DAG_ID, run_id) == "success"
    assert (len(read_dataset(str(tmp_path / "reads"))), events(airflow, run_id)) == (len(others), 1)
    first.write_bytes(late)

    airflow.clear_tasks(DAG_ID, run_id, "ocr.export")
    assert airflow.wait(DAG_ID, run_id) == "success"
    assert len(read_dataset(str(tmp_path / "reads"))) == len(others)

    airflow.clear_tasks(DAG_ID, run_id, "ocr.plan")
    assert airflow.wait(DAG_ID, run_id) == "success"

    plan = airflow.xcom(DAG_ID, run_id, "ocr.plan", key="plan")
    assert (plan["done"], plan["planned"]) == (3, 1)
    assert len(read_dataset(str(tmp_path / "reads"))) == 4
    assert sandbox.books()["billed"] - before == 4
