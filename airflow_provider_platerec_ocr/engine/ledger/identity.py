"""Which ledger this is: a name of its own, made with it, that a moved or restored copy keeps.

``ledger-identity/identity.json`` is created exclusively when a ledger is first opened for writing, and never changed.
``ledger-identity/<id>.id`` repeats the id as a file's name, so that a ledger into which another was copied carries the
ids of both. ``ledger-identity/<hash>.url`` names a base URL that was paid under: fingerprints hold it, and no file of
a claim does.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.fingerprint import check_type
from airflow_provider_platerec_ocr.core.models import format_timestamp
from airflow_provider_platerec_ocr.engine.ledger import records

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.storage.store import Store

FOLDER = "ledger-identity"
"""The hyphen keeps it apart from every type's folder."""
_FILE = f"{FOLDER}/identity.json"
_ID_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Identity:
    """A ledger's name and age."""

    id: str
    """12 hexadecimal digits; empty where a ledger has none yet."""
    made_at: str = ""
    """When the id was given; UTC, ISO 8601."""
    older: bool = False
    """Whether the ledger had claims before it had an id: then it is older than that."""
    merged: frozenset[str] = frozenset()
    """Ids of the ledgers that were copied into it, and its own."""

    def is_also(self, id_: str) -> bool:
        """Return whether this is the ledger called ``id_``, or one that it was copied into."""
        return bool(id_) and (id_ == self.id or id_ in self.merged)

    def age(self) -> str:
        """Return how old it is, for a sentence."""
        return f"{'older than' if self.older else 'made'} {self.made_at}" if self.made_at else "of unknown age"


def give_identity(store: Store, clock: Clock) -> tuple[Identity, bool]:
    """Return the ledger's identity, made now where it has none; and whether the ledger is new: without any claim.

    :raises OCRLedgerUnwritable: it cannot be made.
    """
    there = _own(store)
    if there is not None:
        return there, False
    older = has_claims(store)
    nonce = records.new_nonce()
    mine = Identity(nonce[:_ID_DIGITS], format_timestamp(clock.now()), older)
    made = {"nonce": nonce, "id": mine.id, "made_at": mine.made_at, "older": older}
    store.mark(f"{FOLDER}/{mine.id}.id")  # first: an id that nobody bears does no harm, one that is not listed would
    if store.create(_FILE, records.pack(made)):
        return mine, not older
    return _own(store) or Identity(""), False


def read_identity(store: Store) -> Identity:
    """Return the ledger's identity with all ids that were copied into it; without an id where it has none."""
    own = _own(store) or Identity("")
    ids = {name.removesuffix(".id") for name in store.bare_names(FOLDER) if name.endswith(".id")}
    return Identity(own.id, own.made_at, own.older, frozenset(ids | {own.id} - {""}))


def note_base_url(store: Store, base_url: str) -> None:
    """Have the ledger know a base URL that it is paid under; one request where it knows it."""
    name = f"{FOLDER}/{hashlib.sha256(base_url.encode()).hexdigest()[:16]}.url"
    if store.read(name) is None:
        store.create(name, records.pack({"nonce": records.new_nonce(), "base_url": base_url}))


def base_urls(store: Store) -> list[str]:
    """Return the base URLs that the ledger was paid under, as far as it knows; older versions wrote down none."""
    found = []
    for name in store.bare_names(FOLDER):
        record = records.unpack(store.read(f"{FOLDER}/{name}")) if name.endswith(".url") else None
        if record is not None and isinstance(record.get("base_url"), str):
            found.append(record["base_url"])
    return sorted(found)


def types_of(store: Store) -> list[str]:
    """Return the types that were ever claimed."""
    return [name[:-1] for name, _ in store.names() if name.endswith("/") and _is_type(name[:-1])]


def has_claims(store: Store) -> bool:
    """Return whether anything was ever claimed here: a look at the names of at most three folders."""
    for type_ in types_of(store):
        for folder in store.bare_names(type_):
            if any(map(records.split_name, store.bare_names(f"{type_}/{folder}"))):
                return True
    return False


def _own(store: Store) -> Identity | None:
    record = records.unpack(store.read(_FILE))
    if record is None or not isinstance(record.get("id"), str):
        return None
    return Identity(record["id"], str(record.get("made_at", "")), record.get("older") is True)


def _is_type(name: str) -> bool:
    try:
        check_type(name)
    except OCRConfigError:
        return False
    return True
