"""Where files are before they appear: never in the dataset, and swept where an export was killed."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from airflow_provider_platerec_ocr.dataset.layout.names import beside
from airflow_provider_platerec_ocr.dataset.table import cleanup
from airflow_provider_platerec_ocr.dataset.table.writer import TableWriter
from airflow_provider_platerec_ocr.storage.staged_file import StagedFile
from support.stores import local_place
from support.table_stage import manifest, outcome_of, read_vin

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.models import Outcome, PlannedImage
    from support.table_stage import TableStage


def files(folder: Path) -> list[str]:
    """Every file below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def staging(stage: TableStage) -> Path:
    return Path(beside(stage.dataset, "workspace").path) / "_staging"


def both(image: PlannedImage) -> Outcome:
    return outcome_of(image, "failed") if image.row == 1 else read_vin(image)


def test_nothing_half_written_is_ever_in_the_dataset(stage: TableStage) -> None:
    schema = pa.schema([("n", pa.int64())])
    apart = local_place(staging(stage))
    with TableWriter(stage.dataset, "reads", schema, "run", staging=apart, group_rows=1, file_rows=2) as writer:
        for n in range(5):
            writer.add(pa.table({"n": [n]}, schema=schema), "type=vin/date=2026-03-01")
        writer.close()
        assert files(Path(stage.dataset.path)) == []
        assert len(files(staging(stage))) == 3
        writer.reveal()

    assert len(files(Path(stage.dataset.path))) == 3
    assert files(staging(stage)) == []


def test_what_a_killed_export_has_staged_goes_with_the_next_one(stage: TableStage, tmp_path: Path) -> None:
    plan = stage.plan(manifest(tmp_path / "m.csv", 2))
    stage.read(plan, how=both)
    left = staging(stage) / ".reads-x-00000.parquet.0123abcd.tmp"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")

    result = stage.publish(plan)

    assert files(staging(stage)) == []
    assert files(Path(stage.dataset.path)) == list(result.files)
    assert files(Path(stage.dead_letters.path)) == list(result.dead_letter_files)


@pytest.mark.parametrize(("age_s", "stays"), [(cleanup.OLD_S + 60, False), (60, True)])
def test_what_older_versions_have_left_in_the_partitions_goes_once_it_is_old(
    stage: TableStage, tmp_path: Path, age_s: float, *, stays: bool
) -> None:
    places = [
        Path(stage.dataset.path) / "type=vin" / "date=2026-01-01" / ".reads-other__1-00000.parquet.0123abcd.tmp",
        Path(stage.dead_letters.path) / ".dead_letters-other__1-00000.parquet.0123abcd.tmp",
    ]
    for place in (*places, foreign := places[0].with_name(".mine.tmp")):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"half")
        os.utime(place, (time.time() - age_s,) * 2)

    stage.publish(stage.plan(manifest(tmp_path / "m.csv", 0)))

    assert [place.exists() for place in places] == [stays, stays]
    assert foreign.exists()


@pytest.mark.parametrize("why", ["another disk", "no rights", "an object store"])
def test_where_it_cannot_be_staged_apart_it_is_hidden_beside_its_target(
    tmp_path: Path, why: str, request: pytest.FixtureRequest
) -> None:
    place: Any = local_place("/dev/shm/platerec-staging-test")  # noqa: S108  # another file system than the disk's
    if why == "another disk":
        if not Path("/dev/shm").is_dir() or Path("/dev/shm").stat().st_dev == tmp_path.stat().st_dev:  # noqa: S108
            pytest.skip("there is no other disk here")
        request.addfinalizer(lambda: Path(place.path).rmdir())
    elif why == "no rights":
        (tmp_path / "blocked").write_text("")
        place = local_place(tmp_path / "blocked" / "staging")
    else:
        place = request.getfixturevalue("s3").place("staging")
    staged = StagedFile(local_place(tmp_path / "table" / "x.parquet"), place)
    staged.handle.write(b"whole")
    (half,) = files(tmp_path / "table")
    assert half.startswith(".x.parquet.")

    staged.close()
    staged.reveal()

    assert (tmp_path / "table" / "x.parquet").read_bytes() == b"whole"
    assert files(tmp_path / "table") == ["x.parquet"]
