"""### Take in what others read

Phones, cameras and other scripts use the same account. The API sends the answers to their calls to the receiver of
webhooks in Airflow's API server, which keeps each in the inbox and then sends an asset event. This DAG runs on these
events and turns everything new in the inbox into rows of the table. It makes no call and costs nothing.

Each event has the minute as its partition key (from Airflow 3.2 on): of two hundred payloads in a few seconds, one or
two events remain, and none of them is left lying. One run takes all that is there, so a run may well find nothing left
to do.

After unpausing, trigger it once by hand: what came before is taken then.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, Asset, Param

from airflow_provider_platerec_ocr.compat import each_partition
from airflow_provider_platerec_ocr.operators.inbox import OCRInboxOperator

DATASET = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser() / "platerec_ocr" / "reads"

# --8<-- [start:ingest_dag]
OCR_INBOX = Asset("platerec_ocr_inbox")
OCR_RECEIVED = Asset("platerec_ocr_received")

with DAG(
    dag_id="webhook_ingest",
    schedule=each_partition(OCR_INBOX),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=True,
    doc_md=__doc__,
    tags=["platerec_ocr"],
    params={
        "dataset": Param(str(DATASET), type="string", description="Folder of the Parquet table; a path or a URI."),
        "type": Param("vin", type="string", description="What the others read: vin or trailer_id."),
    },
) as dag:
    OCRInboxOperator(
        task_id="ingest",
        dataset="{{ params.dataset }}",
        type="{{ params.type }}",
        retries=3,
        retry_delay=timedelta(seconds=30),
        outlets=[OCR_RECEIVED],
    )
# --8<-- [end:ingest_dag]
