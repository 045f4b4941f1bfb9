"""What is in a published table, by its files' footers alone: no row is read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.dataset.layout.names import READS
from airflow_provider_platerec_ocr.dataset.layout.schema import VERSION_KEY, version_of
from airflow_provider_platerec_ocr.dataset.layout.table_files import each_file, opened

if TYPE_CHECKING:
    from datetime import date

    from airflow_provider_platerec_ocr.dataset.layout.table_files import TableFile
    from airflow_provider_platerec_ocr.storage.path import StoragePath


@dataclass(slots=True)
class Census:
    """What a table holds."""

    files: int = 0
    folders: int = 0
    rows: int = 0
    size_bytes: int = 0
    """Of the rows as they are stored."""
    types: Counter[str] = field(default_factory=Counter)
    """Rows, by type."""
    days: set[date] = field(default_factory=set)
    versions: Counter[str] = field(default_factory=Counter)
    """Files, by schema version, and whether another program has rewritten them."""


def census(folder: StoragePath, table: str = READS) -> Census:
    """Return what the table in ``folder`` holds.

    :raises OCRDatasetError: a file is of a newer version, none of ours, or cannot be read.
    """
    found = Census()
    folders = set()

    def look(file: TableFile) -> tuple[int, int, str]:
        with opened(file.place, table) as parquet:
            schema, metadata = parquet.schema_arrow, parquet.metadata
            size = sum(metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
            foreign = VERSION_KEY not in (schema.metadata or {})
            version = f"{version_of(schema, file.place, table)}{' rewritten by others' if foreign else ''}"
            return metadata.num_rows, size, version

    for file, (rows, size, version) in each_file(folder, look):
        found.files += 1
        found.rows += rows
        found.size_bytes += size
        found.versions[version] += 1
        folders.add(file.place.parent.path)
        if file.type is not None:
            found.types[file.type] += rows
        if file.day is not None:
            found.days.add(file.day)
    found.folders = len(folders)
    return found
