"""Keeping everything of a dataset for so long and no longer.

What goes from the table must not come back from the ledger with the next run, so the two know the same day: the keys of
the reads that go are written down, and answers of that age lose their content and stay paid for.
"""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.images.page_marks import HEAD_BYTES, written_at
from airflow_provider_platerec_ocr.core.models import parse_timestamp
from airflow_provider_platerec_ocr.dataset.corrections.table import corrections_that, remove_corrections
from airflow_provider_platerec_ocr.dataset.layout.names import DEAD_LETTERS, FINISHED, PLAN, READS, REPEATS
from airflow_provider_platerec_ocr.dataset.table.publish import turn_to_publish
from airflow_provider_platerec_ocr.dataset.upkeep.erase import columns_for, erase_rows, find_rows, older_than
from airflow_provider_platerec_ocr.engine.kept.tombstones import RETENTION, bury, keep_keys, keys_of, search
from airflow_provider_platerec_ocr.storage.files import find_files, read_whole, relative, remove, remove_folder
from airflow_provider_platerec_ocr.storage.store import Store
from airflow_provider_platerec_ocr.storage.swap import staging_of
from airflow_provider_platerec_ocr.upkeep import derived
from airflow_provider_platerec_ocr.upkeep.forget import codes_of
from airflow_provider_platerec_ocr.upkeep.inbox import Received
from airflow_provider_platerec_ocr.upkeep.places import wait_until_quiet

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from contextlib import AbstractContextManager
    from datetime import datetime

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.dataset.layout.table_files import TableFile
    from airflow_provider_platerec_ocr.storage.path import StoragePath
    from airflow_provider_platerec_ocr.storage.turn import Turn
    from airflow_provider_platerec_ocr.upkeep.places import Places

WHAT = ("table", "dead_letters", "corrections", "reports", "analyses", "workspace", "ledger", "inbox")
"""What can be kept for so long, in the order in which it goes."""


@dataclass(slots=True)
class Retained:
    """What has gone, or would go."""

    counts: dict[str, int] = field(default_factory=dict)
    """Rows, files, folders, answers, payloads, by what they are."""
    where: dict[str, list[str]] = field(default_factory=dict)
    """Files of analyses, which may lie anywhere, by what they are."""
    in_doubt: int = 0
    """Old entries of the ledger with a call in doubt: they stay until somebody settles them."""


