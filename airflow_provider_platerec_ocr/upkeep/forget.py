"""Deleting one image or one code from everything that was made of it.

First everything that belongs to it is found, in every place, until nothing more comes: a VIN leads to answers, answers
to fingerprints, fingerprints to rows under other names. Then it goes, the ledger first, so that whoever is interrupted
in between can begin again and nothing comes back by itself.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.answer.body import parsed
from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRError
from airflow_provider_platerec_ocr.core.fingerprint import is_fingerprint
from airflow_provider_platerec_ocr.core.wire import read_from_json
from airflow_provider_platerec_ocr.dataset.corrections.table import corrections_that, remove_corrections
from airflow_provider_platerec_ocr.dataset.layout.names import DEAD_LETTERS, READS, REPEATS, STAGING, beside
from airflow_provider_platerec_ocr.dataset.table.cleanup import sweep_leftovers
from airflow_provider_platerec_ocr.dataset.table.publish import turn_to_publish
from airflow_provider_platerec_ocr.dataset.upkeep.erase import about, columns_for, erase_rows, find_rows
from airflow_provider_platerec_ocr.dataset.upkeep.texts import Texts
from airflow_provider_platerec_ocr.engine.kept.tombstones import (
    DELETED,
    bury,
    half_written,
    is_about,
    keep_keys,
    keys_of,
    search,
)
from airflow_provider_platerec_ocr.storage.files import remove_folder
from airflow_provider_platerec_ocr.storage.swap import staging_of
from airflow_provider_platerec_ocr.upkeep import derived
from airflow_provider_platerec_ocr.upkeep.inbox import Received
from airflow_provider_platerec_ocr.upkeep.places import RunActiveError, wait_until_quiet
from airflow_provider_platerec_ocr.upkeep.spilled import Spilled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.core.images.wanted import Wanted
    from airflow_provider_platerec_ocr.engine.kept.tombstones import Entry
    from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
    from airflow_provider_platerec_ocr.upkeep.places import Places

ROUNDS = 5
"""How often it is looked for what belongs to what was found; each finds less, and usually the second finds nothing."""


@dataclass(slots=True)
class Forgotten:
    """What was found, or has gone, by place."""

    counts: dict[str, int] = field(default_factory=dict)
    """Rows, lines, answers and payloads, by place; what there is none of is not named."""
    where: dict[str, list[str]] = field(default_factory=dict)
    """Files and entries, by place."""
    fingerprints: set[str] = field(default_factory=set)
    """Paid calls whose answers go; a hash of each stays, so that it is not paid for again."""
    images: set[tuple[str, str, str | None]] = field(default_factory=set)
    """Type, image and version of each; a hash of each stays, so that it is not planned again."""

    def note(self, place: str, number: int, where: list[str]) -> None:
        """Count what was found in a place."""
        if number:
            self.counts[place] = number
            self.where[place] = where


class Forgetting:
    """One request for deletion."""

    def __init__(self, places: Places, wanted: Wanted, *, clock: Clock | None = None) -> None:
        self._places = places
        self._wanted = wanted
        self._clock = clock or SystemClock()
        self._ledger = places.open_ledger(self._clock)
        self._entries: dict[tuple[str, str, str], Entry] = {}
        self._derived = derived.of(places)
        self._texts = {
            "workspace": Texts(places.workspace, codes_of),
            "reports": Texts(places.reports, codes_of, derived.NOT_DERIVED),
            "log of sweeps": Texts(places.sweeps, codes_of),
        } | {f"pages in {place}": Texts(place, codes_of, r".*\.html") for place in places.other_reports}

    def find(self) -> Forgotten:
        """Return all that belongs to what is wanted; nothing is changed.

        :raises OCRDatasetError: a file of the table cannot be read. :raises OCRLedgerError: the ledger cannot.
        """
        for _ in range(ROUNDS):
            before = self._wanted
            found = self._look()
            versions = {(image, version) for _, image, version in found.images}
            self._wanted = before.with_found(found.fingerprints, versions)
            if self._wanted == before:
                break
        return found

    def erase(self, *, wait_s: float = 0.0, quiet_s: float | None = None) -> Forgotten:
        """Delete it, and return what it was.

        :param wait_s: seconds to wait for a run that is at work.
        :param quiet_s: see :func:`.places.active_runs`.
        :raises RunActiveError: one is still at work; nothing was changed.
        """
        more = {} if quiet_s is None else {"quiet_s": quiet_s}
        wait_until_quiet(self._places, self._clock, wait_s, **more)
        dataset = self._places.dataset
        letters = self._places.dead_letters
        with turn_to_publish(dataset, "a deletion", self._clock, dead_letters=letters) as turn:
            found = self.find()
            self._erase_ledger(found)
            self._erase_inbox()
            for texts in self._texts.values():
                texts.erase(self._wanted)
            derived.erase(self._derived.about(self._wanted))
            staged = beside(dataset, "workspace") / STAGING
            sweep_leftovers(dataset, self._places.dead_letters, staged, alone=turn.is_held)
            self._erase_tables()
        return found

    def _erase_tables(self) -> None:
        staging = staging_of(self._places.workspace)
        try:
            for folder, table in self._tables():
                marks, names = about(self._wanted, table), columns_for(table)
                rows = find_rows(folder, table, names, marks)
                erase_rows(rows.files, table, names, marks, staging)
            remove_corrections(self._places.corrections, self._is_correction)
        finally:
            remove_folder(staging)

    def _tables(self) -> Iterator[tuple[Any, str]]:
        yield self._places.dataset, READS
        yield self._places.repeats, REPEATS
        yield self._places.dead_letters, DEAD_LETTERS

    def _look(self) -> Forgotten:
        found = Forgotten()
        names = {READS: "table", REPEATS: "repeats", DEAD_LETTERS: "dead letters"}
        for folder, table in self._tables():
            rows = find_rows(folder, table, columns_for(table), about(self._wanted, table))
            found.note(names[table], rows.rows, [str(file.place) for file in rows.files])
            found.fingerprints |= rows.fingerprints
            found.images |= rows.versions
        self._look_into_corrections(found)
        for name, texts in self._texts.items():
            lines = texts.find(self._wanted)
            found.note(name, lines.items, [str(place) for place in lines.places])
            found.fingerprints |= lines.fingerprints
            found.images |= lines.versions
        self._look_into_ledger(found)
        made_of_it = self._derived.about(self._wanted)
        found.note("analyses", len(made_of_it), [str(place) for place in made_of_it])
        received = self._received()
        if received is not None:
            ids = received.find(self._wanted)
            found.note("inbox", len(ids), sorted(ids))
            found.fingerprints |= received.fingerprints(ids)
        spilled = self._spilled()
        if spilled is not None:
            paths = spilled.find(self._wanted)
            found.note("spill", len(paths), [str(path) for path in paths])
            found.fingerprints |= {mark for path in paths if is_fingerprint(mark := path.name.partition(".")[0])}
        return found

    def _look_into_corrections(self, found: Forgotten) -> None:
        about_it = list(corrections_that(self._places.corrections, self._is_correction))
        found.note("corrections", sum(len(rows) for _, rows in about_it), [str(place) for place, _ in about_it])
        for row in (row for _, rows in about_it for row in rows):
            found.fingerprints |= {row["fingerprint"]} - {None}
            found.images.add((row["read_type"], row["image"], row["image_version"]))

    def _is_correction(self, row: dict[str, Any]) -> bool:
        wanted = self._wanted
        return (
            row["fingerprint"] in wanted.fingerprints
            or wanted.has_image(row["image"], row["image_version"])
            or any(wanted.has_code(row[name]) for name in ("code", "code_normalized"))
            or any(wanted.in_text(row[name]) for name in ("image", "code", "why"))
        )

    def _look_into_ledger(self, found: Forgotten) -> None:
        if self._ledger is None:
            return
        store = self._ledger.store
        for entry in search(store, partial(is_about, self._wanted)):
            self._entries[entry.type, entry.fingerprint, entry.files[0].rpartition("/")[0]] = entry
        torn = half_written(store, self._wanted.maybe_in)
        entries = list(self._entries.values())
        found.note("ledger", len(entries) + len(torn), sorted(each.fingerprint for each in entries) + torn)
        for entry in entries:
            found.fingerprints.add(entry.fingerprint)
            found.images |= {(entry.type, image, version) for image, version in entry.versions}

    def _erase_ledger(self, found: Forgotten) -> None:
        if self._ledger is None:
            return
        store, entries = self._ledger.store, list(self._entries.values())
        for entry in entries:
            _refuse_under_way(self._ledger, entry)
        keys = {key for type_, image, version in found.images for key in keys_of(type_, {(image, version)})}
        keep_keys(store, keys, self._clock)
        for entry in entries:
            bury(store, entry, why=DELETED, clock=self._clock)
        for name in half_written(store, self._wanted.maybe_in):
            store.delete(name)
        spilled = self._spilled()
        if spilled is not None:
            spilled.erase(self._wanted)

    def _erase_inbox(self) -> None:
        received = self._received()
        if received is not None:
            received.erase(received.find(self._wanted))

    def _received(self) -> Received | None:
        place = self._places.inbox
        return None if place is None else Received(place, self._clock, codes_of)

    def _spilled(self) -> Spilled | None:
        return None if self._places.spill is None else Spilled(self._places.spill)


def _refuse_under_way(ledger: Ledger, entry: Entry) -> None:
    if not entry.open or entry.files[0].startswith("forgotten-"):
        return
    for attempt in ledger.look(entry.type, entry.fingerprint):
        if attempt.is_live(ledger.lease_s):
            message = (
                f"A call for {entry.fingerprint} is under way ({attempt.owner.dag_id} / {attempt.owner.run_id}). "
                "Wait until it has ended; nothing was changed."
            )
            raise RunActiveError(message)


def codes_of(answer: str | None) -> list[str]:
    """Return the codes in an answer's JSON text; none where it has none that can be read."""
    try:
        return [identifier.code for identifier in read_from_json(parsed(answer or "")).identifiers]
    except OCRError:
        return []


def needles(wanted: Wanted) -> str:
    """Return what is wanted, for a sentence."""
    return json.dumps(sorted({code.decode() for code in wanted.codes} | wanted.images | wanted.fingerprints))
