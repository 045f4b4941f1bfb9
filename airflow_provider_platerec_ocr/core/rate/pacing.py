"""How fast calls may start: a bucket that spaces them, a rate that finds itself and is remembered, a fair share of it.

Pure arithmetic on a time that is handed in (seconds of a monotonic clock); the engine's limiter waits and remembers.
The start rate is one limit and the calls in flight are another: 8/s at 30 s a call are 240 in flight.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


FIRST_PER_S = 0.5
"""First starts a second where nothing is known of an account."""
NEARLY = 0.97
"""Part of a remembered rate to begin with, were it found this moment."""
SEARCHED = 0.5
"""How sure a rate is to which a search has come: one that forgives a burst takes nearly twice its limit first."""
_BURST_S = 1.0
"""Seconds' worth of calls that an account may forgive."""
FADE_S = 30 * 86400.0
"""Seconds after which what is remembered is trusted half as much."""


class TokenBucket:
    """Spaces starts so that any window of ``w`` seconds holds at most ``rate * w + burst`` of them.

    :param rate_per_s: starts a second, 0 or more.
    :param burst: starts that may come at once after a rest, 1 or more.
    """

    def __init__(self, rate_per_s: float, burst: float = 1.0) -> None:
        if burst < 1.0:
            message = f"burst must be at least 1, not {burst!r}"
            raise ValueError(message)
        self._rate_per_s = _checked(rate_per_s)
        self._burst = burst
        self._level = burst
        self._at_s = -math.inf
        """Time of :attr:`_level`: the last start that was given away, or the last change."""

    @property
    def rate_per_s(self) -> float:
        """Starts a second."""
        return self._rate_per_s

    def next_start(self, now: float) -> float:
        """Return when the next call may start, at ``now`` or later, and take that start.

        Infinity where the rate is 0, and then nothing is taken.
        """
        self._refill(now)
        if self._level < 1.0:
            if self._rate_per_s == 0.0:
                return math.inf
            self._at_s += (1.0 - self._level) / self._rate_per_s
            self._level = 1.0
        self._level -= 1.0
        return self._at_s

    def set_rate(self, now: float, rate_per_s: float) -> None:
        """Change the rate from ``now`` on; starts that were given away stay, and count."""
        self._refill(now)
        self._rate_per_s = _checked(rate_per_s)

    def move_start(self, at_s: float) -> None:
        """Move the start that was given away last, and was not used yet, to ``at_s``; the next ones come after it."""
        self._at_s = at_s

    def _refill(self, now: float) -> None:
        if now > self._at_s:
            gained = 0.0 if self._at_s == -math.inf else (now - self._at_s) * self._rate_per_s
            self._level = min(self._burst, self._level + gained)
            self._at_s = now


def _checked(rate_per_s: float) -> float:
    if not 0.0 <= rate_per_s < math.inf:
        message = f"a rate must be 0 or more and finite, not {rate_per_s!r}"
        raise ValueError(message)
    return rate_per_s


@dataclass(frozen=True, slots=True)
class RateState:
    """What an :class:`AdaptiveRate` knows of its account, so that another shard can go on from there."""

    rate_per_s: float
    """Starts a second of the whole account."""
    top: float | None = None
    """The rate that is climbed to, just below the refused one; ``None`` while searching."""
    bottom: float = 0.0
    """The rate from which it climbs."""
    climb_s: float = 1.0
    """Seconds that the climb takes."""
    climbed_s: float = 0.0
    """Seconds of it that are over."""


