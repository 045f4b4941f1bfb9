"""Reading one shard: hundreds of calls in flight in one task, each paid for once, all saved before the task ends."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseAsyncOperator

from airflow_provider_platerec_ocr.core.claims import identity_key
from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRConfigError, OCRDrained
from airflow_provider_platerec_ocr.core.models import InDoubtPolicy, ReadStatus
from airflow_provider_platerec_ocr.operators import _run
from airflow_provider_platerec_ocr.retry_policy import OCRRetryPolicy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_provider_platerec_ocr.core.models import Outcome, PlannedImage
    from airflow_provider_platerec_ocr.core.settings import ClientSettings
    from airflow_provider_platerec_ocr.dataset.journal import OutcomeWriter
    from airflow_provider_platerec_ocr.engine.client import OCRClient
    from airflow_provider_platerec_ocr.engine.context import ReadContext
    from airflow_provider_platerec_ocr.engine.ledger import Ledger
    from airflow_provider_platerec_ocr.engine.stop import StopSignal

POOL_THREADS = 16
"""Threads for the ledger and for images: an object store takes about 50 ms an operation, four per image."""


@dataclass(slots=True)
class _Work:
    """What was opened before the event loop starts: Airflow's own calls may not be mixed with it."""

    settings: ClientSettings
    ledger: Ledger
    journal: OutcomeWriter
    images: list[PlannedImage]
    settled: int
    signed_urls: dict[int, str]
    keys: list[bytes] = field(default_factory=list)
    """Identity keys of the images that were read, for the ledger's index."""
    begun: float = field(default_factory=SystemClock().monotonic)
    """Monotonic seconds at which the task began, for the soft deadline."""


