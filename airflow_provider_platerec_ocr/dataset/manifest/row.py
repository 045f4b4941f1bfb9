"""One row of a manifest, whatever the format: raw values in, a planned image or a bad row out.

Here a name becomes an identity: relative paths are resolved against the manifest's folder, ``.`` and ``..`` are
resolved away (so that a check of allowed roots by prefix holds), users and signatures are cut. No file is touched.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn
from urllib.parse import urlsplit

from airflow_provider_platerec_ocr.core.errors import OCRConfigError, OCRManifestError
from airflow_provider_platerec_ocr.core.fingerprint import check_type, stable_url
from airflow_provider_platerec_ocr.core.models import PlannedImage, format_timestamp, parse_timestamp, to_utc
from airflow_provider_platerec_ocr.core.redact import redact, shorten

COLUMNS = ("image", "upload_url", "type", "camera_id", "timestamp", "image_version")
"""What a manifest may say about an image, in the order of :data:`Values`."""
NEAR_MISSES = {
    "image": ("img", "images", "file", "filename", "file_name", "filepath", "path", "photo", "picture", "uri", "key"),
    "upload_url": ("url", "image_url", "link", "href", "upload-url", "uploadurl"),
    "camera_id": ("camera", "cam", "camera-id", "cameraid"),
    "timestamp": ("time", "datetime", "date", "taken_at", "captured_at"),
    "type": ("kind", "read_type", "types"),
    "image_version": ("version", "etag"),
}
"""Other names that people give to the columns, for hints only."""
Values = tuple[Any, ...]
"""The row's values in the order of :data:`COLUMNS`; ``None`` where the manifest does not say."""

_UNWRITABLE = re.compile(r"[\ud800-\udfff]")
_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


RawRow = tuple[int, Values, str]
"""A row as a reader found it: its number from 1 (line *n* of a list or of JSON lines, line *n* + 1 of a CSV file), its
values (none where there is a problem), and the problem, to be read after "the row". Plain, since there are millions."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row of the manifest that cannot be planned; it becomes a dead letter ``row_invalid``."""

    row: int
    """Number of the data row, from 1."""
    image: str | None
    """What it names, without secrets, where that much is known."""
    message: str
    """What is wrong and what to do."""


def did_you_mean(found: list[str], wanted: tuple[str, ...] = COLUMNS) -> str:
    """Return a hint such as ``Did you mean image (found 'img')?``, or nothing."""
    taken = {name for name in found if name in COLUMNS}
    hints = [
        f"Did you mean {name} (found {other!r})?"
        for name in wanted
        for other in found
        if name not in taken and other in NEAR_MISSES[name]
    ]
    return " ".join(hints)


def missing_column(place: object, found: list[str]) -> OCRManifestError:
    """Return the error for a manifest without ``image`` and ``upload_url``."""
    shown = ", ".join(shorten(name, 40) for name in found[:20]) or "none"
    hint = did_you_mean(found, ("image", "upload_url")) or "Name one of them image (a path) or upload_url."
    return OCRManifestError(f"{place} has neither a column image nor a column upload_url; it has: {shown}. {hint}")


def stable_image_url(url: str) -> str:
    """Return the http(s) ``url`` without its signature; raises ``ValueError`` where it is no such URL."""
    parts = urlsplit(url)
    if parts.scheme.lower() not in {"http", "https"} or not parts.hostname or any(c.isspace() for c in url):
        raise ValueError(url)
    return stable_url(url)


