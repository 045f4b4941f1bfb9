"""The reads that need a person's eyes and that nobody has decided on yet: looked for in the table, day by day.

What was said of a read is kept beside the table (:mod:`..corrections.table`); a read of which each doubtful code has
been spoken of is no longer in the queue, whatever was said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.dataset.corrections.table import key_of, load_corrections
from airflow_provider_platerec_ocr.dataset.review.doubts import SAID, doubts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import date, datetime

    from airflow_provider_platerec_ocr.dataset.review.doubts import Criteria, Doubt, Expected
    from airflow_provider_platerec_ocr.storage.path import StoragePath

    Row = dict[str, Any]

COLUMNS = (
    "image",
    "image_version",
    "image_name",
    "fingerprint",
    "read_type",
    "identifier_index",
    "identifier_count",
    "code",
    "code_normalized",
    "code_system",
    "check_digit_ok",
    "confidence",
    "camera_id",
    "run_date",
    "dag_id",
    "run_id",
    "published_at",
)
"""Columns of the reads that a review needs."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a person has said of a code, or of a whole read, most recently."""

    kind: str
    """A :class:`~..corrections.table.CorrectionKind`."""
    code: str | None
    """The code that they gave."""
    by: str
    """Who."""
    at: datetime
    """When."""


@dataclass(frozen=True, slots=True)
class QueuedCode:
    """One identifier of a read; or that there is none."""

    index: int | None
    """``identifier_index``; ``None`` where nothing was found."""
    code: str | None
    normalized: str | None
    system: str | None
    check_digit_ok: bool | None
    confidence: float | None
    doubts: tuple[Doubt, ...] = ()
    """Why a person should look."""
    said: Said | None = None
    """What one has said; ``None`` where nobody has."""
    nearest: str | None = None
    """An expected code that is like it."""


@dataclass(frozen=True, slots=True)
class QueuedRead:
    """One read of one image, with all of its codes."""

    key: str
    """What it is known by, together with the type; see :func:`~..corrections.table.key_of`."""
    type: str
    """``read_type``."""
    image: str
    image_version: str | None
    image_name: str | None
    fingerprint: str | None
    camera_id: str | None
    day: date
    """``run_date``: the partition that it lies in."""
    dag_id: str | None
    run_id: str | None
    codes: tuple[QueuedCode, ...]
    said_last: datetime | None = None
    """When somebody last said something of it."""

    @property
    def doubts(self) -> tuple[Doubt, ...]:
        """Why a person should look at it, each reason once."""
        return tuple(dict.fromkeys(doubt for code in self.codes for doubt in code.doubts))

    @property
    def is_open(self) -> bool:
        """Whether one of its doubtful codes has not been spoken of."""
        return any(code.doubts and code.said is None for code in self.codes)

    @property
    def why(self) -> str:
        """The reasons in words."""
        return ", ".join(SAID[doubt] for doubt in self.doubts)


@dataclass(frozen=True, slots=True)
class Queue:
    """What is to be looked at."""

    total: int
    """How many reads need eyes and have none yet."""
    reads: tuple[QueuedRead, ...]
    """The first of them: most doubtful first."""


def needing_eyes(  # noqa: PLR0913  # where, what, and which of them, all by name
    dataset: StoragePath,
    corrections: StoragePath,
    criteria: Criteria,
    *,
    since: date | None = None,
    until: date | None = None,
    among: Callable[[Row], bool] | None = None,
    limit: int = 50,
) -> Queue:
    """Return the reads that need a person's eyes and have none yet.

    :param since: only from this day on, until: only up to this one; by partition, so that a large table is not read.
    :param among: only rows for which this is true, such as those of one run.
    :raises OCRDatasetError: there is no dataset, or it cannot be read.
    """
    return waiting(candidates(dataset, criteria, since=since, until=until), corrections, criteria, among, limit)


def candidates(
    dataset: StoragePath, criteria: Criteria, *, since: date | None = None, until: date | None = None
) -> list[Row]:
    """Return the rows of the images of which one row may need eyes, whoever has spoken of them.

    They change with a publication only, so they may be kept for a while; see :func:`waiting` for what changes often.
    """
    return _candidates(_loaded(dataset, since=since, until=until), criteria)


def waiting(
    rows: Iterable[Row],
    corrections: StoragePath,
    criteria: Criteria,
    among: Callable[[Row], bool] | None = None,
    limit: int = 50,
) -> Queue:
    """Return which of the candidates nobody has decided on by now."""
    found = _reads(rows, load_corrections(corrections).to_pylist(), criteria, among)
    still = sorted((read for read in found if read.is_open), key=_urgency)
    return Queue(len(still), tuple(still[:limit]))


def one_read(  # noqa: PLR0913, PLR0917  # where, and which
    dataset: StoragePath, corrections: StoragePath, criteria: Criteria, day: date, type_: str, key: str
) -> QueuedRead | None:
    """Return a read by what it is known by, doubtful or not, with what was said of it by now; ``None`` for none.

    :param day: the partition that it lies in.
    """
    rows = [row for row in _rows(_loaded(dataset, types=[type_], since=day, until=day)) if _key(row) == key]
    found = _reads(rows, load_corrections(corrections).to_pylist(), criteria)
    return found[-1] if found else None


