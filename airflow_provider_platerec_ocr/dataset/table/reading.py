"""Reading the published table into pandas, for notebooks and downstream DAGs.

Nothing here is needed to read it: pandas, DuckDB, pyarrow and Spark open the folder without options.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRConfigError, OCRDatasetError
from airflow_provider_platerec_ocr.core.settings import refuse_unknown
from airflow_provider_platerec_ocr.dataset.layout.names import PARQUET_FILE
from airflow_provider_platerec_ocr.dataset.layout.schema import check_version, reads_schema
from airflow_provider_platerec_ocr.storage.files import find_files, ordered_map, threads_for
from airflow_provider_platerec_ocr.storage.path import StoragePath

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from airflow_provider_platerec_ocr.storage.path import Opener


def read_dataset(  # noqa: PLR0913  # one place and filters, all by name
    uri: str,
    *,
    type: str | None = None,  # noqa: A002  # the column's and the API's name
    since: date | str | None = None,
    until: date | str | None = None,
    columns: Sequence[str] | None = None,
    latest_only: bool = False,
    storage_options: Mapping[str, Any] | None = None,
    opener: Opener | None = None,
) -> pd.DataFrame:
    """Return the dataset's rows as a pandas frame with pyarrow-backed types.

    :param uri: the dataset's folder: a path, or an object store's URI.
    :param type: only this type, such as ``vin``.
    :param since: only from this day on (``YYYY-MM-DD`` or a date): the partition, so the day of the run.
    :param until: only up to this day, itself included.
    :param columns: only these, in this order; ``type`` and ``date`` count as columns.
    :param latest_only: of an image that was read more than once (its content changed), only the last read's rows.
    :param storage_options: for fsspec, such as ``{"key": …, "secret": …}``; no effect with ``opener``.
    :param opener: opens the folder instead of fsspec.
    :raises OCRDatasetError: there is no dataset, or it has another schema version.
    :raises OCRConfigError: an unknown column, or a day that is none.
    """
    from pandas import ArrowDtype

    names = [*reads_schema().names, "type", "date"]
    refuse_unknown(columns or (), names, "The dataset")
    place = opener(uri) if opener else _open(uri, storage_options or {})
    wanted = list(columns) if columns is not None else names
    extra = [name for name in ("type", "image", "read_at", "run_id") if latest_only and name not in wanted]
    table = _load(place, [*wanted, *extra], _filter(type, _day(since, "since"), _day(until, "until")))
    if latest_only:
        table = _latest(table)
    frame: pd.DataFrame = table.select(wanted).to_pandas(types_mapper=ArrowDtype)
    return frame


def _open(uri: str, options: Mapping[str, Any]) -> StoragePath:
    from fsspec.core import url_to_fs

    fs, path = url_to_fs(uri, **options)
    protocol = fs.protocol if isinstance(fs.protocol, str) else fs.protocol[0]
    return StoragePath(fs, path.rstrip("/"), protocol)


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


def _filter(type_: str | None, since: date | None, until: date | None) -> Any:
    import pyarrow.dataset as ds

    parts = []
    if type_ is not None:
        parts.append(ds.field("type") == type_)
    if since is not None:
        parts.append(ds.field("date") >= since)
    if until is not None:
        parts.append(ds.field("date") <= until)
    chosen = None
    for part in parts:
        chosen = part if chosen is None else chosen & part
    return chosen


def _load(place: StoragePath, columns: list[str], chosen: Any) -> Any:
    import pyarrow as pa
    import pyarrow.dataset as ds

    files = find_files(place, PARQUET_FILE)
    if not files:
        message = (
            f"There is no dataset at {place}: no Parquet file lies below it. Check the path, or run an export first."
        )
        raise OCRDatasetError(message)
    folders = pa.schema([("type", pa.string()), ("date", pa.date32())])
    schema = reads_schema().remove_metadata()
    dataset = ds.dataset(
        [file.path for file in files],
        schema=pa.schema([*schema, *folders]),
        filesystem=place.fs,
        format="parquet",
        partitioning=ds.partitioning(folders, flavor="hive"),
        partition_base_dir=place.path,
    )

    def check(fragment: Any) -> None:
        check_version(fragment.metadata.metadata, StoragePath(place.fs, fragment.path, place.protocol))

    try:
        for _ in ordered_map(check, dataset.get_fragments(chosen), threads=threads_for(place)):
            pass
        return dataset.to_table(columns=columns, filter=chosen)
    except pa.ArrowException as error:
        message = f"The dataset at {place} cannot be read: {error}"
        raise OCRDatasetError(message) from error


def _latest(table: Any) -> Any:
    """Return the rows of each image's last read, in the order they had."""
    import pyarrow as pa

    images = list(zip(*(table.column(name).to_pylist() for name in ("type", "image")), strict=True))
    never = datetime.min.replace(tzinfo=UTC)
    reads = [
        (at or never, run)
        for at, run in zip(*(table.column(n).to_pylist() for n in ("read_at", "run_id")), strict=True)
    ]
    last: dict[tuple[str, str], tuple[datetime, str]] = {}
    for image, read in zip(images, reads, strict=True):
        last[image] = max(last.get(image, read), read)
    return table.filter(pa.array([last[image] == read for image, read in zip(images, reads, strict=True)], pa.bool_()))
