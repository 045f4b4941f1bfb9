"""What the shards of a run tell each other of rejections in the same words: one small file each, in its workspace.

A shard writes only after a few rejections in a row, and looks only then and at its end, so that a night without costs
nothing. Whether another shard had an image read stands in the counts that each keeps anyway.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.images.alike import Fellows
from airflow_provider_platerec_ocr.dataset.layout.names import REFUSED
from airflow_provider_platerec_ocr.dataset.report.tries import read_tries
from airflow_provider_platerec_ocr.storage.files import (
    find_files,
    ordered_map,
    read_whole,
    remove,
    threads_for,
    write_whole,
)

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.storage.path import StoragePath

_NAME = r"\d{5,}-\d{3,}\.json"


class FellowShards(Fellows):
    """The shards of the run in a workspace, seen by one try of one of them.

    :param workspace: the run's workspace.
    :param shard: this shard's number. :param try_number: its try; earlier ones of it are fellows, too, where asked for.
    """

    def __init__(self, workspace: StoragePath, shard: int, try_number: int) -> None:
        self._workspace = workspace
        self._shard = f"{shard:05d}"
        self._own = workspace / f"{REFUSED}/{self._shard}-{try_number:03d}.json"

    def tell(self, said: str, count: int) -> None:
        """Write this shard's file, or take it away; words go as a hash, since they are only compared."""
        if count:
            write_whole(self._own, json.dumps({"words": _hash(said), "alike": count}).encode())
        else:
            remove(self._own)

    def alike(self, said: str, *, own: bool = True) -> int:
        """Return the sum of what the others wrote of the same words.

        Of several tries of a shard the one with the most counts: each meets again what the one before left.
        """
        places = [
            place
            for place in find_files(self._workspace / REFUSED, _NAME, deep=False)
            if place.path != self._own.path and (own or _shard_of(place) != self._shard)
        ]
        texts = ordered_map(read_whole, places, threads=threads_for(self._workspace))
        most: dict[str, int] = {}
        for place, text in zip(places, texts, strict=True):
            note = json.loads(text) if text else {}
            if note.get("words") == _hash(said):
                most[_shard_of(place)] = max(most.get(_shard_of(place), 0), int(note["alike"]))
        return sum(most.values())

    def have_read(self) -> bool:
        """Return whether a try of any shard had an image read by the API."""
        return any(each.read for each in read_tries(self._workspace))


def _shard_of(place: StoragePath) -> str:
    return place.name.partition("-")[0]


def _hash(said: str) -> str:
    return sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:16]
