"""The recipes of docs/how-to/load.md, each run over a dataset that our export made."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from support.lake import RECIPES, ROOT, make_lake, needs, night, ran, recipe
from support.older_tables import files_of

if TYPE_CHECKING:
    from pathlib import Path

    from support.table_stage import TableStage

pytestmark = pytest.mark.slow

UNITS = ["U-2-1", "U-2-2", "U-3-1", "U-3-2"]
"""Of the VINs of the second and the third night."""


def test_every_python_sample_of_the_page_is_a_piece_of_a_recipe_and_every_piece_is_on_it() -> None:
    page = (ROOT / "docs" / "how-to" / "load.md").read_text().partition("## Not run here")[0]
    samples = re.findall(r"(?s)```[^\n]*python[^\n]*\n(.*?)```", page)
    pieces = [
        f'--8<-- "{path.relative_to(ROOT).as_posix()}:{name}"'
        for path in sorted(RECIPES.glob("*.py"))
        for name in re.findall(r"\[start:(\w+)\]", path.read_text())
    ]

    assert sorted(sample.strip() for sample in samples) == sorted(pieces)


@pytest.fixture
def lake(tmp_path: Path) -> TableStage:
    return make_lake(tmp_path)


@pytest.fixture
def old_lake(tmp_path: Path) -> TableStage:
    """Whose first night is as version 1 wrote it."""
    return make_lake(tmp_path, version_1=[1])


@pytest.mark.usefixtures("old_lake")
def test_duckdb_asks_the_folder_and_loads_all_or_some_days(tmp_path: Path) -> None:
    rows = "con.sql('SELECT count(*), count(published_at), min(date), max(type) FROM ocr_reads').fetchall()"

    units, loaded, kind = ran(recipe("with_duckdb", tmp_path), f"[list(units['unit']), {rows}, str(units.dtypes)]")

    assert units == UNITS
    assert loaded == [[12, 8, "2026-03-01", "vin"]]
    assert "datetime64[us, UTC]" in kind


def test_duckdb_takes_what_is_new_once(lake: TableStage, tmp_path: Path) -> None:
    ran(recipe("with_duckdb", tmp_path), "1")
    night(lake, 4)
    days = recipe("with_duckdb", tmp_path).replace("CREATE OR REPLACE TABLE", "CREATE TABLE IF NOT EXISTS")

    found = ran(days + days, "con.sql('SELECT count(*), max(date) FROM ocr_reads').fetchall()")

    assert found == [[16, "2026-03-04"]]


@pytest.mark.usefixtures("lake")
def test_pandas_reads_it_with_our_function_and_without(tmp_path: Path) -> None:
    question = "[list(units['m_unit']), list(reads['unit']), list(reads['gate']), str(reads['read_at'].dtype)]"

    ours, plain, gates, kind = ran(recipe("with_pandas", tmp_path), question)

    assert sorted(ours) == sorted(plain) == UNITS
    assert sorted(gates) == [1, 1, 2, 2]
    assert kind == "timestamp[us, tz=UTC][pyarrow]"


@pytest.mark.readers
@needs("polars")
@pytest.mark.usefixtures("lake")
def test_polars_reads_the_folder_and_files_by_a_glob(tmp_path: Path) -> None:
    question = "[sorted(units['unit']), str(units.schema['read_at']), reads.height, str(reads.schema['date'])]"

    found = ran(recipe("with_polars", tmp_path), question)

    assert found == [UNITS, "Datetime(time_unit='us', time_zone='UTC')", 12, "Date"]


@pytest.mark.readers
@needs("polars")
@pytest.mark.usefixtures("old_lake")
def test_polars_takes_files_of_two_schema_versions_by_the_glob(tmp_path: Path) -> None:
    code = "# --8<-- [start:glob]" + recipe("with_polars", tmp_path).partition("# --8<-- [start:glob]")[2]

    found = ran("import polars as pl\n" + code, "[reads.height, reads['published_at'].count(), reads.width]")

    assert found == [12, 8, 32]


@pytest.mark.readers
@needs("pyspark")
@pytest.mark.usefixtures("old_lake")
def test_spark_reads_days_types_and_times(tmp_path: Path) -> None:
    rows = "[[r.unit, r.code_normalized, str(r.read_at)] for r in units.orderBy('unit').collect()]"
    kinds = "{n: k for n, k in reads.dtypes if n in ('type', 'date', 'run_date', 'read_at', 'manifest_columns')}"

    units, types, count = ran(recipe("with_spark", tmp_path), f"[{rows}, {kinds}, reads.count()]")

    assert units == [[unit, "1M8GDM9AXKP042788", "2026-03-01 23:15:00"] for unit in UNITS]
    assert count == 12
    assert types == {
        "type": "string", "date": "date", "run_date": "date", "read_at": "timestamp", "manifest_columns": "string",
    }  # fmt: skip


@pytest.mark.readers
@needs("deltalake")
def test_delta_takes_the_folder_as_it_is_and_each_night_that_follows(old_lake: TableStage, tmp_path: Path) -> None:
    question = "[DeltaTable(str(DATASET)).to_pyarrow_table().num_rows, DeltaTable(str(DATASET)).version()]"
    assert ran(recipe("as_delta", tmp_path, times=2), question) == [12, 0]

    night(old_lake, 4)
    assert ran(recipe("as_delta", tmp_path, times=2), question) == [16, 1]

    replaced, removed = (str(file) for file in files_of(old_lake.dataset)[-2:])
    shutil.copy(replaced, f"{replaced}.new")
    shutil.move(f"{replaced}.new", replaced)
    old_lake.root.fs.rm(removed)
    assert ran(recipe("as_delta", tmp_path, times=2), question) == [14, 3]


@pytest.mark.readers
@needs("deltalake", "polars")
def test_once_it_is_a_delta_table_only_a_glob_over_the_partitions_is_right(lake: TableStage, tmp_path: Path) -> None:
    ran(recipe("as_delta", tmp_path) + "\nDeltaTable(str(DATASET)).create_checkpoint()", "1")
    path = lake.dataset.path
    count = "duckdb.sql(\"SELECT count(*) FROM read_parquet('{}', union_by_name = true)\").fetchall()[0][0]".format
    polars = f"try:\n    said = polars.read_parquet({path!r}).height\nexcept Exception as error:\n    said = str(error)"

    everything, partitions = count(f"{path}/**/*.parquet"), count(f"{path}/type=*/date=*/*.parquet")

    found = ran("import duckdb", f"[{partitions}, {everything}]")

    assert found[0] == 12 < found[1]
    assert "different file extensions" in ran("import polars\n" + polars, "said")


@pytest.mark.readers
@needs("deltalake")
def test_a_delta_table_of_version_1_gets_the_columns_of_version_2(tmp_path: Path) -> None:
    stage = make_lake(tmp_path, 1, version_1=[1])
    question = "sorted(field.name for field in DeltaTable(str(DATASET)).schema().fields)"
    before = ran(recipe("as_delta", tmp_path), question)

    night(stage, 2)
    after = ran(recipe("as_delta", tmp_path), question)

    assert "published_at" not in before
    assert {"published_at", "manifest_columns", "run_date"} <= set(after)


@pytest.mark.readers
@needs("pyiceberg")
def test_iceberg_takes_the_files_as_they_are_and_each_night_that_follows(old_lake: TableStage, tmp_path: Path) -> None:
    rows = "catalog.load_table('ocr.reads').scan().to_arrow()"
    question = (
        f"[{rows}.num_rows, {rows}['published_at'].null_count, vins.num_rows, str({rows}.schema.field('read_at'))]"
    )
    kind = "pyarrow.Field<read_at: timestamp[us, tz=UTC]>"
    assert ran(recipe("as_iceberg", tmp_path, times=2), question) == [12, 4, 4, kind]

    night(old_lake, 4)
    assert ran(recipe("as_iceberg", tmp_path, times=2), question) == [16, 4, 6, kind]

    old_lake.root.fs.rm(str(files_of(old_lake.dataset)[-1]))
    assert ran(recipe("as_iceberg", tmp_path, times=2), question) == [14, 4, 4, kind]
