"""Publishing a run, as a task does it: the grant released, rows published, the report written, the assets told."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.compat import AirflowNotFoundException
from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRDatasetError, OCRError, OCRIncomplete, OCRInDoubt
from airflow_provider_platerec_ocr.dataset.layout.schema import dead_letters_schema, reads_schema
from airflow_provider_platerec_ocr.dataset.plan.plan import load_plan
from airflow_provider_platerec_ocr.dataset.report.account import close_span
from airflow_provider_platerec_ocr.dataset.report.report import describe, write_report
from airflow_provider_platerec_ocr.dataset.report.spend import Spend
from airflow_provider_platerec_ocr.dataset.report.tries import read_tries, sum_tries
from airflow_provider_platerec_ocr.dataset.table.cleanup import remove_old_workspaces
from airflow_provider_platerec_ocr.dataset.table.publish import publish
from airflow_provider_platerec_ocr.hooks.ocr import PlateRecOCRHook
from airflow_provider_platerec_ocr.runtime import task
from airflow_provider_platerec_ocr.runtime.budget import release_budget
from airflow_provider_platerec_ocr.runtime.places import open_place
from airflow_provider_platerec_ocr.tasks.lineage import DataSet, begin
from airflow_provider_platerec_ocr.tasks.told_assets import tell_assets
from airflow_provider_platerec_ocr.tasks.which_ledger import tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_provider_platerec_ocr.dataset.plan.model import Plan, RunRef
    from airflow_provider_platerec_ocr.dataset.report.tries import TrySums
    from airflow_provider_platerec_ocr.dataset.table.export_model import ExportResult
    from airflow_provider_platerec_ocr.storage.path import StoragePath
    from airflow_provider_platerec_ocr.tasks.lineage import Lineage

NAMED_SHARDS = 3
"""Shards whose ends an error names; the log has the others."""
log = logging.getLogger(__name__)


def run(operator: Any, context: Context) -> dict[str, Any]:
    """Publish as the operator was told, and return the counts."""
    return task.given(ExportTask, operator, lineage=begin(operator)).run(context)


@dataclass(frozen=True, slots=True)
class ExportTask:
    """One export; the fields are the operator's arguments, rendered."""

    dataset: str
    workspace: str | None
    dead_letters: str | None
    reports: str | None
    ledger: str | None
    conn_id: str
    plan_only: bool | str
    keep_workspaces_days: int | str
    partition_events: bool | str
    outlets: Sequence[Any]
    lineage: Lineage

    def run(self, context: Context) -> dict[str, Any]:
        """Publish, report, tell the assets, and return the counts."""
        if task.truth(self.plan_only, "plan_only"):
            log.info("Plan only: nothing was read, nothing is published. The plan task says what it would cost.")
            return {"plan_only": True}
        run = task.run_ref(context)
        workspace = open_place(task.workspace_of(self.workspace, self.dataset)) / run.slug
        self._release(context)
        plan = load_plan(workspace)
        if plan is None:
            message = f"There is no plan at {workspace}: the plan task has to succeed first. Clear it and run again."
            raise OCRDatasetError(message)
        result = publish(
            plan,
            workspace=workspace,
            dataset=open_place(self.dataset),
            dead_letters=open_place(self.dead_letters or task.beside(self.dataset, "dead_letters")),
            run=run,
        )
        tries = sum_tries(read_tries(workspace))
        spend = self._spend(workspace, result, tries)
        counts = _counts(plan, result, spend) | {"report": self._report(run, plan, result, spend)}
        self._tell_assets(context, run, counts)
        self._tell_lineage(plan, result, counts)
        if not result.accounted_for:
            raise _incomplete(plan, result, tries, counts)
        if must_fail := [error for error in tries.errors.values() if error.startswith(OCRInDoubt.__name__)]:
            raise _in_doubt(must_fail, counts)
        self._tidy(workspace.parent)
        return counts

    def _release(self, context: Context) -> None:
        """Release the run's reservations first: its reads are over whatever comes next, and others wait for them."""
        try:
            release_budget(PlateRecOCRHook(self.conn_id), self.ledger, task.owner_of(context))
        except (OCRError, AirflowNotFoundException) as error:
            log.warning("The run's reservation of calls stays until this task succeeds: %s", error)

    def _spend(self, workspace: StoragePath, result: ExportResult, tries: TrySums) -> Spend:
        """Ask what is left and put the spending together; a silent API must not hide a published table."""
        statistics, span = None, None
        try:
            statistics = PlateRecOCRHook(self.conn_id).statistics()
        except (OCRError, AirflowNotFoundException) as error:
            log.warning("The account could not be asked what is left: %s", error)
        else:
            span = close_span(workspace, statistics, task.now(), result.calls_billed)
        return Spend.of(result, tries, statistics, span, SystemClock().now())

    def _report(self, run: RunRef, plan: Plan, result: ExportResult, spend: Spend) -> str:
        for line in describe(plan, result, spend):
            log.info(line)
        reports = open_place(self.reports or task.beside(self.dataset, "reports"))
        place = write_report(reports, run, plan, result, spend=spend, extra={"ledger": self._ledger(run)})
        log.info("The report is at %s.", place)
        return place.uri

    def _ledger(self, run: RunRef) -> dict[str, Any] | None:
        """Return which ledger it is, for the report; one that is out of reach must not hide a published table."""
        try:
            return tell(self.dataset, self.ledger, run.slug).to_json()
        except Exception as error:  # noqa: BLE001  # each store has its own kinds, and the table is published
            log.warning("The ledger cannot be looked at: %s", error)
            return None

    def _tell_assets(self, context: Context, run: RunRef, counts: dict[str, Any]) -> None:
        """Put counts and partition on the event of each outlet, so that a downstream DAG knows what is new."""
        where = {"dataset": self.dataset, "date": run.date, "partition": f"date={run.date}", "run_id": run.run_id}
        key = run.date if task.truth(self.partition_events, "partition_events") else None
        tell_assets(context, self.outlets or (), self.dataset, counts | where, key=key)

    def _tell_lineage(self, plan: Plan, result: ExportResult, counts: dict[str, Any]) -> None:
        """Keep what OpenLineage asks for when the task has ended."""
        dead_letters = self.dead_letters or task.beside(self.dataset, "dead_letters")
        self.lineage.inputs.append(DataSet(plan.manifest, plan.rows))
        self.lineage.outputs += [
            DataSet(self.dataset, result.rows, len(result.files), reads_schema()),
            DataSet(dead_letters, sum(result.dead_letters.values()), schema=dead_letters_schema()),
        ]
        self.lineage.counts = counts

    def _tidy(self, root: StoragePath) -> None:
        days = task.whole_number(self.keep_workspaces_days, "keep_workspaces_days", empty=30)
        for gone in remove_old_workspaces(root, days or 0, SystemClock().now()):
            log.info("Removed the workspace of an old run: %s.", gone)


