"""Which ledger a dataset was read with, so that a mistyped or unmounted place does not pay for everything again.

One small file beside the dataset, ``<dataset>_ledger.json``: it outlives workspaces and reports, and costs one request.
Where it is missing (older versions wrote none), a ledger that has claims is taken for the right one, and an empty one
is not.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.dataset.layout.names import OTHERS_CALLS, OUTCOMES, PARQUET_FILE
from airflow_provider_platerec_ocr.storage.files import find_files, read_whole, write_whole

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.storage.path import StoragePath

log = logging.getLogger(__name__)
EARLIER = 20
"""Ledgers before the last that are kept, for people."""


@dataclass(frozen=True, slots=True)
class LedgerRecord:
    """A ledger, as it was when a dataset was read with it."""

    place: str
    """Where it was."""
    id: str = ""
    """Its name; empty where it had none yet."""
    age: str = ""
    """How old it is, in words."""
    answers: int = 0
    """How many answers it had."""
    size: str = ""
    """The same in words."""
    run: str = ""
    """Name of the workspace of the run that used it last."""
    at: str = ""
    """When that was; UTC, ISO 8601."""
    ids: frozenset[str] = field(default=frozenset(), repr=False)
    """Its own id and those of ledgers that were copied into it; not written down."""
    has_claims: bool = True
    """Whether it has anything at all."""
    rejected: int = 0
    """How many calls ended as rejected, or were answered and deleted since; not written down."""

    def __str__(self) -> str:
        """Return it as a part of a sentence."""
        known = [f"id {self.id}" if self.id else "", self.size, self.age]
        return f"{self.place} ({', '.join(filter(None, known)) or 'nothing is there'})"

    def to_json(self) -> dict[str, Any]:
        """Return what is written down."""
        return {name: value for name, value in asdict(self).items() if name not in {"ids", "has_claims", "rejected"}}


class Match(StrEnum):
    """How the ledger of a run fits a dataset."""

    FINE = "fine"
    """The one it was read with, or one that can be taken for it, or nothing was read yet."""
    NEW = "new"
    """One without any claim, although there are reads."""
    OTHER = "other"
    """One with claims, but not the one that the dataset was read with."""
    EMPTIED = "emptied"
    """The one it was read with, but its claims are gone."""


def match(now: LedgerRecord, remembered: LedgerRecord | None, *, has_reads: bool) -> Match:
    """Return how the ledger ``now`` fits a dataset that remembers ``remembered``."""
    if not has_reads:
        return Match.FINE
    if remembered is None or not remembered.id:
        return Match.FINE if now.has_claims else Match.NEW
    if remembered.id in now.ids:
        return Match.EMPTIED if remembered.answers and not now.has_claims else Match.FINE
    return Match.OTHER if now.has_claims else Match.NEW


def has_reads(dataset: StoragePath, workspaces: StoragePath, remembered: LedgerRecord | None) -> bool:
    """Return whether anything was read for a dataset: it is published, or the last run has left it in its workspace.

    :param workspaces: the folder of all runs' workspaces.
    """
    if any(not OTHERS_CALLS.search(place.name) for place in find_files(dataset, PARQUET_FILE)):
        return True
    return bool(remembered and remembered.run and find_files(workspaces / remembered.run / OUTCOMES, r"[^.].*\.jsonl"))


def remembered_ledger(place: StoragePath) -> LedgerRecord | None:
    """Return the ledger that the dataset was last read with; ``None`` where nobody wrote it down, or not readably."""
    data = read_whole(place)
    if data is None:
        return None
    try:
        last = json.loads(data)["ledger"]
        return LedgerRecord(**{name: last[name] for name in LedgerRecord(place="").to_json() if name in last})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        log.warning("%s does not say which ledger was used and is left aside: %s", place, error)
        return None


def remember_ledger(place: StoragePath, now: LedgerRecord) -> None:
    """Write down that the dataset is read with the ledger ``now``; a store that refuses it holds up no run."""
    try:
        earlier = _earlier(place, now)
        record = {"ledger": now.to_json(), "earlier": earlier}
        write_whole(place, json.dumps(record, indent=1, ensure_ascii=False).encode())
    except OSError as error:
        log.warning("%s cannot be written, so nobody will notice another ledger beside this dataset: %s", place, error)


def _earlier(place: StoragePath, now: LedgerRecord) -> list[dict[str, Any]]:
    """Return the records of the ledgers before ``now``, newest first, one each."""
    try:
        data = json.loads(read_whole(place) or b"{}")
        before = [data["ledger"], *data["earlier"]] if data else []
        kept = {record["id"]: record for record in reversed(before) if record["id"] != now.id}
    except (ValueError, KeyError, TypeError):
        return []
    return list(reversed(kept.values()))[:EARLIER]


def shrunk(now: LedgerRecord, remembered: LedgerRecord | None) -> bool:
    """Return whether the ledger clearly lacks answers that it had when the dataset was last read with it.

    Answers that were deleted (``dataset forget``, ``dataset retain``) are still there by name, as rejected.
    """
    if remembered is None or remembered.id not in now.ids:
        return False
    return now.answers + now.rejected < 0.9 * remembered.answers
