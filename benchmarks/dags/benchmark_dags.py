"""DAGs of the benchmarks: the main job, and what people would write instead, with every place as a parameter."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.providers.http.operators.http import HttpOperator
from airflow.sdk import DAG, task

from airflow_provider_platerec_ocr.task_group import OCRManifestTaskGroup

START = datetime(2026, 1, 1, tzinfo=UTC)
SLOTS = 32
"""Tasks at once: Airflow's default parallelism; a DAG's own default would be half of it."""

with DAG(
    dag_id="benchmark_ours",
    schedule=None,
    start_date=START,
    is_paused_upon_creation=False,
    params={"manifest": "", "dataset": "", "ledger": "", "conn_id": "", "images_per_shard": 2000},
):
    OCRManifestTaskGroup(
        group_id="ocr",
        manifest="{{ params.manifest }}",
        dataset="{{ params.dataset }}",
        ledger="{{ params.ledger }}",
        conn_id="{{ params.conn_id }}",
        images_per_shard="{{ params.images_per_shard }}",
    )

with DAG(
    dag_id="benchmark_http_operator",
    schedule=None,
    start_date=START,
    is_paused_upon_creation=False,
    max_active_tasks=SLOTS,
    params={"conn_id": "", "images": 0},
):

    @task
    def bodies(params: dict[str, Any] | None = None) -> list[dict[str, str]]:
        """Return the form of each call; the API would fetch the images itself."""
        count = (params or {})["images"]
        return [{"type": "vin", "upload_url": f"https://images.example.com/{index:06}.jpg"} for index in range(count)]

    HttpOperator.partial(
        task_id="read",
        http_conn_id="{{ params.conn_id }}",
        endpoint="v1/ocr/reader/",
        method="POST",
        retries=5,
        retry_delay=timedelta(seconds=2),
    ).expand(data=bodies())

with DAG(
    dag_id="benchmark_requests",
    schedule=None,
    start_date=START,
    is_paused_upon_creation=False,
    max_active_tasks=SLOTS,
    params={"folder": "", "images": 0, "url": "", "token": ""},
):

    @task
    def images(params: dict[str, Any] | None = None) -> list[str]:
        """Return the first images of a folder."""
        given = params or {}
        return [str(path) for path in sorted(Path(given["folder"]).glob("*.jpg"))[: given["images"]]]

    @task(retries=5, retry_delay=timedelta(seconds=2))
    def read(path: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """Read one image as the API's document shows it."""
        import requests

        given = params or {}
        with Path(path).open("rb") as file:
            response = requests.post(
                f"{given['url']}/v1/ocr/reader/",
                data={"type": "vin"},
                files={"upload": file},
                headers={"Authorization": f"Token {given['token']}"},
                timeout=180,
            )
        response.raise_for_status()
        answer: dict[str, Any] = response.json()
        return answer

    read.expand(path=images())
