"""Few files of many: the rows stay, readers see them once, and whoever writes meanwhile loses nothing."""

from __future__ import annotations

import json
import os
import threading
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from fsspec.implementations.local import LocalFileSystem

from airflow_provider_platerec_ocr.core.errors import OCRDatasetError
from airflow_provider_platerec_ocr.dataset.layout.names import DEAD_LETTERS, REPEATS
from airflow_provider_platerec_ocr.dataset.plan.model import RunRef
from airflow_provider_platerec_ocr.dataset.plan.plan import load_plan
from airflow_provider_platerec_ocr.dataset.table.reading import read_dataset
from airflow_provider_platerec_ocr.dataset.upkeep.compact import compact
from airflow_provider_platerec_ocr.storage import swap
from airflow_provider_platerec_ocr.storage.exchange import exchange
from airflow_provider_platerec_ocr.storage.path import StoragePath
from support.clock import FakeClock
from support.older_tables import as_version_1, files_of, without_metadata
from support.table_stage import TableStage, manifest, outcome_of, read_outcome, read_vin
from support.waiting import PATIENCE_S

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.dataset.upkeep.compact import Compacted

RUNS = 6


def run_of(number: int) -> RunRef:
    return RunRef("hourly", f"run-{number}", f"2026-03-0{1 + number % 2}")


@pytest.fixture
def stage(tmp_path: Path) -> TableStage:
    """Two days of three runs each, every one with two reads and a dead letter."""
    stage = TableStage.local(tmp_path / "stage")
    for number in range(RUNS):
        publish(stage, tmp_path, number)
    return stage


def publish(stage: TableStage, folder: Path, number: int) -> None:
    run = run_of(number)
    plan = stage.plan(manifest(folder / f"{number}.csv", 3, start=10 * number), run)
    stage.read(plan, run, lambda image: None if image.row == 3 else read_vin(image))
    stage.read(plan, run, lambda image: dead(image) if image.row == 3 else None, try_number=2)
    stage.publish(plan, run)


def dead(image: Any) -> Any:
    return outcome_of(image, "rejected", reason="api_rejected", message="no image")


def compacted(stage: TableStage, **more: Any) -> Compacted:
    return compact(stage.dataset, stage.root / "table_workspace", **more)


def rows(stage: TableStage, *without: str) -> list[dict[str, Any]]:
    frame = read_dataset(stage.dataset.path).drop(columns=list(without))
    frame = frame.astype(object).where(frame.notna(), None)
    found: list[dict[Any, Any]] = frame.to_dict("records")
    return sorted(found, key=lambda row: (row["image"], row["run_id"]))


def test_each_day_becomes_one_file_with_the_same_rows(stage: TableStage) -> None:
    before = rows(stage)

    done = compacted(stage)

    assert (done.files_before, done.files_after, done.partitions, done.left) == (RUNS, 2, 2, [])
    assert rows(stage) == before
    assert len(files_of(stage.dataset)) == 2
    assert all(path.name.startswith("reads-compact.") for path in files_of(stage.dataset))


def test_what_is_compact_stays_as_it_is(stage: TableStage) -> None:
    compacted(stage)
    before = {path: path.stat().st_ino for path in files_of(stage.dataset)}

    done = compacted(stage)

    assert done.partitions == 0
    assert {path: path.stat().st_ino for path in files_of(stage.dataset)} == before


def test_a_compacted_table_is_done_for_the_next_plan(stage: TableStage, tmp_path: Path) -> None:
    compacted(stage)
    compacted_letters(stage)

    plan = stage.plan(manifest(tmp_path / "again.csv", 3), RunRef("hourly", "later", "2026-03-09"))

    assert (plan.planned, plan.done) == (0, 3)


def compacted_letters(stage: TableStage, **more: Any) -> Compacted:
    return compact(stage.dead_letters, stage.root / "table_workspace", table=DEAD_LETTERS, **more)


def test_dead_letters_become_one_file(stage: TableStage) -> None:
    before = sum(pq.ParquetFile(path).metadata.num_rows for path in files_of(stage.dead_letters))

    done = compacted_letters(stage)

    (path,) = files_of(stage.dead_letters)
    assert (done.files_before, done.files_after) == (RUNS, 1)
    assert pq.ParquetFile(path).metadata.num_rows == before


