"""From the outcomes of a run to the published tables, in one step.

Everything is staged first, then appears, and only then leftovers of the same run go; running it again gives the same
bytes. Whether a run that is not whole fails is the caller's decision, after this has kept what there is.
"""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.models import Outcome, ReadStatus, format_timestamp
from airflow_provider_platerec_ocr.dataset.layout.names import DEAD_LETTERS, FINISHED, READS, files_of_run
from airflow_provider_platerec_ocr.dataset.layout.schema import dead_letters_schema, reads_schema
from airflow_provider_platerec_ocr.dataset.layout.table_files import FileGoneError, opened, table_file, table_files
from airflow_provider_platerec_ocr.dataset.plan.plan import load_bad_rows, load_shard
from airflow_provider_platerec_ocr.dataset.table.export_model import ExportResult
from airflow_provider_platerec_ocr.dataset.table.outcome_table import best_table, with_planned
from airflow_provider_platerec_ocr.dataset.table.rows import dead_letter_of, dead_letter_of_row, moments, reads_table
from airflow_provider_platerec_ocr.dataset.table.times import Publications, earlier_publications
from airflow_provider_platerec_ocr.dataset.table.writer import TableWriter
from airflow_provider_platerec_ocr.storage.files import ordered_map, relative, remove, threads_for, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.dataset.plan.model import Plan, RunRef, ShardRef
    from airflow_provider_platerec_ocr.storage.path import StoragePath

__all__ = ["ExportResult", "publish"]

BATCH_ROWS = 10_000
"""Dead letters that are Python objects at a time."""
LOOK_AHEAD = 2
"""Shards that are parsed ahead even from a local disk: Arrow does it beside the Python that looks into answers."""
_LEFT_TO_NEXT = frozenset({ReadStatus.HELD_ELSEWHERE, ReadStatus.CARRIED_OVER})
"""What the next run plans again, without a dead letter; counted under its own name."""
NAMED_MISSING = 5
"""How many images without an outcome are named."""


@dataclass(slots=True)
class _Tally:
    """Counts of a publication that is under way."""

    counts: Counter[str] = field(default_factory=Counter)
    """By field of :class:`ExportResult`."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Dead letters."""
    types: Counter[str] = field(default_factory=Counter)
    """Reads."""
    missing_images: list[str] = field(default_factory=list)
    """The first few."""


def publish(  # noqa: PLR0913  # four places that may lie on four stores
    plan: Plan,
    *,
    workspace: StoragePath,
    dataset: StoragePath,
    dead_letters: StoragePath,
    run: RunRef,
    clock: Clock | None = None,
) -> ExportResult:
    """Publish the outcomes of a run and return what was found and written.

    Images without any outcome are counted in ``missing``, never raised; only where there are none is the workspace
    marked as finished, which lets :func:`~.cleanup.remove_old_workspaces` take it away later.

    :raises OCRDatasetError: the dataset has a newer schema version, or is none of ours.
    :raises OSError: a store refuses the files; what was published before is still there.
    """
    _refuse_other_tables(dataset, dead_letters)
    now = (clock or SystemClock()).now()
    own = [table_file(place, dataset) for place in _own_files(dataset, READS, run, plan)]
    about = _About(run, plan.manifest or None, Publications(earlier_publications(own), now))
    tally = _Tally()
    with (
        TableWriter(dataset, READS, reads_schema(), run.slug, first_part=plan.first_part) as reads,
        TableWriter(dead_letters, DEAD_LETTERS, dead_letters_schema(), run.slug, first_part=plan.first_part) as dead,
    ):
        letters = _Letters(dead)
        for bad in load_bad_rows(workspace, plan):
            letters.add(dead_letter_of_row(bad, run, plan.created_at, about.manifest))
        for table in _outcomes(plan, workspace, tally):
            _take(table, about, reads, letters, tally)
        tally.reasons = letters.close()
        read_files, dead_files = reads.reveal(), dead.reveal()
    removed = [
        *_remove_leftovers(dataset, READS, run, plan, read_files),
        *_remove_leftovers(dead_letters, DEAD_LETTERS, run, plan, dead_files),
    ]
    result = ExportResult(
        planned=plan.planned,
        dead_letters=dict(sorted(tally.reasons.items())),
        missing_images=tuple(tally.missing_images),
        reads_by_type=dict(sorted(tally.types.items())),
        files=tuple(relative(place, dataset) for place in read_files),
        dead_letter_files=tuple(relative(place, dead_letters) for place in dead_files),
        removed=tuple(removed),
        **tally.counts,
    )
    if result.accounted_for:
        write_whole(workspace / FINISHED, json.dumps({"finished_at": format_timestamp(now)}).encode())
    return result


