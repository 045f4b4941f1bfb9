"""Unpacking an answer's body as far as it goes: what was sent packed and damaged was paid for all the same.

Not left to the HTTP client, which gives nothing at all of a body whose last bytes are wrong, or that is not packed
although its header says so.
"""

from __future__ import annotations

import zlib

from airflow_provider_platerec_ocr.core.saying.counts import count_of

_GZIP = b"\x1f\x8b"
_PACKED = frozenset({"gzip", "x-gzip", "deflate"})
_WITH_HEAD, _WITHOUT_HEAD = 47, -15
"""zlib's names for gzip or zlib, whichever it is, and for deflate alone, which some servers send."""
_PIECE_BYTES = 4096
_MOST_LAYERS = 3
"""Times that a body is unpacked; what packs it once more, such as a gateway, seldom has another behind it."""


def inflated(data: bytes, encoding: str, most: int) -> tuple[bytes, str]:
    """Return the unpacked body, and what is wrong with its end, or nothing.

    :param data: as it came.
    :param encoding: the header ``Content-Encoding``. A form that is not known here leaves ``data`` as it is.
    :param most: bytes of which the rest is left out.
    """
    content, problem = _unpacked(data, encoding.rpartition(",")[2].strip().lower(), most)
    for _ in range(_MOST_LAYERS - 1):
        if problem or not content.startswith(_GZIP):
            break
        content, problem = _unpacked(content, "", most)
    return content, problem


def _unpacked(data: bytes, named: str, most: int) -> tuple[bytes, str]:
    if not data or not (named in _PACKED or data.startswith(_GZIP)):
        return data, ""
    content, problem = _inflated(data, _WITH_HEAD, most)
    if not content and problem and named == "deflate":
        content, problem = _inflated(data, _WITHOUT_HEAD, most)
        content = b"" if problem else content  # nearly anything begins like it
    return (data, "") if problem and not content else (content, problem)  # the former was not packed


def _inflated(data: bytes, form: int, most: int, piece_bytes: int = _PIECE_BYTES) -> tuple[bytes, str]:
    """Return what is unpacked of ``data``: of gzip all members, since some servers write one a piece."""
    packed, content, at = zlib.decompressobj(form), bytearray(), 0
    while at < len(data):
        piece = data[at : at + piece_bytes]
        try:
            content += packed.decompress(piece, most + 1 - len(content))
        except zlib.error:  # nothing of the whole piece was given
            return _inflated(data, form, most, 1) if piece_bytes > 1 else (bytes(content), "its packed form is damaged")
        if len(content) > most:
            return bytes(content[:most]), f"longer than {count_of(most, 'byte')}"
        at += len(piece) - len(packed.unused_data)
        if packed.eof:
            if not data.startswith(_GZIP, at):
                return bytes(content), ""
            packed = zlib.decompressobj(form)
    return bytes(content), "its packed form stops in the middle"
