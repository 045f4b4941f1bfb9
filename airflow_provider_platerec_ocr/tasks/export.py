"""Publishing a run, as a task does it: the grant released, rows published, the report written, the assets told."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NoReturn

from airflow_provider_platerec_ocr.compat import AirflowFailException, AirflowNotFoundException, AirflowSkipException
from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import (
    OCRDatasetError,
    OCRError,
    OCRIncomplete,
    OCRInDoubt,
    OCRManifestError,
    OCRRunError,
)
from airflow_provider_platerec_ocr.core.events import RunStep
from airflow_provider_platerec_ocr.core.models import Reason
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.dataset.figures.collector import Collector
from airflow_provider_platerec_ocr.dataset.layout.schema import dead_letters_schema, reads_schema
from airflow_provider_platerec_ocr.dataset.plan.approval import load_approval
from airflow_provider_platerec_ocr.dataset.plan.plan import load_plan
from airflow_provider_platerec_ocr.dataset.plan.workspaces import newest_planning
from airflow_provider_platerec_ocr.dataset.report.account import close_span
from airflow_provider_platerec_ocr.dataset.report.live import forget_live
from airflow_provider_platerec_ocr.dataset.report.report import describe, write_report
from airflow_provider_platerec_ocr.dataset.report.spend import Spend
from airflow_provider_platerec_ocr.dataset.report.tries import read_tries, sum_tries
from airflow_provider_platerec_ocr.dataset.table.cleanup import remove_old_workspaces
from airflow_provider_platerec_ocr.dataset.table.publish import publish
from airflow_provider_platerec_ocr.hooks.ocr import PlateRecOCRHook
from airflow_provider_platerec_ocr.listeners.wiring import tell as tell_listeners
from airflow_provider_platerec_ocr.runtime import arguments, task
from airflow_provider_platerec_ocr.runtime.budget import release_budget
from airflow_provider_platerec_ocr.runtime.places import open_place
from airflow_provider_platerec_ocr.tasks import batches
from airflow_provider_platerec_ocr.tasks.declined import Declined, decline, declined_counts
from airflow_provider_platerec_ocr.tasks.telling import known
from airflow_provider_platerec_ocr.tasks.telling.counts import counts_of, is_news, summed
from airflow_provider_platerec_ocr.tasks.telling.lineage import DataSet, begin
from airflow_provider_platerec_ocr.tasks.telling.report_page import facts_of, write_page
from airflow_provider_platerec_ocr.tasks.telling.told_assets import tell_assets
from airflow_provider_platerec_ocr.tasks.which_ledger import tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_provider_platerec_ocr.core.money import Price
    from airflow_provider_platerec_ocr.core.settings import ClientSettings
    from airflow_provider_platerec_ocr.dataset.plan.model import Plan, RunRef
    from airflow_provider_platerec_ocr.dataset.report.tries import TrySums
    from airflow_provider_platerec_ocr.dataset.table.export_model import ExportResult
    from airflow_provider_platerec_ocr.storage.path import StoragePath
    from airflow_provider_platerec_ocr.tasks.batches import Above, Batch
    from airflow_provider_platerec_ocr.tasks.telling.lineage import Lineage

NAMED_SHARDS = 3
"""Shards whose ends an error names; the log has the others."""
log = logging.getLogger(__name__)


def run(operator: Any, context: Context) -> dict[str, Any]:
    """Publish as the operator was told, and return the counts."""
    operator.reported = []
    try:
        counts = task.given(ExportTask, operator, lineage=begin(operator), reported=operator.reported).run(context)
    except OCRRunError as error:
        tell_listeners(RunStep.PUBLISHED, task.owner_of(context), dict(error.counts), error=error)
        raise
    if not counts.get("plan_only"):
        tell_listeners(RunStep.PUBLISHED, task.owner_of(context), counts)
    if not is_news(counts):
        operator.outlets = []  # of this task's copy: Airflow sends an event for each outlet of a task that succeeds
        log.info("Nothing was published, so no asset event is sent.")
    return counts


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
    partition_date: str | None
    outlets: Sequence[Any]
    lineage: Lineage
    reported: list[str]
    """Gets the name of each report that is written, for the task's links."""

    def run(self, context: Context) -> dict[str, Any]:
        """Publish, report, tell the assets, and return the counts.

        :raises AirflowSkipException: there is nothing to publish, and nothing to be red for that is not red already.
        """
        found = batches.above(context)
        for batch in found.batches:
            self._release(context, batch)
        dry = task.truth(self.plan_only, "plan_only")
        there = [batch for batch in found.batches if not (batch.failed or batch.skipped or batch.dry or dry)]
        ended = [self._publish(context, batch, found) for batch in there]
        published = [each for each in ended if isinstance(each, PublishedPlan)]
        declined = [each for each in ended if isinstance(each, Declined)]
        failed = sorted({batch.task_id for batch in found.batches if batch.failed})
        unsaid = bool(failed) and not batches.is_red_anyway(context)
        if not published:
            if unsaid:
                message = f"{', '.join(failed)} failed, so there is nothing to publish: see its log."
                raise AirflowFailException(message)
            if declined and not failed:
                return declined_counts(declined)
            if not failed and any(dry or batch.dry for batch in found.batches if not batch.skipped):
                log.info("Plan only: nothing was read, nothing is published. The plan task says what it would cost.")
                return {"plan_only": True}
            _skip("What stands before it failed" if failed else "The plan was skipped")
        counts = summed([each.counts for each in published])
        if declined:
            counts["not_approved"] = len(declined)
        if is_news(counts):
            self._tell_assets(context, published[0].run, counts)
        self._tell_lineage(published, counts)
        if unsaid:
            message = f"{', '.join(failed)} failed: see its log. What the run's other plans read is published."
            raise AirflowFailException(message)
        for each in published if not failed else ():
            each.check(counts)
        self._tidy(published)
        return counts

    def _publish(self, context: Context, batch: Batch, found: Above) -> PublishedPlan | Declined:
        """Publish one plan of the run, and report on it; one that a person did not approve has nothing to publish."""
        root = open_place(task.workspace_of(self.workspace, self.dataset))
        asked = arguments.day(self.partition_date, "partition_date")
        run = task.run_ref(context, batch.name, asked)
        run = replace(run, planning=newest_planning(root, run) or 1)
        workspace = root / run.workspace
        plan = load_plan(workspace)
        if plan is None:
            message = f"There is no plan at {workspace}: the plan task has to succeed first. Clear it and run again."
            raise OCRDatasetError(message)
        run = replace(run, date=asked or plan.partition_date or run.date)
        tries = sum_tries(read_tries(workspace))
        approval = load_approval(workspace)
        if plan.planned and not tries.tries:
            if approval is not None and approval.approved is False:
                return decline(workspace, plan, approval, price=self._price())
            _end_unread(found, context)
        collector = Collector()
        result = publish(
            plan,
            workspace=workspace,
            dataset=open_place(self.dataset),
            dead_letters=open_place(self.dead_letters or task.beside(self.dataset, "dead_letters")),
            run=run,
            figures=collector,
        )
        spend, price, figures = self._spend(workspace, result, tries), self._price(), collector.figures()
        facts = {"ledger": self._ledger(run), "approval": approval.to_json() if approval else None}
        facts |= facts_of(plan, result, figures, self._rate_per_s())
        for line in describe(plan, result, spend, price):
            log.info(line)
        reports = open_place(self.reports or task.beside(self.dataset, "reports"))
        report = write_report(reports, run, plan, result, spend=spend, price=price, extra=facts)
        self.reported.append(run.workspace)
        page = write_page(report, plan, workspace, figures, dataset=open_place(self.dataset))
        log.info("The report is at %s.", page or report)
        counts = counts_of(plan, result, spend, price) | {
            "report": report.uri,
            "report_page": page.uri if page else None,
        }
        self._note(run)
        return PublishedPlan(run, plan, result, tries, counts)

    def _note(self, run: RunRef) -> None:
        """Have the page and the commands find this dataset and its reports."""
        known.note(
            self.dataset,
            run,
            ledger=self.ledger,
            conn_id=self.conn_id,
            workspace=self.workspace,
            dead_letters=self.dead_letters,
            reports=self.reports or task.beside(self.dataset, "reports"),
        )

    def _release(self, context: Context, batch: Batch) -> None:
        """Release the run's reservations first: its reads are over whatever comes next, and others wait for them."""
        try:
            release_budget(PlateRecOCRHook(self.conn_id), self.ledger, task.owner_of(context, batch.name))
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

    def _price(self) -> Price | None:
        """Return what calls cost; a connection that cannot be used hides no published table."""
        settings = self._settings()
        return settings.price if settings else None

    def _rate_per_s(self) -> float | None:
        """Return the account's rate where the connection says it."""
        settings = self._settings()
        return settings.rate_per_s if settings else None

    def _settings(self) -> ClientSettings | None:
        try:
            return PlateRecOCRHook(self.conn_id).settings()
        except (OCRError, AirflowNotFoundException):
            return None  # the account could not be asked for the same reason, and the log has it

    def _ledger(self, run: RunRef) -> dict[str, Any] | None:
        """Return which ledger it is, for the report; one that is out of reach must not hide a published table."""
        try:
            return tell(self.dataset, self.ledger, run.workspace).to_json()
        except Exception as error:  # noqa: BLE001  # each store has its own kinds, and the table is published
            log.warning("The ledger cannot be looked at: %s", error)
            return None

    def _tell_assets(self, context: Context, run: RunRef, counts: dict[str, Any]) -> None:
        """Put counts and partition on the event of each outlet, so that a downstream DAG knows what is new."""
        where = {"dataset": self.dataset, "date": run.date, "partition": f"date={run.date}"}
        where |= {"dag_id": run.dag_id, "run_id": run.run_id}
        key = run.date if task.truth(self.partition_events, "partition_events") else None
        tell_assets(context, self.outlets or (), self.dataset, counts | where, key=key)

    def _tell_lineage(self, published: Sequence[PublishedPlan], counts: dict[str, Any]) -> None:
        """Keep what OpenLineage asks for when the task has ended."""
        dead_letters = self.dead_letters or task.beside(self.dataset, "dead_letters")
        results = [each.result for each in published]
        letters = sum(sum(result.dead_letters.values()) for result in results)
        rows, files = sum(result.rows for result in results), sum(len(result.files) for result in results)
        self.lineage.inputs.extend(DataSet(each.plan.manifest, each.plan.rows) for each in published)
        self.lineage.outputs += [
            DataSet(self.dataset, rows, files, reads_schema()),
            DataSet(dead_letters, letters, schema=dead_letters_schema()),
        ]
        self.lineage.counts = counts

    def _tidy(self, published: Sequence[PublishedPlan]) -> None:
        root, now_s = open_place(task.workspace_of(self.workspace, self.dataset)), SystemClock().now().timestamp()
        for each in published:
            forget_live(root, each.run.workspace, now_s)
        days = task.whole_number(self.keep_workspaces_days, "keep_workspaces_days", empty=30)
        for gone in remove_old_workspaces(root, days or 0, SystemClock().now()):
            log.info("Removed the workspace of an old run: %s.", gone)


