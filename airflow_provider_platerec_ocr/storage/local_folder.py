"""Folders of this machine that are nobody's table: what was kept in them, set aside in them, and removed again."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def kept_in(folder: Path) -> list[Path]:
    """Return what lies directly in a folder, sorted by name; nothing where there is no such folder."""
    return sorted(folder.iterdir()) if folder.is_dir() else []


def remove(path: Path) -> None:
    """Remove a file; that it is gone already is fine."""
    path.unlink(missing_ok=True)


def set_aside(path: Path, suffix: str) -> Path:
    """Rename a file so that it ends in ``suffix`` as well, in place of what has that name; return its new path."""
    return path.replace(path.with_name(path.name + suffix))


def trim(folder: Path, *, before_s: float, most_bytes: int) -> None:
    """Remove the files of a folder that were written before a time, and then the oldest of what is too much.

    :param before_s: seconds since 1970. :param most_bytes: that may stay.
    :raises FileNotFoundError: there is no such folder.
    """
    found = []
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            stat = path.stat()
            found.append((stat.st_mtime, stat.st_size, path))
    size = sum(each[1] for each in found)
    for at, bytes_, path in sorted(found, key=lambda each: each[0]):
        if at >= before_s and size <= most_bytes:
            break
        size -= bytes_
        with contextlib.suppress(OSError):
            path.unlink()
