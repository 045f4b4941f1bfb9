"""The wire format without I/O: builds requests as bytes and turns answers into values or into errors by their money.

Both faces (the asyncio engine and the hook's sync session) send what this builds and hand back what they got. It knows
no HTTP client. The contract is the vendor's OCR reference ([doc] below); the other grades say where a rule comes from
that the document leaves open: [sibling] another product of the vendor, [seen] observed, [inferred].
"""

from __future__ import annotations

import base64
import math
import posixpath
import re
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr import __version__
from airflow_provider_platerec_ocr.core import errors
from airflow_provider_platerec_ocr.core.answer import body
from airflow_provider_platerec_ocr.core.answer.retry_after import header
from airflow_provider_platerec_ocr.core.fingerprint import check_type
from airflow_provider_platerec_ocr.core.identifiers import is_blank
from airflow_provider_platerec_ocr.core.models import (
    Identifier,
    Read,
    Statistics,
    format_timestamp,
    parse_timestamp,
)
from airflow_provider_platerec_ocr.core.redact import redact_url, shorten, whole_text
from airflow_provider_platerec_ocr.core.refusals import (
    HELP_ON_HOST,
    call_error,
    error_detail,
    parse_json,
    why_forbidden,
)
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.core.settings import READER_PATH, STATISTICS_PATH

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from airflow_provider_platerec_ocr.core.settings import ClientSettings

__all__ = [
    "USER_AGENT",
    "Request",
    "call_error",
    "error_detail",
    "parse_read",
    "parse_statistics",
    "read_from_json",
    "read_request",
    "safe_filename",
    "statistics_request",
]

USER_AGENT = f"airflow-provider-platerec-ocr/{__version__}"
LONGEST_FILENAME = 200
"""Characters of a file name that are sent; its *end* is kept, since webhooks are matched by the end of the name."""

_MEDIA_TYPES = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "gif": "image/gif",
    "bmp": "image/bmp",
    "tif": "image/tiff",
    "tiff": "image/tiff",
}
_EXACT = 1e15
"""Below it, each whole number has a float of its own."""
_UNSAFE_IN_FILENAME = re.compile(r"[\x00-\x1f\x7f\"\\%]")


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, ready to send."""

    method: str
    """``GET`` or ``POST``."""
    url: str
    """Absolute, without a query."""
    headers: dict[str, str] = field(default_factory=dict)
    """Everything but ``Content-Length``; holds the token."""
    body: bytes | None = None
    """The whole body, or ``None``."""

    def __repr__(self) -> str:
        """Show neither the token nor the body."""
        shown = {key: "***" if key.lower() == "authorization" else value for key, value in self.headers.items()}
        return f"Request({self.method} {self.url}, headers={shown}, body={count_of(len(self.body or b''), 'byte')})"


def read_request(  # noqa: PLR0913  # the API's own parameters, by name only
    settings: ClientSettings,
    *,
    type: str,  # noqa: A002  # the API's own name
    content: bytes | None = None,
    filename: str | None = None,
    as_base64: bool = False,
    upload_url: str | None = None,
    camera_id: str | None = None,
    timestamp: str | None = None,
) -> Request:
    """Return the paid call for one image, as ``multipart/form-data`` [doc].

    :param content: the image's bytes; exactly one of this and ``upload_url``.
    :param filename: name sent with the bytes; only its last part. No effect with ``as_base64`` or ``upload_url``.
    :param as_base64: send the bytes as base64 text instead of a file, which is a third larger.
    :param upload_url: http or https URL that the API fetches itself.
    :param timestamp: ISO 8601 with a time zone; sent in UTC.
    :raises OCRConfigError: for neither or both images, an unusable type, a naive timestamp, another kind of URL.
    """
    if (content is None) == (upload_url is None):
        message = "Give the image either as content (its bytes) or as upload_url, not both and not neither."
        raise errors.OCRConfigError(message)
    parts: list[tuple[str, str | None, bytes]] = [("type", None, check_type(type).encode())]
    if upload_url is not None:
        if not re.match(r"(?i)https?://[^/\s]", upload_url):
            message = f"upload_url {redact_url(upload_url)!r} is no http or https URL that the API could fetch."
            raise errors.OCRConfigError(message)
        parts.append(("upload_url", None, upload_url.encode()))
    if camera_id is not None:
        parts.append(("camera_id", None, camera_id.encode("utf-8", "replace")))
    if timestamp is not None:
        parts.append(("timestamp", None, format_timestamp(parse_timestamp(timestamp)).encode()))
    if content is not None and as_base64:
        parts.append(("upload", None, base64.b64encode(content)))
    elif content is not None:
        parts.append(("upload", safe_filename(filename), content))
    boundary, body = _multipart(parts)
    headers = {**_headers(settings), "Content-Type": f"multipart/form-data; boundary={boundary}"}
    return Request("POST", settings.base_url + READER_PATH, headers, body)


def statistics_request(settings: ClientSettings) -> Request:
    """Return the free call for the account's usage [doc]."""
    return Request("GET", settings.base_url + STATISTICS_PATH, _headers(settings))