class OCRReadBatchOperator(BaseAsyncOperator):
    """Reads the images of one shard and writes their outcomes into the run's workspace.

    Made for ``.partial(…).expand(shard=plan.output)``. Shards of one account share its rate through the ledger's
    folder, within a run and between runs. The task's pool only bounds how many shards run at once.

    When it is stopped (a stop error, the soft deadline, a kill) nothing new starts, calls in flight finish and are
    saved, and one typed error is raised. Set ``execution_timeout`` to at least twice what one call may take.

    :param shard: (templated) one object that :class:`OCRPlanOperator` returned.
    :param ledger: (templated) folder of the ledger of paid calls. Default: the option ``[platerec_ocr] ledger``.
    :param conn_id: (templated) the Airflow connection.
    :param reserve: (templated) calls that the account must keep: the task drains when no more are left. Default: 0.
    :param in_doubt: (templated) what to do with calls that may have been billed without an answer: ``resend`` once
        in a later try (default), ``hold``, or ``fail``.
    :param allowed_roots: (templated) folders that images may lie in. Default: those that the plan found.
    :param shrink: (templated) whether images over the upload limit are shrunk (needs Pillow) instead of becoming
        dead letters. Default: false.
    :param as_base64: (templated) send bytes as base64 text instead of as a file. Default: false.

    Returns counts: images by status, calls, from the ledger, refused.

    :raises OCRStop: nothing further makes sense: bad token, not enabled, quota used up, wrong host.
    :raises OCRDrained: stopped early; another try goes on where this one ended.
    :raises OCRInDoubt: calls may have been billed without an answer.
    :raises OCRLedgerError: the ledger cannot be used; nothing was sent without it.
    """

    template_fields: Sequence[str] = (
        "shard",
        "ledger",
        "conn_id",
        "reserve",
        "in_doubt",
        "allowed_roots",
        "shrink",
        "as_base64",
    )
    ui_color = "#e6f4ea"

    def __init__(
        self,
        *,
        shard: dict[str, Any],
        ledger: str | None = None,
        conn_id: str = "platerec_ocr_default",
        reserve: int | str = 0,
        in_doubt: str = InDoubtPolicy.RESEND,
        allowed_roots: Sequence[str] | str | None = None,
        shrink: bool | str = False,
        as_base64: bool | str = False,
        **kwargs: Any,
    ) -> None:
        presets: dict[str, Any] = {"retry_policy": OCRRetryPolicy(), "map_index_template": "{{ task.shard.label }}"}
        super().__init__(**(presets | kwargs))
        self.shard = shard
        self.ledger = ledger
        self.conn_id = conn_id
        self.reserve = reserve
        self.in_doubt = in_doubt
        self.allowed_roots = allowed_roots
        self.shrink = shrink
        self.as_base64 = as_base64
        self._work: _Work | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: StopSignal | None = None

    def execute(self, context: Context) -> dict[str, int]:
        """Open everything that blocks, then read on an event loop."""
        self._work = self._open(context)
        result: dict[str, int] = super().execute(context)  # type: ignore[no-untyped-call]  # Airflow has no types here
        return result

    def on_kill(self) -> None:
        """Drain: Airflow raises nothing in the task, so what is in flight can still be saved."""
        if self._loop is not None and self._stop is not None:
            message = "The task was told to stop; calls in flight are finished first."
            self._loop.call_soon_threadsafe(self._stop.set, OCRDrained(message))

    async def aexecute(self, context: Context) -> dict[str, int]:
        """Read the shard's images and return how many ended how."""
        from airflow_provider_platerec_ocr.engine.batch import Batch, verdict  # noqa: PLC0415  # loads aiohttp
        from airflow_provider_platerec_ocr.engine.client import OCRClient  # noqa: PLC0415

        work = self._opened()
        with ExitStack() as stack:
            pool = stack.enter_context(ThreadPoolExecutor(POOL_THREADS, thread_name_prefix="platerec"))
            writing = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="platerec-journal"))
            async with OCRClient(work.settings, clock=SystemClock()) as client:
                tools = self._tools(context, client, pool)
                loop = asyncio.get_running_loop()

                async def journal(outcome: Outcome) -> None:
                    await loop.run_in_executor(writing, work.journal.append, outcome)
                    if outcome.status == ReadStatus.READ:
                        work.keys.append(_key(outcome))

                reserve = _run.whole_number(self.reserve, "reserve", empty=0)
                try:
                    await Batch(tools, journal, reserve=reserve).run(work.images)
                finally:
                    await loop.run_in_executor(writing, work.journal.close)
            await loop.run_in_executor(pool, work.ledger.remember, work.keys)
        failure = verdict(tools, last_try=_run.is_last_try(context))
        if failure is not None:
            raise failure
        return tools.progress.counts()

    def _open(self, context: Context) -> _Work:
        """Open connection, ledger, shard and journal: all that Airflow or a disk may block on."""
        from airflow_provider_platerec_ocr.dataset import journal, manifest, plan  # noqa: PLC0415  # not at parse time
        from airflow_provider_platerec_ocr.engine.ledger import Ledger  # noqa: PLC0415
        from airflow_provider_platerec_ocr.hooks.ocr import PlateRecOCRHook  # noqa: PLC0415
        from airflow_provider_platerec_ocr.hooks.places import (  # noqa: PLC0415
            open_ledger_place,
            open_place,
            spill_folder,
        )

        shard = _checked(self.shard)
        settings = PlateRecOCRHook(self.conn_id).settings()
        owner = _run.owner_of(context)
        ledger = Ledger.open(
            open_ledger_place(self.ledger),
            lease_s=settings.lease_s,
            clock=SystemClock(),
            owner=owner,
            spill=spill_folder(),
        )
        if ledger.adopted:
            self.log.info("%s spilled answers were moved into the ledger.", ledger.adopted)
        workspace = open_place(shard["workspace"])
        images = list(plan.load_shard(workspace / shard["path"]))
        settled = journal.settled_rows(workspace, shard["index"])
        signed = [image.row for image in images if image.signed and image.row not in settled]
        urls = manifest.signed_urls(shard["manifest"], signed, open_place) if signed else {}
        work = _Work(
            settings=settings,
            ledger=ledger,
            journal=journal.OutcomeWriter(workspace, shard["index"], owner.try_number),
            images=[image for image in images if image.row not in settled],
            settled=len(settled),
            signed_urls=urls,
        )
        work.keys.extend(_key(image) for image in images if settled.get(image.row) == ReadStatus.READ)
        return work

    def _tools(self, context: Context, client: OCRClient, pool: ThreadPoolExecutor) -> ReadContext:
        """Put the tools of the reading together, on the running loop."""
        from airflow_provider_platerec_ocr.engine.board import PaceBoard  # noqa: PLC0415
        from airflow_provider_platerec_ocr.engine.context import ReadContext, ReadOptions  # noqa: PLC0415
        from airflow_provider_platerec_ocr.engine.images import ImageLoader  # noqa: PLC0415
        from airflow_provider_platerec_ocr.engine.limiter import StartLimiter  # noqa: PLC0415
        from airflow_provider_platerec_ocr.engine.progress import Progress  # noqa: PLC0415
        from airflow_provider_platerec_ocr.engine.reservations import account_id  # noqa: PLC0415
        from airflow_provider_platerec_ocr.engine.stop import StopSignal  # noqa: PLC0415
        from airflow_provider_platerec_ocr.hooks.places import open_place  # noqa: PLC0415

        work, settings, clock = self._opened(), self._opened().settings, SystemClock()
        timeouts = settings.timeouts
        soft_s = _run.soft_timeout_s(self.execution_timeout, timeouts.call_s, timeouts.save_s)
        self._loop, self._stop = asyncio.get_running_loop(), StopSignal()
        return ReadContext(
            client=client,
            ledger=work.ledger,
            limiter=StartLimiter(
                clock=clock,
                ceiling_per_s=settings.rate_per_s,
                max_in_flight=settings.max_in_flight,
                board=PaceBoard(work.ledger.board(account_id(settings))),
                planned_shards=self.shard["shards"],
            ),
            loader=ImageLoader(
                roots=[open_place(root) for root in _run.texts(self.allowed_roots) or self.shard["roots"]],
                opener=open_place,
                max_bytes=settings.max_upload_bytes,
                shrink=_run.truth(self.shrink, "shrink"),
            ),
            settings=settings,
            clock=clock,
            pool=pool,
            stop=self._stop,
            progress=Progress(total=self.shard["images"], settled_before=work.settled),
            owner=_run.owner_of(context),
            options=ReadOptions(
                in_doubt=_run.doubt_policy(self.in_doubt), as_base64=_run.truth(self.as_base64, "as_base64")
            ),
            deadline=None if soft_s is None else work.begun + soft_s,
            signed_urls=work.signed_urls,
        )

    def _opened(self) -> _Work:
        if self._work is None:
            message = "aexecute() needs what execute() opens: call execute()."
            raise OCRConfigError(message)
        return self._work


def _key(image: PlannedImage | Outcome) -> bytes:
    return identity_key(image.type, image.image, image.image_version)


def _checked(shard: dict[str, Any]) -> dict[str, Any]:
    """Return ``shard`` if it is one that the plan made."""
    missing = sorted({"workspace", "path", "index", "images", "shards", "roots", "manifest"} - set(shard))
    if missing:
        message = f"shard has no {', '.join(missing)}: expand over the output of OCRPlanOperator."
        raise OCRConfigError(message)
    return shard
