"""Which images the ledger can answer, by what planning knows of them before it has read a byte.

Files of 16-byte records, only ever added. They are a hint: a record too few makes a plan reserve a call that the ledger
then saves, one too many (after ``forget``) makes it reserve one call too few.
"""

from __future__ import annotations

import logging
import posixpath
import re
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.claims import KEY_BYTES
from airflow_provider_platerec_ocr.engine.ledger.records import new_nonce

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_platerec_ocr.core.models import Owner
    from airflow_provider_platerec_ocr.storage.store import Store

KNOWN = "known-images"
"""Folder of the index; the hyphen keeps it apart from every type's folder."""
SUFFIX = ".bin"
_AT_ONCE = 256
log = logging.getLogger(__name__)


def remember(store: Store, owner: Owner, keys: Iterable[bytes]) -> None:
    """Add identity keys of 16 bytes, as one new file."""
    records = list(dict.fromkeys(keys))
    if any(len(record) != KEY_BYTES for record in records):
        message = f"identity keys have {KEY_BYTES} bytes"
        raise ValueError(message)
    if records:
        who = re.sub(r"[^A-Za-z0-9]+", "-", f"{owner.dag_id} {owner.run_id} {owner.map_index}").strip("-")
        store.create(f"{KNOWN}/{who[:100]}.{new_nonce()}{SUFFIX}", b"".join(records))


def known(store: Store) -> set[bytes]:
    """Return all identity keys of the index."""
    names = [f"{KNOWN}/{name}" for name, size in store.names(KNOWN) if name.endswith(SUFFIX) and size]
    keys: set[bytes] = set()
    for start in range(0, len(names), _AT_ONCE):
        for name, data in store.read_many(names[start : start + _AT_ONCE]).items():
            whole = len(data) - len(data) % KEY_BYTES
            if whole != len(data):
                log.warning("%s is torn; its last record is left out.", posixpath.basename(name))
            keys.update(data[at : at + KEY_BYTES] for at in range(0, whole, KEY_BYTES))
    return keys
