"""Files that are created once and never changed, on any fsspec store.

This is the only place that knows how each kind of store creates exclusively and how its errors sound. It knows nothing
of claims or payloads: names go in, bytes come out. The store's own clock is in :mod:`.store_clock`, and whether a store
can be trusted at all is found out by :mod:`.probe`.
"""

from __future__ import annotations

import contextlib
import errno
import inspect
import os
import posixpath
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRLedgerError, OCRLedgerUnwritable
from airflow_provider_platerec_ocr.core.redact import redact, shorten
from airflow_provider_platerec_ocr.storage.listing import written_at_s
from airflow_provider_platerec_ocr.storage.local_disk import TEMPORARY, LocalFolder, read_whole, sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_platerec_ocr.core.errors import OCRError
    from airflow_provider_platerec_ocr.storage.path import StoragePath

_MARK = b"."
"""A mark is not empty, since some stores take an empty object for a folder."""
_FINAL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR}
"""Errors that a second try at once would only repeat."""


@dataclass(frozen=True, slots=True)
class StoreErrors:
    """How a store's errors are told to those who use it."""

    noun: str
    """What lies in the store, for messages."""
    unwritable: type[OCRError]
    """Raised where it takes no file."""
    unreadable: type[OCRError]
    """Raised where it gives none."""
    then: str = "then run again"
    """What to do once the cause is gone."""


LEDGER = StoreErrors("ledger", OCRLedgerUnwritable, OCRLedgerError, "then run again: nothing is paid twice")


