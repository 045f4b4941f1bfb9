"""Creating files for good on the machine's own disk, or on one that is mounted like it.

A file appears under its name whole or not at all, and is on the disk before the call returns: it is written and synced
under another name, hard-linked to its own (which fails if the name is taken), and the folder is synced too.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from pathlib import Path

TEMPORARY = ".tmp-"
"""How names of half-written files begin; a killed process may leave one, and nobody reads it."""


class LocalFolder:
    """A folder on a disk, below which files and folders are created.

    :param root: the folder. Only :meth:`prepare` creates it: a root that goes away later, such as an unmounted volume,
        must not come back empty.
    """

    def __init__(self, root: str) -> None:
        self._root = Path(root)
        self._ready: set[Path] = set()

    def prepare(self) -> None:
        """Create the root where it is missing."""
        self._root.mkdir(parents=True, exist_ok=True)

    def create(self, path: str, data: bytes) -> None:
        """Create the file ``path`` with all of ``data``.

        :raises FileExistsError: the name is taken.
        """
        target = Path(path)
        self.make_folders(target.parent)
        try:
            _link_new(target, data)
        except FileNotFoundError:
            self._ready.discard(target.parent)
            raise

    def overwrite(self, path: str, data: bytes) -> None:
        """Write the file ``path``, whatever was there."""
        target = Path(path)
        self.make_folders(target.parent)
        target.write_bytes(data)

    def move(self, path: str, to: str) -> None:
        """Rename a file, creating the folder it goes to."""
        self.make_folders(Path(to).parent)
        Path(path).rename(to)
        sync_folder(Path(path).parent)

    def make_folders(self, folder: Path) -> None:
        """Create what is missing between the root and ``folder``, each for good before anything is put into it."""
        if folder in self._ready:
            return
        if folder != self._root:
            self.make_folders(folder.parent)
            with contextlib.suppress(FileExistsError):
                folder.mkdir()
            sync_folder(folder.parent)
        self._ready.add(folder)


def write_whole(path: Path, data: bytes) -> None:
    """Write ``path`` at once, whatever was there: a reader sees the old file or the new one, also after a crash."""
    temporary = _write_synced(path.parent, data)
    try:
        temporary.replace(path)
    except OSError:
        _discard(temporary)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in ``folder`` on the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _link_new(path: Path, data: bytes) -> None:
    temporary = _write_synced(path.parent, data)
    try:
        path.hardlink_to(temporary)
        sync_folder(path.parent)
    finally:
        _discard(temporary)


def _write_synced(folder: Path, data: bytes) -> Path:
    """Return a new file under a name of its own, with ``data`` on the disk."""
    temporary = folder / f"{TEMPORARY}{uuid.uuid4().hex}"
    try:
        with temporary.open("xb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
    except OSError:
        _discard(temporary)
        raise
    return temporary


def _discard(temporary: Path) -> None:
    with contextlib.suppress(OSError):
        temporary.unlink()
