"""Which of the files that a listing finds are images to read: one rule for local folders, object stores and globs.

What people and their machines leave beside photographs is paid for like a photograph, once it looks like one: previews
that a NAS makes, recycle bins, snapshots, half-hidden copies. Here it is known by its name alone; no file is touched.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.images.patterns import Filter, any_name, folders_of

if TYPE_CHECKING:
    from collections.abc import Iterable

IMAGE_SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff",
    ".heic", ".heif", ".hif", ".avif",
)  # fmt: skip
"""What counts as an image in a folder; a list or a CSV may name any file."""
DEFAULT_EXCLUDE = (
    ".?*", "~$*", "@eaDir", "@Recycle", "@Recently-Snapshot", "#recycle", "#snapshot", "~snapshot", "$RECYCLE.BIN",
    "System Volume Information", "lost+found", "__MACOSX", "Thumbs.db", "ehthumbs*.db", "desktop.ini", "Icon\r",
)  # fmt: skip
"""Names of files and folders that are left out unless a pattern that begins with ``!`` lets them pass."""
_is_left_out = any_name(DEFAULT_EXCLUDE)
_SUSPECT = frozenset(each[0] for each in DEFAULT_EXCLUDE if each[-1] == "*")
"""How names begin that are left out though they may end as an image's does."""


class Kind(StrEnum):
    """What a file or a folder is to a listing."""

    IMAGE = "image"
    """To be read."""
    NO_IMAGE = "no_image"
    """A file with another ending."""
    HIDDEN = "hidden"
    """Its name begins with a dot."""
    EXCLUDED = "excluded"
    """It is in the default list or in ``exclude``."""
    OURS = "ours"
    """What runs have written themselves into the folder."""
    NOT_INCLUDED = "not_included"
    """An image that no pattern of ``include`` names."""


class Sieve:
    """The rule. Paths are those from the manifest's folder on, with ``/`` between their parts.

    :param include: patterns of which one must name an image, or a folder around it; without any, all are meant.
    :param exclude: patterns of files and folders to leave out, beside :data:`DEFAULT_EXCLUDE`; one that begins with
        ``!`` lets pass what the default would leave out, ``!*`` all of it.
    :param ours: paths of what runs write themselves, such as the dataset, where that lies in the manifest's folder.

    For the language see :class:`.patterns.Filter`.
    """

    def __init__(self, include: Iterable[str] = (), exclude: Iterable[str] = (), *, ours: Iterable[str] = ()) -> None:
        given = list(exclude)
        self._include = Filter(include)
        self._exclude = Filter(each for each in given if not each.startswith("!"))
        self._kept = Filter(each[1:] for each in given if each.startswith("!"))
        self._ours = frozenset(ours)
        self._has_patterns = bool(self._include or self._exclude or self._kept)
        self.is_plain = not (self._has_patterns or self._ours)
        """Whether a file's bare name decides, since nobody has patterns of their own, and runs have written nothing."""

    def of_folder(self, path: str) -> Kind | None:
        """Return why a folder is left out with all in it, ``None`` where it is not; those around it have passed."""
        if path in self._ours:
            return Kind.OURS
        if self._exclude.names_folder(path):
            return Kind.EXCLUDED
        left_out = _by_default(path.rpartition("/")[2])
        return None if left_out is None or self._kept.names_folder(path) else left_out

    def of_file(self, path: str) -> Kind:
        """Return what a file is; the folders around it have passed."""
        if path in self._ours:
            return Kind.OURS
        if self._has_patterns and self._exclude.names_file(path):
            return Kind.EXCLUDED
        name = path[path.rfind("/") + 1 :]
        left_out = _by_default(name)
        if left_out is not None and not (self._has_patterns and self._kept.names_file(path)):
            return left_out
        if not name.lower().endswith(IMAGE_SUFFIXES):
            return Kind.NO_IMAGE
        return Kind.IMAGE if not self._has_patterns or self._is_included(path) else Kind.NOT_INCLUDED

    def is_plain_image(self, name: str) -> bool:
        """Return whether a bare name alone, at first sight, says that it is an image: most of a million do."""
        return not self._has_patterns and name.lower().endswith(IMAGE_SUFFIXES) and name[0] not in _SUSPECT

    def of_path(self, path: str) -> tuple[Kind, str]:
        """Return what the file at a path is, and the folder or the file that decided it."""
        for folder in folders_of(path.rpartition("/")[0]):
            left_out = self.of_folder(folder)
            if left_out is not None:
                return left_out, folder
        return self.of_file(path), path

    def why_not(self, path: str) -> tuple[Kind, str] | None:
        """Return why a file of whatever ending is not meant, and what decided it; ``None`` where it is."""
        kind, by = self.of_path(path)
        if kind in {Kind.HIDDEN, Kind.EXCLUDED, Kind.OURS}:
            return kind, by
        return None if self._is_included(path) else (Kind.NOT_INCLUDED, path)

    def _is_included(self, path: str) -> bool:
        include = self._include
        return not include or include.names_file(path) or include.holds_folder(path.rpartition("/")[0])


def _by_default(name: str) -> Kind | None:
    """Return why the default list leaves a name out."""
    if not _is_left_out(name) or name == "..":  # a part of an object's key, which hides nothing
        return None
    return Kind.HIDDEN if name[0] == "." else Kind.EXCLUDED