@dataclass(frozen=True, slots=True)
class _About:
    """What all rows of a publication share."""

    run: RunRef
    """Who publishes."""
    manifest: str | None
    """What names the images."""
    publications: Publications
    """When."""


def _take(table: Any, about: _About, reads: TableWriter, letters: _Letters, tally: _Tally) -> None:
    import pyarrow.compute as pc

    counts = tally.counts
    counts["calls_billed"] += pc.sum(table.column("calls_billed")).as_py() or 0
    status = table.column("status")
    answered = table.filter(pc.equal(status, ReadStatus.READ.value))
    published_at = about.publications.moments(moments(answered.column("at")))
    answered = answered.append_column("published_at", published_at)
    counts["reads"] += answered.num_rows
    counts["from_ledger"] += pc.sum(answered.column("from_ledger")).as_py() or 0
    for type_ in sorted(pc.unique(answered.column("type")).to_pylist()):
        some = answered.filter(pc.equal(answered.column("type"), type_))
        rows = reads_table(some, about.run, about.manifest)
        reads.add(rows, f"type={type_}/date={about.run.date}")
        tally.types[type_] += some.num_rows
        counts["rows"] += rows.num_rows
        counts["nothing_found"] += pc.sum(pc.equal(rows.column("identifier_count"), 0)).as_py() or 0
        counts["unread"] += rows.column("identifier_count").null_count
    for data in table.filter(pc.not_equal(status, ReadStatus.READ.value)).to_pylist():
        outcome = Outcome.from_json(data)
        if outcome.status in _LEFT_TO_NEXT:
            counts[outcome.status] += 1
            continue
        counts["in_doubt"] += outcome.status == ReadStatus.IN_DOUBT
        letters.add(dead_letter_of(outcome, about.run, about.manifest))


class _Letters:
    """Dead letters on their way to the writer, counted by reason."""

    def __init__(self, writer: TableWriter) -> None:
        self._writer = writer
        self._rows: list[dict[str, Any]] = []
        self._reasons: Counter[str] = Counter()

    def add(self, row: dict[str, Any]) -> None:
        """Take one dead letter."""
        self._reasons[row["reason"]] += 1
        self._rows.append(row)
        if len(self._rows) >= BATCH_ROWS:
            self._write()

    def close(self) -> Counter[str]:
        """Hand on the last ones, and return how many there were by reason."""
        self._write()
        return self._reasons

    def _write(self) -> None:
        import pyarrow as pa

        self._writer.add(pa.Table.from_pylist(self._rows, schema=dead_letters_schema()))
        self._rows = []


def _outcomes(plan: Plan, workspace: StoragePath, tally: _Tally) -> Iterator[Any]:
    """Yield the outcomes shard by shard, by row, and note what is missing."""

    def load(shard: ShardRef) -> Any:
        table = best_table(workspace, shard.index)
        return with_planned(table, workspace / shard.path) if shard.path else table

    found = ordered_map(load, plan.shards, threads=max(LOOK_AHEAD, threads_for(workspace)))
    for shard, table in zip(plan.shards, found, strict=True):
        yield table
        gap = shard.images - table.num_rows
        if gap > 0:
            tally.counts["missing"] += gap
            room = NAMED_MISSING - len(tally.missing_images)
            there = set(table.column("row").to_pylist())
            names = (image.image for image in load_shard(workspace / shard.path) if image.row not in there)
            tally.missing_images.extend(islice(names, room))


def _refuse_other_tables(dataset: StoragePath, dead_letters: StoragePath) -> None:
    """Look at one file of each table: what cannot be read later must not be written beside."""
    for folder, table in ((dataset, READS), (dead_letters, DEAD_LETTERS)):
        for file in table_files(folder)[-1:]:
            with suppress(FileGoneError), opened(file.place, table):
                pass


def _own_files(folder: StoragePath, table: str, run: RunRef, plan: Plan) -> list[StoragePath]:
    """Return the files of an earlier publication of this plan."""
    kept = {(folder / name).path for name in plan.kept}
    return [
        place
        for place in files_of_run(folder, table, run.slug)
        if place.path not in kept and not place.name.startswith(".")
    ]


def _remove_leftovers(
    folder: StoragePath, table: str, run: RunRef, plan: Plan, written: list[StoragePath]
) -> list[str]:
    """Remove files of the same run that neither this publication nor an earlier plan of the run has written."""
    keep = {place.path for place in written} | {(folder / name).path for name in plan.kept}
    leftovers: list[Any] = [place for place in files_of_run(folder, table, run.slug) if place.path not in keep]
    for place in leftovers:
        remove(place)
    return [relative(place, folder) for place in leftovers]
