"""A shard's part of the calls that its run was granted: opened with what earlier tries of the shard left."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRUnavailable
from airflow_provider_platerec_ocr.core.models import ReadStatus, Reason
from airflow_provider_platerec_ocr.core.saying.choices import WithoutStatistics
from airflow_provider_platerec_ocr.core.spending.purse import Inherited, spenders
from airflow_provider_platerec_ocr.dataset.plan.plan import load_shard
from airflow_provider_platerec_ocr.dataset.table.journal import read_outcomes, settled_rows
from airflow_provider_platerec_ocr.engine.ledger.allowance import MoreCalls
from airflow_provider_platerec_ocr.engine.ledger.purse import RunPurse, Tools
from airflow_provider_platerec_ocr.engine.ledger.reservations import BudgetBook, account_id

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from airflow_provider_platerec_ocr.core.models import Statistics
    from airflow_provider_platerec_ocr.engine.client.client import OCRClient
    from airflow_provider_platerec_ocr.engine.ledger.purse_files import PurseFiles
    from airflow_provider_platerec_ocr.engine.reading.progress import Progress
    from airflow_provider_platerec_ocr.engine.reading.stop import StopSignal
    from airflow_provider_platerec_ocr.storage.store import Store
    from airflow_provider_platerec_ocr.worker.job import ShardJob

ASK_FOR_S = 120.0
"""Longest time for which a call without a grant waits for the statistics."""


def is_strict(job: ShardJob) -> bool:
    """Return whether nothing starts while the statistics do not say how many calls are left."""
    return job.without_statistics is WithoutStatistics.STOP and (bool(job.reserve) or job.limits.any)


async def open_purse(  # noqa: PLR0913, PLR0917  # of whom, from where, and for how long
    job: ShardJob, store: Store, progress: Progress, client: OCRClient, pool: Executor, stop: StopSignal
) -> RunPurse:
    """Return the purse of a shard.

    :param client: asks the statistics for a call without a grant.
    :param pool: for what blocks.
    :param stop: after which nobody waits for the statistics any more.
    """
    loop = asyncio.get_running_loop()

    def ask() -> Statistics:
        return asyncio.run_coroutine_threadsafe(asked(client, stop), loop).result()

    async def io(function: Any, *given: Any) -> Any:
        return await loop.run_in_executor(pool, partial(function, *given))

    account = account_id(job.settings)
    grant = job.grant if job.grant is not None and job.grant.account == account else None
    files, after = None, None
    if grant is not None:
        book = BudgetBook(store, account, grant.period, SystemClock())
        files = book.purse(grant.number, grant.calls, job.owner)
        after = partial(book.purse_after, grant.number, owner=job.owner) if grant.bound else None
    inherited, tries = await io(_inherited, job, files) if files is not None else (Inherited(), frozenset())
    approved_elsewhere = files is None and job.grant is not None and job.grant.bound
    go_on = job.without_statistics is WithoutStatistics.GO_ON or not job.limits.any
    return RunPurse(
        Tools(
            io=io,
            owner=job.owner,
            shards=job.shards,
            wanted=lambda: progress.total - progress.done,
            files=files,
            inherited=inherited,
            tries=tries,
            more=None
            if approved_elsewhere  # another token, whose calls nobody has approved
            else MoreCalls(store, account, job.owner, job.limits, SystemClock(), ask, go_on=go_on),
            after=after,
            granted=grant.calls if grant else 0,
            foreseen=job.foreseen,
        )
    )


async def asked(client: OCRClient, stop: StopSignal, *, within_s: float = ASK_FOR_S) -> Statistics:
    """Return the statistics; they may be asked several times, with pauses.

    :raises OCRError: they do not say, or not in time: neither a stop nor the images wait for them.
    """
    asking, stopping = asyncio.ensure_future(client.statistics()), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({asking, stopping}, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        if asking.done():
            return asking.result()
    finally:
        asking.cancel()
        stopping.cancel()
    message = "The statistics did not answer before the task was stopped."
    if not stop.is_set():
        message = f"The statistics did not answer within {within_s:g} s."
    raise OCRUnavailable(message)


def _inherited(job: ShardJob, files: PurseFiles) -> tuple[Inherited, frozenset[int]]:
    """Return what earlier tries of the shard drew and did not spend, as far as their journals and claims will say."""
    if job.owner.try_number <= 1:
        return Inherited(), frozenset()
    drawn = files.drawn_before(job.owner.map_index)
    tries = spenders(drawn, job.owner.try_number)
    if not tries or files.closed:  # an export gave the grant back: others may have what was drawn of it by now
        return Inherited(), frozenset()
    settled = settled_rows(job.workspace, job.index)
    rows = [image.row for image in load_shard(job.workspace / job.path) if image.row not in settled]
    spent: dict[int, int] = {}
    for outcome in read_outcomes(job.workspace, job.index):
        if outcome.row in settled:
            sent = outcome.status == ReadStatus.REJECTED and outcome.reason == Reason.API_REJECTED
            calls = outcome.calls_billed + (sent and not outcome.from_ledger)
            spent[outcome.row] = max(spent.get(outcome.row, 0), calls)
    left = Inherited(sum(drawn.values()), tries=len(tries), spent=sum(spent.values()), rows=rows)
    return left, tries
