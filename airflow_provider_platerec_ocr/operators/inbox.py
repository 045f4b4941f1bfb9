"""Answers to calls that others made become rows of the dataset: a sweep through the inbox of webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.fingerprint import check_type
from airflow_provider_platerec_ocr.retry_policy import OCRRetryPolicy
from airflow_provider_platerec_ocr.runtime import task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_provider_platerec_ocr.dataset.plan.model import RunRef
    from airflow_provider_platerec_ocr.runtime.inbox_sweep import Sweeper


class OCRInboxOperator(BaseOperator):
    """Publishes what the inbox of webhooks has received since the last sweep; makes no call.

    Answers to calls that others made (phones, cameras, other scripts on the account) become rows of the dataset, once
    each, with ``calls_billed`` 0. ``image`` is the ``file_url`` without its signature, ``image_version`` the payload's
    id. An answer that is no read becomes a dead letter. Answers to uploads of our own are left aside: their rows come
    from the run that made them; where the ledger lacks such an answer, it gets it here.

    One task takes everything that was in the inbox when it began, whatever started it. It may be killed at any moment,
    retried, cleared, and run twice at once.

    :param dataset: (templated) folder of the published table.
    :param type: (templated) what the others' calls read, since a webhook does not say. Default: ``vin``.
    :param type_by_camera: (templated) other types by ``camera_id``. Default: none.
    :param inbox: (templated) folder of the inbox. Default: the option ``[platerec_ocr] inbox``, else the folder
        ``platerec_ocr/inbox`` under ``AIRFLOW_HOME``.
    :param dead_letters: (templated) folder of the dead-letter table. Default: ``<dataset>_dead_letters``.
    :param sweeps: (templated) folder that says how far the inbox was read for this dataset. Default:
        ``<dataset>_inbox``.
    :param ledger: (templated) folder of the ledger of paid calls. Default: the option ``[platerec_ocr] ledger``.

    Returns counts; with ``outlets``, each asset's event carries them and the partition.

    :raises OCRConfigError: there is no inbox, or a type cannot be used.
    :raises OCRLedgerError: the ledger cannot be read, so nobody knows which payloads are ours; nothing is published.
    :raises OCRDatasetError: the dataset has another schema version, or the log of sweeps is damaged.
    """

    template_fields: Sequence[str] = (
        "dataset",
        "type",
        "type_by_camera",
        "inbox",
        "dead_letters",
        "sweeps",
        "ledger",
    )
    ui_color = "#f3e8fd"

    def __init__(
        self,
        *,
        dataset: str,
        type: str = "vin",  # noqa: A002  # the API's name
        type_by_camera: dict[str, str] | None = None,
        inbox: str | None = None,
        dead_letters: str | None = None,
        sweeps: str | None = None,
        ledger: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**({"retry_policy": OCRRetryPolicy()} | kwargs))
        self.dataset = dataset
        self.type = type
        self.type_by_camera = type_by_camera
        self.inbox = inbox
        self.dead_letters = dead_letters
        self.sweeps = sweeps
        self.ledger = ledger

    def execute(self, context: Context) -> dict[str, Any]:
        """Sweep until nothing is left of what was there at the beginning, tell the assets, and return the counts."""
        run = task.run_ref(context)
        sweeper = self._sweeper(run)
        sweeper.sweep()
        counts = sweeper.counts()
        self.log.info(
            "%(payloads)s payloads: %(reads)s reads of others' calls in %(rows)s rows, %(dead_letters)s dead letters, "
            "%(ours)s of our own calls (%(settled)s of them settled a call in doubt), %(known)s known before.",
            counts,
        )
        where: dict[str, Any] = {"dataset": self.dataset, "date": run.date, "partition": f"date={run.date}"}
        whose = {"run_id": run.run_id, "run_ids": sorted(sweeper.run_ids)}
        for outlet in self.outlets or ():
            context["outlet_events"][outlet].extra = counts | where | whose
        return counts

    def _sweeper(self, run: RunRef) -> Sweeper:
        from airflow_provider_platerec_ocr.core.settings import ClientSettings  # noqa: PLC0415  # not at parse time
        from airflow_provider_platerec_ocr.runtime.inbox_access import default_inbox, open_inbox  # noqa: PLC0415
        from airflow_provider_platerec_ocr.runtime.inbox_sweep import Sweeper  # noqa: PLC0415
        from airflow_provider_platerec_ocr.runtime.places import open_ledger_place, open_place  # noqa: PLC0415
        from airflow_provider_platerec_ocr.runtime.received_call import OurCalls  # noqa: PLC0415
        from airflow_provider_platerec_ocr.runtime.sweep_log import SweepLog  # noqa: PLC0415

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
            | {camera: check_type(type_) for camera, type_ in (self.type_by_camera or {}).items()},
            clock=clock,
        )
