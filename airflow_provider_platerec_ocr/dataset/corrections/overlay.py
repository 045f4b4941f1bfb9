"""Laying corrections over reads: the rules for one read, and the way through a table of many.

The same rules as SQL are in :mod:`.view`; a test holds the two against each other.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.dataset.corrections.table import CorrectionKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Row = dict[str, Any]

NEEDED = ("image", "image_version", "fingerprint", "read_type", "identifier_index", "run_id", "calls_billed")
"""Columns of the reads without which nothing can be laid over."""
FROM_PERSON = ("code", "code_normalized", "code_system", "check_digit_ok", "repaired")
"""Columns that a correction gives anew."""
ADDED = ("code_as_read", "corrected_by", "corrected_at")
"""Columns that an overlay has besides: the API's code, and who corrected or accepted it when; null where nobody did."""
_NOT_SEEN = ("orientation", "confidence")
"""What the API says of a code; null of one that it did not give."""
_PLACE = "__place"


def overlaid(rows: list[Row], corrections: Iterable[Row]) -> list[Row]:
    """Return the rows of one read of one image as corrections have them.

    :param rows: all of them, by ``identifier_index``.
    :param corrections: of this read, oldest first; of two of the same time the later in this order counts.
    """
    latest: dict[int | None, Row] = {each["identifier_index"]: each for each in corrections}
    whole = latest.pop(None, None)
    if whole is not None:
        latest = {index: each for index, each in latest.items() if each["corrected_at"] > whole["corrected_at"]}
    found = []
    for row in rows:
        correction = latest.get(row["identifier_index"])
        if correction is None:
            found += _as_read(row, whole)
        elif correction["kind"] != CorrectionKind.TAKE_BACK:
            found.append(_corrected(row, correction, row.get("code")))
    added = [each for each in latest.values() if each["kind"] == CorrectionKind.ADD]
    added.sort(key=lambda each: int(each["identifier_index"]))
    if whole is not None or any(each["kind"] != CorrectionKind.CORRECT for each in latest.values()):
        return _recounted(_with_added(rows, found, added))
    return found


def _recounted(rows: list[Row]) -> list[Row]:
    """Return the rows of a read with the number of codes that it has now; where it has none, as it was."""
    number = sum(row["identifier_index"] is not None for row in rows)
    return [row | {"identifier_count": number} if number and "identifier_count" in row else row for row in rows]


def _with_added(rows: list[Row], found: list[Row], added: list[Row]) -> list[Row]:
    """Return what is left of the rows of a read, and the codes that the API did not give."""
    if not added:
        return found
    nothing_found = rows[0]["identifier_index"] is None
    first = rows[0] | {name: None for name in _NOT_SEEN if name in rows[0]}
    new = [_corrected(first | {"calls_billed": 0}, each, None) for each in added]
    if nothing_found:  # its row said that there is none, and what was billed for it
        found = []
        if new[0]["identifier_index"] == 0:
            new[0]["calls_billed"] = rows[0]["calls_billed"]
    return found + new


def _as_read(row: Row, whole: Row | None) -> list[Row]:
    """Return the row of a code that nobody spoke of by itself, as what was said of the whole read has it."""
    if whole is None:
        return [row | dict.fromkeys(ADDED)]
    if whole["kind"] != CorrectionKind.ACCEPT:
        return []
    said = {name: whole[name] for name in ("corrected_by", "corrected_at")}
    return [row | {"code_as_read": row.get("code")} | said]


def _corrected(row: Row, correction: Row, as_read: str | None) -> Row:
    return (
        row
        | {name: correction[name] for name in FROM_PERSON}
        | {"identifier_index": correction["identifier_index"], "code_as_read": as_read}
        | {name: correction[name] for name in ("corrected_by", "corrected_at")}
    )


def overlay(reads: Any, corrections: Any) -> Any:
    """Return an Arrow table of reads with the corrections laid over it, and the columns :data:`ADDED`, in its order.

    :param reads: with the columns :data:`NEEDED` and :data:`FROM_PERSON`.
    :param corrections: as of :func:`.table.load_corrections`.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    utc = pa.timestamp("us", tz="UTC")
    schema = pa.schema([*reads.schema, ("code_as_read", pa.string()), ("corrected_by", pa.string())])
    schema = schema.append(pa.field("corrected_at", utc))
    by_image = pc.binary_join_element_wise(
        pc.cast(reads.column("image"), pa.string()), pc.fill_null(reads.column("image_version"), ""), "#"
    )
    keys = pc.coalesce(reads.column("fingerprint"), by_image)
    touched = pc.is_in(keys, value_set=corrections.column("read_key").combine_chunks())
    rest = reads.filter(pc.invert(touched))
    nulls = [pa.nulls(rest.num_rows, kind) for kind in (pa.string(), pa.string(), utc)]
    rest = pa.table([*rest.columns, *nulls], schema=schema)
    if not pc.any(touched).as_py():
        return rest
    places = pa.array(range(reads.num_rows), pa.int64())
    rows = reads.filter(touched).to_pylist()
    for row, key, place in zip(rows, keys.filter(touched).to_pylist(), places.filter(touched).to_pylist(), strict=True):
        row[_PLACE] = (key, place)
    changed = list(_changed(rows, corrections.to_pylist()))
    table = pa.Table.from_pylist([{n: row.get(n) for n in schema.names} for row in changed], schema=schema)
    order = pa.array([row[_PLACE][1] for row in changed], pa.int64())
    both = pa.concat_tables([rest, table])
    where = pa.concat_arrays([places.filter(pc.invert(touched).combine_chunks()), order])
    return both.take(pc.sort_indices(pa.table([where], ["place"]), [("place", "ascending")]))


def _changed(rows: list[Row], corrections: list[Row]) -> Iterator[Row]:
    """Yield the rows of the reads that corrections are about."""
    by_read: dict[tuple[str, str], list[Row]] = {}
    for correction in corrections:
        by_read.setdefault((correction["read_type"], correction["read_key"]), []).append(correction)

    def of_read(row: Row) -> tuple[str, ...]:
        names = ("read_type", "image", "image_version", "run_id")
        return (row[_PLACE][0], *(str(row[name]) for name in names))

    for _, group in groupby(sorted(rows, key=of_read), key=of_read):
        some = sorted(group, key=lambda row: (row["identifier_index"] or 0, row[_PLACE][1]))
        about = by_read.get((some[0]["read_type"], some[0][_PLACE][0]), [])
        yield from overlaid(some, about) if about else (row | dict.fromkeys(ADDED) for row in some)
