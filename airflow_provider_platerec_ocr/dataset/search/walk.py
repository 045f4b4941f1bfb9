"""The way through a table's row groups, newest first, until a page is full.

Every piece of the table (a file that was not opened yet, a row group of one that was) has a bound: no row of it can
come before that. The piece with the best bound is looked at next, and where the page's last row comes before all bounds
that are left, nothing better can follow. So a page of the newest reads opens the files of a few days, however many
there are; what is rare is looked for in all of them, several at a time.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRDatasetError
from airflow_provider_platerec_ocr.dataset.search.groups import read_group
from airflow_provider_platerec_ocr.dataset.search.matching import (
    CODE_COLUMNS,
    code_columns,
    code_mask,
    may_hold,
    plain_columns,
    plain_mask,
)
from airflow_provider_platerec_ocr.dataset.search.query import SearchStatus
from airflow_provider_platerec_ocr.storage.files import REMOTE_THREADS, ordered_map

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.dataset.search.corrected import Corrections
    from airflow_provider_platerec_ocr.dataset.search.groups import Footer, Footers, ListedFile, RowGroup
    from airflow_provider_platerec_ocr.dataset.search.query import ReadQuery

LOCAL_THREADS = 4
"""Row groups that are looked at at a time: Arrow decodes beside Python."""
FIRST_WAVE, LARGEST_WAVE = 2, 64
"""Pieces between two looks at whether the page is full: few at first, since the newest day may do."""
COUNT_ROWS = 200_000
"""Rows that are looked at all in all before counting ends with *more than*."""
COUNT_FILES = 2_000
"""Files whose footers are read only to count."""
_EPOCH = date(1970, 1, 1)
_FOREVER, _NEVER = 2**62, -(2**62)
"""Beyond all times; they stand for what is not known, and for null."""
Bound = tuple[int, int, int, int]
"""Day, time of publication (both negative, so that the newest is the least), number of the file, row in it."""


@dataclass(order=True, slots=True)
class _Piece:
    """A file, or one of its row groups."""

    bound: Bound
    listed: ListedFile = field(compare=False)
    number: int = field(compare=False)
    """Of the row group; -1 for the whole file."""
    rows: int = field(compare=False, default=0)
    """Of the row group."""


@dataclass(slots=True)
class _Seen:
    """What looking at one piece gave."""

    pieces: list[_Piece] = field(default_factory=list)
    """Row groups to look at in their turn."""
    found: Any = None
    """Keys of rows that fit, an array of 4 columns as :data:`Bound`; the first of them, where there are many."""
    fit: int = 0
    """How many rows fit."""
    looked: int = 0
    """At how many rows it was looked."""
    broken: str = ""
    """What is wrong with the file, where it cannot be read."""


class TableWalk:
    """One search through one listing of a table.

    :param files: of the table. :param most: how many rows are wanted, from the newest on.
    :param until: the clock's monotonic seconds at which it ends with what there is; ``None`` for never.
    """

    def __init__(  # noqa: PLR0913  # what is looked for, where, and how far, by name
        self,
        files: Sequence[ListedFile],
        query: ReadQuery,
        *,
        most: int,
        footers: Footers,
        corrections: Corrections,
        clock: Clock,
        until: float | None = None,
    ) -> None:
        import numpy as np

        self._query, self._most, self._footers, self._corrections = query, most, footers, corrections
        self._clock, self._until = clock, until
        self._adds = corrections.may_add(query)
        self._touched = corrections.keys() if corrections and query.asks_code else None
        nothing = query.status is SearchStatus.CORRECTED and not corrections
        self._heap = [] if nothing else [_of_file(each) for each in files if _asked(each, query)]
        heapq.heapify(self._heap)
        self._threads = LOCAL_THREADS if not files or files[0].file.place.is_local else REMOTE_THREADS
        self.best = np.zeros((0, 4), dtype=np.int64)
        """Keys of the first rows, in order."""
        self.total = 0
        """Rows that fit, as far as was looked."""
        self.exact = True
        """Whether that are all."""
        self.broken: list[str] = []
        """What is wrong with files that are left out."""
        self._looked = 0

    @property
    def unseen(self) -> date | None:
        """The newest day of which something was not looked at; ``None`` where everything was."""
        if not self._heap:
            return None
        day = -self._heap[0].bound[0]
        return None if abs(day) == _FOREVER else date.fromordinal(day + _EPOCH.toordinal())

    def go(self) -> bool:
        """Look until the page is full and the rows are counted; return whether the page is what it would be."""
        wave = FIRST_WAVE
        while self._heap and not self._is_full():
            if self._is_late():
                self.exact = False
                return False
            self._look(wave)
            wave = min(2 * wave, LARGEST_WAVE)
        self._count()
        return True

    def _count(self) -> None:
        """Go on for the number alone, as far as that is cheap."""
        if not self._query.asks_rows:
            self._count_by_footers()
        while self._heap and self._looked < COUNT_ROWS and not self._is_late():
            self._look(self._threads)
        self.exact = not self._heap

    def _count_by_footers(self) -> None:
        """Add what the footers say, where whole row groups are asked for; what the folders do not say is looked at."""
        whole = [piece for piece in self._heap if _is_whole(piece, self._query)]
        files = [piece.listed for piece in whole if piece.number < 0]
        if len(files) > COUNT_FILES:
            return
        counted = ordered_map(self._rows_of, files, threads=self._threads)
        self.total += sum(piece.rows for piece in whole if piece.number >= 0)
        for rows, broken in counted:
            self.total += rows
            self.broken += [broken] if broken else []
        self._heap = [piece for piece in self._heap if not _is_whole(piece, self._query)]
        heapq.heapify(self._heap)

    def _rows_of(self, listed: ListedFile) -> tuple[int, str]:
        try:
            return self._footers.of(listed).rows, ""
        except OCRDatasetError as error:
            return 0, str(error)

    def _is_late(self) -> bool:
        return self._until is not None and self._clock.monotonic() >= self._until

    def _is_full(self) -> bool:
        """Return whether no row that was not looked at can come before the page's last."""
        if len(self.best) < self._most:
            return False
        return not self._most or tuple(map(int, self.best[self._most - 1])) <= self._heap[0].bound

    def _look(self, wave: int) -> None:
        """Look at the pieces that come first."""
        pieces = [heapq.heappop(self._heap) for _ in range(min(wave, len(self._heap)))]
        for seen in ordered_map(self._seen, pieces, threads=min(self._threads, len(pieces))):
            for piece in seen.pieces:
                heapq.heappush(self._heap, piece)
            self.broken += [seen.broken] if seen.broken else []
            self._looked += seen.looked
            self.total += seen.fit
            if seen.fit:
                self._keep(seen.found)

    def _keep(self, found: Any) -> None:
        import numpy as np

        both = np.concatenate([self.best, found])
        self.best = both[np.lexsort(both.T[::-1])[: self._most]]

    def _seen(self, piece: _Piece) -> _Seen:
        try:
            with self._footers.opened(piece.listed) as (parquet, footer):
                if piece.number >= 0:
                    return self._of_group(parquet, footer.groups[piece.number], piece)
                pieces = list(self._groups(piece.listed, footer))
                if len(pieces) != 1:
                    return _Seen(pieces)
                return self._of_group(parquet, footer.groups[pieces[0].number], pieces[0])
        except OCRDatasetError as error:
            return _Seen(broken=str(error))

    def _groups(self, listed: ListedFile, footer: Footer) -> Iterator[_Piece]:
        """Yield the row groups of a file that may have rows that fit."""
        for number, group in enumerate(footer.groups):
            if may_hold(group.spans, self._query, as_read=not self._adds):
                yield _Piece(_bound(listed, group), listed, number, group.rows)

    def _of_group(self, parquet: Any, group: RowGroup, piece: _Piece) -> _Seen:
        import numpy as np
        import pyarrow.compute as pc

        rows, mask = np.arange(group.rows, dtype=np.int64), self._fits(parquet, piece)
        if mask is not None:
            rows = np.asarray(pc.indices_nonzero(mask), dtype=np.int64)
        if not len(rows):
            return _Seen(looked=group.rows)
        days, times = self._order(parquet, group, piece, rows)
        keys = np.empty((len(rows), 4), dtype=np.int64)
        keys[:, 0], keys[:, 1], keys[:, 2], keys[:, 3] = days, times, piece.listed.number, group.first + rows
        if len(keys) > self._most:
            keys = keys[np.lexsort(keys.T[::-1])[: self._most]]
        return _Seen(found=keys, fit=len(rows), looked=group.rows)

    def _fits(self, parquet: Any, piece: _Piece) -> Any:
        """Return which rows of a group fit; ``None`` where all do."""
        import pyarrow.compute as pc

        query, file = self._query, piece.listed.file
        folder = [name for name, known in (("type", file.type), ("date", file.day)) if known is None]
        own = [name for name in folder if (query.types if name == "type" else query.since or query.until)]
        names = [*own, *plain_columns(query), *code_columns(query)]
        if not names and not query.asks_rows:
            return None
        table = read_group(parquet, piece.number, file, names or ["identifier_index"])
        masks = [_in_folder(table, name, query) for name in own]
        plain, code = plain_mask(table, query), code_mask(table, query)
        plain = _both([*masks, plain])
        if self._touched is not None and (self._adds or _any_of(_both([plain, code]))):
            code = self._with_corrections(parquet, piece, code, plain)
        both = _both([plain, code])
        return both if both is None else pc.fill_null(both, fill_value=False)

    def _with_corrections(self, parquet: Any, piece: _Piece, code: Any, plain: Any) -> Any:
        """Return the code's mask as it is with what persons said of the rows."""
        import pyarrow as pa
        import pyarrow.compute as pc

        keys = _keys(parquet, piece)
        touched = pc.is_in(keys, value_set=self._touched)
        places = pc.indices_nonzero(_both([touched, plain]))
        if not len(places):
            return code
        names = [
            "fingerprint",
            "image",
            "image_version",
            *CODE_COLUMNS,
            "read_type",
            "code_system",
            "repaired",
            "run_id",
            "calls_billed",
        ]
        rows = read_group(parquet, piece.number, piece.listed.file, names).take(places).to_pylist()
        fits = pa.array([self._corrections.fits(row, self._query) for row in rows], pa.bool_())
        return pc.replace_with_mask(_flat(code), _places_mask(places, len(keys)), fits)

    def _order(self, parquet: Any, group: RowGroup, piece: _Piece, rows: Any) -> tuple[Any, Any]:
        """Return day and time of publication of rows, negative; where all have the same, no column is read."""
        import pyarrow.compute as pc

        day, published, _, _ = piece.bound
        spans = group.spans.get("published_at")
        one_time = spans is not None and spans[0] == spans[1] and abs(published) != _FOREVER
        if piece.listed.file.day is not None and one_time:
            return day, published
        table = read_group(parquet, piece.number, piece.listed.file, ["date", "published_at"]).take(rows)
        days, times = (
            pc.fill_null(table.column(name).cast(kind), null).to_numpy()
            for name, kind, null in (("date", "int32", -(2**30)), ("published_at", "int64", _NEVER))
        )
        return -days.astype("int64"), -times