@dataclass(frozen=True, slots=True)
class FoundRate:
    """What was found of an account's limit, for its next night."""

    rate_per_s: float
    """Starts a second that the account takes: just below what it refused, or as far as a search had come."""
    sure: float
    """From 0 to 1: 0.5 where a search had come so far, 1 where the account took it for a while after refusing more."""
    at_s: float
    """When it was so; seconds since 1970."""

    def trust(self, now_s: float) -> float:
        """Return how sure it still is, 0 to 1: half as much after each month, since limits change."""
        return self.sure * math.exp2(-max(0.0, now_s - self.at_s) / FADE_S)

    def state(self, now_s: float) -> RateState:
        """Return what to begin with: nearly this rate, and lower the less it is to be trusted.

        Where it is sure enough, it is climbed to as after a 429; else the search goes on from below it.
        """
        trust, near = self.trust(now_s), NEARLY * self.rate_per_s
        begin = max(trust * near, min(FIRST_PER_S, near))
        if trust <= SEARCHED:
            return RateState(begin, bottom=begin)
        return RateState(begin, top=self.rate_per_s, bottom=begin, climb_s=usual_climb_s(self.rate_per_s))


def rate_to_keep(there: FoundRate | None, new: FoundRate, *, since_s: float) -> FoundRate:
    """Return which of two is to be remembered: who knew the other knows better, else the surer, and never the older.

    :param there: what is remembered already.
    :param since_s: since when ``new`` was found without hearing from others; seconds since 1970.
    """
    if there is None or there.at_s <= min(since_s, new.at_s):
        return new
    return new if new.at_s >= there.at_s and new.sure >= there.trust(new.at_s) else there


