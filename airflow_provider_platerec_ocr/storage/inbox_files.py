"""Files that are written once and for good, on any fsspec store. It knows nothing of payloads.

On the machine's own disk "for good" means synced, the folders too; on an object store it is one PUT. There are two
kinds: a *record* appears whole or not at all, and a *mark* is a name whose content nobody reads.
"""

from __future__ import annotations

import contextlib
import errno
import inspect
import os
import posixpath
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRError
from airflow_provider_platerec_ocr.core.redact import redact, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_platerec_ocr.storage.path import StoragePath

_TEMPORARY = ".tmp-"
"""How names of half-written records begin; a killed process may leave one, and nobody reads it."""
_REMEMBERED = 4096
_MARK = b"."
"""A mark is not empty, since some stores take an empty object for a folder."""
_ADVICE = {
    errno.ENOSPC: "its disk is full. Make room there",
    errno.EDQUOT: "its quota is used up. Make room there",
    errno.EROFS: "it is mounted read-only. Mount it writable",
    errno.EACCES: "access is refused. Let this process create files there",
    errno.EPERM: "access is refused. Let this process create files there",
    errno.ENOENT: "it is not there any more. Mount the volume or create the bucket",
}


class InboxError(OCRError):
    """The inbox cannot be read or written; the sender must try again later."""


class Files:
    """The files below a folder. May be used by several threads.

    :param place: the folder. The first write creates it; one that goes away later, such as an unmounted volume, does
        not come back empty.
    :param remembered: folders that are known to be there; with more, all are forgotten, so that memory stays flat.
    """

    def __init__(self, place: StoragePath, *, remembered: int = _REMEMBERED) -> None:
        self.place = place
        self._fs = place.fs
        self._root = Path(place.path)
        self._whole = _read_options(place.fs)
        self._ready: set[Path] = set()
        self._remembered = remembered
        self._root_made = False

    def create(self, name: str, data: bytes) -> bool:
        """Create a record and return whether this call did; ``False`` where the name is taken.

        :raises InboxError: the store refuses.
        """
        try:
            if self.place.is_local:
                self._locally(name, lambda path: _link_new(path, data))
            else:
                self._create_remote(self.path(name), data)
        except FileExistsError:
            return False
        except Exception as error:  # each store has its own kinds
            raise self._failed(error) from error
        return True

    def replace(self, name: str, data: bytes) -> None:
        """Write a record that this process created once more; a reader sees the old one or the new one.

        :raises InboxError: the store refuses.
        """
        try:
            if self.place.is_local:
                self._locally(name, lambda path: _replace(path, data))
            else:
                self._fs.pipe_file(self.path(name), data)
        except Exception as error:
            raise self._failed(error) from error

    def secure(self, name: str) -> None:
        """Have a record that is there already on the disk: whoever created it may have died before it saw to that.

        :raises InboxError: the store refuses.
        """
        if self.place.is_local:
            try:
                _sync(Path(self.path(name)).parent)
            except OSError as error:
                raise self._failed(error) from error

    def mark(self, name: str) -> None:
        """Create a mark; that it is there already is fine.

        :raises InboxError: the store refuses.
        """
        try:
            if self.place.is_local:
                self._locally(name, _touch)
            else:
                self._fs.pipe_file(self.path(name), _MARK)
        except Exception as error:
            raise self._failed(error) from error

    def read(self, name: str) -> bytes | None:
        """Return a record, or ``None`` where there is none; never out of a cache."""
        try:
            return bytes(self._fs.cat_file(self.path(name), **self._whole))
        except FileNotFoundError:
            return None
        except Exception as error:
            raise self._failed(error, reading=True) from error

    def names(self, folder: str) -> list[str]:
        """Return the names in a folder, sorted; none where it is not there. One LIST, never out of a cache."""
        path = self.path(folder)
        try:
            self._fs.invalidate_cache(path)
            entries = self._fs.ls(path, detail=False)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except Exception as error:
            raise self._failed(error, reading=True) from error
        names = (posixpath.basename(str(entry).rstrip("/")) for entry in entries)
        return sorted(name for name in names if name and not name.startswith(_TEMPORARY))

    def remove(self, name: str) -> None:
        """Remove a mark that came to nothing; where the store forbids that, a few bytes stay."""
        with contextlib.suppress(Exception):
            self._fs.rm_file(self.path(name))

    def path(self, name: str) -> str:
        """Return the path of ``name`` on the file system."""
        return posixpath.join(self.place.path, name)

    def _create_remote(self, path: str, data: bytes) -> None:
        """Create exclusively through ``open("xb")``, the one way that reaches the store's own condition.

        Once more where it fails: S3 refuses one of two conditional writes that meet (409), and the other may fail.
        """
        try:
            _write_new(self._fs, path, data)
        except FileExistsError:
            raise
        except Exception:  # noqa: BLE001  # whatever it is, the second try says it again
            _write_new(self._fs, path, data)

    def _locally(self, name: str, write: Callable[[Path], None]) -> None:
        path = Path(self.path(name))
        self._make(path.parent)
        try:
            write(path)
        except FileNotFoundError:  # a person tidied up
            self._ready.clear()
            self._make(path.parent)
            write(path)

    def _make(self, folder: Path) -> None:
        """Create what is missing down to ``folder``, each for good before anything is put into it."""
        if folder in self._ready:
            return
        if folder == self._root:
            self._make_root()
        else:
            self._make(folder.parent)
            with contextlib.suppress(FileExistsError):
                folder.mkdir()
            _sync(folder.parent)
        if len(self._ready) >= self._remembered:
            self._ready.clear()
        self._ready.add(folder)

    def _make_root(self) -> None:
        if not self._root_made:
            self._root.mkdir(parents=True, exist_ok=True)
            _sync(self._root.parent)
            self._root_made = True

    def _failed(self, error: Exception, *, reading: bool = False) -> InboxError:
        said = _ADVICE.get(getattr(error, "errno", None) or 0)
        if said is None:
            said = f"{type(error).__name__}: {shorten(redact(str(error)), 200)}. Check the store and its credentials"
        what, then = ("read", "try again") if reading else ("written", "the sender is asked to try again")
        return InboxError(f"The inbox {self.place} cannot be {what}: {said}; {then}.")


