"""What a shard's reading leaves beside its outcomes: its counts for the run's report, and what a gone quota left over.

The counts are files in the workspace and not what the task returns, since a task that fails or is killed returns
nothing.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRQuotaExhausted
from airflow_provider_platerec_ocr.core.events import RunEvent, RunStep, of_owner
from airflow_provider_platerec_ocr.core.models import Outcome, ReadStatus, format_timestamp
from airflow_provider_platerec_ocr.core.saying.choices import OnQuota
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.dataset.report.tries import TryCounts
from airflow_provider_platerec_ocr.engine.reading.batch import verdict
from airflow_provider_platerec_ocr.engine.reading.stop import StopSignal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.core.models import Owner, PlannedImage
    from airflow_provider_platerec_ocr.engine.reading.context import ReadContext
    from airflow_provider_platerec_ocr.engine.reading.progress import Progress

log = logging.getLogger(__name__)
NOTE_EVERY_S = 30.0
"""Most seconds of counts that a kill loses."""


def counts_of(
    shard: int, owner: Owner, progress: Progress, *, ended: bool, error: Exception | None = None
) -> TryCounts:
    """Return the counts of a try as they are.

    :param ended: whether the try came to its end.
    :param error: with which it ended.
    """
    return TryCounts(
        shard=shard,
        try_number=owner.try_number,
        calls=progress.calls,
        refused=dict(progress.refused),
        unknown=progress.unknown,
        resent=progress.resent,
        read=progress.by_status[ReadStatus.READ] - progress.from_ledger,
        ended=ended,
        error="" if error is None else f"{type(error).__name__}: {error}",
    )


def ended_event(owner: Owner, progress: Progress, error: Exception | None) -> RunEvent:
    """Return what those who listen hear of the end of a try."""
    return RunEvent(
        at=format_timestamp(SystemClock().now()),
        step=RunStep.READ,
        counts=progress.counts(),
        done=progress.done,
        total=progress.total,
        in_flight=0,
        calls_left=progress.calls_left,
        error=None if error is None else type(error).__name__,
        **of_owner(owner),
    )


async def note_often(write: Callable[[], Awaitable[None]], clock: Clock) -> None:
    """Write the counts again and again until cancelled, so that a killed try leaves some."""
    while True:
        await write()
        await clock.sleep(NOTE_EVERY_S)


def carried_over(images: Iterable[PlannedImage], ended: set[int]) -> list[Outcome]:
    """Return an outcome for each image whose row has not ended: the quota did before."""
    now = format_timestamp(SystemClock().now())
    return [
        Outcome(
            row=image.row,
            image=image.image,
            type=image.type,
            status=ReadStatus.CARRIED_OVER,
            image_version=image.image_version,
            camera_id=image.camera_id,
            timestamp=image.timestamp,
            message="The quota ended before this image was sent; the next run plans it again.",
            at=now,
        )
        for image in images
        if image.row not in ended
    ]


def quota_ended(context: ReadContext, on_quota: OnQuota) -> bool:
    """Return whether the reading ended because the quota did, and that is to be a success."""
    return isinstance(context.stop.reason, OCRQuotaExhausted) and on_quota is OnQuota.CARRY_OVER


def judge(context: ReadContext, on_quota: OnQuota, *, last_try: bool) -> Exception | None:
    """Return the error with which the task ends, see :func:`~..engine.reading.batch.verdict`.

    Where a gone quota is no failure, another try would be in vain: only doubts that a person wants to see end it badly.
    """
    left = context.progress.by_status[ReadStatus.CARRIED_OVER]
    if left:
        reason = context.stop.reason or context.purse.reason
        log.warning("%s carried over to the next run. %s", count_of(left, "image"), reason)
    if not quota_ended(context, on_quota):
        return verdict(context, last_try=last_try)
    return verdict(replace(context, stop=StopSignal()), last_try=True)
