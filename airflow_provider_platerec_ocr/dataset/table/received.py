"""Publishing outcomes that no plan has asked for: answers to other people's calls, through the same code as a run's."""

from __future__ import annotations

import logging
import tempfile
from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.models import ReadStatus, Reason
from airflow_provider_platerec_ocr.dataset.plan.model import Plan, ShardRef
from airflow_provider_platerec_ocr.dataset.table.journal import OutcomeWriter
from airflow_provider_platerec_ocr.dataset.table.outcome_table import to_table
from airflow_provider_platerec_ocr.dataset.table.publish import publish
from airflow_provider_platerec_ocr.dataset.table.rows import reads_table
from airflow_provider_platerec_ocr.storage.path import local_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_platerec_ocr.core.models import Outcome
    from airflow_provider_platerec_ocr.dataset.plan.model import RunRef
    from airflow_provider_platerec_ocr.dataset.table.export_model import ExportResult
    from airflow_provider_platerec_ocr.storage.path import StoragePath


log = logging.getLogger(__name__)


def publishable(outcomes: Sequence[Outcome], run: RunRef) -> tuple[Outcome, ...]:
    """Return the outcomes with those that no row can be made of as dead letters: one must not hold up all others.

    Whoever can reach the receiver decides what stands in an answer.
    """
    if _fits(outcomes, run):
        return tuple(outcomes)
    return tuple(outcome if _fits([outcome], run) else _refused(outcome) for outcome in outcomes)


def _fits(outcomes: Sequence[Outcome], run: RunRef) -> bool:
    reads = [outcome for outcome in outcomes if outcome.status == ReadStatus.READ]
    try:
        reads_table(to_table(reads), run).column("timestamp").to_pylist()  # Python's years are fewer than Arrow's
    except Exception as error:  # noqa: BLE001  # Arrow's, Python's: each kind of bad value has its own
        log.warning("An answer fits into no row: %s", type(error).__name__)
        return False
    return True


def _refused(outcome: Outcome) -> Outcome:
    message = "The answer holds values that fit into no row; it is kept in the inbox of webhooks."
    return replace(
        outcome, status=ReadStatus.REJECTED, answer=None, read_at=None, reason=Reason.API_REJECTED, message=message
    )


def publish_outcomes(
    outcomes: Sequence[Outcome], *, dataset: StoragePath, dead_letters: StoragePath, run: RunRef, at: str
) -> ExportResult:
    """Publish outcomes as the files of ``run``; the same outcomes give the same bytes again.

    :param outcomes: each with a row of its own.
    :param at: when they were taken; UTC.
    :raises OCRDatasetError: the dataset has a newer schema version. :raises OSError: a store refuses the files.
    """
    plan = Plan(
        manifest="",
        rows=len(outcomes),
        planned=len(outcomes),
        shards=(ShardRef(path="", index=0, images=len(outcomes)),),
        created_at=at,
    )
    with tempfile.TemporaryDirectory(prefix="platerec-inbox-") as folder:
        workspace = local_path(folder)
        with OutcomeWriter(workspace, shard=0, try_number=1) as writer:
            for outcome in outcomes:
                writer.append(outcome)
        return publish(plan, workspace=workspace, dataset=dataset, dead_letters=dead_letters, run=run)
