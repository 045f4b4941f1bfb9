"""Reading the published tables into pandas, for notebooks and downstream DAGs.

Nothing here is needed to read it: pandas, DuckDB, pyarrow and Spark open the folder. What it adds: files of all schema
versions side by side, each read by its own columns, and files that others have rewritten.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRConfigError, OCRDatasetError
from airflow_provider_platerec_ocr.core.settings import refuse_unknown
from airflow_provider_platerec_ocr.dataset.corrections.overlay import ADDED, FROM_PERSON, NEEDED, overlay
from airflow_provider_platerec_ocr.dataset.corrections.table import CORRECTIONS, load_corrections
from airflow_provider_platerec_ocr.dataset.layout.columns import kind_of, whole
from airflow_provider_platerec_ocr.dataset.layout.names import READS
from airflow_provider_platerec_ocr.dataset.layout.schema import dead_letters_schema, reads_schema
from airflow_provider_platerec_ocr.dataset.layout.table_files import all_files, table_files
from airflow_provider_platerec_ocr.dataset.table.letters import LetterBook
from airflow_provider_platerec_ocr.dataset.table.unfolding import unfolded
from airflow_provider_platerec_ocr.storage.file_uri import file_uri_path, is_file_uri
from airflow_provider_platerec_ocr.storage.path import StoragePath, beside, local_path

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import pandas as pd

    from airflow_provider_platerec_ocr.dataset.layout.table_files import TableFile
    from airflow_provider_platerec_ocr.storage.path import Opener

_FOLDERS = ("type", "date")
_ORDER = ("published_at", "read_at", "run_id", "manifest_row")
"""By which of an image's reads the last one is known."""


def read_dataset(  # noqa: PLR0913  # one place and filters, all by name
    uri: str,
    *,
    type: str | Collection[str] | None = None,  # noqa: A002  # the column's and the API's name
    since: date | str | None = None,
    until: date | str | None = None,
    columns: Sequence[str] | str | None = None,
    latest_only: bool = False,
    manifest_columns: bool = False,
    corrected: bool = False,
    corrections: str | None = None,
    storage_options: Mapping[str, Any] | None = None,
    opener: Opener | None = None,
) -> pd.DataFrame:
    """Return the dataset's rows as a pandas frame with pyarrow-backed types.

    :param uri: the dataset's folder, or one of its partitions: a path, or an object store's URI.
    :param type: only this type, such as ``vin``, or these.
    :param since: only from this day on (``YYYY-MM-DD`` or a date): the partition, so the day of the run.
    :param until: only up to this day, itself included.
    :param columns: only these, in this order; ``type`` and ``date`` count as columns.
    :param latest_only: of an image that was read more than once (its content changed), only the rows that were
        published last.
    :param manifest_columns: unfold the manifest's own columns into columns ``m_<name>``, after the others.
    :param corrected: lay over it what persons said (:func:`~..upkeep.correct.correct`), with the columns
        ``code_as_read``, ``corrected_by`` and ``corrected_at`` after the others.
    :param corrections: folder of the corrections; default: ``<dataset>_corrections``. No effect without ``corrected``.
    :param storage_options: for fsspec, such as ``{"key": …, "secret": …}``; no effect with ``opener``.
    :param opener: opens the folder instead of fsspec.
    :raises OCRDatasetError: there is no dataset, or it has a newer schema version.
    :raises OCRConfigError: an unknown column, or a day that is none.

    .. versionchanged:: 0.2
       Several types, one column by its name, partitions as folder, ``manifest_columns``, ``corrected``.

    .. versionadded:: 0.2
       ``manifest_columns``, ``corrected`` and ``corrections``.
    """
    from pandas import ArrowDtype

    wanted = chosen_columns(columns, [*reads_schema().names, *_FOLDERS, *(ADDED if corrected else ())])
    open_place = opener or partial(open_folder, options=storage_options or {})
    place = open_place(uri)
    beneath = [*NEEDED, *FROM_PERSON] if corrected else []
    table = load_reads(
        place,
        [
            *(name for name in wanted if name not in ADDED),
            *(("manifest_columns",) if manifest_columns else ()),
            *beneath,
        ],
        types=_types(type),
        since=_day(since, "since"),
        until=_day(until, "until"),
        latest_only=latest_only,
    )
    if corrected:
        folder = corrections or beside(str(uri).partition("/type=")[0], CORRECTIONS)
        table = overlay(table, load_corrections(open_place(folder)))
    shown = table.select(wanted)
    if manifest_columns:
        for name, column in unfolded(table.column("manifest_columns").to_pylist()):
            shown = shown.append_column(name, column)
    frame: pd.DataFrame = shown.to_pandas(types_mapper=ArrowDtype)
    return frame


def read_dead_letters(
    uri: str,
    *,
    open: bool = False,  # noqa: A002  # what a person asks for
    columns: Sequence[str] | str | None = None,
    storage_options: Mapping[str, Any] | None = None,
    opener: Opener | None = None,
) -> pd.DataFrame:
    """Return the dead letters as a pandas frame with pyarrow-backed types: one row a problem.

    :param uri: the folder of the dead letters, by default ``<dataset>_dead_letters``.
    :param open: only problems that last: no run has read the image since, or found the row corrected.
    :param columns: only these, in this order.
    :param storage_options: for fsspec; no effect with ``opener``.
    :param opener: opens the folder instead of fsspec.
    :raises OCRDatasetError: it holds another table, or a newer schema version.
    :raises OCRConfigError: an unknown column.

    A folder that is not there gives no rows: nothing has become a dead letter so far.

    .. versionadded:: 0.2
    """
    import pyarrow.compute as pc
    from pandas import ArrowDtype

    wanted = chosen_columns(columns, dead_letters_schema().names, "The table of dead letters")
    table = LetterBook(opener(uri) if opener else open_folder(uri, storage_options or {})).table()
    if open:
        table = table.filter(pc.is_null(table.column("closed_at")))
    frame: pd.DataFrame = table.select(wanted).to_pandas(types_mapper=ArrowDtype)
    return frame