def _of_file(listed: ListedFile) -> _Piece:
    day = listed.file.day
    bound = -_FOREVER if day is None else -_days(day)
    return _Piece((bound, -_FOREVER, listed.number, 0), listed, -1)


def _bound(listed: ListedFile, group: RowGroup) -> Bound:
    """Return what no row of a group comes before."""
    day = listed.file.day
    greatest = day or (group.spans.get("run_date") or (None, None))[1]
    latest = (group.spans.get("published_at") or (None, None))[1]
    known_day = isinstance(greatest, date) and not isinstance(greatest, datetime)
    known_time = isinstance(latest, datetime) and latest.tzinfo is not None
    return (
        -_days(greatest) if known_day and greatest is not None else -_FOREVER,
        -_microseconds(latest) if known_time and latest is not None else -_FOREVER,
        listed.number,
        group.first,
    )


def _days(day: date) -> int:
    return day.toordinal() - _EPOCH.toordinal()


def _microseconds(moment: datetime) -> int:
    since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _asked(listed: ListedFile, query: ReadQuery) -> bool:
    """Return whether a file's folders let some of its rows fit."""
    type_, day = listed.file.type, listed.file.day
    return (not query.types or type_ is None or type_ in query.types) and (day is None or query.fits_day(day))


def _is_whole(piece: _Piece, query: ReadQuery) -> bool:
    """Return whether all rows of a piece fit, by what the folders say."""
    file = piece.listed.file
    return (file.type is not None or not query.types) and (file.day is not None or not (query.since or query.until))


