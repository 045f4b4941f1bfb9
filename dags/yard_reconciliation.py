"""### Who is in the yard, who is missing, who should not be here

Runs whenever the nightly batch has published, and holds the new day's reads against a list of the units that are
expected. It makes no call and costs nothing. For programs it writes Parquet files beside the table, for people a CSV
and an Excel file beside the reports.

Point `expected` at your list: a CSV, JSON lines or Parquet file with a column `code`, and whatever else you like to see
in the result. Where more units than `TELL_OVER` are missing, `tell` is called: put your notifier there. Set
`max_missing` to have the task fail as well, once everything is written.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from airflow.sdk import DAG, Asset, Param

from airflow_provider_platerec_ocr.notifications.notifier import OCRNotifier
from airflow_provider_platerec_ocr.operators.reconcile import OCRReconcileOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

SAMPLES = Path(__file__).parent / "sample_images"
DATASET = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser() / "platerec_ocr" / "reads"

# --8<-- [start:yard_dag]
TELL_OVER = "5%"  # of the list's units, or a number of them


def tell(context: Context) -> None:
    """Tell of missing units; in its place a notifier does, SlackWebhookNotifier(…, text="{{ ocr.text }}")."""
    logging.getLogger(__name__).warning("%s", context["ocr"].text)  # type: ignore[typeddict-item]  # the notifier adds it


with DAG(
    dag_id="yard_reconciliation",
    schedule=[Asset("platerec_ocr_reads")],
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=True,
    doc_md=__doc__,
    tags=["platerec_ocr"],
    params={
        "reads": Param(str(DATASET), "Folder of the Parquet table; a path or a URI.", type="string"),
        "expected": Param(str(SAMPLES / "expected.csv"), "The list of units, with a column code.", type="string"),
        "until": Param(None, "The day; empty: the table's last one.", type=["null", "string"], format="date"),
        "last_characters": Param(None, "How many last characters are enough.", type=["null", "integer"], minimum=4),
        "max_missing": Param(None, "Most units that may be missing: a number, or 5%.", type=["null", "string"]),
    },
) as dag:
    OCRReconcileOperator(
        task_id="reconcile",
        reads="{{ params.reads }}",
        expected="{{ params.expected }}",
        until="{{ params.until or '' }}",
        last_characters="{{ params.last_characters or '' }}",
        max_missing="{{ params.max_missing or '' }}",
        notify=OCRNotifier(tell, missing_over=TELL_OVER),
        outlets=[Asset("platerec_ocr_reconciliation")],
    )
# --8<-- [end:yard_dag]
