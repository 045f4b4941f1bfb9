"""Reads held against a list of units: who was seen, who is missing, who should not be here.

Nothing is paid, or changed. One row for each unit of the list, and one for each code that is no unit's. A code is
looked up once, however many images it was read from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial as applied
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from airflow_provider_platerec_ocr.analysis.rules.codes import code_of
from airflow_provider_platerec_ocr.analysis.rules.matching import Match, Matcher, said_of
from airflow_provider_platerec_ocr.analysis.yard.outcome import (
    AGREED,
    READ,
    UNIT,
    Reconciled,
    Status,
    reconciliation_schema,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from airflow_provider_platerec_ocr.analysis.rules.confusions import Confusions
    from airflow_provider_platerec_ocr.analysis.yard.expected import Expected

NEEDED = ("image", "code", "code_normalized", "confidence", "camera_id", "timestamp", "read_at")
"""Columns of the reads that a reconciliation looks at."""
_ORDER = (Match.MATCHED, Match.CONFUSABLE, Match.PARTIAL)
_BATCH = 50_000


@dataclass(slots=True)
class Evidence:
    """What is known of one code, or of all codes that were taken for one unit."""

    codes: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    reads: int = 0
    cameras: set[str] = field(default_factory=set)
    confidence: float | None = None
    first_seen: datetime | None = None
    last_seen: datetime | None = None

    def add(self, other: Evidence) -> None:
        """Take another code's evidence in."""
        self.codes += [code for code in other.codes if code not in self.codes]
        self.images += other.images
        self.reads += other.reads
        self.cameras |= other.cameras
        self.confidence = max((c for c in (self.confidence, other.confidence) if c is not None), default=None)
        self.first_seen = min((t for t in (self.first_seen, other.first_seen) if t is not None), default=None)
        self.last_seen = max((t for t in (self.last_seen, other.last_seen) if t is not None), default=None)


def reconcile(  # two tables and how strictly they are compared, all by name
    reads: Any,
    expected: Sequence[Expected],
    *,
    confusions: Confusions | None = None,
    max_edits: int = 1,
    partial: int | None = None,
) -> Reconciled:
    """Return which expected units were seen, which are missing, and what else was seen.

    :param reads: an Arrow table with the columns :data:`NEEDED`, such as
        ``pyarrow.Table.from_pandas(read_dataset(uri, since=day, until=day, corrected=True))``; corrections count where
        they were laid over it.
    :param expected: the list, see :func:`.expected.read_expected`.
    :param confusions: which characters are taken for one another; default: the table of :mod:`.confusions`.
    :param max_edits: most characters that may be confused: 0, 1 (default) or 2.
    :param partial: how many last characters are enough where no whole code matches; default: none, all are needed.
    """
    matcher = Matcher([unit.code for unit in expected], confusions, max_edits=max_edits, partial=partial)
    by_code, unreadable = gathered(reads)
    matcher.learn({code: evidence.reads for code, evidence in by_code.items()})
    book = _Book(matcher, by_code)
    rows = _Rows()
    for unit in expected:
        book.write_unit(unit, rows)
    book.write_reads(rows)
    for image, evidence in unreadable:
        rows.add(Status.UNREADABLE, READ, None, evidence, images=[image])
    return Reconciled(rows.table(), matcher.misread)


def gathered(reads: Any) -> tuple[dict[str, Evidence], list[tuple[str, Evidence]]]:
    """Return the evidence for each code, in the order in which they appear, and the images without one."""
    by_code: dict[str, Evidence] = {}
    unreadable: list[tuple[str, Evidence]] = []
    agreed = AGREED if AGREED in reads.schema.names else "code_normalized"
    for batch in reads.to_batches(max_chunksize=_BATCH):
        columns = [batch.column(name).to_pylist() for name in (*NEEDED, agreed)]
        for image, code, normalized, confidence, camera, taken, read_at, together in zip(*columns, strict=True):
            own, when = normalized or code, taken or read_at
            text = together or own
            if not text:
                unreadable.append((image, Evidence(reads=1, first_seen=when, last_seen=when)))
                continue
            found = by_code.get(text)
            if found is None:
                found = by_code[text] = Evidence(first_seen=when, last_seen=when)
            if own not in found.codes:
                found.codes.append(own)
            found.images.append(image)
            found.reads += 1
            if camera is not None:
                found.cameras.add(camera)
            if confidence is not None and (found.confidence is None or confidence > found.confidence):
                found.confidence = confidence
            if when is not None:
                found.first_seen = when if found.first_seen is None or when < found.first_seen else found.first_seen
                found.last_seen = when if found.last_seen is None or when > found.last_seen else found.last_seen
    return by_code, unreadable


