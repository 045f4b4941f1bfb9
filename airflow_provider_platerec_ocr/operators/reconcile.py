"""Who is in the yard: the reads of a day, a span or a run, held against a list of units. It reads, and pays nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.assets import place_of, with_assets
from airflow_provider_platerec_ocr.compat import OCROperator, decides_retries
from airflow_provider_platerec_ocr.core.saying.places import as_text
from airflow_provider_platerec_ocr.links import YARD_LINKS
from airflow_provider_platerec_ocr.retry_policy import OCRRetryPolicy

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping, Sequence

    from airflow.sdk import Context

    Callback = Callable[[Context], object]


class OCRReconcileOperator(OCROperator):
    """Says which expected units were seen, which are missing, and what else was seen; makes no call.

    Photographs of one unit at one time count as one sighting, whose code they say together. A code stands for a unit
    where it is equal, or where characters are read otherwise that are often taken for one another, and no other unit is
    as near: no match is better than a wrong one, so what is not certain is ``ambiguous``, with all candidates.

    It writes a Parquet file for programs (``results``) and a CSV and an Excel file for people (``reports``; Excel needs
    the extra ``excel``), and the sightings (``sightings``). Running it again writes the same files anew.

    :param reads: (templated) folder of the published table. An ``Asset`` with a URI is an inlet as well.
    :param expected: (templated) the list of units: any file that a manifest may be, with a column ``code``; or the
        result of an upstream task: a list of codes, or of objects with ``code``. Other columns come along.
    :param code_column: (templated) the list's column with the codes. Default: ``code``.
    :param since: (templated) only reads of this day on (``YYYY-MM-DD``). Default: ``until``.
    :param until: (templated) only reads up to this day. Default: the table's last day.
    :param run_id: (templated) only reads of this run; then all its days count. Default: of all runs.
    :param type: (templated) only reads of this type, such as ``trailer_id``. Default: all.
    :param corrected: (templated) whether corrections count. Default: true.
    :param corrections: (templated) folder of the corrections. Default: ``<reads>_corrections``.
    :param results: (templated) folder of the Parquet files. Default: ``<reads>_reconciliations``.
    :param sightings: (templated) folder of the sightings. Default: ``<reads>_sightings``.
    :param reports: (templated) folder of the files for people. Default: ``<reads>_reports``.
    :param window_minutes: (templated) photographs of one unit that are further apart are two sightings. Default: 10.
    :param neighbours: (templated) for each camera those that see the same unit at the same time, such as
        ``{"gate-1": "gate-2, gate-3"}``. Default: none.
    :param max_edits: (templated) most characters of a code that may be confused: 0, 1 or 2. Default: 1.
    :param last_characters: (templated) how many last characters are enough where no whole code matches, such as 6 or 8.
        Default: none; the whole code is needed.
    :param confusions: (templated) which characters are taken for one another. ``default``: a table of characters that
        look alike; ``corrections``: what persons corrected in this table counts besides; or a truth file, with the
        columns ``image`` and ``truth``, which counts besides. Default: ``default``.
    :param max_missing: (templated) most units that may be missing, a number or a share such as ``5%``; beyond it the
        task fails once everything is written. Default: no limit.
    :param notify: called with the context when it has ended, whether it succeeded or not, besides the callbacks that
        are given: an :class:`OCRNotifier` with ``missing_over``, any notifier of Airflow, a function, or a list of
        these.

    Returns the counts, ``missing_share`` and the files; with ``outlets``, each asset's event carries them.

    :raises OCRUnitsMissing: more units are missing than ``max_missing`` lets pass.
    :raises OCRManifestError: the list cannot be read.
    :raises OCRDatasetError: there is no table, or it has a newer schema version.

    .. versionadded:: 0.2
    """

    template_fields: Sequence[str] = (
        "reads",
        "expected",
        "code_column",
        "since",
        "until",
        "run_id",
        "type",
        "corrected",
        "corrections",
        "results",
        "sightings",
        "reports",
        "window_minutes",
        "neighbours",
        "max_edits",
        "last_characters",
        "confusions",
        "max_missing",
    )
    ui_color = "#e6f4ea"
    operator_extra_links = YARD_LINKS

    def __init__(
        self,
        *,
        reads: str | os.PathLike[str],
        expected: str | os.PathLike[str] | Sequence[Any],
        code_column: str = "code",
        since: str | None = None,
        until: str | None = None,
        run_id: str | None = None,
        type: str | None = None,  # noqa: A002  # the API's own word
        corrected: bool | str = True,
        corrections: str | os.PathLike[str] | None = None,
        results: str | os.PathLike[str] | None = None,
        sightings: str | os.PathLike[str] | None = None,
        reports: str | os.PathLike[str] | None = None,
        window_minutes: int | str = 10,
        neighbours: Mapping[str, str] | str | None = None,
        max_edits: int | str = 1,
        last_characters: int | str | None = None,
        confusions: str | os.PathLike[str] | None = None,
        max_missing: float | str | None = None,
        notify: Callback | Sequence[Callback] | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs["inlets"] = with_assets(kwargs.get("inlets"), reads)
        for name in ("on_success_callback", "on_failure_callback") if notify is not None else ():
            kwargs[name] = [*_each(kwargs.get(name)), *_each(notify)]
        super().__init__(**({"retry_policy": OCRRetryPolicy()} | kwargs))
        self.reads = place_of(reads)
        self.expected = as_text(expected) if hasattr(expected, "__fspath__") else expected
        self.code_column = code_column
        self.since = since
        self.until = until
        self.run_id = run_id
        self.type = type
        self.corrected = corrected
        self.corrections = as_text(corrections)
        self.results = as_text(results)
        self.sightings = as_text(sightings)
        self.reports = as_text(reports)
        self.window_minutes = window_minutes
        self.neighbours = neighbours
        self.max_edits = max_edits
        self.last_characters = last_characters
        self.confusions = as_text(confusions)
        self.max_missing = max_missing

    @decides_retries
    def execute(self, context: Context) -> dict[str, Any]:
        """Reconcile, write, tell the assets, and return the counts."""
        from airflow_provider_platerec_ocr.tasks import reconcile

        return reconcile.run(self, context)


def _each(callbacks: Callback | Sequence[Callback] | None) -> list[Callback]:
    """Return callbacks as a list, as Airflow takes one, several or none."""
    if callbacks is None:
        return []
    return [callbacks] if callable(callbacks) else list(callbacks)
