"""From outcomes to rows of the two tables; one place decides what each column means.

No file is touched here. Reads are handled as columns, since a million of them must not take minutes; dead letters are
few and are plain rows.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_provider_platerec_ocr.core.answer.body import parsed
from airflow_provider_platerec_ocr.core.errors import OCRCallError
from airflow_provider_platerec_ocr.core.identifiers import check_code
from airflow_provider_platerec_ocr.core.models import ReadStatus, Reason, is_for_good
from airflow_provider_platerec_ocr.core.wire import read_from_json
from airflow_provider_platerec_ocr.dataset.layout.schema import SCHEMA_VERSION, reads_schema, repeats_schema
from airflow_provider_platerec_ocr.dataset.table.outcome_table import to_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_platerec_ocr.core.models import Outcome, Read
    from airflow_provider_platerec_ocr.dataset.manifest.manifest import BadRow
    from airflow_provider_platerec_ocr.dataset.plan.model import RunRef

_decode = json.JSONDecoder().decode
log = logging.getLogger(__name__)


def rows_of(outcome: Outcome, run: RunRef) -> list[dict[str, Any]]:
    """Return the rows of one image that was read, see :func:`reads_table`."""
    rows: list[dict[str, Any]] = reads_table(to_table([outcome]), run).to_pylist()
    return rows


def reads_table(outcomes: Any, run: RunRef, manifest: str | None = None) -> Any:
    """Return the rows of images that were read: one for each identifier, or one with nulls where none was found.

    ``calls_billed`` stands in an image's first row alone, so that its sum over the table is what was billed.
    ``timestamp`` and ``camera_id`` are the manifest's, else the answer's. An answer that this version cannot
    understand gives one row with a null ``identifier_count``, so that its raw text is kept all the same.

    :param outcomes: an Arrow table as of :func:`~.outcome_table.best_table`, all of status ``read``. Where it has the
        columns ``image_name``, ``manifest_columns`` (texts) and ``published_at`` (times), they come along.
    :param manifest: URI of the manifest that names the images, without secrets; ``None`` where none does.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    schema = reads_schema()
    facts_of = (outcomes.column(name).to_numpy().tolist() for name in ("image", "type", "answer"))
    found = [row for source, facts in enumerate(zip(*facts_of, strict=True)) for row in _rows(source, *facts)]
    values = zip(*found, strict=True) if found else ((),) * len(_FROM_ANSWER)
    columns = {name: pa.array(column, kind) for (name, kind), column in zip(_kinds(schema), values, strict=True)}
    base = outcomes if len(found) == outcomes.num_rows else outcomes.take(columns["source"])
    given = {
        **columns,
        **{name: base.column(name) for name in ("image", "image_version", "fingerprint", "status")},
        "camera_id": pc.coalesce(base.column("camera_id"), columns["camera_id"]),
        "timestamp": pc.coalesce(moments(base.column("timestamp")), moments(columns["timestamp"])),
        "read_at": moments(base.column("read_at")),
        "published_at": _given(base, "published_at", schema),
        "calls_billed": pc.if_else(columns["is_first"], base.column("calls_billed"), 0),
        "read_type": base.column("type"),
        "run_date": pa.repeat(pa.scalar(date.fromisoformat(run.date)), len(found)),
        "manifest": pa.repeat(pa.scalar(manifest, pa.string()), len(found)),
        "manifest_row": base.column("row") if manifest else pa.nulls(len(found), pa.int64()),
        "image_name": pc.coalesce(_given(base, "image_name", schema), base.column("image")),
        "manifest_columns": _given(base, "manifest_columns", schema),
        "schema_version": pa.repeat(SCHEMA_VERSION, len(found)),
        "dag_id": pa.repeat(run.dag_id, len(found)),
        "run_id": pa.repeat(run.run_id, len(found)),
        "raw": base.column("answer"),
    }
    return pa.table([given[name] for name in schema.names], schema.names).cast(schema)


def _given(outcomes: Any, name: str, schema: Any) -> Any:
    """Return a column that the outcomes may have, else nulls."""
    import pyarrow as pa

    if name in outcomes.column_names:
        return outcomes.column(name)
    return pa.nulls(outcomes.num_rows, schema.field(name).type)


_FROM_ANSWER = (
    "source",
    "is_first",
    "camera_id",
    "timestamp",
    "filename",
    "processing_time",
    "identifier_count",
    "identifier_index",
    "code",
    "code_normalized",
    "orientation",
    "confidence",
    "code_system",
    "check_digit_ok",
    "repaired",
)
"""What comes out of an image's answer, for each of its rows; ``source`` is the outcome's place in the table."""
_NO_IDENTIFIER = (None,) * 8


def _rows(source: int, image: str, type_: str, answer: str | None) -> Iterator[tuple[Any, ...]]:
    read = _read(image, answer)
    name = file_name_of(image)
    if read is None:
        yield source, True, None, None, name, None, None, *_NO_IDENTIFIER
        return
    count = len(read.identifiers)
    start = (read.camera_id, read.timestamp, name, read.processing_time, count)
    if not count:
        yield source, True, *start, *_NO_IDENTIFIER
    for index, found in enumerate(read.identifiers):
        check = check_code(found.code, type_)
        yield (
            source,
            not index,
            *start,
            index,
            found.code,
            check.code_normalized,
            found.orientation,
            found.confidence,
            check.code_system,
            check.check_digit_ok,
            check.repaired,
        )


