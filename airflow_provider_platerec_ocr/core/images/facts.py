"""What a person says of an image, checked and converted once for the manifest, the operator and the hook alike.

What passes here makes a request that can be built: text is text that can be written down, times are UTC, and numbers
that stand for a name are that name.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from numbers import Integral, Number
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.fingerprint import check_type, is_type
from airflow_provider_platerec_ocr.core.images.identity import is_web, web_identity
from airflow_provider_platerec_ocr.core.models import format_timestamp, parse_timestamp, to_utc
from airflow_provider_platerec_ocr.core.redact import redact_url

if TYPE_CHECKING:
    from collections.abc import Callable

_UNWRITABLE = re.compile(r"[\ud800-\udfff]")
_UNSHOWABLE = re.compile(r"[\x00-\x1f\x7f]")
_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_NOTHING = frozenset({"nan", "-nan", "nat", "null", "none", "n/a", "<na>", "#n/a", "\\n"})
"""How pandas, R, Excel and databases write in a text that nothing is there, in lower case."""
_LONGEST_NOTHING = max(map(len, _NOTHING))
LONGEST_ID = 1000
"""Characters of an ``image_id``: it stands in every table and file name of its image."""


class ImageFacts(NamedTuple):
    """What is known of an image beside the image, fit to be sent and written down."""

    type: str
    """``vin``, ``trailer_id`` or another type that the API knows."""
    camera_id: str | None = None
    """Passed to the API."""
    timestamp: str | None = None
    """UTC, ISO 8601 with ``Z``."""
    image_version: str | None = None
    """Tells this content from the next under the same name."""
    image_id: str | None = None
    """What the image is known by, instead of its place."""


def image_facts(  # noqa: PLR0913, PLR0917  # one value a column, a million times
    type_: Any,
    camera_id: Any = None,
    timestamp: Any = None,
    image_version: Any = None,
    image_id: Any = None,
    moment_of: Callable[[Any], str | None] | None = None,
) -> ImageFacts:
    """Return what a person says of an image, checked and converted; empty values mean that nothing is said.

    :param moment_of: reads the time instead of :func:`moment`, which refuses what it does not understand.
    :raises OCRConfigError: something cannot be sent or written down; it says what.
    """
    return ImageFacts(
        _type(type_) if type(type_) is str else read_type(text(type_, "type") or ""),
        None if camera_id is None else text(camera_id, "camera_id"),
        None if timestamp is None else (moment_of or moment)(timestamp),
        None if image_version is None else _version(image_version),
        None if image_id is None else _id(image_id),
    )


@lru_cache(maxsize=64)
def _type(value: str) -> str:
    """Check a type; a manifest's rows have few, and each is looked at once."""
    return read_type(text(value, "type") or "")


def read_type(value: str) -> str:
    """Return the type that a person means by ``VIN`` or ``Trailer_ID``: types are lower-case.

    :raises OCRConfigError: it can be none.
    """
    lower = value.lower()
    return lower if is_type(lower) else check_type(value)


def text(value: Any, name: str) -> str | None:
    """Return ``value`` as text without white space around it, ``None`` where there is none.

    Numbers become text, whole ones without a decimal point: a camera's number is its name. Words that programs write
    where nothing is, such as ``NaN`` and ``NULL``, are nothing.
    """
    said = _as_written(value, name)
    return None if said is None or (len(said) <= _LONGEST_NOTHING and said.lower() in _NOTHING) else said


def says_nothing(said: str) -> bool:
    """Return whether a text without white space around it is empty, or one of the words for nothing."""
    return len(said) <= _LONGEST_NOTHING and (not said or said.lower() in _NOTHING)


def _as_written(value: Any, name: str) -> str | None:
    if isinstance(value, str):
        if not value.isascii() and _UNWRITABLE.search(value):
            message = f"{name} holds bytes that are no text (UTF-8). Rename the file."
            raise OCRConfigError(message)
        return value.strip() or None
    if is_missing(value):
        return None
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Number) and not isinstance(value, bool | complex):
        return _number(value)
    message = f"{name} must be text, not {type(value).__name__}."
    raise OCRConfigError(message)


def _version(value: Any) -> str | None:
    """Return a version as it is written; a number keeps its point, too: what is paid for is known by it."""
    return str(value) if type(value) is float and not _is_nan(value) else _as_written(value, "image_version")


def _number(value: Any) -> str:
    if isinstance(value, Integral) or (value == value // 1 and abs(value) < 1e15):  # noqa: PLR2004  # exact in a float
        return str(int(value))
    return str(value)


def is_missing(value: Any) -> bool:
    """Return whether ``value`` is one of the ways to say nothing: ``None``, NaN, and pandas' ``NaT`` and ``NA``."""
    return value is None or type(value).__name__ in {"NAType", "NaTType"} or bool(_is_nan(value))


def _is_nan(value: Any) -> bool:
    return isinstance(value, Number) and bool(value != value)  # noqa: PLR0124  # what tells NaN from every other


def moment(value: Any, name: str = "timestamp") -> str | None:
    """Return a time as the API wants it: UTC, ISO 8601 with ``Z``.

    :param value: ISO 8601 text with a time zone, or an aware datetime.
    :raises OCRConfigError: it has no time zone or is no time.
    """
    if is_missing(value):
        return None
    if isinstance(value, datetime):
        return format_timestamp(to_utc(value, name))
    if not isinstance(value, str):
        message = f"{name} must be ISO 8601 text with a time zone, or a datetime that has one, not {value!r}."
        raise OCRConfigError(message)
    said = text(value, name)
    if said is None:
        return None
    try:
        if _UTC.fullmatch(said) and datetime.fromisoformat(said):
            return said  # as most are: nothing to convert
    except ValueError:
        pass
    return format_timestamp(parse_timestamp(said, name))


def content(value: Any) -> bytes | None:
    """Return the bytes of anything that holds bytes, ``None`` where it holds none or is something else."""
    return bytes(value) if isinstance(value, bytes | bytearray | memoryview) else None


def web_url(value: Any, name: str = "upload_url") -> str | None:
    """Return a URL that the API could fetch.

    :raises OCRConfigError: it is none.
    """
    url = text(value, name)
    if url is not None and not is_web(url):
        message = f"{name} {redact_url(url)!r} is no http or https URL that the API could fetch."
        raise OCRConfigError(message)
    return url


def _id(value: Any) -> str | None:
    found = text(value, "image_id")
    if found is None:
        return None
    if len(found) > LONGEST_ID or _UNSHOWABLE.search(found):
        message = f"image_id must be one line of at most {LONGEST_ID} characters."
        raise OCRConfigError(message)
    if is_web(found) and web_identity(found).plain is None:
        message = f"image_id {redact_url(found)} holds a signature or a password, and it is written down. Cut it out."
        raise OCRConfigError(message)
    return found
