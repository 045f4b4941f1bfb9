"""Rows that go from a published table: found in any version of its files, and taken out of each file in one step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.dataset.layout.columns import batches
from airflow_provider_platerec_ocr.dataset.layout.names import DEAD_LETTERS, READS, REPEATS
from airflow_provider_platerec_ocr.dataset.layout.table_files import FileGoneError, opened, table_files
from airflow_provider_platerec_ocr.dataset.table.writer import replace_file
from airflow_provider_platerec_ocr.storage.files import remove

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date, datetime

    from airflow_provider_platerec_ocr.core.images.wanted import Wanted
    from airflow_provider_platerec_ocr.dataset.layout.table_files import TableFile
    from airflow_provider_platerec_ocr.storage.path import StoragePath

    Marks = Callable[[Any, TableFile], Any]

_TEXTS = {
    READS: ("image", "code", "code_normalized", "filename", "image_name", "manifest_columns", "raw"),
    DEAD_LETTERS: ("image", "message"),
    REPEATS: ("image", "image_name", "manifest_columns"),
}
"""Columns in which a code may be spelled."""
_IDENTITY = {
    READS: ("read_type", "image", "image_version", "fingerprint"),
    DEAD_LETTERS: ("type", "image", "image_version", "fingerprint"),
    REPEATS: ("type", "image", "image_version", "fingerprint"),
}


@dataclass(slots=True)
class RowsFound:
    """Rows of a table that are to go."""

    rows: int = 0
    files: list[TableFile] = field(default_factory=list)
    """Those that hold some."""
    fingerprints: set[str] = field(default_factory=set)
    """Paid calls that they come from."""
    versions: set[tuple[str, str, str | None]] = field(default_factory=set)
    """Type, image and version of each."""


def columns_for(table: str) -> list[str]:
    """Return the columns that :func:`about` looks at."""
    return list(dict.fromkeys([*_IDENTITY[table], *_TEXTS[table]]))


def about(wanted: Wanted, table: str) -> Marks:
    """Return what marks the rows that are about what is wanted."""

    def marks(rows: Any, _file: TableFile) -> Any:
        import pyarrow as pa
        import pyarrow.compute as pc

        names = set(rows.column_names)
        found = pc.is_in(rows.column("fingerprint"), value_set=pa.array(sorted(wanted.fingerprints), pa.string()))
        images = pa.array(sorted(wanted.images), pa.string())
        for name in names & {"image", "image_name"}:
            found = pc.or_(found, pc.is_in(rows.column(name), value_set=images))
        if wanted.versions:
            some = zip(rows.column("image").to_pylist(), rows.column("image_version").to_pylist(), strict=True)
            found = pc.or_(found, pa.array([each in wanted.versions for each in some], pa.bool_()))
        for name in names & {"code", "code_normalized"} if wanted.codes else ():
            found = pc.or_(
                found, pa.array([wanted.has_code(code) for code in rows.column(name).to_pylist()], pa.bool_())
            )
        for name in _TEXTS[table]:
            if _may_spell(rows.column(name), wanted):
                found = pc.or_(found, pa.array([wanted.in_text(t) for t in rows.column(name).to_pylist()], pa.bool_()))
        return found

    return marks


def older_than(column: str, moment: date | datetime) -> Marks:
    """Return what marks the rows in which a time or a day is before ``moment``."""

    def marks(rows: Any, _file: TableFile) -> Any:
        import pyarrow as pa
        import pyarrow.compute as pc

        there = rows.column(column)
        return pc.less(there, pa.scalar(moment, there.type))

    return marks


def _may_spell(column: Any, wanted: Wanted) -> bool:
    """Return whether any text of a column may spell a wanted code: a look at all of its bytes at once."""
    if not wanted.codes:
        return False
    buffers = (chunk.buffers()[2] for chunk in column.chunks if len(chunk))
    return any(buffer is not None and wanted.in_text(buffer.to_pybytes()) for buffer in buffers)


def find_rows(folder: StoragePath, table: str, names: list[str], marks: Marks) -> RowsFound:
    """Return the rows of a table that are marked.

    :param names: columns that ``marks`` looks at.
    :raises OCRDatasetError: a file cannot be read.
    """
    found = RowsFound()
    for file in table_files(folder):
        before = found.rows
        for rows in _read(file, names, table):
            mine = rows.filter(marks(rows, file))
            found.rows += mine.num_rows
            facts = zip(*(mine.column(name).to_pylist() for name in _IDENTITY[table]), strict=True)
            for type_, image, version, fingerprint in facts:
                if fingerprint is not None:
                    found.fingerprints.add(fingerprint)
                if type_ is not None and image is not None:
                    found.versions.add((type_, image, version))
        if found.rows > before:
            found.files.append(file)
    return found


def _read(file: TableFile, names: list[str], table: str) -> Iterator[Any]:
    try:
        yield from batches(file, names, table)
    except FileGoneError:
        return


def erase_rows(files: list[TableFile], table: str, names: list[str], marks: Marks, staging: StoragePath) -> int:
    """Take the marked rows out of files, each in one step; return how many went. A file without any left goes.

    A file keeps its version and its metadata.

    :param staging: folder on the same disk in which the new files are made.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    gone = 0
    for file in files:
        with opened(file.place, table) as parquet:
            stored = parquet.read()
        parts = [_array(marks(rows, file)) for rows in batches(file, names, table)]
        marked = pc.fill_null(pa.concat_arrays([pa.array([], pa.bool_()), *parts]), fill_value=False)
        number = pc.sum(marked).as_py() or 0
        if not number:
            continue
        gone += number
        kept = stored.filter(pc.invert(marked))
        if kept.num_rows:
            replace_file(file.place, kept, kept.schema, staging)
        else:
            remove(file.place)
    return gone


def _array(marked: Any) -> Any:
    import pyarrow as pa

    return marked.combine_chunks() if isinstance(marked, pa.ChunkedArray) else marked
