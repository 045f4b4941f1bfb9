"""The account's rate limit: a token bucket on call starts.

The wait it names is the sandbox's truth about how long a client had to stay away. Knows no HTTP; the text and the
header are made in ``replies``.
"""

from __future__ import annotations

import math


class RateLimit:
    """A bucket of ``burst`` starts that refills at ``rate`` per second; without a rate everything passes."""

    def __init__(self, rate_per_s: float | None, burst: int | None = None) -> None:
        """Start full.

        :param rate_per_s: starts per second, or None for no limit.
        :param burst: starts that may come at once; default: the rate, rounded up.
        :raises ValueError: for a rate that is not above 0 or a burst below 1.
        """
        if rate_per_s is not None and rate_per_s <= 0:
            msg = f"rate must be above 0 (or absent for no limit), not {rate_per_s}"
            raise ValueError(msg)
        if burst is not None and burst < 1:
            msg = f"burst must be at least 1, not {burst}"
            raise ValueError(msg)
        self.rate_per_s = rate_per_s
        self.burst = burst if burst is not None else math.ceil(rate_per_s or 1)
        self._starts = float(self.burst)
        self._seen_s: float | None = None

    def start(self, now_s: float) -> float:
        """Ask for one start; 0.0 means granted, else the seconds until one would be (nothing is taken then)."""
        if self.rate_per_s is None:
            return 0.0
        if self._seen_s is not None:
            self._starts = min(self.burst, self._starts + (now_s - self._seen_s) * self.rate_per_s)
        self._seen_s = now_s
        if self._starts >= 1:
            self._starts -= 1
            return 0.0
        return (1 - self._starts) / self.rate_per_s
