"""What a reconciliation says: its rows, its columns, its counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_platerec_ocr.analysis.rules.units import Units
from airflow_provider_platerec_ocr.core.saying.counts import count_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from airflow_provider_platerec_ocr.analysis.yard.expected import Expected


class Status(StrEnum):
    """What a row says of a unit of the list, or of a read that is no unit's."""

    MATCHED = "matched"
    CONFUSABLE = "matched_confusable"
    PARTIAL = "matched_partial"
    AMBIGUOUS = "ambiguous"
    MISSING = "missing"
    EXTRA = "extra"
    UNREADABLE = "unreadable"


NO_UNITS = "The list has no units: whatever was read is extra. Is it the right list?"
UNIT, READ = "unit", "read"
AGREED = "code_agreed"
"""Column of reads with what those of one sighting say together."""


def reconciliation_schema() -> Any:
    """Return the Arrow schema of a reconciliation, in order."""
    text, texts, utc = pa.string(), pa.list_(pa.string()), pa.timestamp("us", tz="UTC")
    return pa.schema(
        [
            ("status", text),
            ("about", text),
            ("code", text),
            ("read_codes", texts),
            ("characters", text),
            ("candidates", texts),
            ("images", texts),
            ("reads", pa.int32()),
            ("cameras", texts),
            ("confidence", pa.float64()),
            ("check_digit_ok", pa.bool_()),
            ("first_seen", utc),
            ("last_seen", utc),
            ("expected_row", pa.int64()),
            ("expected", text),
            ("not_listed", texts),
        ]
    )


@dataclass(frozen=True, slots=True)
class Reconciled:
    """A reconciliation: the table, and what it comes to."""

    table: Any
    """A pyarrow table of :func:`reconciliation_schema`, units in the list's order, then reads by their code."""
    misread: float
    """Share of codes without check digit that were taken to be misread."""
    units: Units[Expected] = field(default_factory=lambda: Units(()))
    """The list, with the rows of it that are no unit, or repeat one."""

    @property
    def counts(self) -> dict[str, int]:
        """Units by status, ``extra`` and ``unreadable`` besides, and the ``units`` of the list.

        ``ambiguous`` counts units that an ambiguous read may be, ``ambiguous_reads`` those reads; ``duplicates`` rows
        of the list that repeat a unit, ``unusable_rows`` rows that are no unit.
        """
        rows = self.table.group_by(["about", "status"]).aggregate([([], "count_all")]).to_pylist()
        found = Counter({(row["about"], row["status"]): row["count_all"] for row in rows})
        units = {status.value: found[UNIT, status.value] for status in Status}
        reads = {status: found[READ, status] for status in (Status.EXTRA, Status.UNREADABLE)}
        every = sum(units.values())
        return {
            "units": every,
            **units,
            **{status.value: number for status, number in reads.items()},
            "ambiguous_reads": found[READ, Status.AMBIGUOUS],
            **self.units.counts,
        }

    def without_matched(self) -> Any:
        """Return the rows that are not as expected: all but those of units that were matched exactly."""
        return self.table.filter(pc.not_equal(self.table.column("status"), Status.MATCHED.value))

    @property
    def missing_share(self) -> float:
        """Missing units by units of the list; 0 for an empty list."""
        counts = self.counts
        return counts["missing"] / counts["units"] if counts["units"] else 0.0


def describe(counts: Mapping[str, int]) -> list[str]:
    """Return the counts in sentences, for the log."""
    matched = counts["matched"] + counts["matched_confusable"] + counts["matched_partial"]
    of_units = (
        f"{matched:,} of {counts['units']:,} expected units were seen ({counts['matched']:,} exactly, "
        f"{counts['matched_confusable']:,} by a confusion, {counts['matched_partial']:,} by their last characters); "
        f"{counts['missing']:,} missing, {counts['ambiguous']:,} ambiguous."
    )
    if not counts["units"]:
        of_units = NO_UNITS
    of_reads = (
        f"Codes that are no unit's: {counts['extra']:,} extra, {counts['ambiguous_reads']:,} ambiguous; "
        f"images without a code: {counts['unreadable']:,}."
    )
    repeated, unusable = counts.get("duplicates", 0), counts.get("unusable_rows", 0)
    if not repeated and not unusable:
        return [of_units, of_reads]
    of_rows = (
        f"Rows of the list: {repeated:,} repeat a unit and count once, {unusable:,} have no code that can be used."
    )
    return [of_units, of_reads, of_rows]


def looked_at(since: date | None, until: date | None, reads: int) -> str:
    """Return in one sentence which days were looked at, and that there was nothing, where there was not.

    :param since: the first day; ``None`` with ``until``: all days of a run.
    :param reads: how many rows of reads these days have.
    """
    span = f"{since} to {until}" if since != until else str(until or "all days of the run")
    if reads:
        return f"Reads of {span}: {count_of(reads, 'row')}."
    return f"There are no reads of {span}: no unit can be found there. Are these the right days?"
