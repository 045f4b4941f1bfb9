"""Upkeep on object storage: nothing there can change places in one step, and listings may be old."""

from __future__ import annotations

import io
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from airflow_provider_platerec_ocr.core.images.wanted import Wanted
from airflow_provider_platerec_ocr.core.models import Owner
from airflow_provider_platerec_ocr.dataset import correct, read_dataset
from airflow_provider_platerec_ocr.dataset.plan.model import RunRef
from airflow_provider_platerec_ocr.dataset.upkeep.compact import compact
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from airflow_provider_platerec_ocr.storage.path import StoragePath
from airflow_provider_platerec_ocr.upkeep.forget import Forgetting
from airflow_provider_platerec_ocr.upkeep.places import Places
from airflow_provider_platerec_ocr.upkeep.rebuild import rebuild
from support.clock import FakeClock
from support.ledger_shell import PRINT
from support.table_stage import VIN, TableStage, read_outcome

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.models import Outcome, PlannedImage
    from support.stores import S3Stand

RUNS = [RunRef("hourly", f"run-{number}", "2026-03-01") for number in range(3)]


@pytest.fixture
def stage(s3: S3Stand) -> TableStage:
    """A day of three runs with two reads each."""
    root = s3.place("ocr")
    stage = TableStage(root, opener=lambda uri: StoragePath(s3.file_system(), uri.removeprefix("s3://"), "s3"))
    for number, run in enumerate(RUNS):
        rows = "".join(f"{10 * number + i}.jpg\n" for i in range(2))
        root.fs.pipe_file(f"{root.path}/{number}.csv", f"image\n{rows}".encode())
        plan = stage.plan(f"{root.uri}/{number}.csv", run)
        stage.read(plan, run, partial(read, VIN if number == 0 else f"TRAILER{number}"))
        stage.publish(plan, run)
    return stage


def read(code: str, image: PlannedImage) -> Outcome:
    return read_outcome(image, code, fingerprint=sha256(image.image.encode()).hexdigest())


def files(stage: TableStage) -> list[str]:
    stage.root.fs.invalidate_cache()
    return sorted(path for path in stage.root.fs.find(stage.dataset.path) if path.endswith(".parquet"))


def images(stage: TableStage) -> list[str]:
    return sorted(read_dataset(stage.dataset.uri, opener=stage.opener)["image"])


def test_one_file_takes_the_place_of_a_days(stage: TableStage) -> None:
    before = images(stage)

    done = compact(stage.dataset, stage.root / "table_workspace")

    assert (done.files_after, done.left) == (1, [])
    assert images(stage) == before
    assert len(files(stage)) == 1


def test_a_code_is_deleted_from_table_corrections_and_workspace(stage: TableStage) -> None:
    image = images(stage)[0]
    correct(stage.dataset.uri, "1HGCM82633A004352", image=image, by="jane", why=f"not {VIN}", opener=stage.opener)
    root = stage.root
    places = Places(
        dataset=stage.dataset,
        repeats=root / "table_repeats",
        dead_letters=stage.dead_letters,
        corrections=root / "table_corrections",
        workspace=root / "work",
        reports=root / "table_reports",
        sweeps=root / "table_inbox",
    )

    found = Forgetting(places, Wanted.of(code=VIN)).erase()

    assert set(found.counts) == {"table", "corrections", "workspace"}
    assert len(images(stage)) == 4
    assert spelled(stage) == []


def spelled(stage: TableStage) -> list[str]:
    found = []
    stage.root.fs.invalidate_cache()
    for path in stage.root.fs.find(stage.root.path):
        data = stage.root.fs.cat_file(path)
        if path.endswith(".parquet"):
            data += repr(pq.read_table(io.BytesIO(data)).to_pylist()).encode()
        found += [path] if VIN.encode() in data else []
    return found


def test_a_table_is_made_again_from_a_ledger_on_s3(stage: TableStage) -> None:
    place = stage.root / "ledger"
    ledger = Ledger.open(place, lease_s=270.0, clock=FakeClock(), owner=Owner("nightly", RUNS[0].run_id, "ocr.read"))
    facts = {"image": "s3://ocr/a.jpg", "row": 1, "run_date": "2026-03-01", "dataset": stage.dataset.uri}
    claim = ledger.claim("vin", PRINT, 1, facts)
    assert claim is not None
    ledger.answer(claim, {"results": []}, facts | {"read_at": "2026-03-01T23:00:00Z"})

    done = rebuild(ledger, stage.dataset, stage.root / "table_workspace", replace=True)

    assert (done.made.reads, done.carried) == (1, 6)
    assert len(images(stage)) == 7
    assert all("reads-rebuilt." in path for path in files(stage))
