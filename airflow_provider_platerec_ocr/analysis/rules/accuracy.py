"""How sure the reads are: held against the truth, by kind, with what was confused and where to draw the line.

Pure. The truth is a file of what the images really show, or what persons corrected. An estimate stands beside how many
images it rests on, with a 95 % interval (Wilson's), so that eleven of twelve is not taken for 92 %.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.analysis.rules.codes import code_of
from airflow_provider_platerec_ocr.analysis.rules.confusions import differences

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_Z = 1.959964
"""Of a normal distribution, 95 % lie within so many standard deviations."""
BANDS = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0)


class Verdict(StrEnum):
    """How far a read is from the truth."""

    EXACT = "exact"
    OFF_BY_ONE = "off_by_one"
    OFF_BY_MORE = "off_by_more"
    NOTHING = "nothing_read"


@dataclass(frozen=True, slots=True)
class Judged:
    """One image whose truth is known."""

    image: str
    truth: str
    read: str | None
    """The code that was read off it; of several the one nearest to the truth; ``None``: none."""
    type: str | None = None
    camera: str | None = None
    orientation: str | None = None
    confidence: float | None = None

    @property
    def verdict(self) -> Verdict:
        """How far the read is from the truth, both in the form in which codes are compared."""
        if not self.read:
            return Verdict.NOTHING
        distance = edit_distance(code_of(self.truth).key, code_of(self.read).key)
        return (Verdict.EXACT, Verdict.OFF_BY_ONE)[distance] if distance <= 1 else Verdict.OFF_BY_MORE


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole, with the interval in which its true value lies."""

    number: int
    of: int

    @property
    def value(self) -> float:
        """The part itself; 0 of nothing."""
        return self.number / self.of if self.of else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval; of nothing, anything is possible."""
        if not self.of:
            return 0.0, 1.0
        n, p = self.of, self.value
        centre, spread = p + _Z**2 / (2 * n), _Z * math.sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2))
        return max(0.0, (centre - spread) / (1 + _Z**2 / n)), min(1.0, (centre + spread) / (1 + _Z**2 / n))

    def __str__(self) -> str:
        """Return it in words, such as ``92.0 % (85.0 to 96.0 %), 92 of 100``."""
        low, high = (100 * end for end in self.interval)
        return f"{100 * self.value:.1f} % ({low:.1f} to {high:.1f} %), {self.number:,} of {self.of:,}"


@dataclass(frozen=True, slots=True)
class Threshold:
    """What it means to review all reads below a confidence."""

    confidence: float
    reviewed: Share
    """Of all images: those below, and those of which nothing was read."""
    wrong: Share
    """Of those let through: the codes that are wrong."""

    def __str__(self) -> str:
        """Return it in words."""
        return (
            f"at {self.confidence:.2f} review {100 * self.reviewed.value:.1f} % and let "
            f"{100 * self.wrong.value:.1f} % wrong through"
        )


@dataclass(frozen=True, slots=True)
class Group:
    """The verdicts on images that have something in common."""

    by: str
    """``all``, ``type``, ``camera``, ``orientation`` or ``confidence``."""
    name: str
    verdicts: Counter[Verdict]

    def share(self, verdict: Verdict) -> Share:
        """Return which part of them got this verdict."""
        return Share(self.verdicts[verdict], self.verdicts.total())


def groups(judged: Sequence[Judged]) -> list[Group]:
    """Return the verdicts on all images, then by type, camera, orientation and band of confidence."""
    found: dict[tuple[str, str], Counter[Verdict]] = defaultdict(Counter)
    for each in judged:
        places = [("all", ""), ("type", each.type), ("camera", each.camera), ("orientation", each.orientation)]
        if each.read:
            places.append(("confidence", band(each.confidence)))
        for by, name in places:
            found[by, name if name is not None else "not said"][each.verdict] += 1
    order = ("all", "type", "camera", "orientation", "confidence")
    return [Group(by, name, found[by, name]) for by, name in sorted(found, key=lambda key: (order.index(key[0]), key))]


def band(confidence: float | None) -> str:
    """Return the band that a confidence lies in, such as ``0.80 to 0.90``."""
    if confidence is None:
        return "not said"
    inside = next((pair for pair in pairwise(BANDS) if confidence < pair[1]), BANDS[-2:])
    return f"{inside[0]:.2f} to {inside[1]:.2f}"


def confused(judged: Iterable[Judged]) -> list[tuple[str, str, int]]:
    """Return (true character, character read, how often), most often first, of reads that differ in one or two."""
    pairs = ((code_of(each.truth).key, code_of(each.read).key) for each in judged if each.read)
    counts = Counter(pair for truth, read in pairs for pair in differences(truth, read))
    return [(truth, read, number) for (truth, read), number in sorted(counts.items(), key=lambda c: (-c[1], c[0]))]


def curve(judged: Sequence[Judged]) -> list[Threshold]:
    """Return, for each hundredth of confidence, what is reviewed and what wrong is let through."""
    found = []
    for step in range(101):
        least = step / 100
        passed = [each for each in judged if each.read and each.confidence is not None and each.confidence >= least]
        wrong = sum(each.verdict != Verdict.EXACT for each in passed)
        reviewed = Share(len(judged) - len(passed), len(judged))
        found.append(Threshold(least, reviewed, Share(wrong, len(passed))))
    return found


def suggested(judged: Sequence[Judged], target: float = 0.01) -> Threshold | None:
    """Return the lowest threshold that lets no more wrong codes through than ``target``, a share; ``None``: none does.

    A threshold that lets nothing through at all is no suggestion.
    """
    good = (each for each in curve(judged) if each.wrong.of and each.wrong.value <= target)
    return next(good, None)


def edit_distance(one: str, other: str, most: int = 2) -> int:
    """Return how many characters must be changed, added or left out; at ``most`` where it is more."""
    if one == other:
        return 0
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        before, row[0] = row[0], i
        for j, b in enumerate(other, start=1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return min(row[-1], most)
