"""Files of a table as version 1 wrote them, or as other programs leave them when they rewrite ours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.storage.path import StoragePath

SINCE_2 = {
    "reads": (
        "published_at",
        "read_type",
        "run_date",
        "manifest",
        "manifest_row",
        "image_name",
        "manifest_columns",
    ),
    "dead_letters": ("first_seen", "last_seen", "times", "closed_at", "manifest"),
}
"""Columns that version 1 did not have."""


def files_of(folder: StoragePath) -> list[Path]:
    """The folder's Parquet files."""
    return sorted(Path(folder.path).rglob("[!._]*.parquet"))


def as_version_1(path: Path) -> None:
    """Rewrite a file of today as version 1 would have written it."""
    table = pq.ParquetFile(path).read()
    kind = table.schema.metadata[b"platerec_ocr.table"].decode()
    table = table.drop_columns(list(SINCE_2[kind])).drop_columns(["schema_version"])
    table = table.append_column("schema_version", pa.repeat(pa.scalar(1, pa.int32()), table.num_rows))
    names = {"ended_at": "at"}
    table = table.rename_columns([names.get(name, name) for name in table.column_names])
    metadata = {b"platerec_ocr.table": kind.encode(), b"platerec_ocr.schema_version": b"1"}
    pq.write_table(table.replace_schema_metadata(metadata), path)


def without_metadata(path: Path) -> None:
    """Rewrite a file as a program does that knows nothing of our metadata."""
    pq.write_table(pq.ParquetFile(path).read().replace_schema_metadata(None), path)
