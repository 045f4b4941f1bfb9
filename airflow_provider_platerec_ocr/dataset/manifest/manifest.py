"""Reading a manifest: one stream of planned images and bad rows, whatever the format and wherever it lies.

Which rows are new, and which fit the budget, is not known here.
"""

from __future__ import annotations

import difflib
import logging
from itertools import chain
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, available_timezones

from airflow_provider_platerec_ocr.core.errors import OCRConfigError, OCRManifestError
from airflow_provider_platerec_ocr.core.images.facts import read_type
from airflow_provider_platerec_ocr.core.images.patterns import cut_glob
from airflow_provider_platerec_ocr.core.redact import redact
from airflow_provider_platerec_ocr.dataset.layout.opened import store_faults
from airflow_provider_platerec_ocr.dataset.manifest.columns import Columns
from airflow_provider_platerec_ocr.dataset.manifest.listing import IMAGE_SUFFIXES, Search, read_folder, read_glob
from airflow_provider_platerec_ocr.dataset.manifest.notes import ManifestNotes
from airflow_provider_platerec_ocr.dataset.manifest.row import BadRow, RowMaker
from airflow_provider_platerec_ocr.dataset.manifest.tables import (
    FORMATS,
    Table,
    fixed_part,
    read_table,
    read_tables,
    table_kind,
    tables_below,
    tables_matching,
)
from airflow_provider_platerec_ocr.storage.files import relative

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from airflow_provider_platerec_ocr.core.models import PlannedImage
    from airflow_provider_platerec_ocr.dataset.manifest.row import RawRow
    from airflow_provider_platerec_ocr.storage.path import Opener, StoragePath

__all__ = ["BadRow", "Search", "kind_of", "names_samples", "raw_rows", "read_manifest", "user_of", "zone_of"]

log = logging.getLogger(__name__)

SAMPLES_MARK = "platerec_ocr_samples.txt"
"""A file that lies beside the sample images of this project."""


def read_manifest(  # noqa: PLR0913  # one manifest and how to read it, all by name
    uri: str,
    *,
    opener: Opener,
    default_type: str | None = None,
    recursive: bool = True,
    identity_params: Collection[str] = (),
    search: Search | None = None,
    manifest_columns: Collection[str] = (),
    timezone: str | None = None,
    notes: ManifestNotes | None = None,
) -> Iterator[PlannedImage | BadRow]:
    """Yield each row of the manifest in order; memory does not grow with their number.

    :param uri: a table (CSV, JSON, Parquet; text also packed) or a list, a folder of tables or of images, or a glob of
        either; a path or an object store's URI.
    :param default_type: type of rows that name none.
    :param recursive: whether a folder's subfolders count; no effect for other manifests.
    :param identity_params: parameters of URLs that say which image it is; see
        :func:`...core.images.identity.web_identity`.
    :param search: how a folder or a glob is searched, instead of ``recursive`` alone; it counts what is left aside.
    :param manifest_columns: columns that come along with each image as JSON; ``*`` for all that have no meaning here.
    :param timezone: IANA name of the zone of times that do not say theirs; without it they are null.
    :param notes: takes the counts of what is left aside of rows that are read.
    :raises OCRManifestError: the manifest as a whole cannot be read, or is a folder or a glob from which nothing could
        be taken although something is there; it says which path, and why. Where its store failed or it is not there
        (yet), it is not permanent.
    :raises OCRConfigError: an unknown type, zone, or column.
    """
    if default_type is not None:
        default_type = read_type(default_type)
    zone = zone_of(timezone) if timezone else None
    notes = ManifestNotes() if notes is None else notes
    place = opener(uri)
    columns = Columns(manifest_columns, notes)
    folder, rows, is_listing = _open(uri, place, columns, search or Search(recursive=recursive))
    maker = RowMaker(
        folder.uri,
        user=user_of(uri),
        default_type=default_type,
        identity_params=identity_params,
        zone=zone,
        notes=notes,
        is_listing=is_listing,
    )
    yield from map(maker.make, rows)
    columns.check(redact(uri))
    for line in notes.lines():
        log.warning(line)


def zone_of(name: str) -> ZoneInfo:
    """Return the time zone with an IANA name such as ``Europe/Berlin``.

    :raises OCRConfigError: there is none; it names the nearest.
    """
    try:
        return ZoneInfo(name.strip())
    except (KeyError, OSError, ValueError):
        near = difflib.get_close_matches(name, available_timezones(), n=1)
        hint = f"Did you mean {near[0]!r}?" if near else "Give an IANA name such as 'Europe/Berlin', or 'UTC'."
        message = f"timezone {name!r} is not known. {hint}"
        raise OCRConfigError(message) from None


