"""Walking a folder of the machine's own disk, one folder at a time, so that memory grows with the largest one only.

Links to folders are followed, each folder once: a link that leads back, or into a folder that is walked by its own
name, would give images two names, and a circle of links would never end.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.images.patterns import folders_of
from airflow_provider_platerec_ocr.core.images.sieve import Kind
from airflow_provider_platerec_ocr.dataset.manifest.left_aside import FOLDERS, LINKED, NOWHERE, OUTSIDE, SUBFOLDERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow_provider_platerec_ocr.core.images.patterns import Glob
    from airflow_provider_platerec_ocr.core.images.sieve import Sieve
    from airflow_provider_platerec_ocr.dataset.manifest.left_aside import LeftAside

_FOLDER, _LINK = 1, 2


class Walk:
    """One walk. Paths within it are those from ``top`` on.

    :param top: absolute path of a folder.
    :param sieve: says what is an image and what is left out.
    :param left: counts what is left aside.
    :param roots: folders that links may lead to; ``None`` for any.
    :param recursive: whether subfolders count.
    :param glob: what is meant of it all; anything where there is none.
    :raises FileNotFoundError, NotADirectoryError: there is no such folder.
    """

    def __init__(  # noqa: PLR0913  # settings, by name only
        self,
        top: str,
        sieve: Sieve,
        left: LeftAside,
        *,
        roots: Iterable[str] | None = None,
        recursive: bool = True,
        glob: Glob | None = None,
    ) -> None:
        self._start = f"{top.rstrip('/')}/"
        self._real_top = os.path.realpath(top)
        self._sieve = sieve
        self._left = left
        self._roots = None if roots is None else [_inside(os.path.realpath(root)) for root in roots]
        self._recursive = recursive
        self._glob = glob
        self._seen = {identity_of(os.stat(self._start), self._real_top)}  # noqa: PTH116  # as all of a walk

    def files(self) -> Iterator[tuple[str, str | None]]:
        """Yield the path of each image and its version, in the order of their names, folder by folder.

        The version is size and modification time; ``None`` for a link to nowhere, which the read task names.
        """
        waiting = [("", False, *_entries(self._start))]
        is_image = self._sieve.is_plain_image if self._glob is None else lambda _: False
        while waiting:
            inner, linked, names, odd = waiting[-1]
            folder = self._start + inner
            for name in names:
                what = odd.get(name) if odd else None
                if what is None and is_image(name):
                    path = folder + name
                    yield path, _version(path)
                    continue
                target = self._target(inner + name) if what == _LINK else None
                if what == _LINK and target is None:
                    yield from self._lost(inner + name)
                elif what is None or (target is not None and not stat.S_ISDIR(target.st_mode)):
                    if self._is_image(inner, name):
                        yield folder + name, _version(folder + name)
                elif self._enters(inner + name, target, linked=linked):
                    waiting.append((f"{inner}{name}/", linked or target is not None, *_entries(folder + name)))
                    break
            else:
                waiting.pop()

    def _is_image(self, inner: str, name: str) -> bool:
        """Return whether a file is to be read; count it where it is not."""
        if self._glob is not None and not self._glob.matches(inner + name):
            return False
        kind = self._sieve.of_file(name if self._sieve.is_plain else inner + name)
        if kind is not Kind.IMAGE:
            self._left.add(kind, inner + name)
        return kind is Kind.IMAGE

    def _lost(self, inner: str) -> Iterator[tuple[str, str | None]]:
        """Yield a link to nowhere that is called as an image is; count one that may have been a folder."""
        if self._sieve.of_file(inner) is Kind.IMAGE:
            if self._glob is None or self._glob.matches(inner):
                yield self._start + inner, None
        elif self._passes(inner):
            self._left.add(NOWHERE, inner)

    def _target(self, inner: str) -> os.stat_result | None:
        """Return what a link leads to, ``None`` where that is nowhere."""
        try:
            return os.stat(self._start + inner)  # noqa: PTH116  # as above
        except OSError:
            return None

    def _enters(self, inner: str, target: os.stat_result | None, *, linked: bool) -> bool:
        """Return whether a folder is walked; count it where it is not.

        :param target: what it leads to, where it is a link.
        :param linked: whether the walk came here through a link.
        """
        left_out: str | None = self._sieve.of_folder(inner)
        if self._glob is not None and not self._glob.enters(inner):
            if left_out is None and self._glob.matches(inner):
                self._left.add(FOLDERS, inner)
            return False
        if left_out is None and not self._recursive:
            left_out = SUBFOLDERS
        elif left_out is None and (target is not None or linked):
            left_out = self._second_name(inner, target)
        if left_out is not None:
            self._left.add(left_out, inner)
        return left_out is None

    def _second_name(self, inner: str, target: os.stat_result | None) -> str | None:
        """Return why a folder that a link led to is left aside, and remember those that are not."""
        real = os.path.realpath(self._start + inner)
        if target is not None and _inside(real).startswith(_inside(self._real_top)):
            own = real[len(_inside(self._real_top)) :]
            if all(self._passes(folder) for folder in folders_of(own)):
                return LINKED
        if target is not None and self._roots is not None and not any(map(_inside(real).startswith, self._roots)):
            return OUTSIDE
        known = identity_of(target or os.stat(real), real)  # noqa: PTH116  # as above
        if known in self._seen:
            return LINKED
        self._seen.add(known)
        return None

    def _passes(self, folder: str) -> bool:
        """Return whether the walk enters a folder by its own name."""
        return self._sieve.of_folder(folder) is None and (self._glob is None or self._glob.enters(folder))


def _version(path: str) -> str | None:
    try:
        found = os.stat(path)  # noqa: PTH116  # a Path object costs more than the call
    except FileNotFoundError:  # gone meanwhile, or a link to nowhere
        return None
    return f"{found.st_size}-{found.st_mtime_ns}"


def _inside(folder: str) -> str:
    """Return how the paths of what lies in a folder begin, and its own, with a slash behind it."""
    return f"{folder.rstrip('/')}/"


def _entries(folder: str) -> tuple[Iterator[str], dict[str, int]]:
    """Return the names in a folder, sorted, and which of them are folders and links; none for one that has gone."""
    names, odd = [], {}
    try:
        with os.scandir(folder) as found:
            for entry in found:
                names.append(entry.name)
                if entry.is_dir(follow_symlinks=False):
                    odd[entry.name] = _FOLDER
                elif entry.is_symlink():
                    odd[entry.name] = _LINK
    except FileNotFoundError:
        return iter(()), {}
    names.sort()
    return iter(names), odd


def identity_of(found: os.stat_result, real: str) -> tuple[int, int] | str:
    """Return what a folder is known by whatever path leads to it; some network disks number nothing."""
    return (found.st_dev, found.st_ino) if found.st_ino else real
