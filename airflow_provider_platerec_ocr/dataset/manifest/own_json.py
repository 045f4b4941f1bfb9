"""A row's own columns as one JSON object: types kept, secrets cut, never so long that a table would choke on it."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, date, datetime, time
from decimal import Decimal
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.images.identity import is_web, web_identity
from airflow_provider_platerec_ocr.core.redact import redact_url, whole_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_platerec_ocr.dataset.manifest.notes import ManifestNotes

MAX_BYTES = 64 * 1024
"""Bytes of one row's JSON in UTF-8; a row with more has none."""
_URL = re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://[^\s\"'<>\\]+", re.IGNORECASE)
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class ObjectWriter:
    """Writes the values of some columns as one JSON object, a row at a time.

    Numbers, truth values, text, lists and objects are what they are; times are ISO 8601 text, in UTC with ``Z`` where
    their zone is known; what is not there (null, NaN, an empty field of a CSV, bytes that are no text) is null.

    :param names: of the columns, in order.
    """

    def __init__(self, names: Sequence[str], notes: ManifestNotes) -> None:
        self._starts = [f"{',' if index else '{'}{_encode(whole_text(name))}:" for index, name in enumerate(names)]
        self._notes = notes

    def __call__(self, values: Sequence[Any]) -> str | None:
        """Return the object; ``None`` where it would be too long, or where no column comes along."""
        if not self._starts:
            return None
        parts = [
            start + (encode_basestring(value) if type(value) is str and value else _literal(value))
            for start, value in zip(self._starts, values, strict=True)
        ]
        said = f"{''.join(parts)}}}"
        if "://" in said:
            said = _URL.sub(lambda match: without_secrets(match.group(0)), said)
        if not said.isascii():
            said = whole_text(said)
        if len(said) > MAX_BYTES or (len(said) * 4 > MAX_BYTES and len(said.encode()) > MAX_BYTES):
            self._notes.columns_too_large += 1
            return None
        return said


def without_secrets(url: str) -> str:
    """Return ``url`` as it is where all of it may be written down, else without what nobody may see."""
    if is_web(url):
        web = web_identity(url)
        return url if web.plain is not None else web.name
    return redact_url(url) if "?" in url or ":" in url.partition("://")[2].rpartition("@")[0] else url


def _literal(value: Any) -> str:
    if value is None or value == "":
        return "null"
    if type(value) is int:
        return str(value)
    return _encode(_plain(value))


def _plain(value: Any) -> Any:  # noqa: PLR0911  # one answer a kind
    """Return a value as JSON has it."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, datetime):
        return value.isoformat() if value.tzinfo is None else _utc(value)
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, bytes):
        return _text(value)
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return str(value)


def _number(value: Decimal) -> int | float | str | None:
    """Return a decimal as a number where JSON's readers get the same back, else as text."""
    if not value.is_finite():
        return None
    if value == value.to_integral_value():
        return int(value)
    near = float(value)
    return near if Decimal(repr(near)) == value else str(value)


def _utc(value: datetime) -> str:
    try:
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except OverflowError:  # the first or the last day of all
        return value.isoformat()


def _text(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None
