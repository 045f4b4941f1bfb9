"""One page of the reads that are looked for: the newest first, each with what a person said of it.

Newest means: the latest day of a run first, within it what was published last, within one publication in the order of
the manifest. A table changes while it is read (exports, compaction): where a file goes, the search begins anew, so that
a page is of one moment.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRConfigError, OCRDatasetError
from airflow_provider_platerec_ocr.dataset.layout.columns import kind_of
from airflow_provider_platerec_ocr.dataset.layout.schema import reads_schema
from airflow_provider_platerec_ocr.dataset.layout.table_files import LISTINGS, FileGoneError
from airflow_provider_platerec_ocr.dataset.search import corrected
from airflow_provider_platerec_ocr.dataset.search.groups import Footers, list_files, read_group
from airflow_provider_platerec_ocr.dataset.search.matching import code_fits
from airflow_provider_platerec_ocr.dataset.search.walk import LOCAL_THREADS, TableWalk
from airflow_provider_platerec_ocr.storage.files import ordered_map

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.dataset.search.corrected import Corrections
    from airflow_provider_platerec_ocr.dataset.search.groups import ListedFile
    from airflow_provider_platerec_ocr.dataset.search.query import ReadQuery
    from airflow_provider_platerec_ocr.storage.path import StoragePath

    Row = dict[str, Any]

DEEPEST = 100_000
"""Rows that can be gone past: who is further than that down a list wants another question."""
NEEDED = (
    *("image", "image_version", "fingerprint", "read_type", "identifier_index", "identifier_count", "run_id"),
    *("calls_billed", "code", "code_normalized", "code_system", "check_digit_ok", "repaired"),
)
"""Columns without which no correction can be laid over a row."""
FOOTERS = Footers()
"""Those that this process knows."""


@dataclass(frozen=True, slots=True)
class FoundReads:
    """Rows that were found, and what is known of the others."""

    table: Any = field(repr=False)
    """An Arrow table of the page's rows as the API said them, in order; columns of the reads, ``type`` and ``date``."""
    corrections: Corrections = field(repr=False)
    """All there are."""
    query: ReadQuery
    """What was asked."""
    total: int
    """How many rows fit; where not :attr:`exact`, there may be more."""
    exact: bool
    """Whether all rows were counted."""
    offset: int
    """How many rows come before the page's first."""
    unseen: date | None = None
    """The newest day that was not looked at since the time was over; ``None`` where the page is as it should be."""
    broken: tuple[str, ...] = ()
    """What is wrong with files that could not be read; what they hold is not among the rows."""
    late: bool = False
    """Whether the time was over before the page was full."""

    def rows(self) -> list[Row]:
        """Return the rows as they are shown: with ``code_as_read``, ``corrected_by``, ``corrected_at``, ``taken_back``.

        Where a person has added codes there may be more of them than the table has.
        """
        shown = corrected.shown_rows(self.table.to_pylist(), self.corrections)
        return [row for row in shown if not self.query.asks_code or code_fits(row, self.query)]


def search(  # noqa: PLR0913  # a place, a question, and how much of the answer, by name
    folder: StoragePath,
    query: ReadQuery,
    *,
    limit: int = 50,
    offset: int = 0,
    columns: Sequence[str] | None = None,
    corrections: StoragePath | None = None,
    seconds: float | None = None,
    footers: Footers | None = None,
    clock: Clock | None = None,
) -> FoundReads:
    """Return a page of the reads that ``query`` asks for.

    :param folder: of the dataset, or one of its partitions; one that is not there has no rows.
    :param limit: most rows of the page.
    :param offset: rows to go past, at most :data:`DEEPEST`.
    :param columns: of the reads, with ``type`` and ``date``; default: all but ``raw``. :data:`NEEDED` come along.
    :param corrections: folder of the corrections; ``None`` lets none count.
    :param seconds: after which it ends with what was found; ``None`` for no limit. Counting alone ends earlier.
    :param footers: those that are known; default: this process's.
    :raises OCRConfigError: ``limit`` or ``offset`` make no sense.
    :raises OCRDatasetError: a correction cannot be read.
    :raises OSError: the files go faster than they can be read, or the store does not hand them out.
    """
    if limit < 1 or not 0 <= offset <= DEEPEST:
        message = f"limit must be at least 1 and offset from 0 to {DEEPEST:,}, not {limit} and {offset}."
        raise OCRConfigError(message)
    clock = clock or SystemClock()
    until = None if seconds is None else clock.monotonic() + seconds
    names = list(dict.fromkeys([*(columns or default_columns()), *NEEDED, "type", "date"]))
    said = corrected.load(corrections) if corrections is not None else corrected.Corrections()
    known = footers or FOOTERS
    for _ in range(LISTINGS):
        with contextlib.suppress(FileGoneError):
            files = list_files(folder)
            walk = TableWalk(
                files, query, most=offset + limit, footers=known, corrections=said, clock=clock, until=until
            )
            whole = walk.go()
            return FoundReads(
                table=_fetched(files, walk.best[offset:], names, known),
                corrections=said,
                query=query,
                total=walk.total,
                exact=walk.exact and whole,
                offset=offset,
                unseen=None if whole else walk.unseen,
                broken=tuple(walk.broken),
                late=not whole,
            )
    message = f"The files of {folder} go faster than they can be read. Try again."
    raise OSError(message)


def default_columns() -> list[str]:
    """Return the columns that a page has, in order: all but the API's whole answers, which are long."""
    return [*(name for name in reads_schema().names if name != "raw"), "type", "date"]


def _fetched(files: Sequence[ListedFile], keys: Any, names: Sequence[str], footers: Footers) -> Any:
    """Return rows by their keys, in that order."""
    import numpy as np
    import pyarrow as pa

    wanted: dict[int, list[int]] = {}
    for position, number in enumerate(keys[:, 2].tolist()):
        wanted.setdefault(number, []).append(position)

    def of_file(item: tuple[int, list[int]]) -> Any:
        number, positions = item
        return _rows_of_file(files[number], keys[positions, 3], names, footers)

    tables = list(ordered_map(of_file, wanted.items(), threads=LOCAL_THREADS))
    empty = pa.schema([(name, kind_of(name)) for name in names]).empty_table()
    order = [position for positions in wanted.values() for position in positions]
    return pa.concat_tables([empty, *tables]).take(pa.array(np.argsort(np.asarray(order, dtype=np.int64))))


def _rows_of_file(listed: ListedFile, rows: Any, names: Sequence[str], footers: Footers) -> Any:
    """Return some rows of a file, in the order of ``rows``."""
    import numpy as np
    import pyarrow as pa

    order = np.argsort(rows, kind="stable")
    ordered, tables = rows[order], []
    with footers.opened(listed) as (parquet, footer):
        for number, group in enumerate(footer.groups):
            low, high = np.searchsorted(ordered, [group.first, group.first + group.rows])
            if high > low:
                found = read_group(parquet, number, listed.file, names)
                tables.append(found.take(pa.array(ordered[low:high] - group.first)))
    return pa.concat_tables(tables).take(pa.array(np.argsort(order)))


def refuse_broken(page: FoundReads) -> None:
    """Raise what is wrong with the table's files.

    :raises OCRDatasetError: a file could not be read.
    """
    if page.broken:
        raise OCRDatasetError(page.broken[0])
