"""The three forms of a delivery's body, read as they arrive; what comes out is the JSON's bytes.

JSON as the API's document shows it, multipart with the fields ``json`` and ``upload`` and a urlencoded field ``json``
as the vendor's other products send them. Nothing is written to a disk, and of an image nothing is kept. It knows
neither the app nor the inbox.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.webhook.payload import PayloadError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from airflow_provider_platerec_ocr.webhook.settings import Limits

FIELD = "json"
"""The form field that holds the payload."""
_MOST_FIELDS = 20
_MOST_HEADERS = 8
"""Of one part of a form. The parser has this limit and the next only from 0.0.27 on; Airflow 3.2.1 pins 0.0.26."""
_MOST_HEADER_BYTES = 4096 + 128
_silent = logging.getLogger(f"{__name__}.parser")
_silent.disabled = True  # the parser's own messages quote what they stumble over
_silent.setLevel(logging.CRITICAL + 1)  # a configuration made later may enable it again, and keeps the level
_silent.propagate = False


class BodyTooLargeError(PayloadError):
    """The body, or the JSON in it, is over the limit."""


async def read_body(chunks: AsyncIterator[bytes], content_type: str, limits: Limits) -> bytes:
    """Return the JSON in a body.

    :param chunks: the body as it arrives.
    :param content_type: the header; whatever is no form is taken for JSON.
    :raises BodyTooLargeError: more arrives than ``limits`` allow; the rest is not read.
    :raises PayloadError: a form that is broken, or has not exactly one field ``json``.
    """
    kind, options = _media_type(content_type)
    if kind == "multipart/form-data":
        form = _Multipart(options.get(b"boundary", b""), limits)
        async for chunk in chunks:
            form.feed(chunk)
        return form.close()
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > limits.max_json_bytes:
            raise too_large(limits.max_json_bytes)
    return _urlencoded(bytes(body)) if kind == "application/x-www-form-urlencoded" else bytes(body)


def most_bytes(content_type: str, limits: Limits) -> int:
    """Return how large a body of this type may be as a whole."""
    kind, _ = _media_type(content_type)
    return limits.max_body_bytes if kind == "multipart/form-data" else limits.max_json_bytes


def too_large(limit: int) -> BodyTooLargeError:
    """Return the error that says so."""
    return BodyTooLargeError(f"The body is larger than {count_of(limit, 'byte')}.")


class _Multipart:
    """Reads a multipart body chunk by chunk, and keeps the field ``json`` only."""

    def __init__(self, boundary: bytes, limits: Limits) -> None:
        self._limits = limits
        self._size = 0
        self._parts = 0
        self._headers = 0
        self._wanted = False
        self._ended = False
        self._header = (bytearray(), bytearray())
        self._found: list[bytearray] = []
        if not boundary:
            raise _broken()
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": lambda data, start, end: self._grow_header(0, data[start:end]),
                    "on_header_value": lambda data, start, end: self._grow_header(1, data[start:end]),
                    "on_header_end": self._end_header,
                    "on_part_data": self._take,
                    "on_end": self._end,
                },
            )
        except FormParserError:
            raise _broken() from None
        self._parser.logger = _silent

    def feed(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size > self._limits.max_body_bytes:
            raise too_large(self._limits.max_body_bytes)
        try:
            self._parser.write(chunk)
        except FormParserError:
            raise _broken() from None

    def close(self) -> bytes:
        if not self._ended:
            raise _broken()
        if len(self._found) != 1:
            raise _not_one_field(len(self._found))
        return bytes(self._found[0])

    def _begin(self) -> None:
        self._wanted = False
        self._headers = 0
        self._parts += 1
        if self._parts > _MOST_FIELDS:
            raise _broken()

    def _grow_header(self, which: int, data: bytes) -> None:
        self._header[which].extend(data)
        if sum(map(len, self._header)) > _MOST_HEADER_BYTES:
            raise _broken()

    def _end_header(self) -> None:
        self._headers += 1
        if self._headers > _MOST_HEADERS:
            raise _broken()
        name, value = (bytes(part) for part in self._header)
        self._header = (bytearray(), bytearray())
        if name.lower() != b"content-disposition":
            return
        _, options = parse_options_header(value.decode("latin-1"))
        if options.get(b"name") == FIELD.encode() and not self._wanted:
            self._wanted = True
            self._found.append(bytearray())

    def _take(self, data: bytes, start: int, end: int) -> None:
        if not self._wanted:
            return
        self._found[-1] += data[start:end]
        if len(self._found[-1]) > self._limits.max_json_bytes:
            raise too_large(self._limits.max_json_bytes)

    def _end(self) -> None:
        self._ended = True


def _media_type(content_type: str) -> tuple[str, dict[bytes, bytes]]:
    kind, options = parse_options_header(content_type.encode("utf-8", "replace").decode("latin-1"))
    return kind.decode("latin-1").strip().lower(), options  # the parser lowers it only where no parameter follows


def _urlencoded(body: bytes) -> bytes:
    try:
        fields = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        message = "The body is no urlencoded form."
        raise PayloadError(message) from None
    found = [value for name, value in fields if name == FIELD]
    if len(found) != 1:
        raise _not_one_field(len(found))
    return found[0].encode()


def _broken() -> PayloadError:
    return PayloadError("The body is no whole multipart form.")


def _not_one_field(number: int) -> PayloadError:
    return PayloadError(f'The form must have one field "{FIELD}"; it has {number}.')
