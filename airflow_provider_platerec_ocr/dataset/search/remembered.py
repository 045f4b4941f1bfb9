"""What a process remembers of files that hardly ever change: footers of the table's, rows of the corrections'.

Each thing is kept under its file's path and mark (inode, size and time; the ETag of an object), so what was written
anew is read anew. The number of things is bounded, the least used go first, and any thread may ask.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from airflow_provider_platerec_ocr.dataset.layout.table_files import FileGoneError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from airflow_provider_platerec_ocr.storage.path import StoragePath

T = TypeVar("T")
Mark = tuple[Any, ...]
"""What changes when somebody writes a file again."""


class Remembered(Generic[T]):
    """Things by key and mark.

    :param most: how many are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._things: OrderedDict[Hashable, tuple[Mark, T]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, mark: Mark, load: Callable[[], T]) -> T:
        """Return the thing of ``key``, loaded where it is not known as of ``mark``."""
        with self._lock:
            known = self._things.get(key)
            if known is not None and known[0] == mark:
                self._things.move_to_end(key)
                return known[1]
        thing = load()  # by two threads at once, perhaps: both get the same
        self.put(key, mark, thing)
        return thing

    def put(self, key: Hashable, mark: Mark, thing: T) -> None:
        """Keep a thing."""
        with self._lock:
            self._things[key] = (mark, thing)
            self._things.move_to_end(key)
            while len(self._things) > self._most:
                self._things.popitem(last=False)

    def known(self, key: Hashable) -> T | None:
        """Return the thing of ``key``, whatever its mark; ``None`` where there is none."""
        with self._lock:
            found = self._things.get(key)
            return None if found is None else found[1]


def mark_of(place: StoragePath, info: dict[str, Any] | None = None) -> Mark:
    """Return the mark of a file as it is now.

    :param info: what a listing said of an object, which is not asked again.
    :raises FileGoneError: there is none.
    """
    try:
        if place.is_local:
            stat = os.stat(place.path)  # noqa: PTH116  # thousands a search
            return stat.st_ino, stat.st_size, stat.st_mtime_ns
        found = info or place.fs.info(place.path)
    except FileNotFoundError as error:
        raise FileGoneError(str(place)) from error
    names = ("ETag", "etag", "mtime", "last_modified", "LastModified", "created")
    return int(found.get("size") or 0), *(str(found.get(name)) for name in names)