def _counts(plan: Plan, result: ExportResult, spend: Spend) -> dict[str, Any]:
    """Return counts alone: XCom and asset events carry no lists of files or images."""
    return {
        "planned": result.planned,
        "reads": result.reads,
        "rows": result.rows,
        "nothing_found": result.nothing_found,
        "calls_billed": result.calls_billed,
        "from_ledger": result.from_ledger,
        "dead_letters": sum(result.dead_letters.values()),
        "dead_letters_by_reason": result.dead_letters,
        "in_doubt": result.in_doubt,
        "held_elsewhere": result.held_elsewhere,
        "carried_over": result.carried_over,
        "missing": result.missing,
        "already_done": plan.done,
        "left_over": plan.left_over,
        "files": len(result.files),
        "spend": spend.to_json(),
    }


def _in_doubt(errors: list[str], counts: dict[str, Any]) -> OCRInDoubt:
    """Return the error of a run whose policy wants somebody to look: a failed read task alone leaves a run green."""
    message = (
        f"{counts['in_doubt']} images are in doubt, and {len(errors)} read tasks failed for it. What was read is "
        "published. Settle the doubts, then clear the failed read tasks together with this one."
    )
    return OCRInDoubt(message, retry=False, counts=counts)


def _incomplete(plan: Plan, result: ExportResult, tries: TrySums, counts: dict[str, Any]) -> OCRIncomplete:
    """Return the error of a run in which planned images have no outcome, with what became of their shards."""
    names = ", ".join(result.missing_images) + (", …" if result.missing > len(result.missing_images) else "")
    ends = [f"Shard {shard + 1} of {len(plan.shards)} ended with {error}" for shard, error in tries.errors.items()]
    more = [f"… and {len(ends) - NAMED_SHARDS} more shards."] if len(ends) > NAMED_SHARDS else []
    message = " ".join(
        [
            f"{result.missing} planned images have no outcome ({names}). What was read is published.",
            *ends[:NAMED_SHARDS],
            *more,
            "Clear the failed read tasks together with this one: nothing is paid twice.",
        ]
    )
    return OCRIncomplete(message, retry=False, counts=counts)
