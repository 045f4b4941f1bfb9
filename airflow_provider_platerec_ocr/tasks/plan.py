"""Planning a run, as a task does it: the budget asked for, the plan made, what it will cost said."""

from __future__ import annotations

import logging
import posixpath
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.compat import AirflowSkipException, conf
from airflow_provider_platerec_ocr.core.errors import OCRDatasetError, OCRManifestError
from airflow_provider_platerec_ocr.core.events import RunStep
from airflow_provider_platerec_ocr.core.images.patterns import cut_glob
from airflow_provider_platerec_ocr.core.money import costs
from airflow_provider_platerec_ocr.core.redact import redact_url
from airflow_provider_platerec_ocr.core.saying.choices import OnEmpty, WithoutStatistics
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.dataset.manifest.left_aside import TO_LOOK_AT
from airflow_provider_platerec_ocr.dataset.manifest.manifest import kind_of
from airflow_provider_platerec_ocr.dataset.manifest.tables import table_kind
from airflow_provider_platerec_ocr.dataset.plan.plan import PlanRequest, load_plan, make_plan
from airflow_provider_platerec_ocr.dataset.plan.tolerance import Tolerance
from airflow_provider_platerec_ocr.dataset.plan.workspaces import close_earlier, newest_planning, next_planning
from airflow_provider_platerec_ocr.dataset.report.account import load_spans, open_span
from airflow_provider_platerec_ocr.dataset.table.outcome_table import calls_of_unread
from airflow_provider_platerec_ocr.engine.kept.reparse import reopened
from airflow_provider_platerec_ocr.engine.kept.tombstones import forgotten_keys
from airflow_provider_platerec_ocr.hooks.ocr import PlateRecOCRHook
from airflow_provider_platerec_ocr.listeners.wiring import tell
from airflow_provider_platerec_ocr.runtime import arguments, task
from airflow_provider_platerec_ocr.runtime.budget import Limits, open_budget
from airflow_provider_platerec_ocr.runtime.places import open_place
from airflow_provider_platerec_ocr.storage.file_uri import is_file_uri
from airflow_provider_platerec_ocr.tasks.batches import is_alone_again, own_batch
from airflow_provider_platerec_ocr.tasks.own_manifest import why_own
from airflow_provider_platerec_ocr.tasks.samples import refuse_samples
from airflow_provider_platerec_ocr.tasks.telling import known
from airflow_provider_platerec_ocr.tasks.telling.lineage import DataSet, begin
from airflow_provider_platerec_ocr.tasks.which_ledger import LedgerCheck

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_provider_platerec_ocr.core.money import Price
    from airflow_provider_platerec_ocr.core.spending.purse import Grant
    from airflow_provider_platerec_ocr.dataset.plan.model import Plan, RunRef
    from airflow_provider_platerec_ocr.dataset.report.ledger_memory import LedgerRecord
    from airflow_provider_platerec_ocr.runtime.budget import PlanBudget
    from airflow_provider_platerec_ocr.storage.path import StoragePath
    from airflow_provider_platerec_ocr.tasks.telling.lineage import Lineage

log = logging.getLogger(__name__)


def run(operator: Any, context: Context) -> list[dict[str, Any]]:
    """Plan as the operator was told, and return the shards."""
    operator.reported = []  # there will be no report, as far as is known yet: its links say so
    shards = task.given(PlanTask, operator, lineage=begin(operator)).run(context)
    dry = task.truth(operator.plan_only, "plan_only")
    operator.reported = [] if dry else None
    if not dry:
        tell(RunStep.PLANNED, task.owner_of(context), operator.lineage.counts)
    return shards