class AdaptiveRate:
    """A start rate that finds the account's limit and follows it: additive increase, multiplicative decrease.

    Nobody documents the limit of OCR [unknown]; 1/s and 8/s are known of the vendor's other products [sibling]. So:

    - *Searching*, the rate grows by 15 % a second, until the first 429.
    - *Climbing*, after a 429: the rate drops by 3 % and comes back on a cubic curve to just below the refused rate,
      fast at first, flat near the top, then faster and faster beyond it. Past the top by 3 %, the limit must have
      grown, and the search starts again. So a 429 comes about once a minute, and more rarely at low rates, where each
      is a larger part of the calls; and a limit that has doubled is found in about a minute.
    - A 429 soon after another means that the limit is far lower: the rate drops by a quarter, but not below what the
      account accepted in between. Nothing accepted in between: it is halved, and the search begins anew.
    - With a known ceiling, the rate starts there, never exceeds it, and a single 429 halves it for a few seconds only;
      another one within 5 minutes counts as in a climb.
    - With what was found on an earlier night it begins in a climb to that. A 429 within a third of the climb means
      that the limit is lower by now, and counts as a second one.

    Time only counts while calls start at the rate: with too few calls to send, a rate proves nothing.

    :param ceiling: most starts a second, where it is known.
    :param start_per_s: first rate where no ceiling is known.
    """

    LEAST_PER_S = 0.05
    """Never slower than one start in 20 s, else the rate could not learn that the limit is back."""
    _SEARCH_PER_S = 0.15
    _LEAVE = 1.03
    _BELOW = 0.007
    """How far below a refused rate the top of the climb is: there, most of the time passes without a 429."""
    _DROP_CALM = 0.025
    _LOW_PER_S = 1.5
    """Rates at which each 429 of a search is a noticeable part of the calls."""
    _BELOW_LOW, _DROP_LOW = 0.1, 0.2
    _DROP_SOON = 0.25
    _DROP_CLOSED = 0.5
    _CLIMB_TO_CEILING_S = 5.0
    _SAME_BURST_S = 1.0
    _ONCE_S = 300.0
    _TELLING = 20
    """Calls from which on it is worth remembering what the account took."""

    def __init__(self, *, ceiling: float | None = None, start_per_s: float = FIRST_PER_S) -> None:
        first = _checked(start_per_s if ceiling is None else ceiling)
        if not first > 0.0:
            message = f"a rate must be over 0, not {first!r}"
            raise ValueError(message)
        self._ceiling = ceiling
        self._rate_per_s = first
        self._top: float | None = None
        """The rate that is climbed to, just below the refused one; ``None`` while searching."""
        self._bottom = first
        self._climb_s = 1.0
        self._climbed_s = 0.0
        self._started_at: float | None = None
        self._throttled_at: float | None = None
        self._accepted = 0
        """Starts since the last decrease that were not refused, as far as is known."""
        self._ended = 0
        self._refused = 0
        self._starts = 0
        self._held_per_s = 0.0
        """What the account surely takes, as of the last 429, the last rate that was taken over, or the last search."""
        self._recalled_at: float | None = None

    @property
    def rate_per_s(self) -> float:
        """Starts a second that are right now."""
        return self._rate_per_s

    @property
    def state(self) -> RateState:
        """What other shards of the account need to go on from here."""
        return RateState(self._rate_per_s, self._top, self._bottom, self._climb_s, self._climbed_s)

    @property
    def refused_share(self) -> float:
        """Share of the ended calls that were refused with 429, 0 to 1."""
        return self._refused / max(1, self._ended)

    def found(self, at_s: float) -> FoundRate | None:
        """Return what is worth remembering, or ``None``: a rate that was given is not found, a few calls tell nothing.

        :param at_s: when, in seconds since 1970.
        """
        if self._ceiling is not None or not (self._refused or self._starts >= self._TELLING):
            return None
        if self._top is None and not self._held_per_s and self._accepted < self._TELLING:
            return None
        aim = self._rate_per_s if self._top is None else self._top
        return FoundRate(aim, max(SEARCHED, min(1.0, self._surely_per_s() / aim)), at_s)

    def _surely_per_s(self) -> float:
        """Return what the account surely takes: after a third of a climb without a 429, as much as it has come to."""
        if self._top is None:
            return self._held_per_s
        part, least = min(1.0, 3.0 * self._climbed_s / self._climb_s), SEARCHED * self._top
        return max(self._held_per_s, least + part * (min(self._rate_per_s, self._top) - least))

    def recall(self, found: FoundRate, now: float, now_s: float) -> None:
        """Begin with what an earlier night found; no effect where a ceiling is known.

        :param now: on the clock of all other methods. :param now_s: the same moment in seconds since 1970.
        """
        if self._ceiling is None:
            self.adopt(found.state(now_s))
            self._held_per_s, self._recalled_at = found.trust(now_s) * found.rate_per_s, now

    def adopt(self, state: RateState, since_s: float = 0.0) -> None:
        """Go on from what another shard of the account knows: what it was told need not be asked again.

        :param since_s: seconds since it was so, in which its calls went on.
        """
        self._top, self._bottom, self._held_per_s, self._recalled_at = state.top, state.bottom, 0.0, None
        self._climb_s, self._climbed_s = max(state.climb_s, 1.0), max(state.climbed_s, 0.0)
        self._rate_per_s = max(_checked(state.rate_per_s), self.LEAST_PER_S)
        self._grow(max(0.0, since_s))

    def on_started(self, now: float) -> None:
        """Take note of a start; the rate grows here and nowhere else."""
        gap_s = 0.0 if self._started_at is None else now - self._started_at
        step_s = min(gap_s, 2.0 / self._rate_per_s)
        self._started_at = now
        self._accepted += 1
        self._starts += 1
        self._grow(step_s)

    def _grow(self, step_s: float) -> None:
        if self._top is None:
            self._rate_per_s += self._SEARCH_PER_S * self._rate_per_s * step_s
        else:
            self._climb(self._top, step_s)
        if self._ceiling is not None:
            self._rate_per_s = min(self._rate_per_s, self._ceiling)

    def on_success(self, now: float) -> None:  # noqa: ARG002  # the three events look alike
        """Take note of an answer; it says nothing about the rate, since its call started 20 to 30 s ago."""
        self._ended += 1

    def on_throttled(self, now: float, *, started_at: float | None = None) -> None:
        """Take note of a 429; of those that belong together only the first slows down.

        :param started_at: when the refused call started: one from before the last decrease says nothing new.
        """
        self._ended += 1
        self._refused += 1
        self._accepted = max(0, self._accepted - 1)
        last = self._throttled_at
        if last is not None and (now - last < self._SAME_BURST_S or (started_at is not None and started_at <= last)):
            return
        rate, accepted = self._rate_per_s, self._accepted
        since = self._recalled_at if last is None else last
        since_s = math.inf if since is None else max(now - since, self._SAME_BURST_S)
        calm_s = usual_climb_s(rate)
        held = self._surely_per_s()
        self._throttled_at, self._accepted, self._climbed_s, self._climb_s = now, 0, 0.0, calm_s
        if since_s >= calm_s / 3:
            low = self._after_calm(rate, since_s)
        elif accepted:
            held = max(accepted / (since_s + _BURST_S), held * (1 - self._DROP_SOON))
            self._top, low = rate, max(rate * (1 - self._DROP_SOON), min(accepted / since_s, 0.99 * rate))
        else:
            self._top, low, held = None, rate * (1 - self._DROP_CLOSED), 0.0
        self._bottom = self._rate_per_s = max(low, min(self.LEAST_PER_S, rate))
        self._held_per_s = min(held, low)

    def _after_calm(self, rate: float, since_s: float) -> float:
        """Set the top to climb to after a 429 that came alone; return the rate to begin from."""
        if self._ceiling is not None and rate >= 0.99 * self._ceiling and since_s > self._ONCE_S:
            self._climb_s, self._top = self._CLIMB_TO_CEILING_S, rate
            return rate * (1 - self._DROP_CLOSED)
        if self._top is None and rate < self._LOW_PER_S:
            self._top = rate * (1 - self._BELOW_LOW)
            return rate * (1 - self._DROP_LOW)
        self._top = rate * (1 - self._BELOW)
        return self._top * (1 - self._DROP_CALM)

    def _climb(self, top: float, step_s: float) -> None:
        self._climbed_s += step_s
        way = (self._climbed_s - self._climb_s) / self._climb_s
        depth = top - self._bottom if way <= 0.0 else max(top - self._bottom, self._DROP_CALM * top)
        self._rate_per_s = top + depth * way**3
        if self._rate_per_s > self._LEAVE * top:
            self._held_per_s, self._top = self._surely_per_s(), None


