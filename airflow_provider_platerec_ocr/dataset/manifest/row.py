"""One row of a manifest, whatever the format: raw values in, a planned image or a bad row out.

Here a name becomes an image, see :mod:`.names`; what may be unknown of it, such as its time, is never a reason not to
read it. No file is touched.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.claims import identity_key
from airflow_provider_platerec_ocr.core.errors import OCRConfigError, OCRManifestError
from airflow_provider_platerec_ocr.core.images.facts import image_facts, read_type, text
from airflow_provider_platerec_ocr.core.images.identity import is_web
from airflow_provider_platerec_ocr.core.images.planned import CURE, planned_url
from airflow_provider_platerec_ocr.core.images.times import TimeFault, time_of
from airflow_provider_platerec_ocr.core.models import PlannedImage
from airflow_provider_platerec_ocr.core.redact import redact, shorten
from airflow_provider_platerec_ocr.dataset.manifest.names import NameResolver, refuse
from airflow_provider_platerec_ocr.dataset.manifest.notes import ManifestNotes
from airflow_provider_platerec_ocr.dataset.manifest.own_json import without_secrets

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import tzinfo

    from airflow_provider_platerec_ocr.core.images.facts import ImageFacts

COLUMNS = ("image", "upload_url", "type", "camera_id", "timestamp", "image_version", "image_id")
"""What a manifest may say about an image, in the order of :data:`Values`."""
NEAR_MISSES = {
    "image": ("img", "images", "file", "filename", "file_name", "filepath", "path", "photo", "picture", "uri", "key"),
    "upload_url": ("url", "image_url", "link", "href", "uploadurl"),
    "camera_id": ("camera", "cam", "cameraid"),
    "timestamp": ("time", "datetime", "date", "taken_at", "captured_at"),
    "type": ("kind", "read_type", "types"),
    "image_version": ("version", "etag"),
    "image_id": ("imageid", "photo_id", "file_id"),
}
"""Other names that people give to the columns, for hints only; a blank or ``-`` stands for the ``_`` as well."""
_FIELDS = len(COLUMNS)
_MOST_TYPES = 100
_UNWRITABLE = re.compile(r"[\ud800-\udfff]")
Values = tuple[Any, ...]
"""The row's values in the order of :data:`COLUMNS`, ``None`` where the manifest does not say; where columns of its own
come along, their JSON after that."""
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


def plain(name: str) -> str:
    """Return a column's name as it is compared: its case and what is blank around it mean nothing, in any format."""
    return name.strip("\ufeff").strip().lower()


def did_you_mean(found: list[str], wanted: tuple[str, ...] = COLUMNS) -> str:
    """Return a hint such as ``Did you mean image (found 'img')?``, or nothing."""
    folded = {other: plain(other).replace(" ", "_").replace("-", "_") for other in found}
    taken = {plain(name) for name in found}
    hints = [
        f"Did you mean {name} (found {shorten(other, 40)!r})?"
        for name in wanted
        for other, alike in folded.items()
        if name not in taken and (alike == name or alike in NEAR_MISSES[name])
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
    :param zone: of times that do not say theirs; without it they are null.
    :param notes: takes the counts of what is left aside.
    :param is_listing: whether names are a store's own, with nothing of the manifest's but its user.
    """

    def __init__(  # noqa: PLR0913  # as above
        self,
        folder: str,
        *,
        user: str = "",
        default_type: str | None = None,
        identity_params: Collection[str] = (),
        zone: tzinfo | None = None,
        notes: ManifestNotes | None = None,
        is_listing: bool = False,
    ) -> None:
        self.notes = ManifestNotes() if notes is None else notes
        self._resolve = NameResolver(folder, user, self.notes).resolve
        self._is_listing = is_listing
        self._default_type = default_type
        self._types: dict[Any, str] = {}
        self._identity_params = identity_params
        self._zone = zone
        self._told_apart: dict[bytes, int] = {}

    def make(self, raw: RawRow) -> PlannedImage | BadRow:
        """Return the row as a planned image, or what is wrong with it."""
        row, values, problem = raw
        if problem:
            return BadRow(row, None, f"The row {problem}.")
        try:
            return self._make(row, values)
        except OCRConfigError as error:
            shown = _shown(values[0]) or _shown(values[1])
            return BadRow(row, shown, shorten(_UNWRITABLE.sub("?", redact(str(error)))))

    def _make(self, row: int, values: Values) -> PlannedImage:
        columns = None
        if len(values) != _FIELDS:
            *values, columns = values  # type: ignore[assignment]  # a list is unpacked as well
        name, url, type_, camera_id, timestamp, version, image_id = values
        name = name and text(name, "image")
        url = url and text(url, "upload_url")
        known = self._types.get(type_) if type_ is None or type(type_) is str else None
        if known is None:
            known = self._type(type_)
        facts = image_facts(known, camera_id, timestamp, version, image_id, self._time)
        if name and url:
            refuse("The row has both image and upload_url. Keep the one that is to be read.")
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
                None,
                None if name == image else self._said(name, uri),
                columns,
            )
        if not url:
            refuse("The row has neither image nor upload_url.")
        return self._from_web(row, url, facts, columns)

    def _said(self, name: str, uri: str) -> str | None:
        """Return what the manifest itself calls an image that is known by another name; a listing has no own names."""
        if self._is_listing and name == uri:
            return None
        return without_secrets(name) if "://" in name else name

    def _type(self, said: Any) -> str:
        """Return the row's type, and know it from now on: a manifest has few, and a million rows."""
        found = text(said, "type") or self._default_type
        if found is None:
            refuse("The row has no type. Fill in the column type, or give a type for the whole manifest.")
        found = read_type(found)
        if (said is None or isinstance(said, str)) and len(self._types) < _MOST_TYPES:
            self._types[said] = found
        return found

    def _time(self, value: Any) -> str | None:
        """Return the row's time, and count it where that is unknown."""
        found = time_of(value, self._zone)
        if type(found) is TimeFault:
            self.notes.time_fault(found, value)
            return None
        return found  # type: ignore[return-value]  # a fault is no subclass's

    def _from_web(self, row: int, url: str, facts: ImageFacts, columns: str | None) -> PlannedImage:
        """Return the image of a row whose URL the API fetches.

        What was cut beside a signature may belong to it, or say which image it is: nobody can know. Where two rows of
        one name differ in it, a person has to say.
        """
        if not is_web(url):
            refuse("upload_url is not an http(s) URL. Paths belong in the column image.")
        image, web = planned_url(row, url, facts, self._identity_params, columns)
        if web.dropped and facts.image_id is None:
            key = identity_key(image.type, *image.identity)
            told = web.told_apart_by(url)
            if self._told_apart.setdefault(key, told) != told:
                names = ", ".join(dict.fromkeys(web.dropped))
                refuse(f"upload_url differs from an earlier row's in its query alone, which is signed: {names}. {CURE}")
            self.notes.dropped.update(web.dropped)
        return image


def _shown(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    return shorten(redact(_UNWRITABLE.sub("?", value)), 1000) or None
