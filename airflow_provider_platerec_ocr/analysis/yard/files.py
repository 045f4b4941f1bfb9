"""What an analysis leaves: Parquet for programs, CSV and Excel for people, each there whole or not at all."""

from __future__ import annotations

import io
import json
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.dataset.search.spreadsheet import MOST_IN_EXCEL, csv_of, xlsx_of
from airflow_provider_platerec_ocr.storage.files import remove, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider_platerec_ocr.storage.path import StoragePath

OWN = "expected"
ROWS_OF_A_GROUP = 20_000
"""Rows that are read together: a page shows fifty of them."""
_BATCH = 10_000
_START = datetime(1970, 1, 1, tzinfo=UTC)
log = logging.getLogger(__name__)


def write_parquet(table: Any, place: StoragePath) -> StoragePath:
    """Write a table as one Parquet file."""
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd", row_group_size=ROWS_OF_A_GROUP)
    write_whole(place, sink.getvalue())
    return place


def write_all(table: Any, folder: StoragePath, name: str, *, people: bool = True) -> list[StoragePath]:
    """Write a table under a name, for programs and for people, and return where.

    :param people: also as CSV, and as Excel where XlsxWriter is installed and a sheet holds so many rows.
    """
    places = [write_parquet(table, folder / f"{name}.parquet")]
    if not people:
        return places
    names = column_names(table)
    csv, excel = folder / f"{name}.csv", folder / f"{name}.xlsx"
    write_whole(csv, b"".join(csv_of(names, flat_rows(table))))
    places.append(csv)
    if table.num_rows > MOST_IN_EXCEL:
        most, rows = count_of(MOST_IN_EXCEL, "row"), count_of(table.num_rows, "row")
        log.warning("No Excel file: a sheet holds %s, and there are %s. The CSV has all.", most, rows)
        return places
    try:
        write_whole(excel, xlsx_of(names, flat_rows(table), many=table.num_rows > _BATCH))
    except OCRConfigError as error:
        log.info("%s", error)
        return places
    return [*places, excel]


def column_names(table: Any) -> list[str]:
    """Return the columns as people see them: those of the list itself stand for the JSON that holds them."""
    if OWN not in table.schema.names:
        return list(table.schema.names)
    own = dict.fromkeys(name for text in table.column(OWN).to_pylist() if text for name in json.loads(text))
    taken = set(table.schema.names)
    return [name for name in table.schema.names if name != OWN] + [_free(name, taken) for name in own]


def _free(name: str, taken: set[str]) -> str:
    return f"expected_{name}" if name in taken else name


def flat_rows(table: Any) -> Iterator[dict[str, Any]]:
    """Yield the rows as people see them: a list in one cell, the list's own columns in cells of their own."""
    taken = set(table.schema.names)
    names = [name for name in table.schema.names if name != OWN]
    for batch in table.to_batches(max_chunksize=_BATCH):
        columns = [_cells(batch.column(name)) for name in names]
        own = batch.column(OWN).to_pylist() if OWN in taken else [None] * batch.num_rows
        for *values, text in zip(*columns, own, strict=True):
            row = dict(zip(names, values, strict=True))
            yield row | {_free(name, taken): value for name, value in json.loads(text).items()} if text else row


def _cells(column: Any) -> list[Any]:
    """Return a column as a person sees it; times by arithmetic, which is ten times as fast as Arrow's own way."""
    if pa.types.is_list(column.type) and pa.types.is_string(column.type.value_type):
        return list(pc.binary_join(column, "; ").to_pylist())
    if pa.types.is_timestamp(column.type) and column.type.unit == "us":
        whole = pc.cast(column, pa.int64()).to_pylist()
        return [None if value is None else _START + timedelta(microseconds=value) for value in whole]
    return list(column.to_pylist())


def remove_stale(written: Sequence[StoragePath], folder: StoragePath, name: str) -> None:
    """Remove what an earlier run under this name left in a form that this one did not write."""
    kept = {place.path for place in written}
    for ending in ("csv", "xlsx"):
        place = folder / f"{name}.{ending}"
        if place.path not in kept and place.fs.exists(place.path):
            remove(place)
