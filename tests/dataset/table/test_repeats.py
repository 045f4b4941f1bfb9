"""One row an identifier, once: what two plans, touched, moved and copied files make of the table."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_platerec_ocr.dataset import read_dataset
from airflow_provider_platerec_ocr.dataset.layout.names import REPEATS, beside
from airflow_provider_platerec_ocr.dataset.layout.schema import repeats_schema
from airflow_provider_platerec_ocr.dataset.plan.keys import FirstTimes, fingerprint_keys
from airflow_provider_platerec_ocr.dataset.plan.plan import RunRef
from airflow_provider_platerec_ocr.storage.path import StoragePath
from support.older_tables import as_version_1, files_of, without_metadata
from support.table_stage import VIN, read_outcome

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_platerec_ocr.core.models import Outcome, PlannedImage
    from airflow_provider_platerec_ocr.dataset.plan.plan import Plan
    from airflow_provider_platerec_ocr.dataset.table.publish import ExportResult
    from support.table_stage import TableStage

CONTENT = {f"{name}.jpg": hashlib.sha256(name.encode()).hexdigest() for name in "abcd"}


def night(number: int) -> RunRef:
    return RunRef("nightly", f"night-{number}", f"2026-03-{number:02d}")


def listed(path: Path, *rows: str, header: str = "image,image_version") -> str:
    path.write_text("\n".join([header, *rows, ""]))
    return str(path)


def by_name(image: PlannedImage, **more: Any) -> Outcome:
    """The photograph called so holds the same bytes wherever it lies and whenever it was touched."""
    mark = CONTENT.get(image.image.rpartition("/")[2], "0" * 64)
    return read_outcome(image, VIN, **{"fingerprint": mark, **more})


def go(stage: TableStage, manifest: str, number: int, **more: Any) -> ExportResult:
    """Plan, read and publish one night."""
    run = night(number)
    plan = stage.plan(manifest, run)
    stage.read(plan, run, lambda image: by_name(image, **more))
    return stage.publish(plan, run)


def repeats(stage: TableStage) -> list[dict[str, Any]]:
    files = files_of(beside(stage.dataset, "repeats"))
    return [row for file in files for row in pq.ParquetFile(file).read().to_pylist()]


ALL = ("a.jpg,1", "b.jpg,1", "c.jpg,1", "d.jpg,1")


def test_ten_runs_that_were_planned_together_give_one_row_an_image(stage: TableStage, tmp_path: Path) -> None:
    path = listed(tmp_path / "m.csv", *ALL)
    plans: dict[int, Plan] = {number: stage.plan(path, night(number)) for number in range(1, 11)}
    for number, plan in plans.items():
        stage.read(plan, night(number), by_name)

    results = [stage.publish(plan, night(number)) for number, plan in plans.items()]

    assert [result.rows for result in results] == [4] + [0] * 9
    assert [result.already_published for result in results] == [0] + [4] * 9
    assert results[1].published_by == {"night-1": 4}
    assert "4 images already published, so without rows of their own: 4 by night-1." in results[1].describe()
    assert len(read_dataset(stage.dataset.uri)) == 4
    assert stage.plan(path, night(11)).done == 4


def test_runs_that_publish_at_the_same_moment_give_one_row_an_image(stage: TableStage, tmp_path: Path) -> None:
    path = listed(tmp_path / "m.csv", *ALL)
    plans = {number: stage.plan(path, night(number)) for number in range(1, 4)}
    for number, plan in plans.items():
        stage.read(plan, night(number), by_name)
    threads = [threading.Thread(target=stage.publish, args=(plan, night(number))) for number, plan in plans.items()]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(read_dataset(stage.dataset.uri)) == 4
    assert len(repeats(stage)) == 8


@pytest.mark.parametrize(
    ("rows", "header"),
    [
        ([row.replace(",1", ",2") for row in ALL], "image,image_version"),
        ([row.replace(",1", "") for row in ALL], "image"),
        ([f"moved/{row}" for row in ALL], "image,image_version"),
    ],
    ids=["touched", "CSV beside folder", "moved"],
)
@pytest.mark.parametrize("version", [1, 2])
def test_the_same_photographs_under_another_name_or_version_add_no_rows_and_are_done(
    stage: TableStage, tmp_path: Path, rows: list[str], header: str, version: int
) -> None:
    go(stage, listed(tmp_path / "m.csv", *ALL), 1)
    for file in files_of(stage.dataset):
        as_version_1(file) if version == 1 else without_metadata(file)
    path = listed(tmp_path / "m.csv", *rows, header=header)

    second = go(stage, path, 2, from_ledger=True, calls_billed=0)

    assert (second.reads, second.rows, second.already_published, second.files) == (4, 0, 4, ())
    assert len(read_dataset(stage.dataset.uri)) == 4
    third = stage.plan(path, night(3))
    assert (third.done, third.planned) == (4, 0)


def test_a_repeat_says_by_its_fingerprint_which_rows_stand_for_it(stage: TableStage, tmp_path: Path) -> None:
    go(stage, listed(tmp_path / "m.csv", "a.jpg,1"), 1)

    go(stage, listed(tmp_path / "m.csv", "moved/a.jpg,7"), 2)

    (row,) = repeats(stage)
    assert list(row) == repeats_schema().names
    assert row["image"] == f"{tmp_path}/moved/a.jpg"
    assert (row["type"], row["image_version"], row["published_by"], row["run_id"]) == ("vin", "7", "night-1", "night-2")
    assert row["fingerprint"] == read_dataset(stage.dataset.uri, columns="fingerprint")["fingerprint"].item()
    assert (row["manifest"], row["manifest_row"]) == (str(tmp_path / "m.csv"), 1)


def test_an_image_that_shows_something_else_and_then_the_first_again_gets_rows_each_time(
    stage: TableStage, tmp_path: Path
) -> None:
    for number, mark in enumerate("aba", start=1):
        path = listed(tmp_path / "m.csv", f"gate.jpg,{number}")
        assert go(stage, path, number, fingerprint=mark * 64).rows == 1

    assert go(stage, listed(tmp_path / "m.csv", "gate.jpg,4"), 4, fingerprint="a" * 64).rows == 0
    latest = read_dataset(stage.dataset.uri, latest_only=True)
    assert list(latest["run_id"]) == ["night-3"]


def test_copies_of_one_photograph_in_one_run_give_its_rows_once_under_the_first_name(
    stage: TableStage, tmp_path: Path
) -> None:
    path = listed(tmp_path / "m.csv", "a.jpg,1", "copy/a.jpg,1", "b.jpg,1")
    plan = stage.plan(path, night(1), images_per_shard=1)
    stage.read(plan, night(1), lambda image: replace(by_name(image), calls_billed=int(image.row != 2)))

    result = stage.publish(plan, night(1))

    assert (result.reads, result.rows, result.published_by) == (3, 2, {"": 1})
    assert "1 under another name of this run" in " ".join(result.describe())
    assert [row["image"] for row in repeats(stage)] == [f"{tmp_path}/copy/a.jpg"]


def test_a_run_that_is_exported_again_keeps_its_rows_whatever_came_after(stage: TableStage, tmp_path: Path) -> None:
    path = listed(tmp_path / "m.csv", *ALL)
    plans = {number: stage.plan(path, night(number)) for number in (1, 2)}
    for number, plan in plans.items():
        stage.read(plan, night(number), by_name)
        stage.publish(plan, night(number))
    go(stage, listed(tmp_path / "m.csv", "a.jpg,2"), 3, fingerprint="e" * 64)
    go(stage, listed(tmp_path / "m.csv", "a.jpg,3"), 4)
    folders = (stage.dataset, beside(stage.dataset, "repeats"))
    before = {file: file.read_bytes() for folder in folders for file in files_of(folder)}

    for number in (2, 1, 2):
        stage.publish(plans[number], night(number))

    assert {file: file.read_bytes() for folder in folders for file in files_of(folder)} == before


def test_what_is_left_out_is_published_once_the_rows_that_stood_for_it_are_gone(
    stage: TableStage, tmp_path: Path
) -> None:
    path = listed(tmp_path / "m.csv", *ALL)
    plans = {number: stage.plan(path, night(number)) for number in (1, 2)}
    for number, plan in plans.items():
        stage.read(plan, night(number), by_name)
        stage.publish(plan, night(number))
    for file in files_of(stage.dataset):
        file.unlink()

    result = stage.publish(plans[2], night(2))

    assert (result.rows, result.already_published, repeats(stage)) == (4, 0, [])
    assert result.removed == (f"repeats-{night(2).slug}-00000.parquet",)


def test_rows_of_a_run_that_were_compacted_into_another_file_are_not_published_again(
    stage: TableStage, tmp_path: Path
) -> None:
    plan = stage.plan(listed(tmp_path / "m.csv", *ALL), night(1))
    stage.read(plan, night(1), by_name)
    stage.publish(plan, night(1))
    (file,) = files_of(stage.dataset)
    file.rename(file.with_name("part-00000.zstd.parquet"))

    assert stage.publish(plan, night(1)).rows == 0
    assert len(read_dataset(stage.dataset.uri)) == 4


def test_an_image_that_another_run_has_read_with_another_content_since_the_plan_adds_no_second_row(
    stage: TableStage, tmp_path: Path
) -> None:
    path = listed(tmp_path / "m.csv", "a.jpg,1")
    plans = {number: stage.plan(path, night(number)) for number in (1, 2)}
    for number, plan in plans.items():
        stage.read(plan, night(number), lambda image, mark=f"{number}" * 64: by_name(image, fingerprint=mark))  # type: ignore[misc]

    rows = [stage.publish(plan, night(number)).rows for number, plan in plans.items()]

    assert rows == [1, 0]


def test_what_was_billed_is_the_sum_over_rows_and_repeats(stage: TableStage, tmp_path: Path) -> None:
    path = listed(tmp_path / "m.csv", *ALL)
    plans = {number: stage.plan(path, night(number)) for number in (1, 2)}
    stage.read(plans[2], night(2), lambda image: by_name(image, from_ledger=True, calls_billed=0))
    stage.read(plans[1], night(1), by_name)

    stage.publish(plans[2], night(2))
    stage.publish(plans[1], night(1))

    billed = [*read_dataset(stage.dataset.uri)["calls_billed"], *(row["calls_billed"] for row in repeats(stage))]
    assert sum(billed) == 4


def test_an_answer_that_nobody_could_read_makes_way_for_one_that_this_version_can(
    stage: TableStage, tmp_path: Path
) -> None:
    for number, answer in ((1, "{}"), (2, "{}")):
        go(stage, listed(tmp_path / "m.csv", f"a.jpg,{number}"), number, answer=answer)
    assert len(read_dataset(stage.dataset.uri)) == 1

    assert go(stage, listed(tmp_path / "m.csv", "a.jpg,3"), 3).rows == 1


def test_repeats_lie_in_a_folder_beside_the_dataset_also_in_a_bucket() -> None:
    for protocol, path, expected in (
        ("file", "/data/reads", "/data/reads_repeats"),
        ("s3", "lake/reads", "lake/reads_repeats"),
        ("s3", "lake", "lake/_platerec_repeats"),
        ("file", "/", "/_platerec_repeats"),
    ):
        assert beside(StoragePath(None, path, protocol), REPEATS).path == expected


HEX = st.text("0123456789abcdef", min_size=64, max_size=64)


@given(st.lists(st.one_of(st.none(), HEX, st.text(max_size=70)), max_size=30), st.integers(0, 5))
def test_equal_fingerprints_have_equal_keys_and_others_do_not(texts: list[str | None], skip: int) -> None:
    keys = [key.tobytes() for key in fingerprint_keys(pa.array(texts, pa.string()).slice(skip))]

    assert len({*keys}) == len({text or "" for text in texts[skip:]})
    for key, text in zip(keys, texts[skip:], strict=True):
        if text and len(text) == 64 and set(text) <= set("0123456789abcdef"):
            assert key == bytes.fromhex(text)[:16]


@given(st.lists(st.lists(st.integers(0, 20), max_size=8), max_size=8), st.booleans())
def test_what_comes_for_the_first_time_is_told_apart_also_where_the_map_says_maybe(
    batches: list[list[int]],
    alike: bool,  # noqa: FBT001  # drawn
) -> None:
    first, seen = FirstTimes(), set()
    for batch in batches:
        low = [number if alike else number << 40 for number in batch]  # in the map, small numbers share a place
        keys = np.array([[number, number] for number in low], dtype=np.uint64).reshape(-1, 2)
        expected = []
        for number in batch:
            expected.append(number not in seen)
            seen.add(number)
        assert first.first(keys).tolist() == expected