@dataclass(frozen=True, slots=True)
class PlanTask:
    """One planning; the fields are the operator's arguments, rendered."""

    manifest: str
    dataset: str
    type: str
    workspace: str | None
    dead_letters: str | None
    ledger: str | None
    new_ledger: bool | str | None
    conn_id: str
    reserve: int | str
    daily_limit: int | str | None
    pace: bool | str
    images_per_shard: int | str
    allowed_roots: Sequence[str] | str | None
    recursive: bool | str
    include: Sequence[str] | str | None
    exclude: Sequence[str] | str | None
    on_empty: str
    max_bad_rows: float | str | None
    retry_rejected: bool | str
    plan_only: bool | str
    identity_params: Sequence[str] | str | None
    without_statistics: str
    lineage: Lineage
    partition_date: str | None
    manifest_template: str
    manifest_columns: Sequence[str] | str | bool | None
    timezone: str | None

    def run(self, context: Context) -> list[dict[str, Any]]:
        """Plan, say what it will cost, and return the shards."""
        refuse_samples(self.manifest, self.conn_id)
        root, dry = task.workspace_of(self.workspace, self.dataset), task.truth(self.plan_only, "plan_only")
        run = self._run_ref(context, root)
        folder, earlier = f"{root}/{run.workspace}", newest_planning(open_place(root), run)
        check = LedgerCheck(self.dataset, root, self.ledger, self.new_ledger)
        seen, objection = check.before(dry=dry)
        budget = self._budget(context, run, dry=dry)
        price = PlateRecOCRHook(self.conn_id).settings().price
        plan = self._make(context, run, folder, budget, dry=dry)
        self._say(plan, price)
        if dry:
            log.info("Plan only: nothing is written or read. The run would make up to %s.", plan.most(price))
        is_skipped = not dry and not plan.rows and self._on_empty(context) is OnEmpty.SKIP
        ledger = None if dry or is_skipped else check.after(seen, run.workspace)
        if ledger is not None:
            self._open_account(open_place(root), run, earlier, budget)
            close_earlier(open_place(root), run)
            self._note(run, budget)
            self._give_back_unread(context, run, budget)
        counts = plan.to_json() | {"workspace": folder, "plan_only": dry, "shards": len(plan.shards)}
        counts |= {"price": price.to_json() if price else None, "cost": costs(price, at_most=plan.to_pay)}
        if objection:
            counts["would_stop"] = objection
        self.lineage.inputs.append(DataSet(plan.manifest, plan.rows))
        self.lineage.counts = counts
        context["ti"].xcom_push(key="plan", value=counts)
        if is_skipped:
            message = f"{plan.manifest} is empty, and on_empty says skip."
            raise AirflowSkipException(message)
        return self._shards(plan, run, folder, ledger, budget.granted) if ledger else []

    def _note(self, run: RunRef, budget: PlanBudget) -> None:
        """Have the page and the commands find this dataset."""
        known.note(
            self.dataset,
            run,
            ledger=self.ledger,
            conn_id=self.conn_id,
            workspace=self.workspace,
            dead_letters=self.dead_letters,
            type=self.type,
            base_url=budget.base_url,
            reserve=budget.limits.reserve,
            roots=self._roots(),
        )

    def _give_back_unread(self, context: Context, run: RunRef, budget: PlanBudget) -> None:
        """Give the calls back at once where the plan alone was cleared: nobody would read, and no export release them.

        Should what comes after it be cleared later, its shards reserve what they need, within the same limits.
        """
        calls = budget.granted.calls
        if run.planning > 1 and calls and is_alone_again(context):
            budget.release()
            log.warning(
                "Only the plan was cleared, and what comes after it has ended: nothing reads this plan, so its %s are "
                "given back. Clear the tasks after it as well to have it read.",
                count_of(calls, "call"),
            )

    def _say(self, plan: Plan, price: Price | None) -> None:
        """Log what is planned; what a person should look at stands out."""
        for line in plan.describe(price):
            log.log(logging.WARNING if plan.own_manifest and line == plan.no_later_run() else logging.INFO, line)
        if any(kind in plan.left_aside for kind in TO_LOOK_AT):
            log.warning("Some links, folders or keys lead to nothing that can be read: %s.", plan.left_aside_text)
        if not plan.rows:
            log.warning(
                "The manifest is empty: nothing will be read. See on_empty, if that should not pass in silence."
            )
        if plan.would_fail:
            log.warning("This plan would fail: %s", plan.would_fail)

    def _on_empty(self, context: Context) -> OnEmpty:
        """Return what an empty manifest does.

        One of a mapped plan never skips: Airflow would skip the read tasks of all the others with it, in a green run.
        """
        choice = task.choice(OnEmpty, self.on_empty or OnEmpty.SUCCEED, "on_empty")
        index = context["ti"].map_index
        is_mapped = index is not None and index >= 0
        return OnEmpty.SUCCEED if is_mapped and choice is OnEmpty.SKIP else choice

    def _run_ref(self, context: Context, root: str) -> RunRef:
        """Return the run, which may have been planned before: its plan was cleared, or it was made a second time."""
        run = task.run_ref(context, own_batch(context), arguments.day(self.partition_date, "partition_date"))
        run = replace(run, planning=next_planning(open_place(root), run))
        if run.planning > 1:
            log.info(
                "This run was planned before: it is planned anew, and what was read and published by then is done."
            )
        return run

    def _budget(self, context: Context, run: RunRef, *, dry: bool) -> PlanBudget:
        """Ask what may be spent."""
        limits = Limits(
            reserve=task.whole_number(self.reserve, "reserve", empty=0) or 0,
            daily_limit=task.whole_number(self.daily_limit, "daily_limit"),
            pace=task.truth(self.pace, "pace"),
        )
        owner = task.owner_of(context, run.group)
        choice = task.choice(WithoutStatistics, self.without_statistics, "without_statistics")
        hook = PlateRecOCRHook(self.conn_id)
        return open_budget(hook, self.ledger, owner, limits, look_only=dry, without_statistics=choice)

    def _open_account(self, root: StoragePath, run: RunRef, earlier: int, budget: PlanBudget) -> None:
        """Note what the account has counted so far, and what the run's earlier planning has of it, if there was one."""
        if budget.statistics is None:
            log.warning("The report will not hold this run against the account's own count.")
            return
        before, plan = root / replace(run, planning=earlier).workspace, None
        with suppress(OCRDatasetError):
            plan = load_plan(before) if earlier else None
        spans = load_spans(before) if plan else []
        billed = calls_of_unread(before, range(len(plan.shards))) if plan else 0
        open_span(
            root / run.workspace, budget.statistics, task.now(), after=spans[-1] if spans else None, billed=billed
        )

    def _make(self, context: Context, run: RunRef, folder: str, budget: PlanBudget, *, dry: bool) -> Plan:
        request = PlanRequest(
            manifest=self.manifest,
            opener=open_place,
            dataset=open_place(self.dataset),
            dead_letters=open_place(self.dead_letters or task.beside(self.dataset, "dead_letters")),
            workspace=open_place(folder),
            run=run,
            default_type=self.type or None,
            identity_params=tuple(task.texts(self.identity_params)),
            manifest_columns=_columns(self.manifest_columns),
            timezone=self.timezone or None,
            recursive=task.truth(self.recursive, "recursive"),
            include=tuple(task.texts(self.include)),
            exclude=tuple(task.texts(self.exclude)),
            roots=tuple(open_place(root) for root in self._roots() if "://" not in root or is_file_uri(root)),
            allowed_roots=tuple(self._roots()),
            on_empty=self._on_empty(context),
            max_bad_rows=Tolerance.of(self.max_bad_rows),
            retry_rejected=task.truth(self.retry_rejected, "retry_rejected"),
            images_per_shard=task.whole_number(self.images_per_shard, "images_per_shard", low=1, empty=2000) or 2000,
            max_shards=_max_shards(),
            grant=budget.grant,
            own_places=(budget.store.place,),
            reopened=reopened(budget.store.place),
            forgotten=tuple(forgotten_keys(budget.store.place)),
            dry_run=dry,
            partition_date=arguments.day(self.partition_date, "partition_date") or "",
            own_manifest=why_own(self.manifest_template, self.manifest, context),
        )
        return make_plan(request)

    def _roots(self) -> list[str]:
        return task.roots(self.allowed_roots) or [manifest_folder(self.manifest)]

    def _shards(  # what the read tasks have to know
        self, plan: Plan, run: RunRef, folder: str, ledger: LedgerRecord, grant: Grant
    ) -> list[dict[str, Any]]:
        roots = self._roots()
        total = len(plan.shards)
        facts = {"dataset": open_place(self.dataset).uri, "manifest": plan.manifest, "run_date": run.date}
        return [
            {
                "workspace": folder,
                "batch": run.group,
                "facts": facts,
                "manifest": redact_url(self.manifest) if self.manifest.startswith("http") else self.manifest,
                "roots": roots,
                "path": shard.path,
                "index": shard.index,
                "images": shard.images,
                "shards": total,
                "to_pay": plan.to_pay,
                "identity_params": task.texts(self.identity_params),
                "rows": plan.rows,
                "ledger_id": ledger.id,
                "ledger": str(ledger),
                "left_over": plan.left_over,
                "grant": grant.to_json(),
                "label": f"shard {shard.index + 1} of {total} ({count_of(shard.images, 'image')})",
            }
            for shard in plan.shards
        ]


