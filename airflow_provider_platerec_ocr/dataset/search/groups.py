"""The row groups of a table: which there are, what can be known of them without reading a row, and reading one.

Footers are remembered, see :mod:`.remembered`: of a table of a year, reading them all anew would take longer than the
search. A search must be able to stop early, so files are listed once, by name alone, and opened only when their turn
comes.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.dataset.layout.columns import current, stored_names
from airflow_provider_platerec_ocr.dataset.layout.names import PARQUET_FILE
from airflow_provider_platerec_ocr.dataset.layout.table_files import FileGoneError, opened, table_file
from airflow_provider_platerec_ocr.dataset.search.remembered import Remembered, mark_of
from airflow_provider_platerec_ocr.storage.files import find_with_facts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from airflow_provider_platerec_ocr.dataset.layout.table_files import TableFile
    from airflow_provider_platerec_ocr.dataset.search.matching import Span
    from airflow_provider_platerec_ocr.dataset.search.remembered import Mark
    from airflow_provider_platerec_ocr.storage.path import StoragePath

MOST_FOOTERS = 4_000
"""Footers that a process remembers, some 20 KB each; a table of ten years has as many days."""
SPANNED = ("image", "camera_id", "fingerprint", "confidence", "check_digit_ok", "published_at", "run_date")
"""Columns whose least and greatest values are looked at."""


@dataclass(frozen=True, slots=True)
class RowGroup:
    """What a footer says of one row group."""

    first: int
    """Its first row's number in the file."""
    rows: int
    spans: Mapping[str, Span]
    """Least and greatest value of the columns :data:`SPANNED`, where the file says them."""


@dataclass(frozen=True, slots=True)
class Footer:
    """What a file's footer says."""

    metadata: Any
    """A ``pyarrow.parquet.FileMetaData``."""
    groups: tuple[RowGroup, ...]

    @property
    def rows(self) -> int:
        """How many rows the file has."""
        return int(self.metadata.num_rows)


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file of the table as a listing had it."""

    number: int
    """Its place among the files, by path."""
    file: TableFile
    facts: dict[str, Any] | None
    """What the listing of an object store said of it."""


class Footers:
    """The footers that a process knows."""

    def __init__(self, most: int = MOST_FOOTERS) -> None:
        self._known: Remembered[Footer] = Remembered(most)

    def of(self, listed: ListedFile) -> Footer:
        """Return the footer of a file.

        :raises FileGoneError: it is not there any more. :raises OCRDatasetError: it is none of the table's files.
        """
        mark = mark_of(listed.file.place, listed.facts)
        return self._known.get(listed.file.place.path, mark, lambda: self._read(listed, mark))

    def _read(self, listed: ListedFile, mark: Mark) -> Footer:
        with opened(listed.file.place) as parquet:
            _refuse_another(listed, mark)
            return footer_of(parquet)

    @contextmanager
    def opened(self, listed: ListedFile) -> Iterator[tuple[Any, Footer]]:
        """Open a file with its footer.

        :raises FileGoneError: it is another one by now.
        """
        mark = mark_of(listed.file.place, listed.facts)
        known = self._known.get(listed.file.place.path, mark, lambda: self._read(listed, mark))
        with opened(listed.file.place, metadata=known.metadata) as parquet:
            _refuse_another(listed, mark)
            yield parquet, known


def _refuse_another(listed: ListedFile, mark: Mark) -> None:
    """See to it that what is open is the file that the mark is of; an object store sees to that itself."""
    if listed.facts is None and mark_of(listed.file.place) != mark:
        raise FileGoneError(str(listed.file.place))


def footer_of(parquet: Any) -> Footer:
    """Return what the footer of an open file says."""
    metadata, names = parquet.metadata, parquet.schema_arrow.names
    columns = {name: names.index(name) for name in SPANNED if name in names}
    if (
        len(names) != metadata.num_columns
    ):  # somebody has nested columns in it: places of columns are not those of names
        columns = {}
    groups, first = [], 0
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        spans = {}
        for name, column in columns.items():
            statistics = group.column(column).statistics
            if statistics is not None and statistics.has_min_max:
                spans[name] = (statistics.min, statistics.max)
        groups.append(RowGroup(first, group.num_rows, spans))
        first += group.num_rows
    return Footer(metadata, tuple(groups))


def read_group(parquet: Any, number: int, file: TableFile, names: Sequence[str]) -> Any:
    """Return columns of one row group of an open file as an Arrow table of today's schema."""
    wanted = stored_names(names, parquet.schema_arrow.names)
    return current(parquet.read_row_group(number, columns=wanted, use_threads=False), names, file)


def list_files(folder: StoragePath) -> list[ListedFile]:
    """Return the files of the table in ``folder``, by path."""
    found = find_with_facts(folder, PARQUET_FILE)
    return [ListedFile(number, table_file(place, folder), facts) for number, (place, facts) in enumerate(found)]


def is_folder(place: StoragePath) -> bool:
    """Return whether a local folder is there; of an object store nobody can say."""
    return not place.is_local or os.path.isdir(place.path)  # noqa: PTH112  # as elsewhere here
