"""Confidence and check digits by type and camera, counted by the column: a million codes must not take a second more.

Memory is bounded whatever a manifest names: a type has so many cameras, and what comes beyond them is one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.dataset.figures.model import BINS, DOUBTFUL_BELOW, OTHERS, Spread

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_CAMERAS = 300
"""Cameras of a type that are counted by themselves."""
MOST_TYPES = 50
"""Types that are counted at all: a manifest may name any."""
SHOWN = 20
"""Cameras of a type that come out."""
UNKNOWN, CHECKED, FAILED, BELOW = range(BINS, BINS + 4)
"""Columns after the bars."""
WIDTH = BINS + 4


@dataclass(slots=True)
class BatchColumns:
    """What is looked at of a batch of rows, as NumPy arrays of one length."""

    confidence: Any
    """NaN where there is none, or one that is no share of 1."""
    checks: Any
    """0 for a check digit that is wrong, 1 for one that is right, 2 where there is none."""
    has_code: Any
    """Whether the row is of a code at all."""

    @classmethod
    def of(cls, rows: Any) -> BatchColumns:
        """Return those of rows, an Arrow table as of :func:`~..table.rows.reads_table`."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        confidence = rows.column("confidence").to_numpy()
        with np.errstate(invalid="ignore"):
            confidence = np.where((confidence >= 0.0) & (confidence <= 1.0), confidence, np.nan)
        checks = pc.fill_null(rows.column("check_digit_ok").cast(pa.int8()), 2).to_numpy()
        return cls(confidence, checks, pc.is_valid(rows.column("code")).to_numpy())


@dataclass(slots=True)
class Spreads:
    """Counts of the codes of a run."""

    _counts: dict[str, Any] = field(default_factory=dict)
    """By type: an array of integers, one line a camera."""
    _cameras: dict[str, dict[str | None, int]] = field(default_factory=dict)
    """By type: the line of each camera."""

    def add(self, type_: str, rows: Any, columns: BatchColumns) -> None:
        """Count rows of one type."""
        import numpy as np

        if type_ not in self._counts:
            if len(self._counts) >= MOST_TYPES:
                return
            self._counts[type_] = np.zeros((MOST_CAMERAS + 1, WIDTH), np.int64)
            self._cameras[type_] = {}
        lines = self._lines(type_, rows.column("camera_id"))
        known = ~np.isnan(columns.confidence)
        bins = np.full(len(lines), UNKNOWN, np.int64)
        bins[known] = np.minimum((columns.confidence[known] * BINS).astype(np.int64), BINS - 1)
        counts = self._counts[type_]
        for column, mask in (
            (bins, columns.has_code),
            (CHECKED, columns.checks < 2),  # noqa: PLR2004  # 2 is: there is none
            (FAILED, columns.checks == 0),
            (BELOW, columns.has_code & known & (columns.confidence < DOUBTFUL_BELOW)),
        ):
            places = (lines * WIDTH + column)[mask]
            if len(places):
                counts += np.bincount(places, minlength=counts.size).reshape(counts.shape)

    def _lines(self, type_: str, cameras: Any) -> Any:
        """Return the line of each row's camera."""
        import numpy as np
        import pyarrow.compute as pc

        encoded = cameras.combine_chunks().dictionary_encode()
        known = self._cameras[type_]
        names: list[str | None] = [*encoded.dictionary.to_pylist(), None]
        for name in names:
            if name not in known and len(known) < MOST_CAMERAS:
                known[name] = len(known)
        line_of = np.array([known.get(name, MOST_CAMERAS) for name in names], np.int64)
        return line_of[pc.fill_null(encoded.indices, len(names) - 1).to_numpy(zero_copy_only=False)]

    def types(self) -> tuple[Spread, ...]:
        """Return each type with all of its cameras, the most codes first."""
        found = (_spread(type_, None, counts.sum(axis=0).tolist()) for type_, counts in self._counts.items())
        return tuple(sorted((each for each in found if each.codes), key=lambda each: (-each.codes, each.type)))

    def cameras(self) -> tuple[Spread, ...]:
        """Return the cameras of each type that gave the most codes, in the order of :meth:`types`."""
        return tuple(each for kind in self.types() for each in self._most(kind.type))

    def _most(self, type_: str) -> Iterator[Spread]:
        counts = self._counts[type_]
        names = [*self._cameras[type_], *[OTHERS] * (MOST_CAMERAS + 1 - len(self._cameras[type_]))]
        found = [
            _spread(type_, name, line) for name, line in zip(names, counts.tolist(), strict=True) if any(line[:CHECKED])
        ]
        found.sort(key=lambda each: (-each.codes, each.camera or ""))
        yield from found[:SHOWN]


def _spread(type_: str, camera: str | None, line: list[int]) -> Spread:
    return Spread(type_, camera, tuple(line[:BINS]), line[UNKNOWN], line[CHECKED], line[FAILED], line[BELOW])
