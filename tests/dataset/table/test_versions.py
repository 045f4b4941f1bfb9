"""Files of version 1 and 2 beside each other, and files of ours that other programs have rewritten."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_platerec_ocr.core.errors import OCRDatasetError
from airflow_provider_platerec_ocr.dataset import read_dataset
from airflow_provider_platerec_ocr.dataset.layout.names import DEAD_LETTERS, READS
from airflow_provider_platerec_ocr.dataset.layout.schema import dead_letters_schema, reads_schema, version_of
from airflow_provider_platerec_ocr.dataset.plan.plan import RunRef, load_plan
from support.older_tables import SINCE_2, as_version_1, files_of, without_metadata
from support.stores import local_place
from support.table_stage import RUN, manifest, outcome_of, read_vin

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_platerec_ocr.core.models import Outcome, PlannedImage
    from support.table_stage import TableStage

NEXT = RunRef("nightly", "scheduled__2026-03-02T22:00:00+00:00", "2026-03-02")
PLACE = local_place(Path("/table/x.parquet"))


def half(image: PlannedImage) -> Outcome:
    """A read, and a permanent dead letter for each second row."""
    return outcome_of(image, "rejected", reason="api_rejected") if image.row % 2 == 0 else read_vin(image)


def night(stage: TableStage, path: str, run: RunRef, how: Callable[[PlannedImage], Outcome | None] = read_vin) -> int:
    """Plan, read and publish; return how many images were planned."""
    plan = stage.plan(path, run)
    stage.read(plan, run, how)
    stage.publish(plan, run)
    return plan.planned


@pytest.fixture
def old(stage: TableStage, tmp_path: Path) -> TableStage:
    """A dataset and its dead letters as version 1 left them: two reads, two rejected images."""
    night(stage, manifest(tmp_path / "m.csv", 4), RUN, half)
    for file in (*files_of(stage.dataset), *files_of(stage.dead_letters)):
        as_version_1(file)
    return stage


def test_what_version_1_has_published_is_not_planned_again(old: TableStage, tmp_path: Path) -> None:
    assert old.plan(manifest(tmp_path / "m.csv", 5), NEXT).done == 4


def test_a_run_publishes_beside_files_of_version_1_and_both_are_read(old: TableStage, tmp_path: Path) -> None:
    before = {file: file.read_bytes() for file in files_of(old.dataset)}

    assert night(old, manifest(tmp_path / "m.csv", 6), NEXT) == 2

    assert all(file.read_bytes() == data for file, data in before.items())
    frame = read_dataset(old.dataset.uri)
    assert list(frame["schema_version"]) == [1, 1, 2, 2]
    assert list(frame["read_type"]) == ["vin"] * 4
    assert list(frame["run_date"]) == list(frame["date"]) == [date(2026, 3, 1)] * 2 + [date(2026, 3, 2)] * 2
    assert list(frame["image_name"])[:2] == list(frame["image"])[:2]
    assert frame["manifest"].isna().tolist() == [True, True, False, False]


def test_a_row_of_version_1_was_published_when_it_was_read_or_its_day_began(old: TableStage) -> None:
    (file,) = files_of(old.dataset)
    late = Path(str(file).replace("date=2026-03-01", "date=2026-03-05"))
    late.parent.mkdir()
    shutil.copy(file, late)

    found = read_dataset(old.dataset.uri, columns="published_at")["published_at"]

    read_at, day = datetime(2026, 3, 1, 23, 15, tzinfo=UTC), datetime(2026, 3, 5, tzinfo=UTC)
    assert list(found) == [read_at, read_at, day, day]


def test_a_run_of_version_1_that_is_exported_again_keeps_its_rows_and_their_age(old: TableStage) -> None:
    plan = load_plan(old.workspace())
    assert plan is not None
    old.publish(plan)
    first = [file.read_bytes() for file in files_of(old.dataset)]
    old.publish(plan)

    assert [file.read_bytes() for file in files_of(old.dataset)] == first
    frame = read_dataset(old.dataset.uri)
    assert set(frame["schema_version"]) == {2}
    assert set(frame["published_at"]) == {datetime(2026, 3, 1, 23, 15, tzinfo=UTC)}


@pytest.mark.parametrize("table", [READS, DEAD_LETTERS])
def test_a_file_whose_metadata_is_lost_is_known_by_its_columns(table: str) -> None:
    schema = (reads_schema() if table == READS else dead_letters_schema()).remove_metadata()
    older = pa.schema([field for field in schema if field.name not in {*SINCE_2[table], "ended_at"}])

    assert version_of(schema, PLACE, table) == 2
    assert version_of(older, PLACE, table) == 1


@pytest.mark.parametrize(
    ("schema", "table", "said"),
    [
        (pa.schema([("image", pa.string())]), READS, "was not written by this provider.*Nothing was changed"),
        (dead_letters_schema(), READS, "holds dead letters, and reads were asked for"),
        (dead_letters_schema().remove_metadata(), READS, "holds dead letters, and reads were asked for"),
        (reads_schema(), DEAD_LETTERS, "holds reads, and dead letters were asked for"),
        (reads_schema().with_metadata({b"platerec_ocr.schema_version": b"3"}), READS, "schema version 3, .* 1 to 2"),
        (reads_schema().with_metadata({b"platerec_ocr.schema_version": b"0"}), READS, "schema version 0"),
        (reads_schema().with_metadata({b"platerec_ocr.schema_version": b"x"}), READS, "schema version x"),
    ],
)
def test_what_is_none_of_the_tables_or_newer_is_refused_with_what_to_do(schema: Any, table: str, said: str) -> None:
    with pytest.raises(OCRDatasetError, match=said):
        version_of(schema, PLACE, table)


def rewritten_by_duckdb(file: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(
            f"copy (from read_parquet('{file}', hive_partitioning=false)) to '{file}.new' (format parquet)"
        )
    Path(f"{file}.new").replace(file)


def rewritten_by_spark(file: Path) -> None:
    """As Spark does by default: times of 96 bits and no zone, metadata of its own."""
    table = pq.ParquetFile(file).read()
    naive = {
        name: pa.timestamp("ns") for name in table.column_names if pa.types.is_timestamp(table.schema.field(name).type)
    }
    schema = pa.schema([(name, naive.get(name, table.schema.field(name).type)) for name in table.column_names])
    pq.write_table(table.cast(schema), file, use_deprecated_int96_timestamps=True, store_schema=False)


def rewritten_with_large_text(file: Path) -> None:
    """As Polars and delta-rs do."""
    table = pq.ParquetFile(file).read().replace_schema_metadata(None)
    large = pa.schema([(f.name, pa.large_string() if f.type == pa.string() else f.type) for f in table.schema])
    pq.write_table(table.cast(large), file)


@pytest.mark.parametrize(
    "rewrite", [without_metadata, rewritten_by_duckdb, rewritten_by_spark, rewritten_with_large_text]
)
@pytest.mark.parametrize("version", [1, 2])
def test_files_that_another_program_has_rewritten_stay_ours(
    stage: TableStage, tmp_path: Path, rewrite: Callable[[Path], None], version: int
) -> None:
    night(stage, manifest(tmp_path / "m.csv", 4), RUN, half)
    for file in (*files_of(stage.dataset), *files_of(stage.dead_letters)):
        if version == 1:
            as_version_1(file)
    before = read_dataset(stage.dataset.uri)
    for file in (*files_of(stage.dataset), *files_of(stage.dead_letters)):
        rewrite(file)

    pd.testing.assert_frame_equal(read_dataset(stage.dataset.uri), before)
    assert night(stage, manifest(tmp_path / "m.csv", 5), NEXT) == 1
    assert len(read_dataset(stage.dataset.uri)) == 3


def test_a_rewritten_file_outside_of_the_partitions_says_type_and_day_itself(stage: TableStage, tmp_path: Path) -> None:
    night(stage, manifest(tmp_path / "m.csv", 2), RUN)
    (file,) = files_of(stage.dataset)
    file.rename(Path(stage.dataset.path) / "all.parquet")

    assert stage.plan(manifest(tmp_path / "m.csv", 3), NEXT).done == 2
    assert set(read_dataset(stage.dataset.uri, type="vin", since="2026-03-01", until="2026-03-01")["type"]) == {"vin"}
    assert len(read_dataset(stage.dataset.uri, since="2026-03-02")) == 0
    assert len(read_dataset(stage.dataset.uri, until="2026-02-28")) == 0
    assert len(read_dataset(stage.dataset.uri, type="trailer_id")) == 0


def test_a_file_of_version_1_outside_of_the_partitions_is_refused_by_name(old: TableStage, tmp_path: Path) -> None:
    (file,) = files_of(old.dataset)
    file.rename(Path(old.dataset.path) / "all.parquet")

    with pytest.raises(OCRDatasetError, match=r"all\.parquet lies outside of the dataset's type=… folders"):
        old.plan(manifest(tmp_path / "m.csv", 3), NEXT)


@pytest.mark.parametrize("folder", ["_delta_log", "_old/type=vin/date=2026-01-01", "type=vin/.hidden", "type=vin/_x/y"])
def test_folders_of_other_programs_stop_nothing_and_count_for_nothing(
    stage: TableStage, tmp_path: Path, folder: str
) -> None:
    night(stage, manifest(tmp_path / "m.csv", 2), RUN)
    (file,) = files_of(stage.dataset)
    foreign = Path(stage.dataset.path) / folder
    foreign.mkdir(parents=True)
    pq.write_table(pa.table({"txn": [1]}), foreign / "00000000000000000010.checkpoint.parquet")
    shutil.copy(file, foreign / "copy.parquet")

    assert night(stage, manifest(tmp_path / "m.csv", 3), NEXT) == 1
    assert len(read_dataset(stage.dataset.uri)) == 3


@pytest.mark.parametrize("damage", [b"PAR1 broken", b"", b"PAR1" + b"\0" * 20 + b"\xff\x00\x00\x00PAR1"])
def test_a_damaged_file_is_named_by_plan_and_read_dataset(stage: TableStage, tmp_path: Path, damage: bytes) -> None:
    night(stage, manifest(tmp_path / "m.csv", 2), RUN)
    bad = Path(stage.dataset.path) / "type=vin" / "date=2026-03-01" / "bad.parquet"
    bad.write_bytes(damage)

    for look in (lambda: read_dataset(stage.dataset.uri), lambda: stage.plan(manifest(tmp_path / "m.csv", 3), NEXT)):
        with pytest.raises(OCRDatasetError, match=r"bad\.parquet cannot be read as Parquet"):
            look()


def test_a_damaged_page_names_its_file(stage: TableStage, tmp_path: Path) -> None:
    night(stage, manifest(tmp_path / "m.csv", 2), RUN)
    (file,) = files_of(stage.dataset)
    content = bytearray(file.read_bytes())
    content[4:200] = b"\xff" * 196
    file.write_bytes(content)

    with pytest.raises(OCRDatasetError, match=rf"{file.name} cannot be read as Parquet"):
        stage.plan(manifest(tmp_path / "m.csv", 3), NEXT)


class TestOtherReadersOfBothVersions:
    """What a person sees who opens the folder while it holds both versions."""

    @pytest.fixture
    def both(self, old: TableStage, tmp_path: Path) -> TableStage:
        night(old, manifest(tmp_path / "m.csv", 6), NEXT)
        return old

    def test_duckdb_takes_the_union_where_it_is_told_to(self, both: TableStage) -> None:
        files = f"read_parquet('{both.dataset.path}/**/*.parquet', union_by_name=true)"
        sql = f"select count(*), count(manifest) from {files}"  # noqa: S608

        with duckdb.connect() as connection:
            assert connection.execute(sql).fetchall() == [(4, 2)]

    def test_pandas_reads_all_rows_with_the_columns_of_the_first_file(self, both: TableStage) -> None:
        frame = pd.read_parquet(both.dataset.path)

        assert len(frame) == 4
        assert "published_at" not in frame.columns

    def test_pandas_reads_all_columns_with_our_schema(self, both: TableStage) -> None:
        frame = pd.read_parquet(both.dataset.path, schema=reads_schema())

        assert frame["manifest"].notna().sum() == 2
