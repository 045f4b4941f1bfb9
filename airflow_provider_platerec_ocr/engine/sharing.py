"""How much of the account's rate this shard may take, agreed with the others over their board.

The sum of all shares in use never exceeds 1: who takes less does so before saying so, and who takes more says so first
and looks once more whether somebody else did the same.
"""

from __future__ import annotations

import asyncio
import logging
import math
from functools import partial
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple

from airflow_provider_platerec_ocr.core.errors import OCRLedgerError
from airflow_provider_platerec_ocr.core.pacing import next_share
from airflow_provider_platerec_ocr.engine.board import MILLION, Hold

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    from airflow_provider_platerec_ocr.engine.board import Pace, PaceBoard

log = logging.getLogger(__name__)

BEAT_S = 3.0
"""Between two heartbeats."""
JOINING_S = 1.0
"""Between two heartbeats of a shard that has less than an even share, since others have to make room first."""

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


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
        self.leader: Pace | None = None
        """Whose rate this shard follows, as of the last heartbeat; ``None`` where it is the one that is followed."""
        self._board = board
        self._planned = max(planned, 1)
        self._executor = executor
        self._warned = False
        self._first = True
        self._busy = asyncio.Lock()

    @property
    def alone(self) -> bool:
        """Whether there is nobody to share with."""
        return self._board is None

    @property
    def instant(self) -> bool:
        """Whether the board can be looked at before each start."""
        return self._board is not None and self._board.is_local

    async def beat(self, lowered: Callable[[], None], pace: Pace) -> Hold:
        """Renew the heartbeat, agree on the share, and return the hold that is posted.

        :param lowered: called when the share went down, before the others are told that they may take it.
        :param pace: what this shard knows of the rate.
        """
        board = self._board
        if board is None:
            return Hold()
        async with self._busy:
            try:
                await self._agree(board, lowered, pace)
                self.leader = None if board.leads and self.joined else board.leader
                return await self._in_thread(board.posted)
            except OCRLedgerError as error:
                self._go_alone(error)
                return Hold()
            finally:
                self.joined, self._first = True, False

    async def _agree(self, board: PaceBoard, lowered: Callable[[], None], pace: Pace) -> None:
        others = await self._in_thread(board.beat, self.share, pace)
        live = len(others) + 1
        planned = self._planned if self._first else 1
        target = math.floor(next_share(live, others, planned=planned) * MILLION) / MILLION
        if target < self.share:
            self.share = target
            lowered()
            await self._in_thread(board.beat, target, pace)
        elif target > self.share:
            others = await self._in_thread(board.beat, target, pace)
            if math.fsum(others) + target <= 1.0 + 0.5 / MILLION:
                self.share = target
            else:
                await self._in_thread(board.beat, self.share, pace)
        self.pause_s = JOINING_S if self.share < 0.99 / live else BEAT_S

    async def look(self) -> Hold:
        """Return the hold that is posted."""
        if self._board is None:
            return Hold()
        try:
            return await self._in_thread(self._board.posted)
        except OCRLedgerError as error:
            self._warn(error)
            return Hold()

    async def post(self, until_epoch_s: float, throttled_at_s: float) -> None:
        """Post a hold for all shards."""
        if self._board is not None:
            try:
                await self._in_thread(partial(self._board.hold, until_epoch_s, throttled_at_s=throttled_at_s))
            except OCRLedgerError as error:
                self._warn(error)

    async def leave(self) -> None:
        """Leave the board, so that the others share what this shard had; the next start joins again."""
        if self._board is not None:
            async with self._busy:
                self.share, self.joined, self.pause_s = 0.0, False, JOINING_S
                await self._in_thread(self._board.leave)

    def _go_alone(self, error: OCRLedgerError) -> None:
        self.share, self.leader = 1.0 / self._planned, None
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