def _kinds(schema: Any) -> list[tuple[str, Any]]:
    import pyarrow as pa

    own = {"source": pa.int64(), "is_first": pa.bool_(), "timestamp": pa.string()}
    return [(name, own.get(name) or schema.field(name).type) for name in _FROM_ANSWER]


_FIRST, _LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
"""The years that Python has."""


def moments(texts: Any) -> Any:
    """Return texts as UTC times; what is no time becomes null, and what names no zone is UTC, as the API says."""
    import pyarrow as pa
    import pyarrow.compute as pc

    utc = pa.timestamp("us", tz="UTC")
    try:
        moments = texts.cast(utc)
    except pa.ArrowInvalid:
        return pa.array(map(_moment, texts.to_pylist()), utc)
    first, last = (pa.scalar(moment, utc) for moment in (_FIRST, _LAST))
    ours = pc.and_(pc.greater_equal(moments, first), pc.less_equal(moments, last))
    return pc.if_else(ours, moments, pa.scalar(None, utc))  # Arrow has more years than Python, and so than its readers


def dead_letter_of(outcome: Outcome, run: RunRef, manifest: str | None = None) -> dict[str, Any]:
    """Return the dead letter of an image that was not read; only a rejected one is permanent, where it is for good."""
    ended_at = _moment(outcome.at)
    return {
        "row": outcome.row,
        "image": outcome.image,
        "type": outcome.type,
        "image_version": outcome.image_version,
        "reason": outcome.reason or _DEFAULT_REASONS.get(outcome.status, Reason.API_UNAVAILABLE).value,
        "message": outcome.message,
        "http_status": outcome.http_status,
        "permanent": outcome.status == ReadStatus.REJECTED and is_for_good(outcome.reason, outcome.image_version),
        "fingerprint": outcome.fingerprint,
        "ended_at": ended_at,
        "first_seen": ended_at,
        "last_seen": ended_at,
        "times": 1,
        "closed_at": None,
        "manifest": manifest,
        "dag_id": run.dag_id,
        "run_id": run.run_id,
        "schema_version": SCHEMA_VERSION,
    }


_DEFAULT_REASONS: dict[str, Reason] = {
    ReadStatus.REJECTED: Reason.API_REJECTED,
    ReadStatus.IN_DOUBT: Reason.IN_DOUBT,
}
"""Where an outcome names no reason."""


def dead_letter_of_row(bad: BadRow, run: RunRef, at: str, manifest: str | None = None) -> dict[str, Any]:
    """Return the dead letter of a manifest's row; not permanent, since each plan looks at the manifest anew."""
    ended_at = _moment(at)
    return {
        "row": bad.row,
        "image": bad.image,
        "reason": Reason.ROW_INVALID.value,
        "message": bad.message,
        "permanent": False,
        "ended_at": ended_at,
        "first_seen": ended_at,
        "last_seen": ended_at,
        "times": 1,
        "closed_at": None,
        "manifest": manifest,
        "dag_id": run.dag_id,
        "run_id": run.run_id,
        "schema_version": SCHEMA_VERSION,
    }


def file_name_of(image: str) -> str:
    """Return the last part of the image's path, object key or URL, as the user knows it."""
    if image.startswith(("http://", "https://")):
        image = urlsplit(image).path
    return image.rpartition("/")[2]


def is_understood(image: str, answer: str | None) -> bool:
    """Return whether this version can make rows of an answer."""
    return _read(image, answer) is not None


def repeats_table(outcomes: Any, run: RunRef, manifest: str | None = None) -> Any:
    """Return the repeats: reads that add no row, outcomes with a column ``published_by``; see :func:`reads_table`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    schema, number = repeats_schema(), outcomes.num_rows
    given = {
        "read_at": moments(outcomes.column("read_at")),
        "run_date": pa.repeat(pa.scalar(date.fromisoformat(run.date)), number),
        "manifest": pa.repeat(pa.scalar(manifest, pa.string()), number),
        "manifest_row": outcomes.column("row") if manifest else pa.nulls(number, pa.int64()),
        "image_name": pc.coalesce(_given(outcomes, "image_name", schema), outcomes.column("image")),
        "schema_version": pa.repeat(SCHEMA_VERSION, number),
        "dag_id": pa.repeat(run.dag_id, number),
        "run_id": pa.repeat(run.run_id, number),
    }
    columns = [given[name] if name in given else _given(outcomes, name, schema) for name in schema.names]
    return pa.table(columns, schema.names).cast(schema)


def _read(image: str, answer: str | None) -> Read | None:
    try:
        return read_from_json(_loaded(answer or ""))
    except (ValueError, TypeError, OCRCallError) as error:
        log.warning("The saved answer of %s cannot be understood (%s); its text is kept.", image, error)
        return None


def _loaded(answer: str) -> Any:
    try:
        return _decode(answer)
    except (ValueError, RecursionError):  # such as a number of thousands of digits
        return parsed(answer) or {}


def _moment(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):  # the latter at the edge of the calendar
        return None
