"""A large file that is written bit by bit and appears whole, hidden until it is revealed; it knows no formats."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

from airflow_provider_platerec_ocr.storage.files import named_errors, temporary_name
from airflow_provider_platerec_ocr.storage.local_disk import sync_folder

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.storage.path import StoragePath


class StagedFile:
    """One file on the local disk: in a folder for it, or in the temporary folder for an object store.

    :param target: where it is going to appear; missing folders are created.
    :param staging: where it is written, on the target's disk: nobody who lists the target's folder meets it there.
        Where that is another disk, or takes no files, it is hidden beside its target.
    :raises OSError: the disk refuses; the error names the target and says what to do.
    """

    def __init__(self, target: StoragePath, staging: StoragePath | None = None) -> None:
        self.target = target
        with named_errors(target):
            if target.is_local:
                folder = Path(target.path).parent
                folder.mkdir(parents=True, exist_ok=True)
                self._path, self.handle = _opened(folder, staging, temporary_name(target.name))
            else:
                handle, name = tempfile.mkstemp(suffix=Path(target.name).suffix)
                self._path, self.handle = Path(name), os.fdopen(handle, "wb")

    def close(self) -> None:
        """See to it that the disk has all of it."""
        self.handle.flush()
        os.fsync(self.handle.fileno())
        self.handle.close()

    def reveal(self) -> StoragePath:
        """Let the file appear under its name, whole: a rename, or one upload."""
        with named_errors(self.target):
            if self.target.is_local:
                self._path.replace(self.target.path)
                sync_folder(Path(self.target.path).parent)
            else:
                self.target.fs.put_file(str(self._path), self.target.path)
                self._path.unlink()
        return self.target

    def discard(self) -> None:
        """Remove what was staged, whether it was closed or not."""
        with contextlib.suppress(OSError):  # a full disk takes no last bytes, and none are needed any more
            self.handle.close()
        self._path.unlink(missing_ok=True)


def _opened(folder: Path, staging: StoragePath | None, name: str) -> tuple[Path, IO[bytes]]:
    """Open a new file on the disk of ``folder``: in ``staging`` where that is on it, else in ``folder``."""
    if staging is not None and staging.is_local:
        apart = Path(staging.path)
        with contextlib.suppress(OSError):
            apart.mkdir(parents=True, exist_ok=True)
            if apart.stat().st_dev == folder.stat().st_dev:
                return apart / name, (apart / name).open("wb")
    return folder / name, (folder / name).open("wb")
