"""A shard's job, as a task makes it: connections and places are resolved here, since the child cannot ask Airflow."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr import compat
from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.saying.choices import OnQuota, WithoutStatistics
from airflow_provider_platerec_ocr.core.spending.purse import Grant, Limits
from airflow_provider_platerec_ocr.dataset.manifest.lookup import signed_urls
from airflow_provider_platerec_ocr.dataset.plan.plan import load_shard
from airflow_provider_platerec_ocr.engine.reading.context import ReadOptions
from airflow_provider_platerec_ocr.listeners.wiring import ears_for
from airflow_provider_platerec_ocr.runtime import task
from airflow_provider_platerec_ocr.runtime.connection import load_settings
from airflow_provider_platerec_ocr.runtime.handed_over import hand_over
from airflow_provider_platerec_ocr.runtime.inbox_access import inbox_place
from airflow_provider_platerec_ocr.runtime.places import open_ledger_place, open_place, spill_folder
from airflow_provider_platerec_ocr.tasks.interruption import ends_the_run
from airflow_provider_platerec_ocr.tasks.which_ledger import expect
from airflow_provider_platerec_ocr.worker.job import ShardJob
from airflow_provider_platerec_ocr.worker.orphan_note import tell_notes
from airflow_provider_platerec_ocr.worker.parent import ChildProcess

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import timedelta

    from airflow.sdk import Context


@contextmanager
def started(operator: Any, context: Context) -> Iterator[ChildProcess]:
    """Start the child process in which the calls of the operator's shard live; Ctrl-C within the block ends the run."""
    with ends_the_run():
        yield task.given(ReadBatchTask, operator).start(context)


@dataclass(frozen=True, slots=True)
class ReadBatchTask:
    """One shard to be read; the fields are the operator's arguments, rendered."""

    shard: dict[str, Any]
    ledger: str | None
    conn_id: str
    reserve: int | str
    on_quota: str
    in_doubt: str
    allowed_roots: Sequence[str] | str | None
    shrink: bool | str
    as_base64: bool | str
    execution_timeout: timedelta | None
    without_statistics: str

    def start(self, context: Context) -> ChildProcess:
        """Start the child process in which the shard's calls live, after telling what an earlier one left behind."""
        compat.tell_of_container_stops()
        job = self._job(context)
        tell_notes(job)
        return ChildProcess(job, hand_over, ears_for(context))

    def _job(self, context: Context) -> ShardJob:
        shard = _checked(self.shard)
        expect(self.ledger, shard)
        settings = load_settings(self.conn_id)
        timeouts = settings.timeouts
        reserve = task.whole_number(self.reserve, "reserve", empty=0) or 0
        on_quota = task.choice(OnQuota, self.on_quota, "on_quota")
        grant = Grant.from_json(shard["grant"]) if "grant" in shard else None
        job = ShardJob(
            settings=settings,
            owner=task.owner_of(context, shard.get("batch")),
            ledger=open_ledger_place(self.ledger),
            spill=spill_folder(),
            inbox=inbox_place(),
            workspace=open_place(shard["workspace"]),
            path=shard["path"],
            index=shard["index"],
            images=shard["images"],
            shards=shard["shards"],
            roots=tuple(open_place(root) for root in task.roots(self.allowed_roots) or shard["roots"]),
            options=ReadOptions(
                in_doubt=task.doubt_policy(self.in_doubt),
                as_base64=task.truth(self.as_base64, "as_base64"),
                fail_without_calls=on_quota is OnQuota.FAIL,
            ),
            shrink=task.truth(self.shrink, "shrink"),
            reserve=reserve,
            grant=grant,
            foreseen=bool(shard.get("left_over")),
            limits=replace(grant.limits if grant else Limits(), reserve=reserve),
            without_statistics=task.choice(WithoutStatistics, self.without_statistics, "without_statistics"),
            on_quota=on_quota,
            soft_timeout_s=task.soft_timeout_s(self.execution_timeout, timeouts.call_s, timeouts.save_s),
            last_try=task.is_last_try(context),
            run_facts=dict(shard.get("facts") or {}),
        )
        return replace(job, signed_urls=_signed_urls(job, shard))


def _signed_urls(job: ShardJob, shard: dict[str, Any]) -> dict[tuple[str, str | None], str]:
    """Return the presigned URLs of the shard's images: they are in the manifest alone, since they are secrets."""
    images = [image for image in load_shard(job.workspace / job.path) if image.signed]
    if not images:
        return {}
    names = tuple(task.texts(shard.get("identity_params")))
    rows = int(shard.get("rows") or 0)
    return signed_urls(shard["manifest"], images, open_place, identity_params=names, rows=rows)


def _checked(shard: dict[str, Any]) -> dict[str, Any]:
    """Return ``shard`` if it is one that the plan made."""
    missing = sorted({"workspace", "path", "index", "images", "shards", "roots", "manifest"} - set(shard))
    if missing:
        message = f"shard has no {', '.join(missing)}: expand over the output of OCRPlanOperator."
        raise OCRConfigError(message)
    return shard
