"""An answer's head and frame, as careful servers write them, out of what careless ones and gateways send.

aiohttp's parser refuses an answer with a header line over 8 KB, with many header lines, two lengths, a length beside
chunks, a space before a colon, or a byte too many at its end; for a paid answer that is too strict. This goes between
the connection and that parser: bytes go in, bytes come out that it takes. Lines that it would refuse are left out, so
that no word of them gets into an error either. What is no HTTP at all goes through as it is.
"""

from __future__ import annotations

import re
from http import HTTPStatus

LONGEST_HEAD = 1024 * 1024
"""Bytes of all header lines together that are waited for."""
LONGEST_VALUE = 4096
"""Bytes of a header line that is handed on; nothing that matters is longer."""
MOST_LINES = 64
"""Header lines that are handed on, besides those of :data:`_NEEDED`."""

_STATUS = re.compile(rb"HTTP/(\d)(?:\.(\d))?[ \t]+(\d{3})(?!\d)", re.IGNORECASE)
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*:[ \t]*([\t\x20-\x7e]*?)[ \t]*")
_CHUNK = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\n]*)?\r?\n")
_NEEDED = (b"connection", b"content-encoding", b"content-type", b"date", b"location", b"retry-after")
_FRAME = (b"content-length", b"transfer-encoding")
_DROPPED = (b"set-cookie", b"set-cookie2", b"trailer", b"upgrade", b"keep-alive")
_NO_BODY = frozenset({204, 304})


class HeadTooLongError(ValueError):
    """The head of an answer has no end."""


