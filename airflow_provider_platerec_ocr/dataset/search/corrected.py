"""The corrections beside a table, as a search needs them: which reads they are about, and what those show with them.

Each correction is a small file that is never changed, so a process reads each once. A code that was taken back is still
shown, marked: who looks for it wants to know why the table for others has it no more.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.dataset.corrections.overlay import ADDED, overlaid
from airflow_provider_platerec_ocr.dataset.corrections.table import corrections_in, key_of
from airflow_provider_platerec_ocr.dataset.layout.table_files import FileGoneError
from airflow_provider_platerec_ocr.dataset.search.matching import TAKEN_BACK, code_fits
from airflow_provider_platerec_ocr.dataset.search.remembered import Remembered, mark_of
from airflow_provider_platerec_ocr.storage.files import find_with_facts, ordered_map, threads_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from airflow_provider_platerec_ocr.dataset.search.query import ReadQuery
    from airflow_provider_platerec_ocr.storage.path import StoragePath

    Row = dict[str, Any]

MOST_FILES = 20_000
"""Corrections that a process remembers, a kilobyte each."""
_FILE = r"[^._].*\.parquet"


class Corrections:
    """All corrections of one dataset, by what they are about.

    :param rows: of the table of corrections, oldest first.
    """

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._by_read: dict[tuple[str, str], list[Row]] = {}
        for row in rows:
            self._by_read.setdefault((row["read_type"], row["read_key"]), []).append(row)

    def __bool__(self) -> bool:
        """Return whether there are any."""
        return bool(self._by_read)

    def of(self, row: Row) -> list[Row]:
        """Return those about the read that a row of the table belongs to, oldest first."""
        key = key_of(row["fingerprint"], row["image"], row["image_version"])
        return self._by_read.get((row["read_type"], key), [])

    def keys(self) -> Any:
        """Return the keys of the reads that there are corrections of, as an Arrow array."""
        import pyarrow as pa

        return pa.array(sorted({key for _, key in self._by_read}), pa.string())

    def may_add(self, query: ReadQuery) -> bool:
        """Return whether a correction may make a row fit that does not fit as it was read."""
        return query.asks_code and any(_may_fit(each, query) for said in self._by_read.values() for each in said)

    def fits(self, row: Row, query: ReadQuery) -> bool:
        """Return whether a row of a read that was corrected fits what is asked of codes, as it is shown."""
        return any(code_fits(each, query) for each in self.shown([row]) if belongs_to(each, row))

    def shown(self, rows: Sequence[Row]) -> list[Row]:
        """Return rows of one read as they are shown: corrected, with added ones, and marked where taken back."""
        about = self.of(rows[0])
        found = overlaid(list(rows), about) if about else [row | dict.fromkeys(ADDED) for row in rows]
        found = [each for each in found if any(belongs_to(each, row) for row in rows)]
        there = {each["identifier_index"] for each in found}
        gone = [row for row in rows if row["identifier_index"] not in there]
        if rows[0]["identifier_index"] is None and found:
            gone = []  # its row said that nothing was found, and a code was added
        last = about[-1] if about else {}
        said = {
            "code_as_read": None,
            "corrected_by": last.get("corrected_by"),
            "corrected_at": last.get("corrected_at"),
        }
        marked = [each | {TAKEN_BACK: False} for each in found] + [row | said | {TAKEN_BACK: True} for row in gone]
        return sorted(marked, key=lambda each: each["identifier_index"] or 0)


def belongs_to(shown: Row, row: Row) -> bool:
    """Return whether a shown row stands for ``row``: it is that one, or was added and ``row`` is the read's first."""
    return shown["identifier_index"] == row["identifier_index"] or (
        shown["code_as_read"] is None and shown["corrected_by"] is not None and (row["identifier_index"] or 0) == 0
    )


def _may_fit(correction: Row, query: ReadQuery) -> bool:
    return query.status is not None or code_fits(correction | {"identifier_count": 1}, query)


def shown_rows(rows: Sequence[Row], corrections: Corrections) -> list[Row]:
    """Return the rows of a page as they are shown, each read's together, in their order."""

    def of_read(row: Row) -> tuple[Any, ...]:
        return row["read_type"], row["image"], row["image_version"], row["fingerprint"], row["run_id"]

    return [each for _, group in groupby(rows, key=of_read) for each in corrections.shown(list(group))]


_known: Remembered[list[Row]] = Remembered(MOST_FILES)


def load(folder: StoragePath) -> Corrections:
    """Return the corrections in a folder, none where there is no such folder.

    :raises OCRDatasetError: a file cannot be read.
    """

    def rows_of(found: tuple[StoragePath, dict[str, Any] | None]) -> list[Row]:
        place, facts = found
        try:
            mark = mark_of(place, facts)
        except FileGoneError:
            return []
        return _known.get(place.path, mark, lambda: corrections_in(place))

    files = [each for each in find_with_facts(folder, _FILE) if each[0].parent.path == folder.path]
    return Corrections(sorted(_each(ordered_map(rows_of, files, threads=threads_for(folder))), key=_when))


def _each(lists: Iterator[list[Row]]) -> Iterator[Row]:
    for rows in lists:
        yield from rows


def _when(row: Row) -> Any:
    return row["corrected_at"]
