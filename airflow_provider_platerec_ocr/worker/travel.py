"""How a job travels to the child: as a pickle in which a place that Airflow opened is its name, never a live object.

Such a file system holds sessions and sockets; Amazon's cannot be pickled at all. So the task hands over what opens it,
with the connections that only the task can ask for, and the child opens it again. What the local disk or fsspec alone
opened travels as its arguments, and such a job loads nothing of Airflow.
"""

from __future__ import annotations

import io
import logging
import pickle
from collections.abc import Callable, Collection
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.storage.path import StoragePath

if TYPE_CHECKING:
    from collections.abc import Iterator

Opened = tuple[str, str]
"""Scheme and Airflow connection (empty for the provider's own choice) of a file system."""
FileSystems = Callable[[str, str], Any]
"""Opens the file system of a scheme and a connection, in the child; it can be pickled."""
HandOver = Callable[[Collection[Opened]], FileSystems]
"""Returns what opens these file systems in another process; called by the task, which may ask Airflow."""


class _Packer(pickle.Pickler):
    """Puts the name of a place where the place is, and remembers its file system."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self.met: set[Opened] = set()

    def persistent_id(self, thing: Any) -> tuple[str, str, str] | None:
        """Return a place's name, if it is one that Airflow opened."""
        if not isinstance(thing, StoragePath) or thing.conn_id is None:
            return None
        self.met.add((thing.protocol, thing.conn_id))
        return thing.protocol, thing.conn_id, thing.path


class _Unpacker(pickle.Unpickler):
    """Opens each place by its name, each file system once."""

    def __init__(self, file: io.BytesIO, open_one: FileSystems) -> None:
        super().__init__(file)
        self._open_one = open_one
        self._opened: dict[Opened, Any] = {}

    def persistent_load(self, name: Any) -> StoragePath:
        """Return the place, opened."""
        protocol, conn_id, path = name
        if (protocol, conn_id) not in self._opened:
            self._opened[protocol, conn_id] = self._open_one(protocol, conn_id)
        return StoragePath(self._opened[protocol, conn_id], path, protocol, conn_id)


def packed(job: object, hand_over: HandOver | None = None) -> bytes:
    """Return ``job`` as bytes for the child's pipe; they hold the token and the connections, and are never written.

    :param hand_over: what opens in the child what Airflow opened here.
    :raises OCRConfigError: there is such a place, and no ``hand_over``.
    """
    body = io.BytesIO()
    packer = _Packer(body)
    packer.dump(job)
    if packer.met and hand_over is None:
        message = f"Nothing was handed over that opens {sorted(packer.met)} in another process."
        raise OCRConfigError(message)
    opener = hand_over(packer.met) if packer.met and hand_over else None
    return pickle.dumps((opener, body.getvalue()))


def unpacked(data: bytes) -> Any:
    """Return the job that :func:`packed` made, with its places opened; blocks, and asks stores for nothing."""
    with _own_logging():
        opener, body = pickle.loads(data)  # noqa: S301  # from our own parent, through a pipe
        return _Unpacker(io.BytesIO(body), opener).load()


@contextmanager
def _own_logging() -> Iterator[None]:
    """Keep the root logger as it is: Airflow sets up its own when it is imported, and the parent would hear nothing."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.setLevel(logging.WARNING)
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
