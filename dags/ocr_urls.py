"""### Read single images from a list of URLs

For an image now and then, or a handful that another system names. The API fetches each URL itself, so the bytes never
pass through a worker. Each image goes through the ledger as in the nightly batch: reading it again costs nothing. For
more than a few dozen images use `OCRManifestTaskGroup`, which reads hundreds at a time in one task.
"""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, Param, task

from airflow_provider_platerec_ocr.operators.read import OCRReadOperator

# --8<-- [start:urls_dag]
with DAG(
    dag_id="ocr_urls",
    schedule=None,
    catchup=False,
    doc_md=__doc__,
    tags=["platerec_ocr"],
    params={
        "urls": Param([], type="array", items={"type": "string"}, description="One URL an image; each is a paid call."),
        "type": Param("vin", type="string", description="What to read: vin or trailer_id."),
    },
) as dag:

    @task
    def urls(params: dict[str, Any]) -> list[str]:
        """Return the URLs to read; an empty list makes no call."""
        return list(params["urls"])

    links = urls()  # type: ignore[call-arg, misc]  # Airflow hands params in
    reads = OCRReadOperator.partial(task_id="read", type="{{ params.type }}", retries=3).expand(upload_url=links)

    @task(trigger_rule="all_done", multiple_outputs=False)  # else each URL would be the key of an XCom of its own
    def summary(found: Any) -> dict[str, list[str]]:
        """Return the codes of each image that could be read."""
        return {read["image"]: [each["code_normalized"] for each in read["identifiers"]] for read in found or []}

    summary(reads.output)
    # The summary is made whatever became of the reads: this is what makes the run fail where one of them failed.
    reads >> EmptyOperator(task_id="all_read", trigger_rule="none_failed")
# --8<-- [end:urls_dag]
