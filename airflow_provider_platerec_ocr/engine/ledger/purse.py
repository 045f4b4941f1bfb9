"""Where each paid call takes one of its run's calls, before its claim.

One instance serves the images of one task, on its event loop. What is drawn is drawn in parts, so that a store is asked
for many calls at a time; what a call that was never made had taken comes back.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.claims import End
from airflow_provider_platerec_ocr.core.errors import OCRError, OCRLedgerError, OCRQuotaExhausted
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.core.spending.purse import AT_ONCE, Inherited, spent_on

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from airflow_provider_platerec_ocr.core.claims import History
    from airflow_provider_platerec_ocr.core.models import Owner, PlannedImage
    from airflow_provider_platerec_ocr.engine.ledger.allowance import MoreCalls
    from airflow_provider_platerec_ocr.engine.ledger.purse_files import PurseFiles

log = logging.getLogger(__name__)

LOOKS_IN_VAIN = 1_000
"""Images in a row that would have needed a call, and had none, after which a shard looks for no more free answers."""


@dataclass(slots=True, eq=False)
class Coin:
    """The right to make one call."""

    row: int = 0
    """The image that it is for."""
    spent: bool = False
    """Whether the call may have been billed: then it does not come back."""
    over: bool = False
    """Whether the call has ended: then the account has counted it."""


class OpenPurse:
    """A purse without an end, for a single image: it is one call, and nothing was planned."""

    def __init__(self) -> None:
        self.reason: OCRQuotaExhausted | None = None
        """Why no call is left."""
        self.foreseen = False
        """Whether the plan said that some images would find no call."""
        self.may_pay = asyncio.Event()
        """Cleared while nobody knows how many calls the account has left, and the user wants to."""
        self.may_pay.set()
        self._vain = 0

    @property
    def is_empty(self) -> bool:
        """Whether no image will find a call, as far as is known."""
        return False

    @property
    def is_dry(self) -> bool:
        """Whether a later try would find none either."""
        return False

    async def take(self, row: int) -> Coin | None:
        """Return the right to make one call, or ``None`` where none is left.

        :param row: of the image.
        """
        await self.may_pay.wait()
        return Coin(row)

    def done(self, coin: Coin) -> None:
        """Take back what was not spent."""

    def settled(self, row: int) -> None:
        """Take note that an image counts as done."""

    def looked(self, image: PlannedImage, history: History) -> None:  # noqa: ARG002  # a shard's purse needs it
        """Take note of what the ledger says of an image."""
        if any(attempt.end is End.ANSWER for attempt in history):
            self._vain = 0

    def in_vain(self) -> bool:
        """Count an image that found no call; return whether it makes sense to look for more answers that cost none."""
        self._vain += 1
        return self._vain < LOOKS_IN_VAIN


@dataclass(frozen=True, slots=True)
class Tools:
    """What a run's purse works with."""

    io: Callable[..., Awaitable[Any]]
    """Runs what blocks in a thread."""
    owner: Owner
    """Who draws."""
    shards: int = 1
    """Of the run."""
    wanted: Callable[[], int] = field(default=lambda: 1)
    """Returns how many images may still need a call."""
    files: PurseFiles | None = None
    """The purse; ``None`` where the plan's grant is not there."""
    inherited: Inherited = field(default_factory=Inherited)
    """What earlier tries of the shard left."""
    tries: frozenset[int] = frozenset()
    """The tries that left it."""
    more: MoreCalls | None = None
    """Reserves calls where there is no grant any more."""
    after: Callable[[int], PurseFiles] | None = None
    """Opens the purse of what nobody had drawn of a grant that is given back, where the run may never make more calls
    than that; called in a thread."""
    granted: int = 0
    """Calls of the whole run."""
    foreseen: bool = False
    """Whether the plan has more images than calls."""


