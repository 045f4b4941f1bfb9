"""How one attempt ended: reading that, and writing it exactly once."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.claims import End
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.engine.ledger import records

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.storage.store import Store

log = logging.getLogger(__name__)


def read_end(store: Store, stem: str, number: int) -> tuple[End | None, dict[str, Any] | None]:
    """Return how an attempt ended and the record of that.

    While it is open, both are ``None``. Where a file of an end is there and nothing readable stands in for it, the end
    is :attr:`End.TORN`, the record ``None``, and a warning names the file.
    """
    torn = ""
    for end in records.ENDS:
        name = records.end_name(stem, number, end)
        data = store.read(name)
        if data is None:
            continue
        record = records.unpack_end(data, end)
        if record is not None:
            return end, record
        torn = torn or f"{store.place / name} ({count_of(len(data), 'byte')})"
    if not torn:
        return None, None
    healed = store.read(records.end_name(stem, number, records.HEALED))
    record = None if healed is None else records.unpack_end(healed, None)
    if record is not None:
        return End(record["end"]), record
    log.warning(
        "%s is torn: it cannot be read, so the call is in doubt. A spilled answer heals it by itself; a person can "
        "settle it with `python -m airflow_provider_platerec_ocr.ledger`.",
        torn,
    )
    return End.TORN, None


def write_end(store: Store, stem: str, number: int, end: End, record: dict[str, Any]) -> bool:
    """Write how an attempt ended; return whether the ledger now has ``record``.

    It has not where the same kind of end was there before and can be read. Beside a torn one, the record is written as
    its healed self: nothing in a ledger is overwritten.
    """
    data = records.pack({**record, "end": end.value})
    name = records.end_name(stem, number, end)
    if store.create(name, data):
        return True
    there = store.read(name)
    if there is not None and records.unpack_end(there, end) is not None:
        return False
    return store.create(records.end_name(stem, number, records.HEALED), data)
