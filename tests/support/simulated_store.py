"""An object store in this process whose clock, faults and turns a test decides."""

from __future__ import annotations

import io
import posixpath
import threading
from typing import TYPE_CHECKING, Any

from fsspec import AbstractFileSystem

from airflow_provider_platerec_ocr.storage.path import StoragePath

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from airflow_provider_platerec_ocr.core.clock import Clock


class SimulatedStore(AbstractFileSystem):  # type: ignore[misc]  # fsspec publishes no types
    """Objects in a dictionary; a conditional create is one step, at the handle's close, as on S3.

    :param clock: dates the objects.
    :param exclusive: ``False`` makes it a store that ignores the condition.
    """

    cachable = False
    protocol = "sim"

    def __init__(self, clock: Clock, *, exclusive: bool = True) -> None:
        super().__init__()
        self.objects: dict[str, tuple[bytes, datetime]] = {}
        self.before: Callable[[str, str], None] = lambda _operation, _path: None
        """Called before each request; may raise, wait for its turn, or move time."""
        self.after: Callable[[str, str], None] = lambda _operation, _path: None
        """Called after each request: raising here is a reply that got lost."""
        self.clock = clock
        self._exclusive = exclusive
        self._lock = threading.Lock()

    def place(self, path: str = "bucket/ledger") -> StoragePath:
        return StoragePath(self, path, "sim")

    def cat_file(self, path: str, **_: Any) -> bytes:
        self.before("read", path)
        with self._lock:
            if path not in self.objects:
                raise FileNotFoundError(path)
            data = self.objects[path][0]
        self.after("read", path)
        return data

    def cat(self, path: list[str], **_: Any) -> dict[str, bytes]:
        return {name: self.cat_file(name) for name in path}

    def pipe_file(self, path: str, value: bytes, **_: Any) -> None:
        self.before("overwrite", path)
        with self._lock:
            self.objects[path] = (value, self.clock.now())
        self.after("overwrite", path)

    def create(self, path: str, value: bytes) -> None:
        self.before("create", path)
        with self._lock:
            if self._exclusive and path in self.objects:
                raise FileExistsError(path)
            self.objects[path] = (value, self.clock.now())
        self.after("create", path)

    def open(self, path: str, mode: str = "rb", **_: Any) -> _Upload:
        assert mode == "xb", "claims are created, never opened otherwise"
        return _Upload(self, path)

    def rm_file(self, path: str) -> None:
        self.before("remove", path)
        self.objects.pop(path, None)

    def mv(self, path1: str, path2: str, **_: Any) -> None:
        self.before("move", path1)
        self.objects[path2] = self.objects.pop(path1)

    def modified(self, path: str) -> datetime:
        self.before("date", path)
        try:
            return self.objects[path][1]
        except KeyError:
            raise FileNotFoundError(path) from None

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:  # noqa: FBT001, FBT002  # fsspec's signature
        self.before("list", path)
        found: dict[str, dict[str, Any]] = {}
        for name, (data, when) in self.objects.items():
            if name.startswith(f"{path}/"):
                first, slash, _rest = name[len(path) + 1 :].partition("/")
                kind, size = ("directory", 0) if slash else ("file", len(data))
                entry = posixpath.join(path, first)
                found[entry] = {"name": entry, "type": kind, "size": size, "modified": when}
        if not found:
            raise FileNotFoundError(path)
        return list(found.values()) if detail else list(found)


class _Upload(io.BytesIO):
    """What is written here becomes an object at the close, once."""

    def __init__(self, store: SimulatedStore, path: str) -> None:
        super().__init__()
        self._store = store
        self._path = path
        self._sent = False

    def close(self) -> None:
        if self._sent or not self.getvalue():
            super().close()
            return
        self._sent = True
        self._store.create(self._path, self.getvalue())
        super().close()
