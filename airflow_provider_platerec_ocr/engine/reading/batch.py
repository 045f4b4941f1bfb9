"""Many images at once: a window of tasks over a shard, and one way to end it.

It knows order and number, not money (that is :mod:`.resolver`) and not files (outcomes go to a callback). Calls are
never cancelled: on a stop, what has not begun is cancelled and what is being paid for finishes first.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.errors import (
    OCRDrained,
    OCRError,
    OCRInDoubt,
    OCRQuotaExhausted,
    OCRRateLimited,
)
from airflow_provider_platerec_ocr.core.events import RunStep
from airflow_provider_platerec_ocr.core.models import Outcome, ReadStatus, Reason, format_timestamp
from airflow_provider_platerec_ocr.core.saying.choices import InDoubtPolicy
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.engine.reading.background import BackgroundTasks
from airflow_provider_platerec_ocr.engine.reading.image_phase import ImagePhase, Phase
from airflow_provider_platerec_ocr.engine.reading.outage import Rejections
from airflow_provider_platerec_ocr.engine.reading.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator

    from airflow_provider_platerec_ocr.core.models import PlannedImage
    from airflow_provider_platerec_ocr.engine.reading.context import ReadContext

log = logging.getLogger(__name__)


class Batch:
    """Reads the images of one shard.

    :param context: the task's tools.
    :param journal: awaited with each outcome, in the order in which images end.
    :param reserve: calls that the account must keep; the batch drains when no more are left. ``None`` does not ask.
    :param strict: whether nothing starts while the statistics do not say how many are left; by default where there is
        a reserve.
    """

    def __init__(
        self,
        context: ReadContext,
        journal: Callable[[Outcome], Awaitable[None]],
        *,
        reserve: int | None = None,
        strict: bool | None = None,
    ) -> None:
        self._context = context
        self._journal = journal
        self._background = BackgroundTasks(context, reserve, strict=bool(reserve) if strict is None else strict)
        self._reader = Reader(context, provisional=True)
        self._rejections = Rejections(context, self._reader, self._settled)
        self._events: asyncio.Queue[asyncio.Task[Outcome | None] | None] = asyncio.Queue()
        """Tasks that ended, and ``None`` where only the state of affairs changed."""
        self._image_phases: dict[asyncio.Task[Outcome | None], tuple[PlannedImage, ImagePhase]] = {}
        self._held = 0
        """Those that wait for somebody else's claim."""
        self._doubts: list[tuple[PlannedImage, Outcome]] = []
        """What ended in doubt, to be looked up once more at the end."""

    async def run(self, images: Iterable[PlannedImage]) -> None:
        """Read ``images``; after a stop, return when everything in flight is finished and saved.

        Being cancelled is a stop, too: it drains first, and is cancelled then.
        """
        context = self._context
        context.progress.started_at = context.clock.monotonic()
        self._background.say(RunStep.BEGUN)
        watchers = [*self._background.start(), asyncio.ensure_future(self._rejections.expire())]
        working = asyncio.ensure_future(self._work(iter(images)))
        try:
            await asyncio.shield(working)
            await self._look_again()
        except asyncio.CancelledError:
            context.stop.set(OCRDrained("The task was cancelled; calls in flight are finished first."))
            await asyncio.shield(working)
            raise
        finally:
            for watcher in watchers:
                watcher.cancel()
            await asyncio.gather(*watchers, return_exceptions=True)
            self._background.say()

    async def _work(self, images: Iterator[PlannedImage]) -> None:
        stop = self._context.stop
        stopping = asyncio.ensure_future(stop.wait())
        stopping.add_done_callback(lambda _: self._events.put_nowait(None))
        more = True
        try:
            await self._background.ready()
            while True:
                while more and not stop.is_set() and len(self._image_phases) - self._held < self._window:
                    image = self._next(images)
                    more = image is not None
                    if image is not None:
                        self._start(image)
                if stop.is_set():
                    self._cancel_idle()
                if not self._image_phases:
                    return
                ended = await self._events.get()
                if ended is not None:
                    await self._finish(ended)
        finally:
            stopping.cancel()
            await self._rejections.close()

    @property
    def _window(self) -> int:
        return self._context.settings.max_in_flight + self._context.options.prefetch

    def _next(self, images: Iterator[PlannedImage]) -> PlannedImage | None:
        try:
            return next(images, None)
        except Exception as error:
            log.exception("Stopping: the list of images broke off.")
            self._context.stop.set(error)
            return None

    def _moved(self, phase: Phase) -> None:
        self._held += 1 if phase is Phase.HELD else -1
        self._events.put_nowait(None)

    def _start(self, image: PlannedImage) -> None:
        image_phase = ImagePhase(self._moved)
        task = asyncio.ensure_future(self._reader.read_one(image, image_phase))
        task.add_done_callback(self._events.put_nowait)
        self._image_phases[task] = (image, image_phase)

    def _cancel_idle(self) -> None:
        for task, (_, image_phase) in self._image_phases.items():
            if image_phase.phase is Phase.IDLE:
                task.cancel()

    async def _finish(self, task: asyncio.Task[Outcome | None]) -> None:
        image, image_phase = self._image_phases.pop(task)
        self._held -= image_phase.phase is Phase.HELD
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            log.error("%s could not be read because of a fault in the provider.", image.image, exc_info=error)
            outcome: Outcome | None = self._broken(image, error)
        else:
            outcome = task.result()
        if outcome is None or await self._rejections.takes(outcome):
            return
        await self._settled(outcome)
        if outcome.status == ReadStatus.IN_DOUBT:
            self._doubts.append((image, outcome))

    async def _settled(self, outcome: Outcome) -> None:
        self._context.progress.add(outcome)
        self._context.purse.settled(outcome.row)
        await self._write(outcome)

    async def _look_again(self) -> None:
        """Look for answers that came another way while the other images were read."""
        if self._context.late_answers is None:
            return
        looks = (self._reader.look_again(*doubt) for doubt in self._doubts)
        found = await asyncio.gather(*looks, return_exceptions=True)
        for (image, old), new in zip(self._doubts, found, strict=True):
            if isinstance(new, BaseException):
                log.error("%s stays in doubt because of a fault in the provider.", image.image, exc_info=new)
            elif new is not None:
                self._context.progress.replace(old, new)
                await self._write(new)

    async def _write(self, outcome: Outcome) -> None:
        """Hand the outcome on; where that fails, drain: what was paid for is in the ledger, where another try looks."""
        try:
            await self._journal(outcome)
        except Exception as error:
            if not self._context.stop.is_set():
                log.exception("Stopping: the outcome of %s cannot be written down.", outcome.image)
            self._context.stop.set(error)

    def _broken(self, image: PlannedImage, error: BaseException) -> Outcome:
        """Return the outcome of an image on which our own code failed: named, and planned again."""
        return Outcome(
            row=image.row,
            image=image.image,
            type=image.type,
            status=ReadStatus.FAILED,
            image_version=image.image_version,
            camera_id=image.camera_id,
            timestamp=image.timestamp,
            reason=Reason.IMAGE_UNREADABLE,
            message=f"{type(error).__name__}: {error}",
            at=format_timestamp(self._context.clock.now()),
        )


