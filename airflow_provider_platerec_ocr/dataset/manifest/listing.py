"""Manifests that are a folder or a glob: every image in it, with the version that the listing gives for free.

A local folder is walked, see :mod:`.walk`; object stores hand out a listing of a prefix as a whole. What is an image,
and what is left out, one rule says for all of them; what is left out is counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRManifestError
from airflow_provider_platerec_ocr.core.images.patterns import Glob, cut_glob
from airflow_provider_platerec_ocr.core.images.sieve import IMAGE_SUFFIXES, Kind, Sieve
from airflow_provider_platerec_ocr.core.redact import redact
from airflow_provider_platerec_ocr.dataset.manifest.left_aside import DOTS, FOLDERS, LeftAside
from airflow_provider_platerec_ocr.dataset.manifest.walk import Walk
from airflow_provider_platerec_ocr.storage.files import files_below

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow_provider_platerec_ocr.dataset.manifest.row import RawRow
    from airflow_provider_platerec_ocr.storage.path import StoragePath

__all__ = ["IMAGE_SUFFIXES", "Search", "read_folder", "read_glob", "version_of"]


@dataclass(frozen=True, slots=True)
class Search:
    """How a folder or a glob is searched, and what came of it."""

    recursive: bool = True
    """Whether a folder's subfolders count."""
    include: tuple[str, ...] = ()
    """See :class:`...core.images.sieve.Sieve`."""
    exclude: tuple[str, ...] = ()
    """As above."""
    roots: tuple[StoragePath, ...] | None = None
    """Where links to folders may lead; ``None`` for anywhere."""
    ours: tuple[str, ...] = ()
    """Paths of what runs write themselves: if that lies in the manifest's folder, it is no part of it."""
    left: LeftAside = field(default_factory=LeftAside)
    """What was left aside; counted as the rows are read."""

    def sieve(self, top: str, pattern: str = "") -> Sieve:
        """Return the rule for what lies below the manifest's folder.

        :param top: path of that folder.
        :param pattern: of a glob, from its fixed folder on. A part of it that is itself the name of something hidden,
            as in ``yard/.old/*.jpg``, means it.
        """
        meant = [f"!{part}" for part in pattern.split("/") if Sieve().of_folder(part) is not None]
        start = f"{top.rstrip('/')}/"
        ours = (path.removeprefix(start) for path in self.ours if path.startswith(start))
        return Sieve(self.include, (*self.exclude, *meant), ours=ours)


def version_of(info: dict[str, Any]) -> str | None:
    """Return what tells one content of a file from the next: the ETag, else size and modification time."""
    for key in ("ETag", "etag", "md5Hash", "content_md5", "generation"):
        if info.get(key):
            return str(info[key]).strip('"')
    size = info.get("size")
    changed = next((info[key] for key in ("mtime", "LastModified", "last_modified", "updated") if info.get(key)), None)
    if isinstance(changed, datetime):
        changed = changed.isoformat()
    return None if size is None or changed is None else f"{size}-{changed}"


def read_folder(place: StoragePath, search: Search) -> Iterator[RawRow]:
    """Yield the images of a folder in the order of their paths, folder by folder.

    :raises OCRManifestError: there are files, and none of them could be taken.
    """
    sieve = search.sieve(place.path)
    if place.is_local:
        found = _walked(place.path, sieve, search)
    else:
        place.fs.invalidate_cache(place.path)
        found = _sifted(place.path, files_below(place, deep=search.recursive), sieve, search.left)
    yield from _numbered(place, found, search.left)


def read_glob(place: StoragePath, search: Search) -> Iterator[RawRow]:
    """Yield the images that a pattern such as ``yard/**/*.jpg`` matches, in the order of their paths.

    :raises OCRManifestError: there is no such folder; or the pattern matches something, and nothing could be taken.
    """
    top, pattern = cut_glob(place.path)
    sieve = search.sieve(top, pattern)
    if place.is_local:
        found = _walked(top, sieve, search, Glob(pattern))
    else:
        place.fs.invalidate_cache()
        found = _sifted(top, _matches(place), sieve, search.left)
    yield from _numbered(place, found, search.left)


def _walked(top: str, sieve: Sieve, search: Search, glob: Glob | None = None) -> Iterator[tuple[str, str | None]]:
    roots = None if search.roots is None else [root.path for root in search.roots if root.is_local]
    try:
        walk = Walk(top, sieve, search.left, roots=roots, recursive=search.recursive or glob is not None, glob=glob)
    except (FileNotFoundError, NotADirectoryError):
        message = f"There is no folder {redact(top)}. Check the path, and that this machine can see it."
        raise OCRManifestError(message, permanent=False, missing=True) from None
    return walk.files()


def _matches(place: StoragePath) -> dict[str, dict[str, Any]]:
    try:
        found: dict[str, dict[str, Any]] = place.fs.glob(place.path, detail=True)
    except ValueError as error:
        message = f"{redact(place.uri)} is no pattern that can be looked for: {error}."
        raise OCRManifestError(message) from None
    return found


def _numbered(place: StoragePath, found: Iterable[tuple[str, str | None]], left: LeftAside) -> Iterator[RawRow]:
    start = "" if place.is_local else f"{place.protocol}://"
    row = 0
    for row, (path, version) in enumerate(found, start=1):
        yield row, (start + path, None, None, None, None, version, None), ""
    if not row:
        left.refuse_nothing(redact(place.uri))


def _sifted(
    top: str, found: dict[str, dict[str, Any]], sieve: Sieve, left: LeftAside
) -> Iterator[tuple[str, str | None]]:
    """Yield the images of a listing; what lies in a folder that is left out counts with it, once."""
    start = len(top.rstrip("/")) + 1 if top else 0
    left_out = ""
    for path in sorted(found):
        inner = path[start:]
        if path[-1] == "/" or (left_out and inner.startswith(left_out)):  # the former marks an empty folder
            continue
        kind, by = sieve.of_path(inner)
        if found[path].get("type") == "directory":
            if sieve.of_folder(inner) is None:
                left.add(FOLDERS, inner)
        elif kind is Kind.IMAGE and {".", ".."}.intersection(inner.split("/")):
            left.add(DOTS, inner)
        elif kind is Kind.IMAGE:
            yield path, version_of(found[path])
        else:
            left.add(kind, by)
            left_out = f"{by}/" if by != inner else ""
