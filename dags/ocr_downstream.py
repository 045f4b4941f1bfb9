"""### Work with each night's reads

Runs whenever the nightly batch has published. The asset's event carries the counts and the partition, so this DAG reads
only what is new. Events that came while it was busy are handed over together: it looks at all of them.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Asset, task

OCR_READS = Asset("platerec_ocr_reads")
LOW_CONFIDENCE = 0.6

# --8<-- [start:downstream_dag]
with DAG(
    dag_id="ocr_downstream",
    schedule=[OCR_READS],
    catchup=False,
    doc_md=__doc__,
    tags=["platerec_ocr"],
) as dag:

    @task
    def doubtful_codes(triggering_asset_events: Any) -> list[dict[str, Any]]:
        """Return the reads of the new days that a person should look at: low confidence, or a failed check digit."""
        from airflow_provider_platerec_ocr.dataset import read_dataset

        found: list[dict[str, Any]] = []
        for event in triggering_asset_events[OCR_READS]:
            if event.extra.get("reads"):
                reads = read_dataset(event.extra["dataset"], since=event.extra["date"], until=event.extra["date"])
                new = reads[(reads["dag_id"] == event.extra["dag_id"]) & (reads["run_id"] == event.extra["run_id"])]
                doubtful = new[(new["confidence"] < LOW_CONFIDENCE) | ~new["check_digit_ok"].fillna(value=True)]
                found += doubtful[["image", "code", "confidence"]].to_dict("records")
        return found

    doubtful_codes()  # type: ignore[call-arg, misc]  # Airflow hands the events in
# --8<-- [end:downstream_dag]
