"""Planning a run: which images of the manifest are new, what the account can pay for, and who reads what."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from airflow_provider_platerec_ocr.core.errors import OCRError
from airflow_provider_platerec_ocr.core.redact import redact_url
from airflow_provider_platerec_ocr.retry_policy import OCRRetryPolicy
from airflow_provider_platerec_ocr.runtime import task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_provider_platerec_ocr.dataset.plan.plan import Plan
    from airflow_provider_platerec_ocr.runtime.budget import PlanBudget


class OCRPlanOperator(BaseOperator):
    """Writes the plan of a run and returns its shards, for ``OCRReadBatchOperator.partial(…).expand(shard=…)``.

    The plan is written once under the run id. A run that is cleared uses it again, so that it gives the same table.

    :param manifest: (templated) the images to read: a CSV, JSON lines, Parquet or text file, a folder, or a glob;
        a path or a URI such as ``s3://conn_id@bucket/yard/2026-03-01/``.
    :param dataset: (templated) folder of the published table.
    :param type: (templated) what to read off images whose row names no type: ``vin``, ``trailer_id``, or another
        type that the API knows.
    :param workspace: (templated) folder for plans and outcomes, shared by all workers. Default:
        ``<dataset>_workspace``.
    :param dead_letters: (templated) folder of the dead-letter table. Default: ``<dataset>_dead_letters``.
    :param ledger: (templated) folder of the ledger of paid calls. Default: the option ``[platerec_ocr] ledger``.
    :param conn_id: (templated) the Airflow connection.
    :param reserve: (templated) calls that the run must leave to others. Default: 0.
    :param daily_limit: (templated) most calls that the account may make a day (UTC). Default: no limit.
    :param pace: (templated) whether what is left of the period is spread over its remaining nights; of this and
        ``daily_limit`` the smaller binds. Default: false.
    :param images_per_shard: (templated) most images that one task reads. Default: 2,000; grows where the manifest
        would need more than 1,000 shards.
    :param allowed_roots: (templated) folders that the manifest may name files in. Default: the manifest's own folder.
    :param recursive: (templated) whether a folder's subfolders count. Default: true.
    :param retry_rejected: (templated) whether images with a permanent dead letter are planned again. Default: false.
    :param plan_only: (templated) count and say what it would cost, write nothing, return no shards. Default: false.

    Returns a list with one object a shard; the counts are in the XCom ``plan``.

    :raises OCRManifestError: the manifest as a whole cannot be read.
    :raises OCRDatasetError: the dataset has another schema version.
    :raises OCRStop: the statistics call was refused: bad token, OCR not enabled, wrong host.
    """

    template_fields: Sequence[str] = (
        "manifest",
        "dataset",
        "type",
        "workspace",
        "dead_letters",
        "ledger",
        "conn_id",
        "reserve",
        "daily_limit",
        "pace",
        "images_per_shard",
        "allowed_roots",
        "recursive",
        "retry_rejected",
        "plan_only",
    )
    ui_color = "#e8f0fe"

    def __init__(
        self,
        *,
        manifest: str,
        dataset: str,
        type: str = "vin",  # noqa: A002  # the API's own word
        workspace: str | None = None,
        dead_letters: str | None = None,
        ledger: str | None = None,
        conn_id: str = "platerec_ocr_default",
        reserve: int | str = 0,
        daily_limit: int | str | None = None,
        pace: bool | str = False,
        images_per_shard: int | str = 2000,
        allowed_roots: Sequence[str] | str | None = None,
        recursive: bool | str = True,
        retry_rejected: bool | str = False,
        plan_only: bool | str = False,
        **kwargs: Any,
    ) -> None:
        presets: dict[str, Any] = {"retry_policy": OCRRetryPolicy()}
        super().__init__(**(presets | kwargs))
        self.manifest = manifest
        self.dataset = dataset
        self.type = type
        self.workspace = workspace
        self.dead_letters = dead_letters
        self.ledger = ledger
        self.conn_id = conn_id
        self.reserve = reserve
        self.daily_limit = daily_limit
        self.pace = pace
        self.images_per_shard = images_per_shard
        self.allowed_roots = allowed_roots
        self.recursive = recursive
        self.retry_rejected = retry_rejected
        self.plan_only = plan_only

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Plan, say what it will cost, and return the shards."""
        from airflow_provider_platerec_ocr.dataset.plan.plan import load_plan  # noqa: PLC0415  # not at parse time
        from airflow_provider_platerec_ocr.runtime.places import open_place  # noqa: PLC0415

        folder = f"{task.workspace_of(self.workspace, self.dataset)}/{task.run_ref(context).slug}"
        dry = task.truth(self.plan_only, "plan_only")
        before = None if dry else load_plan(open_place(folder))
        if before is not None:
            self.log.info("This run was planned before, at %s: the same images are read again.", before.created_at)
        budget = None if before else self._budget(context, dry=dry)
        plan = self._make(context, folder, budget, dry=dry)
        for line in plan.describe():
            self.log.info(line)
        if dry:
            self.log.info("Plan only: nothing is written or read. The run would make up to %s calls.", plan.to_pay)
        else:
            self._open_account(folder, budget)
        counts = plan.to_json() | {"workspace": folder, "plan_only": dry, "shards": len(plan.shards)}
        context["ti"].xcom_push(key="plan", value=counts)
        return [] if dry else self._shards(plan, folder)

    def _budget(self, context: Context, *, dry: bool) -> PlanBudget:
        """Ask what may be spent, which only a new plan needs to know."""
        from airflow_provider_platerec_ocr.hooks.ocr import PlateRecOCRHook  # noqa: PLC0415
        from airflow_provider_platerec_ocr.runtime.budget import Limits, open_budget  # noqa: PLC0415

        limits = Limits(
            reserve=task.whole_number(self.reserve, "reserve", empty=0) or 0,
            daily_limit=task.whole_number(self.daily_limit, "daily_limit"),
            pace=task.truth(self.pace, "pace"),
        )
        return open_budget(PlateRecOCRHook(self.conn_id), self.ledger, task.owner_of(context), limits, look_only=dry)

    def _open_account(self, folder: str, budget: PlanBudget | None) -> None:
        """Note what the account has counted so far; a run that was planned before goes on where the API is silent."""
        from airflow_provider_platerec_ocr.dataset.report.account import open_span  # noqa: PLC0415
        from airflow_provider_platerec_ocr.hooks.ocr import PlateRecOCRHook  # noqa: PLC0415
        from airflow_provider_platerec_ocr.runtime.places import open_place  # noqa: PLC0415

        try:
            statistics = budget.statistics if budget else PlateRecOCRHook(self.conn_id).statistics()
        except OCRError as error:
            self.log.warning("The report will not hold this run against the account's own count: %s", error)
            return
        open_span(open_place(folder), statistics, task.now(), fresh=budget is not None)

    def _make(self, context: Context, folder: str, budget: PlanBudget | None, *, dry: bool) -> Plan:
        from airflow_provider_platerec_ocr.dataset.plan.plan import PlanRequest, make_plan  # noqa: PLC0415
        from airflow_provider_platerec_ocr.runtime.places import open_place  # noqa: PLC0415

        request = PlanRequest(
            manifest=self.manifest,
            opener=open_place,
            dataset=open_place(self.dataset),
            dead_letters=open_place(self.dead_letters or task.beside(self.dataset, "dead_letters")),
            workspace=open_place(folder),
            run=task.run_ref(context),
            default_type=self.type or None,
            recursive=task.truth(self.recursive, "recursive"),
            retry_rejected=task.truth(self.retry_rejected, "retry_rejected"),
            images_per_shard=task.whole_number(self.images_per_shard, "images_per_shard", low=1, empty=2000) or 2000,
            max_shards=_max_shards(),
            grant=budget.grant if budget else None,
            known=budget.known if budget else frozenset(),
            dry_run=dry,
        )
        return make_plan(request)

    def _shards(self, plan: Plan, folder: str) -> list[dict[str, Any]]:
        roots = task.texts(self.allowed_roots) or [_manifest_folder(self.manifest)]
        total = len(plan.shards)
        return [
            {
                "workspace": folder,
                "manifest": redact_url(self.manifest) if self.manifest.startswith("http") else self.manifest,
                "roots": roots,
                "path": shard.path,
                "index": shard.index,
                "images": shard.images,
                "shards": total,
                "to_pay": plan.to_pay,
                "label": f"shard {shard.index + 1} of {total} ({shard.images:,} images)",
            }
            for shard in plan.shards
        ]


def _max_shards() -> int:
    """Return the most tasks that Airflow maps: more would fail the plan after the work is done."""
    from airflow.sdk.configuration import conf  # noqa: PLC0415

    return min(1000, int(conf.getint("core", "max_map_length", fallback=1024)))


def _manifest_folder(manifest: str) -> str:
    """Return the folder that holds what a manifest names: itself, the fixed part of a glob, or the file's folder."""
    from airflow_provider_platerec_ocr.runtime.places import open_place  # noqa: PLC0415

    text = manifest.rstrip("/")
    fixed = re.split(r"[*?\[]", text, maxsplit=1)[0]
    if fixed != text:
        return posixpath.dirname(fixed)
    place = open_place(text)
    return text if place.fs.isdir(place.path) else posixpath.dirname(text)