class _Book:
    """What each code was found to be, by unit."""

    def __init__(self, matcher: Matcher, by_code: dict[str, Evidence]) -> None:
        self._evidence = by_code
        self._of: dict[str, list[tuple[Match, str, str | None]]] = {}
        self._maybe: dict[str, list[str]] = {}
        self._rest: list[tuple[str, Any]] = []
        for text in by_code:
            found = matcher.find(text)
            if found.match in _ORDER:
                self._of.setdefault(found.units[0], []).append((found.match, text, found.characters))
                continue
            self._rest.append((text, found))
            for unit in found.units:
                self._maybe.setdefault(unit, []).append(text)

    def write_unit(self, unit: Expected, rows: _Rows) -> None:
        """Write one unit of the list."""
        code = code_of(unit.code)
        taken = self._of.get(code.key, [])
        row = applied(rows.add, ok=code.check_digit_ok, row=unit.row, own=unit.own)
        if taken:
            best = min((match for match, _, _ in taken), key=_ORDER.index)
            characters = sorted({said for match, _, said in taken if match == best and said})
            evidence = self._sum([text for _, text, _ in taken])
            if best == Match.MATCHED and code.key not in {code_of(read).key for read in evidence.codes}:
                best, characters = Match.CONFUSABLE, [said_of(evidence.codes[0], code.key)]  # all say it, none alone
            row(Status(best.value), UNIT, unit.code, evidence, characters=", ".join(characters) or None)
        elif maybe := self._maybe.get(code.key):
            row(Status.AMBIGUOUS, UNIT, unit.code, self._sum(maybe))
        else:
            row(Status.MISSING, UNIT, unit.code, Evidence())

    def write_reads(self, rows: _Rows) -> None:
        """Write the codes that are no unit's, or not certainly."""
        for text, found in sorted(self._rest, key=lambda each: each[0]):
            status = Status.AMBIGUOUS if found.match == Match.AMBIGUOUS else Status.EXTRA
            candidates = list(found.units)
            ok = code_of(text).check_digit_ok
            rows.add(status, READ, text, self._evidence[text], candidates=candidates, ok=ok)

    def _sum(self, texts: list[str]) -> Evidence:
        whole = Evidence()
        for text in texts:
            whole.add(self._evidence[text])
        return whole


class _Rows:
    """Rows of the result, by column."""

    def __init__(self) -> None:
        self._columns: dict[str, list[Any]] = {name: [] for name in reconciliation_schema().names}

    def add(  # noqa: PLR0913  # one row
        self,
        status: Status,
        about: str,
        code: str | None,
        evidence: Evidence,
        *,
        characters: str | None = None,
        candidates: Sequence[str] = (),
        images: list[str] | None = None,
        ok: bool | None = None,
        row: int | None = None,
        own: str | None = None,
    ) -> None:
        """Add one row."""
        values = (
            *(status.value, about, code, evidence.codes, characters, list(candidates)),
            *(evidence.images if images is None else images, evidence.reads, sorted(evidence.cameras)),
            *(evidence.confidence, ok, evidence.first_seen, evidence.last_seen, row, own),
        )
        for column, value in zip(self._columns.values(), values, strict=True):
            column.append(value)

    def table(self) -> Any:
        """Return them as an Arrow table."""
        return pa.table(self._columns, schema=reconciliation_schema())
