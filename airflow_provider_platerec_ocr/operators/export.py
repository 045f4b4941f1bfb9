"""Publishing a run: outcomes become typed rows, dead letters and a report, whatever became of the read tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from airflow_provider_platerec_ocr.core.errors import OCRDatasetError, OCRError, OCRIncomplete, OCRInDoubt
from airflow_provider_platerec_ocr.retry_policy import OCRRetryPolicy
from airflow_provider_platerec_ocr.runtime import task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_provider_platerec_ocr.dataset.plan.plan import Plan, RunRef
    from airflow_provider_platerec_ocr.dataset.report.spend import Spend
    from airflow_provider_platerec_ocr.dataset.report.tries import TrySums
    from airflow_provider_platerec_ocr.dataset.table.publish import ExportResult
    from airflow_provider_platerec_ocr.storage.path import StoragePath

NAMED_SHARDS = 3
"""How many failed shards an error names."""


class OCRExportOperator(BaseOperator):
    """Publishes what a run has read, and fails where a planned image has no outcome.

    It runs when the shards are done, whatever became of them, so that what was paid for is in the table even if a
    shard failed. Since it is the run's last task, it also fails where a shard failed for its doubts. Running it again
    gives the same files.

    :param dataset: (templated) folder of the published table.
    :param workspace: (templated) folder for plans and outcomes. Default: ``<dataset>_workspace``.
    :param dead_letters: (templated) folder of the dead-letter table. Default: ``<dataset>_dead_letters``.
    :param reports: (templated) folder of the runs' reports. Default: ``<dataset>_reports``.
    :param ledger: (templated) folder of the ledger, where the run's reservation of calls is released.
    :param conn_id: (templated) the Airflow connection.
    :param plan_only: (templated) publish nothing, since the run was to plan only. Default: false.
    :param keep_workspaces_days: (templated) days after which workspaces of finished runs are removed. Default: 30.

    Returns the report's counts; with ``outlets``, each asset's event carries them and the partition.

    :raises OCRIncomplete: planned images have no outcome; the message says which shards.
    :raises OCRInDoubt: read tasks failed since images are in doubt and the policy is ``fail``.
    :raises OCRDatasetError: there is no plan, or the dataset has another schema version.
    """

    template_fields: Sequence[str] = (
        "dataset",
        "workspace",
        "dead_letters",
        "reports",
        "ledger",
        "conn_id",
        "plan_only",
        "keep_workspaces_days",
    )
    ui_color = "#fef7e0"

    def __init__(
        self,
        *,
        dataset: str,
        workspace: str | None = None,
        dead_letters: str | None = None,
        reports: str | None = None,
        ledger: str | None = None,
        conn_id: str = "platerec_ocr_default",
        plan_only: bool | str = False,
        keep_workspaces_days: int | str = 30,
        **kwargs: Any,
    ) -> None:
        presets: dict[str, Any] = {"retry_policy": OCRRetryPolicy(), "trigger_rule": "all_done"}
        super().__init__(**(presets | kwargs))
        self.dataset = dataset
        self.workspace = workspace
        self.dead_letters = dead_letters
        self.reports = reports
        self.ledger = ledger
        self.conn_id = conn_id
        self.plan_only = plan_only
        self.keep_workspaces_days = keep_workspaces_days

    def execute(self, context: Context) -> dict[str, Any]:
        """Publish, report, tell the assets, and return the counts."""
        if task.truth(self.plan_only, "plan_only"):
            self.log.info("Plan only: nothing was read, nothing is published. The plan task says what it would cost.")
            return {"plan_only": True}
        from airflow_provider_platerec_ocr.dataset.plan.plan import load_plan  # noqa: PLC0415  # not at parse time
        from airflow_provider_platerec_ocr.dataset.report.tries import read_tries, sum_tries  # noqa: PLC0415
        from airflow_provider_platerec_ocr.dataset.table.publish import publish  # noqa: PLC0415
        from airflow_provider_platerec_ocr.runtime.places import open_place  # noqa: PLC0415

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
        if not result.accounted_for:
            raise _incomplete(plan, result, tries, counts)
        if must_fail := [error for error in tries.errors.values() if error.startswith(OCRInDoubt.__name__)]:
            raise _in_doubt(must_fail, counts)
        self._tidy(workspace.parent)
        return counts

    def _release(self, context: Context) -> None:
        """Release the run's reservations first: its reads are over whatever comes next, and others wait for them."""
        from airflow.sdk.exceptions import AirflowNotFoundException  # noqa: PLC0415  # not at parse time

        from airflow_provider_platerec_ocr.hooks.ocr import PlateRecOCRHook  # noqa: PLC0415
        from airflow_provider_platerec_ocr.runtime.budget import release_budget  # noqa: PLC0415

        try:
            release_budget(PlateRecOCRHook(self.conn_id), self.ledger, task.owner_of(context))
        except (OCRError, AirflowNotFoundException) as error:
            self.log.warning("The run's reservation of calls stays until this task succeeds: %s", error)

    def _spend(self, workspace: StoragePath, result: ExportResult, tries: TrySums) -> Spend:
        """Ask what is left and put the spending together; a silent API must not hide a published table."""
        from airflow.sdk.exceptions import AirflowNotFoundException  # noqa: PLC0415

        from airflow_provider_platerec_ocr.core.clock import SystemClock  # noqa: PLC0415
        from airflow_provider_platerec_ocr.dataset.report.account import close_span  # noqa: PLC0415
        from airflow_provider_platerec_ocr.dataset.report.spend import Spend  # noqa: PLC0415
        from airflow_provider_platerec_ocr.hooks.ocr import PlateRecOCRHook  # noqa: PLC0415

        statistics, span = None, None
        try:
            statistics = PlateRecOCRHook(self.conn_id).statistics()
        except (OCRError, AirflowNotFoundException) as error:
            self.log.warning("The account could not be asked what is left: %s", error)
        else:
            span = close_span(workspace, statistics, task.now(), result.calls_billed)
        return Spend.of(result, tries, statistics, span, SystemClock().now())

    def _report(self, run: RunRef, plan: Plan, result: ExportResult, spend: Spend) -> str:
        from airflow_provider_platerec_ocr.dataset.report.report import describe, write_report  # noqa: PLC0415
        from airflow_provider_platerec_ocr.runtime.places import open_place  # noqa: PLC0415

        for line in describe(plan, result, spend):
            self.log.info(line)
        place = write_report(
            open_place(self.reports or task.beside(self.dataset, "reports")), run, plan, result, spend=spend
        )
        self.log.info("The report is at %s.", place)
        return place.uri

    def _tell_assets(self, context: Context, run: RunRef, counts: dict[str, Any]) -> None:
        """Put counts and partition on the event of each outlet, so that a downstream DAG knows what is new."""
        where = {"dataset": self.dataset, "date": run.date, "partition": f"date={run.date}", "run_id": run.run_id}
        for outlet in self.outlets or ():
            context["outlet_events"][outlet].extra = counts | where

    def _tidy(self, root: StoragePath) -> None:
        from airflow_provider_platerec_ocr.core.clock import SystemClock  # noqa: PLC0415
        from airflow_provider_platerec_ocr.dataset.table.cleanup import remove_old_workspaces  # noqa: PLC0415

        days = task.whole_number(self.keep_workspaces_days, "keep_workspaces_days", empty=30)
        for gone in remove_old_workspaces(root, days or 0, SystemClock().now()):
            self.log.info("Removed the workspace of an old run: %s.", gone)


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
