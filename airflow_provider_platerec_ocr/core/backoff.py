"""How long to wait before the next attempt: what the API asked for, else an exponential of our own.

Pure: the jitter is handed in. Nothing here decides *whether* to try again, that is the error's class. DAG files import
it, so it stays small.
"""

from __future__ import annotations

from dataclasses import dataclass

LONGEST_HOLD_S = 3600.0
"""Longest time for which a wait that was asked for holds an account: then one call asks again."""

DEFAULT_LEASE_S = 270.0
"""Seconds before a call of unknown outcome may be looked at again: ``ClientSettings().lease_s``."""


def hold_s(asked_s: float | None) -> float:
    """Return for how many seconds a wait that was asked for holds the account: whole, but at most an hour.

    A longer one is as often a mistake as meant, and would end the nights of a month. So after an hour one call asks.
    """
    return min(asked_s or 0.0, LONGEST_HOLD_S)


@dataclass(frozen=True, slots=True)
class Backoff:
    """An exponential with jitter that never comes earlier than asked."""

    base_s: float = 1.0
    """Longest wait after the first attempt."""
    factor: float = 2.0
    """How much longer each further wait may be."""
    cap_s: float = 60.0
    """Longest wait of our own; what the API asks for is not capped."""

    def delay_s(self, attempt: int, *, jitter: float, retry_after_s: float | None = None) -> float:
        """Return the seconds to wait after the failed ``attempt``.

        Our own wait lies between half and the whole of ``base_s * factor ** (attempt - 1)``, so that a crowd that
        failed together does not come back together, and nobody comes back at once.

        :param attempt: number of the attempt that failed, from 1.
        :param jitter: 0 to 1, drawn anew each time.
        :param retry_after_s: what the API asked for; the result is never less.
        """
        if attempt < 1 or not 0.0 <= jitter <= 1.0:
            message = f"attempt counts from 1 and jitter lies in 0 to 1, not {attempt!r} and {jitter!r}"
            raise ValueError(message)
        try:
            longest = min(self.cap_s, self.base_s * float(self.factor) ** (attempt - 1))
        except OverflowError:
            longest = self.cap_s
        return max(longest * (0.5 + jitter / 2), retry_after_s or 0.0)
