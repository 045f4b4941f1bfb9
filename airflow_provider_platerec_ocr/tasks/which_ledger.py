"""Which ledger a task works with: found out before anything is created, said in the log, and refused where it is wrong.

A place that is mistyped on one machine, or a disk that is not mounted, looks like a ledger that nobody has used yet.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRConfigError, OCROtherLedger
from airflow_provider_platerec_ocr.core.settings import flag
from airflow_provider_platerec_ocr.dataset.report.ledger_memory import (
    LedgerRecord,
    Match,
    has_reads,
    match,
    remember_ledger,
    remembered_ledger,
    shrunk,
)
from airflow_provider_platerec_ocr.engine.ledger.identity import has_claims, read_identity
from airflow_provider_platerec_ocr.engine.ledger.size import size_of
from airflow_provider_platerec_ocr.runtime import task
from airflow_provider_platerec_ocr.runtime.places import open_ledger_place, open_place
from airflow_provider_platerec_ocr.storage.store import Store

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.engine.ledger.identity import Identity
    from airflow_provider_platerec_ocr.storage.path import StoragePath

log = logging.getLogger(__name__)
_ID = re.compile(r"[0-9a-f]{12}")
_WHERE = (
    "Is a disk not mounted on this machine, or the place mistyped (the argument ledger, [platerec_ocr] ledger or "
    "AIRFLOW__PLATEREC_OCR__LEDGER)?"
)


def look(ledger: str | None) -> LedgerRecord:
    """Return the ledger that a task would use, as it is; nothing is created.

    :raises OCRLedgerError: its store cannot be read.
    """
    place = open_ledger_place(ledger)
    store = Store(place)
    identity, size = read_identity(store), size_of(store)
    return LedgerRecord(
        place=place.uri,
        answers=size.total,
        rejected=size.rejected,
        size=str(size),
        has_claims=size.total > 0 or has_claims(store),
        **_named(identity),
    )


def _named(identity: Identity) -> dict[str, Any]:
    return {"id": identity.id, "age": identity.age() if identity.id else "", "ids": identity.merged}


@dataclass(frozen=True, slots=True)
class LedgerCheck:
    """The ledger of a plan, held against what its dataset remembers."""

    dataset: str
    """Folder of the published table."""
    workspace: str
    """Folder of all runs' workspaces."""
    ledger: str | None
    """The task's argument."""
    new_ledger: bool | str | None
    """What the user says of it: true, or the id of the ledger that is meant."""

    def before(self, *, dry: bool) -> tuple[LedgerRecord, str]:
        """Look before anything is created, and say what is there; return that, and why a run would stop, or nothing.

        :param dry: only warn.
        :raises OCROtherLedger: it is not the dataset's ledger, and nobody said that it is meant.
        """
        now = look(self.ledger)
        log.info("Ledger: %s.", now)
        remembered = remembered_ledger(self._memory)
        reads = has_reads(open_place(self.dataset), open_place(self.workspace), remembered)
        found = match(now, remembered, has_reads=reads)
        if found is Match.FINE:
            if shrunk(now, remembered):
                log.warning(
                    "The ledger has %s, and had %s when this dataset was read with it at %s: if it was restored from a "
                    "backup, what was paid for since may be paid for again.",
                    *(now.size, remembered.size, remembered.at) if remembered else (),
                )
            return now, ""
        if is_meant(now, self.new_ledger):
            odd = _difference(self.dataset, now, remembered, found)
            log.warning("%s Going on, since new_ledger says that it is meant.", odd)
            return now, ""
        message = _objection(self.dataset, now, remembered, found, said=self.new_ledger)
        if not dry:
            raise OCROtherLedger(message, ledger_id=now.id, remembered_id=remembered.id if remembered else "")
        log.warning("The run would stop here: %s", message)
        return now, message

    def after(self, seen: LedgerRecord, run: str) -> LedgerRecord:
        """Write down which ledger the dataset is read with, now that it is open, and return it.

        :param seen: what :meth:`before` saw: opening may have given it an id since.
        :param run: name of the run's workspace.
        """
        now = replace(seen, **_named(read_identity(Store(open_ledger_place(self.ledger)))))
        remember_ledger(self._memory, replace(now, run=run, at=task.now()))
        return now

    @property
    def _memory(self) -> StoragePath:
        return memory_of(self.dataset)


