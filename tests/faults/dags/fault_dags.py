"""DAGs of the fault suite: the main job, with every place as a parameter."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, task

from airflow_provider_platerec_ocr.compat import from_next_slot
from airflow_provider_platerec_ocr.operators.read import OCRReadOperator
from airflow_provider_platerec_ocr.retry_policy import OCRRetryPolicy
from airflow_provider_platerec_ocr.sensors.statistics import OCRStatsSensor
from airflow_provider_platerec_ocr.task_group import OCRManifestTaskGroup

for name, read_timeout in {
    "faults": None,
    "faults_twin": None,
    "faults_timeout": timedelta(seconds=105),  # a call of 30 s, 60 s to save, and 15 s in which calls may start
}.items():
    with DAG(
        dag_id=name,
        schedule=None,
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        max_active_runs=64,
        is_paused_upon_creation=False,
        default_args={"retry_delay": timedelta(seconds=1)},
        params={
            "manifest": "",
            "dataset": "",
            "ledger": "",
            "conn_id": "",
            "images_per_shard": 2000,
            "in_doubt": "resend",
        },
    ):
        OCRManifestTaskGroup(
            group_id="ocr",
            manifest="{{ params.manifest }}",
            dataset="{{ params.dataset }}",
            ledger="{{ params.ledger }}",
            conn_id="{{ params.conn_id }}",
            images_per_shard="{{ params.images_per_shard }}",
            in_doubt="{{ params.in_doubt }}",
            read_timeout=read_timeout,
            retries=5,
            retry_policy=OCRRetryPolicy(maintenance_delay_s=10.0),
        )

with DAG(
    dag_id="faults_daily",  # for backfills: no run of its own begins while they are tried
    schedule=from_next_slot("0 22 * * *"),
    catchup=False,
    is_paused_upon_creation=False,
    default_args={"retry_delay": timedelta(seconds=1)},
    params={"manifests": "", "dataset": "", "ledger": "", "conn_id": ""},
):
    OCRManifestTaskGroup(
        group_id="ocr",
        manifest="{{ params.manifests }}/{{ ds }}.csv",
        dataset="{{ params.dataset }}",
        ledger="{{ params.ledger }}",
        conn_id="{{ params.conn_id }}",
    )

with DAG(
    dag_id="faults_gate",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    is_paused_upon_creation=False,
    params={"conn_id": ""},
):
    OCRStatsSensor(task_id="gate", conn_id="{{ params.conn_id }}", min_remaining=1, deferrable=True)

SINGLE = {"image": "", "conn_id": "", "ledger": ""}

with DAG(
    dag_id="faults_single",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    is_paused_upon_creation=False,
    default_args={"retries": 3, "retry_delay": timedelta(seconds=1)},
    params=SINGLE,
):
    OCRReadOperator(
        task_id="single",
        image="{{ params.image }}",
        conn_id="{{ params.conn_id }}",
        ledger="{{ params.ledger }}",
    )

with DAG(
    dag_id="faults_hook",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    is_paused_upon_creation=False,
    default_args={"retries": 3, "retry_delay": timedelta(seconds=1)},
    params=SINGLE,
):

    @task(execution_timeout=timedelta(seconds=45))  # much less than a call may take
    def single(params: dict[str, str] | None = None) -> dict[str, object]:
        """Read one image in a task of one's own."""
        from airflow_provider_platerec_ocr.hooks.ocr import PlateRecOCRHook  # a task imports it itself

        given = params or {}
        return PlateRecOCRHook(given["conn_id"]).read(type="vin", image=given["image"], ledger=given["ledger"])

    single()
