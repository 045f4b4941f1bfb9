"""What each reader makes of files that differ; why the manifest's columns are one JSON column; what `date` is where."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_platerec_ocr.dataset import read_dataset
from support.lake import ROOT, make_lake, needs, ran

if TYPE_CHECKING:
    from pathlib import Path

    from support.table_stage import TableStage

pytestmark = pytest.mark.slow

PAGE = ROOT / "docs" / "how-to" / "open-the-table.md"
SPARK = """
from pyspark.sql import SparkSession
spark = SparkSession.builder.config("spark.sql.session.timeZone", "UTC").getOrCreate()

def tried(ask):
    try:
        return ask()
    except Exception as error:
        return str(error)

def columns(path, **options):
    return tried(lambda: spark.read.options(**options).parquet(path).columns)

def rows(path, **options):
    return tried(lambda: [list(row) for row in spark.read.options(**options).parquet(path).orderBy("image").collect()])
"""


def nights(folder: Path, *tables: dict[str, Any]) -> str:
    """Write one file a night."""
    for day, table in enumerate(tables, start=1):
        partition = folder / "type=vin" / f"date=2026-03-{day:02}"
        partition.mkdir(parents=True)
        pq.write_table(pa.table(table), partition / f"reads-{day}.parquet")
    return str(folder)


def typed(folder: Path) -> str:
    """The manifest's unit as a typed column: first a number, then text, then none, as manifests change."""
    return nights(
        folder,
        {"image": ["a"], "m_unit": pa.array([7], pa.int64())},
        {"image": ["b"], "m_unit": ["U-8"]},
        {"image": ["c"]},
    )


def gained(folder: Path) -> str:
    """A manifest that gains a column."""
    return nights(folder, {"image": ["a"]}, {"image": ["b"], "m_gate": ["north"]})


def as_json(folder: Path) -> str:
    """The same as one JSON column."""
    own = [{"unit": 7}, {"unit": "U-8", "gate": "north"}, None]
    texts = [None if each is None else json.dumps(each) for each in own]
    tables = [
        {"image": [name], "manifest_columns": pa.array([text], pa.string())}
        for name, text in zip("abc", texts, strict=True)
    ]
    return nights(folder, *tables)


def asked(con: duckdb.DuckDBPyConnection, folder: str, what: str = "SELECT *", options: str = "") -> Any:
    """Ask DuckDB for the files of a folder."""
    return con.sql(f"{what} FROM read_parquet('{folder}/type=*/date=*/*.parquet'{options})")


def test_duckdb_refuses_typed_columns_of_the_manifest_and_loses_new_ones(tmp_path: Path) -> None:
    with duckdb.connect() as con:
        with pytest.raises(duckdb.Error, match="m_unit"):
            asked(con, typed(tmp_path / "typed")).fetchall()
        lost = asked(con, gained(tmp_path / "gained")).columns
        found = asked(con, as_json(tmp_path / "json"), "SELECT manifest_columns ->> 'unit'")

        assert "m_gate" not in lost
        assert sorted(found.fetchall(), key=str) == [("7",), ("U-8",), (None,)]


def test_pandas_refuses_typed_columns_of_the_manifest_and_loses_new_ones(tmp_path: Path) -> None:
    with pytest.raises(pa.ArrowInvalid, match="U-8"):
        pd.read_parquet(typed(tmp_path / "typed"))

    assert "m_gate" not in pd.read_parquet(gained(tmp_path / "gained"))
    assert list(pd.read_parquet(as_json(tmp_path / "json"))["manifest_columns"].dropna().map(json.loads)) == [
        {"unit": 7},
        {"unit": "U-8", "gate": "north"},
    ]


@pytest.mark.readers
@needs("pyspark")
def test_spark_refuses_typed_columns_of_the_manifest_with_and_without_merging(tmp_path: Path) -> None:
    apart, one = typed(tmp_path / "typed"), as_json(tmp_path / "json")

    plain, merged, found = ran(SPARK, f"[rows({apart!r}), rows({apart!r}, mergeSchema=True), rows({one!r})]")

    assert "PARQUET_COLUMN_DATA_TYPE_MISMATCH" in plain
    assert "CANNOT_MERGE_SCHEMAS" in merged
    assert [row[1] for row in found] == ['{"unit": 7}', '{"unit": "U-8", "gate": "north"}', None]


