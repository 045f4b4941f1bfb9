"""Manifests as one Parquet file, streamed in batches."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRManifestError
from airflow_provider_platerec_ocr.dataset.manifest.row import COLUMNS, missing_column
from airflow_provider_platerec_ocr.dataset.manifest.text import note_ignored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_platerec_ocr.dataset.manifest.row import RawRow
    from airflow_provider_platerec_ocr.storage.path import StoragePath

BATCH_ROWS = 10_000


def read_parquet(place: StoragePath, *, near: tuple[int, int] | None = None) -> Iterator[RawRow]:
    """Yield the file's rows; text in dictionaries is fine, times may be typed or text.

    :param near: only the row groups that hold rows from the first to the last of these, instead of all; rows are
        numbered within them then.
    :raises OCRManifestError: it is no Parquet file, or a column cannot be read as what it is for.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with place.fs.open(place.path, "rb") as file:
        try:
            parquet = pq.ParquetFile(file)
            found = list(parquet.schema_arrow.names)
            if "image" not in found and "upload_url" not in found:
                raise missing_column(place, found)
            note_ignored(place, found)
            wanted = [name for name in COLUMNS if name in found]
            first = 1
            groups = _groups(parquet, near) if near else None
            for batch in parquet.iter_batches(BATCH_ROWS, columns=wanted, row_groups=groups):
                lists = {name: _values(batch.column(name)) for name in wanted}
                nothing = [None] * batch.num_rows
                columns = (lists.get(name, nothing) for name in COLUMNS)
                for row, values in enumerate(zip(*columns, strict=True), start=first):
                    yield row, values, ""
                first += batch.num_rows
        except pa.ArrowException as error:
            message = f"{place} cannot be read as a Parquet manifest: {error}"
            raise OCRManifestError(message) from error


def _groups(parquet: Any, near: tuple[int, int]) -> list[int]:
    """Return the row groups that hold rows of ``near``."""
    ends = list(accumulate(parquet.metadata.row_group(index).num_rows for index in range(parquet.num_row_groups)))
    starts = [1, *(end + 1 for end in ends)]
    return [index for index, end in enumerate(ends) if starts[index] <= near[1] and end >= near[0]]


def _values(column: Any) -> list[Any]:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.dictionary_decode(), kind.value_type
    if pa.types.is_timestamp(kind):
        column = column.cast(pa.timestamp("us", tz=kind.tz), safe=False)  # nanoseconds would need pandas
    elif pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        column = column.cast(pa.string())
    values: list[Any] = column.to_pylist()
    return values
