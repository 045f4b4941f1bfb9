"""Reconciliations as they lie beside a table: what each comes to, and some rows of one, read as a page needs them.

A file says in its footer whose it is and what it comes to, so that thirty nights are thirty footers. Of one night only
the columns that are asked for are read, and all columns only of the row groups of the rows that are shown.
"""

from __future__ import annotations

import json
import logging
import re
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from airflow_provider_platerec_ocr.analysis.rules.codes import code_of, whole_container
from airflow_provider_platerec_ocr.analysis.yard.outcome import UNIT, Reconciled, Status, reconciliation_schema
from airflow_provider_platerec_ocr.core.errors import OCRDatasetError
from airflow_provider_platerec_ocr.dataset.layout.table_files import FileGoneError
from airflow_provider_platerec_ocr.storage.files import find_files, ordered_map, threads_for

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from airflow_provider_platerec_ocr.storage.path import StoragePath

NAME = "reconciliation"
"""Start of the files' names; the sightings of the same task have the same rest."""
SHOWN = 200
"""Codes that are shown without a row of their own."""
LAST = 30
"""Reconciliations that are looked at where nobody asks for another number."""
NEED = (
    (UNIT, Status.MISSING),
    (UNIT, Status.AMBIGUOUS),
    ("read", Status.AMBIGUOUS),
    (UNIT, Status.CONFUSABLE),
    (UNIT, Status.PARTIAL),
    ("read", Status.EXTRA),
    ("read", Status.UNREADABLE),
    (UNIT, Status.MATCHED),
)
"""In which order rows need a person."""
SIGHTED = (
    *("code", "code_system", "check_digit_ok", "reads", "agreeing", "read_codes", "confidence"),
    *("images", "cameras", "first_seen", "last_seen"),
)
"""Columns of the sightings that speak of the photographs; all others say what the code stands for."""
_KEY = b"platerec_ocr.reconciliation"
_COLUMNS = frozenset(reconciliation_schema().names) - {"not_listed"}
"""What every file has; older ones do not name what is on no list."""
_SIGHTINGS = 10_000
"""Sightings that are looked at for what a page's codes stand for."""
_MARKS = "[^A-Z0-9]+"
_ODD = "^(?:[A-Z]{4}[0-9]{6}|[A-Z]{4}[0-9]{7}.+|.{17,})$"
"""Codes that may be compared otherwise than just without their marks: short and long containers, and VINs."""
_NO_VIN = "[IOQ]|.{18}|^[A-Z]{4}[0-9]{6,7}"
"""A VIN with none of these is compared as it is."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Summary:
    """What a reconciliation says of itself."""

    counts: Mapping[str, int]
    """See :attr:`.outcome.Reconciled.counts`."""
    dag_id: str = ""
    """Whose it is, so who may see it; empty where the file does not say."""
    run_id: str = ""
    task_id: str = ""
    written_at: str = ""
    """UTC, ISO 8601."""
    since: str = ""
    """First day of the reads, ``YYYY-MM-DD``; empty where all days of a run count."""
    until: str = ""
    """Last day of the reads."""
    expected: str = ""
    """Where the list was; empty where a task gave it."""
    confusions: str = ""
    """What was learned of which characters are taken for one another, in words; empty: the table that comes along."""

    @property
    def missing_share(self) -> float:
        """Missing units by units of the list; 0 for an empty list."""
        units = self.counts.get("units", 0)
        return self.counts.get("missing", 0) / units if units else 0.0


def with_summary(table: Any, summary: Summary) -> Any:
    """Return a reconciliation's table that says so of itself, once it is a file."""
    return table.replace_schema_metadata({_KEY: json.dumps(asdict(summary)).encode()})


@dataclass(frozen=True, slots=True)
class Kept:
    """One reconciliation as it lies there."""

    place: StoragePath
    day: date
    """Of its folder: the last day of its reads."""
    rows: int
    summary: Summary

    @property
    def name(self) -> str:
        """What it is known by: the name of its file, without ending."""
        return self.place.name.removesuffix(".parquet")

    @property
    def series(self) -> tuple[str, str]:
        """What it has in common with those of other nights: they may be held beside each other."""
        return self.summary.dag_id, self.summary.task_id


def kept(folder: StoragePath, number: int = LAST) -> list[Kept]:
    """Return the newest reconciliations, newest first; files that cannot be read are left out, and the log says so.

    :param folder: ``<dataset>_reconciliations`` by default; it need not be there.
    """
    files = [(day, place) for place in find_files(folder, rf"{NAME}-.*\.parquet") if (day := _day_of(place))]
    files.sort(key=lambda each: (each[0], each[1].path), reverse=True)
    found = ordered_map(lambda each: _look_at(*each), files[:number], threads=threads_for(folder))
    return sorted(filter(None, found), key=lambda each: (each.day, each.summary.written_at, each.name), reverse=True)