class RowMaker:
    """Turns the values of one manifest's rows into planned images.

    :param folder: the manifest's folder as a URI or an absolute path, without a user part.
    :param user: user part of the manifest's URI (in Airflow, a connection id), which relative names inherit.
    :param default_type: for rows that name no type.
    """

    def __init__(self, folder: str, *, user: str = "", default_type: str | None = None) -> None:
        self._folder = folder.rstrip("/")
        self._user = user
        self._default_type = default_type
        self._types: set[str] = set()

    def make(self, raw: RawRow) -> PlannedImage | BadRow:
        """Return the row as a planned image, or what is wrong with it."""
        row, values, problem = raw
        if problem:
            return BadRow(row, None, f"The row {problem}.")
        try:
            return self._make(row, values)
        except (OCRConfigError, _RowProblem) as error:
            shown = _shown(values[0]) or _shown(values[1])
            return BadRow(row, shown, shorten(_UNWRITABLE.sub("?", redact(str(error)))))

    def _make(self, row: int, values: Values) -> PlannedImage:
        name, url, type_, camera_id, timestamp, version = values
        name = name and _text(name, "image")
        url = url and _text(url, "upload_url")
        type_ = self._type(type_ and _text(type_, "type"))
        camera_id = None if camera_id is None else _text(camera_id, "camera_id")
        timestamp = _timestamp(timestamp) if timestamp else None
        version = None if version is None else _text(version, "image_version")
        if name and url:
            _refuse("The row has both image and upload_url. Keep the one that is to be read.")
        if name:
            image, uri = self._resolve(name)
            return PlannedImage(row, image, type_, uri, None, False, version, camera_id, timestamp)  # noqa: FBT003  # by position: a million times
        if not url:
            _refuse("The row has neither image nor upload_url.")
        try:
            stable = stable_image_url(url)
        except ValueError:
            _refuse("upload_url is not an http(s) URL. Paths belong in the column image.")
        return PlannedImage(row, stable, type_, None, stable, url != stable, version, camera_id, timestamp)

    def _type(self, value: str | None) -> str:
        type_ = value or self._default_type
        if type_ is None:
            _refuse("The row has no type. Fill in the column type, or give a type for the whole manifest.")
        if type_ not in self._types:
            self._types.add(check_type(type_))
        return type_

    def _resolve(self, name: str) -> tuple[str, str]:
        """Return the identity of ``name`` and the URI to open."""
        if "://" not in name:
            image = name if name[0] == "/" else f"{self._folder}/{name}"
            if "./" in name or "//" in name or name[-1] in "/.":  # seldom, and dear: most names are fine as they are
                image = _normal(image)
            return image, with_user(image, self._user) if self._user else image
        scheme = _SCHEME.match(name)
        if scheme is None:
            _refuse("image is neither a path nor a URI.")
        return _absolute(scheme.group(1).lower(), name[scheme.end() :])


class _RowProblem(Exception):
    """What is wrong with one row."""


def _refuse(message: str) -> NoReturn:
    raise _RowProblem(message) from None


def with_user(uri: str, user: str) -> str:
    """Return ``uri`` with a user part: ``s3://bucket/key`` and ``conn`` give ``s3://conn@bucket/key``."""
    scheme, separator, rest = uri.partition("://")
    return f"{scheme}://{user}@{rest}" if separator and user else uri


def _absolute(scheme: str, rest: str) -> tuple[str, str]:
    if scheme in {"http", "https"}:
        _refuse("image is a web address. Put it into the column upload_url, and the API fetches it.")
    if scheme in {"file", "local"}:
        path = _normal_path(rest if rest.startswith("/") else f"/{rest.partition('/')[2]}")
        return path, path
    host, _, key = rest.partition("/")
    user, _, bucket = host.rpartition("@")
    if ":" in user:
        _refuse("image has a password in its URI. Put it into a connection and name that instead.")
    if not bucket or not key:
        _refuse("image names no object inside a bucket.")
    image = _normal(f"{scheme}://{bucket}/{key}")
    return image, with_user(image, user)


def _normal(path: str) -> str:
    scheme, separator, rest = path.partition("://")
    if not separator:
        return _normal_path(path)
    bucket, _, key = rest.partition("/")
    parts: list[str] = []
    for part in key.split("/"):  # an empty part is part of an object's key
        if part == "..":
            del parts[-1:]
        elif part != ".":
            parts.append(part)
    return f"{scheme}://{bucket}/{'/'.join(parts)}"


def _normal_path(path: str) -> str:
    return "/" + posixpath.normpath(path).lstrip("/")


def _text(value: Any, name: str) -> str | None:
    if not isinstance(value, str):
        return None if value is None else _number(value, name)
    if not value.isascii() and _UNWRITABLE.search(value):
        _refuse(f"{name} holds bytes that are no text (UTF-8). Rename the file.")
    return value.strip() or None


def _number(value: Any, name: str) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    _refuse(f"{name} must be text, not {type(value).__name__}.")


def _shown(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    return shorten(redact(_UNWRITABLE.sub("?", value)), 1000) or None


def _timestamp(value: Any) -> str | None:
    if isinstance(value, datetime):
        return format_timestamp(to_utc(value))
    text = _text(value, "timestamp")
    if text is None:
        return None
    try:
        if _UTC.fullmatch(text) and datetime.fromisoformat(text):
            return text  # as most are: nothing to convert
    except ValueError:
        pass
    return format_timestamp(parse_timestamp(text))
