"""Files that appear whole or not at all, and listings that are never stale, on a :class:`StoragePath`.

It knows nothing of what the files hold.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_platerec_ocr.storage import local_disk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

    from airflow_provider_platerec_ocr.storage.path import StoragePath

REMOTE_THREADS = 8
"""An object store takes some 50 ms an operation; eight at a time hide most of it."""

T = TypeVar("T")
R = TypeVar("R")


def temporary_name(name: str) -> str:
    """Return a name for a half-written ``name``: no reader of Parquet folders opens names that start with a dot."""
    return f".{name}.{secrets.token_hex(4)}.tmp"


@contextlib.contextmanager
def named_errors(place: StoragePath) -> Iterator[None]:
    """Make a failing write (a full disk, a missing right) say which place it was and what to do."""
    try:
        yield
    except OSError as error:
        text = f"cannot write ({error.strerror or error}); free space or grant the right to write, then try again"
        raise OSError(error.errno, text, place.uri) from error


def write_whole(place: StoragePath, data: bytes) -> None:
    """Write a file that appears with all of ``data`` or not at all, replacing what was there.

    On a local disk: a temporary file beside it, synced, then renamed. On an object store: one PUT.
    """
    with named_errors(place):
        if not place.is_local:
            place.fs.pipe_file(place.path, data)
            return
        target = Path(place.path)
        local_disk.put_whole(target, data, temporary_name=temporary_name(target.name))


def read_whole(place: StoragePath) -> bytes | None:
    """Return the file's content, or ``None`` where there is no such file."""
    place.fs.invalidate_cache(place.parent.path)
    try:
        return bytes(place.fs.cat_file(place.path))
    except FileNotFoundError:
        return None


def read_start(place: StoragePath, size: int) -> bytes | None:
    """Return the first ``size`` bytes of a file, or ``None`` where there is no such file; no more is fetched."""
    place.fs.invalidate_cache(place.parent.path)
    try:
        return bytes(place.fs.cat_file(place.path, start=0, end=size))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        if place.fs.info(place.path)["size"] == 0:  # some stores refuse a range of nothing
            return b""
        raise


def remove(place: StoragePath) -> None:
    """Remove a file; that it is gone already is fine."""
    with contextlib.suppress(FileNotFoundError):
        place.fs.rm_file(place.path)


def remove_folder(place: StoragePath) -> None:
    """Remove a folder and all below it; that it is gone already is fine."""
    place.fs.invalidate_cache(place.path)
    with contextlib.suppress(FileNotFoundError):
        place.fs.rm(place.path, recursive=True)


def find_files(folder: StoragePath, pattern: str, *, deep: bool = True) -> list[StoragePath]:
    """Return the files below ``folder`` whose name matches the regular expression ``pattern``, sorted by path.

    What lies in a subfolder whose name begins with ``_`` or ``.`` is other people's (``_delta_log``, ``_old``) and is
    never returned.

    :param deep: also in its subfolders.
    """
    return [place for place, _ in _found(folder, pattern, deep=deep)]


def find_with_facts(folder: StoragePath, pattern: str) -> list[tuple[StoragePath, dict[str, Any] | None]]:
    """Return what :func:`find_files` does, each with what an object store's listing says of it; a disk is not asked.

    On the local disk it is the fast way: only names are read, and other people's folders are not gone into.
    """
    if not folder.is_local:
        return _found(folder, pattern)
    match = re.compile(pattern).fullmatch
    paths = sorted(path for path in _names_below(folder.path) if match(path.rpartition("/")[2]))
    return [(type(folder)(folder.fs, path, folder.protocol, folder.conn_id), None) for path in paths]


def files_below(folder: StoragePath, *, deep: bool = True) -> dict[str, dict[str, Any]]:
    """Return what a listing says of each file of a folder, by path.

    :param deep: also of its subfolders. Asked of the store, and looked at again: Azure's library knows no depth, and
        gives everything.
    """
    found: dict[str, dict[str, Any]] = folder.fs.find(folder.path, maxdepth=None if deep else 1, detail=True)
    if deep:
        return found
    start = len(folder.path.rstrip("/")) + 1
    return {path: facts for path, facts in found.items() if "/" not in path[start:]}


def _found(folder: StoragePath, pattern: str, *, deep: bool = True) -> list[tuple[StoragePath, dict[str, Any] | None]]:
    folder.fs.invalidate_cache()  # all of it: some keep the listings of subfolders when the folder's own is dropped
    try:
        found = files_below(folder, deep=deep)
    except (FileNotFoundError, NotADirectoryError):
        return []
    match, start = re.compile(pattern).fullmatch, len(folder.path.rstrip("/")) + 1
    return [
        (type(folder)(folder.fs, path, folder.protocol, folder.conn_id), facts)
        for path, facts in sorted(found.items())
        if match(path.rpartition("/")[2]) and not _is_foreign(path[start:])
    ]


def _names_below(folder: str) -> Iterator[str]:
    """Yield the paths of all files below a folder of this machine; links to folders are not followed, as elsewhere."""
    try:
        entries = list(os.scandir(folder))
    except NotADirectoryError:
        yield folder
        return
    except FileNotFoundError:
        return
    for entry in entries:
        if not entry.is_dir(follow_symlinks=False):
            yield entry.path
        elif entry.name[:1] not in {"_", "."}:
            yield from _names_below(entry.path)


def _is_foreign(path: str) -> bool:
    """Return whether one of the folders of a relative path belongs to somebody else."""
    folders = path.rpartition("/")[0]
    return bool(folders) and any(part[:1] in {"_", "."} for part in folders.split("/"))


def relative(place: StoragePath, folder: StoragePath) -> str:
    """Return the path of ``place`` as seen from ``folder`` around it."""
    return place.path.removeprefix(folder.path).lstrip("/")


def ordered_map(function: Callable[[T], R], items: Iterable[T], *, threads: int) -> Iterator[R]:
    """Yield ``function(item)`` in the order of ``items``, computed at most ``threads`` items ahead."""
    if threads <= 1:
        yield from map(function, items)
        return
    pending: deque[Future[R]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="ocr-dataset") as pool:
        try:
            for item in items:
                pending.append(pool.submit(function, item))
                if len(pending) >= threads:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def threads_for(place: StoragePath) -> int:
    """Return how many operations at a time pay off at ``place``."""
    return 1 if place.is_local else REMOTE_THREADS