class Store:
    """A folder of a store, whose files are created exclusively.

    Every error of the store becomes one of ``errors`` that names the place, the cause and what to do. May be used by
    several threads.

    :param place: the folder.
    :param errors: what a failure is called.
    :param makes_root: whether the first write creates the folder, on a local disk; else only :meth:`prepare` does.
    """

    def __init__(self, place: StoragePath, errors: StoreErrors = LEDGER, *, makes_root: bool = False) -> None:
        self.place = place
        self._errors = errors
        self._makes_root = makes_root
        self._fs = place.fs
        self._disk = LocalFolder(place.path) if place.is_local else None
        self._whole = _read_options(place.fs)

    def prepare(self) -> None:
        """Create the root, on a local disk."""
        self._makes_root = False
        if self._disk is not None:
            try:
                self._disk.prepare()
            except OSError as error:
                raise self.unwritable(error) from error

    def create(self, name: str, data: bytes) -> bool:
        """Write the file ``name`` if there is none; return whether it now holds ``data`` by this call.

        Whatever goes wrong, the file is read back: a request that was repeated below us meets its own file, and a
        lost reply hides one that arrived. ``data`` must be unique to the caller, such as through a nonce.

        :raises OCRLedgerUnwritable: neither this nor another file is there.
        """
        try:
            self._put(self.path(name), data)
        except Exception as error:  # each store has its own kinds
            there = self._read_back(name, error)
            if there is not None:
                return there == data
            if getattr(error, "errno", None) in _FINAL:
                raise self.unwritable(error) from error
        else:
            return True
        return self._create_again(name, data)

    def _create_again(self, name: str, data: bytes) -> bool:
        """Try once more at once: S3 refuses one of two conditional writes that meet (409), and the other may fail."""
        try:
            self._put(self.path(name), data)
        except Exception as error:
            there = self._read_back(name, error)
            if there is None:
                raise self.unwritable(error) from error
            return there == data
        return True

    def create_once(self, name: str, data: bytes) -> bool:
        """Write the file ``name`` if there is none; return ``False`` where the name is taken, by whatever.

        For content that is not unique to the caller, so that reading it back would prove nothing.
        """
        for last in (self._disk is not None, True):  # S3 refuses one of two conditional writes that meet (409)
            try:
                self._put(self.path(name), data)
            except FileExistsError:
                return False
            except Exception as error:
                if last:
                    raise self.unwritable(error) from error
            else:
                break
        return True

    def read(self, name: str) -> bytes | None:
        """Return the file's content, or ``None`` where there is no such file; one request, and no cache."""
        try:
            if self._disk is not None:
                return read_whole(self.path(name))
            data: bytes = self._fs.cat_file(self.path(name), **self._whole)
        except FileNotFoundError:
            return None
        except Exception as error:
            raise self.unreadable(error) from error
        return data

    def read_many(self, names: list[str]) -> dict[str, bytes]:
        """Return the contents of files that are there, by path; several requests at once where the store can."""
        if not names:
            return {}
        try:
            found = self._fs.cat([self.path(name) for name in names])
        except Exception as error:
            raise self.unreadable(error) from error
        return dict(found)

    def modified_s(self, name: str) -> float | None:
        """Return when the file was written, in seconds since 1970 on the store's clock; ``None`` where it is gone."""
        path = self.path(name)
        try:
            if self._disk is not None:
                return Path(path).stat().st_mtime
            self._fs.invalidate_cache(posixpath.dirname(path))
            return float(self._fs.modified(path).timestamp())
        except FileNotFoundError:
            return None
        except Exception as error:
            raise self.unreadable(error) from error

    def names(self, folder: str = "") -> list[tuple[str, int]]:
        """Return (name, bytes) of what is in ``folder``, sorted; folders end in ``/``, half-written ones are not in."""
        path = self.path(folder)
        try:
            self._fs.invalidate_cache(path)
            entries = self._fs.ls(path, detail=True)
            self._fs.invalidate_cache(path)
        except FileNotFoundError:
            return []
        except Exception as error:
            raise self.unreadable(error) from error
        return sorted(_entries(entries, path))

    def entries(self, folder: str) -> list[tuple[str, int, float | None]]:
        """Return (name, bytes, seconds since 1970) of the files in ``folder``; no time where the store tells none."""
        path = self.path(folder)
        try:
            self._fs.invalidate_cache(path)
            found = self._fs.ls(path, detail=True)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except Exception as error:
            raise self.unreadable(error) from error
        files = [entry for entry in found if entry["type"] != "directory"]
        times = {posixpath.basename(str(entry["name"]).rstrip("/")): written_at_s(entry) for entry in files}
        return [(name, size, times[name]) for name, size in sorted(_entries(files, path))]

    def bare_names(self, folder: str = "") -> list[str]:
        """Return the names of what is in ``folder``, sorted, without asking for sizes; half-written ones are not in."""
        path = self.path(folder)
        try:
            if self._disk is not None:
                with os.scandir(path) as found:  # a tenth of the time, and a ledger has millions
                    return sorted(entry.name for entry in found if not entry.name.startswith(TEMPORARY))
            self._fs.invalidate_cache(path)
            entries = self._fs.ls(path, detail=False)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except Exception as error:
            raise self.unreadable(error) from error
        names = (posixpath.basename(str(entry).rstrip("/")) for entry in entries)
        return sorted(name for name in names if name and not name.startswith(TEMPORARY))

    def overwrite(self, name: str, data: bytes) -> None:
        """Write a file that may be lost or read half-written, such as a heartbeat, whatever was there."""
        self._write(name, data, LocalFolder.overwrite)

    def replace(self, name: str, data: bytes) -> None:
        """Write a file whose readers see what was there or all of ``data``, for good."""
        self._write(name, data, LocalFolder.replace)

    def mark(self, name: str) -> None:
        """Have a name for good whose content nobody reads; that it is there already is fine."""
        self._write(name, _MARK, LocalFolder.mark)

    def secure(self, name: str) -> None:
        """Have a file that is there already on the disk: whoever created it may have died before seeing to that."""
        if self._disk is not None:
            try:
                sync_folder(Path(self.path(name)).parent)
            except OSError as error:
                raise self.unwritable(error) from error

    def remove(self, name: str) -> None:
        """Remove a file; where the store forbids that, a few bytes stay."""
        with contextlib.suppress(Exception):
            self._fs.rm_file(self.path(name))

    def delete(self, name: str) -> None:
        """Remove a file for good, for a person's command only; that it is gone already is fine."""
        try:
            self._fs.rm_file(self.path(name))
        except FileNotFoundError:
            return
        except Exception as error:
            raise self.unwritable(error) from error

    def torn_names(self, folder: str) -> list[str]:
        """Return the half-written files that a killed process left in ``folder``, on a local disk."""
        if self._disk is None:
            return []
        try:
            return [path.name for path in Path(self.path(folder)).iterdir() if path.name.startswith(TEMPORARY)]
        except (FileNotFoundError, NotADirectoryError):
            return []

    def move(self, name: str, to: str) -> None:
        """Move a file aside, for a person's command only."""
        try:
            if self._disk is not None:
                self._disk.move(self.path(name), self.path(to))
            else:
                self._fs.mv(self.path(name), self.path(to))
        except Exception as error:
            raise self.unwritable(error) from error

    def path(self, name: str) -> str:
        """Return the path of ``name`` on the file system."""
        return posixpath.join(self.place.path, name).rstrip("/")

    def unwritable(self, error: BaseException) -> OCRError:
        """Return ``error`` as one that says which place, why, and what to do."""
        told = self._errors
        return told.unwritable(f"The {told.noun} {self.place} cannot be written: {cause(error, told.then)}")

    def unreadable(self, error: BaseException) -> OCRError:
        """Return ``error`` as one that says which place, why, and what to do."""
        told = self._errors
        return told.unreadable(f"The {told.noun} {self.place} cannot be read: {cause(error, told.then)}")

    def _read_back(self, name: str, error: Exception) -> bytes | None:
        try:
            return self.read(name)
        except self._errors.unreadable:
            raise self.unwritable(error) from error

    def _write(self, name: str, data: bytes, locally: Callable[[LocalFolder, str, bytes], None]) -> None:
        path = self.path(name)
        try:
            if self._disk is not None:
                self._first_write()
                locally(self._disk, path, data)
            else:
                self._fs.pipe_file(path, data)
        except Exception as error:
            raise self.unwritable(error) from error

    def _first_write(self) -> None:
        if self._makes_root and self._disk is not None:
            self._disk.prepare()
            self._makes_root = False

    def _put(self, path: str, data: bytes) -> None:
        if self._disk is not None:
            self._first_write()
            self._disk.create(path, data)
            return
        try:
            _write_new(self._fs, path, data)
        except FileNotFoundError:
            self._make_folders(posixpath.dirname(path))
            _write_new(self._fs, path, data)

    def _make_folders(self, folder: str) -> None:
        """Create what is missing from the root down; never what is around it: a bucket is a person's to create."""
        if folder != self.place.path:
            self._make_folders(posixpath.dirname(folder))
        with contextlib.suppress(Exception):  # the write that follows says what is wrong
            self._fs.mkdir(folder, create_parents=False)


