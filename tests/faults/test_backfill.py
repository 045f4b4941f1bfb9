"""A backfill of ten days, whose runs are there at once and whose manifests name the same images again and again."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.dataset import read_dataset
from support.fault_stage import staged

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.fault_stage import Stage
    from support.fleet import Fleet

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.scheduler, pytest.mark.faults]

DAG_ID = "faults_daily"
FIRST = date(2026, 3, 1)
DAYS = 10
NEW, NAMED = 4, 12
"""Images that come each day, and those that a day's manifest names: its own, and those of the two days that follow."""


def backfill(stage: Stage) -> list[dict[str, Any]]:
    """Ask for the days as a person does, and return their runs."""
    last = FIRST + timedelta(days=DAYS - 1)
    places = {"manifests": str(stage.root), "dataset": str(stage.dataset), "ledger": str(stage.ledger)}
    words = ["backfill", "create", "--dag-id", DAG_ID, "--from-date", f"{FIRST}", "--to-date", f"{last}T23:00:00"]
    words += ["--max-active-runs", str(DAYS), "--dag-run-conf", json.dumps(places | {"conn_id": stage.conn_id})]
    subprocess.run(  # noqa: S603  # our own arguments
        [sys.executable, "-m", "airflow", *words], env=stage.airflow.environment, check=True, capture_output=True
    )
    runs: list[dict[str, Any]] = stage.airflow.call("GET", f"/dags/{DAG_ID}/dagRuns?limit=100")["dag_runs"]
    stage.runs.extend((DAG_ID, run["dag_run_id"]) for run in runs)
    return runs


def test_ten_days_at_once_over_the_same_images_pay_once_and_give_one_row_each(
    airflow: Fleet, tmp_path: Path, line: Callable[..., None]
) -> None:
    images = NEW * (DAYS - 1) + NAMED
    with staged(airflow, tmp_path / "backfill", latency="0.5-1", count=images) as stage:
        for day in range(DAYS):
            named = stage.images[day * NEW : day * NEW + NAMED]
            text = "".join(f"{image}\n" for image in named)
            (stage.root / f"{FIRST + timedelta(days=day)}.csv").write_text(f"image\n{text}")

        runs = backfill(stage)
        states = {run["dag_run_id"]: stage.wait(run["dag_run_id"]) for run in runs}

        books, table = stage.books(), read_dataset(str(stage.dataset))
        line(0, f"a backfill of {DAYS} days at once, each image named three times", books, rows=len(table))
    assert [*states.values()] == ["success"] * DAYS
    books.hold()
    assert (books.billed, books.resent) == (images, 0)
    assert (len(table), table["image"].nunique()) == (images, images)
    assert set(table["run_id"]) <= states.keys()
