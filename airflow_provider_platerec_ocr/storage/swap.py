"""Putting new files where others were, so that whoever reads the folder sees the old ones or the new ones.

On a local disk the folder with the new files takes the place of the old one in one step. On an object store, and where
a disk cannot do that, the new files appear first and the old ones go right after: for that moment both are there.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.storage.exchange import exchange
from airflow_provider_platerec_ocr.storage.files import (
    read_whole,
    relative,
    remove,
    remove_folder,
    write_whole,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.storage.path import StoragePath

STAGING = "upkeep"
"""Folder within a workspace, for what is being made; the dot in front keeps it apart from all else there."""
LEFT_FOR_S = 3600.0
"""Seconds for which what another process is making is left alone."""
_JOURNAL = "swap.json"


def staging_of(workspace: StoragePath) -> StoragePath:
    """Return a new folder to make files in, below a workspace."""
    return workspace / f".{STAGING}" / secrets.token_hex(4)


def can_exchange(folder: StoragePath, staging: StoragePath) -> bool:
    """Return whether a folder made in ``staging`` can take the place of ``folder`` in one step."""
    if not (folder.is_local and staging.is_local and Path(folder.path).is_dir()):
        return False
    one, other = (Path((staging / name).path) for name in ("one", "other"))
    for path in (one, other):
        path.mkdir(parents=True, exist_ok=True)
    try:
        same_disk = one.stat().st_dev == Path(folder.path).stat().st_dev
        return same_disk and exchange(staging / "one", staging / "other")
    finally:
        for path in (one, other):
            path.rmdir()


def make_folder(place: StoragePath) -> None:
    """Have a folder on the local disk."""
    Path(place.path).mkdir(parents=True, exist_ok=True)


@dataclass(frozen=True, slots=True)
class Seen:
    """A file as it was when it was read."""

    name: str
    """Within its folder."""
    mark: tuple[int, ...]
    """What changes when somebody writes it again."""


def seen(places: Iterable[StoragePath]) -> list[Seen]:
    """Return files as they are now; those that went meanwhile are not among them."""
    found = []
    for place in places:
        with contextlib.suppress(FileNotFoundError):
            found.append(Seen(place.name, _mark(place)))
    return found


def _mark(place: StoragePath) -> tuple[int, ...]:
    if place.is_local:
        stat = Path(place.path).stat()
        return stat.st_ino, stat.st_size, stat.st_mtime_ns
    place.fs.invalidate_cache(place.parent.path)
    info = place.fs.info(place.path)
    return int(info.get("size") or 0), hash(str(info.get("ETag") or info.get("etag") or info.get("mtime")))


def swap_folder(target: StoragePath, staged: StoragePath, inputs: Sequence[Seen]) -> bool:
    """Let the folder ``staged`` take the place of ``target``, whose files ``inputs`` it stands for, and remove those.

    What else lies in ``target`` stays in it, such as a file that a run has published meanwhile. Where one of ``inputs``
    is not what it was, all is left as it was.

    :returns: whether it took its place.
    """
    journal = staged.parent / _JOURNAL
    outputs = [path.name for path in Path(staged.path).iterdir()]
    note = {"target": target.path, "inputs": [each.name for each in inputs], "outputs": outputs}
    write_whole(journal, json.dumps(note).encode())
    if seen(target / each.name for each in inputs) != list(inputs):
        return False
    exchange(target, staged)
    if seen(staged / each.name for each in inputs) != list(inputs):  # written again in that very moment
        _bring_back(target, staged, outputs)
        exchange(target, staged)
        return False
    _end(target, staged, [each.name for each in inputs])
    return True


def _end(target: StoragePath, staged: StoragePath, inputs: Sequence[str]) -> None:
    """Remove what is replaced from the folder that made place, after whatever else is in it has gone back."""
    while Path(staged.path).is_dir():
        _bring_back(staged, target, inputs)
        for name in inputs:
            remove(staged / name)
        with contextlib.suppress(OSError):  # another file came in by the old name of the folder: once more
            Path(staged.path).rmdir()


def _bring_back(source: StoragePath, to: StoragePath, but: Sequence[str]) -> None:
    for path in Path(source.path).iterdir():
        if path.name not in but:
            path.rename(Path(to.path) / path.name)


def swap_tree(target: StoragePath, staged: StoragePath, inputs: Sequence[str]) -> None:
    """Let a whole table take the place of another, in one step, and give back what else lay in that.

    :param inputs: files that it stands for, by their paths from ``target`` on; ``staged`` holds the old table then.
    """
    note = {"target": target.path, "inputs": list(inputs), "outputs": _files_in(staged), "tree": True}
    write_whole(staged.parent / _JOURNAL, json.dumps(note).encode())
    exchange(target, staged)
    _give_back(staged, target, inputs)


def _files_in(folder: StoragePath) -> list[str]:
    return [path.relative_to(folder.path).as_posix() for path in Path(folder.path).rglob("*") if path.is_file()]


def _give_back(staged: StoragePath, target: StoragePath, inputs: Sequence[str]) -> None:
    """Move what lay in a table beside its own files, such as a format's log, into the one that took its place."""
    for path in sorted(Path(staged.path).rglob("*")):
        name = path.relative_to(staged.path).as_posix()
        if path.is_file() and name not in inputs:
            to = Path(target.path) / name
            to.parent.mkdir(parents=True, exist_ok=True)
            path.rename(to)


def recover(workspace: StoragePath, clock: Clock) -> None:
    """End what a killed process left below a workspace: swaps that were made, and folders that nobody needs.

    What is younger than an hour may be another process's that is at work.
    """
    root = workspace / f".{STAGING}"
    if not root.is_local or not Path(root.path).is_dir():
        return
    old = clock.now().timestamp() - LEFT_FOR_S
    for path in sorted(Path(root.path).iterdir()):
        if path.stat().st_mtime > old:
            continue
        folder = root / path.name
        data = read_whole(folder / _JOURNAL)
        if data is not None:
            note = json.loads(data)
            target, staged = type(root)(root.fs, note["target"], root.protocol), folder / "new"
            made = all((Path(target.path) / name).exists() for name in note["outputs"])
            if made and Path(staged.path).is_dir():
                if note.get("tree"):
                    _give_back(staged, target, note["inputs"])
                else:
                    _end(target, staged, note["inputs"])
        remove_folder(folder)


def swap_files(folder: StoragePath, inputs: Sequence[Seen], outputs: Sequence[StoragePath]) -> bool:
    """Remove the files ``inputs`` now that ``outputs`` stand for them; where one is not what it was, the new ones go.

    :returns: whether the new ones stayed.
    """
    if seen(folder / each.name for each in inputs) != list(inputs):
        for place in outputs:
            remove(place)
        return False
    for each in inputs:
        remove(folder / each.name)
    return True


def below(folder: StoragePath, root: StoragePath) -> str:
    """Return a folder's path from ``root`` on, empty where it is ``root``."""
    return relative(folder, root)