class Retention:
    """One sweep over what is older than a moment.

    :param before: aware; the table goes by whole days, the day of this moment stays.
    :param only: some of :data:`WHAT`; all by default.
    """

    def __init__(
        self, places: Places, before: datetime, *, only: Collection[str] = WHAT, clock: Clock | None = None
    ) -> None:
        unknown = sorted(set(only) - set(WHAT))
        if unknown:
            message = f"Nothing is called {', '.join(unknown)}; there are {', '.join(WHAT)}."
            raise OCRConfigError(message)
        if "table" in only and places.ledger is None:
            message = "The table's old reads would come back with the next run: say which ledger they were paid with."
            raise OCRConfigError(message)
        self._places = places
        self._before = before.astimezone(UTC)
        self._day = self._before.date()
        self._only = [name for name in WHAT if name in only]
        self._clock = clock or SystemClock()

    def run(self, *, dry_run: bool = False, wait_s: float = 0.0) -> Retained:
        """Take away what is older, and return how much that was.

        :param dry_run: count only.
        :param wait_s: seconds to wait for a run that is at work.
        :raises RunActiveError: one is still at work; nothing was changed.
        """
        if not dry_run:
            wait_until_quiet(self._places, self._clock, wait_s)
        done = Retained()
        with nullcontext() if dry_run else self._turn():
            for name in self._only:
                count = getattr(self, f"_{name}")(done, dry_run=dry_run)
                if count:
                    done.counts[name] = count
        return done

    def _turn(self) -> AbstractContextManager[Turn]:
        places = self._places
        return turn_to_publish(places.dataset, "a retention", self._clock, dead_letters=places.dead_letters)

    def _table(self, _done: Retained, *, dry_run: bool) -> int:
        number, ledger = 0, self._places.open_ledger(self._clock)
        for folder, table in ((self._places.dataset, READS), (self._places.repeats, REPEATS)):
            names, marks = [*columns_for(table), "run_date"], older_than("run_date", self._day)
            found = find_rows(folder, table, names, marks)
            number += found.rows
            if found.rows and not dry_run and ledger is not None:
                keys = {key for type_, image, version in found.versions for key in keys_of(type_, {(image, version)})}
                keep_keys(ledger.store, keys, self._clock)
                self._erase(found.files, table, names, marks)
        return number

    def _dead_letters(self, _done: Retained, *, dry_run: bool) -> int:
        names, marks = [*columns_for(DEAD_LETTERS), "last_seen"], older_than("last_seen", self._before)
        found = find_rows(self._places.dead_letters, DEAD_LETTERS, names, marks)
        if found.rows and not dry_run:
            self._erase(found.files, DEAD_LETTERS, names, marks)
        return found.rows

    def _erase(
        self, files: list[TableFile], table: str, names: list[str], marks: Callable[[Any, TableFile], Any]
    ) -> None:
        staging = staging_of(self._places.workspace)
        try:
            erase_rows(files, table, names, marks, staging)
        finally:
            remove_folder(staging)

    def _corrections(self, _done: Retained, *, dry_run: bool) -> int:
        def is_old(row: dict[str, Any]) -> bool:
            return row["corrected_at"] is not None and row["corrected_at"] < self._before

        if dry_run:
            return sum(len(rows) for _, rows in corrections_that(self._places.corrections, is_old))
        return remove_corrections(self._places.corrections, is_old)

    def _reports(self, _done: Retained, *, dry_run: bool) -> int:
        old = [
            place
            for place in find_files(self._places.reports, r"[^._].*\.json", deep=False)
            if self._is_old(_said(place, "written_at"))
        ]
        pages = find_files(self._places.reports, r"[^._].*\.html", deep=False)
        old_pages = [page for page in pages if self._is_old(written_at(_head(page)))]
        for place in () if dry_run else [*old_pages, *old]:
            remove(place)
        return len(old)

    def _analyses(self, done: Retained, *, dry_run: bool) -> int:
        old = derived.of(self._places).before(self._day)
        done.where["analyses"] = [str(place) for place in old]
        if not dry_run:
            derived.erase(old)
        return len(old)

    def _workspace(self, _done: Retained, *, dry_run: bool) -> int:
        old = []
        for name in Store(self._places.workspace).bare_names():
            if name[0] in "_.":  # turns, staging: no run's
                continue
            folder = self._places.workspace / name
            ended = _said(folder / FINISHED, "finished_at") or _said(folder / PLAN, "created_at")
            if self._is_old(ended) or (ended is None and self._is_rest(folder)):
                old.append(folder)
        for folder in () if dry_run else old:
            remove_folder(folder)
        return len(old)

    def _is_rest(self, folder: StoragePath) -> bool:
        """Return whether a workspace without a plan is what a deletion that was cut short has left."""
        store = Store(folder)
        names = [relative(place, folder) for place in find_files(folder, r".*")]
        times = [store.modified_s(name) for name in names]
        return bool(times) and all(at_s is not None and at_s < self._before.timestamp() for at_s in times)

    def _ledger(self, done: Retained, *, dry_run: bool) -> int:
        ledger = self._places.open_ledger(self._clock)
        if ledger is None:
            return 0
        number = 0

        def fits(_fingerprint: str, record: dict[str, Any], _data: bytes) -> bool:
            return self._is_old(record.get("saved_at") or record.get("claimed_at"))

        for entry in search(ledger.store, fits):
            if entry.open:
                done.in_doubt += 1
            elif self._is_old(entry.saved_at) and entry.has_content:
                number += 1
                if not dry_run:
                    bury(ledger.store, entry, why=RETENTION, clock=self._clock)
        return number

    def _inbox(self, _done: Retained, *, dry_run: bool) -> int:
        if self._places.inbox is None:
            return 0
        received = Received(self._places.inbox, self._clock, codes_of)
        old = received.older_than(self._before.isoformat())
        if not dry_run:
            received.erase(old)
        return len(old)

    def _is_old(self, text: Any) -> bool:
        try:
            return bool(text) and parse_timestamp(str(text)) < self._before
        except OCRConfigError:
            return False


def _head(place: StoragePath) -> str:
    """Return the beginning of a page, in which it says when it was written."""
    try:
        return bytes(place.fs.cat_file(place.path, start=0, end=HEAD_BYTES)).decode("utf-8", "replace")
    except FileNotFoundError:
        return ""


def _said(place: StoragePath, key: str) -> str | None:
    """Return what a small JSON file says of itself, ``None`` where it is not there or says nothing."""
    data = read_whole(place)
    try:
        content = json.loads(data) if data else None
    except ValueError:
        return None
    value = content.get(key) if isinstance(content, dict) else None
    return value if isinstance(value, str) else None


__all__ = ["WHAT", "Retained", "Retention"]