@pytest.fixture
def old_lake(tmp_path: Path) -> TableStage:
    """Three nights, the first as version 1 wrote it."""
    return make_lake(tmp_path, version_1=[1])


def test_version_1_beside_2_is_whole_with_our_function_and_with_one_option_in_duckdb(old_lake: TableStage) -> None:
    count, path = "SELECT count(*), count(published_at)", old_lake.dataset.path
    with duckdb.connect() as con:
        plain = asked(con, path)
        named = asked(con, path, count, ", union_by_name = true").fetchall()
        assert "published_at" not in plain.columns
        assert len(plain.fetchall()) == 12
    ours = read_dataset(old_lake.dataset.uri)

    assert named == [(12, 8)]
    assert (len(ours), ours["run_date"].notna().sum()) == (12, 12)


def test_pandas_alone_has_the_columns_of_the_first_file(old_lake: TableStage) -> None:
    frame = pd.read_parquet(old_lake.dataset.path)

    assert len(frame) == 12
    assert "published_at" not in frame


@pytest.mark.readers
@needs("pyspark")
def test_spark_has_all_columns_of_both_versions_when_it_merges_them(old_lake: TableStage) -> None:
    path = old_lake.dataset.path

    plain, merged = ran(SPARK, f"[rows({path!r}), spark.read.option('mergeSchema', True).parquet({path!r}).columns]")

    assert len(plain) == 12
    assert {"published_at", "manifest_columns", "run_date"} <= set(merged)


@pytest.mark.readers
@needs("polars")
def test_polars_refuses_both_versions_in_one_folder_without_a_schema(old_lake: TableStage) -> None:
    """The recipe hands it the columns of the newest file."""
    code = f"import polars as pl\ntry:\n    said = pl.read_parquet({old_lake.dataset.path!r}).shape\n"

    said = ran(code + "except Exception as error:\n    said = str(error)", "said")

    assert "published_at" in said


def told(reader: str) -> list[str]:
    """Return the row of the page's table that begins with the reader."""
    row = next(line for line in PAGE.read_text().splitlines() if line.startswith(f"| {reader} |"))
    return [cell.strip().strip("`") for cell in row.strip("| ").split(" | ")[1:]]


ASKED = ("type", "date", "run_date", "read_at")
IN_A_CHILD = {
    "Polars, folder": ("import polars as pl", "{n: str(t) for n, t in pl.read_parquet(FOLDER).schema.items()}"),
    "Polars, glob": (
        "import polars as pl",
        "{n: str(t) for n, t in pl.read_parquet(FOLDER + '/type=*/date=*/*.parquet').schema.items()}",
    ),
    "PySpark": (SPARK, "dict(spark.read.parquet(FOLDER).dtypes)"),
}


@pytest.fixture
def lake(tmp_path: Path) -> TableStage:
    return make_lake(tmp_path, 2)


def test_the_page_says_what_duckdb_and_pandas_make_of_days_types_and_times(lake: TableStage) -> None:
    path = lake.dataset.path
    with duckdb.connect() as con:
        described = asked(con, path, "DESCRIBE SELECT *").fetchall()
    kinds = {
        "`read_dataset`": read_dataset(path).dtypes.astype(str).to_dict(),
        "DuckDB": {name: kind for name, kind, *_ in described},
        "pandas": pd.read_parquet(path).dtypes.astype(str).to_dict(),
        "pyarrow": {field.name: str(field.type) for field in pq.read_table(path).schema},
    }

    assert {reader: [kinds[reader][name] for name in ASKED] for reader in kinds} == {
        reader: told(reader) for reader in kinds
    }


@pytest.mark.readers
@pytest.mark.parametrize(
    "reader", [pytest.param(name, marks=needs(name.partition(",")[0].lower())) for name in IN_A_CHILD]
)
def test_the_page_says_what_the_others_make_of_them(lake: TableStage, reader: str) -> None:
    code, question = IN_A_CHILD[reader]

    found = ran(f"FOLDER = {lake.dataset.path!r}\n{code}", question)

    assert [found.get(name, "none") for name in ASKED] == told(reader)
