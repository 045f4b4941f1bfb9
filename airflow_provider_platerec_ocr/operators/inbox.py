"""Answers to calls that others made become rows of the dataset: a sweep through the inbox of webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.assets import place_of, with_assets
from airflow_provider_platerec_ocr.compat import OCROperator, decides_retries
from airflow_provider_platerec_ocr.core.saying.places import as_text
from airflow_provider_platerec_ocr.retry_policy import OCRRetryPolicy

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from airflow.sdk import Context


class OCRInboxOperator(OCROperator):
    """Publishes what the inbox of webhooks has received since the last sweep; makes no call.

    Answers to calls that others made (phones, cameras, other scripts on the account) become rows of the dataset, once
    each, with ``calls_billed`` 0. ``image`` is the ``file_url`` without its signature, ``image_version`` the payload's
    id. An answer that is no read becomes a dead letter. Answers to uploads of our own are left aside: their rows come
    from the run that made them; where the ledger lacks such an answer, it gets it here.

    One task takes everything that was in the inbox when it began, whatever started it. It may be killed at any moment,
    retried, cleared, and run twice at once.

    :param dataset: (templated) folder of the published table. An ``Asset`` with a URI is an outlet as well.
    :param type: (templated) what the others' calls read, since a webhook does not say. Default: ``vin``.
    :param type_by_camera: (templated) other types by ``camera_id``: an object, or text that spells one. Default: none.
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
        dataset: str | os.PathLike[str],
        type: str = "vin",  # noqa: A002  # the API's name
        type_by_camera: dict[str, str] | str | None = None,
        inbox: str | os.PathLike[str] | None = None,
        dead_letters: str | os.PathLike[str] | None = None,
        sweeps: str | os.PathLike[str] | None = None,
        ledger: str | os.PathLike[str] | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs["outlets"] = with_assets(kwargs.get("outlets"), dataset)
        super().__init__(**({"retry_policy": OCRRetryPolicy()} | kwargs))
        self.dataset = place_of(dataset)
        self.type = type
        self.type_by_camera = type_by_camera
        self.inbox = as_text(inbox)
        self.dead_letters = as_text(dead_letters)
        self.sweeps = as_text(sweeps)
        self.ledger = as_text(ledger)

    @decides_retries
    def execute(self, context: Context) -> dict[str, Any]:
        """Sweep until nothing is left of what was there at the beginning, tell the assets, and return the counts."""
        from airflow_provider_platerec_ocr.tasks import sweep

        return sweep.run(self, context)
