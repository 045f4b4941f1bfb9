"""What came, what left and what stayed since when, over the reconciliations of some nights, for many units at once.

The rule is that of :mod:`..rules.presence`; a test holds the two against each other. This one goes by columns, since a
page waits for it. Whether a unit was seen is what each night's reconciliation says, so that a code that was misread
one night is still that unit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_platerec_ocr.analysis.results.nights import keys_of, opened, read_columns
from airflow_provider_platerec_ocr.analysis.rules.presence import Change, Presence
from airflow_provider_platerec_ocr.analysis.yard.outcome import Status
from airflow_provider_platerec_ocr.dataset.layout.table_files import FileGoneError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

    from airflow_provider_platerec_ocr.analysis.results.nights import Kept

SEEN = (Status.MATCHED, Status.CONFUSABLE, Status.PARTIAL, Status.EXTRA)
"""What says that a unit, or a code that is no unit's, was certainly there."""
MOST_ROWS = 1_500_000
"""Rows of all nights together; nights beyond are not looked at."""
MOST_NIGHTS = 30


@dataclass(frozen=True, slots=True)
class Stays:
    """What became of each code."""

    nights: tuple[date, ...]
    """The nights that were looked at, oldest first."""
    _codes: Any = field(repr=False)
    """An Arrow array, without repeats, as :func:`.nights.keys_of` has them."""
    _seen: Any = field(repr=False)
    """For each code the nights it was seen on, as bits: the lowest is the oldest night."""

    def of(self, codes: Iterable[str]) -> dict[str, Presence]:
        """Return what became of some codes, however they are written; one that was never seen is left out."""
        wanted = pa.array(codes, pa.string())
        places = zip(wanted.to_pylist(), pc.index_in(keys_of(wanted), value_set=self._codes).to_pylist(), strict=True)
        return {code: self._one(code, place) for code, place in places if place is not None}

    def _one(self, code: str, place: int) -> Presence:
        bits = int(self._seen[place])
        on = [number for number in range(len(self.nights)) if bits >> number & 1]
        here = int(_here(self._seen[place : place + 1], len(self.nights))[0])
        return Presence(
            code=code,
            change=tuple(Change)[int(_changes(self._seen[place : place + 1], len(self.nights))[0])],
            first_seen=self.nights[on[0]],
            last_seen=self.nights[on[-1]],
            here_since=self.nights[-here] if here else None,
            nights=len(on),
            gaps=on[-1] - on[0] + 1 - len(on),
        )

    def with_change(self, change: Change) -> frozenset[str]:
        """Return the codes of which this became, as they are compared."""
        there = _changes(self._seen, len(self.nights)) == tuple(Change).index(change)
        return frozenset(self._codes.filter(pa.array(there)).to_pylist())

    def counts(self) -> dict[Change, int]:
        """Return how many codes came, left, stayed, and were seen on neither of the last two nights."""
        found = np.bincount(_changes(self._seen, len(self.nights)), minlength=len(Change))
        return {change: int(number) for change, number in zip(Change, found, strict=True)}


def _changes(seen: Any, nights: int) -> Any:
    """Return for each code the place of its change in :class:`Change`: came, left, stayed, away."""
    now, before = seen >> (nights - 1) & 1, seen >> max(0, nights - 2) & 1 if nights > 1 else np.zeros_like(seen)
    return np.where(now, np.where(before, 2, 0), np.where(before, 1, 3))


def _here(seen: Any, nights: int) -> Any:
    """Return for each code how many of the last nights it was there without a gap."""
    found, alive = np.zeros_like(seen), np.ones_like(seen)
    for number in reversed(range(nights)):
        alive = alive & (seen >> number & 1)
        found = found + alive
    return found


def stays(found: Sequence[Kept]) -> Stays:
    """Return what became of each code over some nights.

    :param found: reconciliations of one series, newest first; of one day all count together.
    """
    nights = list(_by_night(found))[::-1]
    tables = []
    for number, (_, those) in enumerate(nights):
        codes = pc.unique(pa.concat_arrays([_seen_in(each) for each in those]).drop_null())
        tables.append(pa.table({"code": codes, "bit": pa.repeat(pa.scalar(1 << number, pa.int64()), len(codes))}))
    none = pa.table({"code": pa.array([], pa.string()), "bit": pa.array([], pa.int64())})
    table = pa.concat_tables([none, *tables]).group_by("code").aggregate([("bit", "sum")])
    keys = pc.dictionary_encode(keys_of(table["code"]))  # of each code once: most are there each night
    seen = np.zeros(len(keys.dictionary), dtype=np.int64)
    np.bitwise_or.at(seen, keys.indices.to_numpy(), table["bit_sum"].to_numpy())
    return Stays(tuple(day for day, _ in nights), keys.dictionary, seen)


def _by_night(found: Sequence[Kept]) -> Iterator[tuple[date, list[Kept]]]:
    rows = 0
    for number, (day, group) in enumerate(groupby(found, key=lambda each: each.day)):
        those = list(group)
        rows += sum(each.rows for each in those)
        if number and (rows > MOST_ROWS or number >= MOST_NIGHTS):
            return
        yield day, those


def _seen_in(one: Kept) -> Any:
    """Return the codes that were seen one night, as an Arrow array; none where the file has gone meanwhile.

    :raises OCRDatasetError: it cannot be read.
    """
    try:
        with opened(one.place) as parquet:
            table = read_columns(parquet, ["code", "status"])
    except FileGoneError:
        return pa.array([], pa.string())
    known = pa.array([each.value for each in SEEN])
    return table.filter(pc.is_in(table["status"], value_set=known))["code"].combine_chunks()
