"""Creating files for good on the machine's own disk, or on one that is mounted like it.

A file appears under its name whole or not at all, and is on the disk before the call returns: it is written and synced
under another name, hard-linked to its own (which fails if the name is taken), and the folder is synced too.

This is done twice an image, so names are strings here: making paths of them took as long as the links.
"""

from __future__ import annotations

import contextlib
import errno
import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

TEMPORARY = ".tmp-"
"""How names of half-written files begin; a killed process may leave one, and nobody reads it."""
REMEMBERED = 4096
"""Folders that a process remembers to be there."""


class LocalFolder:
    """A folder on a disk, below which files and folders are created.

    :param root: the folder. Only :meth:`prepare` creates it: a root that goes away later, such as an unmounted volume,
        must not come back empty.
    :param remembered: folders that are known to be there; with more, all are forgotten, so that memory stays flat.
    """

    def __init__(self, root: str, *, remembered: int = REMEMBERED) -> None:
        self._root = Path(root)
        self._ready: set[str] = set()
        self._remembered = remembered
        self._root_seen: tuple[int, int] | None = None

    def prepare(self) -> None:
        """Create the root where it is missing."""
        if not self._root.is_dir():
            self._root.mkdir(parents=True, exist_ok=True)
            sync_folder(self._root.parent)

    def create(self, path: str, data: bytes) -> None:
        """Create the file ``path`` with all of ``data``.

        :raises FileExistsError: the name is taken.
        """
        self._write(path, lambda target: _link_new(target, data))

    def replace(self, path: str, data: bytes) -> None:
        """Write the file ``path``: a reader sees what was there or all of ``data``, also after a crash."""
        self._write(path, lambda target: write_whole(Path(target), data))

    def mark(self, path: str, data: bytes) -> None:
        """Have a name for good whose content nobody reads."""

        def touch(target: str) -> None:
            Path(target).write_bytes(data)
            sync_folder(os.path.dirname(target))

        self._write(path, touch)

    def overwrite(self, path: str, data: bytes) -> None:
        """Write the file ``path``, whatever was there; for what may be lost or read half-written."""
        self._write(path, lambda target: Path(target).write_bytes(data))

    def move(self, path: str, to: str) -> None:
        """Rename a file, creating the folder it goes to."""
        self.make_folders(Path(to).parent)
        Path(path).rename(to)
        sync_folder(Path(path).parent)

    def make_folders(self, folder: Path) -> None:
        """Create what is missing between the root and ``folder``, each for good before anything is put into it."""
        if str(folder) in self._ready:
            return
        if folder == self._root:
            self._check_root()
        else:
            self.make_folders(folder.parent)
            self._check_root()
            with contextlib.suppress(FileExistsError):
                folder.mkdir()
            sync_folder(folder.parent)
        if len(self._ready) >= self._remembered:
            self._ready.clear()
        self._ready.add(str(folder))

    def _check_root(self) -> None:
        """See to it that the root is the folder that it was: where a volume was unmounted, an empty one lies there."""
        found = self._root.stat()
        identity = (found.st_dev, found.st_ino)
        if self._root_seen not in {None, identity}:
            raise FileNotFoundError(
                errno.ENOENT, "another folder has taken its place; is the volume mounted?", str(self._root)
            )
        self._root_seen = identity

    def _write(self, path: str, write: Callable[[str], object]) -> None:
        folder = os.path.dirname(path)
        if folder not in self._ready:
            self.make_folders(Path(folder))
        try:
            write(path)
        except FileNotFoundError:  # a person tidied up; where the root itself is gone, this fails as well
            self._ready.clear()
            self.make_folders(Path(folder))
            write(path)


def write_whole(path: Path, data: bytes, *, temporary_name: str | None = None) -> None:
    """Write ``path`` at once, whatever was there: a reader sees the old file or the new one, also after a crash.

    :param temporary_name: what the half-written file is called; default: a name of its own that begins with
        :data:`TEMPORARY`.
    """
    temporary = _write_synced(str(path.parent), data, temporary_name)
    try:
        os.replace(temporary, path)
    except BaseException:  # Airflow's timeout may come at any line
        _discard(temporary)
        raise
    sync_folder(path.parent)


def put_whole(path: Path, data: bytes, *, temporary_name: str | None = None, mode: int = 0o777) -> None:
    """Write ``path`` as :func:`write_whole` does, after making the folders that it lies in where they are missing.

    :param mode: of the folder, where it is made.
    """
    path.parent.mkdir(mode=mode, parents=True, exist_ok=True)
    write_whole(path, data, temporary_name=temporary_name)


def read_whole(path: str) -> bytes:
    """Return the content of a file."""
    with open(path, "rb", buffering=0) as handle:
        return handle.read()


def sync_folder(folder: Path | str) -> None:
    """Have the names in ``folder`` on the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _link_new(path: str, data: bytes) -> None:
    folder = os.path.dirname(path)
    temporary = _write_synced(folder, data)
    try:
        os.link(temporary, path)
        sync_folder(folder)
    finally:
        _discard(temporary)


def _write_synced(folder: str, data: bytes, name: str | None = None) -> str:
    """Return a new file under a name of its own, with ``data`` on the disk."""
    temporary = os.path.join(folder, name or f"{TEMPORARY}{uuid.uuid4().hex}")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            _write_all(handle, data)
            os.fsync(handle)
        finally:
            os.close(handle)
    except BaseException:
        _discard(temporary)
        raise
    return temporary


def _write_all(handle: int, data: bytes) -> None:
    """Write ``data`` without a buffer of Python's, which costs more than the write; a nearly full disk takes a part."""
    left = memoryview(data)
    while left:
        left = left[os.write(handle, left) :]


def _discard(temporary: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(temporary)
