"""The nightly DAG under a real scheduler, triggerer and executor, triggered through the REST API."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.dataset import read_dataset
from airflow_provider_platerec_ocr.sandbox.samples import make_load_images
from support.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from support.fleet import Fleet
    from support.sandbox import Sandbox

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.scheduler, pytest.mark.xdist_group("one_airflow")]

ON_THEIR_WAY_S = 4.5
"""Seconds for which calls may still arrive that three shards had begun when one of them was refused: half the wait that
is asked for, since the three agree through files, on a machine that may be busy."""
DAG_ID = "nightly_ocr_batch"
TWIN = "nightly_ocr_batch_twin"
"""The same DAG under another name: one DAG has one active run at a time."""


def _conf(manifest: Path, dataset: Path, **more: Any) -> dict[str, Any]:
    return {"manifest": str(manifest), "dataset": str(dataset), "daily_limit": None, **more}


def _rows(dataset: Path) -> list[dict[Any, Any]]:
    return read_dataset(str(dataset)).sort_values(["image", "identifier_index"]).to_dict("records")


def test_the_images_of_several_shards_are_paid_once_and_a_cleared_run_gives_the_same_table(
    airflow: Fleet, sandbox: Sandbox, tmp_path: Path
) -> None:
    images, dataset = tmp_path / "images", tmp_path / "reads"
    make_load_images(images, 300)
    before = sandbox.books()["billed"]

    run_id = airflow.trigger(DAG_ID, _conf(images, dataset, images_per_shard=100))
    state = airflow.wait(DAG_ID, run_id)

    assert state == "success"
    first = _rows(dataset)
    assert len(first) == 300
    assert sandbox.books()["billed"] - before == 300
    assert sum(row["calls_billed"] for row in first) == 300
    assert not list((tmp_path / "reads_dead_letters").rglob("*.parquet"))

    airflow.clear(DAG_ID, run_id)
    state = airflow.wait(DAG_ID, run_id)

    assert state == "success"
    assert sandbox.books()["billed"] - before == 300
    assert _rows(dataset) == first


def test_two_runs_over_the_same_images_share_what_is_paid_for(airflow: Fleet, sandbox: Sandbox, tmp_path: Path) -> None:
    images = tmp_path / "images"
    make_load_images(images, 200, seed=11)
    before = sandbox.books()["billed"]
    datasets = [tmp_path / "one", tmp_path / "two"]

    runs = [
        (dag_id, airflow.trigger(dag_id, _conf(images, dataset, images_per_shard=100)))
        for dag_id, dataset in zip((DAG_ID, TWIN), datasets, strict=True)
    ]
    states = [airflow.wait(dag_id, run_id) for dag_id, run_id in runs]

    assert states == ["success", "success"]
    assert sandbox.books()["billed"] - before == 200
    assert [len(_rows(dataset)) for dataset in datasets] == [200, 200]


def test_shards_cross_refusals_and_one_bad_image_without_losing_or_repeating_a_call(
    airflow: Fleet, sandbox: Sandbox, tmp_path: Path
) -> None:
    images, dataset = tmp_path / "images", tmp_path / "reads"
    make_load_images(images, 301, seed=12)
    sandbox.reset()
    sandbox.control(
        faults=["image=load_000301:400", "every=7:503", "nth=60-64:429;retry_after=9", "nth=200-203:429;retry_after=9"]
    )

    run_id = airflow.trigger(DAG_ID, _conf(images, dataset, images_per_shard=101))
    state = airflow.wait(DAG_ID, run_id)

    books = sandbox.books(ON_THEIR_WAY_S)
    assert state == "success"
    assert len(_rows(dataset)) == 300
    assert books["billed"] == books["unique_billed"] == 300
    assert books["billed_more_than_once"] == {}
    assert books["early_starts"] == []
    assert books["per_status"]["503"] > 40
    assert books["per_status"]["429"] == 7  # the 63rd and the 203rd call are multiples of 7
    report = json.loads(next((tmp_path / "reads_reports").glob("*.json")).read_text())
    assert report["result"]["dead_letters"] == {"api_rejected": 1}


def test_planning_alone_says_what_a_run_would_cost_and_calls_nothing(
    airflow: Fleet, sandbox: Sandbox, tmp_path: Path
) -> None:
    images, dataset = tmp_path / "images", tmp_path / "reads"
    make_load_images(images, 30, seed=13)
    sandbox.reset()

    run_id = airflow.trigger(DAG_ID, _conf(images, dataset, plan_only=True))
    state = airflow.wait(DAG_ID, run_id)

    plan = airflow.xcom(DAG_ID, run_id, "ocr.plan", key="plan")
    assert state == "success"
    assert (plan["planned"], plan["to_pay"]) == (30, 30)
    assert sandbox.books()["posts"] == 0
    assert not dataset.exists()


def test_the_gate_waits_in_the_triggerer_until_the_quota_resets(airflow: Fleet, sandbox: Sandbox) -> None:
    sandbox.reset()
    resets_on = datetime.now(UTC) + timedelta(seconds=25)
    sandbox.control(quota=500, used=500, resets_on=resets_on.isoformat(), auto_reset=False)

    run_id = airflow.trigger("ocr_gate")
    airflow.wait_for_task("ocr_gate", run_id, "gate", "deferred")
    until("the trigger never looked", lambda: sandbox.books()["statistics_calls"] > 1)
    waiting = airflow.state("ocr_gate", run_id)
    sandbox.control(new_period=True)  # by itself it could begin before anybody waits for it
    state = airflow.wait("ocr_gate", run_id)

    assert (waiting, state) == ("running", "success")
    assert datetime.now(UTC) >= resets_on
    assert airflow.xcom("ocr_gate", run_id, "gate")["remaining"] == 500
    assert sandbox.books()["posts"] == 0


def test_urls_are_read_one_task_each_and_each_is_paid_once(airflow: Fleet, sandbox: Sandbox) -> None:
    sandbox.reset()
    urls = [f"https://photos.example/{name}.jpg?X-Amz-Signature=secret{name}" for name in ("a", "b", "c")]

    first = airflow.trigger("ocr_urls", {"urls": urls, "type": "trailer_id"})
    second = airflow.trigger("ocr_urls", {"urls": urls, "type": "trailer_id"})
    states = [airflow.wait("ocr_urls", run_id) for run_id in (first, second)]

    assert states == ["success", "success"]
    assert sandbox.books()["billed"] == 3
    summary = airflow.xcom("ocr_urls", first, "summary")
    assert sorted(summary) == [f"https://photos.example/{name}.jpg" for name in ("a", "b", "c")]
    assert summary == airflow.xcom("ocr_urls", second, "summary")
    tasks = json.dumps([airflow.tasks("ocr_urls", run_id) for run_id in (first, second)])
    assert "secretb" not in tasks