def _columns(value: Any) -> tuple[str, ...]:
    """Return which of the manifest's own columns come along; true, also as text, stands for all of them."""
    if isinstance(value, bool) or (isinstance(value, str) and value.strip().lower() in {"true", "false", "none"}):
        return ("*",) if str(value).strip().lower() == "true" else ()
    return tuple(task.texts(value))


def _max_shards() -> int:
    """Return the most tasks that Airflow maps: more would fail the plan after the work is done."""
    return min(1000, int(conf.getint("core", "max_map_length", fallback=1024)))


def manifest_folder(manifest: str) -> str:
    """Return the folder that holds what a manifest names: itself, the file's folder, or the fixed part of a glob.

    What the manifest *is* decides, as it does for reading it: a folder may have a ``[`` in its name.
    """
    if manifest.startswith(("http://", "https://")):
        return posixpath.dirname(redact_url(manifest))
    text = manifest.rstrip("/")
    place = open_place(text)
    is_table = table_kind(place.name) is not None
    try:
        kind = kind_of(place)
    except OCRManifestError as error:
        if not error.missing:  # its store does not say what it is
            raise
        kind = "file"  # gone since the run was planned
    is_bucket = "://" in text and "/" not in text.partition("://")[2]  # which may not be there (yet)
    if is_bucket or (kind == "directory" and not is_table):
        return text
    if kind == "glob" and not (is_table and not place.fs.glob(place.path)):
        return cut_glob(text)[0]
    return posixpath.dirname(text)  # also of a table in parts, which stands for a file, and of one that is gone
