"""How far each shard is that runs now, as one small file each beside the workspaces, for who looks on.

``<workspace>/_running/<run>.<shard>.json`` is written over every few seconds by the process that reads the shard. It
may be lost or half-written, nothing hangs on it, and one listing finds all that runs.
"""

from __future__ import annotations

import json
import logging
import re
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Self

from airflow_provider_platerec_ocr.core.errors import OCRDatasetError
from airflow_provider_platerec_ocr.storage.store import Store, StoreErrors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_platerec_ocr.storage.path import StoragePath

FOLDER = "_running"
"""In the folder of all workspaces; no workspace has such a name."""
MOST = 1000
"""Shards that are looked at: as many as one run has at most."""
OLD_S = 86_400.0
"""Seconds without a word after which a file is a leftover."""
_LONGEST_BYTES = 20_000
_NAME = re.compile(r"(?P<run>.+)\.(?P<shard>[0-9]{5,})\.json")
_log = logging.getLogger(__name__)
_ERRORS = StoreErrors("workspace", OCRDatasetError, OCRDatasetError)


@dataclass(frozen=True, slots=True)
class ShardProgress:
    """How far one shard is."""

    run: str
    """Name of the run's workspace."""
    shard: int
    """Its number, from 0."""
    shards: int
    """Shards of the run."""
    dag_id: str = ""
    """Whose."""
    run_id: str = ""
    """Whose."""
    try_number: int = 1
    """Airflow's try."""
    total: int = 0
    """Images of the shard."""
    done: int = 0
    """Images that have ended, earlier tries included."""
    images_per_s: float = 0.0
    """Images a second since this try began."""
    rate_per_s: float = 0.0
    """Starts a second that may be made now; 0 where none may."""
    rate_given: bool = False
    """Whether the connection says that rate; else it is what was found so far."""
    in_flight: int = 0
    """Calls that are open."""
    from_ledger: int = 0
    """Reads that were paid for before."""
    dead_letters: int = 0
    """Images of this try that could not be read."""
    refused: Mapping[str, int] = field(default_factory=dict)
    """Calls that were refused or not sent, by error name."""
    eta_s: float | None = None
    """Seconds that the rest takes at this pace; ``None`` where that cannot be told yet."""
    started_at: str = ""
    """When this try began; UTC, ISO 8601."""
    at: str = ""
    """When this was written."""
    ended: bool = False
    """Whether the try has ended."""
    error: str = ""
    """With what it ended, where that was an error."""

    @classmethod
    def from_json(cls, data: Any) -> Self | None:
        """Return what a file says, ``None`` where that is nothing that can be used."""
        if not isinstance(data, dict):
            return None
        given = {each.name: data[each.name] for each in fields(cls) if each.name in data}
        fits = all(isinstance(given[name], kind) for name, kind in _KINDS.items() if name in given)
        try:
            return cls(**given) if fits else None
        except TypeError:
            return None


_KINDS: dict[str, tuple[type, ...]] = {
    each.name: {"int": (int,), "str": (str,), "float": (int, float), "bool": (bool,)}.get(str(each.type), (object,))
    for each in fields(ShardProgress)
} | {"refused": (dict,), "eta_s": (int, float, type(None))}


class LiveFolder:
    """The files of all that runs. Blocking.

    :param root: folder of all runs' workspaces.
    """

    def __init__(self, root: StoragePath) -> None:
        self._store = Store(root, _ERRORS)

    def write(self, progress: ShardProgress) -> None:
        """Write how far a shard is, whatever was there.

        :raises OCRDatasetError: the store takes no file.
        """
        self._store.overwrite(_name(progress.run, progress.shard), json.dumps(asdict(progress)).encode())

    def read(self) -> list[ShardProgress]:
        """Return what runs, or ran last, by run and shard; what is half-written is left out.

        :raises OCRDatasetError: the store cannot be read.
        """
        names = [f"{FOLDER}/{name}" for name, _ in self._store.names(FOLDER) if _NAME.fullmatch(name)]
        found = (_understood(data) for data in self._store.read_many(names[-MOST:]).values())
        return sorted((each for each in found if each is not None), key=lambda each: (each.run, each.shard))

    def forget(self, run: str, now_s: float) -> None:
        """Remove the files of a run, and leftovers of others.

        :param now_s: seconds since 1970.
        :raises OCRDatasetError: the store cannot be read.
        """
        for name, _, written_s in self._store.entries(FOLDER):
            match = _NAME.fullmatch(name)
            old = written_s is not None and now_s - written_s > OLD_S
            if match is not None and (match["run"] == run or old):
                self._store.remove(f"{FOLDER}/{name}")


def forget_live(root: StoragePath, run: str, now_s: float) -> None:
    """Remove what said how far a run was, now that it is published; that it cannot be removed is logged."""
    try:
        LiveFolder(root).forget(run, now_s)
    except OCRDatasetError as error:
        _log.warning("%s", error)


def _name(run: str, shard: int) -> str:
    return f"{FOLDER}/{run}.{shard:05d}.json"


def _understood(data: bytes) -> ShardProgress | None:
    try:
        return ShardProgress.from_json(json.loads(data)) if len(data) <= _LONGEST_BYTES else None
    except (ValueError, RecursionError):
        return None
