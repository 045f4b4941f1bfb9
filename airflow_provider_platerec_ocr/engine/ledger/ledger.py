"""All claims and how they ended: what makes every image paid for once.

Append-only and content-addressed, on any fsspec store that creates exclusively. The rules are in
:mod:`...core.claims`, the files in :mod:`.records`, the store's ways in :mod:`...storage.store`; this puts them
together. It is synchronous and may be used by several threads at once; it never sends anything, and does not know who
calls.
"""

from __future__ import annotations

import itertools
import logging
import re
from typing import TYPE_CHECKING, Any, Self

from airflow_provider_platerec_ocr.core.claims import End
from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.models import Owner, format_timestamp
from airflow_provider_platerec_ocr.engine.ledger import records
from airflow_provider_platerec_ocr.engine.ledger.attempt_end import read_end, write_end
from airflow_provider_platerec_ocr.engine.ledger.identity import Identity, give_identity, note_base_url
from airflow_provider_platerec_ocr.engine.ledger.records import Claim
from airflow_provider_platerec_ocr.engine.ledger.spill import adopt, spill
from airflow_provider_platerec_ocr.storage.probe import prove_exclusive
from airflow_provider_platerec_ocr.storage.store import Store
from airflow_provider_platerec_ocr.storage.store_clock import StoreClock

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_platerec_ocr.core.claims import Attempt, History
    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.storage.path import StoragePath

__all__ = ["Claim", "Ledger"]

BOARDS = "pace-boards"
"""Folder of the boards on which shards share an account's rate; the hyphen keeps it apart from every type's folder."""
_ACCOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
log = logging.getLogger(__name__)


