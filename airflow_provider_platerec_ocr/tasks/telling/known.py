"""What a plan and an export write down beside the ledger, so that the page and the commands find the dataset.

Whatever goes wrong here is logged, and nothing more: no run fails for not being found.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.engine.kept.known_datasets import KnownDataset, note_dataset
from airflow_provider_platerec_ocr.runtime import task
from airflow_provider_platerec_ocr.runtime.places import open_ledger_place, open_place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_platerec_ocr.dataset.plan.model import RunRef

_log = logging.getLogger(__name__)


def note(  # noqa: PLR0913  # what the operator was told, by name
    dataset: str,
    run: RunRef,
    *,
    ledger: str | None,
    conn_id: str,
    workspace: str | None = None,
    dead_letters: str | None = None,
    reports: str | None = None,
    type: str | None = None,  # noqa: A002  # the API's own word
    base_url: str = "",
    reserve: int | None = None,
    roots: Sequence[str] = (),
) -> None:
    """Write down a dataset, if that is new.

    :param roots: folders that the manifest may name images in; an export does not know, and what is there stays.
    :param reports: where an export writes them; a plan does not know, and what is there stays.
    """
    try:
        place = open_ledger_place(ledger)
        known = KnownDataset(
            dataset=_said(dataset),
            dead_letters=_said(dead_letters or task.beside(dataset, "dead_letters")),
            workspace=_said(task.workspace_of(workspace, dataset)),
            reports=_said(reports) if reports else "",
            corrections=_said(task.beside(dataset, "corrections")),
            dag_id=run.dag_id,
            group=run.group,
            conn_id=conn_id,
            type=type or "",
            base_url=base_url,
            reserve=reserve,
            roots="\n".join(_said(root) for root in roots if not root.startswith("http")),
            at=task.now(),
            ledger=_said(ledger) if ledger else place.uri,
        )
        note_dataset(place, known)
    except Exception as error:  # noqa: BLE001  # each store has its own kinds, and nothing hangs on this
        _log.warning("The page will not find this dataset by itself: %s", error)


def _said(uri: str) -> str:
    """Return a place as other processes open it: with its connection, and no path that depends on who reads it."""
    place = open_place(uri)
    return place.uri if place.is_local else str(uri).strip()
