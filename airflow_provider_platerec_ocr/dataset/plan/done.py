"""What need not be planned again: images in the dataset, those that repeat what it has, and those never to be read.

Only the key columns are read, file by file, and only 16 bytes an image are kept.
"""

from __future__ import annotations

from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.claims import identity_key
from airflow_provider_platerec_ocr.core.errors import OCRDatasetError
from airflow_provider_platerec_ocr.core.models import Reason, is_for_good
from airflow_provider_platerec_ocr.dataset.layout.columns import batches
from airflow_provider_platerec_ocr.dataset.layout.names import DEAD_LETTERS, READS, REPEATS, beside
from airflow_provider_platerec_ocr.dataset.layout.table_files import each_file
from airflow_provider_platerec_ocr.dataset.plan.keys import DoneKeys, KeyList

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Sequence

    from airflow_provider_platerec_ocr.dataset.layout.table_files import TableFile
    from airflow_provider_platerec_ocr.storage.path import StoragePath


def done_keys(
    dataset: StoragePath,
    dead_letters: StoragePath,
    *,
    retry_rejected: bool,
    reopened: Container[str] = (),
    forgotten: Iterable[bytes] = (),
) -> DoneKeys:
    """Return the identity keys of what is done.

    :param retry_rejected: leave the permanent dead letters out, so that they are planned again.
    :param forgotten: keys of images that are done although their rows were deleted; several in one text.
    :param reopened: fingerprints whose answers are kept and can be read now; rows without a count do not count.
    :raises OCRDatasetError: a file of a newer schema version, of another program, or one that cannot be read.
    """
    keys = KeyList()
    understood: set[str] = set()
    if reopened:
        _collect(keys, dataset, partial(_understood_keys, reopened=reopened, understood=understood))
    else:
        _collect(keys, dataset, read_keys)
    if keys.data:  # what repeats a table that was lost repeats nothing
        _collect(keys, beside(dataset, REPEATS), partial(_repeated_keys, reopened=reopened, understood=understood))
    if not retry_rejected:
        _collect(keys, dead_letters, partial(_rejected_keys, reopened=reopened))
    keys.add(forgotten)
    return DoneKeys(keys)


def _collect(keys: KeyList, folder: StoragePath, keys_of: Callable[[TableFile], Iterator[bytes]]) -> None:
    for _, some in each_file(folder, lambda file: together(keys_of(file))):
        keys.add((some,))


def together(keys: Iterator[bytes]) -> bytearray:
    """Return the keys of one file, without ever holding them as so many objects: a file may have ten million."""
    found = KeyList()
    found.add(keys)
    return found.data


def read_keys(file: TableFile) -> Iterator[bytes]:
    """Yield the identity keys of a file's reads."""
    for type_, (image, version) in columns(file, ["image", "image_version"]):
        yield from map(identity_key, type_, image, version)


def _repeated_keys(file: TableFile, *, reopened: Container[str], understood: Container[str]) -> Iterator[bytes]:
    """Yield the keys of reads whose content the dataset had; not where only an answer is there that can be read now."""
    for table in batches(file, ["type", "image", "image_version", "fingerprint"], REPEATS):
        for type_, image, version, mark in zip(*map(_listed, table.columns), strict=True):
            if mark not in reopened or mark in understood:
                yield identity_key(type_, image, version)


def _understood_keys(file: TableFile, *, reopened: Container[str], understood: set[str]) -> Iterator[bytes]:
    for type_, lists in columns(file, ["image", "image_version", "identifier_count", "fingerprint"]):
        for kind, image, version, count, fingerprint in zip(type_, *lists, strict=False):
            is_known = count is not None and count == count  # noqa: PLR0124  # NaN is null
            if is_known and fingerprint in reopened:
                understood.add(fingerprint)
            if fingerprint not in reopened or is_known:
                yield identity_key(kind, image, version)


def _rejected_keys(file: TableFile, *, reopened: Container[str]) -> Iterator[bytes]:
    names = ["type", "image", "image_version", "permanent", "reason", "fingerprint"]
    for table in batches(file, names, DEAD_LETTERS):
        for type_, image, version, permanent, reason, mark in zip(*map(_listed, table.columns), strict=True):
            again = reason == Reason.ROW_INVALID or mark in reopened or not is_for_good(reason, version)
            if permanent and image is not None and type_ is not None and not again:
                yield identity_key(type_, image, version)


def columns(file: TableFile, names: Sequence[str]) -> Iterator[tuple[Iterator[str], list[list[Any]]]]:
    """Yield the types of a file's reads, and columns of them as lists, batch by batch.

    :raises OCRDatasetError: the file lies outside of the type's folders, and no column says the type either.
    """
    wanted = list(names) if file.type else [*names, "type"]
    for table in batches(file, wanted, READS):
        found = [_listed(table.column(name)) for name in names]
        if file.type:
            yield repeat(file.type), found
        elif table.column("type").null_count:
            message = f"{file.place} lies outside of the dataset's type=… folders. Move it back, or out of the dataset."
            raise OCRDatasetError(message)
        else:
            yield iter(_listed(table.column("type"))), found


def _listed(column: Any) -> list[Any]:
    """Return a column as a list: turning text into Python is twice as fast through NumPy."""
    values: list[Any] = column.to_numpy(zero_copy_only=False).tolist()
    return values
