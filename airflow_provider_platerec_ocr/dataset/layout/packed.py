"""Packed files unpacked on the way: what the name or the first bytes show to be gzip, bzip2, xz, Zstandard or zip.

Nothing is ever whole in memory. A name that promises a packing must keep it; a file that is packed under a plain name,
as object stores hand out what was uploaded with a ``Content-Encoding``, is unpacked all the same.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_platerec_ocr.core.errors import OCRManifestError
from airflow_provider_platerec_ocr.core.saying.counts import count_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_platerec_ocr.dataset.layout.opened import OpenFile
    from airflow_provider_platerec_ocr.storage.path import StoragePath

_MARKS = {
    b"\x1f\x8b": ".gz",
    b"BZh": ".bz2",
    b"\xfd7zXZ\x00": ".xz",
    b"\x28\xb5\x2f\xfd": ".zst",
}
_BZIP2_BLOCK = b"1AY&SY"
"""What follows after ``BZh`` and a digit: text can begin with the former alone."""
_HEAD = 10
_NAMES = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "Zstandard", ".zip": "zip"}
PACKED_SUFFIXES = tuple(_NAMES)
"""Endings of packed files, in lower case."""


class SupportsRead(Protocol):
    """An open binary file, packed or not."""

    def read(self, size: int, /) -> bytes:
        """Return up to ``size`` bytes, none at the end."""
        ...


def plain_name(name: str) -> str:
    """Return a file's name in lower case, without the ending of a packing."""
    name = name.lower()
    for suffix in PACKED_SUFFIXES:
        name = name.removesuffix(suffix)
    return name


def packing_of(file: OpenFile, name: str) -> str | None:
    """Return the ending that stands for a file's packing, by its name or else by its first bytes.

    The file is at its beginning afterwards.
    """
    for suffix in PACKED_SUFFIXES:
        if name.lower().endswith(suffix):
            return suffix
    head = file.read(_HEAD)
    file.seek(0)
    found = next((suffix for mark, suffix in _MARKS.items() if head.startswith(mark)), None)
    return None if found == ".bz2" and head[4:] != _BZIP2_BLOCK else found


@contextmanager
def unpacked(file: OpenFile, place: StoragePath) -> Iterator[SupportsRead]:
    """Return what is in the file, unpacked where it is packed; an empty file holds nothing, whatever it is called.

    :raises OCRManifestError: it is packed and broken, or not packed as its name says.
    """
    packing = packing_of(file, place.name)
    is_empty = not file.read(1)
    file.seek(0)
    if packing is None or is_empty:
        yield file
        return
    try:
        with _OPENERS[packing](file) as plain:
            yield plain
    except (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
        message = f"{place} is not a whole {_NAMES[packing]} file ({error})."
        if place.name.lower().endswith(packing):
            message += f" Pack it again, or name it without {packing}."
        raise OCRManifestError(message) from error


def _zstandard(file: OpenFile) -> Any:
    import pyarrow as pa

    return pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd")


@contextmanager
def _zip(file: OpenFile) -> Iterator[SupportsRead]:
    """Return the one file in an archive; what macOS puts beside it is none."""
    with zipfile.ZipFile(file) as archive:
        members = [
            each for each in archive.infolist() if not each.is_dir() and not each.filename.startswith("__MACOSX/")
        ]
        if len(members) != 1:
            message = f"it holds {count_of(len(members), 'file')}, and must hold one"
            raise zipfile.BadZipFile(message)
        try:
            member = archive.open(members[0])
        except (RuntimeError, NotImplementedError) as error:  # it has a password, or a packing of its own
            raise zipfile.BadZipFile(str(error)) from error
        with member:
            yield member


_OPENERS: dict[str, Callable[[Any], Any]] = {
    ".gz": lambda file: gzip.GzipFile(fileobj=file),
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
    ".zst": _zstandard,
    ".zip": _zip,
}
