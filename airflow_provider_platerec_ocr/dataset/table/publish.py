"""From the outcomes of a run to the published tables, in one step.

Runs publish into a dataset one after the other. Everything is staged first, outside of the dataset, then appears, and
only then leftovers of the same run go; running it again gives the same bytes. Whether a run that is not whole fails is
the caller's decision, after this has kept what there is.
"""

from __future__ import annotations

import json
import logging
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRConfigError, OCRRunError
from airflow_provider_platerec_ocr.core.models import format_timestamp, parse_timestamp
from airflow_provider_platerec_ocr.dataset.figures.collector import Collector
from airflow_provider_platerec_ocr.dataset.layout.names import (
    DEAD_LETTERS,
    FINISHED,
    PUBLISHING,
    READS,
    REPEATS,
    STAGING,
    beside,
    files_of_run,
)
from airflow_provider_platerec_ocr.dataset.layout.schema import schema_of
from airflow_provider_platerec_ocr.dataset.layout.superseded import finish
from airflow_provider_platerec_ocr.dataset.layout.table_files import FileGoneError, opened, table_file, table_files
from airflow_provider_platerec_ocr.dataset.plan.plan import load_bad_rows, load_shard
from airflow_provider_platerec_ocr.dataset.plan.workspaces import newest_planning
from airflow_provider_platerec_ocr.dataset.table.cleanup import sweep_leftovers
from airflow_provider_platerec_ocr.dataset.table.export_model import ExportResult
from airflow_provider_platerec_ocr.dataset.table.intake import LEFT_TO_NEXT, Intake
from airflow_provider_platerec_ocr.dataset.table.letters import LetterBook, reads_of
from airflow_provider_platerec_ocr.dataset.table.outcome_table import best_table, with_planned
from airflow_provider_platerec_ocr.dataset.table.repeats import RepeatSieve
from airflow_provider_platerec_ocr.dataset.table.times import Publications, earlier_publications
from airflow_provider_platerec_ocr.dataset.table.writer import TableWriter
from airflow_provider_platerec_ocr.storage.files import ordered_map, relative, remove, threads_for, write_whole
from airflow_provider_platerec_ocr.storage.turn import Turn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.dataset.plan.model import Plan, RunRef, ShardRef
    from airflow_provider_platerec_ocr.storage.path import StoragePath

__all__ = ["ExportResult", "publish", "turn_to_publish"]

log = logging.getLogger(__name__)

LOOK_AHEAD = 2
"""Shards that are parsed ahead even from a local disk: Arrow does it beside the Python that looks into answers."""
NAMED_MISSING = 5
"""How many images without an outcome are named."""
TABLES = (READS, REPEATS, DEAD_LETTERS)
"""What a run publishes, in the order in which it appears."""


@contextmanager
def turn_to_publish(
    dataset: StoragePath, who: str, clock: Clock, *, dead_letters: StoragePath | None = None
) -> Iterator[Turn]:
    """Wait for the turn without which nobody changes the files of a dataset, and give it back at the end.

    What a killed compaction left half done is ended first, so that whoever has the turn finds each row once.

    :param who: for the log of those who wait.
    :param dead_letters: their folder, if they are to be changed, too.
    """
    with Turn(beside(dataset, "workspace") / PUBLISHING, who, clock) as turn:
        for table in (dataset, beside(dataset, "repeats"), dead_letters):
            if table is not None and finish(table):
                log.warning("A compaction of %s that was cut short is ended.", table)
        yield turn


def publish(  # noqa: PLR0913  # four places that may lie on four stores
    plan: Plan,
    *,
    workspace: StoragePath,
    dataset: StoragePath,
    dead_letters: StoragePath,
    run: RunRef,
    figures: Collector | None = None,
    clock: Clock | None = None,
) -> ExportResult:
    """Publish the outcomes of a run and return what was found and written; wait for other runs that are at it.

    What the dataset has already adds no rows, see :mod:`.repeats`. Images without any outcome are counted in
    ``missing``, never raised; only where there are none is the workspace marked as finished, which lets
    :func:`~.cleanup.remove_old_workspaces` take it away later.

    :param figures: counts what is published, for the report.
    :raises OCRDatasetError: the dataset has a newer schema version, or is none of ours.
    :raises OCRRunError: this process stood still for so long that another run took its turn, or the run was planned
        again meanwhile.
    :raises OSError: a store refuses the files; what was published before is still there.
    """
    clock = clock or SystemClock()
    folders = {READS: dataset, REPEATS: beside(dataset, "repeats"), DEAD_LETTERS: dead_letters}
    staging = beside(dataset, "workspace") / STAGING
    who = f"run {run.run_id} of {run.dag_id}"
    with turn_to_publish(dataset, who, clock, dead_letters=dead_letters) as turn:
        sweep_leftovers(dataset, dead_letters, staging, alone=turn.is_held)
        publication = _Publication(plan, run, workspace, folders, staging, turn, figures or Collector())
        return publication.publish(clock)


