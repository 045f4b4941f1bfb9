"""What one shard's reading needs, as one value that can be handed to another process, and the reading itself."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.claims import identity_key
from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRQuotaExhausted
from airflow_provider_platerec_ocr.core.events import Events
from airflow_provider_platerec_ocr.core.models import ReadStatus
from airflow_provider_platerec_ocr.core.saying.choices import OnQuota, WithoutStatistics
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.core.spending.purse import Limits
from airflow_provider_platerec_ocr.dataset.plan.plan import load_shard
from airflow_provider_platerec_ocr.dataset.report.tries import TryFile
from airflow_provider_platerec_ocr.dataset.table.journal import OutcomeWriter, settled_rows
from airflow_provider_platerec_ocr.engine.client.client import OCRClient
from airflow_provider_platerec_ocr.engine.kept.tombstones import keep_met
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from airflow_provider_platerec_ocr.engine.reading.batch import Batch
from airflow_provider_platerec_ocr.engine.reading.context import ReadOptions
from airflow_provider_platerec_ocr.engine.reading.progress import Progress, log_line
from airflow_provider_platerec_ocr.engine.reading.stop import StopSignal
from airflow_provider_platerec_ocr.engine.reading.toolbox import Toolbox
from airflow_provider_platerec_ocr.storage.path import place_below
from airflow_provider_platerec_ocr.webhook.answers import Answers
from airflow_provider_platerec_ocr.webhook.inbox import Inbox
from airflow_provider_platerec_ocr.worker.ended import Ended
from airflow_provider_platerec_ocr.worker.fellow_shards import FellowShards
from airflow_provider_platerec_ocr.worker.live_progress import LiveProgress
from airflow_provider_platerec_ocr.worker.orphan_note import leave_note
from airflow_provider_platerec_ocr.worker.shard_purse import is_strict, open_purse
from airflow_provider_platerec_ocr.worker.shard_summary import (
    carried_over,
    counts_of,
    ended_event,
    judge,
    note_often,
    quota_ended,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from airflow_provider_platerec_ocr.core.models import Outcome, Owner, PlannedImage
    from airflow_provider_platerec_ocr.core.settings import ClientSettings
    from airflow_provider_platerec_ocr.core.spending.purse import Grant
    from airflow_provider_platerec_ocr.storage.path import StoragePath

log = logging.getLogger(__name__)

POOL_THREADS = 16
"""Threads for the ledger and for images: an object store takes about 50 ms an operation, four per image."""


@dataclass(frozen=True, slots=True)
class ShardJob:
    """One shard to read. It holds the token, so it is never written down; it goes to the child through a pipe."""

    settings: ClientSettings
    """Account and how to speak to it."""
    owner: Owner
    """Who makes the claims."""
    ledger: StoragePath
    """Folder of the ledger."""
    spill: Path
    """Folder on this machine for answers that the ledger does not take."""
    workspace: StoragePath
    """Folder of the run."""
    path: str
    """The shard's file, relative to the workspace."""
    index: int
    """The shard's number, from 0."""
    images: int
    """Images of the shard."""
    shards: int
    """Shards of the run."""
    roots: tuple[StoragePath, ...]
    """Folders that images may lie in, opened."""
    inbox: StoragePath | None = None
    """Folder of the inbox of webhooks, which settles what is in doubt; ``None`` where there is none."""
    options: ReadOptions = field(default_factory=ReadOptions)
    """The user's choices about reading."""
    shrink: bool = False
    """Whether images over the limit are shrunk."""
    reserve: int | None = None
    """Calls that the account must keep; ``None`` does not ask."""
    grant: Grant | None = None
    """Calls that the run may make, for all of its shards; ``None`` where the plan is of an older version."""
    foreseen: bool = False
    """Whether the plan has more images than calls."""
    limits: Limits = field(default_factory=Limits)
    """What the user allowed."""
    without_statistics: WithoutStatistics = WithoutStatistics.STOP
    """What to do where the statistics do not say how many calls are left."""
    on_quota: OnQuota = OnQuota.CARRY_OVER
    """Whether a quota that ends before the images do is a failure."""
    soft_timeout_s: float | None = None
    """Seconds from its start after which nothing new begins."""
    last_try: bool = False
    """Whether Airflow will not try again."""
    run_facts: dict[str, Any] = field(default_factory=dict)
    """What the ledger keeps of the run with each call, so that the table can be made again from it."""
    signed_urls: dict[tuple[str, str | None], str] = field(default_factory=dict, repr=False)
    """Identity of an image to its ``upload_url`` with the signature."""

    def place_of(self, uri: str) -> StoragePath:
        """Return the place of an image's URI."""
        return place_below(self.roots, uri)

    def read(self, started: Callable[[Callable[[Exception], None]], None], events: Events | None = None) -> Ended:
        """Read the shard, see :func:`read_shard`."""
        return read_shard(self, started, events or Events(log_line))

    def leave_note(self, ended: Ended, begun: datetime) -> None:
        """Leave a note in the workspace that this process outlived its task."""
        leave_note(self, ended, begun)