def names_samples(uri: str, opener: Opener) -> bool:
    """Return whether the manifest is, or lies in, a folder of sample images; only a local disk is looked at."""
    place = opener(uri)
    return place.is_local and any(folder.fs.isfile((folder / SAMPLES_MARK).path) for folder in (place, place.parent))


def user_of(uri: str) -> str:
    """Return the user part of an object store's URI: a connection id in Airflow. Anything after a colon is dropped."""
    if "://" not in uri:
        return ""
    return uri.split("://", 1)[1].partition("/")[0].rpartition("@")[0].partition(":")[0]


def raw_rows(
    uri: str, place: StoragePath, search: Search | None = None, *, columns: Columns | None = None
) -> Iterator[RawRow]:
    """Return the manifest's rows as its reader finds them.

    :param columns: finds the columns, instead of those of images.
    """
    return _open(uri, place, columns or Columns(), search or Search())[1]


def _open(uri: str, place: StoragePath, columns: Columns, search: Search) -> tuple[StoragePath, Iterator[RawRow], bool]:
    """Return the folder that relative names count from, the rows, and whether they are a listing's."""
    kind, is_table = kind_of(place), table_kind(place.name) is not None
    if kind == "file":
        return place.parent, read_table(_table(place, search), columns), False
    problem: OCRManifestError | None = None
    if not is_table:
        images = _with_user(_listing(place, kind, search), uri)
        try:
            first = next(images, None)
        except OCRManifestError as error:  # of a folder that holds no image: perhaps it holds tables
            if not error.permanent:
                raise
            first, problem = None, error
        if first is not None:
            return place.parent, chain([first], images), True
    base, tables = _tables(place, kind, search, is_table=is_table)
    if tables:
        return base, read_tables(tables, columns), False
    if problem is not None:
        raise problem
    if is_table:
        where = "no file matches" if kind == "glob" else "the folder holds no part"
        message = f"There is no manifest at {redact(place.uri)}: {where} (yet)."
        raise OCRManifestError(message, permanent=False, missing=True)
    return place.parent, iter(()), True


def _tables(place: StoragePath, kind: str, search: Search, *, is_table: bool) -> tuple[StoragePath, list[Table]]:
    """Return the folder that relative names count from, and the tables of a folder or a glob.

    Those that are left out are counted: in a bin lies what somebody threw away. What runs themselves have written into
    the folder is none of the manifest's.
    """
    if kind == "glob":
        base = top = fixed_part(place)
        found, sieve = tables_matching(place), search.sieve(top.path, cut_glob(place.path)[1])
    else:
        base, top = place.parent if is_table else place, place
        found, sieve = tables_below(place, recursive=search.recursive or is_table), search.sieve(top.path)
    why_not = {table.place.path: sieve.why_not(relative(table.place, top)) for table in found}
    kept = [table for table in found if why_not[table.place.path] is None]
    if kept:
        search.left.clear()
        for each in dict.fromkeys(filter(None, why_not.values())):
            search.left.add(*each)
    return base, kept


def _table(place: StoragePath, search: Search) -> Table:
    if search.include or search.exclude:
        log.warning("include and exclude are for folders and globs: %s names its images itself.", redact(place.uri))
    kind = table_kind(place.name)
    if kind is not None:
        return Table(place, kind)
    if place.name.lower().endswith(IMAGE_SUFFIXES):
        message = f"{place} is an image, not a manifest. Give its folder, or a list that names it."
    else:
        message = f"{place} is of no known format. A manifest is {FORMATS}."
    raise OCRManifestError(message)


def _listing(place: StoragePath, kind: str, search: Search) -> Iterator[RawRow]:
    with store_faults(place, OCRManifestError):
        yield from read_glob(place, search) if kind == "glob" else read_folder(place, search)


def kind_of(place: StoragePath) -> str:
    """Return what a manifest is: ``file``, ``directory``, or only then ``glob``.

    :raises OCRManifestError: it is nothing of these (yet), or its store does not say: not permanent.
    """
    place.fs.invalidate_cache(place.parent.path)
    try:
        with store_faults(place, OCRManifestError):
            return str(place.fs.info(place.path)["type"])
    except OCRManifestError as error:
        if not isinstance(error.__cause__, FileNotFoundError):
            raise
    if any(sign in place.path for sign in "*?["):
        return "glob"
    message = f"There is no manifest at {redact(place.uri)}. Check the path, and that this machine can see it."
    raise OCRManifestError(message, permanent=False, missing=True)


def _with_user(rows: Iterable[RawRow], uri: str) -> Iterator[RawRow]:
    """Let the images of a listing be opened through the connection that the manifest's URI names."""
    user = user_of(uri)
    if not user:
        return iter(rows)
    return ((row, (name.replace("://", f"://{user}@", 1), *rest), "") for row, (name, *rest), _ in rows)