def memory_of(dataset: str) -> StoragePath:
    """Return the file that says which ledger a dataset was read with."""
    return open_place(task.beside(dataset, "ledger.json"))


def is_meant(now: LedgerRecord, value: bool | str | None) -> bool:  # noqa: FBT001  # as users give it
    """Return whether the user says that the ledger ``now`` is meant.

    :param value: true, false, nothing, or the id of the ledger that is meant.
    :raises OCRConfigError: it is none of these.
    """
    if value is None or (isinstance(value, str) and value.strip() in {"", "None"}):
        return False
    if isinstance(value, str) and _ID.fullmatch(value.strip().lower()):
        return value.strip().lower() in now.ids
    try:
        return flag(value, "new_ledger")
    except OCRConfigError:
        message = (
            f"new_ledger must be true, false, or a ledger's id (12 digits, as `ledger … info` shows), not {value!r}."
        )
        raise OCRConfigError(message) from None


def expect(ledger: str | None, shard: dict[str, Any]) -> None:
    """Return if a read task has the ledger that its plan had: each machine may say for itself where that is.

    :raises OCROtherLedger: it has another one, or none.
    """
    planned = str(shard.get("ledger_id") or "")
    place = open_ledger_place(ledger)
    identity = read_identity(Store(place))
    if planned and not identity.is_also(planned):
        there = f"is another one (id {identity.id}, {identity.age()})" if identity.id else "is not there"
        message = (
            f"This run was planned with the ledger {shard.get('ledger', planned)}, and the ledger of this task, "
            f"{place}, {there}. Nothing is sent, since all might be paid for again. {_WHERE}"
        )
        raise OCROtherLedger(message, ledger_id=identity.id, remembered_id=planned)
    log.info(
        "Ledger: %s (id %s, %s); planned with %s.", place, identity.id, identity.age(), shard.get("ledger", "another")
    )


def tell(dataset: str, ledger: str | None, run: str) -> LedgerRecord:
    """Say at a run's end which ledger this is, and write down how much it has by now; return it.

    A task on another machine may have another place: that is said, and changes nothing.
    """
    now, memory = look(ledger), memory_of(dataset)
    log.info("Ledger: %s.", now)
    remembered = remembered_ledger(memory)
    if remembered is not None and remembered.id not in now.ids:
        log.warning("This dataset was read with %s: the export has another ledger. %s", remembered, _WHERE)
    elif now.id:
        remember_ledger(memory, replace(now, run=run, at=task.now()))
    return now


def _difference(dataset: str, now: LedgerRecord, remembered: LedgerRecord | None, found: Match) -> str:
    """Return what is odd, as sentences."""
    was = f"they were read with {remembered}" if remembered else "they were read with a ledger that nobody wrote down"
    match found:
        case Match.NEW:
            return f"The ledger {now.place} is new: it has no claim. But {dataset} has reads: {was}."
        case Match.EMPTIED:
            return f"The ledger {now} has lost its claims: {dataset} has reads, and {was}."
        case _:
            return f"The ledger {now} is not the one of {dataset}, which has reads: {was}."


def _objection(
    dataset: str, now: LedgerRecord, remembered: LedgerRecord | None, found: Match, *, said: bool | str | None
) -> str:
    """Return why the run stops, and what to do."""
    other = f" (new_ledger says {said!r}, which it is not)" if said and str(said).lower() != "false" else ""
    return (
        f"{_difference(dataset, now, remembered, found)} A ledger does not know what another one paid for, so images "
        f"would be paid for again. Nothing was sent or created. {_WHERE} If this ledger is meant, run once with "
        f"new_ledger={now.id or 'true'}{other}."
    )