def read_shard(job: ShardJob, started: Callable[[Callable[[Exception], None]], None], events: Events) -> Ended:
    """Read the shard on an event loop of its own and return how it ended; everything is saved by then.

    :param started: called once with a function that any thread may call to stop the reading early.
    :param events: where what happens is told.
    :raises OCRLedgerError: the ledger cannot be used; nothing was sent. :raises OCRDatasetError: there is no shard.
    """
    file = TryFile(job.workspace, job.index, job.owner.try_number)
    progress = Progress(total=job.images)
    try:
        ended = asyncio.run(_read(job, started, progress, file, events))
    except Exception as error:
        file.write(counts_of(job.index, job.owner, progress, ended=True, error=error))
        events.tell(partial(ended_event, job.owner, progress, error))
        raise
    file.write(counts_of(job.index, job.owner, progress, ended=True, error=ended.error))
    events.tell(partial(ended_event, job.owner, progress, ended.error))
    return ended


@dataclass(slots=True)
class _Opened:
    """What was opened for a job; opening blocks."""

    ledger: Ledger
    journal: OutcomeWriter
    images: list[PlannedImage]
    progress: Progress

    @classmethod
    def open(cls, job: ShardJob, progress: Progress) -> _Opened:
        """Open ledger, shard and journal, and leave out what an earlier try of the run has settled."""
        lease_s, clock = job.settings.lease_s, SystemClock()
        ledger = Ledger.open(job.ledger, lease_s=lease_s, clock=clock, owner=job.owner, spill=job.spill)
        if ledger.adopted:
            log.info("%s moved into the ledger.", count_of(ledger.adopted, "spilled answer"))
        images = list(load_shard(job.workspace / job.path))
        settled = settled_rows(job.workspace, job.index)
        progress.settled_before = len(settled)
        return cls(
            ledger=ledger,
            journal=OutcomeWriter(job.workspace, job.index, job.owner.try_number),
            images=[image for image in images if image.row not in settled],
            progress=progress,
        )


async def _read(
    job: ShardJob,
    started: Callable[[Callable[[Exception], None]], None],
    progress: Progress,
    file: TryFile,
    events: Events,
) -> Ended:
    loop, stop = asyncio.get_running_loop(), StopSignal()
    begun = SystemClock().monotonic()

    def end_early(reason: Exception) -> None:
        with suppress(RuntimeError):  # the loop is closed: the reading had ended by itself
            loop.call_soon_threadsafe(stop.set, reason)

    started(end_early)
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(POOL_THREADS, thread_name_prefix="platerec"))
        writing = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="platerec-journal"))
        opened = await loop.run_in_executor(pool, _Opened.open, job, progress)
        rows: set[int] = set()
        met: set[bytes] = set()

        async def keep(outcome: Outcome) -> None:
            if opened.journal.take(outcome):
                await loop.run_in_executor(writing, opened.journal.flush)
            rows.add(outcome.row)
            if outcome.status == ReadStatus.FORGOTTEN:
                met.add(identity_key(outcome.type, outcome.image, outcome.image_version))

        async def note() -> None:
            counts = counts_of(job.index, job.owner, progress, ended=False)
            await loop.run_in_executor(writing, file.write, counts)

        async with OCRClient(job.settings, clock=SystemClock()) as client:
            purse = await open_purse(job, opened.ledger.store, progress, client, pool, stop)
            tools = replace(_toolbox(job, opened, stop, begun), purse=purse, events=events).tools(client, pool)
            noting = asyncio.ensure_future(note_often(note, SystemClock()))
            live = LiveProgress(job.workspace, job.index, job.shards, job.owner, SystemClock())
            showing = asyncio.ensure_future(live.often(tools))
            try:
                await Batch(tools, keep, reserve=job.reserve, strict=is_strict(job)).run(opened.images)
                for outcome in carried_over(opened.images, rows) if quota_ended(tools, job.on_quota) else ():
                    progress.add(outcome)
                    await keep(outcome)
                await loop.run_in_executor(writing, _keep_met, opened.ledger, met)
                if stop.reason is None or isinstance(stop.reason, OCRQuotaExhausted):  # else another try goes on
                    await purse.give_back()
            finally:
                noting.cancel()
                showing.cancel()
                await purse.settle()  # closing the pool would wait for its thread, which waits for this loop
                await loop.run_in_executor(writing, opened.journal.close)
        failure = judge(tools, job.on_quota, last_try=job.last_try)
        live.say(tools)
        live.end(failure)
    return Ended(progress.counts(), failure)


def _keep_met(ledger: Ledger, met: set[bytes]) -> None:
    """Have no plan open other names of what was deleted again; where that fails, the next night meets them anew."""
    try:
        keep_met(ledger.store, met)
    except Exception as error:  # noqa: BLE001  # each store has its own kinds, and what was paid for is saved
        log.warning("%s with deleted content will be planned again: %s", count_of(len(met), "image"), error)


def _toolbox(job: ShardJob, opened: _Opened, stop: StopSignal, begun: float) -> Toolbox:
    clock = SystemClock()
    return Toolbox(
        settings=job.settings,
        owner=job.owner,
        ledger=opened.ledger,
        clock=clock,
        progress=opened.progress,
        stop=stop,
        roots=job.roots,
        opener=job.place_of,
        shrink=job.shrink,
        options=job.options,
        soft_timeout_s=None if job.soft_timeout_s is None else begun + job.soft_timeout_s - clock.monotonic(),
        late_answers=None if job.inbox is None else Answers(Inbox(job.inbox, clock=clock)),
        signed_urls=job.signed_urls,
        run_facts=job.run_facts,
        planned_shards=job.shards,
        fellows=FellowShards(job.workspace, job.index, job.owner.try_number),
    )