class Ledger:
    """The ledger in one folder. Make one with :meth:`open`, or with :meth:`peek` to look only.

    :param store: the folder.
    :param lease_s: seconds that a claim made here may stay open; also stands in where a claim does not say its own.
    :param clock: where this machine's time comes from; ages of claims are taken on the store's.
    :param owner: who claims.
    :param spill_folder: folder on this machine for answers that the store does not take.
    :param trusting: see :class:`...storage.store_clock.StoreClock`.
    """

    def __init__(  # noqa: PLR0913  # open() and peek() are how it is made
        self,
        store: Store,
        *,
        lease_s: float,
        clock: Clock,
        owner: Owner,
        spill_folder: Path | None = None,
        trusting: bool = False,
    ) -> None:
        self.store = store
        self.lease_s = lease_s
        self.adopted = 0
        """Spilled answers that opening moved into the ledger."""
        self.identity = Identity("")
        """Its name and age, without the ids of ledgers that were copied into it; known once it is open for paying."""
        self._clock = clock
        self._owner = owner
        self._owner_json = owner.to_json()
        self._spill_folder = spill_folder
        self._store_clock = StoreClock(store, clock, trusting=trusting)

    @classmethod
    def open(cls, root: StoragePath, *, lease_s: float, clock: Clock, owner: Owner, spill: Path | None = None) -> Self:
        """Open a ledger for paying: prove that its store creates exclusively, and take in what was spilled.

        :raises OCRLedgerUnsafe: the store lets two workers create one name.
        :raises OCRLedgerUnwritable: it takes no files.
        """
        store = Store(root)
        store.prepare()
        prove_exclusive(store)
        ledger = cls(store, lease_s=lease_s, clock=clock, owner=owner, spill_folder=spill)
        ledger.identity, is_new = give_identity(store, clock)
        if is_new:
            log.warning("A new ledger was made in %s: it knows nothing of what was paid for elsewhere.", root)
        if spill is not None:
            ledger.adopted = adopt(spill, store)
        return ledger

    @classmethod
    def peek(cls, root: StoragePath, *, lease_s: float, clock: Clock, owner: Owner | None = None) -> Self:
        """Open a ledger for looking: nothing is created, and where it takes no probe, this machine's time will do."""
        return cls(Store(root), lease_s=lease_s, clock=clock, owner=owner or Owner(), trusting=True)

    @property
    def root(self) -> StoragePath:
        """The ledger's folder."""
        return self.store.place

    def look(self, type_: str, fingerprint: str) -> History:
        """Return the attempts of a fingerprint: one request where there is none, two where there is an answer.

        Attempts after a timely answer or rejection are not looked for: nobody may have made one.
        """
        stem = records.stem(type_, fingerprint)
        attempts: list[Attempt] = []
        for number in itertools.count(1):
            data = self.store.read(records.claim_name(stem, number))
            attempt = None if data is None else self._attempt(stem, number, data)
            if attempt is None:
                break
            attempts.append(attempt)
            timely = attempt.payload is not None and attempt.payload.get("late") is False
            if timely and attempt.end in (End.ANSWER, End.REJECTED):
                break
        return tuple(attempts)

    def claim(self, type_: str, fingerprint: str, number: int, facts: dict[str, Any]) -> Claim | None:
        """Claim attempt ``number``, as :func:`...core.claims.decide` allowed it; ``None`` where somebody else has it.

        :param facts: of the request, for people and for counting: ``image``, ``row``, …
        :raises OCRLedgerUnwritable: nothing may be sent.
        """
        claim = Claim(type_, fingerprint, number, records.new_nonce(), self._clock.monotonic())
        record = {
            **self._head(claim),
            "claimed_at": format_timestamp(self._clock.now()),
            "lease_s": self.lease_s,
            "facts": facts,
        }
        name = records.claim_name(records.stem(type_, fingerprint), number)
        return claim if self.store.create(name, records.pack(record)) else None

    def answer(self, claim: Claim, raw: dict[str, Any], facts: dict[str, Any]) -> None:
        """Keep the answer of a call.

        Where the attempt has another answer by now (somebody settled it), this one goes to the spill, named.

        :raises OCRLedgerUnwritable: it is not kept: try again, in the end with :meth:`spill_answer`.
        """
        record = self._answer_record(claim, raw, facts)
        stem = records.stem(claim.type, claim.fingerprint)
        if write_end(self.store, stem, claim.number, End.ANSWER, record):
            return
        _, payload = read_end(self.store, stem, claim.number)
        if payload is None or payload.get("answer") != raw:
            where = self.spill_answer(claim, raw, facts)
            log.warning(
                "Attempt %s of %s has another answer already; this one, also paid for, is kept in %s.",
                *(claim.number, claim.fingerprint, where),
            )

    def reject(self, claim: Claim, facts: dict[str, Any]) -> None:
        """Keep that the API will never read this content; ``facts`` say why (``http_status``, ``message``).

        :raises OCRLedgerUnwritable: not kept: try again.
        """
        self._finish(claim, End.REJECTED, {"facts": facts})

    def release(self, claim: Claim, reason: str) -> None:
        """Keep that certainly nothing was billed, so that the next attempt may be made.

        :raises OCRLedgerUnwritable: not kept: try again.
        """
        self._finish(claim, End.RELEASED, {"reason": reason})

    def put_off(self, claim: Claim, reason: str, facts: dict[str, Any]) -> None:
        """Release a claim whose URL the API could not fetch: the next run may try again, this one does not.

        :param facts: with the ``reason`` code :attr:`~...core.models.Reason.URL_NOT_FETCHED`.
        :raises OCRLedgerUnwritable: not kept: try again.
        """
        self._finish(claim, End.RELEASED, {"reason": reason, "facts": facts})

    def spill_answer(self, claim: Claim, raw: dict[str, Any], facts: dict[str, Any]) -> str:
        """Keep an answer outside the ledger; return its path, or ``log`` where it could only be logged."""
        return spill(self._spill_folder, {**self._answer_record(claim, raw, facts), "end": End.ANSWER.value})

    def paid_under(self, base_url: str) -> None:
        """Note a base URL, for people who look for an image: a fingerprint holds it and does not show it."""
        note_base_url(self.store, base_url)

    def board(self, account: str) -> StoragePath:
        """Return the folder in which shards of one account tell each other their share of its rate."""
        if not _ACCOUNT.fullmatch(account):
            message = f"{account!r} cannot name an account's folder: letters, digits, '.', '_' and '-' only."
            raise OCRConfigError(message)
        return self.root / BOARDS / account

    def _attempt(self, stem: str, number: int, data: bytes) -> Attempt | None:
        """Return the attempt of a claim's content, or ``None`` where the claim has been moved away meanwhile."""
        end, payload = read_end(self.store, stem, number)
        age_s = None
        if end is None:
            written_s = self.store.modified_s(records.claim_name(stem, number))
            if written_s is None:
                return None
            age_s = max(0.0, self._store_clock.now_s() - written_s)
        return records.attempt(number, data, end, payload, age_s)

    def _finish(self, claim: Claim, end: End, more: dict[str, Any]) -> None:
        stem = records.stem(claim.type, claim.fingerprint)
        record = {**self._head(claim), **self._saved(claim), **more}
        if not write_end(self.store, stem, claim.number, end, record):
            log.info("Attempt %s of %s had ended as %s before.", claim.number, claim.fingerprint, end)

    def _answer_record(self, claim: Claim, raw: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
        return {**self._head(claim), **self._saved(claim), "answer": raw, "facts": facts}

    def _head(self, claim: Claim) -> dict[str, Any]:
        return {
            "type": claim.type,
            "fingerprint": claim.fingerprint,
            "attempt": claim.number,
            "nonce": claim.nonce,
            "owner": self._owner_json,
        }

    def _saved(self, claim: Claim) -> dict[str, Any]:
        """Return when it was saved, and whether so late that somebody may have made a later attempt."""
        late = claim.age_s(self._clock) > self.lease_s / 2
        return {"saved_at": format_timestamp(self._clock.now()), "late": late}
