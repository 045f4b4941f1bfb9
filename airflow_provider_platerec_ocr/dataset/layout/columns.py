"""Columns of a table's file as of today's schema, whatever version it has and whoever wrote it last.

What an older version lacks is derived where anything says it, else null; what another program has rewritten in a type
of its own is cast. One place decides both, so that planning, publishing and reading agree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.dataset.layout.names import DEAD_LETTERS, READS, REPEATS
from airflow_provider_platerec_ocr.dataset.layout.schema import schema_of
from airflow_provider_platerec_ocr.dataset.layout.table_files import opened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider_platerec_ocr.dataset.layout.table_files import TableFile

BATCH_ROWS = 50_000
"""Rows that are in memory at a time where a file is read bit by bit."""


def batches(file: TableFile, names: Sequence[str], table: str = READS, rows: int = BATCH_ROWS) -> Iterator[Any]:
    """Yield columns of a file as Arrow tables of today's schema, batch by batch.

    :param names: columns of the table; ``type`` and ``date``, what the partition folders say, are some of the reads'.
    """
    with opened(file.place, table) as parquet:
        yield from batches_of(parquet, file, names, table, rows)


def batches_of(
    parquet: Any, file: TableFile, names: Sequence[str], table: str = READS, rows: int = BATCH_ROWS
) -> Iterator[Any]:
    """Yield the same of a file that is open already, a ``pyarrow.parquet.ParquetFile``."""
    import pyarrow as pa

    wanted = stored_names(names, parquet.schema_arrow.names, table)
    for batch in parquet.iter_batches(rows, columns=wanted):
        yield current(pa.Table.from_batches([batch]), names, file, table)


def whole(file: TableFile, names: Sequence[str], table: str = READS) -> Any:
    """Return columns of a file as one Arrow table of today's schema, see :func:`batches`."""
    with opened(file.place, table) as parquet:
        wanted = stored_names(names, parquet.schema_arrow.names, table)
        return current(parquet.read(columns=wanted, use_threads=True), names, file, table)


_SOURCES: dict[str, dict[str, tuple[str, ...]]] = {
    READS: {
        "type": ("read_type", "type"),
        "date": ("run_date", "date"),
        "read_type": ("read_type", "type"),
        "run_date": ("run_date", "date"),
        "published_at": ("published_at", "read_at", "run_date", "date"),
        "image_name": ("image_name", "image"),
    },
    DEAD_LETTERS: {name: (name, "ended_at", "at") for name in ("ended_at", "first_seen", "last_seen")},
    REPEATS: {},
}
"""Columns that an older version, or a rewritten file, has under another name or not at all, and what says the same."""


def stored_names(names: Sequence[str], there: Sequence[str], table: str = READS) -> list[str]:
    """Return which columns of a file have to be read for ``names``."""
    sources = _SOURCES[table]
    needed = {source for name in names for source in sources.get(name, (name,))}
    return [name for name in there if name in needed] or [there[0]]  # none at all would have no rows


def current(stored: Any, names: Sequence[str], file: TableFile, table: str = READS) -> Any:
    """Return columns of today's schema from those of a file of any version: what it lacks is derived, or null."""
    import pyarrow as pa

    columns = [_column(stored, name, file, table) for name in names]
    return pa.table(columns, list(names))


def kind_of(name: str, table: str = READS) -> Any:
    """Return the Arrow type of a column as of today."""
    import pyarrow as pa

    return {"type": pa.string(), "date": pa.date32()}.get(name) or schema_of(table).field(name).type


def _column(stored: Any, name: str, file: TableFile, table: str) -> Any:
    import pyarrow as pa

    kind, rows = kind_of(name, table), stored.num_rows
    folder = {"type": file.type, "read_type": file.type, "date": file.day, "run_date": file.day}.get(name)
    if table == READS and folder is not None and name not in stored.column_names:
        return pa.repeat(pa.scalar(folder, kind), rows)
    if table == READS and name == "published_at" and name not in stored.column_names:
        read_at, day = (_column(stored, source, file, table) for source in ("read_at", "run_date"))
        return _later(read_at, day.cast(kind))
    for source in _SOURCES[table].get(name, (name,)):
        if source in stored.column_names:
            return cast(stored.column(source), kind)
    if name == "schema_version" or (table == DEAD_LETTERS and name == "times"):
        return pa.repeat(pa.scalar(1, kind), rows)
    return pa.nulls(rows, kind)


def _later(one: Any, other: Any) -> Any:
    """Return the later of two times each, or the one there is."""
    import pyarrow.compute as pc

    return pc.if_else(pc.fill_null(pc.less(one, other), pc.is_null(one)), other, pc.coalesce(one, other))


def cast(column: Any, kind: Any) -> Any:
    """Return a column in the type of today's schema; what others rewrote may have another of the same meaning."""
    import pyarrow as pa

    if column.type == kind:
        return column
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column.cast(kind, safe=False)