class RunPurse(OpenPurse):
    """A shard's part of what its run was granted."""

    def __init__(self, tools: Tools) -> None:
        super().__init__()
        self.foreseen = tools.foreseen
        self._tools = tools
        self._balance = 0
        self._in_hand: dict[int, Coin] = {}
        """By row: of calls that are under way, and of images that were paid for and do not count as done yet."""
        self._dry = self._refused = False
        self._after: PurseFiles | None = None
        self._drawing: asyncio.Future[None] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether no image will find a call, as far as is known."""
        files = self._tools.files
        may_still_pay = self._free or any(not coin.spent for coin in self._in_hand.values())
        return not may_still_pay and (self._dry or files is None or files.left == 0)

    @property
    def is_dry(self) -> bool:
        """Whether a later try would find none either."""
        return self.is_empty and (self._refused or not self._reserves)

    @property
    def _free(self) -> int:
        return self._balance + self._tools.inherited.free

    async def take(self, row: int) -> Coin | None:
        """Return the right to make one call, or ``None`` where none is left.

        :raises OCRLedgerError: the store does not say.
        """
        await self.may_pay.wait()
        while not self._free:
            drawing = self._drawing
            if drawing is None:
                if self._dry and (self._refused or not self._reserves):
                    self.reason = self.reason or _nothing_left(self._tools.granted)
                    return None
                drawing = self._drawing = asyncio.ensure_future(self._draw())
                drawing.add_done_callback(_heard)
            try:
                await asyncio.shield(drawing)  # what is drawn is kept, also where this image is given up
            finally:
                if drawing.done() and self._drawing is drawing:
                    self._drawing = None
        if self._balance:
            self._balance -= 1
        else:
            self._tools.inherited.take()
        return self._made(Coin(row))

    def _made(self, coin: Coin) -> Coin:
        self._in_hand[coin.row] = coin
        return coin

    def done(self, coin: Coin) -> None:
        """Take back what was not spent; what was spent is in hand until its image is settled.

        Else the image would seem to want another call, and a call that this shard draws for it is one that another
        shard does not find.
        """
        if coin.spent:
            coin.over = True
            return
        del self._in_hand[coin.row]
        self._balance += 1

    def settled(self, row: int) -> None:
        """Take note that an image counts as done."""
        self._in_hand.pop(row, None)

    def looked(self, image: PlannedImage, history: History) -> None:
        """Take note of what the ledger says of an image: what an earlier try spent on it, or did not."""
        super().looked(image, history)
        tools = self._tools
        spent = spent_on(history, image.row, image.image, by=tools.owner, tries=tools.tries) if tools.tries else 0
        tools.inherited.looked(image.row, spent)

    async def give_back(self) -> None:
        """Put what was drawn and not spent back, for the other shards; a task that is tried again keeps it."""
        files = self._tools.files
        if files is not None and self._free:
            calls, self._balance = self._free, 0
            self._tools.inherited.take(calls)
            try:
                await self._tools.io((self._after or files).give_back, calls)
            except OCRLedgerError as error:
                log.warning(
                    "Not given back: %s. The export releases what is left over. %s", count_of(calls, "call"), error
                )

    async def settle(self) -> None:
        """Return when nothing is drawn any more: what is asked of the store or the account needs the loop to run."""
        if self._drawing is not None:
            await asyncio.wait({self._drawing})

    @property
    def _reserves(self) -> bool:
        """Whether the account may be asked for calls: there is no grant, or an export gave it back.

        A person has cleared the task then, to have its images read. The plan of a run that has its grant is a bound.
        """
        tools = self._tools
        return tools.more is not None and (tools.files is None or tools.files.closed)

    async def _draw(self) -> None:
        tools = self._tools
        wanted = max(1, tools.wanted() - len(self._in_hand) - tools.inherited.at_most)
        if not self._dry:
            calls = await tools.io(tools.files.draw, wanted, tools.shards) if tools.files is not None else 0
            self._balance += calls
            self._dry = not calls
        elif tools.more is not None and self._reserves:
            await self._reserve(tools.more, min(wanted, AT_ONCE))

    async def _reserve(self, more: MoreCalls, wanted: int) -> None:
        """Reserve calls for this task alone; once refused, none is asked for again."""
        under_way = sum(not coin.over for coin in self._in_hand.values())
        wanted = await self._still_approved(wanted)
        calls = 0
        try:
            calls = await self._tools.io(more.reserve, wanted, under_way) if wanted else 0
        except OCRLedgerError:
            raise
        except OCRError as error:
            log.warning("No call without a grant is made: nobody knows how many are left. %s", error)
        if self._after is not None and calls < wanted:
            await self._tools.io(self._after.give_back, wanted - calls)
        self._balance += calls
        self._refused = not calls

    async def _still_approved(self, wanted: int) -> int:
        """Return how many of the calls the run may still ask for: what was approved is its bound for good."""
        tools = self._tools
        if tools.after is None or tools.files is None:
            return wanted
        if self._after is None:
            self._after = await tools.io(tools.after, tools.files.never_drawn)
        return int(await tools.io(self._after.draw, wanted, tools.shards))


def _heard(drawing: asyncio.Future[None]) -> None:
    """Have an error that nobody waits for any more be no fault: all images may have been given up."""
    if not drawing.cancelled():
        drawing.exception()


def _nothing_left(granted: int) -> OCRQuotaExhausted:
    message = f"This run may make no more calls than it planned ({granted}); the next run plans this image again."
    return OCRQuotaExhausted(message)
