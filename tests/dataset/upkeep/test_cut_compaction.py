"""A compaction that is cut short where folders cannot change places: readers and runs see each row once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from fsspec.implementations.local import LocalFileSystem

from airflow_provider_platerec_ocr.dataset.layout.superseded import finish, write_note
from airflow_provider_platerec_ocr.dataset.plan.model import RunRef
from airflow_provider_platerec_ocr.dataset.table.reading import read_dataset
from airflow_provider_platerec_ocr.dataset.upkeep.compact import compact
from airflow_provider_platerec_ocr.storage.path import StoragePath
from support.older_tables import files_of
from support.table_stage import TableStage, manifest, read_vin

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY = "type=vin/date=2026-03-01"
RUNS = 3


@pytest.fixture
def stage(tmp_path: Path) -> TableStage:
    """A day of three runs with a read each."""
    stage = TableStage.local(tmp_path / "stage")
    for number in range(RUNS):
        publish(stage, tmp_path, number)
    return stage


def publish(stage: TableStage, folder: Path, number: int) -> None:
    run = RunRef("hourly", f"run-{number}", "2026-03-01")
    plan = stage.plan(manifest(folder / f"{number}.csv", 1, start=10 * number), run)
    stage.read(plan, run, read_vin)
    stage.publish(plan, run)


def images(folder: str) -> list[str]:
    return sorted(read_dataset(folder)["image"])


def rows_on_disk(stage: TableStage) -> int:
    return sum(pq.ParquetFile(path).metadata.num_rows for path in files_of(stage.dataset))


class DyingDisk(LocalFileSystem):  # type: ignore[misc]  # fsspec publishes no types
    """A disk in the part of an object store, whose process dies after so many files have appeared or gone."""

    cachable = False
    steps = 0

    def put_file(self, path1: str, path2: str, **more: Any) -> None:
        self._may(path2)
        super().put_file(path1, path2, **more)

    def rm_file(self, path: str) -> None:
        self._may(path)
        super().rm_file(path)

    def _may(self, path: str) -> None:
        if path.endswith(".parquet") and "/table/" in path:
            self.steps -= 1
            if self.steps < 0:
                raise KeyboardInterrupt


@pytest.mark.parametrize("steps", range(RUNS + 1))
def test_each_row_is_seen_once_and_the_next_export_takes_the_rest_away(
    stage: TableStage, tmp_path: Path, steps: int
) -> None:
    before, disk = images(stage.dataset.path), DyingDisk(auto_mkdir=True)
    disk.steps = steps

    with pytest.raises(KeyboardInterrupt):
        compact(StoragePath(disk, stage.dataset.path, "sim"), StoragePath(disk, f"{stage.root}/table_workspace", "sim"))

    assert images(stage.dataset.path) == before
    assert images(f"{stage.dataset.path}/{DAY}") == before, "of a partition alone, too"
    publish(stage, tmp_path, 0)
    assert (images(stage.dataset.path), rows_on_disk(stage)) == (before, len(before))
    assert not notes(stage)


def notes(stage: TableStage) -> list[Path]:
    return list(Path(f"{stage.dataset.path}_workspace/_compacting").glob("*"))


@pytest.fixture
def renamed(stage: TableStage) -> Iterator[TableStage]:
    """A note whose files somebody else has taken away."""
    path = files_of(stage.dataset)[0]
    path.rename(path.with_name("reads-compact.0badcafe-00000.parquet"))
    write_note(stage.dataset, DAY, "0badcafe", [path.name, "gone.parquet"], ["reads-compact.gone.parquet"])
    yield stage
    assert not notes(stage)


def test_a_note_that_fits_neither_side_hides_nothing(renamed: TableStage) -> None:
    before = images(renamed.dataset.path)

    assert len(before) == RUNS
    assert finish(renamed.dataset) == 1
    assert images(renamed.dataset.path) == before


@pytest.mark.parametrize(
    "note", [b"", b"{", b"[]", b'{"partition": 1}', b'{"partition": "", "inputs": [], "outputs": 7}']
)
def test_a_note_that_nobody_understands_shuts_no_table(
    stage: TableStage, note: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    before = images(str(stage.dataset))
    place = write_note(stage.dataset, DAY, "ab", [], [])
    Path(place.path).write_bytes(note)
    assert finish(stage.dataset) == 0
    assert images(str(stage.dataset)) == before
    assert "is no note of a compaction" in caplog.text
