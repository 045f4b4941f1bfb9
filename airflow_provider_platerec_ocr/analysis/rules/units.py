"""Which rows of a list are units: each unit once, and none of a row that has no code, or only what a spreadsheet left.

Pure. A list comes out of a spreadsheet: rows without a code, the same unit twice, and long numbers as ``1.23457E+12``,
whose last digits are lost.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from airflow_provider_platerec_ocr.analysis.rules.codes import code_of, whole_container
from airflow_provider_platerec_ocr.core.identifiers import VIN
from airflow_provider_platerec_ocr.core.saying.counts import agree, count_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NAMED = 10
"""Rows that a sentence names."""
_ROUNDED = re.compile(r"[+-]?\d+(?:[.,]\d+)?E\+\d+", re.IGNORECASE)
"""How spreadsheets show, and write to a CSV, a number of more than eleven digits."""


class Listed(Protocol):
    """A row of a list."""

    @property
    def row(self) -> int:
        """Number of the data row, from 1."""

    @property
    def code(self) -> str:
        """As the list has it."""


T = TypeVar("T", bound=Listed)


@dataclass(frozen=True, slots=True)
class Units(Generic[T]):
    """A list of units, with what of it is none."""

    units: Sequence[T]
    """The rows that are units, each unit by its first row, in the list's order."""
    repeated: Sequence[tuple[T, T]] = ()
    """Rows of a unit that an earlier row has, each with that row."""
    rounded: Sequence[T] = ()
    """Rows whose code a spreadsheet has rounded: nobody knows which unit that is."""
    blank: Sequence[T] = ()
    """Rows without a code."""

    @classmethod
    def of(cls, rows: Iterable[T]) -> Units[T]:
        """Return which rows are units."""
        units: dict[str, T] = {}
        repeated, rounded, blank = [], [], []
        for row in rows:
            key = code_of(row.code).key
            if not key:
                blank.append(row)
            elif _ROUNDED.fullmatch(row.code.strip()):
                rounded.append(row)
            elif (first := units.setdefault(whole_container(key) or key, row)) is not row:
                repeated.append((row, first))
        return cls(tuple(units.values()), tuple(repeated), tuple(rounded), tuple(blank))

    def not_of(self, type_: str) -> int:
        """Return how many units no read of this type can be: VINs are read as ``vin``, and nothing else is."""
        return sum((code_of(unit.code).system == VIN) != (type_ == VIN) for unit in self.units)

    @property
    def counts(self) -> dict[str, int]:
        """``duplicates``: rows that repeat a unit; ``unusable_rows``: rows that are no unit."""
        return {"duplicates": len(self.repeated), "unusable_rows": len(self.rounded) + len(self.blank)}

    def warnings(self) -> list[str]:
        """Return a sentence for each kind of row that is no unit; none of a list that is as it should be."""
        found = []
        if number := len(self.rounded):
            found.append(
                f"{count_of(number, 'row')} of the list {agree(number, 'has', 'have')} a number that a spreadsheet has "
                f"rounded, so nobody knows which unit it is: {_rows([(row.row, row.code) for row in self.rounded])}. "
                "Format the column as text, and export the list anew."
            )
        if number := len(self.blank):
            what = agree(number, "has no code and is no unit", "have no code and are no units")
            found.append(
                f"{count_of(number, 'row')} of the list {what}: {_rows([(row.row, '') for row in self.blank])}."
            )
        if number := len(self.repeated):
            rows = _rows([(row.row, f"{row.code}, as row {first.row:,}") for row, first in self.repeated])
            what = agree(number, "repeats a unit and counts", "repeat units and count")
            found.append(f"{count_of(number, 'row')} of the list {what} once: {rows}.")
        return found


def _rows(rows: Sequence[tuple[int, str]]) -> str:
    shown = ", ".join(f"row {row:,} ({said})" if said else f"row {row:,}" for row, said in rows[:NAMED])
    return shown + (", …" if len(rows) > NAMED else "")
