"""Manifests that are a folder or a glob: every image in it, with the version that the listing gives for free.

A local folder is walked one folder at a time, so memory grows with the largest single folder only; object stores hand
out a listing of a prefix as a whole.
"""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow_provider_platerec_ocr.dataset.manifest.row import RawRow
    from airflow_provider_platerec_ocr.storage.path import StoragePath

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff")
"""What counts as an image in a folder; a list or a CSV may name any file."""


def is_image(path: str) -> bool:
    """Return whether the name is an image's and not hidden (``._x.jpg`` is what macOS leaves behind)."""
    name = path.rpartition("/")[2]
    return not name.startswith(".") and name.lower().endswith(IMAGE_SUFFIXES)


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


def read_folder(place: StoragePath, *, recursive: bool) -> Iterator[RawRow]:
    """Yield the images of a folder in the order of their paths, folder by folder."""
    found = _walk_local(place.path, recursive=recursive) if place.is_local else _listing(place, recursive=recursive)
    yield from _numbered(place, found)


def read_glob(place: StoragePath) -> Iterator[RawRow]:
    """Yield the images that a pattern such as ``yard/**/*.jpg`` matches, in the order of their paths."""
    place.fs.invalidate_cache()
    if place.is_local:
        paths = sorted(path for path in place.fs.glob(place.path) if is_image(path) and os.path.isfile(path))  # noqa: PTH113  # one call for each of a million names: a Path costs more
        yield from _numbered(place, ((path, _local_version(os.stat(path))) for path in paths))  # noqa: PTH116  # as above
        return
    yield from _numbered(place, _versions(place.fs.glob(place.path, detail=True)))


def _numbered(place: StoragePath, found: Iterable[tuple[str, str | None]]) -> Iterator[RawRow]:
    start = "" if place.is_local else f"{place.protocol}://"
    for row, (path, version) in enumerate(found, start=1):
        yield row, (start + path, None, None, None, None, version, None), ""


def _listing(place: StoragePath, *, recursive: bool) -> Iterator[tuple[str, str | None]]:
    place.fs.invalidate_cache(place.path)
    return _versions(place.fs.find(place.path, maxdepth=None if recursive else 1, detail=True))


def _versions(found: dict[str, dict[str, Any]]) -> Iterator[tuple[str, str | None]]:
    for path in sorted(found):
        if is_image(path) and found[path].get("type") != "directory":
            yield path, version_of(found[path])


def _local_version(stat: os.stat_result) -> str:
    return f"{stat.st_size}-{stat.st_mtime_ns}"


def _walk_local(top: str, *, recursive: bool) -> Iterator[tuple[str, str | None]]:
    with os.scandir(top) as found:
        entries = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in found)
    for name, is_folder in entries:
        path = f"{top.rstrip('/')}/{name}"
        if is_folder:
            if recursive and not name.startswith("."):
                yield from _walk_local(path, recursive=True)
        elif is_image(name):
            try:
                yield path, _local_version(os.stat(path))  # noqa: PTH116  # a Path object costs more than the call
            except FileNotFoundError:  # a link into nowhere: the read task names it
                yield path, None
