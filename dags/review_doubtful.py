"""### Look at the doubtful reads

Runs whenever the nightly batch has published, and asks a person about the reads that need eyes: a check digit that does
not fit, a low confidence, several identifiers on one image, a code that is not on the list of expected ones. Few of
them are fields of one form; for many, the form leads to the page's review view. What the person says is kept beside the
table, and `read_dataset(…, corrected=True)` returns it. It makes no call to the API, so it costs nothing.

Needs Airflow 3.1. A person answers under *Required Actions*; what nobody answers stays open for the next run.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, Asset, Param

from airflow_provider_platerec_ocr.operators.review import OCRReviewOperator

OCR_READS = Asset("platerec_ocr_reads")
DATASET = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser() / "platerec_ocr" / "reads"

# --8<-- [start:review_dag]
with DAG(
    dag_id="review_doubtful",
    schedule=[OCR_READS],
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=True,
    doc_md=__doc__,
    tags=["platerec_ocr"],
    params={
        "dataset": Param(str(DATASET), "Folder of the Parquet table; a path or a URI.", type="string"),
        "confidence_below": Param(0.8, "Codes that the API was less sure of.", type="number", minimum=0, maximum=1),
        "expected": Param("", "A CSV with the codes that should be there.", type=["null", "string"]),
        "days": Param(7, "How many days of the table are looked at.", type="integer", minimum=1),
        "most": Param(20, "Most reads in the form; more are looked at on the page.", type="integer", minimum=1),
    },
) as dag:
    review = OCRReviewOperator(
        task_id="review",
        dataset="{{ params.dataset }}",
        confidence_below="{{ params.confidence_below }}",
        expected="{{ params.expected }}",
        days="{{ params.days }}",
        most="{{ params.most }}",
        answer_within=timedelta(hours=12),
        retries=2,
    )
# --8<-- [end:review_dag]
