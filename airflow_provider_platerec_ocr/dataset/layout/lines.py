"""Lines of text out of bytes, with bounded memory, and values as lines of JSON.

Bytes come in pieces of 256 KiB; a line that is too long is skipped without ever being whole in memory, and a line that
is not UTF-8 is reported without ending the file. A line ends with LF, CRLF or CR, as on any machine. What the lines
mean is not known here.
"""

from __future__ import annotations

import codecs
import json
from functools import lru_cache
from itertools import repeat
from json.encoder import encode_basestring
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRManifestError
from airflow_provider_platerec_ocr.dataset.layout.opened import opened
from airflow_provider_platerec_ocr.dataset.layout.packed import unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_platerec_ocr.dataset.layout.packed import SupportsRead
    from airflow_provider_platerec_ocr.storage.path import StoragePath

MAX_LINE_BYTES = 1_000_000
"""Longer lines are bad rows: no path, URL or row of a manifest needs a megabyte."""
PIECE_BYTES = 256 * 1024
Line = tuple[str | None, str]
"""Text without its line end, or ``None`` and what is wrong with the line."""


_FOREIGN = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_BOM = "\ufeff"
_TOO_LONG: Line = (None, f"is longer than {MAX_LINE_BYTES:,} bytes")
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def to_line(value: object) -> str:
    """Return a slotted dataclass of plain values as one line of JSON with its end; ``None`` fields are left out.

    A third of the time of ``json.dumps``, which sets up an encoder for each call: a plan has a million of these.
    """
    starts, get = _fields(type(value))  # type: ignore[arg-type]  # mypy takes no class for hashable
    parts = []
    for start, item in zip(starts, get(value), strict=True):
        if type(item) is str:
            parts.append(start + encode_basestring(item))
        elif item is not None:
            parts.append(start + _literal(item))
    return f"{{{','.join(parts)}}}\n"


@lru_cache(maxsize=16)
def _fields(kind: Any) -> tuple[list[str], attrgetter[tuple[Any, ...]]]:
    names = kind.__slots__
    return [f'"{name}":' for name in names], attrgetter(*names)


def _literal(item: Any) -> str:
    if item is True or item is False:
        return "true" if item else "false"
    return str(item) if type(item) is int else _encode(item)


def read_lines(place: StoragePath) -> Iterator[Line]:
    """Yield the file's lines: ``(text, "")``, or ``(None, what is wrong)``; a packed file is unpacked on the way.

    :raises OCRManifestError: an encoding other than UTF-8 by its byte order mark, or a broken packed file; not
        permanent where the store failed.
    """
    with opened(place, OCRManifestError) as file, unpacked(file, place) as plain:
        yield from _lines(plain, place)


def lines_between(place: StoragePath, begin: int, end: int) -> Iterator[Line]:
    """Yield the whole lines of an unpacked file from about byte ``begin`` to about byte ``end``, cut ones left out."""
    with opened(place, OCRManifestError) as file:
        file.seek(begin)
        lines = _lines(_Part(file, end - begin), place)
        held = next(lines, None)
        if begin > 0:
            held = next(lines, None)  # the first one began before
        for line in lines:
            if held is not None:
                yield held
            held = line
        if held is not None and not file.read(1):
            yield held


class _Part:
    """The next ``length`` bytes of a file."""

    def __init__(self, file: SupportsRead, length: int) -> None:
        self._file, self._left = file, length

    def read(self, size: int, /) -> bytes:
        """Return up to ``size`` bytes of them."""
        data = self._file.read(min(size, self._left))
        self._left -= len(data)
        return data


def _lines(file: SupportsRead, place: StoragePath) -> Iterator[Line]:
    rest = without_bom(file.read(PIECE_BYTES), place)
    too_long = False
    while True:
        whole, is_whole, rest = _cut(rest)
        if is_whole and too_long:  # drop the tail of the line that was reported already
            _, end, whole = whole.partition(b"\n")
            is_whole, too_long = bool(end), False
        if is_whole:
            yield from _split(whole)
        if too_long:
            rest = b""
        elif len(rest) > MAX_LINE_BYTES:
            yield _TOO_LONG
            too_long, rest = True, b""
        piece = file.read(PIECE_BYTES)
        if not piece:
            break
        rest += piece
    if rest and not too_long:
        yield from _split(_with_lf(rest))


def _cut(data: bytes) -> tuple[bytes, bool, bytes]:
    """Return the lines of ``data`` that are whole, divided by LF alone, whether there are any, and what is left."""
    at = data.rfind(b"\n")
    if at >= 0:
        return _with_lf(data[:at]), True, data[at + 1 :]
    at = data.rfind(b"\r", 0, -1)  # the last byte may be the first half of a CRLF
    if at >= 0:
        return data[:at].replace(b"\r", b"\n"), True, data[at + 1 :]
    return b"", False, data


def _with_lf(lines: bytes) -> bytes:
    """Return ``lines``, whose last end is cut off but for a CR, with LF between them."""
    if b"\r" not in lines:
        return lines
    return lines.removesuffix(b"\r").replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _split(block: bytes) -> Iterator[Line]:
    if len(block) <= MAX_LINE_BYTES:
        try:
            text = block.decode()
        except UnicodeDecodeError:
            text = "\0"
        if "\0" not in text:
            if _BOM in text:  # files that were put one behind the other
                text = text.removeprefix(_BOM).replace(f"\n{_BOM}", "\n")
            yield from zip(text.split("\n"), repeat(""), strict=False)
            return
    for raw in block.split(b"\n"):
        yield _one(raw)


def _one(raw: bytes) -> Line:
    if len(raw) > MAX_LINE_BYTES:
        return _TOO_LONG
    if b"\0" in raw:
        return None, "holds a NUL byte"
    try:
        return raw.decode().removeprefix(_BOM), ""
    except UnicodeDecodeError as error:
        return None, f"is not UTF-8 (byte 0x{raw[error.start]:02x} at position {error.start + 1})"


def without_bom(head: bytes, place: StoragePath) -> bytes:
    """Return the first bytes of a file without UTF-8's mark.

    :raises OCRManifestError: the mark is another encoding's.
    """
    for mark, name in _FOREIGN:
        if head.startswith(mark):
            message = f"{place} is written in {name}. Save it as UTF-8."
            raise OCRManifestError(message)
    return head.removeprefix(codecs.BOM_UTF8)
