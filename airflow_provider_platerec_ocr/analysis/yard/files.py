"""What an analysis leaves: Parquet for programs, CSV and Excel for people, each there whole or not at all."""

from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.dataset.search.spreadsheet import csv_of, xlsx_of
from airflow_provider_platerec_ocr.storage.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider_platerec_ocr.storage.path import StoragePath

MOST_IN_EXCEL = 1_000_000
"""Rows of one sheet, nearly: of more, the CSV has all."""
OWN = "expected"
log = logging.getLogger(__name__)


def write_parquet(table: Any, place: StoragePath) -> StoragePath:
    """Write a table as one Parquet file."""
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    write_whole(place, sink.getvalue())
    return place


def write_all(table: Any, folder: StoragePath, name: str, *, people: bool = True) -> list[StoragePath]:
    """Write a table under a name, for programs and for people, and return where.

    :param people: also as CSV, and as Excel where XlsxWriter is installed.
    """
    places = [write_parquet(table, folder / f"{name}.parquet")]
    if not people:
        return places
    names = column_names(table)
    csv, excel = folder / f"{name}.csv", folder / f"{name}.xlsx"
    write_whole(csv, b"".join(csv_of(names, flat_rows(table))))
    places.append(csv)
    if table.num_rows > MOST_IN_EXCEL:
        log.info("A sheet of Excel does not hold %s: the CSV has them all.", count_of(table.num_rows, "row"))
        return places
    try:
        write_whole(excel, xlsx_of(names, flat_rows(table)))
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
    for batch in table.to_batches(max_chunksize=10_000):
        for row in batch.to_pylist():
            own = json.loads(row.pop(OWN, None) or "{}")
            flat = {name: _cell(value) for name, value in row.items()}
            yield flat | {_free(name, taken): value for name, value in own.items()}


def _cell(value: Any) -> Any:
    return "; ".join(map(str, value)) if isinstance(value, list) else value


def remove_stale(written: Sequence[StoragePath], folder: StoragePath, name: str) -> None:
    """Remove what an earlier run under this name left in a form that this one did not write."""
    kept = {place.path for place in written}
    for ending in ("csv", "xlsx"):
        place = folder / f"{name}.{ending}"
        if place.path not in kept and place.fs.exists(place.path):
            place.fs.rm_file(place.path)
