"""When the next call may start: paced, never too many in flight, and not before a hold has ended.

The pace is a token bucket at the account's rate (:mod:`.account_rate`), times this shard's share of it. It knows
neither the API nor the ledger; the board's files are handled in :mod:`.share`, in threads.
"""

from __future__ import annotations

import asyncio
import logging
import math
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.backoff import LONGEST_HOLD_S, hold_s
from airflow_provider_platerec_ocr.core.rate.pacing import TokenBucket
from airflow_provider_platerec_ocr.engine.rate.account_rate import AccountRate
from airflow_provider_platerec_ocr.engine.rate.change import Change
from airflow_provider_platerec_ocr.engine.rate.share import BEAT_S, Sharing

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from concurrent.futures import Executor

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.core.rate.pacing import FoundRate
    from airflow_provider_platerec_ocr.engine.rate.board import Hold, PaceBoard, SharedPace

log = logging.getLogger(__name__)

MARGIN = 0.99
"""Part of a known ceiling that is used: servers that count calls in a sliding second refuse one that is 1 ms early."""
UNASKED_HOLD_S = 1.0
"""How long a 429 that names no time holds the starts."""
REMEMBER_S = 30.0
"""How often what was found of the rate is written down, so that a killed shard leaves it, too."""
_LATE = 0.5
"""Part of a gap by which a start may be late and still keep its place in the row."""


class Permit:
    """The right to one call in flight; :meth:`done` gives it back."""

    def __init__(self, limiter: StartLimiter, started_at: float) -> None:
        self.started_at = started_at
        """Monotonic time at which it was granted."""
        self.asks = False
        """Whether this call asks alone after a hold of an hour."""
        self._limiter: StartLimiter | None = limiter

    def done(self) -> None:
        """Give the place in flight back; a second time does nothing."""
        if self._limiter is not None:
            self._limiter.ended()
            if self.asks:
                self._limiter.asked_in_vain()
            self._limiter = None


