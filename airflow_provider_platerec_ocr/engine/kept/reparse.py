"""Looking again at answers that were kept and could not be read: a later version may know what they say.

Nothing of the ledger changes by it, but that an image whose rejection turns out to be a read gets that as its answer.
The fingerprints are written down beside, and a plan takes images with these fingerprints, as long as the table has no
read of them, for ones that are still to be read; their answers then come from the ledger, for nothing.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.answer.body import UNREAD, as_object, parsed, unpacked
from airflow_provider_platerec_ocr.core.claims import End
from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRCallError
from airflow_provider_platerec_ocr.core.fingerprint import is_fingerprint
from airflow_provider_platerec_ocr.core.wire import read_from_json
from airflow_provider_platerec_ocr.engine.ledger import records
from airflow_provider_platerec_ocr.engine.ledger.admin import Found, LedgerAdmin, LedgerDecision
from airflow_provider_platerec_ocr.storage.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_platerec_ocr.core.claims import Attempt
    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
    from airflow_provider_platerec_ocr.storage.path import StoragePath

FOLDER = "reparsed-answers"
"""Folder of what was found; the hyphen keeps it apart from every type's folder."""
_WHY = "a later version reads the answer that was kept"
_THREADS = 16


@dataclass(slots=True)
class Reparsed:
    """What became of the answers that could not be read."""

    understood: list[Found] = field(default_factory=list)
    """Those that this version reads, whether or not it was said before."""
    new: list[Found] = field(default_factory=list)
    """Those of them that were not written down before; the next plan finds their images."""
    unread: list[Found] = field(default_factory=list)
    """Those that it cannot read either."""


def reparse(ledger: Ledger, *, by: str, clock: Clock | None = None) -> Reparsed:
    """Read every answer of a ledger that was kept unread, and write down which of them are reads now.

    :param by: who asks.
    :raises OCRLedgerError: the ledger cannot be read or written.
    """
    clock = clock or SystemClock()
    admin, done = LedgerAdmin(ledger, clock), Reparsed()
    before = reopened(ledger.root)
    with ThreadPoolExecutor(_THREADS) as pool:
        for names in _folders(admin, ledger.store):
            for found in pool.map(lambda name: Found(name[0], name[1], ledger.look(*name)), names):
                _sort(done, found, before, (admin, by))
    if done.new:
        name = f"{FOLDER}/{clock.now():%Y%m%dT%H%M%SZ}-{records.new_nonce()[:8]}.txt"
        ledger.store.create(name, "".join(f"{found.type} {found.fingerprint}\n" for found in done.new).encode())
    return done


def reopened(place: StoragePath) -> frozenset[str]:
    """Return the fingerprints that :func:`reparse` ever found to be reads; one LIST where there are none.

    :param place: the ledger's folder, which need not exist.
    :raises OCRLedgerError: it cannot be read.
    """
    store = Store(place)
    names = [f"{FOLDER}/{name}" for name in store.bare_names(FOLDER) if name.endswith(".txt")]
    words = (word for data in store.read_many(names).values() for word in data.decode("ascii", "replace").split())
    return frozenset(word for word in words if is_fingerprint(word))


def _sort(done: Reparsed, found: Found, before: frozenset[str], writer: tuple[LedgerAdmin, str]) -> None:
    kept = next(((attempt, facts) for attempt in found.history if (facts := _unread(attempt)) is not None), None)
    if kept is None:
        return
    attempt, facts = kept
    body = unpacked(facts)
    if body is None or not _is_read(body):
        done.unread += [found] if facts.get(UNREAD) else []
        return
    done.understood.append(found)
    if attempt.end is End.REJECTED:
        admin, by = writer
        admin.write(found, attempt, LedgerDecision(End.ANSWER, by, _WHY, as_object(body)))
    if found.fingerprint not in before:
        done.new.append(found)


def _unread(attempt: Attempt) -> dict[str, Any] | None:
    """Return the facts of an attempt with a body that was not read, ``None`` of any other."""
    facts: dict[str, Any] = (attempt.payload or {}).get("facts") or {}
    is_one = (attempt.end is End.ANSWER and facts.get(UNREAD)) or (attempt.end is End.REJECTED and unpacked(facts))
    return facts if is_one else None


def _is_read(body: bytes) -> bool:
    try:
        read_from_json(parsed(body))
    except OCRCallError:
        return False
    return True


def _folders(admin: LedgerAdmin, store: Store) -> Iterator[list[tuple[str, str]]]:
    """Yield type and fingerprint of all that has an answer or a rejection, folder by folder."""
    for type_ in admin.types():
        for name, _ in store.names(type_):
            if name.endswith("/"):
                parts = (records.split_name(file) for file, _ in store.names(f"{type_}/{name[:-1]}"))
                ended = {part[0] for part in parts if part and part[2] in (End.ANSWER, End.REJECTED, records.HEALED)}
                yield [(type_, fingerprint) for fingerprint in sorted(ended)]