def _read_options(fs: Any) -> dict[str, Any]:
    """Return what makes ``cat_file`` one request: s3fs and adlfs would ask for the size first, out of a cache."""
    reader = getattr(fs, "_cat_file", None) or fs.cat_file
    return {"max_concurrency": 1} if "max_concurrency" in inspect.signature(reader).parameters else {}


def _write_new(fs: Any, path: str, data: bytes) -> None:
    handle = fs.open(path, "xb")
    try:
        handle.write(data)
        handle.close()
    except BaseException:
        with contextlib.suppress(AttributeError):
            handle.closed = True  # some versions of fsspec write again when the handle is collected
        raise


def _touch(path: Path) -> None:
    path.write_bytes(_MARK)
    _sync(path.parent)


def _link_new(path: Path, data: bytes) -> None:
    with _written(path, data) as temporary:
        path.hardlink_to(temporary)


def _replace(path: Path, data: bytes) -> None:
    with _written(path, data) as temporary:
        temporary.replace(path)


@contextlib.contextmanager
def _written(path: Path, data: bytes) -> Iterator[Path]:
    """Give a file beside ``path`` with ``data`` on the disk; what the block does with its name is made to last."""
    temporary = path.with_name(f"{_TEMPORARY}{uuid.uuid4().hex}")
    try:
        with temporary.open("xb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        yield temporary
        _sync(path.parent)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _sync(folder: Path) -> None:
    """Have the names in ``folder`` on the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
