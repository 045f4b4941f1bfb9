"""The outcomes of a shard as an Arrow table, parsed without a Python object for each.

A million outcomes as objects take longer than everything else in an export. Which outcome counts is decided by
:func:`~.journal.best_of`, here as there.
"""

from __future__ import annotations

import logging
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.models import Outcome, ReadStatus
from airflow_provider_platerec_ocr.dataset.table.journal import best_of, read_outcomes, read_parts
from airflow_provider_platerec_ocr.storage.files import read_whole

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_platerec_ocr.storage.path import StoragePath

log = logging.getLogger(__name__)


def outcome_schema() -> Any:
    """Return the Arrow schema of :class:`~airflow_provider_platerec_ocr.core.models.Outcome`; times stay text."""
    import pyarrow as pa

    kinds = {
        **dict.fromkeys(("row", "http_status", "calls_billed"), pa.int64()),
        "from_ledger": pa.bool_(),
        "call_s": pa.float64(),
    }
    return pa.schema([(name, kinds.get(name, pa.string())) for name in (item.name for item in fields(Outcome))])


def to_table(outcomes: Iterable[Outcome]) -> Any:
    """Return the outcomes as a table."""
    import pyarrow as pa

    return pa.Table.from_pylist([outcome.to_json() for outcome in outcomes], schema=outcome_schema())


def best_table(workspace: StoragePath, shard: int) -> Any:
    """Return exactly one outcome for each image that has any, by row; see :func:`~.journal.best_outcomes`."""
    import pyarrow as pa
    import pyarrow.compute as pc

    data = b"".join(part for _, part in read_parts(workspace, shard))
    try:
        table = _parse(data)
    except pa.ArrowInvalid:  # a line is damaged: the slow way says which, and keeps the others
        table = to_table(read_outcomes(workspace, shard))
    if pc.count_distinct(table.column("row")).as_py() == table.num_rows:  # as it nearly always is
        return table.sort_by("row")
    facts = zip(*(table.column(name).to_pylist() for name in ("row", "status", "at")), strict=True)
    return table.take(pa.array(best_of(facts), pa.int64()))


def with_planned(outcomes: Any, shard: StoragePath) -> Any:
    """Return the outcomes with what only the plan knows: columns ``image_name`` and ``manifest_columns``, by row.

    :param shard: file of the planned images; where it is gone, or tells nothing, nothing is added.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    data = read_whole(shard)
    if data is None or not any(b'"%s":' % name.encode() in data for name in PLANNED):
        return outcomes
    try:
        planned = _lines(data, _planned_schema())
    except pa.ArrowInvalid as error:  # what was read is worth more than what it was called
        log.warning("%s cannot be read, so its rows go without the manifest's names: %s", shard, error)
        return outcomes
    places = pc.index_in(outcomes.column("row"), value_set=planned.column("row"))
    for name in PLANNED:
        outcomes = outcomes.append_column(name, planned.column(name).take(places))
    return outcomes


PLANNED = ("image_name", "manifest_columns")
"""Columns of a planned image that travel through no worker."""


def _planned_schema() -> Any:
    import pyarrow as pa

    return pa.schema([("row", pa.int64()), *((name, pa.string()) for name in PLANNED)])


def calls_of_unread(workspace: StoragePath, shards: Iterable[int]) -> int:
    """Return the calls that a run's books have for images which it will plan again: doubts, above all."""
    import pyarrow as pa
    import pyarrow.compute as pc

    ended = pa.array([ReadStatus.READ.value, ReadStatus.REJECTED.value])
    found = 0
    for shard in shards:
        table = best_table(workspace, shard)
        open_ones = table.filter(pc.invert(pc.is_in(table.column("status"), ended)))
        found += pc.sum(open_ones.column("calls_billed")).as_py() or 0
    return found


def _parse(data: bytes) -> Any:
    import pyarrow as pa

    table = _lines(data, outcome_schema())
    if table.column("row").null_count or table.column("status").null_count:
        message = "a line is no outcome"
        raise pa.ArrowInvalid(message)
    return table


def _lines(data: bytes, schema: Any) -> Any:
    """Return lines of JSON as a table of these columns, whatever else is in them."""
    import pyarrow as pa
    from pyarrow import json

    if not data:
        return schema.empty_table()
    return json.read_json(
        pa.BufferReader(data),
        read_options=json.ReadOptions(use_threads=False, block_size=len(data) + 1),
        parse_options=json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
    ).select(schema.names)