def cause(error: BaseException, then: str) -> str:
    """Return why a store refused, and what to do about it.

    :param then: what to do once the cause is gone, such as ``then run again``.
    """
    said = shorten(redact(str(error) or type(error).__name__), 200)
    code = getattr(error, "errno", None)
    if code in {errno.ENOSPC, errno.EDQUOT}:
        return f"its disk or quota is full ({said}). Make room there, {then}."
    if code == errno.EROFS:
        return f"it is mounted read-only ({said}). Mount it writable, {then}."
    if isinstance(error, PermissionError):
        return (
            f"access is refused ({said}). Let this process list, read and create files there (on S3: s3:ListBucket, "
            "s3:GetObject, s3:PutObject)."
        )
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return f"it is not there ({said}). Is the volume mounted, does the bucket exist, is the path right?"
    return f"{type(error).__name__}: {said}. Check the store and its credentials, {then}."


def _read_options(fs: Any) -> dict[str, Any]:
    """Return what makes ``cat_file`` one request: s3fs and adlfs would ask for the size first, out of a cache."""
    reader = getattr(fs, "_cat_file", None) or fs.cat_file
    return {"max_concurrency": 1} if "max_concurrency" in inspect.signature(reader).parameters else {}


def _entries(entries: list[dict[str, Any]], folder: str) -> Iterator[tuple[str, int]]:
    for entry in entries:
        path = str(entry["name"]).rstrip("/")
        name = posixpath.basename(path)
        if path.strip("/") == folder.strip("/") or name.startswith(TEMPORARY):
            continue
        yield (f"{name}/", 0) if entry["type"] == "directory" else (name, int(entry.get("size") or 0))


def _write_new(fs: Any, path: str, data: bytes) -> None:
    """Create ``path`` exclusively through ``open("xb")``, the one way that reaches the store's own condition."""
    handle = fs.open(path, "xb")
    try:
        handle.write(data)
        handle.close()
    except BaseException:
        give_up(handle)
        raise


def give_up(handle: Any) -> None:
    """Have a handle whose write failed do nothing more: some versions of fsspec write again when it is collected."""
    with contextlib.suppress(AttributeError):
        handle.closed = True
