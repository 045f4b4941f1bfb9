"""Numbers as places in a picture: what a gauge or a chart draws, worked out here so that a template only writes it.

Pure. Lengths are in units of the picture's own, whose width is said with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Piece:
    """A rectangle that stands for a number."""

    kind: str
    """What it stands for; the sheet has a colour for it."""
    x: float
    y: float
    width: float
    height: float
    value: float


def gauge(total: float, parts: Sequence[tuple[str, float]], width: float = 100.0, height: float = 5.0) -> list[Piece]:
    """Return parts of a whole as pieces of a bar from left to right, none beyond its end.

    :param total: the whole; the bar is empty where it is 0.
    :param parts: kind and value of each, in order.
    """
    pieces, x = [], 0.0
    for kind, value in parts:
        share = max(0.0, value) / total * width if total > 0 else 0.0
        share = min(share, width - x)
        pieces.append(Piece(kind, round(x, 3), 0.0, round(share, 3), height, value))
        x += share
    return pieces


@dataclass(frozen=True, slots=True)
class Column:
    """What one column of a chart holds, from the ground up."""

    label: str
    x: float
    width: float
    pieces: tuple[Piece, ...]
    mark_y: float | None = None
    """Height of a mark across the column, such as a limit."""


def columns(
    values: Sequence[tuple[str, Sequence[tuple[str, float | None]], float | None]],
    *,
    width: float = 600.0,
    height: float = 80.0,
) -> list[Column]:
    """Return a column for each entry, the highest (mark included) as high as the picture.

    :param values: label, parts from the ground up, and a mark, of each column in order.
    """
    sums = [sum(max(0.0, part or 0.0) for _, part in parts) for _, parts, _ in values]
    most = max([*sums, *(mark or 0.0 for _, _, mark in values)], default=0.0)
    step, scale = width / max(1, len(values)), height / most if most else 0.0
    made = []
    for place, (label, parts, mark) in enumerate(values):
        x, y, pieces = round(place * step + step * 0.1, 2), height, []
        for kind, value in parts:
            tall = max(0.0, value or 0.0) * scale
            tall = max(tall, 1.0) if value else 0.0
            y = max(0.0, y - tall)
            pieces.append(Piece(kind, x, round(y, 2), round(step * 0.8, 2), round(tall, 2), value or 0.0))
        mark_y = None if mark is None or not most else round(height - mark * scale, 2)
        made.append(Column(label, x, round(step * 0.8, 2), tuple(pieces), mark_y))
    return made
