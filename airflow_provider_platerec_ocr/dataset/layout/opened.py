"""Files opened to be read, with the faults of their store told from the faults of their content.

A reader of Parquet or of packed text raises ``OSError`` for content that is broken, and so does a store that hiccups.
The one is there for good, the other gone in a minute: what the store raises becomes an error of our own here, before
anybody else sees it.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRError
from airflow_provider_platerec_ocr.core.redact import redact, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_platerec_ocr.core.errors import OCRInputError
    from airflow_provider_platerec_ocr.storage.path import StoragePath


@contextmanager
def store_faults(place: StoragePath, error: type[OCRInputError]) -> Iterator[None]:
    """Turn whatever a store raises into ``error``, not permanent, with the name of the place."""
    try:
        yield
    except OCRError:
        raise
    except Exception as fault:
        said = fault.strerror if isinstance(fault, OSError) and fault.strerror else str(fault) or type(fault).__name__
        message = f"{redact(place.uri)} cannot be opened: {shorten(redact(said))}. Another try may find it."
        raise error(message, permanent=False) from fault


@contextmanager
def opened(place: StoragePath, error: type[OCRInputError]) -> Iterator[OpenFile]:
    """Open a file to be read; a fault of its store is an ``error`` that is not permanent and names it."""
    with store_faults(place, error):
        file = place.fs.open(place.path, "rb")
    try:
        yield OpenFile(file, place, error)
    finally:
        file.close()


class OpenFile:
    """An open file as pyarrow, gzip and our own readers use it."""

    def __init__(self, file: Any, place: StoragePath, error: type[OCRInputError]) -> None:
        self._file, self._place, self._error = file, place, error
        self.closed = False

    def read(self, size: int = -1, /) -> bytes:
        """Return up to ``size`` bytes, none at the end."""
        with store_faults(self._place, self._error):
            data: bytes = self._file.read(size)
            return data

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place of the file, and return where that is."""
        with store_faults(self._place, self._error):
            return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        """Return where the file is read next."""
        return int(self._file.tell())

    def readable(self) -> bool:
        """Return true: readers ask."""
        return True

    def seekable(self) -> bool:
        """Return true: every file system that we open can."""
        return True

    def close(self) -> None:
        """Leave the file to who opened it."""
