"""Many images at once: a window of tasks over a shard, and one way to end it.

It knows order and number, not money (that is :mod:`.settling`) and not files (outcomes go to a callback). Calls are
never cancelled: on a stop, what has not begun is cancelled and what is being paid for finishes first.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.errors import OCRDrained, OCRError, OCRInDoubt, OCRQuotaExhausted
from airflow_provider_platerec_ocr.core.models import InDoubtPolicy, Outcome, ReadStatus, Reason, format_timestamp
from airflow_provider_platerec_ocr.engine.reader import Reader
from airflow_provider_platerec_ocr.engine.slot import Phase, Slot

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator

    from airflow_provider_platerec_ocr.core.models import PlannedImage
    from airflow_provider_platerec_ocr.engine.context import ReadContext

log = logging.getLogger(__name__)

PROGRESS_EVERY_S = 30.0
STATISTICS_EVERY_S = 60.0


class Batch:
    """Reads the images of one shard.

    :param context: the task's tools.
    :param journal: awaited with each outcome, in the order in which images end.
    :param reserve: calls that the account must keep; the batch drains when no more are left. ``None`` does not ask.
    """

    def __init__(
        self,
        context: ReadContext,
        journal: Callable[[Outcome], Awaitable[None]],
        *,
        reserve: int | None = None,
    ) -> None:
        self._context = context
        self._journal = journal
        self._reserve = reserve
        self._reader = Reader(context)
        self._events: asyncio.Queue[asyncio.Task[Outcome | None] | None] = asyncio.Queue()
        """Tasks that ended, and ``None`` where only the state of affairs changed."""
        self._slots: dict[asyncio.Task[Outcome | None], tuple[PlannedImage, Slot]] = {}

    async def run(self, images: Iterable[PlannedImage]) -> None:
        """Read ``images``; after a stop, return when everything in flight is finished and saved."""
        context = self._context
        context.progress.started_at = context.clock.monotonic()
        helpers = [asyncio.ensure_future(work) for work in self._helpers()]
        try:
            await self._work(iter(images))
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
            log.info(self._line())

    def _helpers(self) -> Iterator[Awaitable[None]]:
        yield self._say_progress()
        yield self._context.limiter.run_heartbeat()
        if self._context.deadline is not None:
            yield self._watch_deadline(self._context.deadline)
        if self._reserve is not None:
            yield self._watch_reserve(self._reserve)

    async def _work(self, images: Iterator[PlannedImage]) -> None:
        stop = self._context.stop
        stopping = asyncio.ensure_future(stop.wait())
        stopping.add_done_callback(lambda _: self._events.put_nowait(None))
        more = True
        try:
            while True:
                while more and not stop.is_set() and self._busy() < self._window:
                    image = next(images, None)
                    more = image is not None
                    if image is not None:
                        self._start(image)
                if stop.is_set():
                    self._cancel_idle()
                if not self._slots:
                    return
                ended = await self._events.get()
                if ended is not None:
                    await self._finish(ended)
        finally:
            stopping.cancel()

    @property
    def _window(self) -> int:
        return self._context.settings.max_in_flight + self._context.options.prefetch

    def _busy(self) -> int:
        return sum(slot.phase is not Phase.HELD for _, slot in self._slots.values())

    def _start(self, image: PlannedImage) -> None:
        slot = Slot(moved=lambda: self._events.put_nowait(None))
        task = asyncio.ensure_future(self._reader.read_one(image, slot))
        task.add_done_callback(self._events.put_nowait)
        self._slots[task] = (image, slot)

    def _cancel_idle(self) -> None:
        for task, (_, slot) in self._slots.items():
            if slot.phase is Phase.IDLE:
                task.cancel()

    async def _finish(self, task: asyncio.Task[Outcome | None]) -> None:
        image, _ = self._slots.pop(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            log.error("%s could not be read because of a fault in the provider.", image.image, exc_info=error)
            outcome: Outcome | None = self._broken(image, error)
        else:
            outcome = task.result()
        if outcome is not None:
            self._context.progress.add(outcome)
            await self._journal(outcome)

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

    def _line(self) -> str:
        limiter, now = self._context.limiter, self._context.clock.monotonic()
        return self._context.progress.line(now, rate_per_s=limiter.rate_per_s, in_flight=limiter.in_flight)

    async def _say_progress(self) -> None:
        while True:
            await self._context.clock.sleep(PROGRESS_EVERY_S)
            log.info(self._line())

    async def _watch_deadline(self, deadline: float) -> None:
        await self._context.clock.sleep(deadline - self._context.clock.monotonic())
        message = "The soft deadline is reached (execution_timeout less one call); calls in flight are finished first."
        self._context.stop.set(OCRDrained(message))

    async def _watch_reserve(self, reserve: int) -> None:
        """Ask the free statistics as we go, more often as the end comes near."""
        context = self._context
        while True:
            pause = STATISTICS_EVERY_S
            try:
                statistics = await context.client.statistics()
            except OCRError as error:
                log.warning("The statistics did not answer, asking again later: %s", error)
            else:
                left = statistics.remaining - reserve
                if left <= 0:
                    context.stop.set(_reserve_reached(statistics.remaining, reserve, statistics.resets_on))
                    return
                pause = min(pause, max(2.0, left / max(context.limiter.rate_per_s, 0.01) / 2))
            await context.clock.sleep(pause)


def _reserve_reached(remaining: int, reserve: int, resets_on: str | None) -> OCRQuotaExhausted:
    message = (
        f"{remaining} calls are left and {reserve} are to be kept, so nothing more is sent; "
        f"the rest is planned again after the reset ({resets_on or 'date unknown'})."
    )
    return OCRQuotaExhausted(message, remaining=remaining, resets_on=resets_on)


def verdict(context: ReadContext, *, last_try: bool) -> Exception | None:
    """Return the error with which a finished batch ends its task, or ``None`` where it succeeded.

    :param last_try: whether Airflow will not try again; then what is in doubt is left to the next run's plan.
    """
    counts = context.progress.counts()
    reason = context.stop.reason
    if reason is not None:
        if isinstance(reason, OCRError):
            reason.add_note(f"{context.progress.done} of {context.progress.total} images are done and saved.")
        return reason
    doubts = counts[ReadStatus.IN_DOUBT]
    policy = context.options.in_doubt
    if doubts and policy is InDoubtPolicy.FAIL:
        message = f"{doubts} images are in doubt and the policy is fail: settle them, then clear this task."
        return OCRInDoubt(message, retry=False, counts=counts)
    if counts["unknown"] and policy is InDoubtPolicy.RESEND and not last_try:
        message = f"{counts['unknown']} calls ended with an unknown outcome; the next try sends each once more."
        return OCRInDoubt(message, retry=True, retry_after_s=context.settings.lease_s, counts=counts)
    return None
