"""The columns of the published tables, and which version of them a file has.

The version stands in each row and in each file's metadata. Files of all versions so far lie beside each other in one
dataset; what an older one lacks is null or derived when we read it (:mod:`.table_files`). Other programs that rewrite a
file (a compaction by DuckDB, Spark, delta-rs) lose the metadata, so a file without is known by its columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRDatasetError
from airflow_provider_platerec_ocr.dataset.layout.names import DEAD_LETTERS, READS, REPEATS

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.storage.path import StoragePath

SCHEMA_VERSION = 2
"""Raised whenever a column is added, removed, or changes its meaning; each version up to it can be read."""
VERSION_KEY = b"platerec_ocr.schema_version"
"""Key in a Parquet file's metadata."""
TABLE_KEY = b"platerec_ocr.table"
"""Key in a Parquet file's metadata: ``reads`` or ``dead_letters``."""
_OURS = {
    READS: frozenset({"image", "image_version", "fingerprint", "identifier_count", "code", "run_id"}),
    DEAD_LETTERS: frozenset({"image", "type", "reason", "message", "permanent", "run_id"}),
    REPEATS: frozenset({"image", "type", "image_version", "fingerprint", "published_by", "run_id"}),
}
"""Columns by which a file without metadata is known: every version of the table has them."""
_SINCE_2 = {READS: "published_at", DEAD_LETTERS: "ended_at", REPEATS: "published_at"}
"""A column that version 1 did not have."""
_NAMES = {READS: "reads", DEAD_LETTERS: "dead letters", REPEATS: "repeats"}
_READERS = {READS: "Use read_dataset for it. ", DEAD_LETTERS: "Use read_dead_letters for it. ", REPEATS: ""}


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
        "published_at": utc,
        "calls_billed": pa.int32(),
        "read_type": text,
        "run_date": pa.date32(),
        "manifest": text,
        "manifest_row": pa.int64(),
        "image_name": text,
        "manifest_columns": text,
        "schema_version": pa.int32(),
        "dag_id": text,
        "run_id": text,
        "raw": text,
    }
    return pa.schema(list(columns.items()), metadata=_metadata(READS))


def dead_letters_schema() -> Any:
    """Return the Arrow schema of the dead letters, in order."""
    import pyarrow as pa

    text, utc = pa.string(), pa.timestamp("us", tz="UTC")
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
        "ended_at": utc,
        "first_seen": utc,
        "last_seen": utc,
        "times": pa.int32(),
        "closed_at": utc,
        "manifest": text,
        "dag_id": text,
        "run_id": text,
        "schema_version": pa.int32(),
    }
    return pa.schema(list(columns.items()), metadata=_metadata(DEAD_LETTERS))


def repeats_schema() -> Any:
    """Return the Arrow schema of the repeats, in order: reads that added no row, as the dataset had what they say."""
    import pyarrow as pa

    reads = reads_schema()
    own = {"type": pa.string(), "published_by": pa.string()}
    names = (
        *("type", "image", "image_version", "fingerprint", "read_at", "published_at", "calls_billed", "run_date"),
        *("manifest", "manifest_row", "image_name", "manifest_columns"),
        *("published_by", "schema_version", "dag_id", "run_id"),
    )
    return pa.schema([(name, own.get(name) or reads.field(name).type) for name in names], metadata=_metadata(REPEATS))


def schema_of(table: str) -> Any:
    """Return the Arrow schema of a table, by the start of its files' names."""
    return {READS: reads_schema, DEAD_LETTERS: dead_letters_schema, REPEATS: repeats_schema}[table]()


def _metadata(table: str) -> dict[bytes, bytes]:
    return {TABLE_KEY: table.encode(), VERSION_KEY: str(SCHEMA_VERSION).encode()}


def version_of(schema: Any, place: StoragePath, table: str = READS) -> int:
    """Return the schema version of one of our files, by its metadata, or by its columns where that was lost.

    :param schema: the file's Arrow schema. :param table: ``reads``, ``dead_letters`` or ``repeats``.
    :raises OCRDatasetError: it is of a newer version, of the other table, or none of ours; it says what to do.
    """
    metadata = schema.metadata or {}
    found = metadata.get(VERSION_KEY)
    holds = metadata.get(TABLE_KEY, table.encode()).decode(errors="replace")
    names = set(schema.names)
    if found is None:
        if _OURS[table] <= names:
            return SCHEMA_VERSION if _SINCE_2[table] in names else 1
        holds = next((other for other, columns in _OURS.items() if columns <= names), "")
    if holds != table:
        raise OCRDatasetError(_foreign(place, holds, table))
    text = found.decode(errors="replace") if found else ""
    if text.isascii() and text.isdigit() and 1 <= int(text) <= SCHEMA_VERSION:
        return int(text)
    message = (
        f"{place} has schema version {text}, and this provider knows versions 1 to {SCHEMA_VERSION}. Install the "
        "provider's version that wrote it, or a later one; nothing was changed."
    )
    raise OCRDatasetError(message)


def _foreign(place: StoragePath, holds: str, table: str) -> str:
    if holds in _NAMES:
        return (
            f"{place} holds {_NAMES[holds]}, and {_NAMES[table]} were asked for. {_READERS[holds]}Each table has a "
            "folder of its own."
        )
    return (
        f"{place} lies in the dataset's folder, was not written by this provider, and lacks the columns of its "
        f"{_NAMES[table]}. Nothing was changed. If it is another program's, move that file alone elsewhere, or into a "
        "folder whose name begins with _ or ., which is not looked at; or give the dataset a folder of its own."
    )
