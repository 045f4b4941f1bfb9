"""Reading the bytes of one image from a disk or an object store, and saying why where that fails.

It must not know what an image is: any bytes are fine here. A pipe or a device must never make a thread hang, a store
that hiccups is asked again, and no error text may hold a secret.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, Any, NoReturn

from airflow_provider_platerec_ocr.core.errors import OCRImageError
from airflow_provider_platerec_ocr.core.models import Reason
from airflow_provider_platerec_ocr.core.redact import redact, shorten

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.storage.path import StoragePath

PAUSES_S = (0.2, 1.0)
"""Pauses before the second and the third try on a storage that hiccups."""
_NO_SUCH_FILE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP})


def refuse(reason: Reason, message: str, *, permanent: bool = True) -> NoReturn:
    """Raise :class:`OCRImageError`; what caused it is not chained, since its text may hold a secret."""
    raise OCRImageError(message, reason=reason, permanent=permanent) from None


def refuse_unreadable(error: Exception) -> NoReturn:
    """Raise :class:`OCRImageError` for an error of the storage: the image itself may be fine."""
    detail = shorten(redact(f"{type(error).__name__}: {error}"))
    message = f"The storage did not hand it out ({detail}). Check that the worker may read it; it is planned again."
    refuse(Reason.IMAGE_UNREADABLE, message, permanent=False)


def read_file(place: StoragePath, limit: int, clock: Clock) -> bytes:
    """Return the first ``limit`` bytes of the file or object, read once.

    Raises :class:`OCRImageError`: missing, denied and failing are not permanent, a folder or a device is.
    """
    read = _read_local if place.is_local else _read_object
    for pause_s in PAUSES_S:
        try:
            return _explained(read, place, limit)
        except OCRImageError:
            raise
        except Exception:  # noqa: BLE001  # each object store has errors of its own; the last try names this one
            clock.pause(pause_s)
    try:
        return _explained(read, place, limit)
    except OCRImageError:
        raise
    except Exception as error:  # noqa: BLE001  # as above
        refuse_unreadable(error)


def _explained(read: Any, place: StoragePath, limit: int) -> bytes:
    """Read, turning what another try cannot change into its reason."""
    try:
        content: bytes = read(place, limit)
    except FileNotFoundError:
        message = "There is no such file. It is planned again as long as the manifest names it."
        refuse(Reason.IMAGE_MISSING, message, permanent=False)
    except IsADirectoryError:
        _refuse_special("a folder")
    except PermissionError as error:
        refuse_unreadable(error)
    return content


def _read_local(place: StoragePath, limit: int) -> bytes:
    """Read a regular file; opening a pipe or a device could wait for ever or do something."""
    try:
        _refuse_irregular(os.stat(place.path))  # noqa: PTH116  # the path is a string, resolved already
        handle = os.open(place.path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in _NO_SUCH_FILE:
            raise FileNotFoundError(place.path) from None
        raise
    with os.fdopen(handle, "rb") as file:
        _refuse_irregular(os.fstat(file.fileno()))  # it may have been swapped since
        return file.read(limit)


def _refuse_irregular(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        _refuse_special("a folder" if stat.S_ISDIR(found.st_mode) else "a pipe, a socket or a device")


def _refuse_special(what: str) -> NoReturn:
    refuse(Reason.IMAGE_NOT_AN_IMAGE, f"This is {what}, not a file. Name the image itself in the manifest.")


def _read_object(place: StoragePath, limit: int) -> bytes:
    """Read an object with one request; only if that fails, ask what it is."""
    try:
        return bytes(place.fs.cat_file(place.path, start=0, end=limit))
    except Exception:
        found = place.fs.info(place.path)
        if found["type"] == "directory":
            _refuse_special("a folder")
        if found["size"] == 0:  # some stores refuse a range of nothing
            return b""
        raise
