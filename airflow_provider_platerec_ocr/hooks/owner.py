"""Who pays: the running task, as the ledger's claims name it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.models import Owner

if TYPE_CHECKING:
    from airflow.sdk import Context


def owner_of(context: Context) -> Owner:
    """Return the task of ``context``."""
    ti = context["ti"]
    return Owner(
        dag_id=ti.dag_id,
        run_id=ti.run_id,
        task_id=ti.task_id,
        map_index=-1 if ti.map_index is None else ti.map_index,
        try_number=ti.try_number,
    )


def current_owner() -> Owner:
    """Return the task that is running now, outside a task an owner that nobody else is."""
    from airflow.sdk import get_current_context  # noqa: PLC0415  # not at parse time

    try:
        return owner_of(get_current_context())
    except RuntimeError:
        return Owner(run_id=f"outside-airflow-{uuid.uuid4()}")