def _day_of(place: StoragePath) -> date | None:
    name, is_one, text = place.parent.name.partition("=")
    try:
        return date.fromisoformat(text) if is_one and name == "date" else None
    except ValueError:
        return None


def _look_at(day: date, place: StoragePath) -> Kept | None:
    try:
        with opened(place) as parquet:
            _refuse_without_columns(parquet.schema_arrow.names)
            text = (parquet.schema_arrow.metadata or {}).get(_KEY)
            summary = Summary(**json.loads(text)) if text else Summary(_counted(parquet))
            return Kept(place, day, parquet.metadata.num_rows, summary)
    except (OCRDatasetError, FileGoneError, TypeError, ValueError) as error:
        log.warning("%s is left aside: %s", place, error)
        return None


def _refuse_without_columns(names: Sequence[str]) -> None:
    absent = _COLUMNS - set(names)
    if absent:
        message = f"it has no column {', '.join(sorted(absent))}"
        raise OCRDatasetError(message)


def _counted(parquet: Any) -> dict[str, int]:
    """Return the counts of a file that does not say them, such as one that somebody has written anew."""
    return Reconciled(parquet.read(columns=["about", "status"]), 0.0).counts


@contextmanager
def opened(place: StoragePath) -> Iterator[Any]:
    """Open a file.

    :raises OCRDatasetError: it cannot be read as Parquet. :raises FileGoneError: it is not there any more.
    """
    try:
        with place.fs.open(place.path, "rb") as file, pq.ParquetFile(file) as parquet:
            yield parquet
    except FileNotFoundError as error:
        raise FileGoneError(str(place)) from error
    except pa.ArrowException as error:
        message = f"{place} cannot be read as a reconciliation: {error}. Reconcile again."
        raise OCRDatasetError(message) from error


def read_columns(parquet: Any, names: Sequence[str]) -> Any:
    """Return some columns of a file, of the types that we write, whoever has written it anew."""
    schema = reconciliation_schema()
    return parquet.read(columns=list(names)).select(names).cast(pa.schema([schema.field(name) for name in names]))


@dataclass(frozen=True, slots=True)
class Query:
    """Which rows are looked for; what is empty asks nothing."""

    status: str = ""
    """A :class:`.outcome.Status`; of units and of reads."""
    code: str = ""
    """A code or part of one; case and marks count for nothing. Found in the unit's code, in those that were read for
    it, and in the candidates of an ambiguous one."""
    codes: frozenset[str] | None = None
    """Only rows with one of these as ``code``, however it is written."""


@dataclass(frozen=True, slots=True)
class ResultRows:
    """Some rows of a reconciliation, in the order in which they need a person."""

    table: Any = field(repr=False)
    """An Arrow table of the rows of this page, see :func:`.outcome.reconciliation_schema`."""
    total: int
    """How many rows fit."""


def look(one: Kept, query: Query, *, limit: int, offset: int = 0) -> ResultRows:
    """Return the rows that fit: missing units first, what was matched exactly last, else in the list's order.

    :raises OCRDatasetError: the file cannot be read. :raises FileGoneError: it is not there any more.
    """
    names = ["status", "about", "code", *(("read_codes", "candidates") if query.code else ())]
    with opened(one.place) as parquet:
        table = read_columns(parquet, names)
        places = np.flatnonzero(_mask(table, query))
        order = np.argsort(_needs(table)[places], kind="stable")
        wanted = places[order][offset : offset + limit]
        return ResultRows(_rows(parquet, wanted), len(places))


def _mask(table: Any, query: Query) -> Any:
    """Return which rows fit, as an array of numpy."""
    fits = np.ones(table.num_rows, dtype=bool)
    if query.status:
        fits &= _plain(pc.equal(table["status"], query.status))
    if query.codes is not None:
        fits &= _plain(pc.is_in(keys_of(table["code"]), value_set=keys_of(pa.array(sorted(query.codes), pa.string()))))
    text = re.sub(_MARKS, "", query.code.upper())
    if query.code:
        fits &= _has(table["code"], text) | _has_any(table["read_codes"], text) | _has_any(table["candidates"], text)
    return fits


def _has(column: Any, text: str) -> Any:
    if not text:
        return np.zeros(len(column), dtype=bool)
    return _plain(pc.match_substring(pc.replace_substring_regex(pc.utf8_upper(column), _MARKS, ""), text))


def _has_any(column: Any, text: str) -> Any:
    """Return which lists have a text that holds ``text``."""
    column = column.combine_chunks()
    found = np.zeros(len(column), dtype=bool)
    flat = pc.list_flatten(column)
    found[pc.list_parent_indices(column).to_numpy()[_has(flat, text)]] = True
    return found


