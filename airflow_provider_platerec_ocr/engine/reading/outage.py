"""Telling a failed step from an outage, and twenty bad images from one bad setting: what failures in a row mean.

A single refused call waits by itself. Only when failures follow one another without a success between them does the
whole task slow down, first for a second, at last for a minute, so that a minute without network costs a handful of
probes, and a server that breaks after doing the work costs a bounded number of calls.

A wrong ``type`` or a gateway that speaks the API's JSON rejects every image with the same words, and a rejection in the
ledger is for good. So a batch keeps the last few alike in memory, their claims open: a read or other words write them
down; the twentieth in a row stops the batch instead, and releases them all. Where neither has come when the batch ends,
:func:`...core.images.alike.belief` says what becomes of them. The other shards of the run count with it. A kill
meanwhile leaves their claims in doubt, which the ledger names, as with every call that was cut off. None waits longer
than its lease.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_platerec_ocr.core.errors import (
    OCROutcomeUnknown,
    OCRRateLimited,
    OCRStop,
    OCRUnknownDialect,
    OCRWrongBaseURL,
)
from airflow_provider_platerec_ocr.core.images.alike import LOOK_EVERY, Belief, belief, runs_before, words
from airflow_provider_platerec_ocr.core.models import ReadStatus, Reason
from airflow_provider_platerec_ocr.core.saying.counts import agree, count_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from airflow_provider_platerec_ocr.core.backoff import Backoff
    from airflow_provider_platerec_ocr.core.errors import OCRCallError
    from airflow_provider_platerec_ocr.core.models import Outcome
    from airflow_provider_platerec_ocr.engine.reading.context import ReadContext, ReadOptions
    from airflow_provider_platerec_ocr.engine.reading.reader import Reader
    from airflow_provider_platerec_ocr.engine.reading.resolution import Pending

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")
PATIENCE = 3
"""Failures in a row before everybody rests."""
_COUNTED = (Reason.API_REJECTED, Reason.URL_NOT_FETCHED)


class Outage:
    """Counts failures since the last success; times are seconds of one monotonic clock."""

    def __init__(self, backoff: Backoff, options: ReadOptions) -> None:
        self._backoff = backoff
        self._options = options
        self._failures = 0
        self._unknown = 0
        self._since: float | None = None
        self._held_at = float("-inf")

    def success(self) -> None:
        """Note that a call was answered: whatever was wrong is over."""
        self._failures = self._unknown = 0
        self._since = None

    def failure(self, error: OCRCallError, *, started_at: float, now: float) -> float:
        """Count a failed call and return for how many seconds all starts should rest (often 0).

        Calls that were in flight together fail together: only those that started after the last rest was ordered
        count as the next step.
        """
        self._since = now if self._since is None else self._since
        if isinstance(error, OCROutcomeUnknown):
            self._unknown += 1
        if isinstance(error, OCRRateLimited) or started_at < self._held_at:
            return 0.0
        self._failures += 1
        if self._failures < PATIENCE:
            return 0.0
        self._held_at = now
        return self._backoff.delay_s(self._failures - PATIENCE + 1, jitter=0.5, retry_after_s=None)

    def hopeless(self, now: float) -> str | None:
        """Return why the task should stop, or ``None`` while it is worth going on."""
        if self._unknown >= self._options.unknown_in_a_row:
            return (
                f"{count_of(self._unknown, 'call')} in a row ended with an unknown outcome; each may have been billed"
            )
        if self._since is not None and now - self._since >= self._options.give_up_after_s:
            return f"no call succeeded for {now - self._since:.0f} s"
        return None


class Dialect:
    """Counts whole answers since the last read: each was paid for and is kept, and the next ones would cost as much."""

    def __init__(self, options: ReadOptions) -> None:
        self._options = options
        self._unread = 0

    def answered(self, *, understood: bool) -> OCRUnknownDialect | None:
        """Count an answer; return the error to stop with where so many in a row were no reads."""
        self._unread = 0 if understood else self._unread + 1
        if self._unread < self._options.unread_in_a_row:
            return None
        message = (
            f"The API speaks another dialect. Whole answers in a row that this version cannot read: {self._unread}. "
            "They are kept in the ledger and never paid for again; nothing further is sent. See one with `python"
            " -m airflow_provider_platerec_ocr.ledger LEDGER show FINGERPRINT --raw`. If it is the API's, install a "
            "version that reads it and run `… LEDGER reparse`; if not, check the host of the connection."
        )
        return OCRUnknownDialect(message, retry=False)


class Rejections:
    """The last rejections of a batch, as long as nothing tells whether they are about the images.

    :param reader: whose pending rejections these are.
    :param settled: awaited with each outcome that is certain.
    """

    def __init__(self, context: ReadContext, reader: Reader, settled: Callable[[Outcome], Awaitable[None]]) -> None:
        self._context = context
        self._reader = reader
        self._settled = settled
        self._busy = asyncio.Lock()
        self._more = asyncio.Event()
        self._words = ""
        self._in_a_row = 0
        self._elsewhere = 0
        """Rejections alike that the run's other shards met, when they were asked last."""
        self._spoken = False
        """Whether an image was read here, or two were rejected in different words: it is the API, and looks at them."""
        self._told = False
        self._kept: dict[tuple[str, str], list[Outcome]] = {}
        """Outcomes of pending rejections, oldest first; duplicates of an image stand together."""
        self._dropped: set[tuple[str, str]] = set()
        """Images that were released when the batch stopped: none of their duplicates is rejected either."""

    async def takes(self, outcome: Outcome) -> bool:
        """Take note of an image's end; return whether its outcome stays here, or is none after all."""
        async with self._busy:
            key = (outcome.type, outcome.fingerprint or "")
            if key in self._dropped:
                return True
            pending = key in self._reader.pending
            if pending and key in self._kept:
                self._kept[key].append(outcome)
                return True
            if outcome.from_ledger or (outcome.status != ReadStatus.READ and outcome.reason not in _COUNTED):
                return False
            if key in self._reader.unread:  # whatever answers so need not be the API, which the rejections may not be
                return False
            await self._count(outcome)
            if pending:
                self._kept[key] = [outcome]
                self._more.set()
            if self._in_a_row + self._elsewhere >= self._context.options.rejected_in_a_row:
                await self._give_up(outcome)
            return pending

    async def _count(self, outcome: Outcome) -> None:
        said = "" if outcome.status == ReadStatus.READ else words(outcome)
        if said and said == self._words:
            self._in_a_row += 1
            if self._in_a_row % LOOK_EVERY == 0:
                await self._ask_others()
            return
        self._spoken = self._spoken or not said or bool(self._words)
        await self._believe()
        await self._tell(0)
        self._words, self._in_a_row, self._elsewhere = said, 1 if said else 0, 0

    async def _ask_others(self) -> None:
        """Tell the run's other shards, and count theirs with this one's where none of them read anything."""
        await self._tell(self._in_a_row)
        alike = await self._asked(self._context.fellows.alike, self._words, without=0)
        enough = self._in_a_row + alike >= self._context.options.rejected_in_a_row
        self._elsewhere = alike if enough and not await self._others_read() else 0

    async def _others_read(self) -> bool:
        return await self._asked(self._context.fellows.have_read, without=False)

    async def _tell(self, count: int) -> None:
        if count or self._told:
            self._told = bool(count)
            await self._asked(self._context.fellows.tell, self._words, count, without=None)

    async def _asked(self, ask: Callable[..., Answer], *given: Any, without: Answer) -> Answer:
        """Return what the run's other shards say; ``without`` where they cannot be asked, since nothing hangs on it."""
        try:
            return await self._context.io(ask, *given)
        except Exception as error:  # noqa: BLE001  # whatever the workspace's store raises
            log.warning("The other shards' rejections cannot be looked at: %s", error)
            return without

    async def _believe(self) -> None:
        """Write the rejections down: they are about the images."""
        kept, self._kept = self._kept, {}
        await asyncio.gather(*(self._reader.answer_writer.reject(each.claim, each.facts) for each in self._ended(kept)))
        for outcome in (outcome for outcomes in kept.values() for outcome in outcomes):
            await self._settled(outcome)

    async def _give_up(self, last: Outcome) -> None:
        """Stop, and leave every image as if it had not been sent."""
        if not self._context.stop.is_set():
            number = self._in_a_row + self._elsewhere
            shards = " of this run's shards" if self._elsewhere else ""
            calls = f"{count_of(number, 'call')}{shards}"
            self._context.stop.set(_not_about_images(f"{calls} in a row {agree(number, 'was', 'were')} rejected", last))
        await self._tell(self._in_a_row)
        await self._leave(f"rejected in a row with others, so perhaps not for its own sake: {last.message}")

    async def _leave(self, why: str) -> None:
        """Release the claims of all that are kept, and forget how they ended."""
        kept, self._kept = self._kept, {}
        self._dropped.update(kept)
        await asyncio.gather(*(self._reader.answer_writer.release(each.claim, why) for each in self._ended(kept)))

    def _ended(self, keys: dict[tuple[str, str], list[Outcome]]) -> list[Pending]:
        """Take the claims of ``keys`` to end them."""
        found = (self._reader.pending.pop(key, None) for key in keys)
        return [each.pending for each in found if each is not None and each.pending is not None]

    async def close(self) -> None:
        """End what is left: the batch is over."""
        async with self._busy:
            self._kept = {key: self._kept.get(key, []) for key in self._reader.pending}
            reason = self._context.stop.reason
            if isinstance(reason, OCRWrongBaseURL | OCRUnknownDialect):  # which may have rejected, too
                await self._leave("rejected just before something else answered in the API's place")
            elif self._kept:
                await self._judge(reason)

    async def _judge(self, stopped: Exception | None) -> None:
        """End what is left by what else the run met; a batch that was stopped leaves it to the next try."""
        if self._spoken or await self._others_read():
            await self._believe()
            return
        last = next((outcomes[-1] for outcomes in reversed(self._kept.values()) if outcomes), None)
        if last is None:  # a batch that broke before it could look at them
            await self._leave("rejected, and nobody could look at it")
            return
        await self._tell(self._in_a_row)
        others = partial(self._context.fellows.alike, own=False)  # an earlier try left its own to this one
        alike = self._in_a_row + await self._asked(others, self._words, without=0)
        if stopped is not None:
            await self._leave(f"rejected, and nothing was read before the task ended to believe it: {last.message}")
            return
        for key, outcomes in list(self._kept.items()):
            before = runs_before(self._reader.pending[key].history, self._context.owner)
            match belief(alike, spoken=False, runs_before=before):
                case Belief.STOP:
                    were = agree(alike, "was", "were")
                    every = f"All {count_of(alike, 'call')} of this run {were} rejected"
                    self._context.stop.set(_not_about_images(every, last))
                    await self._leave(
                        f"rejected as all of its run were, so perhaps not for its own sake: {last.message}"
                    )
                    return
                case Belief.PUT_OFF:
                    await self._let_go(key)
                case Belief.REJECT:
                    kept, self._kept = self._kept, {key: outcomes}
                    await self._believe()
                    self._kept = {other: each for other, each in kept.items() if other != key}

    async def expire(self) -> None:
        """Let go of rejections whose claims grow old, until cancelled: the next run sends those images again."""
        context = self._context
        while True:
            await self._more.wait()
            async with self._busy:
                oldest = next(iter(self._kept), None)
                known = None if oldest is None else self._reader.pending[oldest].pending
                if oldest is None or known is None:
                    self._more.clear()
                    continue
                left_s = context.settings.lease_s - context.settings.timeouts.save_s - known.claim.age_s(context.clock)
                if left_s <= 0.0:
                    await self._let_go(oldest)
            await context.clock.sleep(max(left_s, 0.0))

    async def _let_go(self, key: tuple[str, str]) -> None:
        """Put an image off: the next run sends it again, and the ledger remembers that this one did."""
        outcomes = self._kept.pop(key)
        for each in self._ended({key: outcomes}):
            why = "rejected, and nothing was read since to believe it"
            await self._reader.answer_writer.put_off(each.claim, why, each.facts)
        for outcome in outcomes:
            message = f"{outcome.message} No image was read since, so the next run sends it again."
            await self._settled(replace(outcome, status=ReadStatus.FAILED, message=message))


def _not_about_images(what: str, last: Outcome) -> OCRStop:
    message = (
        f"{what} with the same words, and no image was read between them, so it is not about the images: "
        f"{last.message} Nothing more is sent, and none that the API refused (4xx) is rejected for good. Check the "
        "type, and what stands between here and the API; then run again. Images that really cannot be read are taken "
        "out of the manifest, or settled as rejected."
    )
    return OCRStop(message, status=last.http_status, detail=last.message or "")
