"""Sweeping the inbox of webhooks into the dataset, as a task does it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.fingerprint import check_type
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.core.settings import ClientSettings
from airflow_provider_platerec_ocr.runtime import task
from airflow_provider_platerec_ocr.runtime.arguments import mapping
from airflow_provider_platerec_ocr.runtime.inbox_access import default_inbox, open_inbox
from airflow_provider_platerec_ocr.runtime.inbox_sweep import Sweeper
from airflow_provider_platerec_ocr.runtime.places import open_ledger_place, open_place
from airflow_provider_platerec_ocr.runtime.received_call import OurCalls
from airflow_provider_platerec_ocr.runtime.sweep_log import SweepLog
from airflow_provider_platerec_ocr.tasks.telling.told_assets import tell_assets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.sdk import Context

    from airflow_provider_platerec_ocr.dataset.plan.model import RunRef

log = logging.getLogger(__name__)


def run(operator: Any, context: Context) -> dict[str, Any]:
    """Sweep as the operator was told, and return the counts."""
    counts = task.given(SweepTask, operator).run(context)
    if not (counts["rows"] or counts["dead_letters"]):
        operator.outlets = []  # of this task's copy: Airflow sends an event for each outlet of a task that succeeds
        log.info("Nothing was published, so no asset event is sent.")
    return counts


@dataclass(frozen=True, slots=True)
class SweepTask:
    """One sweep; the fields are the operator's arguments, rendered."""

    dataset: str
    type: str
    type_by_camera: dict[str, str] | str | None
    inbox: str | None
    dead_letters: str | None
    sweeps: str | None
    ledger: str | None
    outlets: Sequence[Any]

    def run(self, context: Context) -> dict[str, Any]:
        """Sweep until nothing is left of what was there at the beginning, tell the assets, and return the counts."""
        run = task.run_ref(context)
        sweeper = self._sweeper(run)
        sweeper.sweep()
        counts = sweeper.counts()
        log.info("%s", describe(counts))
        where: dict[str, Any] = {"dataset": self.dataset, "date": run.date, "partition": f"date={run.date}"}
        whose = {"run_id": run.run_id, "run_ids": sorted(sweeper.run_ids)}
        tell_assets(context, self.outlets or (), self.dataset, counts | where | whose)
        return counts

    def _sweeper(self, run: RunRef) -> Sweeper:
        clock = SystemClock()
        inbox = open_inbox(self.inbox, clock=clock)
        if inbox is None:
            message = (
                f"There is no inbox of webhooks: nothing was ever received at {default_inbox()}. Set [platerec_ocr] "
                "inbox (AIRFLOW__PLATEREC_OCR__INBOX) to the folder that the receiver writes to."
            )
            raise OCRConfigError(message)
        return Sweeper(
            inbox=inbox,
            log=SweepLog(open_place(self.sweeps or task.beside(self.dataset, "inbox"))),
            ours=OurCalls(open_ledger_place(self.ledger), lease_s=ClientSettings().lease_s, clock=clock),
            dataset=open_place(self.dataset),
            dead_letters=open_place(self.dead_letters or task.beside(self.dataset, "dead_letters")),
            run=run,
            types={None: check_type(self.type)}
            | {camera: check_type(type_) for camera, type_ in mapping(self.type_by_camera, "type_by_camera").items()},
            clock=clock,
        )


def describe(counts: Mapping[str, Any]) -> str:
    """Return what a sweep did, as one sentence for the log."""
    said = {name: count_of(counts[f"{name}s"], name) for name in ("payload", "read", "row")}
    return (
        f"{said['payload']}: {said['read']} of others' calls in {said['row']}, "
        f"{count_of(counts['dead_letters'], 'dead letter')}, {count_of(counts['ours'], 'call')} of our own "
        f"({counts['settled']:,} of them settled a call in doubt), {counts['known']:,} known before."
    )