class StartLimiter:
    """Hands out permits in the order in which they were asked for. All methods belong to one event loop.

    With a board, :meth:`run_heartbeat` has to run beside the calls, since the share changes as shards come and go.

    :param clock: paces the starts.
    :param ceiling_per_s: most starts a second that the account allows; ``None`` finds it.
    :param max_in_flight: most permits that are out at a time.
    :param board: where the account's shards see each other; without it the rate is split evenly by plan.
    :param planned_shards: shards of the run in all.
    :param executor: threads for the board's files; ``None`` uses the loop's own.
    :param lease_s: seconds after which the call of a shard that asked alone, and died, is not waited for any longer.
    """

    def __init__(  # noqa: PLR0913  # by name only
        self,
        *,
        clock: Clock,
        ceiling_per_s: float | None = None,
        max_in_flight: int,
        board: PaceBoard | None = None,
        planned_shards: int = 1,
        executor: Executor | None = None,
        lease_s: float = 300.0,
    ) -> None:
        ceiling = None if ceiling_per_s is None else ceiling_per_s * MARGIN
        self._clock = clock
        self._max_in_flight = max_in_flight
        self._rate = AccountRate(clock, ceiling)
        self._sharing = Sharing(board, planned=planned_shards, executor=executor)
        self._bucket = TokenBucket(self._rate.per_s * self._sharing.share)
        self._in_flight = 0
        self._waiting = 0
        self._due: float | None = None
        """The start that was taken from the bucket and not used yet."""
        self._held_until = -math.inf
        self._lease_s = lease_s
        self._ask_first = False
        """Whether one call alone asks before the others start."""
        self._asking = False
        """Whether it is out, and from here."""
        self._lifted = ""
        """The last hold whose lifting was heeded."""
        self._last_start: float | None = None
        self._remembered_at = clock.monotonic()
        self._turn = asyncio.Lock()
        self._changed = Change()
        self._posts: set[asyncio.Task[None]] = set()

    @property
    def rate_per_s(self) -> float:
        """Starts a second that this shard may make now."""
        return self._bucket.rate_per_s

    @property
    def rate_is_given(self) -> bool:
        """Whether the user knows the rate; else it is being found."""
        return self._rate.is_given

    @property
    def account_rate_per_s(self) -> float:
        """Starts a second of the whole account; a shard with nothing left to start has no share of it."""
        return self._rate.per_s

    @property
    def in_flight(self) -> int:
        """Permits that are out."""
        return self._in_flight

    @property
    def held_for_s(self) -> float:
        """Seconds for which nothing may start, 0 where nothing is held; new only after a permit was granted."""
        return max(0.0, self._held_until - self._clock.monotonic())

    async def start(self) -> Permit:
        """Wait for this call's turn and return its permit. First come, first served; cancelling costs no place."""
        self._waiting += 1
        try:
            return await self._start()
        finally:
            self._waiting -= 1

    async def _start(self) -> Permit:
        async with self._turn:
            looked = False
            while True:
                if not self._sharing.joined:
                    await self._beat()
                self._changed.clear()
                now = self._clock.monotonic()
                wait_s = self._wait_s(now)
                if wait_s > 0.0:
                    looked = False
                    await self._pause(wait_s)
                elif looked or not self._sharing.instant:
                    if not self._ask_first:
                        return self._grant(now)
                    if await self._may_ask():
                        permit = self._grant(self._clock.monotonic())
                        permit.asks = True
                        return permit
                    looked = False
                else:
                    self.heed(await self._sharing.look())
                    looked = True

    async def _may_ask(self) -> bool:
        """Return whether this call is the one that asks after a long hold; else wait a moment, and look again."""
        if not self._asking and await self._sharing.ask(self._lease_s):
            self._asking = True
            return True
        await self._pause(BEAT_S)
        if not self._sharing.alone:
            self.heed(await self._sharing.look())
        return False

    def asked_in_vain(self) -> None:
        """Take note that the call that asked ended without a word about the account, unless it was told."""
        if self._asking:
            self._asking = False
            self._changed.set()
            self._spawn(self._sharing.asked(answered=False))

    def _wait_s(self, now: float) -> float:
        """Return the seconds to the next start as things are; infinity where something has to change first."""
        if self._in_flight >= self._max_in_flight or not self._sharing.share:
            return math.inf
        if now < self._held_until:
            return self._held_until - now
        if self._due is not None and (now - self._due) * self.rate_per_s > _LATE:
            self._skip_to(now)
        due = self._take_due(now)
        return math.inf if due is None else due - now

    def _take_due(self, now: float) -> float | None:
        """Return when this shard's next call may start; ``None`` where it has no rate."""
        if self._due is None:
            due = self._bucket.next_start(now)
            self._due = None if due == math.inf else due
        return self._due

    def _skip_to(self, at_s: float) -> None:
        """Give up the starts before ``at_s``: the account counts when calls come, not when they were due.

        Among other shards it skips whole turns, else they would all start in the moment in which a hold ends.
        """
        if self._due is None:
            return
        if 0.0 < self._sharing.share < 1.0:
            turns = math.ceil(max(0.0, at_s - self._due) * self.rate_per_s)
            self._move_due(self._due + turns / self.rate_per_s)
        else:
            self._move_due(max(self._due, at_s))

    def _grant(self, now: float) -> Permit:
        self._due = None
        self._in_flight += 1
        self._last_start = now
        self._rate.started(self._sharing.share, self._held_until)
        self._apply_rate()
        return Permit(self, now)

    async def _pause(self, seconds: float) -> None:
        """Sleep until ``seconds`` are over or something changes."""
        await self._changed.within(seconds, self._clock)

    def ended(self) -> None:
        """Take a permit back; :meth:`Permit.done` calls this."""
        self._in_flight -= 1
        self._changed.set()

    def succeeded(self) -> None:
        """Take note of an answer."""
        self._rate.succeeded()
        if self._asking:
            self._asking = self._ask_first = False
            self._changed.set()
            self._spawn(self._sharing.asked(answered=True))

    def throttled(self, retry_after_s: float | None = None, *, started_at: float | None = None) -> None:
        """Take note of a 429: slow down, and start nothing before the time it asked for, in any shard.

        :param started_at: when the refused call started, in monotonic seconds.
        """
        self._rate.learn(self._sharing.share, self._held_until)
        self._rate.throttled(started_at)
        self._apply_rate()
        if self._asking:  # the hold that follows says how to go on
            self._asking = self._ask_first = False
        self._hold(UNASKED_HOLD_S if retry_after_s is None else retry_after_s, self._rate.throttled_at_s)

    def hold(self, seconds: float) -> None:
        """Start nothing for ``seconds``, in any shard; a longer hold stays. An hour at most, then one call asks."""
        self._hold(seconds, 0.0)

    def _hold(self, seconds: float, throttled_at_s: float) -> None:
        ask_first, seconds = seconds > LONGEST_HOLD_S, hold_s(seconds)
        self._ask_first = self._ask_first or ask_first
        until = self._clock.monotonic() + seconds
        if until <= self._held_until:
            return
        self._hold_until(until)
        if not self._sharing.alone:
            until_s = self._clock.now().timestamp() + seconds
            self._spawn(self._sharing.post(until_s, throttled_at_s, ask_first=ask_first))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Have the board's files written beside the calls."""
        post = asyncio.ensure_future(work)
        self._posts.add(post)
        post.add_done_callback(self._posts.discard)

    def _hold_until(self, until: float) -> None:
        self._rate.learn(self._sharing.share, self._held_until)
        self._take_due(self._clock.monotonic())
        self._skip_to(until)
        self._held_until = until
        self._changed.set()

    def heed(self, posted: Hold) -> None:
        """Do as the board says: what one shard was told holds for all."""
        if posted.key and not self._posts and not self._asking:
            self._ask_first = posted.ask_first
            if posted.lifted and posted.key != self._lifted:
                self._lift(posted.key)
        remaining_s = posted.until_s - self._clock.now().timestamp()
        if remaining_s > 0.0:
            self._hold_until(max(self._held_until, self._clock.monotonic() + remaining_s))
        if self._sharing.joined:
            self._rate.heard(posted.throttled_at_s)
            self._apply_rate()
        else:
            self._rate.ignore(posted.throttled_at_s)

    def _lift(self, key: str) -> None:
        """Forget the hold: a person knows better. The start that it moved to its end is due now."""
        self._lifted, self._held_until = key, -math.inf
        if self._due is not None:
            self._move_due(min(self._due, self._clock.monotonic()))
        self._changed.set()

    def _apply_rate(self) -> None:
        """Set the bucket to the rate and share that are right now; a start that waits comes earlier if it may."""
        now, before = self._clock.monotonic(), self.rate_per_s
        rate_per_s = self._rate.per_s * self._sharing.share
        self._bucket.set_rate(now, rate_per_s)
        if rate_per_s == before:
            return
        if self._due is not None and rate_per_s:
            part = before / rate_per_s if before else 1.0
            self._move_due(min(now + max(0.0, self._due - now) * part, max(self._due, now + 1.0 / rate_per_s)))
        self._changed.set()

    def _move_due(self, at_s: float) -> None:
        self._due = at_s
        self._bucket.move_start(at_s)

    async def _beat(self) -> None:
        is_new = not self._sharing.joined
        self._rate.learn(self._sharing.share, self._held_until)
        await self._sharing.beat(self)
        self._apply_rate()
        due = self._take_due(self._clock.monotonic()) if self._sharing.share else None
        if due is not None:
            rank, share = self._sharing.rank, self._sharing.share
            if is_new and not self._rate.is_led:  # all have just come: each behind those that came before
                due += rank / self._rate.per_s
            self._move_due(self._rate.turn(due, earliest=self._held_until, rank=rank, share=share))
            self._changed.set()

    def recall(self, found: FoundRate) -> None:
        """Begin with what an earlier run found of the account's rate."""
        self._rate.recall(found)
        self._apply_rate()
        log.info(
            "Beginning at %.3g calls a second: an earlier run found that this account takes %.3g.",
            *(self._rate.per_s, found.rate_per_s),
        )

    async def _remember(self, *, every_s: float = 0.0) -> None:
        """Keep what was found for the next run, if that is due."""
        now = self._clock.monotonic()
        if now - self._remembered_at < every_s:
            return
        self._remembered_at = now
        found = self._rate.found()
        if found is not None:
            await self._sharing.remember(*found)

    def pace(self) -> SharedPace:
        """Return what this shard sees of the rate, for the others."""
        started = self._clock.monotonic() if self._last_start is None else self._last_start
        return self._rate.pace(started if self._due is None else self._due, self._held_until)

    def lowered(self) -> None:
        """Slow down to the share that there is now."""
        self._apply_rate()

    def follow(self, leader: SharedPace | None) -> None:
        """Go by the leader's rate, or lead where that is ``None``."""
        self._rate.follow(leader)

    async def run_heartbeat(self) -> None:
        """Keep this shard visible to the others until cancelled, then leave; without a board, return at once."""
        if self._sharing.alone:
            return
        try:
            while True:
                if self._idle:
                    await self._step_aside()
                else:
                    await self._beat()
                await self._remember(every_s=REMEMBER_S)
                await self._clock.sleep(self._sharing.pause_s)
        finally:
            await self.stop()

    @property
    def _idle(self) -> bool:
        """Whether nobody wants to start, and nobody did for a while: the last calls of a shard take 20 to 30 s."""
        last = self._last_start
        return not self._waiting and last is not None and self._clock.monotonic() - last > BEAT_S

    async def _step_aside(self) -> None:
        if self._sharing.joined:
            await self._sharing.leave()
            self._apply_rate()

    async def stop(self) -> None:
        """Leave the board; permits that are out stay good."""
        await asyncio.gather(*self._posts, return_exceptions=True)
        await self._remember()
        await self._sharing.leave()
        self._apply_rate()
