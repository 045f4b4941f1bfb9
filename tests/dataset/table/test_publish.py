"""Publication: whole, in one step, the same each time."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.local import LocalFileSystem

from airflow_provider_platerec_ocr.core.errors import OCRDatasetError
from airflow_provider_platerec_ocr.dataset.layout.schema import dead_letters_schema, reads_schema
from airflow_provider_platerec_ocr.dataset.plan.plan import Plan, RunRef
from airflow_provider_platerec_ocr.dataset.table.export_model import ExportResult
from airflow_provider_platerec_ocr.dataset.table.publish import publish
from airflow_provider_platerec_ocr.dataset.table.writer import TableWriter
from airflow_provider_platerec_ocr.storage.path import StoragePath
from support.clock import FakeClock
from support.table_stage import RUN, VIN, answer, outcome_of, read_outcome

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.models import Outcome, PlannedImage
    from support.table_stage import TableStage

NEXT = RunRef("nightly", "scheduled__2026-03-02T22:00:00+00:00", "2026-03-02")


def manifest(path: Path, number: int = 6, types: tuple[str, ...] = ("vin",)) -> str:
    path.write_text("image,type\n" + "".join(f"{i}.jpg,{types[i % len(types)]}\n" for i in range(number)))
    return str(path)


def files(place: StoragePath) -> dict[str, str]:
    """Every file below the folder, hidden ones included, with a digest of its bytes."""
    root = Path(place.path)
    found = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def letters(stage: TableStage) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(stage.dead_letters.path).to_pylist()
    return rows


def mixed(image: PlannedImage) -> Outcome | None:
    """Every way in which an image can end."""
    return [
        read_outcome(image, VIN, "ABC 123"),
        read_outcome(image, from_ledger=True, calls_billed=0),
        outcome_of(image, "rejected", reason="image_truncated", calls_billed=0),
        outcome_of(image, "in_doubt", reason="in_doubt", calls_billed=1),
        outcome_of(image, "held_elsewhere"),
        None,
    ][(image.row - 1) % 6]


def test_a_run_publishes_one_file_for_each_type_in_the_partition_of_its_day(stage: TableStage, tmp_path: Path) -> None:
    plan = stage.plan(manifest(tmp_path / "m.csv", 6, ("vin", "trailer_id")), images_per_shard=2)
    stage.read(plan)

    result = stage.publish(plan)

    name = f"reads-{RUN.slug}-00000.parquet"
    assert set(result.files) == {f"type={type_}/date=2026-03-01/{name}" for type_ in ("vin", "trailer_id")}
    assert set(files(stage.dataset)) == set(result.files)
    table = pq.ParquetFile(
        Path(stage.dataset.path) / "type=vin" / "date=2026-03-01" / f"reads-{RUN.slug}-00000.parquet"
    )
    assert table.schema_arrow.equals(reads_schema(), check_metadata=True)
    assert table.read().column("image").to_pylist() == [f"{tmp_path}/{i}.jpg" for i in (0, 2, 4)]
    assert table.metadata.row_group(0).column(0).compression == "ZSTD"


def test_everything_that_happened_is_counted(stage: TableStage, tmp_path: Path) -> None:
    plan = stage.plan(manifest(tmp_path / "m.csv", 12), images_per_shard=5)
    stage.read(plan, how=mixed)

    result = stage.publish(plan)

    assert replace(result, files=(), dead_letter_files=()) == ExportResult(
        planned=12,
        reads=4,
        rows=6,
        nothing_found=2,
        from_ledger=2,
        calls_billed=4,
        dead_letters={"image_truncated": 2, "in_doubt": 2},
        in_doubt=2,
        held_elsewhere=2,
        missing=2,
        missing_images=(f"{tmp_path}/5.jpg", f"{tmp_path}/11.jpg"),
        reads_by_type={"vin": 4},
    )
    assert not result.whole
    assert json.loads(json.dumps(result.to_json()))["missing"] == 2


def test_the_sum_of_the_calls_in_the_table_is_what_was_billed(stage: TableStage, tmp_path: Path) -> None:
    plan = stage.plan(manifest(tmp_path / "m.csv", 4))
    stage.read(plan, how=lambda image: read_outcome(image, VIN, VIN, VIN, calls_billed=image.row))

    result = stage.publish(plan)

    assert sum(pq.read_table(stage.dataset.path).column("calls_billed").to_pylist()) == result.calls_billed == 10


def test_dead_letters_lie_beside_the_dataset_with_their_rows(stage: TableStage, tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("image,type\na.jpg,\nb.jpg,\n,vin\nc.jpg,X Y\n")
    plan = stage.plan(str(tmp_path / "m.csv"))
    stage.read(plan, how=lambda image: outcome_of(image, "rejected", reason="image_missing", message="gone"))

    result = stage.publish(plan)

    assert result.dead_letters == {"image_missing": 2, "row_invalid": 2}
    assert result.dead_letter_files == (f"dead_letters-{RUN.slug}-00000.parquet",)
    assert result.files == ()
    assert [(row["row"], row["reason"], row["permanent"]) for row in letters(stage)] == [
        (3, "row_invalid", False),
        (4, "row_invalid", False),
        (1, "image_missing", True),
        (2, "image_missing", True),
    ]
    assert pq.read_schema(Path(stage.dead_letters.path) / result.dead_letter_files[0]).equals(dead_letters_schema())


def test_publishing_twice_gives_the_same_bytes(stage: TableStage, tmp_path: Path) -> None:
    plan = stage.plan(manifest(tmp_path / "m.csv", 60, ("vin", "trailer_id")), images_per_shard=7)
    stage.read(plan, how=mixed)
    first_result = stage.publish(plan)
    first = (files(stage.dataset), files(stage.dead_letters))

    again = stage.publish(plan)

    assert again == first_result
    assert (files(stage.dataset), files(stage.dead_letters)) == first


def test_a_later_try_fills_what_was_missing_and_replaces_the_file(stage: TableStage, tmp_path: Path) -> None:
    plan = stage.plan(manifest(tmp_path / "m.csv", 6))
    stage.read(plan, how=mixed)
    first = stage.publish(plan)
    stage.read(plan, try_number=2)

    result = stage.publish(plan)

    assert result.files == first.files
    assert (result.missing, result.reads, result.in_doubt) == (0, 6, 0)
    assert result.dead_letters == {}
    assert result.removed == first.dead_letter_files  # nothing is a dead letter any more
    assert files(stage.dead_letters) == {}


def test_an_empty_plan_publishes_nothing_and_says_so(stage: TableStage, tmp_path: Path) -> None:
    plan = stage.plan(manifest(tmp_path / "m.csv", 0))

    result = stage.publish(plan)

    assert (result.files, result.dead_letter_files, result.planned, result.whole) == ((), (), 0, True)
    assert result.describe() == ["The plan is empty: nothing was read and nothing is published."]
    assert not Path(stage.dataset.path).exists()


def test_other_runs_keep_their_files(stage: TableStage, tmp_path: Path) -> None:
    plan = stage.plan(manifest(tmp_path / "m.csv", 2))
    stage.read(plan)
    first = stage.publish(plan)
    plan = stage.plan(manifest(tmp_path / "m.csv", 4), NEXT)
    stage.read(plan, NEXT)

    second = stage.publish(plan, NEXT)

    assert second.removed == ()
    assert set(files(stage.dataset)) == {*first.files, *second.files}


def test_leftovers_of_the_same_run_go_in_every_partition(stage: TableStage, tmp_path: Path) -> None:
    plan = stage.plan(manifest(tmp_path / "m.csv", 2))
    stage.read(plan)
    name = f"reads-{RUN.slug}-00000.parquet"
    leftovers = [
        f"type=trailer_id/date=2026-03-01/{name}",
        f"type=vin/date=2026-02-28/{name}",
        f"type=vin/date=2026-03-01/.{name}.0123abcd.tmp",
        f"type=vin/date=2026-03-01/reads-{RUN.slug}-00001.parquet",
    ]
    others = [
        f"type=vin/date=2026-03-01/reads-{NEXT.slug}-00000.parquet",
        f"type=vin/date=2026-03-01/reads-x{RUN.slug}-00000.parquet",
    ]
    for path in (*leftovers, *others):
        target = Path(stage.dataset.path) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(reads_schema().empty_table(), target)

    result = stage.publish(plan)

    assert sorted(result.removed) == sorted(leftovers)
    assert set(files(stage.dataset)) == {*result.files, *others}


class Boom(Exception):
    """The process dies."""


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_crash_in_the_middle_leaves_the_previous_table_whole(stage: TableStage, tmp_path: Path, after: int) -> None:
    plan = stage.plan(manifest(tmp_path / "m.csv", 6), images_per_shard=2)
    stage.read(plan, how=mixed)
    stage.publish(plan)
    before = (files(stage.dataset), files(stage.dead_letters))
    stage.read(plan, try_number=2)
    reached = []

    class Dying(LocalFileSystem):  # type: ignore[misc]  # fsspec publishes no types
        """Reads of the workspace fail from some shard on, when rows are already staged."""

        def cat_file(self, path: str, *args: Any, **kwargs: Any) -> Any:
            if f"outcomes/{after - 1:05d}" in path:
                reached.append(path)
                raise Boom
            return super().cat_file(path, *args, **kwargs)

    with pytest.raises(Boom):
        publish(
            plan,
            workspace=StoragePath(Dying(skip_instance_cache=True), stage.workspace().path),
            dataset=stage.dataset,
            dead_letters=stage.dead_letters,
            run=RUN,
        )

    assert reached
    assert (files(stage.dataset), files(stage.dead_letters)) == before
    assert stage.publish(plan).missing == 0


def test_a_full_disk_is_named_and_the_previous_table_stays(stage: TableStage, tmp_path: Path) -> None:
    plan = stage.plan(manifest(tmp_path / "m.csv", 2))
    stage.read(plan)
    blocked = Path(stage.dataset.path) / "type=vin"
    blocked.parent.mkdir(parents=True)
    blocked.write_text("a file where a folder should be")

    with pytest.raises(OSError, match=r"cannot write .* free space or grant the right to write.*type=vin"):
        stage.publish(plan)


def test_a_dataset_of_another_schema_version_is_refused_before_anything_is_written(
    stage: TableStage, tmp_path: Path
) -> None:
    plan = stage.plan(manifest(tmp_path / "m.csv", 2))
    stage.read(plan)
    other = Path(stage.dataset.path) / "type=vin" / "date=2026-01-01" / "x.parquet"
    other.parent.mkdir(parents=True)
    pq.write_table(pa.table({"a": [1]}).replace_schema_metadata({b"platerec_ocr.schema_version": b"3"}), other)

    with pytest.raises(OCRDatasetError, match="has schema version 3, and this provider knows versions 1 to 2"):
        stage.publish(plan)

    assert len(files(stage.dataset)) == 1


def test_only_a_whole_run_is_marked_as_finished(stage: TableStage, tmp_path: Path) -> None:
    mark = Path(stage.workspace().path) / "finished.json"
    plan = stage.plan(manifest(tmp_path / "m.csv", 2))
    stage.publish(plan)
    assert not mark.exists()
    stage.read(plan)

    publish(
        plan,
        workspace=stage.workspace(),
        dataset=stage.dataset,
        dead_letters=stage.dead_letters,
        run=RUN,
        clock=FakeClock(),
    )

    assert json.loads(mark.read_text()) == {"finished_at": "2026-03-01T22:00:00Z"}


def test_the_first_few_missing_images_are_named(stage: TableStage, tmp_path: Path) -> None:
    plan = stage.plan(manifest(tmp_path / "m.csv", 20), images_per_shard=4)

    result = stage.publish(plan)

    assert result.missing == 20
    assert result.missing_images == tuple(f"{tmp_path}/{i}.jpg" for i in range(5))


def test_a_result_describes_itself(stage: TableStage, tmp_path: Path) -> None:
    plan = stage.plan(manifest(tmp_path / "m.csv", 6))
    stage.read(plan, how=mixed)

    assert stage.publish(plan).describe() == [
        "2 images of 6 read, 3 rows.",
        "2 calls billed, 1 answered by the ledger.",
        "Nothing found on 1 image.",
        "Dead letters: 1 image_truncated, 1 in_doubt.",
        "1 image left to another run that is reading them.",
        f"1 image without an outcome, so this run is not whole: {tmp_path}/5.jpg.",
    ]


def test_many_bad_rows_are_all_dead_letters(stage: TableStage, tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("image\n" + "x,y\n" * 25_000)

    result = stage.publish(stage.plan(str(tmp_path / "m.csv")))

    assert result.dead_letters == {"row_invalid": 25_000}
    assert [row["row"] for row in letters(stage)] == list(range(1, 25_001))


def test_many_rows_are_spread_over_row_groups_and_files(stage: TableStage) -> None:
    schema = pa.schema([("n", pa.int64())])
    with TableWriter(stage.dataset, "reads", schema, "run", first_part=3, group_rows=100, file_rows=300) as writer:
        for start in range(0, 1000, 50):
            writer.add(pa.table({"n": range(start, start + 50)}, schema=schema), "type=vin")
        assert not [name for name in files(stage.dataset) if not name.startswith("type=vin/.")]
        places = writer.reveal()

    assert [place.name for place in places] == [f"reads-run-0000{part}.parquet" for part in (3, 4, 5, 6)]
    found = [pq.ParquetFile(place.path) for place in places]
    assert [file.metadata.num_rows for file in found] == [300, 300, 300, 100]
    assert found[0].metadata.num_row_groups == 3
    assert [n for file in found for n in file.read().column("n").to_pylist()] == list(range(1000))


def test_what_is_not_revealed_is_gone(stage: TableStage) -> None:
    schema = pa.schema([("n", pa.int64())])
    with TableWriter(stage.dataset, "reads", schema, "run", group_rows=1, file_rows=2) as writer:
        for part in ("type=a", "type=b"):
            for n in range(3):
                writer.add(pa.table({"n": [n]}, schema=schema), part)
        assert len(files(stage.dataset)) == 4

    assert files(stage.dataset) == {}


def test_outcomes_of_no_shard_of_the_plan_do_not_count(stage: TableStage, tmp_path: Path) -> None:
    plan = stage.plan(manifest(tmp_path / "m.csv", 6), images_per_shard=2)
    stage.read(plan)

    assert stage.publish(Plan("m", planned=2, shards=plan.shards[:1])).reads == 2


def test_answers_that_cannot_be_understood_are_counted_and_said(stage: TableStage, tmp_path: Path) -> None:
    plan = stage.plan(manifest(tmp_path / "m.csv", 2))
    stage.read(plan, how=lambda image: read_outcome(image, answer="{}" if image.row == 1 else answer(VIN)))

    result = stage.publish(plan)

    assert (result.reads, result.rows, result.unread, result.nothing_found) == (2, 2, 1, 0)
    assert any("1 answer in a form that this version does not know" in line for line in result.describe())
