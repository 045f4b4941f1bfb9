"""Finding reads from a notebook, a DAG or a command: the search of the page as one function."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRConfigError, OCRDatasetError
from airflow_provider_platerec_ocr.dataset.corrections.overlay import ADDED
from airflow_provider_platerec_ocr.dataset.corrections.table import CORRECTIONS
from airflow_provider_platerec_ocr.dataset.layout.columns import kind_of
from airflow_provider_platerec_ocr.dataset.layout.schema import reads_schema
from airflow_provider_platerec_ocr.dataset.search.groups import is_folder
from airflow_provider_platerec_ocr.dataset.search.matching import TAKEN_BACK
from airflow_provider_platerec_ocr.dataset.search.query import FILTERS, query_from
from airflow_provider_platerec_ocr.dataset.search.search import NEEDED, default_columns, refuse_broken, search
from airflow_provider_platerec_ocr.storage.path import beside

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date

    import pandas as pd

    from airflow_provider_platerec_ocr.dataset.search.search import FoundReads
    from airflow_provider_platerec_ocr.storage.path import Opener


def find_reads(  # noqa: PLR0913  # one place and filters, all by name
    uri: str,
    *,
    code: str | None = None,
    image: str | None = None,
    camera: str | None = None,
    fingerprint: str | None = None,
    type: str | Collection[str] | None = None,  # noqa: A002  # the column's and the API's name
    since: date | str | None = None,
    until: date | str | None = None,
    min_confidence: float | None = None,
    max_confidence: float | None = None,
    check_digit: str | None = None,
    status: str | None = None,
    limit: int = 100,
    offset: int = 0,
    columns: Sequence[str] | str | None = None,
    corrected: bool = True,
    corrections: str | None = None,
    taken_back: bool = False,
    storage_options: Mapping[str, Any] | None = None,
    opener: Opener | None = None,
) -> pd.DataFrame:
    """Return the newest reads that fit, as a pandas frame with pyarrow-backed types; each filter that is given counts.

    Unlike ``read_dataset`` it stops as soon as it has ``limit`` rows: the newest day first, within it what was
    published last. ``frame.attrs`` says how many rows fit (``total``) and whether all were counted (``exact``). Where
    the frame has not all of them, codes that were taken back are among the ``total``, and added ones are not.

    :param uri: the dataset's folder, or one of its partitions: a path, or an object store's URI.
    :param code: a code or part of one. Case, marks and spaces count for nothing; found in the code as it was read, as
        it was normalized, and as a person corrected it.
    :param image: part of the image's path, URI or URL, or of what the manifest calls it.
    :param camera: the camera's id, whole.
    :param fingerprint: of the content, whole.
    :param type: only this type, such as ``vin``, or these.
    :param since: only from this day on (``YYYY-MM-DD`` or a date): the partition, so the day of the run.
    :param until: only up to this day, itself included.
    :param min_confidence: at least this, from 0 to 1. :param max_confidence: at most this.
    :param check_digit: ``ok``, ``failed``, or ``none``: a code to which none applies. As corrected, where it was.
    :param status: ``code``: one was found; ``no_code``: none was; ``unreadable``: the answer is kept and this version
        cannot understand it; ``corrected``: a person said something else.
    :param limit: most rows. :param offset: rows to go past, at most 100,000.
    :param columns: only these, in this order; default: all but ``raw``, with ``type`` and ``date``.
    :param corrected: lay corrections over the rows, as ``read_dataset(corrected=True)`` does; else they count nowhere.
    :param corrections: folder of the corrections; default: ``<dataset>_corrections``. No effect without ``corrected``.
    :param taken_back: also codes that a person has taken back, and the column ``taken_back``, which says so; no effect
        without ``corrected``.
    :param storage_options: for fsspec, such as ``{"key": …, "secret": …}``; no effect with ``opener``.
    :param opener: opens the folder instead of fsspec.
    :raises OCRDatasetError: there is no dataset, or a file of it cannot be read.
    :raises OCRConfigError: a filter makes no sense; the message names it.

    .. versionadded:: 0.2
    """
    query = query_from({name: value for name, value in locals().items() if name in FILTERS})  # the arguments alone
    from airflow_provider_platerec_ocr.dataset.table.reading import chosen_columns, open_folder

    marked = (TAKEN_BACK,) if corrected and taken_back else ()
    added = (*ADDED, *marked) if corrected else ()
    known = [*default_columns(), "raw", *added]
    wanted = chosen_columns(columns, known) if columns is not None else [*default_columns(), *added]
    if query.status == "corrected" and not corrected:
        message = "status='corrected' asks for corrections, and corrected=False lets none count."
        raise OCRConfigError(message)
    open_place = opener or partial(open_folder, options=storage_options or {})
    place = open_place(uri)
    if not is_folder(place):
        message = f"There is no dataset at {place}: no such folder. Check the path, or run an export first."
        raise OCRDatasetError(message)
    folder = open_place(corrections or beside(str(uri).partition("/type=")[0], CORRECTIONS)) if corrected else None
    names = [name for name in (*reads_schema().names, "type", "date") if name in {*wanted, *NEEDED}]
    page = search(place, query, limit=limit, offset=offset, columns=names, corrections=folder)
    refuse_broken(page)
    return _frame(page, wanted, limit, with_taken_back=bool(marked))


def _frame(page: FoundReads, names: Sequence[str], limit: int, *, with_taken_back: bool) -> pd.DataFrame:
    import pyarrow as pa
    from pandas import ArrowDtype

    own = {"code_as_read": pa.string(), "corrected_by": pa.string(), "corrected_at": pa.timestamp("us", tz="UTC")}
    own[TAKEN_BACK] = pa.bool_()
    schema = pa.schema([(name, own.get(name) or kind_of(name)) for name in names])
    shown = [row for row in page.rows() if with_taken_back or not row[TAKEN_BACK]]
    rows = [{name: row[name] for name in names} for row in shown]
    is_all = page.exact and not page.offset and page.total <= limit
    frame: pd.DataFrame = pa.Table.from_pylist(rows, schema=schema).to_pandas(types_mapper=ArrowDtype)
    frame.attrs |= {"total": len(rows) if is_all else page.total, "exact": page.exact}
    return frame