def _headers(settings: ClientSettings) -> dict[str, str]:
    return {"Authorization": f"Token {settings.token}", "Accept": "application/json", "User-Agent": USER_AGENT}


def safe_filename(filename: str | None) -> str:
    """Return the last part of ``filename`` as it may stand between quotes in a header, at most 200 characters.

    Quotes, backslashes, percent signs and control characters are percent-encoded (as browsers do), so that a name
    can neither end its header nor start another one.
    """
    name = posixpath.basename((filename or "").replace("\\", "/"))[-LONGEST_FILENAME:] or "image.jpg"
    return _UNSAFE_IN_FILENAME.sub(lambda match: f"%{ord(match.group(0)):02X}", name)


def _multipart(parts: list[tuple[str, str | None, bytes]]) -> tuple[str, bytes]:
    """Return (boundary, body); the boundary is looked for in every part, so it can never occur in one."""
    number = 0
    while any(f"--ocr-{number}-".encode() in value for _, _, value in parts):
        number += 1
    boundary = f"ocr-{number}-boundary"
    lines: list[bytes] = []
    for name, filename, value in parts:
        disposition = f'Content-Disposition: form-data; name="{name}"'
        if filename is not None:
            media_type = _MEDIA_TYPES.get(filename.rpartition(".")[2].lower(), "application/octet-stream")
            disposition += f'; filename="{filename}"\r\nContent-Type: {media_type}'
        lines += [f"--{boundary}\r\n{disposition}\r\n\r\n".encode("utf-8", "replace"), value, b"\r\n"]
    lines.append(f"--{boundary}--\r\n".encode())
    return boundary, b"".join(lines)


def parse_read(status: int, headers: Mapping[str, str], content: bytes, *, now: datetime, cut_off: str = "") -> Read:
    """Return the read of an answer, or raise the error that says what the answer means for money.

    Any 2xx with a list of results is a read; one with ``error`` instead is a rejection [seen]. Any other *whole* 2xx
    was paid for, too: it is returned with ``understood`` false, so that its body is kept. Only an empty one, or one
    that stops in the middle, is a doubt: :class:`~.errors.OCROutcomeUnknown`. Other statuses: :func:`call_error`.

    :param content: the answer's body, unpacked.
    :param now: the present, aware; a ``Retry-After`` date is measured against it.
    :param cut_off: why the connection says that something is missing at the body's end, if it does.
    """
    if not 200 <= status < 300:  # noqa: PLR2004  # HTTP's own numbers
        raise call_error(status, headers, content, now=now)
    data = body.parsed(content)
    if _results(data) is not None:
        return replace(read_from_json(data), raw=body.as_object(content), body=content)
    detail = error_detail(content, header(headers, "Content-Type"))
    if isinstance(data, dict) and data.get("error"):
        message = f"The API rejected the image ({status} with an error: {detail}). Check the image and its type."
        raise errors.OCRRejected(message, status=status, detail=detail, body=content)
    if not body.whole(content, cut_off):
        what = f"an answer that stops in the middle ({detail})" if content.strip() else "an empty answer"
        message = (
            f"The API answered {status} with {what}: the call may have been billed, so it is not repeated by itself."
        )
        raise errors.OCROutcomeUnknown(message, status=status, detail=detail or what)
    return Read((), None, None, None, None, None, raw=body.as_object(content), body=content, understood=False)