def _plain(mask: Any) -> Any:
    return pc.fill_null(mask, fill_value=False).to_numpy(zero_copy_only=False)


def by_need(table: Any, most: int) -> Any:
    """Return the first rows of a reconciliation, those first that need a person."""
    return table.take(pa.array(np.argsort(_needs(table), kind="stable")[:most], pa.int64()))


def _needs(table: Any) -> Any:
    """Return for each row at which place of :data:`NEED` it is."""
    said = pc.binary_join_element_wise(table["about"], table["status"], " ")
    known = pa.array([f"{about} {status}" for about, status in NEED])
    return pc.fill_null(pc.index_in(said, value_set=known), len(NEED)).to_numpy()


def _rows(parquet: Any, places: Any) -> Any:
    """Return rows by their places, in that order; only the row groups that hold some are read."""
    if not len(places):
        return parquet.schema_arrow.empty_table()  # an older pyarrow cannot read no row group
    lengths = np.array(
        [parquet.metadata.row_group(number).num_rows for number in range(parquet.num_row_groups)], dtype=np.int64
    )
    ends = np.cumsum(lengths)
    groups = np.searchsorted(ends, places, side="right")
    read = np.unique(groups)
    table = parquet.read_row_groups(read.tolist())
    starts = np.cumsum(lengths[read]) - lengths[read]  # of each group that was read, within the table
    return table.take(pa.array(starts[np.searchsorted(read, groups)] + places - (ends - lengths)[groups]))


def without_row(one: Kept, codes: Collection[str], most: int = SHOWN) -> list[str]:
    """Return those of some codes that have no row in a reconciliation: no unit's, and seen before; sorted.

    :param most: how many, at most.
    """
    with opened(one.place) as parquet:
        there = keys_of(read_columns(parquet, ["code"])["code"])
    wanted = pa.array(sorted(codes), pa.string())
    return list(wanted.filter(pc.invert(pc.is_in(keys_of(wanted), value_set=there)))[:most].to_pylist())


def keys_of(codes: Any) -> Any:
    """Return codes of an Arrow column as they are compared: a list writes a unit otherwise than it was read.

    As :func:`~...analysis.rules.codes.code_of` has them, with the check digit that a container's number lacks.
    """
    codes = codes.combine_chunks() if isinstance(codes, pa.ChunkedArray) else codes
    keys = pc.replace_substring_regex(pc.utf8_upper(codes), _MARKS, "")
    odd = pc.and_(pc.match_substring_regex(keys, _ODD), pc.match_substring_regex(keys, _NO_VIN))
    odd = pc.fill_null(odd, fill_value=False)
    found = [code_of(text).key for text in codes.filter(odd).to_pylist()]
    return pc.replace_with_mask(keys, odd, pa.array([whole_container(key) or key for key in found], pa.string()))


ERROR = "_error"
"""How columns end that say why something can be no such code."""


def label_of(column: str) -> str:
    """Return what a fact is called: ``vin_make`` is the make, ``container_size`` the size."""
    kind, is_one, name = column.partition("_")
    return (name if is_one else kind).replace("_", " ")


def facts_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a row of a reconciliation says of what carries its code: whatever columns it has besides its own."""
    own = reconciliation_schema().names
    return {name: value for name, value in row.items() if name not in own and value is not None}


def sightings_of(one: Kept, folder: StoragePath) -> StoragePath:
    """Return where the sightings lie that were written with a reconciliation.

    :param folder: ``<dataset>_sightings`` by default.
    """
    return folder / one.place.parent.name / f"sightings{one.place.name.removeprefix(NAME)}"


def decoded(place: StoragePath, codes: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return what the sightings say of what carries a code, by code: all columns but :data:`SIGHTED`.

    :param place: of :func:`sightings_of`.

    Nothing where there are no sightings, or nothing could be decoded.
    """
    try:
        with opened(place) as parquet:
            names = [name for name in parquet.schema_arrow.names if name not in SIGHTED]
            if not names or "code" not in parquet.schema_arrow.names:
                return {}
            there = _plain(
                pc.is_in(parquet.read(columns=["code"])["code"], value_set=pa.array(sorted(codes), pa.string()))
            )
            rows = _rows(parquet, np.flatnonzero(there)[:_SIGHTINGS]).select(["code", *names]).to_pylist()
    except (OCRDatasetError, FileGoneError) as error:
        log.debug("Nothing is known of what was seen: %s", error)
        return {}
    says = {row.pop("code"): {name: value for name, value in row.items() if value is not None} for row in rows}
    return {code: facts for code, facts in says.items() if facts}
