"""The reads that an analysis looks at: of a run, a day or a span, as corrected, as one Arrow table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_platerec_ocr.analysis.yard.evidence import BY_PERSON
from airflow_provider_platerec_ocr.analysis.yard.evidence import COLUMNS as EVIDENCE
from airflow_provider_platerec_ocr.analysis.yard.outcome import AGREED
from airflow_provider_platerec_ocr.core.errors import OCRDatasetError
from airflow_provider_platerec_ocr.dataset.corrections.overlay import FROM_PERSON, NEEDED, overlay
from airflow_provider_platerec_ocr.dataset.corrections.table import load_corrections
from airflow_provider_platerec_ocr.dataset.layout.table_files import refuse_unknown_types, table_files
from airflow_provider_platerec_ocr.dataset.table.reading import load_reads

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date

    from airflow_provider_platerec_ocr.storage.path import StoragePath

COLUMNS = (
    *("image", "code", "code_normalized", "confidence", "camera_id", "timestamp", "read_at"),
    *("orientation", "read_type", "check_digit_ok", "run_date", "image_name", "filename", "manifest", "manifest_row"),
)
"""What the analyses look at."""
RECONCILED = (*EVIDENCE, "manifest", "manifest_row", "run_date")
"""What sightings and a reconciliation need of it."""


def newest_day(dataset: StoragePath) -> date:
    """Return the last day that the dataset has.

    :raises OCRDatasetError: there is no dataset, or it has no days.
    """
    days = [file.day for file in table_files(dataset) if file.day is not None]
    if not days:
        message = f"There is no dataset at {dataset}: no day lies below it. Check the path, or run an export first."
        raise OCRDatasetError(message)
    return max(days)


def nights_of(reads: Any) -> list[tuple[str, date]]:
    """Return each code with each day on which it was read, in the order of the days.

    :param reads: as :func:`load` gives it, with the codes of sightings or without.
    """
    code = AGREED if AGREED in reads.schema.names else "code_normalized"
    found = reads.select([code, "run_date"]).drop_null().group_by([code, "run_date"]).aggregate([])
    found = found.sort_by([("run_date", "ascending"), (code, "ascending")])
    return list(zip(found.column(code).to_pylist(), found.column("run_date").to_pylist(), strict=True))


def load(  # noqa: PLR0913  # one place and filters, all by name
    dataset: StoragePath,
    corrections: StoragePath | None,
    *,
    since: date | None = None,
    until: date | None = None,
    types: Collection[str] | None = None,
    run_id: str | None = None,
    columns: Sequence[str] = COLUMNS,
) -> Any:
    """Return the reads with the given columns and :data:`.evidence.BY_PERSON`, corrected where persons corrected them.

    :param corrections: where corrections lie; ``None``: as the API read them.
    :param run_id: only of this run.
    :param columns: of :data:`COLUMNS`; of a large table those that are needed, such as :data:`RECONCILED`.
    :raises OCRDatasetError: there is no dataset, or no read of one of the types, on any day.
    """
    refuse_unknown_types(dataset, types)
    beneath = ("run_id", *((*NEEDED, *FROM_PERSON) if corrections is not None else ()))
    names = list(dict.fromkeys([*columns, *beneath]))
    table = load_reads(dataset, names, types=types, since=since, until=until)
    if run_id is not None:
        table = table.filter(pc.equal(table.column("run_id"), pa.scalar(run_id)))
    if corrections is not None:
        table = overlay(table, load_corrections(corrections))
        return table.select([*columns, *BY_PERSON])
    table = table.select(list(columns))
    for name in BY_PERSON:
        table = table.append_column(name, pa.nulls(table.num_rows, pa.string()))
    return table
