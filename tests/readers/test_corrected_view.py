"""The view of the corrected reads says in Spark what it says in DuckDB and pandas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.dataset.corrections.view import corrected_view
from airflow_provider_platerec_ocr.dataset.layout.schema import reads_schema
from support.corrected_stage import NONE, ONE, OTHER, RIGHT, TWO, CorrectedStage, ordered
from support.lake import needs, ran

if TYPE_CHECKING:
    from pathlib import Path


@needs("pyspark")
def test_spark_lays_corrections_over_the_reads_as_pandas_does(tmp_path: Path) -> None:
    table = CorrectedStage.make(tmp_path / "stage")
    table.correct(ONE, RIGHT)
    table.correct(TWO, RIGHT, kind="add")
    table.take_back(TWO, identifier=OTHER)
    table.correct(NONE, RIGHT, kind="add")
    folders = str(table.dataset), f"{table.dataset}_corrections"
    view = corrected_view("spark", reads_schema().names, *folders, "corrected_reads")
    code = (
        "from pyspark.sql import SparkSession\n"
        f"spark = SparkSession.builder.getOrCreate()\nspark.sql({view!r})\n"
        "names = ['filename', 'identifier_index', 'code', 'code_as_read', 'corrected_by']\n"
        "rows = spark.table('corrected_reads').select(*names).collect()\n"
    )

    found = ran(code, "[list(row) for row in rows]")

    assert ordered([tuple(row) for row in found]) == table.seen()
