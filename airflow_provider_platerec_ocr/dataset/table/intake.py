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
    from airflow_provider_platerec_ocr.dataset.manifest.manifest import BadRow
    from airflow_provider_platerec_ocr.dataset.plan.model import RunRef
    from airflow_provider_platerec_ocr.dataset.table.repeats import Sieve
    from airflow_provider_platerec_ocr.dataset.table.times import Publications
    from airflow_provider_platerec_ocr.dataset.table.writer import TableWriter

BATCH_ROWS = 10_000
"""Dead letters that are Python objects at a time."""
_NO_LETTER = frozenset({ReadStatus.HELD_ELSEWHERE, ReadStatus.CARRIED_OVER, ReadStatus.FORGOTTEN})
"""What has no dead letter and is counted by its own name: the next run plans it again, or its content was deleted."""


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
    sieve: Sieve
    """Knows what is published already."""
    writers: dict[str, TableWriter]
    """By table."""
    counts: Counter[str] = field(default_factory=Counter)
    """By field of :class:`~.export_model.ExportResult`."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Dead letters."""
    types: Counter[str] = field(default_factory=Counter)
    """Reads."""
    _letters: list[dict[str, Any]] = field(default_factory=list)

    def take(self, outcomes: Any) -> None:
        """Take the outcomes of one shard, an Arrow table as of :func:`~.outcome_table.best_table`."""
        import pyarrow.compute as pc

        self.counts["calls_billed"] += pc.sum(outcomes.column("calls_billed")).as_py() or 0
        is_read = pc.equal(outcomes.column("status"), ReadStatus.READ.value)
        self._take_reads(outcomes.filter(is_read))
        for data in outcomes.filter(pc.invert(is_read)).to_pylist():
            outcome = Outcome.from_json(data)
            if outcome.status in _NO_LETTER:
                self.counts[outcome.status] += 1
                continue
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
        published_at = self.publications.moments(moments(reads.column("at")))
        fresh, repeats = self.sieve.part(reads.append_column("published_at", published_at))
        self.writers[REPEATS].add(repeats_table(repeats, self.run, self.manifest))
        for type_ in sorted(pc.unique(reads.column("type")).to_pylist()):
            self.types[type_] += pc.sum(pc.equal(reads.column("type"), type_)).as_py()
            some = fresh.filter(pc.equal(fresh.column("type"), type_))
            rows = reads_table(some, self.run, self.manifest)
            self.writers[READS].add(rows, f"type={type_}/date={self.run.date}")
            counts["rows"] += rows.num_rows
            counts["nothing_found"] += pc.sum(pc.equal(rows.column("identifier_count"), 0)).as_py() or 0
            counts["unread"] += rows.column("identifier_count").null_count

    def _add_letter(self, row: dict[str, Any]) -> None:
        self.reasons[row["reason"]] += 1
        self._letters.append(row)
        if len(self._letters) >= BATCH_ROWS:
            self._write_letters()

    def _write_letters(self) -> None:
        import pyarrow as pa

        self.writers[DEAD_LETTERS].add(pa.Table.from_pylist(self._letters, schema=dead_letters_schema()))
        self._letters = []