def _in_folder(table: Any, name: str, query: ReadQuery) -> Any:
    """Return which rows are of the types or days asked for, where no folder says it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = table.column(name)
    if name == "type":
        return pc.is_in(column, value_set=pa.array(query.types, pa.string()))
    masks = [pc.greater_equal(column, query.since)] if query.since else []
    return _both([*masks, *([pc.less_equal(column, query.until)] if query.until else [])])


def _both(masks: Sequence[Any]) -> Any:
    """Return where all masks hold; ``None`` where there are none, and a mask that is ``None`` holds everywhere."""
    import pyarrow.compute as pc

    result = None
    for mask in masks:
        if mask is not None:
            filled = pc.fill_null(mask, fill_value=False)
            result = filled if result is None else pc.and_(result, filled)
    return result


def _any_of(mask: Any) -> bool:
    import pyarrow.compute as pc

    return bool(pc.any(mask).as_py())


def _keys(parquet: Any, piece: _Piece) -> Any:
    """Return by what each row of a group is known to corrections; names of images are long, and seldom needed."""
    import pyarrow.compute as pc

    marks = read_group(parquet, piece.number, piece.listed.file, ["fingerprint"]).column("fingerprint")
    if not marks.null_count:
        return marks
    names = read_group(parquet, piece.number, piece.listed.file, ["image", "image_version"])
    versions = pc.fill_null(names.column("image_version"), "")
    return pc.coalesce(marks, pc.binary_join_element_wise(names.column("image"), versions, "#"))


def _flat(mask: Any) -> Any:
    import pyarrow as pa

    return mask.combine_chunks() if isinstance(mask, pa.ChunkedArray) else mask


def _places_mask(places: Any, rows: int) -> Any:
    import numpy as np
    import pyarrow as pa

    mask = np.zeros(rows, dtype=bool)
    mask[np.asarray(places)] = True
    return pa.array(mask)
