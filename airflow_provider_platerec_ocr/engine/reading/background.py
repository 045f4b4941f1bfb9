"""What runs beside the calls of a batch: heartbeat, progress, and the ends that nobody's answer brings.

Each watcher may set the stop signal, none touches a call. One that breaks stops the batch: nobody would watch else.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.errors import OCRDrained, OCRError, OCRQuotaExhausted, OCRRateLimited, OCRStop
from airflow_provider_platerec_ocr.core.events import RunEvent, RunStep, of_owner
from airflow_provider_platerec_ocr.core.models import ReadStatus, format_timestamp
from airflow_provider_platerec_ocr.core.saying.counts import count_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator

    from airflow_provider_platerec_ocr.engine.reading.context import ReadContext

log = logging.getLogger(__name__)

PROGRESS_EVERY_S = 30.0
STATISTICS_EVERY_S = 60.0
_NEAR_S = 2.0
"""Between two looks at the statistics where the reserve is near."""


class BackgroundTasks:
    """The watchers of one batch.

    :param context: the task's tools.
    :param reserve: calls that the account must keep; ``None`` does not ask.
    :param strict: whether nothing starts while the statistics do not say how many are left.
    """

    def __init__(self, context: ReadContext, reserve: int | None, *, strict: bool = False) -> None:
        self._context = context
        self._reserve = reserve
        self._strict = strict
        self._silent_since: float | None = None
        self._asked = asyncio.Event()

    async def ready(self) -> None:
        """Return when calls may start: some are left, or nobody wants to know, or a stop came."""
        if self._reserve is None:
            return
        waits = {asyncio.ensure_future(self._asked.wait()), asyncio.ensure_future(self._context.stop.wait())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def start(self) -> list[asyncio.Future[None]]:
        """Start all watchers and return their tasks, which run until they are cancelled."""
        return [asyncio.ensure_future(self._guarded(work)) for work in self._all()]

    def _all(self) -> Iterator[Awaitable[None]]:
        yield self._say_progress()
        yield self._context.limiter.run_heartbeat()
        if self._context.deadline is not None:
            yield self._watch_deadline(self._context.deadline)
        if self._reserve is not None:
            yield self._watch_reserve(self._reserve)

    async def _guarded(self, work: Awaitable[None]) -> None:
        """Have a watcher that breaks stop the batch: without it, nobody would watch."""
        try:
            await work
        except Exception as error:
            log.exception("Stopping: a part of the batch broke.")
            self._context.stop.set(error)

    def line(self) -> str:
        """Return one line for the log."""
        context, limiter = self._context, self._context.limiter
        return context.progress.line(
            context.clock.monotonic(),
            rate_per_s=limiter.rate_per_s or limiter.account_rate_per_s,
            in_flight=limiter.in_flight,
            rate_given=limiter.rate_is_given,
            price=context.settings.price,
        )

    def say(self, step: RunStep = RunStep.PROGRESS) -> None:
        """Tell how far it is."""
        self._context.events.tell(lambda: self._event(step))

    def _event(self, step: RunStep) -> RunEvent:
        context, limiter = self._context, self._context.limiter
        progress = context.progress
        said = step is RunStep.PROGRESS and progress.total > 1
        return RunEvent(
            at=format_timestamp(context.clock.now()),
            step=step,
            counts=progress.counts(),
            line=self.line() if said else "",
            done=progress.done,
            total=progress.total,
            in_flight=limiter.in_flight,
            rate_per_s=limiter.rate_per_s or limiter.account_rate_per_s,
            calls_left=progress.calls_left,
            **of_owner(context.owner),
        )

    async def _say_progress(self) -> None:
        """Tell how it goes, and leave a long wait to Airflow's retry, which holds no worker."""
        context = self._context
        while True:
            await context.clock.sleep(PROGRESS_EVERY_S)
            self.say()
            held_s = context.limiter.held_for_s
            if held_s > context.options.give_up_after_s:
                message = f"The API wants no call for another {held_s:.0f} s; a later try goes on then."
                context.stop.set(OCRRateLimited(message, retry_after_s=held_s))

    async def _watch_deadline(self, deadline: float) -> None:
        await self._context.clock.sleep(deadline - self._context.clock.monotonic())
        message = "The soft deadline is reached (execution_timeout less one call); calls in flight are finished first."
        self._context.stop.set(OCRDrained(message))

    async def _watch_reserve(self, reserve: int) -> None:
        """Ask the free statistics as we go, more often as the end comes near."""
        context = self._context
        first: int | None = None
        while True:
            pause = STATISTICS_EVERY_S
            try:
                statistics = await context.client.statistics()
            except OCRError as error:
                if self._strict:
                    self._silent(error)
                    await context.clock.sleep(_NEAR_S)
                    continue
                log.warning("The statistics did not answer, asking again later: %s", error)
            else:
                self._silent_since = None
                context.purse.may_pay.set()
                context.progress.calls_left = statistics.remaining
                first = statistics.calls if first is None else first
                left = statistics.remaining - reserve
                if left <= 0 and context.purse.is_empty:  # nothing is paid any more; what costs nothing is still read
                    self._asked.set()
                    await context.clock.sleep(_NEAR_S if context.limiter.in_flight else STATISTICS_EVERY_S)
                    continue  # a call that is refused gives its coin back
                if left <= 0:
                    context.stop.set(_reserve_reached(statistics.remaining, reserve, statistics.resets_on))
                    return
                left -= self._not_counted(statistics.calls - first)
                pause = min(pause, max(_NEAR_S, left / max(context.limiter.rate_per_s, 0.01) / 2))
                if left <= 0:  # those in flight may use up the rest; one that is refused gives its place back
                    context.limiter.hold(pause + 1.0)
            self._asked.set()
            await context.clock.sleep(pause)

    def _silent(self, error: OCRError) -> None:
        """Let nothing start while nobody knows how many calls are left; where that lasts, or is an answer, stop."""
        context = self._context
        now = context.clock.monotonic()
        self._silent_since = now if self._silent_since is None else self._silent_since
        if isinstance(error, OCRStop) or now - self._silent_since > context.options.give_up_after_s:
            context.stop.set(error)
            return
        log.warning("Nothing starts: the statistics do not say how many calls are left. %s", error)
        context.purse.may_pay.clear()

    def _not_counted(self, counted: int) -> int:
        """Return how many calls in flight the account has not counted yet, as far as can be told.

        Nobody documents whether a call counts when it comes or when it is done [unknown].

        :param counted: calls that the account has counted since the batch began, whoever made them.
        """
        progress = self._context.progress
        made = progress.may_be_billed - progress.by_status[ReadStatus.REJECTED]
        return max(0, min(self._context.limiter.in_flight, made - counted))


def _reserve_reached(remaining: int, reserve: int, resets_on: str | None) -> OCRQuotaExhausted:
    message = (
        f"{count_of(remaining, 'call')} left, and the reserve is {reserve:,}, so nothing more is sent; "
        f"the rest is planned again after the reset ({resets_on or 'date unknown'})."
    )
    return OCRQuotaExhausted(message, remaining=remaining, resets_on=resets_on)
