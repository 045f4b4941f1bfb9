"""Reading one image outside a batch, for the hook and the operator: the call lives in a child process, as a shard's do.

A task that is killed has 5 s, one that runs into its ``execution_timeout`` none, and a notebook has an event loop of
its own; a call takes 20 to 30 s. So whoever reads one image waits for a process that none of these can end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self, cast

from airflow_provider_platerec_ocr.core.models import ReadStatus
from airflow_provider_platerec_ocr.engine.reading.context import ReadOptions
from airflow_provider_platerec_ocr.listeners.wiring import ears_for
from airflow_provider_platerec_ocr.runtime.handed_over import hand_over
from airflow_provider_platerec_ocr.runtime.inbox_access import inbox_place
from airflow_provider_platerec_ocr.runtime.places import open_ledger_place, spill_folder
from airflow_provider_platerec_ocr.runtime.read_result import as_error, as_result
from airflow_provider_platerec_ocr.worker.parent import ChildProcess
from airflow_provider_platerec_ocr.worker.single_job import SingleJob

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.models import Outcome, Owner
    from airflow_provider_platerec_ocr.core.settings import ClientSettings
    from airflow_provider_platerec_ocr.runtime.read_request import ReadRequest


@dataclass(slots=True)
class SingleRead:
    """One image to be read once, in a process of its own."""

    job: SingleJob
    """What the child process is given."""
    request: ReadRequest
    """What to read."""
    _stopped: bool = False
    _process: ChildProcess | None = None

    @classmethod
    def open(
        cls,
        settings: ClientSettings,
        request: ReadRequest,
        owner: Owner,
        *,
        ledger: str | None = None,
        soft_timeout_s: float | None = None,
    ) -> Self:
        """Resolve all that needs Airflow, such as the connections of places; nothing is started.

        :param ledger: its place; ``None`` takes the configured one.
        :param soft_timeout_s: seconds after which no call starts any more; ``None``: no limit.
        """
        row = max(owner.map_index, 0) + 1  # so that two tasks of one run that read the same image count their own calls
        image = request.planned(row)
        job = SingleJob(
            settings=settings,
            image=replace(image, uri=request.resolved_uri()),
            owner=owner,
            ledger=open_ledger_place(ledger),
            spill=spill_folder(),
            roots=tuple(request.roots()),
            content=request.content,
            inbox=inbox_place(),
            options=ReadOptions(in_doubt=request.in_doubt, as_base64=request.as_base64),
            shrink=request.shrink,
            soft_timeout_s=soft_timeout_s,
            signed_urls=request.signed_urls(row),
        )
        return cls(job, request)

    def stop(self) -> None:
        """End early, from any thread or a signal's handler: a call in flight is finished and saved, none begins."""
        self._stopped = True
        if self._process is not None:
            self._process.stop()

    def run(self) -> dict[str, Any]:
        """Return the read as plain data, see :func:`~.read_result.as_result`. Blocks, also where an event loop runs.

        Whatever interrupts the waiting (Ctrl-C, a task's timeout) is raised at once; the child finishes and saves the
        call in flight, and the next read of the image takes the answer from the ledger.

        :raises OCRRejected: the API will never read this content. :raises OCRImageError: the image cannot be sent.
        :raises OCRInDoubt: a call may have been billed without an answer. :raises OCRStop: nothing further makes sense.
        :raises OCRRunError: stopped early, or another task is reading it. :raises OCRUnavailable: the API is down.
        :raises OCRLedgerError: the ledger cannot be used; nothing was sent without it.
        """
        self._process = ChildProcess(self.job, hand_over, ears_for())
        if self._stopped:
            self._process.stop()
        ended = self._process.wait()
        if ended.error is not None:
            raise ended.error
        outcome = cast("Outcome", ended.outcome)  # which a reading has that nothing stopped
        if outcome.status == ReadStatus.READ:
            return as_result(outcome, self.request.secrets())
        raise as_error(outcome, self.request.in_doubt, lease_s=self.job.settings.lease_s)
