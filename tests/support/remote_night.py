"""One night of which every place lies in an object store, reached through an Airflow connection.

Images, ledger, workspace, dataset and inbox: all of it is ``scheme://connection@bucket/…``. One call is cut after the
API has worked, so that its answer is in the inbox alone.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow.dataset as ds

from airflow_provider_platerec_ocr.sandbox.samples import make_load_images
from support.receiver import receiving
from support.sandbox import TOKEN, running_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from airflow_provider_platerec_ocr.storage.path import StoragePath
    from support.fleet import Fleet
    from support.sandbox import Sandbox
    from support.stores import S3Stand

IMAGES = 9
SECRET = "hush-hush/of+the=store"
STORE, API = "yard_store", "yard_api"
"""Ids of the connections to the store and to the API."""
DAG_TEXT = """
import os
from airflow.sdk import DAG
from airflow_provider_platerec_ocr.task_group import OCRManifestTaskGroup

os.environ["AIRFLOW__PLATEREC_OCR__INBOX"] = "{root}/inbox"  # an option; for the tasks of this DAG alone

with DAG("{dag_id}", schedule=None, is_paused_upon_creation=False):
    OCRManifestTaskGroup(
        group_id="ocr",
        manifest="{root}/photos",
        dataset="{root}/reads",
        workspace="{root}/runs",
        ledger="{root}/ledger",
        conn_id="{api}",
        images_per_shard=5,
    )
"""


def aws_connection(s3: S3Stand) -> dict[str, Any]:
    """Return a connection to the S3 server of a test, as Airflow's REST API takes it."""
    extra = {"endpoint_url": s3.endpoint, "region_name": "us-east-1"}
    fields = {"conn_type": "aws", "login": "AKIATEST", "password": SECRET, "extra": json.dumps(extra)}
    return {"connection_id": STORE, **fields}


@dataclass(frozen=True)
class RemoteNight:
    """Images in a store, and the API that reads them."""

    place: StoragePath
    """The bucket, as the test itself sees it."""
    uri: str
    """The bucket, as a DAG names it."""
    sandbox: Sandbox

    def dag(self, dag_id: str) -> str:
        """Return the text of the DAG file."""
        return DAG_TEXT.format(root=self.uri, dag_id=dag_id, api=API)

    def hold(self) -> None:
        """Hold that each image was paid once and is in the table, the one whose answer was cut, too."""
        books = self.sandbox.books()
        assert (books["posts"], books["billed"], books["billed_more_than_once"]) == (IMAGES, IMAGES, {})
        rows = ds.dataset(f"{self.place.path}/reads", filesystem=self.place.fs, partitioning="hive").to_table()
        assert sorted(set(rows["image"].to_pylist())) == sorted(f"{self.place.uri}/photos/{name}" for name in names())
        assert sum(rows["calls_billed"].to_pylist()) == IMAGES
        self.place.fs.invalidate_cache()
        files = self.place.fs.find(self.place.path)
        answers = [name for name in files if name.endswith(".answer")]
        assert len(answers) == IMAGES
        settled = [json.loads(self.place.fs.cat_file(name)).get("settled") for name in answers]
        assert [each["by"] for each in settled if each] == ["webhook"]
        assert any("/runs/" in name for name in files)


def names() -> list[str]:
    """Return the names of the images."""
    return [f"load_{number:06d}.jpg" for number in range(1, IMAGES + 1)]


@contextmanager
def remote_night(place: StoragePath, folder: Path) -> Iterator[RemoteNight]:
    """Put images into the bucket ``place``, and run the API and a receiver of its webhooks."""
    for path in make_load_images(folder, IMAGES, 2_000):
        place.fs.pipe_file(f"{place.path}/photos/{path.name}", path.read_bytes())
    uri = f"{place.protocol}://{STORE}@{place.path}"
    with (
        receiving(place / "inbox") as webhook,
        running_sandbox(faults=["nth=2:cut-after"], webhook=webhook, rename_files=True) as sandbox,
    ):
        yield RemoteNight(place, uri, sandbox)


def run_night(airflow: Fleet, night: RemoteNight, s3: S3Stand, dags: Path) -> None:
    """Run the night under a whole Airflow; both connections are in its database, and nowhere else."""
    airflow.call("POST", "/connections", aws_connection(s3))
    airflow.add_connection(API, night.sandbox.url, TOKEN, json.dumps({"rate_per_s": 50}))
    (dags / "on_s3.py").write_text(night.dag("on_s3"))
    run_id = airflow.trigger("on_s3")
    assert airflow.wait("on_s3", run_id) == "success"
    logs = airflow.home / "logs" / "dag_id=on_s3"
    said = "".join(path.read_text(errors="replace") for path in logs.rglob("*.log"))
    assert "makes the calls" in said
    assert SECRET not in said
