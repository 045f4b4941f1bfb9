"""Planning a run: which images of the manifest are new, what the account can pay for, and who reads what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.assets import place_of, with_assets
from airflow_provider_platerec_ocr.compat import OCROperator, decides_retries
from airflow_provider_platerec_ocr.core.saying.choices import OnEmpty, WithoutStatistics
from airflow_provider_platerec_ocr.core.saying.places import as_text
from airflow_provider_platerec_ocr.links import RUN_LINKS
from airflow_provider_platerec_ocr.retry_policy import OCRRetryPolicy

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from airflow.sdk import Context


class OCRPlanOperator(OCROperator):
    """Writes the plan of a run and returns its shards, for ``OCRReadBatchOperator.partial(…).expand(shard=…)``.

    A plan that is cleared, or whose run is made again under the same id, is made anew: what the table has is done, and
    nothing is paid for twice. Clearing only the read tasks, or the export, goes on with the plan that is there. Several
    plans may stand in one DAG or task group, mapped ones (``.partial(…).expand(manifest=[…])``) among them.

    :param manifest: (templated) the images to read: a CSV, JSON, Parquet or text file, a folder of images or of such
        tables, or a glob of either; a path or a URI such as ``s3://conn_id@bucket/yard/2026-03-01/``. An ``Asset`` with
        a URI is an inlet as well.
    :param dataset: (templated) folder of the published table; also as an ``Asset`` with a URI.
    :param type: (templated) what to read off images whose row names no type: ``vin``, ``trailer_id``, or another
        type that the API knows.
    :param workspace: (templated) folder for plans and outcomes, shared by all workers. Default:
        ``<dataset>_workspace``.
    :param dead_letters: (templated) folder of the dead-letter table. Default: ``<dataset>_dead_letters``.
    :param ledger: (templated) folder of the ledger of paid calls. Default: the option ``[platerec_ocr] ledger``.
    :param new_ledger: (templated) true, or better the id of a ledger: it is meant, although the dataset was read with
        another one. Default: false, and such a plan stops.
    :param conn_id: (templated) the Airflow connection.
    :param reserve: (templated) calls that the run must leave to others. Default: 0.
    :param daily_limit: (templated) most calls that the account may make a day (UTC). Default: no limit.
    :param pace: (templated) whether what is left of the period is spread over its remaining nights; of this and
        ``daily_limit`` the smaller binds. Default: false.
    :param images_per_shard: (templated) most images that one task reads. Default: 2,000; grows where the manifest
        would need more than 1,000 shards.
    :param allowed_roots: (templated) folders that the manifest may name files in. Default: the manifest's own folder.
    :param recursive: (templated) whether a folder's subfolders count. Default: true.
    :param include: (templated) patterns of which one must name an image of a folder or a glob; a list, or divided by
        commas. Default: none, and all images are meant.
    :param exclude: (templated) patterns of files and folders that are left out beside the default list; one that begins
        with ``!`` lets pass what that list would leave out. Default: none.
    :param on_empty: (templated) what to do where the manifest has no rows at all: ``succeed`` (default), ``skip`` or
        ``fail``.
    :param max_bad_rows: (templated) most rows that may be bad, a number or a share such as ``10%``; beyond it the plan
        fails, and no call is made. Default: 10 %.
    :param retry_rejected: (templated) whether images with a permanent dead letter are planned again. Default: false.
    :param plan_only: (templated) count and say what it would cost, write nothing, return no shards. Default: false.
    :param identity_params: (templated) names of parameters of URLs that say which image it is, as ``id`` in
        ``…/download?id=7&token=…``. Default: none; the query of a signed URL does not count.
    :param without_statistics: (templated) what to do where the account's statistics do not say how many calls are left
        and a ``reserve``, ``daily_limit`` or ``pace`` was asked for: ``stop`` (default: fail) or ``go_on``, for
        accounts without a quota: then ``daily_limit`` alone still binds.
    :param partition_date: (templated) ``YYYY-MM-DD``, the partition that the rows go to. Default: the UTC day on which
        the run's data interval begins.
    :param manifest_columns: (templated) the manifest's own columns that come along into the table's
        ``manifest_columns``: a list, names divided by commas, or ``*`` for all. Default: none.
    :param timezone: (templated) IANA name of the zone of times that do not say theirs, such as ``Europe/Berlin``.
        Default: none; such an image is read, and its time is null.

    Returns a list with one object a shard; the counts are in the XCom ``plan``.

    :raises OCRManifestError: the manifest as a whole cannot be read, nothing could be taken from a folder although
        files are there, too many rows are bad, or it is the samples' and the API a real one.
    :raises OCRDatasetError: the dataset has another schema version.
    :raises OCROtherLedger: the dataset was read with another ledger, and ``new_ledger`` does not say that it is meant.
    :raises OCRStop: the statistics call was refused: bad token, OCR not enabled, wrong host.

    .. versionadded:: 0.2
       ``new_ledger``, ``include``, ``exclude``, ``on_empty``, ``max_bad_rows``, ``identity_params``,
       ``without_statistics``, ``partition_date``, ``manifest_columns`` and ``timezone``.
    """

    template_fields: Sequence[str] = (
        "manifest",
        "dataset",
        "type",
        "workspace",
        "dead_letters",
        "ledger",
        "new_ledger",
        "conn_id",
        "reserve",
        "daily_limit",
        "pace",
        "images_per_shard",
        "allowed_roots",
        "recursive",
        "include",
        "exclude",
        "on_empty",
        "max_bad_rows",
        "retry_rejected",
        "plan_only",
        "identity_params",
        "without_statistics",
        "partition_date",
        "manifest_columns",
        "timezone",
    )
    ui_color = "#e8f0fe"
    operator_extra_links = RUN_LINKS
    makes_plan = True
    """How an export finds the plans above it in the DAG."""

    def __init__(
        self,
        *,
        manifest: str | os.PathLike[str],
        dataset: str | os.PathLike[str],
        type: str = "vin",  # noqa: A002  # the API's own word
        workspace: str | os.PathLike[str] | None = None,
        dead_letters: str | os.PathLike[str] | None = None,
        ledger: str | os.PathLike[str] | None = None,
        new_ledger: bool | str | None = False,
        conn_id: str = "platerec_ocr_default",
        reserve: int | str = 0,
        daily_limit: int | str | None = None,
        pace: bool | str = False,
        images_per_shard: int | str = 2000,
        allowed_roots: Sequence[str] | str | None = None,
        recursive: bool | str = True,
        include: Sequence[str] | str | None = None,
        exclude: Sequence[str] | str | None = None,
        on_empty: str = OnEmpty.SUCCEED,
        max_bad_rows: float | str | None = "10%",
        retry_rejected: bool | str = False,
        plan_only: bool | str = False,
        identity_params: Sequence[str] | str | None = None,
        without_statistics: str = WithoutStatistics.STOP,
        partition_date: str | None = None,
        manifest_columns: Sequence[str] | str | bool | None = None,
        timezone: str | None = None,
        **kwargs: Any,
    ) -> None:
        presets: dict[str, Any] = {"retry_policy": OCRRetryPolicy()}
        kwargs["inlets"] = with_assets(kwargs.get("inlets"), manifest)
        super().__init__(**(presets | kwargs))
        self.manifest = place_of(manifest)
        self.dataset = place_of(dataset)
        self.type = type
        self.workspace = as_text(workspace)
        self.dead_letters = as_text(dead_letters)
        self.ledger = as_text(ledger)
        self.new_ledger = new_ledger
        self.conn_id = conn_id
        self.reserve = reserve
        self.daily_limit = daily_limit
        self.pace = pace
        self.images_per_shard = images_per_shard
        self.allowed_roots = allowed_roots
        self.recursive = recursive
        self.include = include
        self.exclude = exclude
        self.on_empty = on_empty
        self.max_bad_rows = max_bad_rows
        self.retry_rejected = retry_rejected
        self.plan_only = plan_only
        self.identity_params = identity_params
        self.without_statistics = without_statistics
        self.partition_date = partition_date
        self.manifest_template = self.manifest if isinstance(self.manifest, str) else ""
        self.manifest_columns = manifest_columns
        self.timezone = timezone

    @decides_retries
    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Plan, say what it will cost, and return the shards."""
        from airflow_provider_platerec_ocr.tasks import plan

        return plan.run(self, context)

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:  # noqa: ARG002  # OpenLineage's signature
        """Return what was read and planned, for OpenLineage, where its provider is installed."""
        from airflow_provider_platerec_ocr.tasks.telling import lineage

        return lineage.facets(getattr(self, "lineage", None))