def read_from_json(data: Mapping[str, Any]) -> Read:
    """Return the read in an answer's JSON object, new or saved; unknown keys stay in ``raw``.

    ``code`` and ``orientation`` are lists of ``{value}``, ``confidence`` is a bare number beside them or one level up:
    the document has both [doc]; one beside a code's value is that code's. A number outside of 0 to 1 is no confidence.
    An empty list of results is a normal answer [sibling]; a code without any sign is no identifier.

    :raises OCROutcomeUnknown: where there is no list of results.
    """
    results = _results(data)
    if results is None:
        message = "The answer has no list of results, so it is no read."
        raise errors.OCROutcomeUnknown(message)
    version, timestamp = data.get("version"), data.get("timestamp")
    return Read(
        identifiers=tuple(chain.from_iterable(map(_identifiers, results))),
        processing_time=_number(data.get("processing_time")),
        filename=_text(data.get("filename")),
        version=version if isinstance(version, int) and not isinstance(version, bool) else None,
        camera_id=_text(data.get("camera_id")),
        timestamp=whole_text(timestamp) if isinstance(timestamp, str) else None,
        raw=dict(data),
    )


def _identifiers(item: Any) -> list[Identifier]:
    identifier = _dict(_dict(item).get("identifier"))
    props = _dict(identifier.get("props")) or identifier
    codes = _list(props.get("code"))
    orientations = list(map(_text, _values(props.get("orientation"))))
    shared = (props.get("confidence"), identifier.get("confidence"))
    found = []
    for index, each in enumerate(codes):
        code = _text(_value(each))
        if code and not is_blank(code):
            orientation = orientations[index] if len(orientations) == len(codes) else next(iter(orientations), None)
            found.append(Identifier(code, orientation, _first_share(_dict(each).get("confidence"), *shared)))
    return found


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _values(value: Any) -> list[Any]:
    """Return the values of ``[{"value": …}, …]``, ``{"value": …}`` or a bare value."""
    return list(map(_value, _list(value)))


def _value(item: Any) -> Any:
    return item.get("value") if isinstance(item, dict) else item


def _first_share(*values: Any) -> float | None:
    """Return the first number that stands in one of ``values``; ``None`` where it is no share of 1."""
    for number in map(_number, chain.from_iterable(map(_values, values))):
        if number is not None:
            return number if 0.0 <= number <= 1.0 else None
    return None


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    """Return a value as text that any file takes; ``12345.0`` is the number 12345, whoever wrote it."""
    if isinstance(value, str):
        return whole_text(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return str(int(value) if abs(value) < _EXACT and value == int(value) else value)


def _number(value: Any) -> float | None:
    if value is None:  # as most are, and a table has millions
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _results(data: Any) -> list[Any] | None:
    results = data.get("results") if isinstance(data, dict) else None
    return results if isinstance(results, list) else None


def parse_statistics(status: int, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Statistics:
    """Return the account's usage. The call is free, so every failure is either worth another try or a stop.

    :raises OCRUnavailable: for 5xx and 408. :raises OCRRateLimited: for 429.
    :raises OCRStop: for everything else, and for a 200 without the fields, naming the first that is missing.
    """
    if status not in {200, 201}:
        error = call_error(status, headers, body, now=now)
        if isinstance(error, errors.OCROutcomeUnknown) and status >= 400:  # noqa: PLR2004  # HTTP statuses
            message = f"The statistics are unavailable ({status}: {error.detail}). They are asked again after a pause."
            raise errors.OCRUnavailable(message, **error.attributes)
        if isinstance(error, errors.OCRForbidden):
            raise why_forbidden(error, error) or error
        if isinstance(error, errors.OCRStop | errors.OCRRefused):
            raise error
        message = f"The API does not answer the statistics call ({status}: {error.detail}). {HELP_ON_HOST}"
        raise errors.OCRStop(message, **error.attributes)
    data = parse_json(body)
    detail = error_detail(body, header(headers, "Content-Type"))
    if not isinstance(data, dict):
        message = (
            f"The host of the connection is not the OCR API: its statistics are no JSON ({detail}). {HELP_ON_HOST}"
        )
        raise errors.OCRWrongBaseURL(message, status=status, detail=detail)
    usage = _dict(data.get("usage"))
    for name, value in (("usage.calls", usage.get("calls")), ("total_calls", data.get("total_calls"))):
        if _count(value) is None:
            message = (
                f"The statistics answer has no usable {name} ({shorten(repr(value), 60)}), so nobody knows how many "
                "calls are left and nothing is sent. Check the host of the connection, or ask the vendor's support."
            )
            raise errors.OCRStop(message, status=status, detail=detail)
    return Statistics(
        calls=_count(usage["calls"]) or 0,
        total_calls=_count(data["total_calls"]) or 0,
        month=_count(usage.get("month")),
        year=_count(usage.get("year")),
        resets_on=_text(usage.get("resets_on")),
    )


def _count(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number >= 0 and number == int(number) else None
