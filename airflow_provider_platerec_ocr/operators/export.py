"""Publishing a run: outcomes become typed rows, dead letters and a report, whatever became of the read tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.assets import place_of, with_assets
from airflow_provider_platerec_ocr.compat import OCROperator, decides_retries
from airflow_provider_platerec_ocr.core.saying.places import as_text
from airflow_provider_platerec_ocr.links import EXPORT_LINKS
from airflow_provider_platerec_ocr.retry_policy import OCRRetryPolicy

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from airflow.sdk import Context


class OCRExportOperator(OCROperator):
    """Publishes what a run has read, and fails where a planned image has no outcome.

    It runs when the shards are done, whatever became of them, so that what was paid for is in the table even if a
    shard failed. Since it is the run's last task, it also fails where a shard failed for its doubts. Running it again
    gives the same files.

    It publishes the plans that stand nearest above it in the DAG: one, several, or all instances of a mapped one (an
    export that is mapped itself, the one of its own map index). Where they were skipped, it is skipped as well. Where
    one failed and another of the run's last tasks has failed for it, it is skipped; else it fails, since a run is what
    its last tasks are. A run that published nothing sends no asset event: a dry run, an empty night.

    :param dataset: (templated) folder of the published table. An ``Asset`` with a URI is an outlet as well.
    :param workspace: (templated) folder for plans and outcomes. Default: ``<dataset>_workspace``.
    :param dead_letters: (templated) folder of the dead-letter table. Default: ``<dataset>_dead_letters``.
    :param reports: (templated) folder of the runs' reports. Default: ``<dataset>_reports``.
    :param ledger: (templated) folder of the ledger, where the run's reservation of calls is released.
    :param conn_id: (templated) the Airflow connection.
    :param plan_only: (templated) publish nothing, since the run was to plan only. Default: false.
    :param keep_workspaces_days: (templated) days after which workspaces of finished runs are removed. Default: 30.
    :param partition_events: (templated) give the event of each asset the partition's day as its key, for DAGs that run
        once a partition (``each_partition``); one that is scheduled on the plain asset does not see it then. Needs
        Airflow 3.3. Default: false.
    :param partition_date: (templated) ``YYYY-MM-DD``, the partition that the rows go to. Default: what the plan was
        given, else the UTC day on which the run's data interval begins.

    Returns the report's counts; with ``outlets``, each asset's event carries them and the partition.

    :raises OCRIncomplete: planned images have no outcome; the message says which shards.
    :raises OCRInDoubt: read tasks failed since images are in doubt and the policy is ``fail``.
    :raises OCRDatasetError: there is no plan, or the dataset has another schema version.

    .. versionadded:: 0.2
       ``partition_events`` and ``partition_date``.
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
        "partition_events",
        "partition_date",
    )
    ui_color = "#fef7e0"
    operator_extra_links = EXPORT_LINKS
    publishes = True
    """How an export below it in the DAG knows that what stands above is not its own."""

    def __init__(
        self,
        *,
        dataset: str | os.PathLike[str],
        workspace: str | os.PathLike[str] | None = None,
        dead_letters: str | os.PathLike[str] | None = None,
        reports: str | os.PathLike[str] | None = None,
        ledger: str | os.PathLike[str] | None = None,
        conn_id: str = "platerec_ocr_default",
        plan_only: bool | str = False,
        keep_workspaces_days: int | str = 30,
        partition_events: bool | str = False,
        partition_date: str | None = None,
        **kwargs: Any,
    ) -> None:
        presets: dict[str, Any] = {"retry_policy": OCRRetryPolicy(), "trigger_rule": "all_done"}
        kwargs["outlets"] = with_assets(kwargs.get("outlets"), dataset)
        super().__init__(**(presets | kwargs))
        self.dataset = place_of(dataset)
        self.workspace = as_text(workspace)
        self.dead_letters = as_text(dead_letters)
        self.reports = as_text(reports)
        self.ledger = as_text(ledger)
        self.conn_id = conn_id
        self.plan_only = plan_only
        self.keep_workspaces_days = keep_workspaces_days
        self.partition_events = partition_events
        self.partition_date = partition_date

    @decides_retries
    def execute(self, context: Context) -> dict[str, Any]:
        """Publish, report, tell the assets, and return the counts."""
        from airflow_provider_platerec_ocr.tasks import export

        return export.run(self, context)

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:  # noqa: ARG002  # OpenLineage's signature
        """Return what was published, for OpenLineage, where its provider is installed."""
        from airflow_provider_platerec_ocr.tasks.telling import lineage

        return lineage.facets(getattr(self, "lineage", None))
