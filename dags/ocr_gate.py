"""### Wait for the quota in front of any task

The gate alone: it waits, at no cost and without a worker slot, until the account has enough calls left, and hands the
statistics on. Put it before your own code that spends calls.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Param, task

from airflow_provider_platerec_ocr.sensors.statistics import OCRStatsSensor

# --8<-- [start:gate_dag]
with DAG(
    dag_id="ocr_gate",
    schedule=None,
    catchup=False,
    doc_md=__doc__,
    tags=["platerec_ocr"],
    params={"min_remaining": Param(100, type="integer", minimum=1, description="Calls that have to be left.")},
) as dag:
    gate = OCRStatsSensor(task_id="gate", min_remaining="{{ params.min_remaining }}", deferrable=True)

    @task
    def your_own_task(statistics: Any) -> str:
        """Stand in for work of your own that spends calls."""
        return f"{statistics['remaining']} of {statistics['total_calls']} calls are left"

    your_own_task(gate.output)
# --8<-- [end:gate_dag]
