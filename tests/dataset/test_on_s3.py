"""The whole way of a run on object storage, with a fresh file system for each task as on separate workers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow.dataset as ds
import pytest

from airflow_provider_platerec_ocr.dataset import read_dataset
from airflow_provider_platerec_ocr.dataset.plan.plan import RunRef, load_plan
from airflow_provider_platerec_ocr.dataset.report.report import write_report
from airflow_provider_platerec_ocr.dataset.table.journal import best_outcomes, settled_rows
from airflow_provider_platerec_ocr.dataset.table.publish import publish
from airflow_provider_platerec_ocr.storage.path import StoragePath
from support.table_stage import RUN, VIN, TableStage, outcome_of, read_outcome

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.models import Outcome, PlannedImage
    from support.stores import S3Stand

NEXT = RunRef("nightly", "scheduled__2026-03-02T22:00:00+00:00", "2026-03-02")


@pytest.fixture
def root(s3: S3Stand) -> StoragePath:
    place = s3.place("ocr")
    lines = "".join(f"{i}.jpg\n" for i in range(10))
    place.fs.pipe_file(f"{place.path}/m.csv", f"image\n{lines}".encode())
    return place


def worker(s3: S3Stand, root: StoragePath) -> TableStage:
    """The same folders as another worker sees them."""
    return TableStage(s3.again(root), opener=lambda uri: StoragePath(s3.file_system(), uri.removeprefix("s3://"), "s3"))


def mixed(image: PlannedImage) -> Outcome:
    return outcome_of(image, "rejected", reason="image_too_large") if image.row == 4 else read_outcome(image, VIN)


def test_a_run_on_s3_ends_with_a_table_and_the_next_one_has_nothing_to_do(s3: S3Stand, root: StoragePath) -> None:
    manifest = f"{root.uri}/m.csv"
    plan = worker(s3, root).plan(manifest, images_per_shard=4)
    assert load_plan(worker(s3, root).workspace()) == plan
    worker(s3, root).read(plan, how=mixed)
    assert len(settled_rows(worker(s3, root).workspace(), 0)) == plan.shards[0].images

    result = worker(s3, root).publish(plan)
    again = worker(s3, root).publish(plan)

    assert again == result
    assert (result.planned, result.reads, result.missing, result.dead_letters) == (10, 9, 0, {"image_too_large": 1})
    stage = worker(s3, root)
    frame = read_dataset(stage.dataset.uri, opener=stage.opener)
    assert sorted(frame["image"]) == [f"{root.uri}/{i}.jpg" for i in range(10) if i != 3]
    options: dict[str, Any] = {"endpoint_url": s3.endpoint, "key": "test", "secret": "test"}
    assert len(read_dataset(stage.dataset.uri, storage_options=options, type="vin")) == 9
    assert ds.dataset(stage.dataset.path, filesystem=s3.file_system(), partitioning="hive").count_rows() == 9
    assert worker(s3, root).plan(manifest, NEXT).done == 10
    report = write_report(stage.root / "reports", RUN, plan, result)
    assert report.uri == f"{root.uri}/reports/{RUN.slug}.json"


def test_a_long_process_sees_what_was_published_since_its_last_look(s3: S3Stand, root: StoragePath) -> None:
    mine = worker(s3, root)

    def look() -> int:
        return len(read_dataset(mine.dataset.uri, opener=lambda _: mine.dataset))

    for runs, run in enumerate((RUN, replace(NEXT, date=RUN.date), replace(NEXT, run_id="third")), start=1):
        lines = "".join(f"{i}.jpg\n" for i in range(runs))
        root.fs.pipe_file(f"{root.path}/m.csv", f"image\n{lines}".encode())
        other = worker(s3, root)
        plan = other.plan(f"{root.uri}/m.csv", run)
        other.read(plan, run)
        other.publish(plan, run)
        assert look() == runs
        other.publish(plan, run)  # the same names, other objects
        assert look() == runs


def test_a_crash_before_the_upload_leaves_nothing_behind(s3: S3Stand, root: StoragePath) -> None:
    plan = worker(s3, root).plan(f"{root.uri}/m.csv", images_per_shard=4)
    worker(s3, root).read(plan, how=mixed)
    stage = worker(s3, root)
    broken = s3.file_system()

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Access Denied")

    broken.put_file = refuse

    with pytest.raises(PermissionError, match=r"cannot write .*Access Denied.*free space or grant the right"):
        publish(
            plan,
            workspace=stage.workspace(),
            dataset=StoragePath(broken, stage.dataset.path, "s3"),
            dead_letters=stage.dead_letters,
            run=RUN,
        )

    assert worker(s3, root).root.fs.find(stage.dataset.path) == []
    assert worker(s3, root).publish(plan).reads == 9


def test_a_later_try_of_a_shard_wins_over_the_first(s3: S3Stand, root: StoragePath) -> None:
    plan = worker(s3, root).plan(f"{root.uri}/m.csv")
    worker(s3, root).read(plan, how=lambda image: outcome_of(image, "failed"))
    worker(s3, root).read(plan, how=mixed, try_number=2)

    found = best_outcomes(worker(s3, root).workspace(), 0)

    assert [item.status for item in found] == ["read"] * 3 + ["rejected"] + ["read"] * 6
    leftover = f"{worker(s3, root).dataset.path}/type=vin/date=2026-01-01/reads-{RUN.slug}-00000.parquet"
    assert worker(s3, root).publish(plan).removed == ()
    worker(s3, root).root.fs.copy(
        f"{worker(s3, root).dataset.path}/type=vin/date=2026-03-01/reads-{RUN.slug}-00000.parquet", leftover
    )
    assert worker(s3, root).publish(plan).removed == (f"type=vin/date=2026-01-01/reads-{RUN.slug}-00000.parquet",)