@dataclass(frozen=True, slots=True)
class PublishedPlan:
    """One plan of a run, published."""

    run: RunRef
    plan: Plan
    result: ExportResult
    tries: TrySums
    counts: dict[str, Any]

    def check(self, counts: dict[str, Any]) -> None:
        """Fail where the run is not whole, or is to fail for its doubts, with the counts of all its plans."""
        if not self.result.accounted_for:
            raise _incomplete(self.plan, self.result, self.tries, counts)
        if must_fail := [error for error in self.tries.errors.values() if error.startswith(OCRInDoubt.__name__)]:
            raise _in_doubt(must_fail, counts)
        if nothing := _nothing_there(self.plan, self.result):
            raise nothing


_NOT_THERE = (Reason.IMAGE_MISSING, Reason.IMAGE_UNREADABLE, Reason.IMAGE_OUTSIDE_ROOTS)
"""Reasons that are the place's and not the image's: a share that is not mounted, paths of another machine."""


def _nothing_there(plan: Plan, result: ExportResult) -> OCRManifestError | None:
    """Return the error of a run that could open none of its manifest's images, of which none was ever read either.

    One bad image ends no batch, and where something of the manifest is done, lost files must not make every night red.
    """
    lost = {reason.value: result.dead_letters.get(reason, 0) for reason in _NOT_THERE}
    if plan.done or plan.planned <= 1 or sum(lost.values()) < plan.planned:
        return None
    reasons = ", ".join(f"{number:,} {reason}" for reason, number in lost.items() if number)
    message = (
        f"Of {count_of(plan.planned, 'image')} that the manifest names, none could be opened ({reasons}): nothing was "
        "read. Is their share mounted, are the paths those of this machine, do allowed_roots hold them? The "
        "dead letters name each. Then clear the plan task and what comes after it."
    )
    return OCRManifestError(message)


