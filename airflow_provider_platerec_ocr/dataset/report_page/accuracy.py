"""How sure the codes are, as the report and the page show it: texts and a chart, worked out elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table: all, or those of one kind."""

    by: str
    """What they have in common, such as ``camera``; empty for all."""
    name: str
    codes: str
    shares: tuple[tuple[str, str], ...]
    """Exact, off by one, off by more, nothing read: each as its share, and with its interval and number."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """The whole section."""

    words: str
    """What the estimate rests on."""
    lines: Sequence[Line]
    confusions: Sequence[tuple[str, str, str]]
    """The true character, the one that was read, how often."""
    thresholds: Sequence[tuple[str, str, str]]
    """A confidence, what is to be reviewed below it, what is wrong above it."""
    suggestion: str
    chart: Markup
    """Both shares over the confidence."""