@dataclass(frozen=True, slots=True)
class _Publication:
    """One publication, while it has the turn."""

    plan: Plan
    run: RunRef
    workspace: StoragePath
    folders: dict[str, StoragePath]
    """By table."""
    staging: StoragePath
    turn: Turn
    figures: Collector

    def publish(self, clock: Clock) -> ExportResult:
        """Write everything, let it appear, and remove what was there of this run."""
        self._refuse_other_tables()
        now = clock.now()
        own = {table: self._own_files(table) for table in (READS, REPEATS)}
        earlier = earlier_publications(
            (table_file(place, self.folders[table]), table) for table, found in own.items() for place in found
        )
        manifest = self.plan.manifest or None
        sieve = RepeatSieve(self.folders[READS], own[READS], _planned_at(self.plan), by_content=manifest is not None)
        book = self._book()
        missing: list[str] = []
        with ExitStack() as stack:
            writers = {table: stack.enter_context(self._writer(table)) for table in TABLES}
            intake = Intake(self.run, manifest, Publications(earlier, now), sieve, book, writers, self.figures)
            for bad in load_bad_rows(self.workspace, self.plan):
                intake.take_bad_row(bad, self.plan.created_at)
            for table in self._outcomes(missing):
                intake.take(table)
            intake.close()
            self.turn.check()
            self._refuse_older_plan()
            written = {table: writer.reveal() for table, writer in writers.items()}
        if not (missing or self.plan.left_over or intake.counts.keys() & LEFT_TO_NEXT):
            self._close_what_is_gone(book, intake)
        book.write(self.staging)
        removed = [name for table in TABLES for name in self._remove_leftovers(table, written[table])]
        shown = {table: tuple(relative(place, self.folders[table]) for place in written[table]) for table in TABLES}
        result = ExportResult(
            planned=self.plan.planned,
            dead_letters=dict(sorted(intake.reasons.items())),
            missing=len(missing),
            missing_images=tuple(missing[:NAMED_MISSING]),
            reads_by_type=dict(sorted(intake.types.items())),
            already_published=sieve.publishers.total(),
            published_by=dict(sorted(sieve.publishers.items())),
            files=shown[READS],
            repeat_files=shown[REPEATS],
            dead_letter_files=shown[DEAD_LETTERS],
            removed=tuple(removed),
            **intake.counts,
        )
        if result.accounted_for:
            mark = {"finished_at": format_timestamp(now)}
            write_whole(self.workspace / FINISHED, json.dumps(mark).encode())
        return result

    def _book(self) -> LetterBook:
        """Return the dead letters there are; what version 1 left open although its image was read is closed."""
        folder = self.folders[DEAD_LETTERS]
        book = LetterBook(folder, {place.path for place in self._own_files(DEAD_LETTERS)})
        if book.is_of_version_1:
            for type_, image, moment in reads_of(self.folders[READS], book.open_images):
                book.read(type_, image, moment)
        return book

    def _close_what_is_gone(self, book: LetterBook, intake: Intake) -> None:
        """Close the problems of the manifest that this run, which went through all of it, did not meet."""
        planned_at = _planned_at(self.plan)
        if planned_at and self.plan.manifest:
            types = {*intake.types, *intake.troubled_types}
            book.gone(self.plan.manifest, self.run.dag_id, types, planned_at)

    def _writer(self, table: str) -> TableWriter:
        first_part, slug = self.plan.first_part, self.run.slug
        return TableWriter(
            self.folders[table], table, schema_of(table), slug, first_part=first_part, staging=self.staging
        )

    def _outcomes(self, missing: list[str]) -> Iterator[Any]:
        """Yield the outcomes shard by shard, by row, and note what is missing: the first few by name."""

        def load(shard: ShardRef) -> Any:
            table = best_table(self.workspace, shard.index)
            return with_planned(table, self.workspace / shard.path) if shard.path else table

        shards = self.plan.shards
        found = ordered_map(load, shards, threads=max(LOOK_AHEAD, threads_for(self.workspace)))
        for shard, table in zip(shards, found, strict=True):
            yield table
            gap = shard.images - table.num_rows
            if gap > 0:
                there = set(table.column("row").to_pylist())
                images = (image.image for image in load_shard(self.workspace / shard.path) if image.row not in there)
                names = list(islice(images, max(0, NAMED_MISSING - len(missing))))
                missing.extend([*names, *[""] * (gap - len(names))])

    def _refuse_other_tables(self) -> None:
        """Look at one file of each table: what cannot be read later must not be written beside."""
        for table, folder in self.folders.items():
            for file in table_files(folder)[-1:]:
                with suppress(FileGoneError), opened(file.place, table):
                    pass

    def _refuse_older_plan(self) -> None:
        """See to it that nobody planned the run again: a task that was given up would replace the new plan's files."""
        if self.plan.manifest and newest_planning(self.workspace.parent, self.run) > self.run.planning:
            message = "This run was planned again meanwhile, so its earlier plan is not published any more."
            raise OCRRunError(message, retry=True)

    def _kept(self, table: str) -> set[str]:
        """Return the paths of files of an earlier plan of this run, whose images this plan left out."""
        return {(self.folders[table] / name).path for name in self.plan.kept}

    def _own_files(self, table: str) -> list[StoragePath]:
        """Return the files of an earlier publication of this plan."""
        kept = self._kept(table)
        found = files_of_run(self.folders[table], table, self.run.slug)
        return [place for place in found if place.path not in kept and not place.name.startswith(".")]

    def _remove_leftovers(self, table: str, written: list[StoragePath]) -> list[str]:
        """Remove files of this run that neither this publication nor an earlier plan of the run has written."""
        folder = self.folders[table]
        keep = {place.path for place in written} | self._kept(table)
        leftovers = [place for place in files_of_run(folder, table, self.run.slug) if place.path not in keep]
        for place in leftovers:
            remove(place)
        return [relative(place, folder) for place in leftovers]


def _planned_at(plan: Plan) -> datetime | None:
    try:
        return parse_timestamp(plan.created_at)
    except OCRConfigError:  # a plan that was made by hand
        return None
