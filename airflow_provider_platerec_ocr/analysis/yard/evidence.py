"""What is known of each of many groups of reads, by column: their images, cameras, codes and times.

A night may have a million reads, so nothing here makes an object of one: reads are numbers, and Arrow counts.
"""

from __future__ import annotations

from array import array
from functools import reduce
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Sequence

BY_PERSON = ("code_as_read", "corrected_by")
"""Columns of corrected reads, of which one is not null where a person has said what is there."""
_TOGETHER = 100_000
_UTC = pa.timestamp("us", tz="UTC")
COLUMNS = {
    "image": pa.string(),
    "code": pa.string(),
    "code_normalized": pa.string(),
    "confidence": pa.float64(),
    "camera_id": pa.string(),
    "timestamp": _UTC,
    "read_at": _UTC,
}
"""Columns of the reads that the analyses look at, whatever kind of text or time they are given as."""


def plain(reads: Any) -> Any:
    """Return what is known of each read: ``image``, ``code``, ``confidence``, ``camera``, ``when``, ``certain``.

    ``code`` is as corrected or normalized, null where there is none; ``when`` is the photograph's own time, or else
    that of reading; ``certain`` is whether a person has said what is there.

    :param reads: an Arrow table with the columns :data:`COLUMNS`.
    """
    given = {name: one(pc.cast(reads.column(name), kind, safe=False)) for name, kind in COLUMNS.items()}
    code = pc.coalesce(*(_said(given[name]) for name in ("code_normalized", "code")))
    said = [pc.is_valid(one(reads.column(name))) for name in BY_PERSON if name in reads.schema.names]
    return pa.table(
        {
            "certain": reduce(pc.or_, said, pa.array([False] * reads.num_rows, pa.bool_())),
            "image": given["image"],
            "code": code,
            "confidence": given["confidence"],
            "camera": given["camera_id"],
            "when": pc.coalesce(given["timestamp"], given["read_at"]),
        }
    )


def _said(texts: Any) -> Any:
    """Return texts, with null for one without a character."""
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)


def one(column: Any) -> Any:
    """Return a column as one array."""
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def numbered(texts: Any) -> tuple[Any, Any]:
    """Return a number for each text, null for null, and the texts by number, in the order in which they appear."""
    found = pc.dictionary_encode(texts)
    return found.indices, found.dictionary


def numbers(values: Any, missing: float | None = None) -> Any:
    """Return an array of numbers as a ``memoryview``, without copying it.

    :param missing: what stands for null.
    """
    whole = pc.fill_null(values, missing) if values.null_count and missing is not None else values
    kinds = {pa.int32(): "i", pa.int64(): "q", pa.float64(): "d"}
    if not len(whole):
        return memoryview(array(kinds[whole.type]))
    raw: Any = memoryview(whole.buffers()[1]).cast("B")
    view = raw.cast(kinds[whole.type])
    return view[whole.offset : whole.offset + len(whole)]


def of_numbers(values: array[int]) -> Any:
    """Return an array of numbers as an Arrow array, without copying it."""
    kind = {"i": pa.int32(), "q": pa.int64()}[values.typecode]
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)])


def gathered(groups: Any, number: int, reads: dict[str, Any], names: dict[str, Any]) -> dict[str, Any]:
    """Return, by group, ``reads`` (how many), ``images``, ``cameras``, ``read_codes``, ``confidence``, ``first_seen``,
    ``last_seen``.

    :param groups: the group of each read, from 0, ascending; a read may be in several.
    :param number: how many groups there are; some may have no read.
    :param reads: ``image``, ``camera`` and ``code`` as numbers, ``confidence``, ``when``; one value for each of
        ``groups``.
    :param names: the texts that those three numbers stand for.
    """  # noqa: D205  # the columns by name
    begins = offsets(numbers(groups), number)
    parts = []
    for first in range(0, max(number, 1), _TOGETHER):  # some at a time: Arrow's tables of groups are large
        last = min(first + _TOGETHER, number)
        start, length = begins[first], begins[last] - begins[first]
        some = {name: column.slice(start, length) for name, column in reads.items()}
        own = pc.subtract(groups.slice(start, length), pa.scalar(first, pa.int32()))
        parts.append(_gathered(own, last - first, some, names))
    return {name: pa.concat_arrays([part[name] for part in parts]) for name in parts[0]}


def _gathered(groups: Any, number: int, reads: dict[str, Any], names: dict[str, Any]) -> dict[str, Any]:
    table = pa.table({"group": groups, **reads})
    each = table.group_by("group", use_threads=False).aggregate(
        [([], "count_all"), ("confidence", "max"), ("when", "min"), ("when", "max")]
    )
    at = pc.index_in(pa.array(range(number), pa.int32()), value_set=one(each.column("group")))
    counts = pc.cast(pc.fill_null(one(each.column("count_all")).take(at), 0), pa.int32())
    return {
        "reads": counts,
        "images": _lists(table, "image", number, names["image"]),
        "cameras": _lists(table, "camera", number, names["camera"], in_order=True),
        "read_codes": _lists(table, "code", number, names["code"]),
        "confidence": one(each.column("confidence_max")).take(at),
        "first_seen": one(each.column("when_min")).take(at),
        "last_seen": one(each.column("when_max")).take(at),
    }


def _lists(table: Any, column: str, number: int, names: Any, *, in_order: bool = False) -> Any:
    """Return the texts of a column that each group has, each once.

    :param in_order: by their text; else as they appear.
    """
    found = each_once(table.select(["group", column]))
    texts = names.take(one(found.column(column)))
    groups = one(found.column("group"))
    if in_order:
        order = pc.sort_indices(pa.table([groups, texts], ["g", "t"]), [("g", "ascending"), ("t", "ascending")])
        groups, texts = groups.take(order), texts.take(order)
    return pa.ListArray.from_arrays(of_numbers(offsets(numbers(groups), number)), texts)


def each_once(table: Any) -> Any:
    """Return the rows of a table without those that are there already or have a null, in their order.

    Arrow's groups come in any order: a thousand at a time are numbered as they lie in its table of hashes.
    """
    names = table.column_names
    place = pa.array(range(table.num_rows), pa.int32())
    found = table.append_column("place", place).drop_null().group_by(names).aggregate([("place", "min")])
    return found.take(pc.sort_indices(found.column("place_min"))).select(names)


def offsets(groups: Sequence[int], number: int) -> array[int]:
    """Return where each group begins among ascending numbers of groups, and where the last one ends."""
    sizes = array("i", [0]) * (number + 1)
    for group in groups:
        sizes[group + 1] += 1
    return array("i", accumulate(sizes))
