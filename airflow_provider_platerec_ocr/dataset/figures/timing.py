"""How long the calls of a run took, from its outcomes: a middle, a tail, and the slowest by name.

The middle comes from a fixed row of bars whose widths grow by 5 %, so a million calls need as much memory as ten.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.dataset.figures.model import Calls, SlowCall

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_SLOW = 10
"""Slowest calls that come out."""
_SHORTEST_S, _GROWTH, _BARS = 0.01, 1.05, 260
"""The last bar begins at 0.01 s x 1.05 ** 259, which is 51 minutes."""
_FACTS = ("call_s", "image", "image_version", "fingerprint", "type", "row")


@dataclass(slots=True)
class Timing:
    """The times of calls, added up."""

    until: str | None = None
    """When the last image ended, as far as the outcomes say; UTC, ISO 8601."""
    _bars: Any = None
    _slowest: list[SlowCall] = field(default_factory=list)

    def add(self, outcomes: Any) -> None:
        """Count the outcomes of a shard; calls without a time, and answers of the ledger, have none."""
        import numpy as np
        import pyarrow.compute as pc

        last = pc.max(outcomes.column("at")).as_py() if outcomes.num_rows else None
        self.until = max(filter(None, (self.until, last)), default=None)
        seconds = outcomes.column("call_s").to_numpy()
        timed = np.flatnonzero(seconds >= 0.0)  # which NaN is not
        if not len(timed):
            return
        with np.errstate(divide="ignore"):
            places = np.log(np.maximum(seconds[timed], _SHORTEST_S) / _SHORTEST_S) / math.log(_GROWTH)
        found = np.bincount(np.clip(places, 0, _BARS - 1).astype(np.int64), minlength=_BARS)
        self._bars = found if self._bars is None else self._bars + found
        least = self._slowest[-1].seconds if len(self._slowest) >= MOST_SLOW else -1.0
        slow = timed[seconds[timed] > least]
        slow = slow[np.argsort(-seconds[slow], kind="stable")][:MOST_SLOW]
        if len(slow):
            facts = outcomes.select(list(_FACTS)).take(slow).to_pylist()
            fresh = [SlowCall(fact.pop("call_s"), **fact) for fact in facts]
            ranked = sorted([*self._slowest, *fresh], key=lambda each: (-each.seconds, each.row))
            self._slowest = ranked[:MOST_SLOW]

    def calls(self) -> Calls:
        """Return what they come to."""
        if self._bars is None:
            return Calls()
        bars = self._bars.tolist()
        return Calls(sum(bars), _quantile(bars, 0.5), _quantile(bars, 0.95), tuple(self._slowest))


def _quantile(bars: Sequence[int], share: float) -> float:
    """Return the middle of the bar in which the call lies that ``share`` of all are faster than, in seconds."""
    wanted = share * sum(bars)
    index = next(index for index, counted in enumerate(accumulate(bars)) if counted >= wanted)
    return float(round(_SHORTEST_S * _GROWTH ** (index + 0.5), 2))
