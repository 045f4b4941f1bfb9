"""Reading the published table: with the package's own function, and with what everybody has."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

import airflow_provider_platerec_ocr.dataset as dataset_package
from airflow_provider_platerec_ocr.core.errors import OCRConfigError, OCRDatasetError
from airflow_provider_platerec_ocr.dataset import read_dataset, read_dead_letters
from airflow_provider_platerec_ocr.dataset.layout.schema import reads_schema
from airflow_provider_platerec_ocr.dataset.plan.plan import RunRef
from support.table_stage import RUN, VIN, outcome_of, read_outcome

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.models import Outcome, PlannedImage
    from support.table_stage import TableStage

NEXT = RunRef("nightly", "scheduled__2026-03-02T22:00:00+00:00", "2026-03-02")


def outcome(image: PlannedImage) -> Outcome:
    """A dead letter for each third image, nothing found on the second, a code on the others."""
    if image.row == 3:
        return outcome_of(image, "rejected", reason="image_empty")
    day = image.image_version or "1"
    read_at = f"2026-03-0{day}T23:15:00Z"
    return read_outcome(image, *([] if image.row == 2 else [VIN]), read_at=read_at)


@pytest.fixture
def published(stage: TableStage, tmp_path: Path) -> TableStage:
    """Two nights: three VINs and a trailer, then one of the images with another content."""
    path = tmp_path / "m.csv"
    path.write_text("image,type,image_version\na.jpg,vin,1\nb.jpg,vin,1\nc.jpg,vin,1\nd.jpg,trailer_id,1\n")
    plan = stage.plan(str(path))
    stage.read(plan, how=outcome)
    stage.publish(plan)
    path.write_text("image,type,image_version\na.jpg,vin,2\n")
    plan = stage.plan(str(path), NEXT)
    stage.read(plan, NEXT, how=outcome)
    stage.publish(plan, NEXT)
    return stage


def short(frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    """Image, version, type and date of each row."""
    columns = ("image", "image_version", "type", "date")
    rows = zip(*(frame[name].tolist() for name in columns), strict=True)
    return sorted((image.rpartition("/")[2], version, type_, str(day)) for image, version, type_, day in rows)


ALL = [
    ("a.jpg", "1", "vin", "2026-03-01"),
    ("a.jpg", "2", "vin", "2026-03-02"),
    ("b.jpg", "1", "vin", "2026-03-01"),
    ("d.jpg", "1", "trailer_id", "2026-03-01"),
]


def test_the_whole_table_comes_as_a_frame_with_arrow_types(published: TableStage) -> None:
    frame = read_dataset(published.dataset.uri)

    assert short(frame) == ALL
    assert list(frame.columns) == [*reads_schema().names, "type", "date"]
    assert frame["timestamp"].dtype == pd.ArrowDtype(pa.timestamp("us", tz="UTC"))
    assert frame["date"].dtype == pd.ArrowDtype(pa.date32())
    assert frame["calls_billed"].sum() == 4
    assert frame.loc[frame["identifier_count"] == 0, "code"].isna().all()


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"type": "trailer_id"}, [ALL[3]]),
        ({"since": "2026-03-02"}, [ALL[1]]),
        ({"since": date(2026, 3, 2)}, [ALL[1]]),
        ({"until": "2026-03-01"}, [ALL[0], ALL[2], ALL[3]]),
        ({"until": datetime(2026, 3, 1, 5, tzinfo=UTC), "type": "vin"}, [ALL[0], ALL[2]]),
        ({"since": "2026-03-01", "until": "2026-03-02", "type": "vin"}, ALL[:3]),
        ({"type": "odometer"}, []),
        ({"type": ["vin", "odometer"]}, ALL[:3]),
        ({"type": {"vin", "trailer_id"}}, ALL),
        ({"type": []}, []),
        ({"latest_only": True}, ALL[1:]),
        ({"latest_only": True, "until": "2026-03-01"}, [ALL[0], ALL[2], ALL[3]]),
    ],
)
def test_filters_keep_what_they_say(
    published: TableStage, filters: dict[str, Any], found: list[tuple[Any, ...]]
) -> None:
    assert short(read_dataset(published.dataset.uri, **filters)) == found


@pytest.mark.parametrize("latest_only", [False, True])
def test_only_the_columns_that_are_asked_for_come(published: TableStage, *, latest_only: bool) -> None:
    frame = read_dataset(published.dataset.uri, columns=["date", "code"], latest_only=latest_only)

    assert list(frame.columns) == ["date", "code"]
    assert len(frame) == (3 if latest_only else 4)


def test_reads_without_a_time_come_before_those_with_one(stage: TableStage, tmp_path: Path) -> None:
    for run, version, read_at in ((RUN, "1", None), (NEXT, "2", "2026-03-01T00:00:00Z")):
        (tmp_path / "m.csv").write_text(f"image,image_version\na.jpg,{version}\n")
        plan = stage.plan(str(tmp_path / "m.csv"), run)
        stage.read(plan, run, how=lambda image, at=read_at: read_outcome(image, VIN, VIN, read_at=at))  # type: ignore[misc]
        stage.publish(plan, run)

    assert list(read_dataset(stage.dataset.uri, latest_only=True)["image_version"]) == ["2", "2"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"columns": ["codes"]}, "The dataset has no setting 'codes'. Did you mean 'code'"),
        ({"since": "yesterday"}, "since must be a day such as 2026-03-01, not 'yesterday'"),
        ({"until": 7}, "until must be a day"),
        ({"type": [7]}, "type must be a type such as 'vin', or several"),
        ({"columns": ["image", "code", "image"]}, "columns names image twice"),
        ({"columns": "codes"}, "no setting 'codes'. Did you mean 'code'"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(
    published: TableStage, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(OCRConfigError, match=message.replace("?", r"\?")):
        read_dataset(published.dataset.uri, **arguments)


@pytest.mark.parametrize("uri", ["", " "])
def test_an_empty_name_is_not_the_working_directory(
    published: TableStage, monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    monkeypatch.chdir(published.dataset.path)

    with pytest.raises(OCRConfigError, match="The folder's name is empty"):
        read_dataset(uri)
    with pytest.raises(OCRConfigError, match="The folder's name is empty"):
        read_dead_letters(uri)


def test_one_column_may_be_asked_for_by_its_name_alone(published: TableStage) -> None:
    assert list(read_dataset(published.dataset.uri, columns="image").columns) == ["image"]


@pytest.mark.parametrize("folder", ["type=vin", "type=vin/date=2026-03-01", "type=vin/"])
def test_a_partition_can_be_opened_by_itself(published: TableStage, folder: str) -> None:
    found = short(read_dataset(f"{published.dataset.uri}/{folder}", type="vin"))

    assert found == [row for row in ALL[:3] if "date" not in folder or row[3] == "2026-03-01"]
    assert len(read_dataset(f"{published.dataset.uri}/{folder}", type="trailer_id")) == 0


def test_a_folder_of_dead_letters_says_so(published: TableStage) -> None:
    with pytest.raises(OCRDatasetError, match=r"holds dead letters, and reads were asked for\. Use read_dead_letters"):
        read_dataset(published.dead_letters.uri)


def test_a_missing_dataset_is_named(tmp_path: Path) -> None:
    with pytest.raises(OCRDatasetError, match=f"There is no dataset at {tmp_path}/none"):
        read_dataset(str(tmp_path / "none"))


def test_another_schema_version_is_refused(published: TableStage) -> None:
    table = reads_schema().empty_table().replace_schema_metadata({b"platerec_ocr.schema_version": b"9"})
    pq.write_table(table, Path(published.dataset.path) / "type=vin" / "date=2026-03-01" / "z.parquet")

    with pytest.raises(OCRDatasetError, match="has schema version 9, and this provider knows versions 1 to 2"):
        read_dataset(published.dataset.uri)
    assert len(read_dataset(published.dataset.uri, since="2026-03-02")) == 1


def test_a_broken_file_is_named(published: TableStage) -> None:
    (Path(published.dataset.path) / "type=vin" / "date=2026-03-01" / "z.parquet").write_bytes(b"PAR1 broken")

    with pytest.raises(OCRDatasetError, match="cannot be read"):
        read_dataset(published.dataset.uri)


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "import airflow_provider_platerec_ocr.dataset as d\n"
        "for name in 'layout.names manifest.manifest plan.plan table.publish table.reading report.report'.split():\n"
        "    __import__(f'airflow_provider_platerec_ocr.dataset.{name}')\n"
        "d.read_dataset\n"
        "print({'pyarrow', 'pandas', 'numpy', 'fsspec', 'airflow', 'aiohttp', 'airflow_provider_platerec_ocr.engine'}"
        " & set(sys.modules))"
    )

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout  # noqa: S603

    assert said.strip() == "set()"


def test_the_package_has_no_other_attributes() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'read_datasets'"):
        _ = dataset_package.read_datasets


def query(sql: str) -> list[tuple[Any, ...]]:
    """DuckDB's answer."""
    with duckdb.connect() as connection:
        return connection.execute(sql).fetchall()


class TestWithoutThePackage:
    def test_pandas_opens_the_folder(self, published: TableStage) -> None:
        frame = pd.read_parquet(published.dataset.path)

        assert short(frame) == ALL

    def test_pandas_opens_the_dead_letters(self, published: TableStage) -> None:
        frame = pd.read_parquet(published.dead_letters.path)

        assert list(frame["reason"]) == ["image_empty"]

    def test_duckdb_opens_the_folder(self, published: TableStage) -> None:
        path = f"{published.dataset.path}/**/*.parquet"

        found = query(f"select parse_filename(image), image_version, type, date::text from '{path}' order by all")  # noqa: S608

        assert found == ALL
        days = query(f"select count(*) from '{path}' where date = date '2026-03-02'")  # noqa: S608
        assert days == [(1,)]

    def test_duckdb_opens_the_dead_letters(self, published: TableStage) -> None:
        found = query(f"select reason, permanent from '{published.dead_letters.path}/*.parquet'")  # noqa: S608

        assert found == [("image_empty", True)]

    def test_pyarrow_opens_the_folder(self, published: TableStage) -> None:
        table = pq.read_table(published.dataset.path)

        assert table.num_rows == 4
        assert ds.dataset(published.dataset.path, partitioning="hive").count_rows() == 4