def _skip(why: str) -> NoReturn:
    message = f"{why}: there is nothing to publish, and no asset event is sent."
    log.info(message)
    raise AirflowSkipException(message)


def _end_unread(found: Above, context: Context) -> None:
    """End a run of which nothing was read, where that is no fault of the read tasks: something stopped it before."""
    if found.never_read(batches.SKIPPED):
        _skip("The read tasks were skipped")
    if found.never_read(batches.SKIPPED, batches.UPSTREAM_FAILED) and batches.is_red_anyway(context):
        _skip("The read tasks never began, since what stands before them failed")


def _in_doubt(errors: list[str], counts: dict[str, Any]) -> OCRInDoubt:
    """Return the error of a run whose policy wants somebody to look: a failed read task alone leaves a run green."""
    message = (
        f"{count_of(counts['in_doubt'], 'image')} in doubt: {count_of(len(errors), 'read task')} failed for it. "
        "What was read is published. Settle the doubts, then clear the failed read tasks together with this one."
    )
    return OCRInDoubt(message, retry=False, counts=counts)


def _incomplete(plan: Plan, result: ExportResult, tries: TrySums, counts: dict[str, Any]) -> OCRIncomplete:
    """Return the error of a run in which planned images have no outcome, with what became of their shards."""
    names = ", ".join(result.missing_images) + (", …" if result.missing > len(result.missing_images) else "")
    ends = [f"Shard {shard + 1} of {len(plan.shards)} ended with {error}" for shard, error in tries.errors.items()]
    more = [f"… and {count_of(len(ends) - NAMED_SHARDS, 'more shard')}."] if len(ends) > NAMED_SHARDS else []
    message = " ".join(
        [
            f"{count_of(result.missing, 'planned image')} without an outcome ({names}). What was read is published.",
            *ends[:NAMED_SHARDS],
            *more,
            "Clear the failed read tasks together with this one: nothing is paid twice.",
        ]
    )
    return OCRIncomplete(message, retry=False, counts=counts)
