"""From outcomes to rows of the two tables; one place decides what each column means.

No file is touched here. Reads are handled as columns, since a million of them must not take minutes; dead letters are
few and are plain rows.
"""

from __future__ import annotations

import json
import logging
import posixpath
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_provider_platerec_ocr.core.errors import OCRCallError
from airflow_provider_platerec_ocr.core.identifiers import check_code
from airflow_provider_platerec_ocr.core.models import ReadStatus, Reason
from airflow_provider_platerec_ocr.core.wire import read_from_json
from airflow_provider_platerec_ocr.dataset.outcome_table import to_table
from airflow_provider_platerec_ocr.dataset.schema import SCHEMA_VERSION, reads_schema

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.models import Outcome, Read
    from airflow_provider_platerec_ocr.dataset.manifest import BadRow
    from airflow_provider_platerec_ocr.dataset.plan_model import RunRef

log = logging.getLogger(__name__)


def rows_of(outcome: Outcome, run: RunRef) -> list[dict[str, Any]]:
    """Return the rows of one image that was read, see :func:`reads_table`."""
    rows: list[dict[str, Any]] = reads_table(to_table([outcome]), run).to_pylist()
    return rows


def reads_table(outcomes: Any, run: RunRef) -> Any:
    """Return the rows of images that were read: one for each identifier, or one with nulls where none was found.

    ``calls_billed`` stands in an image's first row alone, so that its sum over the table is what was billed.
    ``timestamp`` and ``camera_id`` are the manifest's, else the answer's. An answer that cannot be understood (no such
    answer is ever saved) gives one row with a null ``identifier_count``, so that its raw text is kept all the same.

    :param outcomes: an Arrow table as of :func:`~.outcome_table.best_table`, all of status ``read``.
    """
    import pyarrow as pa  # noqa: PLC0415  # heavy

    schema = reads_schema()
    found = _Found()
    columns = ("image", "type", "answer")
    for source, facts in enumerate(zip(*(outcomes.column(name).to_pylist() for name in columns), strict=True)):
        found.add(source, *facts)
    base = outcomes.take(pa.array(found.source, pa.int64()))
    size = base.num_rows
    given = {
        **{name: base.column(name) for name in ("image", "image_version", "fingerprint", "status")},
        **{name: pa.array(values, schema.field(name).type) for name, values in found.columns.items()},
        "camera_id": _first(base.column("camera_id"), pa.array(found.camera_id, pa.string())),
        "timestamp": _first(_moments(base.column("timestamp")), _moments(pa.array(found.timestamp, pa.string()))),
        "read_at": _moments(base.column("read_at")),
        "calls_billed": _where(pa.array(found.is_first, pa.bool_()), base.column("calls_billed")),
        "schema_version": pa.repeat(SCHEMA_VERSION, size),
        "dag_id": pa.repeat(run.dag_id, size),
        "run_id": pa.repeat(run.run_id, size),
        "raw": base.column("answer"),
    }
    return pa.table([given[name] for name in schema.names], schema.names).cast(schema)


class _Found:
    """Columns that come out of the answers, row by row."""

    def __init__(self) -> None:
        self.source: list[int] = []
        self.is_first: list[bool] = []
        self.camera_id: list[str | None] = []
        self.timestamp: list[str | None] = []
        self.columns: dict[str, list[Any]] = {name: [] for name in _FROM_ANSWER}
        self._append = tuple(values.append for values in self.columns.values())

    def add(self, source: int, image: str, type_: str, answer: str | None) -> None:
        """Take one image's answer."""
        read = _read(image, answer)
        name = file_name_of(image)
        if read is None or not read.identifiers:
            time, count = (None, None) if read is None else (read.processing_time, 0)
            self._row(source, True, read, (None, count, None, None, None, None, None, None, None, name, time))  # noqa: FBT003
            return
        count = len(read.identifiers)
        for index, found in enumerate(read.identifiers):
            check = check_code(found.code, type_)
            row = (
                index,
                count,
                found.code,
                check.code_normalized,
                found.orientation,
                found.confidence,
                check.code_system,
                check.check_digit_ok,
                check.repaired,
                name,
                read.processing_time,
            )
            self._row(source, index == 0, read, row)

    def _row(self, source: int, is_first: bool, read: Read | None, values: tuple[Any, ...]) -> None:  # noqa: FBT001
        self.source.append(source)
        self.is_first.append(is_first)
        self.camera_id.append(read.camera_id if read else None)
        self.timestamp.append(read.timestamp if read else None)
        for append, value in zip(self._append, values, strict=True):
            append(value)


_FROM_ANSWER = (
    "identifier_index",
    "identifier_count",
    "code",
    "code_normalized",
    "orientation",
    "confidence",
    "code_system",
    "check_digit_ok",
    "repaired",
    "filename",
    "processing_time",
)


def _first(column: Any, other: Any) -> Any:
    import pyarrow.compute as pc  # noqa: PLC0415  # heavy

    return pc.coalesce(column, other)


def _where(condition: Any, numbers: Any) -> Any:
    import pyarrow.compute as pc  # noqa: PLC0415  # heavy

    return pc.if_else(condition, numbers, 0)


def _moments(texts: Any) -> Any:
    """Return texts as UTC times; what is no time becomes null, and what names no zone is UTC, as the API says."""
    import pyarrow as pa  # noqa: PLC0415  # heavy

    utc = pa.timestamp("us", tz="UTC")
    try:
        return texts.cast(utc)
    except pa.ArrowInvalid:
        return pa.array(map(_moment, texts.to_pylist()), utc)


def dead_letter_of(outcome: Outcome, run: RunRef) -> dict[str, Any]:
    """Return the dead letter of an image that was not read; only a rejected one is permanent."""
    return {
        "row": outcome.row,
        "image": outcome.image,
        "type": outcome.type,
        "image_version": outcome.image_version,
        "reason": outcome.reason or _DEFAULT_REASONS.get(outcome.status, Reason.API_UNAVAILABLE).value,
        "message": outcome.message,
        "http_status": outcome.http_status,
        "permanent": outcome.status == ReadStatus.REJECTED,
        "fingerprint": outcome.fingerprint,
        "at": _moment(outcome.at),
        "dag_id": run.dag_id,
        "run_id": run.run_id,
        "schema_version": SCHEMA_VERSION,
    }


_DEFAULT_REASONS: dict[str, Reason] = {
    ReadStatus.REJECTED: Reason.API_REJECTED,
    ReadStatus.IN_DOUBT: Reason.IN_DOUBT,
}
"""Where an outcome names no reason."""


def dead_letter_of_row(bad: BadRow, run: RunRef, at: str) -> dict[str, Any]:
    """Return the dead letter of a manifest's row; not permanent, since each plan looks at the manifest anew."""
    return {
        "row": bad.row,
        "image": bad.image,
        "reason": Reason.ROW_INVALID.value,
        "message": bad.message,
        "permanent": False,
        "at": _moment(at),
        "dag_id": run.dag_id,
        "run_id": run.run_id,
        "schema_version": SCHEMA_VERSION,
    }


def file_name_of(image: str) -> str:
    """Return the last part of the image's path, object key or URL, as the user knows it."""
    if image.startswith(("http://", "https://")):
        image = urlsplit(image).path
    return posixpath.basename(image)


def _read(image: str, answer: str | None) -> Read | None:
    try:
        return read_from_json(json.loads(answer or ""))
    except (ValueError, TypeError, OCRCallError) as error:
        log.warning("The saved answer of %s cannot be understood (%s); its text is kept.", image, error)
        return None


def _moment(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
