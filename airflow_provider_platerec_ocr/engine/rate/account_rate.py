"""The account's rate as one of its shards sees it: the leader explores it for all, the others go by what it says.

It waits for nothing and writes nothing: the limiter paces by it, and :mod:`.share` carries it to the other shards.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.rate.pacing import AdaptiveRate, RateState, turn_off_s
from airflow_provider_platerec_ocr.engine.rate.board import SharedPace

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.core.rate.pacing import FoundRate

_UNTIL_TOLD = 0.97
"""Part of the rate at which a shard goes on after a 429 until the leader has thought about it: what it mostly comes to,
so that the shard's turns stay nearly right."""
_CLIMB_S = 60.0
"""How long it takes to the former rate from there, should the leader be gone."""
_ONE_BURST_S = 1.0
"""Refusals of several shards that are so close belong together."""
_NEWS_S = 6.0
"""A 429 of other shards that is older says nothing about the rate of now."""


class AccountRate:
    """A rate that is led by one shard of the account and followed by the others.

    :param clock: its wall clock has to agree with that of the other workers within a part of a second.
    :param ceiling_per_s: most starts a second, where it is known.
    """

    def __init__(self, clock: Clock, ceiling_per_s: float | None) -> None:
        self._clock = clock
        self._rate = AdaptiveRate(ceiling=ceiling_per_s)
        self._alone_since = clock.now().timestamp()
        """Since when nobody told this shard anything of the rate; seconds since 1970."""
        self.is_given = ceiling_per_s is not None
        """Whether the user knows the rate; else it is found, and remembered."""
        self._leader: SharedPace | None = None
        """Whose rate and row of starts this shard goes by; ``None`` where it leads."""
        self._learned_at = -math.inf
        self._throttle_seen_s = 0.0
        """When the account last refused a call, as far as this shard knows; seconds since 1970."""

    @property
    def per_s(self) -> float:
        """Starts a second of the whole account."""
        return self._rate.rate_per_s

    @property
    def throttled_at_s(self) -> float:
        """When the account last refused a call with 429, whoever made it; seconds since 1970, 0 where it never did."""
        return self._throttle_seen_s

    @property
    def is_led(self) -> bool:
        """Whether another shard says how fast the account is."""
        return self._leader is not None

    def recall(self, found: FoundRate) -> None:
        """Begin with what an earlier run found."""
        self._rate.recall(found, self._clock.monotonic(), self._clock.now().timestamp())

    def found(self) -> tuple[FoundRate, float] | None:
        """Return what is worth remembering, and since when nobody else had a part in it; only the leader has any."""
        if self._leader is not None or self._learned_at == -math.inf:
            return None
        at_s = self._clock.now().timestamp() - (self._clock.monotonic() - self._learned_at)
        found = self._rate.found(at_s)
        return None if found is None else (found, self._alone_since)

    def succeeded(self) -> None:
        """Take note of an answer."""
        self._rate.on_success(self._clock.monotonic())

    def started(self, share: float, held_until: float) -> None:
        """Take note of a start of this shard."""
        self.learn(share, held_until, own=1)
        self._keep_up()

    def learn(self, share: float, held_until: float, *, own: int = 0) -> None:
        """Tell the rate of what started since the last time; only the leader's learns.

        What the other shards started is not known; it is what they may, outside of holds.
        """
        now = self._clock.monotonic()
        since = max(self._learned_at, min(held_until, now))
        others = int((now - since) * self.per_s * (1.0 - share)) if share and since > -math.inf else 0
        starts = own + others
        if self._leader is not None or not starts:
            return
        for number in range(1, starts + 1):
            self._rate.on_started(now if starts == 1 else since + (now - since) * number / starts)
        self._learned_at = now

    def throttled(self, started_at: float | None) -> None:
        """Take note of a 429 of this shard."""
        self._slow_down(started_at)
        self._throttle_seen_s = self._clock.now().timestamp()

    def heard(self, throttled_at_s: float) -> None:
        """Take note of a 429 of any shard; of those that belong together only the first slows down."""
        if throttled_at_s > self._throttle_seen_s:
            recent = self._clock.now().timestamp() - _NEWS_S
            news = throttled_at_s > max(self._throttle_seen_s + _ONE_BURST_S, recent)
            if news:
                self._slow_down(None)
            self._throttle_seen_s = throttled_at_s

    def ignore(self, throttled_at_s: float) -> None:
        """Take note of a 429 that was before this shard came: what is to be learned from it, the leader says."""
        self._throttle_seen_s = max(self._throttle_seen_s, throttled_at_s)

    def _slow_down(self, started_at: float | None) -> None:
        if self._leader is None:
            self._rate.on_throttled(self._clock.monotonic(), started_at=started_at)
        elif self._leader_knows():
            slow = _UNTIL_TOLD * self.per_s
            self._rate.adopt(RateState(slow, top=self.per_s, bottom=slow, climb_s=_CLIMB_S))

    def _leader_knows(self) -> bool:
        """Return whether the leader knows of the last 429 that this shard knows of."""
        return self._leader is not None and self._leader.throttled_at_s > self._throttle_seen_s - _ONE_BURST_S

    def follow(self, leader: SharedPace | None) -> None:
        """Go by the leader's rate from now on, or lead where that is ``None``."""
        if leader is not None:
            self._alone_since = self._clock.now().timestamp()
        self._leader = leader
        self._keep_up()

    def _keep_up(self) -> None:
        """Take the rate that the leader has by now, unless it cannot know of the last 429 yet."""
        if self._leader is not None and self._leader_knows():
            since_s = self._clock.now().timestamp() - self._leader.at_s
            self._rate.adopt(self._leader.rate, min(since_s, _NEWS_S))

    def pace(self, next_start: float, held_until: float) -> SharedPace:
        """Return what this shard sees of the rate, for the others.

        :param next_start: when it starts next, or started last, in monotonic seconds.
        """
        now = self._clock.monotonic()
        began = self._clock.now().timestamp() - now
        at = now if now < held_until or self._learned_at == -math.inf else self._learned_at
        return SharedPace(self._rate.state, began + next_start, began + at, self._throttle_seen_s)

    def turn(self, due: float, *, earliest: float, rank: int, share: float) -> float:
        """Return when a start that is due comes in the leader's row of starts.

        :param due: in monotonic seconds, as all times here. :param share: of this shard, over 0.
        """
        if self._leader is None:
            return due
        now, per_s = self._clock.monotonic(), self.per_s
        at_s = due + turn_off_s(
            self._clock.now().timestamp() + due - now,
            row_s=self._leader.row_s,
            counted_per_s=(per_s + self._leader.rate.rate_per_s) / 2.0,
            rate_per_s=per_s,
            place=(rank, share),
        )
        turns = math.ceil(max(0.0, max(earliest, now) - at_s) * per_s * share)
        return at_s + turns / (per_s * share)
