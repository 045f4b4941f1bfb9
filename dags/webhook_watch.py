"""### Take in what others read, without an open port

As `webhook_ingest`, for sites where nothing can reach Airflow's API server: a receiver of its own fills the inbox, in
another network perhaps, and the triggerer looks into the inbox every now and then. It is also a safety net beside
`webhook_ingest`: both may run, each payload becomes a row once.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, Asset, AssetWatcher, Param

from airflow_provider_platerec_ocr.operators.inbox import OCRInboxOperator
from airflow_provider_platerec_ocr.triggers.inbox import OCRInboxTrigger

DATASET = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser() / "platerec_ocr" / "reads"

# --8<-- [start:watch_dag]
WATCHED = Asset(
    "platerec_ocr_watched_inbox",
    watchers=[AssetWatcher(name="platerec_ocr_inbox", trigger=OCRInboxTrigger(poll_s=30))],
)

with DAG(
    dag_id="webhook_watch",
    schedule=[WATCHED],
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
        outlets=[Asset("platerec_ocr_received")],
    )
# --8<-- [end:watch_dag]
