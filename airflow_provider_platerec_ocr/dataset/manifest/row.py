"""One row of a manifest, whatever the format: raw values in, a planned image or a bad row out.

Here a name becomes an identity: relative paths are resolved against the manifest's folder, ``.`` and ``..`` are
resolved away (so that a check of allowed roots by prefix holds), users and signatures are cut. No file is touched.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from airflow_provider_platerec_ocr.core.claims import identity_key
from airflow_provider_platerec_ocr.core.errors import OCRConfigError, OCRManifestError
from airflow_provider_platerec_ocr.core.images.facts import image_facts, text
from airflow_provider_platerec_ocr.core.images.identity import is_web
from airflow_provider_platerec_ocr.core.images.planned import CURE, planned_url
from airflow_provider_platerec_ocr.core.models import PlannedImage
from airflow_provider_platerec_ocr.core.redact import redact, shorten

if TYPE_CHECKING:
    from collections.abc import Collection

    from airflow_provider_platerec_ocr.core.images.facts import ImageFacts

COLUMNS = ("image", "upload_url", "type", "camera_id", "timestamp", "image_version", "image_id")
"""What a manifest may say about an image, in the order of :data:`Values`."""
NEAR_MISSES = {
    "image": ("img", "images", "file", "filename", "file_name", "filepath", "path", "photo", "picture", "uri", "key"),
    "upload_url": ("url", "image_url", "link", "href", "upload-url", "uploadurl"),
    "camera_id": ("camera", "cam", "camera-id", "cameraid"),
    "timestamp": ("time", "datetime", "date", "taken_at", "captured_at"),
    "type": ("kind", "read_type", "types"),
    "image_version": ("version", "etag"),
    "image_id": ("imageid", "image-id", "photo_id", "file_id"),
}
"""Other names that people give to the columns, for hints only."""
Values = tuple[Any, ...]
"""The row's values in the order of :data:`COLUMNS`; ``None`` where the manifest does not say."""

_UNWRITABLE = re.compile(r"[\ud800-\udfff]")
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


class RowMaker:
    """Turns the values of one manifest's rows into planned images.

    :param folder: the manifest's folder as a URI or an absolute path, without a user part.
    :param user: user part of the manifest's URI (in Airflow, a connection id), which relative names inherit.
    :param default_type: for rows that name no type.
    :param identity_params: see :func:`...core.images.identity.web_identity`.
    """

    def __init__(
        self,
        folder: str,
        *,
        user: str = "",
        default_type: str | None = None,
        identity_params: Collection[str] = (),
    ) -> None:
        self._folder = folder.rstrip("/")
        self._user = user
        self._default_type = default_type
        self._identity_params = identity_params
        self._told_apart: dict[bytes, int] = {}
        self.dropped: set[str] = set()
        """Parameters that were cut beside signatures, and may say which image it is."""

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
        name, url, type_, camera_id, timestamp, version, image_id = values
        name = name and text(name, "image")
        url = url and text(url, "upload_url")
        type_ = (type_ and text(type_, "type")) or self._default_type
        if type_ is None:
            _refuse("The row has no type. Fill in the column type, or give a type for the whole manifest.")
        facts = image_facts(type_, camera_id, timestamp, version, image_id)
        if name and url:
            _refuse("The row has both image and upload_url. Keep the one that is to be read.")
        if name:
            image, uri = self._resolve(name)
            if facts.image_id is not None:
                image = facts.image_id
            return PlannedImage(
                row,
                image,
                facts.type,
                uri,
                None,
                False,  # noqa: FBT003  # by position: a million times
                facts.image_version,
                facts.camera_id,
                facts.timestamp,
            )
        if not url:
            _refuse("The row has neither image nor upload_url.")
        return self._from_web(row, url, facts)

    def _from_web(self, row: int, url: str, facts: ImageFacts) -> PlannedImage:
        """Return the image of a row whose URL the API fetches.

        What was cut beside a signature may belong to it, or say which image it is: nobody can know. Where two rows of
        one name differ in it, a person has to say.
        """
        if not is_web(url):
            _refuse("upload_url is not an http(s) URL. Paths belong in the column image.")
        image, web = planned_url(row, url, facts, self._identity_params)
        if web.dropped and facts.image_id is None:
            key = identity_key(image.type, *image.identity)
            told = web.told_apart_by(url)
            if self._told_apart.setdefault(key, told) != told:
                names = ", ".join(dict.fromkeys(web.dropped))
                _refuse(
                    f"upload_url differs from an earlier row's in its query alone, which is signed: {names}. {CURE}"
                )
            self.dropped.update(web.dropped)
        return image

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


def _shown(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    return shorten(redact(_UNWRITABLE.sub("?", value)), 1000) or None
