"""The table of corrections: its columns, its files, and what one correction is about.

Each correction is a small file of its own and none is ever changed, so any number of people and tasks may write at
once, and who said what stays visible. Of several about the same identifier, the latest counts.
"""

from __future__ import annotations

import io
import secrets
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRDatasetError
from airflow_provider_platerec_ocr.storage.files import (
    find_files,
    ordered_map,
    read_whole,
    remove,
    threads_for,
    write_whole,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from airflow_provider_platerec_ocr.storage.path import StoragePath

CORRECTIONS = "corrections"
"""Start of the files' names, and end of the folder's beside the dataset."""
VERSION = 1
_FILE = r"[^._].*\.parquet"


class CorrectionKind(StrEnum):
    """What a person says of a read."""

    CORRECT = "correct"
    """The code is another one."""
    ADD = "add"
    """There is a code that the API did not give."""
    TAKE_BACK = "take_back"
    """There is no such code, or, without an identifier, the whole read is none, such as one of the wrong type."""
    ACCEPT = "accept"
    """The code is right as it was read, or, without an identifier, the whole read is, also that nothing is there."""


@dataclass(frozen=True, slots=True)
class Correction:
    """One correction, with what the rules say of its code."""

    image: str
    """As in the reads."""
    image_version: str | None
    """As in the reads."""
    fingerprint: str | None
    """As in the reads: the correction is of this content, not of what bears the image's name tomorrow."""
    read_type: str
    """As in the reads."""
    identifier_index: int | None
    """Which identifier, from 0; ``None`` for the whole read."""
    kind: str
    """A :class:`CorrectionKind`."""
    code: str | None
    """As the person gave it; ``None`` where something is taken back."""
    code_normalized: str | None
    code_system: str | None
    check_digit_ok: bool | None
    repaired: bool | None
    corrected_by: str
    """Who says so."""
    why: str
    """How they know."""
    corrected_at: datetime
    """When; aware."""

    @property
    def read_key(self) -> str:
        """What joins it to the reads, together with the type."""
        return key_of(self.fingerprint, self.image, self.image_version)


def key_of(fingerprint: str | None, image: str, image_version: str | None) -> str:
    """Return what a read is known by: its content's fingerprint; where it has none, its image in its version."""
    return fingerprint if fingerprint is not None else f"{image}#{image_version or ''}"


def corrections_schema() -> Any:
    """Return the Arrow schema of the corrections, in order; no name is a keyword of SQL."""
    import pyarrow as pa

    text = pa.string()
    columns = {
        "image": text,
        "image_version": text,
        "fingerprint": text,
        "read_type": text,
        "identifier_index": pa.int32(),
        "kind": text,
        "code": text,
        "code_normalized": text,
        "code_system": text,
        "check_digit_ok": pa.bool_(),
        "repaired": pa.bool_(),
        "corrected_by": text,
        "why": text,
        "corrected_at": pa.timestamp("us", tz="UTC"),
        "read_key": text,
        "schema_version": pa.int32(),
    }
    return pa.schema(list(columns.items()), metadata={b"platerec_ocr.table": CORRECTIONS.encode()})


def append(folder: StoragePath, correction: Correction) -> StoragePath:
    """Keep a correction as a file of its own, and return where."""
    import pyarrow as pa

    row = {**asdict(correction), "read_key": correction.read_key, "schema_version": VERSION}
    place = folder / f"{CORRECTIONS}-{correction.corrected_at:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}.parquet"
    _write(place, pa.Table.from_pylist([row], schema=corrections_schema()))
    return place


def _write(place: StoragePath, table: Any) -> None:
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(table, sink)
    write_whole(place, sink.getvalue())


def corrections_that(folder: StoragePath, fits: Callable[[dict[str, Any]], bool]) -> Iterator[tuple[StoragePath, Any]]:
    """Yield the files with a correction that fits, each with those of its rows, as dicts."""
    for place in correction_files(folder):
        rows = [row for row in _load(place, read_whole(place)).to_pylist() if fits(row)]
        if rows:
            yield place, rows


def remove_corrections(folder: StoragePath, fits: Callable[[dict[str, Any]], bool]) -> int:
    """Take the corrections that fit out of their files, for good, and return how many went."""
    import pyarrow as pa

    gone = 0
    for place, rows in list(corrections_that(folder, fits)):
        gone += len(rows)
        kept = [row for row in _load(place, read_whole(place)).to_pylist() if row not in rows]
        if kept:
            _write(place, pa.Table.from_pylist(kept, schema=corrections_schema()))
        else:
            remove(place)
    return gone


def correction_files(folder: StoragePath) -> list[StoragePath]:
    """Return the files of the corrections, none where the folder is not there."""
    return find_files(folder, _FILE, deep=False)


def load_corrections(folder: StoragePath) -> Any:
    """Return all corrections as an Arrow table, oldest first.

    :raises OCRDatasetError: a file cannot be read.
    """
    import pyarrow as pa

    files = correction_files(folder)
    tables = [_load(place, data) for place, data in zip(files, _contents(folder, files), strict=True)]
    table = pa.concat_tables([corrections_schema().empty_table().replace_schema_metadata(), *tables])
    return table.sort_by("corrected_at")


def _contents(folder: StoragePath, files: list[StoragePath]) -> Any:
    return ordered_map(read_whole, files, threads=threads_for(folder))


def corrections_in(place: StoragePath) -> list[dict[str, Any]]:
    """Return the corrections in one file, as dicts, none where it went meanwhile.

    :raises OCRDatasetError: it cannot be read.
    """
    data = read_whole(place)
    rows: list[dict[str, Any]] = [] if data is None else _load(place, data).to_pylist()
    return rows


def _load(place: StoragePath, data: bytes | None) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = corrections_schema().remove_metadata()
    try:
        table = pq.read_table(pa.BufferReader(data or b""))
        columns = [
            table.column(field.name).cast(field.type)
            if field.name in table.column_names
            else pa.nulls(table.num_rows, field.type)
            for field in schema
        ]
    except (pa.ArrowException, OSError) as error:
        message = f"{place} cannot be read as a table of corrections: {error}. Move it away, or restore it."
        raise OCRDatasetError(message) from error
    return pa.table(columns, schema=schema)
