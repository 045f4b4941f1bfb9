"""Which payloads of the inbox a dataset has taken, as a log of sweeps: exactly one row each, whoever dies when.

Each sweep is one file, created exclusively, that holds everything to be published, and how far in the inbox it reaches:

::

    <dataset>_inbox/0000000012.sweep     outcomes and cursor, written before anything is published
    <dataset>_inbox/0000000012.done      a mark: they are published

The next sweep begins where the last one ended, and only one can be the next: of two tasks that sweep at once, one
creates the file. A sweep without its mark is published by whoever finds it. That may be done twice, since it gives the
same bytes under the same name each time.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.errors import OCRDatasetError, OCRLedgerError, OCRLedgerUnwritable
from airflow_provider_platerec_ocr.core.models import Outcome
from airflow_provider_platerec_ocr.storage.store import Store, StoreErrors

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.storage.path import StoragePath

KEPT = 200
"""Finished sweeps that stay in the log; older ones are removed, since their rows are in the dataset."""
_RECENT = 20
_ERRORS = StoreErrors("log of sweeps", OCRLedgerUnwritable, OCRLedgerError)
_NAME = re.compile(r"([0-9]{10})\.(sweep|done)")


@dataclass(frozen=True, slots=True)
class Sweep:
    """What one sweep took from the inbox."""

    number: int
    """From 1, without gaps."""
    until: str
    """Cursor of the last payload that was looked at: the next sweep begins after it."""
    dag_id: str
    """Whose rows they are."""
    run_id: str
    """As above."""
    date: str
    """Partition, ``YYYY-MM-DD``."""
    at: str
    """When it was made; UTC."""
    ids: tuple[str, ...]
    """Payloads that were looked at."""
    outcomes: tuple[Outcome, ...]
    """What is to be published, by row from 1; may be none."""

    def to_bytes(self) -> bytes:
        """Return the sweep as its file's content."""
        fields = {name: getattr(self, name) for name in ("number", "until", "dag_id", "run_id", "date", "at", "ids")}
        return json.dumps(fields | {"outcomes": [outcome.to_json() for outcome in self.outcomes]}).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Sweep:
        """Return the sweep of a file."""
        fields = json.loads(data)
        outcomes = tuple(Outcome.from_json(outcome) for outcome in fields.pop("outcomes"))
        return cls(**fields | {"ids": tuple(fields["ids"]), "outcomes": outcomes})


class SweepLog:
    """The sweeps of one dataset.

    :param place: the log's folder; the first sweep creates it.
    :param kept: finished sweeps that stay.
    """

    def __init__(self, place: StoragePath, *, kept: int = KEPT) -> None:
        self._store = Store(place, _ERRORS)
        self.place = place
        self._kept = kept

    def open(self) -> tuple[Sweep | None, list[Sweep]]:
        """Return the last sweep, if there is any, and those that may not have been published, in order.

        :raises OCRDatasetError: a file of the log is damaged.
        """
        swept, done = self._numbers()
        waiting = [self._load(number) for number in sorted(swept - done)]
        return (self._load(max(swept)) if swept else None), waiting

    def recent_ids(self) -> set[str]:
        """Return the payloads of the last sweeps: one whose receipt took very long may be given out a second time."""
        swept, _ = self._numbers()
        return {id_ for number in sorted(swept)[-_RECENT:] for id_ in self._load(number).ids}

    def begin(self, sweep: Sweep) -> bool:
        """Write a sweep down; return ``False`` where somebody else has made the sweep of this number."""
        self._store.prepare()
        return self._store.create(f"{sweep.number:010d}.sweep", sweep.to_bytes())

    def finish(self, sweep: Sweep) -> None:
        """Note that a sweep is published."""
        self._store.create(f"{sweep.number:010d}.done", b"done\n")

    def is_done(self, sweep: Sweep) -> bool:
        """Return whether a sweep is published."""
        return self._store.read(f"{sweep.number:010d}.done") is not None

    def tidy(self) -> None:
        """Remove old sweeps that are published."""
        _, done = self._numbers()
        for number in sorted(done)[: -self._kept]:
            self._store.remove(f"{number:010d}.sweep")
            self._store.remove(f"{number:010d}.done")

    def _numbers(self) -> tuple[set[int], set[int]]:
        found: dict[str, set[int]] = {"sweep": set(), "done": set()}
        for name, _ in self._store.names():
            if match := _NAME.fullmatch(name):
                found[match[2]].add(int(match[1]))
        return found["sweep"], found["done"]

    def _load(self, number: int) -> Sweep:
        name = f"{number:010d}.sweep"
        try:
            return Sweep.from_bytes(self._store.read(name) or b"")
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            message = (
                f"{self.place / name} is damaged, so nobody knows how far the inbox was read. Move the folder away: "
                "the next sweep looks into the dataset for what it has."
            )
            raise OCRDatasetError(message) from error
