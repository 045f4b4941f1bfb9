"""Which characters are taken for one another, and how often beside others: the measure of what is near.

Pure. A weight is relative: 1 for a pair that every engine confuses (``0`` and ``O``), a tenth of that for a pair that
only looks alike when it is worn (``3`` and ``8``). Pairs that are not in the table are no confusion at all: a code that
differs in one is another code. What is known better, from truth files or corrections, is added to that.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

OFTEN = "0O 0Q 0D OQ OD DQ 1I 1L IL 2Z 5S 6G 8B UV"
"""Pairs of the same shape: whole characters that many fonts draw alike."""
SELDOM = (
    "17 1T 1J IT 27 38 3B 4A 49 56 5B 58 68 6B 60 69 8S 80 89 7T 7Z 7Y 90 9G CG C0 CO CE EF G0 GO HN HM KX MN PR BR "
    "PF VY WV XY"
)
"""Pairs that differ by a stroke which dirt, rivets or light add or take."""
SELDOM_WEIGHT = 0.1
LEAST = 2
"""A pair that is not in the table and was seen less often may be a person's own mistake."""
OBSERVED = 5.0
"""A confusion that was seen this often weighs as much as one of :data:`OFTEN`."""
MOST = 10.0


def _table() -> dict[tuple[str, str], float]:
    weights: dict[tuple[str, str], float] = {}
    for pairs, weight in ((SELDOM, SELDOM_WEIGHT), (OFTEN, 1.0)):
        for one, other in map(tuple, pairs.split()):
            weights[one, other] = weights[other, one] = weight
    return weights


@dataclass(frozen=True)
class Confusions:
    """A table of characters and how likely each is read as another, relative to the rest."""

    weights: Mapping[tuple[str, str], float] = field(default_factory=_table)
    """By (the true character, the one that is read); more than 0, at most :data:`MOST`."""

    @cached_property
    def taken_for(self) -> dict[str, str]:
        """For each character, those that it is read as or that are read as it, likeliest first."""
        found: dict[str, set[str]] = {}
        for one, other in self.weights:
            found.setdefault(one, set()).add(other)
            found.setdefault(other, set()).add(one)
        return {one: "".join(sorted(others, key=lambda c: (self.cost(c, one), c))) for one, others in found.items()}

    def cost(self, truth: str, read: str) -> float:
        """Return how unlikely it is that ``truth`` is read as ``read``: 0 for an equal character, else ``1 - log10``.

        Two costs that differ by one are ten times as likely; infinite where the pair is not in the table.
        """
        if truth == read:
            return 0.0
        weight = self.weights.get((truth, read), 0.0)
        return 1.0 - math.log10(weight) if weight > 0.0 else math.inf

    def with_observed(self, pairs: Iterable[tuple[str, str]]) -> Confusions:
        """Return the table with what was seen added to it.

        :param pairs: (true code, code as read); codes that differ in length or in more than two places tell nothing
            of a single character, and are left out.
        """
        seen = {pair: n for pair, n in observed(pairs).items() if n >= LEAST or pair in self.weights}
        added = {pair: min(MOST, self.weights.get(pair, 0.0) + number / OBSERVED) for pair, number in seen.items()}
        return Confusions({**self.weights, **added})


def observed(pairs: Iterable[tuple[str, str]]) -> Counter[tuple[str, str]]:
    """Return how often each (true character, character read) was seen, of (true code, code as read)."""
    return Counter(pair for truth, read in pairs for pair in differences(truth, read))


_FEW = 2


def differences(truth: str, read: str) -> list[tuple[str, str]]:
    """Return the (true, read) characters in which two codes of one length differ; none where that is more than two."""
    if len(truth) != len(read):
        return []
    found = [pair for pair in zip(truth, read, strict=True) if pair[0] != pair[1]]
    return found if len(found) <= _FEW else []
