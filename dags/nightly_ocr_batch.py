"""### Read the day's photographs every night

Waits until the account has calls left, plans which images of the manifest are new and affordable, reads them in
parallel shards, and publishes a Parquet table that any tool can open. Each image is paid for once, however often the
DAG runs.

Before the first night: set the connection `platerec_ocr_default` (password: the API token), point `manifest` and
`dataset` at your data, and run `airflow dags test nightly_ocr_batch --conf '{"plan_only": true}'`, to see what it will
cost. A call costs money. Once unpaused, the DAG runs at 22:00 UTC with the defaults of its parameters, and makes at
most `daily_limit` calls a day: from the next night on or, where it has run on its schedule before and was paused since,
at once for the last night that it missed.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, Asset, Param

from airflow_provider_platerec_ocr.compat import from_next_slot
from airflow_provider_platerec_ocr.sensors.statistics import OCRStatsSensor
from airflow_provider_platerec_ocr.task_group import OCRManifestTaskGroup

SAMPLES = Path(__file__).parent / "sample_images"
DATASET = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser() / "platerec_ocr" / "reads"
WHAT, COST, FINE = "What to read", "What to spend", "Finer points"

# --8<-- [start:reads_asset]
OCR_READS = Asset("platerec_ocr_reads")
# --8<-- [end:reads_asset]

# --8<-- [start:nightly_dag]
with DAG(
    dag_id="nightly_ocr_batch",
    # With a start_date, or a plain cron string, unpausing it would start the night that has passed, at once.
    schedule=from_next_slot("0 22 * * *"),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=True,
    doc_md=__doc__,
    tags=["platerec_ocr"],
    params={
        "manifest": Param(
            str(SAMPLES / "manifest.csv"),
            "CSV, JSON lines, Parquet or text file, folder or glob; a path or a URI such as s3://bucket/yard/.",
            type="string",
            section=WHAT,
        ),
        "dataset": Param(str(DATASET), "Folder of the Parquet table; a path or a URI.", type="string", section=WHAT),
        "type": Param("vin", "Where the manifest does not say: vin or trailer_id.", type="string", section=WHAT),
        "plan_only": Param(default=False, type="boolean", section=COST, description="Only say what it would cost."),
        "daily_limit": Param(500, "Most calls of a day (UTC).", type=["null", "integer"], minimum=0, section=COST),
        "reserve": Param(0, "Calls of the quota to leave to others.", type="integer", minimum=0, section=COST),
        "pace": Param(default=False, type="boolean", section=COST, description="Spread what is left until the reset."),
        "on_quota": Param("carry_over", "If the quota ends midway.", enum=["carry_over", "fail"], section=COST),
        "images_per_shard": Param(2000, "Most images that one task reads.", type="integer", minimum=1, section=FINE),
        "in_doubt": Param("resend", "What to do with calls in doubt.", enum=["resend", "hold", "fail"], section=FINE),
        "retry_rejected": Param(default=False, type="boolean", section=FINE, description="Try rejected images again."),
        "shrink": Param(default=False, type="boolean", section=FINE, description="Shrink images that are too large."),
        "new_ledger": Param("", "If the plan stops at another ledger: its id.", type=["null", "string"], section=FINE),
    },
) as dag:
    gate = OCRStatsSensor(
        task_id="gate", reserve="{{ params.reserve }}", plan_only="{{ params.plan_only }}", deferrable=True
    )

    batch = OCRManifestTaskGroup(
        group_id="ocr",
        manifest="{{ params.manifest }}",
        dataset="{{ params.dataset }}",
        new_ledger="{{ params.new_ledger }}",
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
