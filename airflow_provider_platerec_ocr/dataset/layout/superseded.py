"""Which files count where compacted ones stand for others.

On an object store both are there for a moment, or for as long as a killed compaction leaves them.

Before its files appear, a compaction writes down which ones they are and for which they stand. So whoever lists the
table sees each row once at every moment, and who has the next turn ends what was begun. Once it is over, the note goes.
"""

from __future__ import annotations

import json
import logging
from itertools import groupby
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.dataset.layout.names import COMPACT, COMPACTING, beside
from airflow_provider_platerec_ocr.storage.files import find_files, read_whole, remove, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider_platerec_ocr.storage.path import StoragePath

log = logging.getLogger(__name__)
_NOTE = r"[0-9a-f]+\.json"


def write_note(
    table: StoragePath, partition: str, token: str, inputs: Sequence[str], outputs: Sequence[str]
) -> StoragePath:
    """Write down that ``outputs`` stand for ``inputs`` once they are all there, and return where.

    :param table: folder of the table. :param partition: path of the files' folder from there on.
    :param token: names the note; hexadecimal.
    """
    place = _notes(table) / f"{token}.json"
    note = {"partition": partition, "inputs": sorted(inputs), "outputs": sorted(outputs)}
    write_whole(place, json.dumps(note).encode())
    return place


def counted(folder: StoragePath, places: list[StoragePath]) -> list[StoragePath]:
    """Return those of a table's files that count; notes are only looked for where a compacted file has others beside.

    :param folder: the table, or one of its partitions.
    """
    if not _may_stand_for_others(places):
        return places
    table = _table_around(folder)
    hidden: set[str] = set()
    for _, note in _all_notes(table):
        around = (table / note["partition"] if note["partition"] else table).path
        there = {place.name for place in places if place.parent.path == around}
        hidden |= {f"{around}/{name}" for name in _left_out(note, there)}
    return [place for place in places if place.path not in hidden]


def finish(table: StoragePath) -> int:
    """End the compactions of a table that were cut short, and return how many; only whose turn it is may."""
    number = 0
    for place, note in _all_notes(table):
        around = table / note["partition"] if note["partition"] else table
        there = {file.name for file in find_files(around, r".*\.parquet", deep=False)}
        for name in _left_out(note, there) & there:
            remove(around / name)
        remove(place)
        number += 1
    return number


def _left_out(note: dict[str, Any], there: set[str]) -> set[str]:
    """Return the files that do not count: those that were replaced, or those that have not all appeared.

    Where neither side is whole, somebody has changed the folder since, and everything counts.
    """
    inputs, outputs = set(note["inputs"]), set(note["outputs"])
    if outputs <= there:
        return inputs
    return outputs if inputs <= there else set()


def _may_stand_for_others(places: list[StoragePath]) -> bool:
    for _, group in groupby(places, key=lambda place: place.path.rpartition("/")[0]):
        are_compact = [COMPACT in place.name for place in group]
        if any(are_compact) and len(are_compact) > 1:
            return True
    return False


def _table_around(folder: StoragePath) -> StoragePath:
    """Return the table's folder, where this may be one of its partitions."""
    while "=" in folder.name:
        folder = folder.parent
    return folder


def _notes(table: StoragePath) -> StoragePath:
    return beside(table, "workspace") / COMPACTING


def _all_notes(table: StoragePath) -> Iterator[tuple[StoragePath, dict[str, Any]]]:
    for place in find_files(_notes(table), _NOTE, deep=False):
        data = read_whole(place)
        if data is None:  # it is over by now
            continue
        note = _understood(data)
        if note is None:
            log.warning("%s is no note of a compaction: rows may be there twice until it is removed.", place)
            continue
        yield place, note


def _understood(data: bytes) -> dict[str, Any] | None:
    """Return a note; ``None`` of what somebody else wrote there, or a half of it: no table is shut for that."""
    try:
        note = json.loads(data)
        is_one = isinstance(note["partition"], str) and all(
            isinstance(note[name], list) for name in ("inputs", "outputs")
        )
    except (ValueError, KeyError, TypeError):
        return None
    return note if is_one else None