def _loaded(dataset: StoragePath, **which: Any) -> Any:
    from airflow_provider_platerec_ocr.dataset.table.reading import load_reads

    return load_reads(dataset, COLUMNS, **which)


def _candidates(table: Any, criteria: Criteria) -> list[Row]:
    """Return the rows of images of which one row may be doubtful: Arrow looks at all, Python at few."""
    import pyarrow as pa
    import pyarrow.compute as pc

    may_be = pa.repeat(pa.scalar(value=False), table.num_rows)
    if criteria.expected is not None:
        may_be = pc.or_(may_be, _may_be_unexpected(table, criteria.expected))
    if criteria.check_digit:
        may_be = pc.or_(may_be, pc.fill_null(pc.invert(table.column("check_digit_ok")), fill_value=False))
    if criteria.confidence_below is not None:
        low = pc.less(table.column("confidence"), criteria.confidence_below)
        may_be = pc.or_(may_be, pc.fill_null(low, fill_value=False))
    if criteria.several:
        may_be = pc.or_(may_be, pc.fill_null(pc.greater(table.column("identifier_count"), 1), fill_value=False))
    images = table.filter(may_be).column("image").combine_chunks().unique()
    return _rows(table.filter(pc.is_in(table.column("image"), value_set=images)))


def _may_be_unexpected(table: Any, expected: Expected) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    codes, images = pa.array(sorted(expected.codes), pa.string()), pa.array(sorted(expected.by_image), pa.string())
    may_be = pc.invert(pc.is_in(table.column("code_normalized"), value_set=codes))
    for name in ("image", "image_name") if len(images) else ():
        may_be = pc.or_(may_be, pc.is_in(table.column(name), value_set=images))
    return may_be


def _rows(table: Any) -> list[Row]:
    rows: list[Row] = table.to_pylist()
    return rows


def _key(row: Row) -> str:
    return key_of(row["fingerprint"], row["image"], row["image_version"])


def _reads(
    rows: Iterable[Row], corrections: Iterable[Row], criteria: Criteria, among: Callable[[Row], bool] | None = None
) -> list[QueuedRead]:
    """Return the rows as reads, by key; of one that several runs published, as it was published last."""
    said: dict[tuple[str, str], list[Row]] = {}
    for each in corrections:
        said.setdefault((each["read_type"], each["read_key"]), []).append(each)
    by_read: dict[tuple[str, str], dict[int | None, Row]] = {}
    for row in rows:
        if among is None or among(row):
            by_read.setdefault((row["read_type"], _key(row)), {})[row["identifier_index"]] = row
    return [_read(key, codes, said.get(key, []), criteria) for key, codes in by_read.items()]


def _read(key: tuple[str, str], codes: dict[int | None, Row], said: list[Row], criteria: Criteria) -> QueuedRead:
    first = next(iter(codes.values()))
    whole = next((each for each in reversed(said) if each["identifier_index"] is None), None)
    last = {each["identifier_index"]: each for each in said}
    found = []
    for index, row in sorted(codes.items(), key=lambda each: each[0] or 0):
        about = last.get(index) if index is not None else None
        if whole is not None and (about is None or about["corrected_at"] <= whole["corrected_at"]):
            about = whole
        if index is None and about is None:  # nothing was found, and somebody added a code
            about = said[-1] if said else None
        found.append(_code(row, index, about, len(codes), criteria))
    return QueuedRead(
        key=key[1],
        type=key[0],
        image=first["image"],
        image_version=first["image_version"],
        image_name=first["image_name"],
        fingerprint=first["fingerprint"],
        camera_id=first["camera_id"],
        day=first["run_date"],
        dag_id=first["dag_id"],
        run_id=first["run_id"],
        codes=tuple(found),
        said_last=max((each["corrected_at"] for each in said), default=None),
    )


def _code(row: Row, index: int | None, about: Row | None, number: int, criteria: Criteria) -> QueuedCode:
    doubts = doubts_of(row, number, criteria)
    expected = criteria.expected
    return QueuedCode(
        index=index,
        code=row["code"],
        normalized=row["code_normalized"],
        system=row["code_system"],
        check_digit_ok=row["check_digit_ok"],
        confidence=row["confidence"],
        doubts=doubts,
        said=None
        if about is None
        else Said(about["kind"], about["code"], about["corrected_by"], about["corrected_at"]),
        nearest=expected.nearest(row["code_normalized"] or "", row["image"], row["image_name"])
        if expected and doubts
        else None,
    )


def _urgency(read: QueuedRead) -> tuple[int, float, str]:
    """Return by what reads are ordered: most reasons first, then the least sure."""
    sure = min((code.confidence for code in read.codes if code.confidence is not None), default=1.0)
    return -len(read.doubts), sure, read.image
