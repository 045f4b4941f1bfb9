"""Simulated accounts and a simulated run against them, so that pacing is measured in virtual time.

Two kinds of limits that are met in the wild: a token bucket, which forgives a burst, and a window that slides (what
Django REST framework does), which does not. Calls take 25 s, a 429 comes after 150 ms and asks for a wait, arrivals
jitter by a few milliseconds.
"""

from __future__ import annotations

import heapq
import math
import random
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from airflow_provider_platerec_ocr.core.rate.pacing import TokenBucket

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_platerec_ocr.core.rate.pacing import AdaptiveRate

ROUND_TRIP_S = 0.15
CALL_S = 25.0
JITTER_S = 0.005


class Account(Protocol):
    limit_per_s: float

    def accepts(self, now: float) -> bool: ...


class BucketAccount:
    """``limit_per_s`` tokens a second, at most ``burst_s`` seconds of them in stock (and never less than one)."""

    def __init__(self, limit_per_s: float, burst_s: float = 1.0) -> None:
        self.limit_per_s = limit_per_s
        self._burst_s = burst_s
        self._tokens = max(1.0, limit_per_s * burst_s)
        self._at_s = 0.0

    def accepts(self, now: float) -> bool:
        gained = (now - self._at_s) * self.limit_per_s
        self._tokens = min(max(1.0, self.limit_per_s * self._burst_s), self._tokens + gained)
        self._at_s = now
        if self._tokens < 1.0 - 1e-9:
            return False
        self._tokens -= 1.0
        return True


class WindowAccount:
    """``limit_per_s`` calls in any second; refused ones do not count."""

    def __init__(self, limit_per_s: float) -> None:
        self.limit_per_s = limit_per_s
        self._history: deque[float] = deque()

    def accepts(self, now: float) -> bool:
        while self._history and self._history[0] <= now - 1.0:
            self._history.popleft()
        if len(self._history) >= round(self.limit_per_s):
            return False
        self._history.append(now)
        return True


@dataclass
class Run:
    """What a simulated run did."""

    arrivals: list[tuple[float, bool]] = field(default_factory=list)
    """When each call arrived, and whether it was accepted."""
    rates: list[tuple[float, float]] = field(default_factory=list)
    """The rate after each event."""

    def accepted_per_s(self, start_s: float, end_s: float) -> float:
        return sum(ok for at, ok in self.arrivals if start_s <= at < end_s) / (end_s - start_s)

    def refused_share(self, start_s: float = 0.0, end_s: float = math.inf) -> float:
        found = [ok for at, ok in self.arrivals if start_s <= at < end_s]
        return found.count(False) / len(found)


def simulate(  # noqa: PLR0913  # the knobs of an experiment, by name
    rate: AdaptiveRate,
    account: Account,
    seconds: float,
    *,
    changes: Sequence[tuple[float, float]] = (),
    asks_for_s: float = 1.0,
    seed: int = 1,
) -> Run:
    """Send as fast as ``rate`` allows for ``seconds``; ``changes`` are (time, new limit) of the account."""
    draw, run, bucket = random.Random(seed), Run(), TokenBucket(rate.rate_per_s)  # noqa: S311  # jitter, no secret
    events: list[tuple[float, str, float]] = []
    pending = deque(changes)
    now, held_until, next_start = 0.0, 0.0, bucket.next_start(0.0)
    while now < seconds:
        if next_start < held_until:
            next_start = bucket.next_start(held_until)
        starts = not events or next_start <= events[0][0]
        now, what, started_at = (next_start, "start", next_start) if starts else heapq.heappop(events)
        while pending and pending[0][0] <= now:
            account.limit_per_s = pending.popleft()[1]
        if what == "start":
            rate.on_started(now)
            bucket.set_rate(now, rate.rate_per_s)
            heapq.heappush(events, (now + ROUND_TRIP_S / 2 + draw.uniform(0, JITTER_S), "arrive", now))
            next_start = bucket.next_start(now)
        elif what == "arrive":
            ok = account.accepts(now)
            run.arrivals.append((now, ok))
            heapq.heappush(events, (now + (CALL_S if ok else ROUND_TRIP_S / 2), "answer" if ok else "429", started_at))
        elif what == "answer":
            rate.on_success(now)
        else:
            rate.on_throttled(now, started_at=started_at)
            bucket.set_rate(now, rate.rate_per_s)
            held_until = max(held_until, now + asks_for_s)
        run.rates.append((now, rate.rate_per_s))
    return run
