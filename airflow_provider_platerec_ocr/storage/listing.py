"""What lies in a folder right now: the store is asked each time, since its library may remember an older listing."""

from __future__ import annotations

import contextlib
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.storage.path import StoragePath

_WRITTEN = ("mtime", "LastModified", "last_modified", "updated", "modified", "created")
"""How the listings of stores call the time of the last write."""


def children(folder: StoragePath) -> list[dict[str, Any]]:
    """Return what the store says of each file and folder directly in ``folder``; one request.

    :raises FileNotFoundError: there is no such folder. :raises NotADirectoryError: it is a file.
    """
    folder.fs.invalidate_cache(folder.path)
    found: list[dict[str, Any]] = folder.fs.ls(folder.path, detail=True)
    return found


def child_names(folder: StoragePath) -> list[str]:
    """Return the names of what lies directly in ``folder``; one request, and a disk is asked for names alone.

    :raises FileNotFoundError: there is no such folder. :raises NotADirectoryError: it is a file.
    """
    folder.fs.invalidate_cache(folder.path)
    return [str(path).rstrip("/").rpartition("/")[2] for path in folder.fs.ls(folder.path, detail=False)]


def written_at_s(entry: dict[str, Any]) -> float | None:
    """Return when a listed file was written, in seconds since 1970; ``None`` where the listing does not say."""
    for key in _WRITTEN:
        value = entry.get(key)
        if isinstance(value, (int, float)):
            return float(value)
        if isinstance(value, datetime):
            return value.timestamp()
        if isinstance(value, str):
            with contextlib.suppress(ValueError):
                return datetime.fromisoformat(value).timestamp()
    return None
