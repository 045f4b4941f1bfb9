"""### Read the day's photographs every night

Waits until the account has calls left, plans which images of the manifest are new and affordable, reads them in
parallel shards, and publishes a Parquet table that any tool can open. Each image is paid for once, however often the
DAG runs.

Before the first night: set the connection `platerec_ocr_default` (password: the API token), point `manifest` and
`dataset` at your data, and trigger the DAG once with `plan_only` to see what it will cost. A call costs money; the DAG
is paused until you unpause it, and spends at most `daily_limit` calls a day.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from airflow.sdk import DAG, Asset, Param

from airflow_provider_platerec_ocr.sensors.statistics import OCRStatsSensor
from airflow_provider_platerec_ocr.task_group import OCRManifestTaskGroup

SAMPLES = Path(__file__).parent / "sample_images"
DATASET = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser() / "platerec_ocr" / "reads"

# --8<-- [start:reads_asset]
OCR_READS = Asset("platerec_ocr_reads")
# --8<-- [end:reads_asset]

# --8<-- [start:nightly_dag]
with DAG(
    dag_id="nightly_ocr_batch",
    schedule="0 22 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=True,
    doc_md=__doc__,
    tags=["platerec_ocr"],
    params={
        "manifest": Param(
            str(SAMPLES / "manifest.csv"),
            type="string",
            description="CSV, JSON lines, Parquet or text file, folder or glob; a path or a URI such as s3://bucket/yard/.",
        ),
        "dataset": Param(str(DATASET), type="string", description="Folder of the Parquet table; a path or a URI."),
        "type": Param(
            "vin", type="string", description="What to read where the manifest does not say: vin or trailer_id."
        ),
        "reserve": Param(0, type="integer", minimum=0, description="Calls of the quota to leave to others."),
        "daily_limit": Param(500, type=["null", "integer"], minimum=0, description="Most calls of a day (UTC)."),
        "pace": Param(default=False, type="boolean", description="Spread the calls left over the nights to the reset."),
        "on_quota": Param(
            "carry_over",
            enum=["carry_over", "fail"],
            description="What to do when the quota ends before the images do.",
        ),
        "images_per_shard": Param(2000, type="integer", minimum=1, description="Most images that one task reads."),
        "in_doubt": Param(
            "resend",
            enum=["resend", "hold", "fail"],
            description="What to do with calls that may have been billed without an answer.",
        ),
        "retry_rejected": Param(default=False, type="boolean", description="Try rejected images once more."),
        "shrink": Param(default=False, type="boolean", description="Shrink images that are over the upload limit."),
        "plan_only": Param(default=False, type="boolean", description="Only say what the run would read and cost."),
    },
) as dag:
    gate = OCRStatsSensor(task_id="gate", min_remaining=1, reserve="{{ params.reserve }}", deferrable=True)

    batch = OCRManifestTaskGroup(
        group_id="ocr",
        manifest="{{ params.manifest }}",
        dataset="{{ params.dataset }}",
        type="{{ params.type }}",
        reserve="{{ params.reserve }}",
        daily_limit="{{ params.daily_limit }}",
        pace="{{ params.pace }}",
        on_quota="{{ params.on_quota }}",
        images_per_shard="{{ params.images_per_shard }}",
        in_doubt="{{ params.in_doubt }}",
        retry_rejected="{{ params.retry_rejected }}",
        shrink="{{ params.shrink }}",
        plan_only="{{ params.plan_only }}",
        read_timeout=timedelta(hours=8),
        asset=OCR_READS,
    )

    gate >> batch
# --8<-- [end:nightly_dag]
