"""The files of a published table, whatever their version: which there are, what their folders say, and opening one.

A file may go while others are read (a run is exported again, files are compacted): what it held is in another one then,
so those who read a table list it again, see :func:`each_file`. Only what can be known from the files stands here.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote

from airflow_provider_platerec_ocr.core.errors import OCRDatasetError
from airflow_provider_platerec_ocr.dataset.layout.names import PARQUET_FILE, READS
from airflow_provider_platerec_ocr.dataset.layout.schema import version_of
from airflow_provider_platerec_ocr.dataset.layout.superseded import counted
from airflow_provider_platerec_ocr.storage.files import find_files, ordered_map, relative, threads_for

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from airflow_provider_platerec_ocr.storage.path import StoragePath

THREADS = 4
"""Files that are read whole at a time at least: Arrow decodes beside Python."""
LISTINGS = 5
"""How often a table is listed while files go; each time means a publication that ended meanwhile."""
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"

T = TypeVar("T")


class FileGoneError(OSError):
    """A file that was listed is not there any more, or is another one now."""


@dataclass(frozen=True, slots=True)
class TableFile:
    """One Parquet file of a table, and what its folders say."""

    place: StoragePath
    """Where it is."""
    type: str | None = None
    """Of its ``type=…`` folder; ``None`` where it lies in none."""
    day: date | None = None
    """Of its ``date=…`` folder; ``None`` where it lies in none."""


def table_files(folder: StoragePath) -> list[TableFile]:
    """Return the files of the table in ``folder``, sorted by path; the folder may be one of its partitions.

    Each row stands in one of them, also where a compaction is at work or was cut short, see :mod:`.superseded`.
    """
    return [table_file(place, folder) for place in counted(folder, find_files(folder, PARQUET_FILE))]


def table_file(place: StoragePath, folder: StoragePath) -> TableFile:
    """Return a file of the table in ``folder`` with what the folders around it say."""
    above, below = _partition(folder.path.split("/")), _partition(relative(place, folder).split("/")[:-1])
    return TableFile(place, *_values(above | below))


def _partition(parts: Sequence[str]) -> dict[str, str]:
    """Return what the last of the folders say, as far as they are partitions without a gap."""
    found: dict[str, str] = {}
    for part in reversed(parts):
        name, is_one, value = part.partition("=")
        if not is_one:
            break
        found.setdefault(name, unquote(value))
    return found


def _values(partition: dict[str, str]) -> tuple[str | None, date | None]:
    type_, day = partition.get("type", _NO_VALUE), None
    with contextlib.suppress(ValueError):
        day = date.fromisoformat(partition.get("date", ""))
    return (None if type_ == _NO_VALUE else type_), day


def each_file(
    folder: StoragePath, read: Callable[[TableFile], T], *, threads: int = 0, among: Callable[[TableFile], bool] = bool
) -> Iterator[tuple[TableFile, T]]:
    """Yield each file with what ``read`` returns for it, by path; files that go meanwhile are left out.

    After a file has gone the folder is listed again, and what is new in it is read as well.

    :param threads: how many at a time; default: what pays off at that place.
    :param among: only files for which this is true.
    """

    def look(file: TableFile) -> tuple[TableFile, T | FileGoneError]:
        try:
            return file, read(file)
        except FileGoneError as gone:
            return file, gone

    seen: set[str] = set()
    for _ in range(LISTINGS):
        files = [file for file in table_files(folder) if file.place.path not in seen and among(file)]
        some_went = False
        for file, result in ordered_map(look, files, threads=threads or threads_for(folder)):
            if isinstance(result, FileGoneError):
                some_went = True
            else:
                seen.add(file.place.path)
                yield file, result
        if not some_went:
            return
    raise OSError(_restless(folder))


def all_files(
    folder: StoragePath, read: Callable[[TableFile], T], among: Callable[[TableFile], bool] = bool
) -> list[T]:
    """Return what ``read`` returns for each file, by path, as of one moment: where a file goes, all are read anew.

    :raises OSError: that happens over and over.
    """
    for _ in range(LISTINGS):
        files = [file for file in table_files(folder) if among(file)]
        with contextlib.suppress(FileGoneError):
            return list(ordered_map(read, files, threads=max(THREADS, threads_for(folder))))
    raise OSError(_restless(folder))


def _restless(folder: StoragePath) -> str:
    return f"The files of {folder} go faster than they can be read. Run again."


@contextlib.contextmanager
def opened(place: StoragePath, table: str = READS, *, metadata: Any = None) -> Iterator[Any]:
    """Open one file of a table as a ``pyarrow.parquet.ParquetFile``; whatever is wrong with it names it.

    :param metadata: its footer, where that is known already.
    :raises OCRDatasetError: it cannot be read as Parquet, or is none of this table's, see :func:`~.schema.version_of`.
    :raises OSError: the store does not hand it out.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with place.fs.open(place.path, "rb") as file, pq.ParquetFile(file, metadata=metadata) as parquet:
            version_of(parquet.schema_arrow, place, table)
            yield parquet
    except FileNotFoundError as error:
        raise FileGoneError(str(place)) from error
    except (pa.ArrowException, OSError) as error:
        if type(error).__name__ == "FileExpired":  # s3fs: another one has taken its place meanwhile
            raise FileGoneError(str(place)) from error
        is_of_store = isinstance(error, OSError) and (type(error) is not OSError or error.errno is not None)
        if is_of_store and not isinstance(error, pa.ArrowException):
            raise  # pyarrow raises the plain one, without a number
        message = f"{place} cannot be read as Parquet: {error}. Move it away; what it held is planned again."
        raise OCRDatasetError(message) from error


def refuse_unknown_types(dataset: StoragePath, types: Collection[str] | None) -> None:
    """Refuse a type of which the dataset has no read, on any day: nothing would be found, in silence.

    :raises OCRDatasetError: naming the types that there are.
    """
    there = {file.type for file in table_files(dataset)} if types is not None else set()
    unknown = sorted(set(types or ()) - there)
    if unknown and there and None not in there:
        known = ", ".join(sorted(filter(None, there)))
        message = f"No read in {dataset} is of the type {', '.join(unknown)}. The types there are: {known}."
        raise OCRDatasetError(message)