def verdict(context: ReadContext, *, last_try: bool) -> Exception | None:
    """Return the error with which a finished batch ends its task, or ``None`` where it succeeded.

    :param last_try: whether Airflow will not try again; then what is in doubt is left to the next run's plan.
    """
    counts = context.progress.counts()
    reason = context.stop.reason
    whole = context.progress.done >= context.progress.total and not counts[ReadStatus.HELD_ELSEWHERE]
    if reason is not None and not (whole and isinstance(reason, (OCRDrained, OCRQuotaExhausted, OCRRateLimited))):
        if isinstance(reason, OCRError):
            reason.add_note(f"{context.progress.done:,} of {count_of(context.progress.total, 'image')} done and saved.")
        return reason
    doubts = counts[ReadStatus.IN_DOUBT]
    policy = context.options.in_doubt
    if doubts and policy is InDoubtPolicy.FAIL:
        message = f"{count_of(doubts, 'image')} in doubt, and the policy is fail: settle each, then clear this task."
        return OCRInDoubt(message, retry=False, counts=counts)
    waiting = context.progress.in_doubt_once - context.progress.unfunded
    if waiting > 0 and policy is InDoubtPolicy.RESEND and not (last_try or context.purse.is_dry):
        message = (
            f"{count_of(waiting, 'image')} in doubt: the next try sends each once more, after the lease of its call."
        )
        return OCRInDoubt(message, retry=True, retry_after_s=context.settings.lease_s, counts=counts)
    return None
