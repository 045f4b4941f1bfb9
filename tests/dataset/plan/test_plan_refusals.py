"""Planning: what it says, what it hides, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_platerec_ocr.core.errors import OCRConfigError, OCRDatasetError, OCRManifestError
from airflow_provider_platerec_ocr.dataset.plan.plan import (
    RunRef,
    load_plan,
    load_shard,
    make_plan,
)
from support.stores import local_place
from support.table_stage import RUN, granting, manifest, read_vin

if TYPE_CHECKING:
    from pathlib import Path

    from support.table_stage import TableStage

NEXT = RunRef("nightly", "scheduled__2026-03-02T22:00:00+00:00", "2026-03-02")


def test_a_plan_describes_itself(stage: TableStage, tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("image\n0.jpg\n1.jpg\n1.jpg\n,x\n2.jpg\n")

    plan = stage.plan(str(path), grant=granting(1, "the quota"))

    assert plan.describe() == [
        f"{path} has 5 rows.",
        "3 images to read in 1 shard, up to 1 call.",
        "0 already done.",
        "1 duplicate row left aside.",
        "1 row cannot be used: see the dead letters.",
        "2 new images left for a later run, unless the ledger has the answers. Limit: the quota",
    ]
    assert replace(plan, limit_reason="").describe()[-1].endswith("No call is left for them.")


def test_a_plan_holds_no_secret_of_the_manifest(stage: TableStage, tmp_path: Path) -> None:
    (tmp_path / "m.txt").write_text("https://u:pw@x.example/a.jpg?X-Amz-Signature=geheim\n")
    request = replace(stage.request("s3://key:geheim@b/m.txt"), opener=lambda _: local_place(tmp_path / "m.txt"))

    plan = make_plan(request)

    assert plan.manifest == "s3://b/m.txt"
    for path in stage.root.fs.find(stage.root.path):
        content = stage.root.fs.cat_file(path)
        assert b"geheim" not in content
        assert b"pw" not in content


def test_a_missing_shard_says_what_to_do(stage: TableStage) -> None:
    with pytest.raises(OCRDatasetError, match=r"There is no shard at .* Clear the plan task"):
        list(load_shard(stage.workspace() / "shards/00000.jsonl"))


@pytest.mark.parametrize("content", [b"{}", b"no json", b"[]", b'{"shards": [{"x": 1}], "manifest": "m"}'])
def test_a_damaged_plan_says_what_to_do(stage: TableStage, content: bytes) -> None:
    place = stage.workspace() / "plan.json"
    place.fs.makedirs(place.parent.path)
    place.fs.pipe_file(place.path, content)

    with pytest.raises(OCRDatasetError, match=r"plan\.json is not a plan .* planned anew"):
        load_plan(stage.workspace())


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"images_per_shard": 0}, "images_per_shard must be at least 1, not 0"),
        ({"max_shards": 0}, "max_shards must be at least 1"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(stage: TableStage, setting: dict[str, Any], message: str) -> None:
    with pytest.raises(OCRConfigError, match=message):
        stage.request("m.csv", **setting)


def test_a_failed_plan_leaves_nothing_that_counts(stage: TableStage, tmp_path: Path) -> None:
    with pytest.raises(OCRManifestError):
        stage.plan(str(tmp_path / "missing.csv"))

    assert load_plan(stage.workspace()) is None


def put(stage: TableStage, path: str, table: pa.Table | bytes) -> None:
    place = stage.dataset / path
    place.fs.makedirs(place.parent.path, exist_ok=True)
    if isinstance(table, bytes):
        place.fs.pipe_file(place.path, table)
    else:
        pq.write_table(table, place.path)


def test_a_dataset_of_another_schema_version_is_refused_with_both_versions(stage: TableStage, tmp_path: Path) -> None:
    table = pa.table({"image": ["a"]}).replace_schema_metadata({b"platerec_ocr.schema_version": b"7"})
    put(stage, "type=vin/date=2026-01-01/x.parquet", table)

    with pytest.raises(
        OCRDatasetError, match=r"schema version 7, and this provider knows versions 1 to 2\. Install the"
    ):
        stage.plan(manifest(tmp_path / "m.csv", 1))


@pytest.mark.parametrize(
    ("path", "table", "message"),
    [
        ("type=vin/x.parquet", pa.table({"image": ["a"]}), "was not written by this provider"),
        ("type=vin/x.parquet", b"PAR1 no", "cannot be read as Parquet"),
        ("x.parquet", pa.table({"image": ["a"]}), "was not written by this provider"),
    ],
)
def test_a_foreign_file_in_the_dataset_is_refused_by_name(
    stage: TableStage, tmp_path: Path, path: str, table: pa.Table | bytes, message: str
) -> None:
    put(stage, path, table)

    with pytest.raises(OCRDatasetError, match=message):
        stage.plan(manifest(tmp_path / "m.csv", 1))


def test_hidden_files_in_the_dataset_are_not_looked_at(stage: TableStage, tmp_path: Path) -> None:
    put(stage, "type=vin/date=2026-01-01/.x.parquet", b"half a file")
    put(stage, "type=vin/date=2026-01-01/_x.parquet", b"half a file")

    assert stage.plan(manifest(tmp_path / "m.csv", 1)).planned == 1


def test_two_runs_never_share_a_name() -> None:
    slugs = {RUN.slug, RunRef("nightly", "scheduled__2026-03-01T22-00-00-00-00", "x").slug, NEXT.slug}
    slugs |= {RunRef("a", "bc", "x").slug, RunRef("ab", "c", "x").slug, RunRef("", "", "x").slug}

    assert len(slugs) == 6
    assert RUN.slug.startswith("nightly__scheduled__2026-03-01T22-00-00-00-00__")
    assert all(set(slug) <= set("abcdefghijklmnopqrstuvwxyzT0123456789._-") for slug in slugs)


def test_a_plan_of_what_was_read_before_pays_for_nothing(stage: TableStage, tmp_path: Path) -> None:
    path = manifest(tmp_path / "m.csv", 4)
    plan = stage.plan(path)
    stage.read(plan, how=read_vin)
    stage.publish(plan)

    assert stage.plan(path, NEXT).to_pay == 0
