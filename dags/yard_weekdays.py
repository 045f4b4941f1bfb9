"""### A DAG of your own: one yard, on weekday evenings, with a look at what was read

Reads the new photographs of a yard into a table, leaves calls to the others who use the account, and fails where too
many of the night's reads are doubtful: a dirty lens, or the wrong type. Put your own places, hours and numbers in.

It runs at 19:00 in Berlin, Monday to Friday, from the next such evening after it is unpaused; where it has run on its
schedule before, it makes up for the last evening that it missed, at once. A call costs money: `daily_limit` is the most
that the account makes a day.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, Param, task

from airflow_provider_platerec_ocr import OCRManifestTaskGroup, OCRStatsSensor, from_next_slot

YARD = Path(__file__).parent / "sample_images" / "manifest.csv"
DATASET = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser() / "platerec_ocr" / "yard"
SURE, MOST_DOUBTFUL = 0.6, 0.2

# --8<-- [start:weekdays_dag]
with DAG(
    dag_id="yard_weekdays",
    schedule=from_next_slot("0 19 * * 1-5", "Europe/Berlin"),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=True,
    doc_md=__doc__,
    tags=["platerec_ocr"],
    params={"plan_only": Param(default=False, type="boolean", description="Only say what it would cost.")},
) as dag:
    # Opens when 200 calls are left beside the 100 that others keep; a dry run does not wait.
    gate = OCRStatsSensor(
        task_id="gate", min_remaining=200, reserve=100, plan_only="{{ params.plan_only }}", deferrable=True
    )

    batch = OCRManifestTaskGroup(
        group_id="ocr",
        manifest=YARD,
        dataset=DATASET,
        type="vin",
        daily_limit=300,
        reserve=100,
        timezone="Europe/Berlin",
        plan_only="{{ params.plan_only }}",
    )

    @task
    def check(counts: Any, dag_run: Any) -> None:
        """Fail where too many of the night's reads are doubtful, so that somebody looks in the morning."""
        from airflow_provider_platerec_ocr import read_dataset

        if not counts.get("rows"):  # a dry run, or an evening without new photographs
            return
        reads = read_dataset(str(DATASET), columns=["dag_id", "run_id", "confidence", "check_digit_ok"])
        mine = reads[(reads["dag_id"] == dag_run.dag_id) & (reads["run_id"] == dag_run.run_id)]
        doubtful = (mine["confidence"].fillna(0.0) < SURE) | ~mine["check_digit_ok"].fillna(value=True)
        if doubtful.sum() > MOST_DOUBTFUL * len(mine):
            message = f"{doubtful.sum() / len(mine):.0%} of the rows are doubtful: is a lens dirty, or the type wrong?"
            raise ValueError(message)

    gate >> batch >> check(batch.export.output)  # type: ignore[call-arg, misc]  # Airflow hands dag_run in
# --8<-- [end:weekdays_dag]
