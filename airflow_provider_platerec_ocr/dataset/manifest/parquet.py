"""Manifests as Parquet files, streamed in batches."""

from __future__ import annotations

from itertools import accumulate, repeat
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRManifestError
from airflow_provider_platerec_ocr.dataset.layout.parquet_file import parquet_file
from airflow_provider_platerec_ocr.dataset.manifest.columns import Columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow_provider_platerec_ocr.dataset.manifest.columns import Folders
    from airflow_provider_platerec_ocr.dataset.manifest.row import RawRow
    from airflow_provider_platerec_ocr.storage.path import StoragePath

BATCH_ROWS = 10_000
_NO_YEAR = "outside the years 1 to 9999"
_BROKEN = "Write it anew."


def read_parquet(
    place: StoragePath,
    columns: Columns | None = None,
    *,
    folders: Folders = (),
    near: tuple[int, int] | None = None,
) -> Iterator[RawRow]:
    """Yield the file's rows; text in dictionaries is fine, times may be typed or text.

    :param folders: columns that the file has from its folders.
    :param near: only the row groups that hold rows from the first to the last of these, instead of all; rows are
        numbered within them then.
    :raises OCRManifestError: it is no Parquet file, or broken: with the row group and the column.
    """
    wanted: list[str] = []
    with parquet_file(place, OCRManifestError, _BROKEN, wanted, what="a Parquet manifest") as parquet:
        names = list(parquet.schema_arrow.names)
        layout = (columns or Columns()).layout(place, names, folders)
        used = sorted(index for index in {*layout.known, *layout.own} if index < len(names))
        wanted += [names[index] for index in used]
        spark = _spark_times(parquet)
        binary = [index for index in used if index in layout.known and _is_binary(parquet.schema_arrow.types[index])]
        groups = _groups(parquet, near) if near else None
        first = 1
        for batch in parquet.iter_batches(BATCH_ROWS, columns=wanted, row_groups=groups):
            lists: dict[int, Iterable[Any]] = {
                index: _values(batch.column(names[index]), is_utc=names[index] in spark) for index in used
            }
            lists |= {index: list(map(_text, lists[index])) for index in binary}
            lists |= {len(names) + index: repeat(value) for index, value in enumerate(layout.tail)}
            parts = [lists[index] for index in layout.known]
            if layout.own:
                parts.append(map(layout.write, zip(*(lists[index] for index in layout.own), strict=False)))
            for row, values in enumerate(zip(*parts, strict=False), start=first):
                yield row, values, ""
            first += batch.num_rows


def _groups(parquet: Any, near: tuple[int, int]) -> list[int]:
    """Return the row groups that hold rows of ``near``."""
    ends = list(accumulate(parquet.metadata.row_group(index).num_rows for index in range(parquet.num_row_groups)))
    starts = [1, *(end + 1 for end in ends)]
    return [index for index, end in enumerate(ends) if starts[index] <= near[1] and end >= near[0]]


def _spark_times(parquet: Any) -> set[str]:
    """Return the columns with times as Spark and Hive write them by themselves, which are UTC by definition."""
    found = (parquet.schema.column(index) for index in range(len(parquet.schema)))
    return {column.name for column in found if column.physical_type == "INT96"}


def _values(column: Any, *, is_utc: bool) -> list[Any]:
    """Return a column's values as Python has them; of what Python cannot hold, such as a year 12000, its text."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.dictionary_decode(), kind.value_type
    if pa.types.is_timestamp(kind):
        column = _in_microseconds(column, "UTC" if kind.tz or is_utc else None)
    try:
        values: list[Any] = column.to_pylist()
    except (OverflowError, ValueError, UnicodeDecodeError):
        values = [_one(value) for value in column]
    return values


def _is_binary(kind: Any) -> bool:
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    types = pa.types
    return any(
        test(kind)
        for test in (types.is_binary, types.is_large_binary, types.is_binary_view, types.is_fixed_size_binary)
    )


def _in_microseconds(column: Any, zone: str | None) -> Any:
    """Return times in a unit that Python has, in UTC where they are moments; as they are where that does not hold them.

    Nanoseconds would need pandas, and a zone's name may be one that this machine does not know.
    """
    import pyarrow as pa

    unit = column.type.unit
    column = column.cast(pa.timestamp(unit, tz=zone))
    try:
        return column.cast(pa.timestamp("us", tz=zone), safe=unit != "ns")
    except pa.ArrowException:
        return column


def _one(value: Any) -> Any:
    import pyarrow as pa

    try:
        return value.as_py()
    except UnicodeDecodeError:
        return _text(value.cast(pa.binary()).as_py())
    except (OverflowError, ValueError):
        return _NO_YEAR


def _text(value: bytes | None) -> str | None:
    """Return bytes as text; what is none shows where it is used."""
    return None if value is None else value.decode("utf-8", "surrogateescape")
