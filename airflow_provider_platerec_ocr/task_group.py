"""The main job as one task group: plan → read, mapped over shards → export. All wiring of the operators is here.

A fourth task does nothing but be red where the plan is. A fifth stands between plan and read where a person is to be
asked before much is paid. The export runs whatever became of the reads; where the plan
failed it has nothing to say and is skipped, and a run whose last tasks are all skipped would be a success.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import TaskGroup, XComArg

from airflow_provider_platerec_ocr.assets import with_assets
from airflow_provider_platerec_ocr.core.saying.choices import InDoubtPolicy, OnEmpty, OnQuota, WithoutStatistics
from airflow_provider_platerec_ocr.operators.export import OCRExportOperator
from airflow_provider_platerec_ocr.operators.plan import OCRPlanOperator
from airflow_provider_platerec_ocr.operators.read_batch import OCRReadBatchOperator
from airflow_provider_platerec_ocr.retry_policy import OCRRetryPolicy

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from airflow.sdk import Asset, AssetAlias, Context

    from airflow_provider_platerec_ocr.compat import RetryPolicy
    from airflow_provider_platerec_ocr.operators.approve import OCRApproveOperator

    Callback = Callable[[Context], object]

WITHIN = timedelta(hours=24)
"""How long a person is waited for."""


class OCRManifestTaskGroup(TaskGroup):
    """Reads all new images of a manifest into a Parquet dataset: plan, read (one task a shard), export.

    Besides these, ``planned`` does nothing but fail with the plan, so that one error is one; and with one of
    ``approve_above_calls`` and ``approve_above_cost`` there is ``approve``, Airflow's own task that waits for a person.

    It presets what Airflow's own defaults would disable: ``retries`` (0 means that a retry policy is never asked),
    the retry policy, and the pool. Every parameter below that takes text may be a template.

    :param group_id: id of the group; its tasks are ``<group_id>.plan``, ``.read`` and ``.export``.
    :param manifest: the images to read: a CSV, JSON, Parquet or text file, a folder of images or of such tables, or a
        glob of either. An ``Asset`` with a URI is an inlet of plan and export as well.
    :param dataset: folder of the published table. An ``Asset`` with a URI is an outlet of the export as well.
    :param type: what to read off images whose row names no type: ``vin`` or ``trailer_id``.
    :param workspace: folder for plans and outcomes, shared by all workers. Default: ``<dataset>_workspace``.
    :param dead_letters: folder of the dead-letter table. Default: ``<dataset>_dead_letters``.
    :param reports: folder of the runs' reports. Default: ``<dataset>_reports``.
    :param ledger: folder of the ledger of paid calls. Default: the option ``[platerec_ocr] ledger``.
    :param new_ledger: true, or better the id of a ledger: it is meant, although the dataset was read with another one.
        Default: false, and such a plan stops.
    :param conn_id: the Airflow connection.
    :param reserve: calls that the run must leave to others. Default: 0.
    :param daily_limit: most calls that the account may make a day (UTC). Default: no limit.
    :param pace: spread what is left of the period over its remaining nights; of this and ``daily_limit`` the smaller
        binds. Default: false.
    :param on_quota: what a read task does when the quota ends before its images do: ``carry_over`` (default: succeed,
        the next run plans the rest) or ``fail``.
    :param without_statistics: what to do where the account's statistics do not say how many calls are left and
        ``reserve``, ``daily_limit`` or ``pace`` was asked for: ``stop`` (default: nothing starts) or ``go_on``.
    :param images_per_shard: most images that one task reads. Default: 2,000.
    :param in_doubt: what to do with calls that may have been billed without an answer: ``resend`` once in a later
        try (default), ``hold``, or ``fail``.
    :param allowed_roots: folders that the manifest may name files in. Default: the manifest's own folder.
    :param recursive: whether a folder's subfolders count. Default: true.
    :param include: patterns of which one must name an image of a folder or a glob; a list, or divided by commas.
        Default: none, and all images are meant.
    :param exclude: patterns of files and folders that are left out beside the default list; one that begins with ``!``
        lets pass what that list would leave out. Default: none.
    :param on_empty: what to do where the manifest has no rows at all: ``succeed`` (default), ``skip`` or ``fail``.
    :param max_bad_rows: most rows that may be bad, a number or a share such as ``10%``; beyond it the plan fails, and
        no call is made. Default: 10 %.
    :param retry_rejected: whether images with a permanent dead letter are planned again. Default: false.
    :param shrink: whether images over the upload limit are shrunk (needs Pillow). Default: false.
    :param as_base64: send bytes as base64 text instead of as a file. Default: false.
    :param plan_only: plan and say what it would cost, read nothing. Default: false.
    :param identity_params: names of parameters of URLs that say which image it is, as ``id`` in
        ``…/download?id=7&token=…``. Default: none; the query of a signed URL does not count.
    :param partition_date: ``YYYY-MM-DD``, the partition that the rows go to. Default: the UTC day on which the run's
        data interval begins.
    :param manifest_columns: the manifest's own columns that come along into the table's ``manifest_columns``: a list,
        names divided by commas, or ``*`` for all. Default: none.
    :param timezone: IANA name of the zone of times that do not say theirs, such as ``Europe/Berlin``. Default: none;
        such an image is read, and its time is null.
    :param keep_workspaces_days: days after which workspaces of finished runs are removed. Default: 30.
    :param approve_above_calls: a person is asked before more calls than this are made; see
        :class:`~.operators.approve.OCRApproveOperator`. Needs Airflow 3.1. Default: nobody is asked.
    :param approve_above_cost: the same of what they cost, in the currency of the connection's price. Default: nobody
        is asked.
    :param approve_within: how long they are waited for; ``None`` waits for good. Default: 24 hours. Not templated.
    :param asset: outlet of the export; its event carries the counts and the partition. An ``AssetAlias`` emits an event
        of the table's own URI. Not templated.
    :param partition_events: give the event of each asset the partition's day as its key, for DAGs that run once a
        partition (``each_partition``); one that is scheduled on the plain asset does not see it then. Needs Airflow
        3.3. Default: false.
    :param notify: called with the context when the export has ended, whether it succeeded or not: an
        :class:`OCRNotifier`, any notifier of Airflow, a function, or a list of these. Not templated.
    :param pool: pool of the read tasks; a shard takes one slot however many calls it has in flight. Default: that of
        ``default_args``, which plan and export take as well. Not templated.
    :param retries: tries after the first, of each task. Default: 3. Not templated.
    :param retry_policy: decides on them. Default: :class:`OCRRetryPolicy`. Not templated.
    :param read_timeout: ``execution_timeout`` of a read task; it drains one call's time before. Default: that of
        ``default_args``, else none.
    :param max_active_shards: most read tasks of one run at once. Default: as many as the pool has slots for.
    :param kwargs: for :class:`airflow.sdk.TaskGroup`.

    .. versionadded:: 0.2
       ``new_ledger``, ``without_statistics``, ``include``, ``exclude``, ``on_empty``, ``max_bad_rows``,
       ``identity_params``, ``partition_date``, ``manifest_columns``, ``timezone``, ``approve_above_calls``,
       ``approve_above_cost``, ``approve_within``, ``partition_events`` and ``notify``.
    """

    plan: OCRPlanOperator
    approve: OCRApproveOperator | None
    """The task that asks a person; ``None`` where no limit was given."""
    export: OCRExportOperator

    def __init__(
        self,
        group_id: str,
        *,
        manifest: str | os.PathLike[str],
        dataset: str | os.PathLike[str],
        type: str = "vin",  # noqa: A002  # the API's own word
        workspace: str | os.PathLike[str] | None = None,
        dead_letters: str | os.PathLike[str] | None = None,
        reports: str | os.PathLike[str] | None = None,
        ledger: str | os.PathLike[str] | None = None,
        new_ledger: bool | str | None = False,
        conn_id: str = "platerec_ocr_default",
        reserve: int | str = 0,
        daily_limit: int | str | None = None,
        pace: bool | str = False,
        on_quota: str = OnQuota.CARRY_OVER,
        without_statistics: str = WithoutStatistics.STOP,
        images_per_shard: int | str = 2000,
        in_doubt: str = InDoubtPolicy.RESEND,
        allowed_roots: Sequence[str] | str | None = None,
        recursive: bool | str = True,
        include: Sequence[str] | str | None = None,
        exclude: Sequence[str] | str | None = None,
        on_empty: str = OnEmpty.SUCCEED,
        max_bad_rows: float | str | None = "10%",
        retry_rejected: bool | str = False,
        shrink: bool | str = False,
        as_base64: bool | str = False,
        plan_only: bool | str = False,
        identity_params: Sequence[str] | str | None = None,
        partition_date: str | None = None,
        manifest_columns: Sequence[str] | str | bool | None = None,
        timezone: str | None = None,
        keep_workspaces_days: int | str = 30,
        approve_above_calls: int | str | None = None,
        approve_above_cost: float | str | None = None,
        approve_within: timedelta | None = WITHIN,
        asset: Asset | AssetAlias | None = None,
        partition_events: bool | str = False,
        notify: Callback | Sequence[Callback] | None = None,
        pool: str | None = None,
        retries: int = 3,
        retry_policy: RetryPolicy | None = None,
        read_timeout: timedelta | None = None,
        max_active_shards: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(group_id=group_id, **kwargs)
        tries: dict[str, Any] = {"retries": retries, "retry_policy": retry_policy or OCRRetryPolicy()}
        account: dict[str, Any] = {"conn_id": conn_id, "ledger": ledger}
        reads = _given(pool=pool, execution_timeout=read_timeout, max_active_tis_per_dagrun=max_active_shards)
        places: dict[str, Any] = {"dataset": dataset, "workspace": workspace, "dead_letters": dead_letters}
        places["partition_date"] = partition_date
        listing: dict[str, Any] = {"recursive": recursive, "include": include, "exclude": exclude}
        spends: dict[str, Any] = {"reserve": reserve, "without_statistics": without_statistics}
        limits = _given(approve_above_calls=approve_above_calls, approve_above_cost=approve_above_cost)
        rows = _given(identity_params=identity_params, manifest_columns=manifest_columns, timezone=timezone)
        with self:
            self.plan = OCRPlanOperator(
                task_id="plan",
                manifest=manifest,
                new_ledger=new_ledger,
                type=type,
                images_per_shard=images_per_shard,
                allowed_roots=allowed_roots,
                on_empty=on_empty,
                max_bad_rows=max_bad_rows,
                retry_rejected=retry_rejected,
                plan_only=plan_only,
                daily_limit=daily_limit,
                pace=pace,
                **spends,
                **listing,
                **rows,
                **places,
                **account,
                **tries,
            )
            self.approve = self._asking(approve_within, limits, account | tries) if limits else None
            self.read = OCRReadBatchOperator.partial(
                task_id="read",
                on_quota=on_quota,
                in_doubt=in_doubt,
                allowed_roots=allowed_roots,
                shrink=shrink,
                as_base64=as_base64,
                map_index_template="{{ task.shard.label }}",
                **spends,
                **reads,
                **account,
                **tries,
            ).expand(shard=(self.approve or self.plan).output)
            self.export = OCRExportOperator(
                task_id="export",
                reports=reports,
                plan_only=plan_only,
                keep_workspaces_days=keep_workspaces_days,
                partition_events=partition_events,
                inlets=with_assets([], manifest),
                trigger_rule="all_done",
                **_told(asset, notify),
                **places,
                **account,
                **tries,
            )
            self._wire()

    def _wire(self) -> None:
        """Put the tasks into their order, with one that is red where the plan, or the question about it, is."""
        self.planned = EmptyOperator(task_id="planned")
        self.plan >> self.planned
        (self.approve or self.plan) >> [self.read, self.planned]
        self.read >> self.export

    def _asking(self, within: timedelta | None, limits: dict[str, Any], common: dict[str, Any]) -> OCRApproveOperator:
        """Return the task that asks a person; imported here, since few DAGs have it and older Airflows have none."""
        from airflow_provider_platerec_ocr.operators.approve import OCRApproveOperator  # as it says

        return OCRApproveOperator(
            task_id="approve",
            shards=self.plan.output,
            plan=XComArg(self.plan, key="plan"),
            approve_within=within,
            **limits,
            **common,
        )


def _told(asset: Asset | AssetAlias | None, notify: Callback | Sequence[Callback] | None) -> dict[str, Any]:
    """Return the export's arguments about whom it tells: assets, and whoever is called for either end."""
    found: dict[str, Any] = {"outlets": [asset] if asset else []}
    if notify is not None:
        callbacks = [notify] if callable(notify) else list(notify)
        found |= {"on_success_callback": callbacks, "on_failure_callback": callbacks}
    return found


def _given(**arguments: Any) -> dict[str, Any]:
    """Return those arguments that were given: for the others ``default_args`` count."""
    return {name: value for name, value in arguments.items() if value is not None}