def usual_climb_s(rate_per_s: float) -> float:
    """Return how long a climb takes: at low rates longer, so that few of the starts are probes."""
    return 24.0 + 60.0 / max(rate_per_s, 0.5)


def turn_off_s(
    at_s: float, *, row_s: float, counted_per_s: float, rate_per_s: float, place: tuple[int, float]
) -> float:
    """Return by how many seconds a start at ``at_s`` is before its shard's turn; negative where it is behind it.

    The starts of an account are one row with even gaps, and its shards take turns in it: else those of several shards
    meet by chance, and an account that counts the calls of each second refuses some although the rate is right.

    :param at_s: when the shard would start by itself; seconds on the clock of ``row_s``.
    :param row_s: a moment at which the shard of rank 0 started, or is about to.
    :param counted_per_s: mean rate of the account between the two.
    :param rate_per_s: its rate now.
    :param place: rank of the shard, from 0, and its share (over 0 and up to 1).
    :return: never more than half the gap between two of the shard's own starts, either way.
    """
    rank, share = place
    turns = 1.0 / share
    off = (rank - (at_s - row_s) * counted_per_s) % turns
    return (off - turns if off > turns / 2.0 else off) / rate_per_s


def next_share(live: int, others: Sequence[float], *, planned: int = 1) -> float:
    """Return the share of the account's rate (0 to 1) that a shard may take from its next beat on.

    An even share, but never what others still announce: who joins waits until the others have made room, so that
    the sum of all announced shares never exceeds 1.

    :param live: live shards, this one included.
    :param others: shares that the other live shards announced.
    :param planned: shards that may start in the same moment; given on the first beat, when they cannot see each other
        yet, and 1 afterwards.
    """
    free = 1.0 - math.fsum(max(0.0, share) for share in others)
    return max(0.0, min(1.0 / max(live, 1), 1.0 / max(planned, 1), free))
