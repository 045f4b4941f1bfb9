"""What need not be planned again: keys of the images in the dataset, and of those that can never be read.

Only the key columns are read, file by file, and only 16 bytes an image are kept.
"""

from __future__ import annotations

from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.claims import identity_key
from airflow_provider_platerec_ocr.core.errors import OCRDatasetError
from airflow_provider_platerec_ocr.core.models import Reason
from airflow_provider_platerec_ocr.dataset.layout.names import PARQUET_FILE, type_of
from airflow_provider_platerec_ocr.dataset.layout.schema import check_version
from airflow_provider_platerec_ocr.dataset.plan.keys import DoneKeys, KeyList
from airflow_provider_platerec_ocr.storage.files import find_files, ordered_map, threads_for

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator

    from airflow_provider_platerec_ocr.storage.path import StoragePath

BATCH_ROWS = 50_000


def done_keys(
    dataset: StoragePath, dead_letters: StoragePath, *, retry_rejected: bool, reopened: Container[str] = ()
) -> DoneKeys:
    """Return the identity keys of what is done.

    :param retry_rejected: leave the permanent dead letters out, so that they are planned again.
    :param reopened: fingerprints whose answers are kept and can be read now; rows without a count do not count.
    :raises OCRDatasetError: a file of another schema version, or one that cannot be read.
    """
    keys = KeyList()
    _collect(keys, dataset, partial(_understood_keys, reopened=reopened) if reopened else _read_keys)
    if not retry_rejected:
        _collect(keys, dead_letters, partial(_rejected_keys, reopened=reopened))
    return DoneKeys(keys)


def _collect(keys: KeyList, folder: StoragePath, keys_of: Callable[[StoragePath], Iterator[bytes]]) -> None:
    threads = threads_for(folder)
    found = find_files(folder, PARQUET_FILE)
    if threads == 1:
        for place in found:
            keys.add(keys_of(place))
        return
    for some in ordered_map(lambda place: b"".join(keys_of(place)), found, threads=threads):
        keys.add((some,))


def _read_keys(place: StoragePath) -> Iterator[bytes]:
    type_ = type_of(place)
    for image, version in _columns(place, ["image", "image_version"]):
        yield from map(identity_key, repeat(type_), image.tolist(), version.tolist())


def _understood_keys(place: StoragePath, *, reopened: Container[str]) -> Iterator[bytes]:
    type_ = type_of(place)
    for lists in _columns(place, ["image", "image_version", "identifier_count", "fingerprint"]):
        for image, version, count, fingerprint in zip(*(part.tolist() for part in lists), strict=True):
            if fingerprint not in reopened or (count is not None and count == count):  # noqa: PLR0124  # NaN is null
                yield identity_key(type_, image, version)


def _rejected_keys(place: StoragePath, *, reopened: Container[str]) -> Iterator[bytes]:
    columns = ["type", "image", "image_version", "permanent", "reason", "fingerprint"]
    for lists in _columns(place, columns):
        for type_, image, version, permanent, reason, mark in zip(*(part.tolist() for part in lists), strict=True):
            again = reason == Reason.ROW_INVALID or mark in reopened
            if permanent and image is not None and type_ is not None and not again:
                yield identity_key(type_, image, version)


def _columns(place: StoragePath, names: list[str]) -> Iterator[list[Any]]:
    """Yield the columns batch by batch, as NumPy arrays: turning text into Python is twice as fast through them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with place.fs.open(place.path, "rb") as file:
            parquet = pq.ParquetFile(file)
            check_version(parquet.schema_arrow.metadata, place)
            for batch in parquet.iter_batches(BATCH_ROWS, columns=names):
                yield [batch.column(name).to_numpy(zero_copy_only=False) for name in names]
    except pa.ArrowException as error:
        message = f"{place} cannot be read as Parquet: {error}. Move it away; what it held is planned again."
        raise OCRDatasetError(message) from error
