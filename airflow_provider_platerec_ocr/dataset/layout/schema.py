"""The columns of the published tables, and the version that says which columns a file has.

The version stands in each row and in each file's metadata; a dataset holds files of one version only, so that any
reader can open the folder without options.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRDatasetError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_platerec_ocr.storage.path import StoragePath

SCHEMA_VERSION = 1
"""Raised whenever a column is added, removed, or changes its meaning."""
VERSION_KEY = b"platerec_ocr.schema_version"
"""Key in a Parquet file's metadata."""
TABLE_KEY = b"platerec_ocr.table"
"""Key in a Parquet file's metadata: ``reads`` or ``dead_letters``."""


def reads_schema() -> Any:
    """Return the Arrow schema of the reads, in order; ``type`` and ``date`` are partition folders, not columns."""
    import pyarrow as pa

    text, utc = pa.string(), pa.timestamp("us", tz="UTC")
    columns = {
        "image": text,
        "image_version": text,
        "fingerprint": text,
        "status": text,
        "identifier_index": pa.int32(),
        "identifier_count": pa.int32(),
        "code": text,
        "code_normalized": text,
        "orientation": text,
        "confidence": pa.float64(),
        "code_system": text,
        "check_digit_ok": pa.bool_(),
        "repaired": pa.bool_(),
        "camera_id": text,
        "timestamp": utc,
        "filename": text,
        "processing_time": pa.float64(),
        "read_at": utc,
        "calls_billed": pa.int32(),
        "schema_version": pa.int32(),
        "dag_id": text,
        "run_id": text,
        "raw": text,
    }
    return pa.schema(list(columns.items()), metadata=_metadata("reads"))


def dead_letters_schema() -> Any:
    """Return the Arrow schema of the dead letters, in order."""
    import pyarrow as pa

    text = pa.string()
    columns = {
        "row": pa.int64(),
        "image": text,
        "type": text,
        "image_version": text,
        "reason": text,
        "message": text,
        "http_status": pa.int32(),
        "permanent": pa.bool_(),
        "fingerprint": text,
        "at": pa.timestamp("us", tz="UTC"),
        "dag_id": text,
        "run_id": text,
        "schema_version": pa.int32(),
    }
    return pa.schema(list(columns.items()), metadata=_metadata("dead_letters"))


def _metadata(table: str) -> dict[bytes, bytes]:
    return {TABLE_KEY: table.encode(), VERSION_KEY: str(SCHEMA_VERSION).encode()}


def check_version(metadata: Mapping[bytes, bytes] | None, place: StoragePath) -> None:
    """Refuse a Parquet file of another schema version, or one that is none of ours.

    :param metadata: the file's key-value metadata.
    :raises OCRDatasetError: naming both versions and what to do.
    """
    found = (metadata or {}).get(VERSION_KEY)
    if found == str(SCHEMA_VERSION).encode():
        return
    if found is None:
        message = (
            f"{place} lies in the dataset's folder and was not written by this provider. "
            "Move it away, or give the dataset a folder of its own."
        )
    else:
        message = (
            f"{place} has schema version {found.decode(errors='replace')}, and this provider writes version "
            f"{SCHEMA_VERSION}. Give the dataset a new folder (the ledger fills it again without a paid call), "
            "or install the provider's version that wrote it."
        )
    raise OCRDatasetError(message)
