"""Reading one image outside a batch: the same engine, ledger and limits as the batch, for the hook and the operator."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRDrained
from airflow_provider_platerec_ocr.core.models import ReadStatus
from airflow_provider_platerec_ocr.engine.client.client import OCRClient
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from airflow_provider_platerec_ocr.engine.reading.batch import Batch
from airflow_provider_platerec_ocr.engine.reading.context import ReadOptions
from airflow_provider_platerec_ocr.engine.reading.progress import Progress
from airflow_provider_platerec_ocr.engine.reading.stop import StopSignal
from airflow_provider_platerec_ocr.engine.reading.toolbox import Toolbox
from airflow_provider_platerec_ocr.runtime.inbox_access import open_inbox
from airflow_provider_platerec_ocr.runtime.places import open_ledger_place, spill_folder
from airflow_provider_platerec_ocr.runtime.read_result import as_error, as_result
from airflow_provider_platerec_ocr.webhook.answers import Answers

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.core.models import Outcome, Owner
    from airflow_provider_platerec_ocr.core.settings import ClientSettings
    from airflow_provider_platerec_ocr.engine.reading.context import ReadContext
    from airflow_provider_platerec_ocr.runtime.read_request import ReadRequest
    from airflow_provider_platerec_ocr.webhook.inbox import Inbox

_THREADS = 4
"""Threads for the ledger and the image."""


@dataclass(slots=True)
class SingleRead:
    """One image to be read once. :meth:`open` blocks, :meth:`run` belongs on an event loop."""

    settings: ClientSettings
    """Account and limits."""
    request: ReadRequest
    """What to read."""
    owner: Owner
    """Who pays."""
    ledger: Ledger
    """Where it is written down."""
    clock: Clock
    """Where time comes from."""
    soft_timeout_s: float | None = None
    """Seconds after which no call starts any more; ``None``: no limit."""
    inbox: Inbox | None = None
    """Inbox of webhooks, which settles what is in doubt."""
    _stopped: bool = False
    _loop: asyncio.AbstractEventLoop | None = None
    _stop: StopSignal | None = None

    @classmethod
    def open(  # what one read needs, mostly by name
        cls,
        settings: ClientSettings,
        request: ReadRequest,
        owner: Owner,
        *,
        ledger: str | None = None,
        soft_timeout_s: float | None = None,
        clock: Clock | None = None,
    ) -> Self:
        """Open the ledger, which may ask Airflow for a connection: never from a running event loop.

        :param ledger: its place; ``None`` takes the configured one.
        :raises OCRLedgerError: it cannot be used.
        """
        clock = clock or SystemClock()
        place = open_ledger_place(ledger)
        opened = Ledger.open(place, lease_s=settings.lease_s, clock=clock, owner=owner, spill=spill_folder())
        return cls(settings, request, owner, opened, clock, soft_timeout_s, open_inbox(clock=clock))

    def stop(self) -> None:
        """End early, from any thread: a call in flight is finished and saved, none begins."""
        self._stopped = True
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set, _drained())

    async def run(self) -> dict[str, Any]:
        """Return the read as plain data, see :func:`~.read_result.as_result`.

        :raises OCRRejected: the API will never read this content. :raises OCRImageError: the image cannot be sent.
        :raises OCRInDoubt: a call may have been billed without an answer. :raises OCRStop: nothing further makes sense.
        :raises OCRRunError: stopped early, or another task is reading it. :raises OCRUnavailable: the API is down.
        """
        outcomes: list[Outcome] = []

        async def keep(outcome: Outcome) -> None:
            outcomes.append(outcome)

        with ThreadPoolExecutor(_THREADS, thread_name_prefix="platerec") as pool:
            async with OCRClient(self.settings, clock=self.clock) as client:
                tools = self._tools(client, pool)
                await Batch(tools, keep).run([self.request.planned(self._row)])
        if outcomes and outcomes[-1].status == ReadStatus.READ:  # a doubt that was settled at the end comes twice
            return as_result(outcomes[-1], self.request.secrets())
        if tools.stop.reason is not None:
            raise tools.stop.reason
        raise as_error(outcomes[0], self.request.in_doubt, lease_s=self.settings.lease_s)

    @property
    def _row(self) -> int:
        """A mapped task's index, so that two tasks of one run that read the same image count their own calls."""
        return max(self.owner.map_index, 0) + 1

    def _tools(self, client: OCRClient, pool: ThreadPoolExecutor) -> ReadContext:
        self._loop, self._stop = asyncio.get_running_loop(), StopSignal()
        if self._stopped:
            self._stop.set(_drained())
        roots, opener = self.request.source()
        return Toolbox(
            settings=self.settings,
            owner=self.owner,
            ledger=self.ledger,
            clock=self.clock,
            progress=Progress(total=1),
            stop=self._stop,
            roots=roots,
            opener=opener,
            shrink=self.request.shrink,
            options=ReadOptions(in_doubt=self.request.in_doubt, as_base64=self.request.as_base64),
            soft_timeout_s=self.soft_timeout_s,
            late_answers=None if self.inbox is None else Answers(self.inbox),
            signed_urls=self.request.signed_urls(self._row),
        ).tools(client, pool)


def _drained() -> OCRDrained:
    return OCRDrained("The task was told to stop; a call in flight was finished and saved first.")
