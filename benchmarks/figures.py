"""The benchmarks' table: what is measured, the figure to reach, and whether it is reached.

Figures of the books (calls billed) are right or wrong; those of time and memory are never an error, since they also
tell of the machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Figure:
    """One line of the table."""

    what: str
    """What was measured, and how."""
    target: str
    """The figure to reach; empty where there is none."""
    measured: str
    """What came out."""
    verdict: str = ""
    """``reached``, by how much not, or a remark."""
    wrong: bool = False
    """Whether the books are wrong, which no machine excuses."""


def at_most(what: str, target: float, value: float, unit: str = "", remark: str = "") -> Figure:
    """Return the line of a figure that should be at most ``target``."""
    verdict = "reached" if value <= target else f"missed by {value / target - 1:.0%}"
    return Figure(what, f"≤ {target:g}{unit}", shown(value, unit), f"{verdict}{remark and ', '}{remark}")


def for_show(what: str, value: float, unit: str = "", remark: str = "") -> Figure:
    """Return the line of a figure without a target."""
    return Figure(what, "", shown(value, unit), remark)


def billed_once(what: str, billed: int, unique: int, images: int) -> Figure:
    """Return the line of the books: each image is billed once."""
    right = billed == unique == images
    text = f"{billed / images:.3f}" if right else f"{billed} calls for {unique} of {images} images"
    return Figure(what, "= 1.000", text, "reached" if right else "WRONG", wrong=not right)


def shown(value: float, unit: str = "") -> str:
    """Return a value with as many digits as tell something; a ratio has three behind the point."""
    if value == int(value) or abs(value) >= 100:  # noqa: PLR2004  # as is
        digits = 0
    elif abs(value) >= 10:  # noqa: PLR2004
        digits = 1
    else:
        digits = 2 if unit else 3
    return f"{value:,.{digits}f}{unit}"


def table(figures: Iterable[Figure]) -> str:
    """Return the table, as Markdown that is also readable as it is."""
    rows = [("figure", "target", "measured", "verdict")]
    rows += [(one.what, one.target or "-", one.measured, one.verdict or "-") for one in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    lines.insert(1, "-|-".join("-" * width for width in widths))
    return "\n".join(f"| {line} |" if index != 1 else f"|-{line}-|" for index, line in enumerate(lines))