class Framing:
    """One answer on one connection; feed it what arrives, hand on what it gives."""

    def __init__(self) -> None:
        self.over = False
        """Whether the answer has ended, so that nothing further on this connection belongs to it."""
        self.spoiled = False
        """Whether something came that has no place in an answer: the connection is not to be used again."""
        self._waiting = b""
        self._step = self._head
        self._left = 0
        self._length: int | None = None

    def feed(self, data: bytes) -> bytes:
        """Return what the parser gets of ``data``, and of what was held back before.

        :raises HeadTooLongError: the head is longer than :data:`LONGEST_HEAD`.
        """
        self._waiting += data
        out = b""
        while self._waiting and not self.over:
            step, before = self._step, len(self._waiting)
            out += step()
            if self._step == step and len(self._waiting) == before:
                break
        if self.over and self._waiting:
            self._waiting, self.spoiled = b"", True
        return out

    def end(self) -> bytes:
        """Return what is missing where the connection has closed in good order: an end that only that could mark."""
        rest = self._open_chunks() if self._step == self._first_chunk and self._waiting else b""
        if rest or self._step == self._open_chunks:
            self.over = True
            return rest + b"0\r\n\r\n"
        return b""

    def _take(self, count: int) -> bytes:
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        return taken

    def _head(self) -> bytes:
        """Write the head anew; those of 1xx, which come before, are left out."""
        start = self._waiting.lstrip(b"\r\n")
        status = _STATUS.match(start)
        if status is None and (len(start) > len(b"HTTP/1.1 200") or not b"HTTP/".startswith(start[:5].upper())):
            self._step = self._as_it_is
            return b""
        end = _HEAD_END.search(start)
        if end is None or status is None:
            if len(start) > LONGEST_HEAD:
                raise HeadTooLongError
            return b""
        self._waiting = start[end.end() :]
        code = int(status[3])
        if 100 <= code < 200 and code != HTTPStatus.SWITCHING_PROTOCOLS:  # noqa: PLR2004  # HTTP's own numbers
            return b""
        return self._written(code, status, start[: end.start()].splitlines()[1:])

    def _written(self, code: int, status: re.Match[bytes], lines: list[bytes]) -> bytes:
        found = [(match[1], match[2]) for line in lines if (match := _LINE.fullmatch(line))]
        kept = [each for each in found if each[0].lower() in _NEEDED and len(each[1]) <= LONGEST_VALUE]
        others = [each for each in found if each[0].lower() not in (*_NEEDED, *_FRAME, *_DROPPED)]
        kept += [each for each in others if len(each[0]) + len(each[1]) <= LONGEST_VALUE][:MOST_LINES]
        frame = self._frame(code, {name: _values(found, name) for name in _FRAME})
        minor = b"0" if status[1] == b"1" and status[2] == b"0" and frame[:1] != b"T" else b"1"
        head = [b"HTTP/1.%s %d %s" % (minor, code, _phrase(code)), *(b"%s: %s" % each for each in kept)]
        return b"\r\n".join([*head, frame, b""] if frame else [*head, b""]) + b"\r\n"

    def _frame(self, code: int, given: dict[bytes, list[bytes]]) -> bytes:
        """Decide how long the body is, and return the line that says so to the parser."""
        lengths = {int(value) for value in given[b"content-length"] if value.isdigit() and len(value) < 16}  # noqa: PLR2004
        self._length = lengths.pop() if len(lengths) == 1 else None
        if code in _NO_BODY:
            self.over = True
            return b""
        if any(value.lower() == b"chunked" for value in given[b"transfer-encoding"]):
            self._step = self._first_chunk
            return b"Transfer-Encoding: chunked"
        if self._length is None:
            self._step = self._as_it_is
            return b""
        self._left, self._step, self.over = self._length, self._counted, self._length == 0
        return b"Content-Length: %d" % self._length

    def _as_it_is(self) -> bytes:
        """Hand everything on until the connection closes."""
        return self._take(len(self._waiting))

    def _counted(self) -> bytes:
        taken = self._take(self._left)
        self._left -= len(taken)
        self.over = self._left == 0
        return taken

    def _first_chunk(self) -> bytes:
        """Find out whether a body that is announced in chunks is: some gateways unpack it and leave the line."""
        if _CHUNK.match(self._waiting):
            self._step = self._chunk_size
        elif b"\n" in self._waiting or not re.match(rb"[ \t]*[0-9A-Fa-f]*[ \t]*(;|\r|\Z)", self._waiting):
            self._left, self._step = self._length or 0, self._made_chunks if self._length else self._open_chunks
        return b""

    def _chunk_size(self) -> bytes:
        size = _CHUNK.match(self._waiting)
        if size is None:
            if b"\n" in self._waiting or len(self._waiting) > LONGEST_VALUE:
                self._step = self._as_it_is  # no chunk: the parser may say what it is
            return b""
        self._take(size.end())
        self._left = int(size[1], 16)
        if self._left == 0:
            self.over, self._waiting = True, b""  # what may follow are trailers
            return b"0\r\n\r\n"
        self._step = self._chunk
        return b"%x\r\n" % self._left

    def _chunk(self) -> bytes:
        taken = self._take(self._left)
        self._left -= len(taken)
        if self._left == 0:
            self._step = self._chunk_end
        return taken

    def _chunk_end(self) -> bytes:
        ended = re.match(rb"\r?\n", self._waiting)
        if ended is None and self._waiting == b"\r":
            return b""
        self._take(ended.end() if ended else 0)
        self._step = self._chunk_size
        return b"\r\n"

    def _open_chunks(self) -> bytes:
        taken = self._take(len(self._waiting))
        return b"%x\r\n%s\r\n" % (len(taken), taken)

    def _made_chunks(self) -> bytes:
        taken = self._take(self._left)
        self._left -= len(taken)
        self.over = self._left == 0
        return b"%x\r\n%s\r\n%s" % (len(taken), taken, b"0\r\n\r\n" if self.over else b"")


def _values(found: list[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    """Return all values of a header, those in one line with commas, too."""
    return [part.strip() for key, value in found if key.lower() == name for part in value.split(b",")]


def _phrase(code: int) -> bytes:
    """Return the standard's words for a status: the server's own may hold anything."""
    try:
        return HTTPStatus(code).phrase.encode()
    except ValueError:
        return b"Unknown"