def test_days_after_a_given_one_are_left_alone(stage: TableStage) -> None:
    done = compacted(stage, until=date(2026, 3, 1))

    assert (done.partitions, len(files_of(stage.dataset))) == (1, 1 + RUNS // 2)


def test_a_dry_run_counts_and_changes_nothing(stage: TableStage) -> None:
    before = [path.name for path in files_of(stage.dataset)]

    done = compacted(stage, dry_run=True)

    assert (done.files_after, done.partitions) == (2, 2)
    assert [path.name for path in files_of(stage.dataset)] == before
    assert not Path(stage.root.path, "table_workspace", ".upkeep").exists()


def test_files_of_version_1_become_of_today(stage: TableStage) -> None:
    for path in files_of(stage.dataset):
        as_version_1(path)
    before = rows(stage, "schema_version")

    done = compacted(stage)

    assert done.older == RUNS
    assert rows(stage, "schema_version") == before
    assert all(
        pq.read_schema(path).metadata[b"platerec_ocr.schema_version"] == b"2" for path in files_of(stage.dataset)
    )
    assert {row["schema_version"] for row in rows(stage)} == {2}


def test_a_single_file_of_version_1_is_written_anew(stage: TableStage) -> None:
    compacted(stage)
    as_version_1(files_of(stage.dataset)[0])

    assert compacted(stage).partitions == 1
    assert compacted(stage).partitions == 0


def test_what_version_1_said_of_codes_is_said_by_todays_rules(stage: TableStage) -> None:
    path = files_of(stage.dataset)[0]
    as_version_1(path)
    table = pq.ParquetFile(path).read()
    codes = table.set_column(table.schema.get_field_index("code_normalized"), "code_normalized", [["old"] * len(table)])
    pq.write_table(codes, path)

    compacted(stage)

    assert "old" not in {row["code_normalized"] for row in rows(stage)}


def test_what_others_have_rewritten_becomes_ours(stage: TableStage) -> None:
    for path in files_of(stage.dataset):
        without_metadata(path)
    before = rows(stage)

    assert compacted(stage).older == RUNS
    assert rows(stage) == before
    assert compacted(stage).partitions == 0


def test_a_file_that_is_not_ours_stops_it_before_anything_is_written(stage: TableStage) -> None:
    foreign = Path(stage.dataset.path, "type=vin", "date=2026-03-01", "theirs.parquet")
    foreign.write_bytes(b"PAR1")

    with pytest.raises(OCRDatasetError, match=r"theirs\.parquet"):
        compacted(stage)


def test_what_lies_beside_the_files_stays(stage: TableStage) -> None:
    marker = Path(stage.dataset.path, "type=vin", "date=2026-03-01", "_SUCCESS")
    marker.write_text("by Spark")

    compacted(stage)

    assert marker.read_text() == "by Spark"


def test_readers_never_see_a_row_twice_or_not_at_all(stage: TableStage) -> None:
    expected = len(rows(stage))
    seen: set[int] = set()
    over, looked = threading.Event(), threading.Event()

    def look() -> None:
        while not over.is_set():
            seen.add(len(read_dataset(stage.dataset.path, columns="image")))
            looked.set()

    thread = threading.Thread(target=look)
    thread.start()
    try:
        assert looked.wait(PATIENCE_S)
        compacted(stage)
        looked.clear()
        assert looked.wait(PATIENCE_S)
    finally:
        over.set()
        thread.join()
    assert seen == {expected}


def on_an_object_store(place: StoragePath) -> StoragePath:
    """The local disk as a place that cannot put one folder in the place of another."""
    return StoragePath(LocalFileSystem(auto_mkdir=True), place.path, "an-object-store")


def test_where_folders_cannot_take_each_others_place_the_new_file_comes_first(stage: TableStage) -> None:
    before = rows(stage)
    place = on_an_object_store(stage.dataset)

    done = compact(place, on_an_object_store(stage.root / "table_workspace"))

    assert (done.files_after, done.left) == (2, [])
    assert rows(stage) == before


def test_a_file_that_a_run_publishes_meanwhile_stays(stage: TableStage) -> None:
    folder = Path(stage.dataset.path, "type=vin", "date=2026-03-01")
    inputs = swap.seen(stage.dataset / f"type=vin/date=2026-03-01/{path.name}" for path in sorted(folder.iterdir()))
    staged = staged_copy(stage)
    (folder / "reads-late-00000.parquet").write_bytes((folder / inputs[0].name).read_bytes())

    assert swap.swap_folder(stage.dataset / "type=vin/date=2026-03-01", staged, inputs)

    assert sorted(path.name for path in folder.iterdir()) == ["made.parquet", "reads-late-00000.parquet"]


def staged_copy(stage: TableStage) -> StoragePath:
    staged = swap.staging_of(stage.root / "table_workspace") / "new"
    Path(staged.path).mkdir(parents=True)
    Path(staged.path, "made.parquet").write_bytes(b"made")
    return staged


def test_a_file_that_was_written_again_meanwhile_undoes_it(stage: TableStage) -> None:
    folder = Path(stage.dataset.path, "type=vin", "date=2026-03-01")
    inputs = swap.seen(stage.dataset / f"type=vin/date=2026-03-01/{path.name}" for path in sorted(folder.iterdir()))
    before = sorted(path.name for path in folder.iterdir())
    again = folder / inputs[0].name
    again.write_bytes(again.read_bytes())

    assert not swap.swap_folder(stage.dataset / "type=vin/date=2026-03-01", staged_copy(stage), inputs)
    assert sorted(path.name for path in folder.iterdir()) == before


@pytest.fixture
def killed(stage: TableStage) -> Path:
    """The folder of a compaction that was killed right after the new folder had taken its place."""
    folder = Path(stage.dataset.path, "type=vin", "date=2026-03-01")
    names = sorted(path.name for path in folder.iterdir())
    staged = staged_copy(stage)
    note = {"target": str(folder), "inputs": names, "outputs": ["made.parquet"]}
    Path(staged.path).with_name("swap.json").write_text(json.dumps(note))
    assert exchange(StoragePath(staged.fs, str(folder)), staged)
    Path(staged.path, "reads-late-00000.parquet").write_bytes(b"late")
    return Path(staged.path).parent


def test_what_a_killed_compaction_left_is_ended_by_the_next(stage: TableStage, killed: Path) -> None:
    clock = FakeClock()
    swap.recover(stage.root / "table_workspace", clock)
    assert killed.exists(), "it may be another process's that is at work"

    os.utime(killed, (0, 0))
    swap.recover(stage.root / "table_workspace", clock)

    folder = Path(stage.dataset.path, "type=vin", "date=2026-03-01")
    assert sorted(path.name for path in folder.iterdir()) == ["made.parquet", "reads-late-00000.parquet"]
    assert not killed.exists()


def test_rows_that_a_cut_compaction_left_twice_are_there_once_after_the_next(stage: TableStage) -> None:
    before = rows(stage)
    path = files_of(stage.dataset)[0]
    path.with_name("reads-compact.0badcafe-00000.parquet").write_bytes(path.read_bytes())

    assert compacted(stage).twice == 2
    assert rows(stage) == before


@pytest.mark.parametrize("table", [REPEATS, DEAD_LETTERS])
def test_repeats_and_letters_that_a_cut_compaction_left_twice_are_there_once_after_the_next(
    stage: TableStage, tmp_path: Path, table: str
) -> None:
    known = read_dataset(stage.dataset.path)["fingerprint"][0]
    for number in (0, 1):  # the same contents under another name
        run = RunRef("hourly", f"again-{number}", "2026-03-05")
        plan = stage.plan(manifest(tmp_path / f"again-{number}.csv", 3, start=90 + 10 * number), run)
        stage.read(plan, run, lambda image: read_outcome(image, fingerprint=known))
        stage.publish(plan, run)
    folder = stage.dead_letters if table == DEAD_LETTERS else stage.root / "table_repeats"
    before = sum(pq.ParquetFile(path).metadata.num_rows for path in files_of(folder))
    assert before
    path = files_of(folder)[0]
    path.with_name(f"{table}-compact.0badcafe-00000.parquet").write_bytes(path.read_bytes())

    done = compact(folder, stage.root / "table_workspace", table=table, dataset=stage.dataset)

    assert done.twice > 0
    assert sum(pq.ParquetFile(path).metadata.num_rows for path in files_of(folder)) == before


def test_a_table_that_was_being_replaced_gets_back_what_others_keep_in_it(stage: TableStage) -> None:
    folder = Path(stage.dataset.path)
    names = [path.relative_to(folder).as_posix() for path in files_of(stage.dataset)]
    (folder / "_delta_log").mkdir()
    (folder / "_delta_log" / "0.json").write_text("another program's")
    staged = staged_copy(stage)
    note = {"target": str(folder), "inputs": names, "outputs": ["made.parquet"], "tree": True}
    Path(staged.path).with_name("swap.json").write_text(json.dumps(note))
    assert exchange(stage.dataset, staged)
    os.utime(Path(staged.path).parent, (0, 0))

    swap.recover(stage.root / "table_workspace", FakeClock())

    found = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    assert sorted(found) == ["_delta_log/0.json", "made.parquet"]
    assert not Path(staged.path).exists()


def test_answers_to_other_peoples_calls_stay_in_files_of_their_own(stage: TableStage) -> None:
    for number, path in enumerate(files_of(stage.dataset)):
        if number % 3 == 0:
            path.rename(path.with_name(path.name.replace("__", ".inbox-0000000001__", 1)))
    before = rows(stage)

    done = compacted(stage)

    assert rows(stage) == before
    assert sorted(".inbox-" in path.name for path in files_of(stage.dataset)) == [False, False, True, True]
    assert done.files_after == 4
    assert compacted(stage).partitions == 0


def test_an_old_run_that_is_exported_again_doubles_nothing_and_removes_nothing(stage: TableStage) -> None:
    before = rows(stage)
    compacted(stage)
    plan = load_plan(stage.workspace(run_of(0)))
    assert plan is not None

    result = stage.publish(plan, run_of(0))

    assert (result.rows, result.already_published, result.removed) == (0, 2, ())
    assert rows(stage) == before
