"""What a ledger has of one fingerprint, file by file: which file, made when and by whom, and what it says.

For people who look at one image; :mod:`...engine.ledger.describe` says in words what it means for the next run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.models import Owner
from airflow_provider_platerec_ocr.core.redact import redact, shorten
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.engine.ledger import records
from airflow_provider_platerec_ocr.engine.ledger.describe import describe

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger

CLAIM = "claim"
MOST_ATTEMPTS = 50
"""Attempts of one fingerprint that are looked at; more than two are rare."""


@dataclass(frozen=True, slots=True)
class Step:
    """One file of a fingerprint."""

    attempt: int
    """From 1."""
    kind: str
    """``claim``, or how it ended: ``answer``, ``rejected``, ``released``, ``healed``."""
    file: str
    """Where it is."""
    at: str
    """When it was made; UTC, ISO 8601; empty where it does not say."""
    owner: Owner
    """Who made it; all defaults outside Airflow, and where it cannot be read."""
    says: str
    """What it says, on one line, without secrets."""
    is_torn: bool = False
    """Whether it cannot be read."""


@dataclass(frozen=True, slots=True)
class LedgerStory:
    """What a ledger has of one fingerprint."""

    type: str
    fingerprint: str
    steps: tuple[Step, ...]
    """In the order in which they were made."""
    words: tuple[str, ...]
    """The attempts in words, and last what they mean for the next run; empty where there are none."""


def ledger_story(ledger: Ledger, type_: str, fingerprint: str) -> LedgerStory:
    """Return what the ledger has of a fingerprint, nothing where it has nothing.

    :raises OCRConfigError: that is no fingerprint, or no type. :raises OCRLedgerError: the ledger cannot be read.
    """
    stem = records.stem(type_, fingerprint)
    steps: list[Step] = []
    for number in range(1, MOST_ATTEMPTS + 1):
        claim = _step(ledger, records.claim_name(stem, number), number, CLAIM)
        if claim is None:
            break
        ends = (*(end.value for end in records.ENDS), records.HEALED)
        found = (_step(ledger, records.end_name(stem, number, end), number, end) for end in ends)
        steps += [claim, *(step for step in found if step is not None)]
    history = ledger.look(type_, fingerprint) if steps else ()
    words = describe(history, ledger.lease_s) if history else ()
    return LedgerStory(type_, fingerprint, tuple(steps), tuple(redact(line) for line in words))


def _step(ledger: Ledger, name: str, number: int, kind: str) -> Step | None:
    data = ledger.store.read(name)
    if data is None:
        return None
    file, record = str(ledger.root / name), records.unpack(data)
    if record is None:
        return Step(number, kind, file, "", Owner(), f"cannot be read ({count_of(len(data), 'byte')})", is_torn=True)
    owner = record.get("owner")
    return Step(
        attempt=number,
        kind=kind,
        file=file,
        at=str(record.get("claimed_at") or record.get("saved_at") or ""),
        owner=Owner.from_json(owner) if isinstance(owner, dict) else Owner(),
        says=shorten(redact(_said(record, kind))),
    )


def _said(record: dict[str, Any], kind: str) -> str:
    """Return what a record says, for a person."""
    facts = record.get("facts")
    facts = facts if isinstance(facts, dict) else {}
    settled = record.get("settled")
    parts = []
    if kind == CLAIM:
        parts = [f"row {facts['row']}" if facts.get("row") else "", f"lease {record.get('lease_s')} s"]
    elif isinstance(settled, dict):
        parts = [f"settled by {settled.get('by')}: {settled.get('why')}"]
    else:
        parts = [str(facts.get(key) or "") for key in ("http_status", "reason", "message")]
        parts += [str(record.get("reason") or ""), "came late" if record.get("late") else ""]
        parts += [f"sent {facts['sent_at']}" if facts.get("sent_at") else ""]
        parts += [f"took {facts['elapsed_s']} s" if facts.get("elapsed_s") is not None else ""]
    return ", ".join(part for part in parts if part)
