"""Where the things of one dataset lie, opened, and whether a run is at work among them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRInputError
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.dataset.layout.names import FINISHED, OUTCOMES, PLAN, SHARDS
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from airflow_provider_platerec_ocr.storage.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.storage.path import StoragePath

QUIET_S = 600.0
"""Seconds after its last line from which on a run that did not end counts as given up."""
LEASE_S = 270.0
"""Lease of claims that do not say theirs."""
NAMED = 3
"""Runs at work that a message names."""
_LOOK_EVERY_S = 5.0


class RunActiveError(OCRInputError):
    """A run is at work: what it has in its memory it would publish after all."""


@dataclass(frozen=True, slots=True)
class Places:
    """The places of one dataset."""

    dataset: StoragePath
    """Folder of the reads."""
    repeats: StoragePath
    """Folder of the reads that added no rows."""
    dead_letters: StoragePath
    corrections: StoragePath
    workspace: StoragePath
    """Folder of all runs' workspaces."""
    reports: StoragePath
    sweeps: StoragePath
    """Log of the inbox's sweeps."""
    ledger: StoragePath | None = None
    """``None`` where there is none, which must be said."""
    inbox: StoragePath | None = None
    """Inbox of webhooks; ``None`` where there is none."""
    spill: Path | None = None
    """Folder on this machine for answers that the ledger did not take; ``None`` where there is none."""
    analyses: tuple[StoragePath, ...] = ()
    """Folders of reconciliations and sightings that do not lie beside the dataset, as far as they are known."""
    other_reports: tuple[StoragePath, ...] = ()
    """Folders of reports that only reconciliations of the dataset wrote into, as far as they are known."""
    other_workspaces: tuple[StoragePath, ...] = ()
    """Folders of all runs' workspaces of the other datasets that the ledger pays for, as far as they are known."""

    def open_ledger(self, clock: Clock | None = None) -> Ledger | None:
        """Return the ledger, to be looked at."""
        if self.ledger is None:
            return None
        return Ledger.peek(self.ledger, lease_s=LEASE_S, clock=clock or SystemClock())


def active_runs(workspaces: StoragePath, clock: Clock, quiet_s: float = QUIET_S) -> list[str]:
    """Return the names of the workspaces of runs that are at work: not finished, and written to a moment ago."""
    store = Store(workspaces)
    since = (clock.now() - timedelta(seconds=quiet_s)).timestamp()
    found = []
    for name in store.bare_names():
        entries = {entry: at_s for entry, _, at_s in store.entries(name)}
        if PLAN not in entries or FINISHED in entries:
            continue
        folders = [
            f"{name}/{SHARDS}",
            *(f"{name}/{OUTCOMES}/{shard}" for shard in store.bare_names(f"{name}/{OUTCOMES}")),
        ]
        times = [*entries.values(), *(at_s for folder in folders for _, _, at_s in store.entries(folder))]
        if any(at_s is None or at_s >= since for at_s in times):
            found.append(name)
    return found


def wait_until_quiet(places: Places, clock: Clock, wait_s: float = 0.0, quiet_s: float = QUIET_S) -> None:
    """Return when no run is at work: of this dataset, or of another one that pays from the same ledger.

    :raises RunActiveError: one still is, after ``wait_s``.
    """
    until = clock.monotonic() + wait_s
    workspaces = {place.uri: place for place in (places.workspace, *places.other_workspaces)}.values()
    while runs := [run for place in workspaces for run in active_runs(place, clock, quiet_s)]:
        if clock.monotonic() >= until:
            named = ", ".join(runs[:NAMED]) + (", …" if len(runs) > NAMED else "")
            message = (
                f"A run is at work ({named}), and what it has read it "
                f"would publish after all. Wait for its export, or end it and wait "
                f"{count_of(round(quiet_s / 60), 'minute')}; nothing was changed."
            )
            raise RunActiveError(message)
        clock.pause(min(_LOOK_EVERY_S, max(0.0, until - clock.monotonic())))
