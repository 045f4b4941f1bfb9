"""Every answer of a ledger, folder by folder: what a table can be made again from, without photographs and calls.

A million of them are a million small files, so the usual case (one claim, one answer) costs one read; whatever else is
there goes the ledger's own way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.answer.body import raw_json, unpacked
from airflow_provider_platerec_ocr.core.claims import End, calls_billed
from airflow_provider_platerec_ocr.core.models import Owner
from airflow_provider_platerec_ocr.engine.ledger import records
from airflow_provider_platerec_ocr.engine.ledger.identity import types_of
from airflow_provider_platerec_ocr.storage.files import ordered_map

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_platerec_ocr.core.claims import Attempt, History
    from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger

LOCAL_THREADS, REMOTE_THREADS = 2, 16
"""Folders that are read at a time."""
_USUAL = frozenset({(1, End.ANSWER.value), (1, "claim")})
_ANSWERED = frozenset({End.ANSWER.value, records.HEALED})


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """One answer, as the ledger keeps it."""

    type: str
    """What was read."""
    fingerprint: str
    """64 hex digits."""
    owner: Owner
    """Who paid."""
    facts: dict[str, Any]
    """Of the request: image, row, version, day of the run, …"""
    answer: str = field(repr=False)
    """The API's answer as JSON text."""
    read_at: str | None
    """When it came; UTC."""
    calls_billed: int
    """Calls of its run for it that were answered or are in doubt."""


def kept_answers(ledger: Ledger, types: list[str] | None = None) -> Iterator[list[KeptAnswer]]:
    """Yield the answers of each folder of the ledger; what was forgotten is not among them.

    :param types: only these.
    :raises OCRLedgerError: it cannot be read.
    """
    store = ledger.store
    folders = [
        (type_, name)
        for type_ in types_of(store)
        if types is None or type_ in types
        for name in store.bare_names(type_)
    ]
    threads = LOCAL_THREADS if store.place.is_local else REMOTE_THREADS
    yield from ordered_map(lambda folder: list(_of_folder(ledger, *folder)), folders, threads=threads)


def _of_folder(ledger: Ledger, type_: str, folder: str) -> Iterator[KeptAnswer]:
    files: dict[str, set[tuple[int, str]]] = {}
    for name in ledger.store.bare_names(f"{type_}/{folder}"):
        if parts := records.split_name(name):
            files.setdefault(parts[0], set()).add(parts[1:])
    for fingerprint, ends in files.items():
        if not any(suffix in _ANSWERED for _, suffix in ends):
            continue
        found = _usual(ledger, type_, fingerprint) if ends == _USUAL else None
        found = found or _any(type_, fingerprint, ledger.look(type_, fingerprint))
        if found is not None:
            yield found


def _usual(ledger: Ledger, type_: str, fingerprint: str) -> KeptAnswer | None:
    """Return the only answer, read without its claim; ``None`` where its file does not say it all."""
    data = ledger.store.read(records.end_name(records.stem(type_, fingerprint), 1, End.ANSWER))
    record = None if data is None else records.unpack_end(data, End.ANSWER)
    if record is None or not isinstance(record.get("owner"), dict):
        return None
    return _kept(type_, fingerprint, Owner.from_json(record["owner"]), record, billed=1)


def _any(type_: str, fingerprint: str, history: History) -> KeptAnswer | None:
    """Return the answer that counts: the lowest-numbered one that can be read."""
    attempt: Attempt | None = next((each for each in history if each.end is End.ANSWER and each.payload), None)
    if attempt is None or attempt.payload is None:
        return None
    image, row = (str((attempt.payload.get("facts") or {}).get(name) or "") for name in ("image", "row"))
    owner = attempt.owner
    billed = (
        calls_billed(history, owner.run_id, row=int(row), image=image, dag_id=owner.dag_id) if row.isdecimal() else 1
    )
    return _kept(type_, fingerprint, owner, attempt.payload, billed=billed)


def _kept(type_: str, fingerprint: str, owner: Owner, record: dict[str, Any], *, billed: int) -> KeptAnswer:
    facts = record.get("facts")
    facts = facts if isinstance(facts, dict) else {}
    read_at = facts.get("read_at") or record.get("saved_at")
    return KeptAnswer(
        type=type_,
        fingerprint=fingerprint,
        owner=owner,
        facts=facts,
        answer=raw_json(record["answer"], unpacked(facts)),
        read_at=read_at if isinstance(read_at, str) else None,
        calls_billed=billed,
    )
