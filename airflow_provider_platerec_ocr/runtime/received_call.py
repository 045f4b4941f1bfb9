"""From a payload of the inbox to what is to be published of it, and which payloads are of calls of our own.

A call of ours that is in the ledger has its row, or gets it from the run that made it; its payload only counts where
the ledger lacks the answer. Everybody else's calls (phones, cameras, other scripts) become rows of their own.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.claims import FORGOTTEN, End
from airflow_provider_platerec_ocr.core.images.identity import web_identity
from airflow_provider_platerec_ocr.core.models import Outcome, ReadStatus, Reason
from airflow_provider_platerec_ocr.core.redact import redact, shorten, whole_text
from airflow_provider_platerec_ocr.engine.kept.tombstones import DELETED
from airflow_provider_platerec_ocr.engine.ledger.admin import LedgerAdmin, LedgerDecision
from airflow_provider_platerec_ocr.engine.ledger.late_answer import BY
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from airflow_provider_platerec_ocr.webhook.answers import answer_of, why_unreadable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_platerec_ocr.core.claims import Attempt
    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.engine.ledger.admin import Found
    from airflow_provider_platerec_ocr.storage.path import StoragePath
    from airflow_provider_platerec_ocr.webhook.payload import Payload

_THREADS = 16
"""An object store takes about 50 ms an operation."""


class Origin(StrEnum):
    """Whose call a payload is of."""

    OTHERS = "others"
    """The ledger knows nothing of it: it becomes a row."""
    OURS = "ours"
    """The ledger has it, and how it ended, or its call is still under way."""
    FORGOTTEN = "forgotten"
    """What it says was deleted before it came: its content goes, too."""
    SETTLED = "settled"
    """The ledger lacked the answer, and has it now; the next run publishes it."""


class OurCalls:
    """Tells payloads of our own calls from those of others.

    :param ledger: the ledger's folder.
    :param lease_s: lease of claims that do not say theirs.
    """

    def __init__(self, ledger: StoragePath, *, lease_s: float, clock: Clock) -> None:
        self._admin = LedgerAdmin(Ledger.peek(ledger, lease_s=lease_s, clock=clock), clock)

    def sort(self, payloads: Sequence[Payload]) -> list[Origin]:
        """Return the origin of each payload, and settle what is in doubt with them.

        :raises OCRLedgerError: the ledger cannot be read; nothing is known then.
        """
        types = self._admin.types() if any(payload.fingerprint for payload in payloads) else []
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="platerec") as pool:
            return list(pool.map(lambda payload: self._origin(payload, types), payloads))

    def _origin(self, payload: Payload, types: list[str]) -> Origin:
        fingerprint = payload.fingerprint
        found = [] if fingerprint is None else [each for t in types for each in self._admin.find(fingerprint, t)]
        if not found:
            return Origin.OTHERS
        if any(_was_deleted(attempt) for each in found for attempt in each.history):
            return Origin.FORGOTTEN
        return Origin.SETTLED if any(self._settles(each, payload) for each in found) else Origin.OURS

    def _settles(self, found: Found, payload: Payload) -> bool:
        """Write the answer down where the ledger lacks it; return whether this did."""
        if any(attempt.end in (End.ANSWER, End.REJECTED) for attempt in found.history) or self._admin.live(found):
            return False
        if why_unreadable(payload) is not None:
            return False
        attempt = (self._admin.in_doubt(found) or found.history)[0]
        decision = LedgerDecision(End.ANSWER, BY, f"payload {payload.id} in the inbox of webhooks", answer_of(payload))
        return self._admin.write(found, attempt, decision)


def _was_deleted(attempt: Attempt) -> bool:
    """Return whether somebody had what it said deleted; what was merely old may stay where it is not."""
    said = (attempt.payload or {}).get(FORGOTTEN) if attempt.is_forgotten else None
    return isinstance(said, dict) and said.get("why") == DELETED


def image_of(payload: Payload) -> str:
    """Return the image's identity: its URL at the API without signature, else the file's name, else the payload's."""
    url = payload.file_url
    if url and url.startswith(("http://", "https://")):
        try:
            return whole_text(web_identity(url).name)
        except ValueError:  # such as a port that is none
            pass
    return whole_text(payload.filename or f"webhook-{payload.id}")


def outcome_of(payload: Payload, row: int, type_: str) -> Outcome:
    """Return the outcome of a call that somebody else made and paid for: a read, or a dead letter.

    The image's version is the payload's id, so that one name with two answers gives two reads.
    """
    problem = why_unreadable(payload)
    common: dict[str, Any] = {
        "row": row,
        "image": image_of(payload),
        "type": type_,
        "image_version": payload.id,
        "fingerprint": payload.fingerprint,
        "at": payload.received_at,
    }
    if problem is not None:
        said = payload.data.get("error") or payload.data.get("detail")
        message = whole_text(f"The webhook's answer is no read: {shorten(redact(str(said or problem)))}")
        return Outcome(**common, status=ReadStatus.REJECTED, reason=Reason.API_REJECTED, message=message)
    answer = payload.data | ({"file_url": image_of(payload)} if payload.file_url else {})
    text = whole_text(json.dumps(answer, ensure_ascii=False))
    return Outcome(**common, status=ReadStatus.READ, answer=text, read_at=payload.received_at)
