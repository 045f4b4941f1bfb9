"""What becomes of a run's outcomes, shard by shard: rows, repeats and dead letters, handed to writers and counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.models import Outcome, ReadStatus
from airflow_provider_platerec_ocr.dataset.layout.names import DEAD_LETTERS, READS, REPEATS
from airflow_provider_platerec_ocr.dataset.layout.schema import dead_letters_schema
from airflow_provider_platerec_ocr.dataset.table.rows import (
    dead_letter_of,
    dead_letter_of_row,
    moments,
    reads_table,
    repeats_table,
)

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.dataset.figures.collector import Collector
    from airflow_provider_platerec_ocr.dataset.manifest.manifest import BadRow
    from airflow_provider_platerec_ocr.dataset.plan.model import RunRef
    from airflow_provider_platerec_ocr.dataset.table.letters import LetterBook
    from airflow_provider_platerec_ocr.dataset.table.repeats import RepeatSieve
    from airflow_provider_platerec_ocr.dataset.table.times import Publications
    from airflow_provider_platerec_ocr.dataset.table.writer import TableWriter

BATCH_ROWS = 10_000
"""Dead letters that are Python objects at a time."""
LEFT_TO_NEXT = frozenset({ReadStatus.HELD_ELSEWHERE, ReadStatus.CARRIED_OVER})
"""What the next run plans again, without a dead letter."""
_NO_LETTER = LEFT_TO_NEXT | {ReadStatus.FORGOTTEN}
"""What has no dead letter and is counted by its own name: left to the next run, or its content was deleted."""


@dataclass(slots=True)
class Intake:
    """Takes the outcomes of one publication.

    Readings go through ``sieve``; what passes it becomes rows.
    """

    run: RunRef
    """Who publishes."""
    manifest: str | None
    """What names the images."""
    publications: Publications
    """When this run published, and publishes."""
    sieve: RepeatSieve
    """Knows what is published already."""
    book: LetterBook
    """Knows the problems there are."""
    writers: dict[str, TableWriter]
    """By table."""
    figures: Collector
    """Counts what the report shows."""
    counts: Counter[str] = field(default_factory=Counter)
    """By field of :class:`~.export_model.ExportResult`."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Dead letters."""
    types: Counter[str] = field(default_factory=Counter)
    """Reads."""
    troubled_types: set[str] = field(default_factory=set)
    """Types of images that were not read."""
    _letters: list[dict[str, Any]] = field(default_factory=list)
    _troubled: Any = None

    def take(self, outcomes: Any) -> None:
        """Take the outcomes of one shard, an Arrow table as of :func:`~.outcome_table.best_table`."""
        import pyarrow.compute as pc

        self.figures.take_shard(outcomes)
        self.counts["calls_billed"] += pc.sum(outcomes.column("calls_billed")).as_py() or 0
        is_read = pc.equal(outcomes.column("status"), ReadStatus.READ.value)
        self._take_reads(outcomes.filter(is_read))
        for data in outcomes.filter(pc.invert(is_read)).to_pylist():
            outcome = Outcome.from_json(data)
            if outcome.status in _NO_LETTER:
                self.counts[outcome.status] += 1
                continue
            self.troubled_types.add(outcome.type)
            self.counts["in_doubt"] += outcome.status == ReadStatus.IN_DOUBT
            self._add_letter(dead_letter_of(outcome, self.run, self.manifest))

    def take_bad_row(self, bad: BadRow, at: str) -> None:
        """Take a row of the manifest that cannot be used, seen at ``at``."""
        self._add_letter(dead_letter_of_row(bad, self.run, at, self.manifest))

    def close(self) -> None:
        """Hand on what still waits, and have all files written; none has appeared yet."""
        self._write_letters()
        for writer in self.writers.values():
            writer.close()

    def _take_reads(self, reads: Any) -> None:
        import pyarrow.compute as pc

        counts = self.counts
        counts["reads"] += reads.num_rows
        counts["from_ledger"] += pc.sum(reads.column("from_ledger")).as_py() or 0
        ended = moments(reads.column("at"))
        self._close_problems(reads, ended)
        published_at = self.publications.moments(ended)
        fresh, repeats = self.sieve.part(reads.append_column("published_at", published_at))
        self.writers[REPEATS].add(repeats_table(repeats, self.run, self.manifest))
        for type_ in sorted(pc.unique(reads.column("type")).to_pylist()):
            self.types[type_] += pc.sum(pc.equal(reads.column("type"), type_)).as_py()
            some = fresh.filter(pc.equal(fresh.column("type"), type_))
            rows = reads_table(some, self.run, self.manifest)
            self.writers[READS].add(rows, f"type={type_}/date={self.run.date}")
            self.figures.take_rows(type_, rows)
            counts["rows"] += rows.num_rows
            counts["nothing_found"] += pc.sum(pc.equal(rows.column("identifier_count"), 0)).as_py() or 0
            counts["unread"] += rows.column("identifier_count").null_count

    def _close_problems(self, reads: Any, ended: Any) -> None:
        """Tell the dead letters which of their images were read."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if self._troubled is None:
            self._troubled = pa.array(self.book.open_images, pa.string())
        if len(self._troubled):
            table = pa.table([reads.column("type"), reads.column("image"), ended], ["type", "image", "at"])
            for found in table.filter(pc.is_in(table.column("image"), value_set=self._troubled)).to_pylist():
                self.book.read(found["type"], found["image"], found["at"])

    def _add_letter(self, row: dict[str, Any]) -> None:
        self.reasons[row["reason"]] += 1
        self.figures.take_letter(row)
        letter = self.book.meet(row)
        if letter is not None:
            self._letters.append(letter)
        if len(self._letters) >= BATCH_ROWS:
            self._write_letters()

    def _write_letters(self) -> None:
        import pyarrow as pa

        self.writers[DEAD_LETTERS].add(pa.Table.from_pylist(self._letters, schema=dead_letters_schema()))
        self._letters = []
