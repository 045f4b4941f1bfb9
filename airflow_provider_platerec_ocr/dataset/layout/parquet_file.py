"""One Parquet file opened to be read, whose faults say which file, and where in it.

pyarrow tells of a broken page in the words of its codec, as ``OSError: Corrupt snappy compressed data``, and a folder
holds hundreds of files.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.dataset.layout.opened import opened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider_platerec_ocr.core.errors import OCRInputError
    from airflow_provider_platerec_ocr.storage.path import StoragePath


@contextmanager
def parquet_file(
    place: StoragePath,
    error: type[OCRInputError],
    advice: str,
    columns: Sequence[str] | None = None,
    *,
    what: str = "Parquet",
) -> Iterator[Any]:
    """Open a ``pyarrow.parquet.ParquetFile``; times of Spark's own kind (INT96) have microseconds, which any year fits.

    What its reading raises within the ``with`` becomes an ``error``: permanent where the file is broken, not so where
    the store failed.

    :param advice: what to do with a broken file, as a sentence.
    :param columns: those that are read; a fault is looked for in them.
    :param what: the file should be, for the message.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    parquet = None
    with opened(place, error) as file:
        try:
            parquet = pq.ParquetFile(file, coerce_int96_timestamp_unit="us", page_checksum_verification=True)
            yield parquet
        except (pa.ArrowException, OSError) as fault:
            where = "" if parquet is None else _where(parquet, columns)
            message = f"{place} cannot be read as {what}{where}: {fault}. {advice}".replace("..", ".")
            raise error(message) from fault


def _where(parquet: Any, columns: Sequence[str] | None) -> str:
    """Return which row group, and which column of it, cannot be read; empty where none shows."""
    import pyarrow as pa

    names = list(columns or parquet.schema_arrow.names)
    for group in range(parquet.num_row_groups):
        for name in names:
            try:
                parquet.read_row_group(group, columns=[name])
            except (pa.ArrowException, OSError):
                return f" (row group {group + 1} of {parquet.num_row_groups}, column {name})"
    return ""
