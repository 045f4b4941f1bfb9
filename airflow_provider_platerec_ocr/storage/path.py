"""Where files lie, as a value: a file system that somebody else opened, and a path on it.

Only the wiring knows how a URI becomes a :class:`StoragePath` (in Airflow through ``ObjectStoragePath`` and its
connections, elsewhere through fsspec), so that neither the engine nor the dataset has to. Nothing here opens a file.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.storage.file_uri import file_uri_path, is_file_uri

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class StoragePath:
    """A file or a folder on an opened file system."""

    fs: Any
    """An ``fsspec.AbstractFileSystem``; object stores with ``asynchronous=False``, so any thread may use it."""
    path: str
    """Path on that file system, without protocol and without a slash at its end."""
    protocol: str = "file"
    """``file``, ``s3``, ``gs``, …; for messages and for what only a local disk can do."""
    conn_id: str | None = None
    """Airflow connection through which the file system was opened, empty where Airflow's provider chose by itself;
    ``None``: Airflow had no part in it. Another process opens it by that again, since it cannot be handed on."""

    def __truediv__(self, name: str) -> StoragePath:
        """Return the place called ``name`` (which may hold slashes) inside this folder."""
        return StoragePath(self.fs, posixpath.join(self.path, name), self.protocol, self.conn_id)

    @property
    def is_local(self) -> bool:
        """Whether this is the machine's own disk (or something mounted like one)."""
        return self.protocol in {"file", "local"}

    @property
    def name(self) -> str:
        """The last part of the path."""
        return posixpath.basename(self.path)

    @property
    def parent(self) -> StoragePath:
        """The folder around it."""
        return StoragePath(self.fs, posixpath.dirname(self.path), self.protocol, self.conn_id)

    @property
    def uri(self) -> str:
        """How a person writes it: an absolute path for the local disk, else ``protocol://path``."""
        return self.path if self.is_local else f"{self.protocol}://{self.path.lstrip('/')}"

    def __str__(self) -> str:
        """Return :attr:`uri`."""
        return self.uri


def local_path(path: str) -> StoragePath:
    """Return a file or folder of the machine's own disk, by its absolute path."""
    from fsspec.implementations.local import LocalFileSystem

    return StoragePath(LocalFileSystem(), path, "file")


def fsspec_path(uri: str) -> StoragePath:
    """Return a path or URI as fsspec alone opens it, with the credentials of this process and none of Airflow's.

    :raises ValueError: nothing knows the scheme. :raises ImportError: what knows it is not installed.
    :raises OCRConfigError: it is a file of another machine.
    """
    if is_file_uri(uri):  # fsspec would look for a folder that is called %20
        return local_path(file_uri_path(uri))
    from fsspec.core import url_to_fs

    scheme, found, _ = uri.partition("://")
    fs, path = url_to_fs(uri)
    return StoragePath(fs, path.rstrip("/") or path, scheme if found and scheme != "local" else "file")


def beside(folder: str, name: str) -> str:
    """Return the place called ``<folder>_<name>``: beside a folder, so that any reader can open that.

    Beside the root of a bucket would be another bucket, which somebody else may own: there it is
    ``<bucket>/_platerec_<name>``, which readers of tables leave aside.
    """
    text = folder.rstrip("/")
    scheme, found, rest = folder.partition("://")
    host, _, path = rest.partition("/") if found else ("", "", text)
    if path.strip("/"):
        return f"{text}_{name}"
    return f"{scheme}://{host}/_platerec_{name}" if found else f"/_platerec_{name}"


def place_below(roots: Iterable[StoragePath], uri: str) -> StoragePath:
    """Return the place of a path or URI without opening anything: it is read on the file system of its root.

    A connection in the URI is left out, since the root has been opened with it.
    """
    protocol, found, rest = uri.partition("://")
    if not found:
        return StoragePath(None, uri, "file")
    known = next((root for root in roots if root.protocol == protocol), None)
    path = rest.rpartition("@")[2] if "@" in rest.partition("/")[0] else rest
    stripped = known.fs._strip_protocol(f"{protocol}://{path}") if known else path  # noqa: SLF001  # fsspec's own way
    return StoragePath(None, stripped, protocol)


Opener = Callable[[str], StoragePath]
"""Turns a URI or a path into a :class:`StoragePath`."""
