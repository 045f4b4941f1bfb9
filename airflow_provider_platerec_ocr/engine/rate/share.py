"""How much of the account's rate this shard may take, agreed with the others over their board.

The sum of all shares in use never exceeds 1: who takes less does so before saying so, and who takes more says so first
and looks once more whether somebody else did the same. One shard, the leader, explores the rate for all; the others
follow it, and take their turns in its row of starts.
"""

from __future__ import annotations

import asyncio
import logging
import math
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar, TypeVarTuple

from airflow_provider_platerec_ocr.core.errors import OCRLedgerError
from airflow_provider_platerec_ocr.core.rate.pacing import next_share
from airflow_provider_platerec_ocr.engine.rate.board import MILLION, Hold

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    from airflow_provider_platerec_ocr.core.rate.pacing import FoundRate
    from airflow_provider_platerec_ocr.engine.rate.board import PaceBoard, SharedPace

log = logging.getLogger(__name__)

BEAT_S = 3.0
"""Between two heartbeats."""
QUICK_S = 1.0
"""Between two heartbeats where the board costs next to nothing, and of a shard that has less than an even share, since
others have to make room first."""

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Paced(Protocol):
    """The limiter, as far as its heartbeat needs it. All of it is called on the loop."""

    @property
    def rate_is_given(self) -> bool:
        """Whether the user knows the rate, so that nothing is remembered of it."""

    def recall(self, found: FoundRate) -> None:
        """Begin with what an earlier run found of the rate."""

    def pace(self) -> SharedPace:
        """Return what this shard sees of the rate."""

    def heed(self, posted: Hold) -> None:
        """Do as the board says."""

    def follow(self, leader: SharedPace | None) -> None:
        """Go on from what the leader sees; ``None`` where this shard leads."""

    def lowered(self) -> None:
        """Slow down to a share that became smaller, before the others are told that they may take the rest."""


class Sharing:
    """This shard's share; without a board, or with one that fails, it is ``1 / planned`` for good.

    :param board: the account's board, or ``None``.
    :param planned: shards that the run has in all.
    :param executor: threads for the board's files; ``None`` uses the loop's own.
    """

    def __init__(self, board: PaceBoard | None, *, planned: int, executor: Executor | None = None) -> None:
        self.share = 0.0 if board else 1.0 / max(planned, 1)
        """Share of the account's rate, 0 to 1."""
        self.joined = board is None
        """Whether the share has been agreed on, so that calls may start."""
        self.pause_s = BEAT_S
        """Seconds to the next heartbeat."""
        self.rank = 0
        """This shard's place among the live ones, in the order in which they joined, from 0; the first leads."""
        self._board = board
        self._planned = max(planned, 1)
        self._executor = executor
        self._warned = False
        self._first = True
        self._in_company = False
        self._busy = asyncio.Lock()

    @property
    def alone(self) -> bool:
        """Whether there is nobody to share with."""
        return self._board is None

    @property
    def instant(self) -> bool:
        """Whether the board is to be looked at before each start: that costs next to nothing, and others are there.

        Who is alone learns with the next heartbeat that somebody has joined.
        """
        return self._board is not None and self._board.is_local and self._in_company

    async def beat(self, limiter: Paced) -> None:
        """Renew the heartbeat: heed the hold that is posted, follow the leader, and agree on the share."""
        board = self._board
        if board is None:
            return
        async with self._busy:
            try:
                limiter.heed(await self._in_thread(board.posted))
                if self._first and not limiter.rate_is_given:
                    await self._recall(board, limiter)
                await self._agree(board, limiter)
            except OCRLedgerError as error:
                self._go_alone(error)
                limiter.follow(None)
            finally:
                self.joined, self._first = True, False

    async def _recall(self, board: PaceBoard, limiter: Paced) -> None:
        found = await self._in_thread(board.memory.read)
        if found is not None:
            limiter.recall(found)

    async def remember(self, found: FoundRate, since_s: float) -> None:
        """Keep for the next run what was found of the rate."""
        if self._board is not None:
            await self._in_thread(self._board.memory.keep, found, since_s)

    async def _agree(self, board: PaceBoard, limiter: Paced) -> None:
        others = await self._in_thread(board.beat, self.share, limiter.pace())
        self.rank = board.rank
        if self.joined and not self.rank:
            limiter.follow(None)
        elif board.leader is not None:
            limiter.follow(board.leader)
        live = len(others) + 1
        self._in_company = bool(others)
        planned = self._planned if self._first else 1
        target = math.floor(next_share(live, others, planned=planned) * MILLION) / MILLION
        if target < self.share:
            self.share = target
            limiter.lowered()
            await self._in_thread(board.beat, target, limiter.pace())
        elif target > self.share:
            others = await self._in_thread(board.beat, target, limiter.pace())
            self.rank = board.rank
            if math.fsum(others) + target <= 1.0 + 0.5 / MILLION:
                self.share = target
            else:
                await self._in_thread(board.beat, self.share, limiter.pace())
        self.pause_s = QUICK_S if board.is_local or self.share < 0.99 / live else BEAT_S

    async def look(self) -> Hold:
        """Return the hold that is posted."""
        if self._board is None:
            return Hold()
        try:
            return await self._in_thread(self._board.posted)
        except OCRLedgerError as error:
            self._warn(error)
            return Hold()

    async def post(self, until_epoch_s: float, throttled_at_s: float, *, ask_first: bool = False) -> None:
        """Post a hold for all shards."""
        if self._board is not None:
            try:
                hold = partial(self._board.hold, until_epoch_s, throttled_at_s=throttled_at_s, ask_first=ask_first)
                await self._in_thread(hold)
            except OCRLedgerError as error:
                self._warn(error)

    async def ask(self, lease_s: float) -> bool:
        """Return whether this shard may make the one call that asks after a long hold; alone, it may."""
        if self._board is None:
            return True
        try:
            return await self._in_thread(self._board.holds.ask, lease_s)
        except OCRLedgerError as error:
            self._warn(error)
            return True

    async def asked(self, *, answered: bool) -> None:
        """Tell the others how the call that asked ended: they may start, or one of them asks again."""
        if self._board is not None:
            try:
                await self._in_thread(self._board.holds.open if answered else self._board.holds.asked_in_vain)
            except OCRLedgerError as error:
                self._warn(error)

    async def leave(self) -> None:
        """Leave the board, so that the others share what this shard had; the next start joins again."""
        if self._board is not None:
            async with self._busy:
                self.share, self.joined, self.pause_s = 0.0, False, QUICK_S
                await self._in_thread(self._board.leave)

    def _go_alone(self, error: OCRLedgerError) -> None:
        self.share, self.rank = 1.0 / self._planned, 0
        self.pause_s = BEAT_S
        self._warn(error)

    def _warn(self, error: OCRLedgerError) -> None:
        if not self._warned:
            self._warned = True
            log.warning(
                "The shards of this account cannot see each other, so this one takes 1/%d of the rate for now: %s",
                *(self._planned, error),
            )

    async def _in_thread(self, function: Callable[[*Ts], T], *args: *Ts) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, function, *args)