def load_reads(  # noqa: PLR0913  # one place and filters, all by name
    place: StoragePath,
    columns: Sequence[str],
    *,
    types: Collection[str] | None = None,
    since: date | None = None,
    until: date | None = None,
    latest_only: bool = False,
) -> Any:
    """Return columns of the dataset as one Arrow table of today's schema, by path of the files; see `read_dataset`.

    :raises OCRDatasetError: there is no dataset, or it has a newer schema version.
    """
    import pyarrow as pa

    extra = [*_FOLDERS, *(("image", *_ORDER) if latest_only else ())]
    names = list(dict.fromkeys([*columns, *extra]))
    among = _Among(types, since, until)
    if not table_files(place):
        message = (
            f"There is no dataset at {place}: no Parquet file lies below it. Check the path, or run an export first."
        )
        raise OCRDatasetError(message)
    tables = all_files(place, lambda file: among.rows(whole(file, names), file), among=among.may_hold)
    empty = pa.schema([(name, kind_of(name, READS)) for name in names]).empty_table()
    table = pa.concat_tables([empty, *tables])
    return _latest(table) if latest_only else table


class _Among:
    """Which files and rows are asked for."""

    def __init__(self, types: Collection[str] | None, since: date | None, until: date | None) -> None:
        self._types, self._since, self._until = types, since, until

    def may_hold(self, file: TableFile) -> bool:
        """Return whether some of the file's rows may be asked for."""
        return (self._types is None or file.type is None or file.type in self._types) and (
            file.day is None or self._fits(file.day)
        )

    def _fits(self, day: date) -> bool:
        return (self._since is None or day >= self._since) and (self._until is None or day <= self._until)

    def rows(self, table: Any, file: TableFile) -> Any:
        """Return those rows of a file that are asked for: all of them, unless its folders do not say."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if file.type is None and self._types is not None:
            table = table.filter(pc.is_in(table.column("type"), value_set=pa.array(self._types, pa.string())))
        if file.day is None and self._since is not None:
            table = table.filter(pc.greater_equal(table.column("date"), self._since))
        if file.day is None and self._until is not None:
            table = table.filter(pc.less_equal(table.column("date"), self._until))
        return table


def chosen_columns(columns: Sequence[str] | str | None, names: Sequence[str], table: str = "The dataset") -> list[str]:
    """Return which columns are asked for, in order; the name of one is that one.

    :raises OCRConfigError: one is not there, or is named twice.
    """
    if columns is None:
        return list(names)
    wanted = [columns] if isinstance(columns, str) else list(columns)
    refuse_unknown(wanted, names, table)
    twice = {name for name in wanted if wanted.count(name) > 1}
    if twice:
        message = f"columns names {', '.join(sorted(twice))} twice; name each column once."
        raise OCRConfigError(message)
    return wanted


def open_folder(uri: str, options: Mapping[str, Any]) -> StoragePath:
    """Return a folder as fsspec opens it; one of this machine as everybody here does.

    :raises OCRConfigError: it is empty, which fsspec takes for the working directory, or of another machine.
    """
    if is_file_uri(str(uri)):
        return local_path(file_uri_path(str(uri)))
    from fsspec.core import url_to_fs

    if not str(uri).strip():
        message = "The folder's name is empty. Is a variable not set?"
        raise OCRConfigError(message)
    fs, path = url_to_fs(uri, **options)
    protocol = fs.protocol if isinstance(fs.protocol, str) else fs.protocol[0]
    return StoragePath(fs, path.rstrip("/"), protocol)


def _types(value: str | Collection[str] | None) -> list[str] | None:
    if value is None or isinstance(value, str):
        return None if value is None else [value]
    found = list(value)
    if not all(isinstance(each, str) for each in found):
        message = f"type must be a type such as 'vin', or several, not {value!r}."
        raise OCRConfigError(message)
    return found


def _day(value: date | str | None, name: str) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if value is None or isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        message = f"{name} must be a day such as 2026-03-01, not {value!r}."
        raise OCRConfigError(message) from None


def _latest(table: Any) -> Any:
    """Return of each image the rows that were published last, in the order they had."""
    import pyarrow as pa

    never = datetime.min.replace(tzinfo=UTC)
    images = list(zip(*(table.column(name).to_pylist() for name in ("type", "image")), strict=True))
    orders = zip(*(table.column(name).to_pylist() for name in _ORDER), strict=True)
    reads = [(published or never, read or never, run or "", row or 0) for published, read, run, row in orders]
    last: dict[tuple[str, str], tuple[Any, ...]] = {}
    for image, read in zip(images, reads, strict=True):
        last[image] = max(last.get(image, read), read)
    return table.filter(pa.array([last[image] == read for image, read in zip(images, reads, strict=True)], pa.bool_()))
