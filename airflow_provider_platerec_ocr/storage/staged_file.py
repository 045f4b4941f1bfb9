"""A large file that is written bit by bit and appears whole, hidden until it is revealed; it knows no formats."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.storage.files import named_errors, temporary_name
from airflow_provider_platerec_ocr.storage.local_disk import sync_folder

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.storage.path import StoragePath


class StagedFile:
    """One file on the local disk: hidden beside its target, or in the temporary folder for an object store.

    :param target: where it is going to appear; missing folders are created.
    :raises OSError: the disk refuses; the error names the target and says what to do.
    """

    def __init__(self, target: StoragePath) -> None:
        self.target = target
        with named_errors(target):
            if target.is_local:
                folder = Path(target.path).parent
                folder.mkdir(parents=True, exist_ok=True)
                self._path = folder / temporary_name(target.name)
                self.handle = self._path.open("wb")
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
                sync_folder(self._path.parent)
            else:
                self.target.fs.put_file(str(self._path), self.target.path)
                self._path.unlink()
        return self.target

    def discard(self) -> None:
        """Remove what was staged, whether it was closed or not."""
        with contextlib.suppress(OSError):  # a full disk takes no last bytes, and none are needed any more
            self.handle.close()
        self._path.unlink(missing_ok=True)
