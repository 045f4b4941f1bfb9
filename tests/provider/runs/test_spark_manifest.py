"""A manifest as Spark leaves it, through Airflow: partitioned Parquet, times of its own kind, columns for a join."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_platerec_ocr.dataset import read_dataset
from airflow_provider_platerec_ocr.sandbox.samples import make_load_images
from support.airflow_home import connection_env
from support.sandbox import TOKEN, running_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.airflow_home import AirflowHome
    from support.sandbox import Sandbox

pytestmark = pytest.mark.airflow

DAG = """
from pathlib import Path

from airflow.sdk import DAG, Param

from airflow_provider_platerec_ocr.task_group import OCRManifestTaskGroup

with DAG("yard", params={"zone": Param("Europe/Berlin")}):
    OCRManifestTaskGroup(
        "ocr",
        manifest=Path(TOP) / "lists" / "units.parquet",
        dataset=Path(TOP) / "reads",
        allowed_roots=Path(TOP),
        manifest_columns="unit, gate, {{ 'WEIGHT' }}",
        timezone="{{ params.zone }}",
        retries=0,
    )
"""


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    with running_sandbox(quota=1000) as running:
        monkeypatch.setenv(*connection_env(running.url, TOKEN, rate_per_s=200))
        monkeypatch.setenv("AIRFLOW__PLATEREC_OCR__LEDGER", str(tmp_path / "ledger"))
        yield running


def write_as_spark(folder: Path, names: list[str], times: pa.Array, *, number: int, int96: bool) -> None:
    folder.mkdir(parents=True)
    table = {
        "image": names,
        "unit": [f"T-{number}{index}" for index, _ in enumerate(names)],
        "weight": pa.array([7.5 * number] * len(names)),
        "Timestamp": times,
    }
    pq.write_table(pa.table(table), folder / f"part-0000{number}.snappy.parquet", use_deprecated_int96_timestamps=int96)
    (folder / f".part-0000{number}.snappy.parquet.crc").write_bytes(b"crc")


def test_a_spark_folder_becomes_a_table_that_joins_on_its_own_columns(
    airflow_home: AirflowHome, sandbox: Sandbox, tmp_path: Path
) -> None:
    make_load_images(tmp_path / "images", 4, 2_000)
    paths = sorted((tmp_path / "images").iterdir())
    shutil.move(paths[0], tmp_path / "images" / "a b.jpg")
    uris = [(tmp_path / "images" / "a b.jpg").as_uri(), *(f"file:{path}" for path in paths[1:])]
    top = tmp_path / "lists" / "units.parquet"
    moment = datetime(2026, 3, 1, 22, 15)  # noqa: DTZ001  # as Spark writes it
    write_as_spark(top / "gate=1", uris[:2], pa.array([moment] * 2), number=1, int96=True)
    write_as_spark(top / "gate=2", uris[2:], pa.array([moment] * 2), number=2, int96=False)
    (top / "_SUCCESS").write_bytes(b"")
    airflow_home.add_dag("yard.py", DAG.replace("TOP", repr(str(tmp_path))))

    run = airflow_home.run_dag("yard", {})

    assert run.state == "success"
    assert sandbox.books()["billed"] == 4
    table = read_dataset(str(tmp_path / "reads")).sort_values("manifest_row").to_dict("records")
    assert [row["manifest_row"] for row in table] == [1, 2, 3, 4]
    assert [row["image_name"] for row in table] == uris
    assert [json.loads(row["manifest_columns"]) for row in table] == [
        {"unit": "T-10", "gate": "1", "WEIGHT": 7.5},
        {"unit": "T-11", "gate": "1", "WEIGHT": 7.5},
        {"unit": "T-20", "gate": "2", "WEIGHT": 15.0},
        {"unit": "T-21", "gate": "2", "WEIGHT": 15.0},
    ]
    assert [row["timestamp"].isoformat() for row in table] == [
        *[datetime(2026, 3, 1, 22, 15, tzinfo=UTC).isoformat()] * 2,  # Spark's own kind is UTC
        *[datetime(2026, 3, 1, 21, 15, tzinfo=UTC).isoformat()] * 2,  # the other one has no zone
    ]
    assert run.xcom("ocr.plan", key="plan")["times_unknown"] == 0
