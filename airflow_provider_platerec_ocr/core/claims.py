"""The rules of the ledger: what the history of a fingerprint allows next.

Pure: a history goes in, a decision comes out. How claims are stored, and on whose clock their age is taken, is
:mod:`..engine.ledger.ledger`'s business; who waits, sends or gives up is the batch runner's.

A fingerprint's attempts are numbered from 1 without gaps. Each begins with a claim, made before the call, and ends at
most once. The law behind every rule below: **no second call for a fingerprint starts unless the first was certainly not
billed, or was named as in doubt before.**
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.fingerprint import check_type, encode
from airflow_provider_platerec_ocr.core.models import Reason
from airflow_provider_platerec_ocr.core.saying.choices import InDoubtPolicy

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.models import Owner

KEY_BYTES = 16
"""Length of an identity key."""
FORGOTTEN = "forgotten"
"""Key of a rejection that stands in for an ended attempt whose content was deleted; older versions see a rejection."""


class End(StrEnum):
    """How an attempt ended."""

    ANSWER = "answer"
    """The API answered, and the answer is kept."""
    REJECTED = "rejected"
    """The API will never read this content."""
    RELEASED = "released"
    """Certainly nothing was billed."""
    TORN = "torn"
    """The file of its end is there and cannot be read: nobody knows how it ended."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One claim of a fingerprint, and what became of it."""

    number: int
    """From 1, without gaps."""
    nonce: str
    """What only the claimant knew when it claimed; empty where the claim's file cannot be read."""
    owner: Owner
    """Who claimed; all defaults where the claim's file cannot be read."""
    age_s: float | None = None
    """Seconds since the claim on the store's clock; ``None`` where the attempt has ended."""
    end: End | None = None
    """How it ended; ``None`` while it is open."""
    payload: dict[str, Any] | None = field(default=None, repr=False)
    """Content of the file of its end, if that can be read."""
    facts: dict[str, Any] = field(default_factory=dict, repr=False)
    """What the claim's file says of the request: image, row, …"""
    lease_s: float | None = None
    """Seconds that the claimant took for itself; ``None`` where the claim's file cannot be read."""

    def is_live(self, lease_s: float) -> bool:
        """Return whether its call may still be under way: open, and younger than its lease.

        :param lease_s: stands in where the claim does not say its lease.
        """
        lease = self.lease_s if self.lease_s is not None else lease_s
        return self.end is None and self.age_s is not None and self.age_s < lease

    @property
    def is_forgotten(self) -> bool:
        """Whether it was paid for, or refused, and what it said was deleted since: only that it ended is kept."""
        return self.end is End.REJECTED and bool((self.payload or {}).get(FORGOTTEN))

    def was_put_off_by(self, owner: Owner) -> bool:
        """Return whether it ended in ``owner``'s run with a URL that the API could not fetch."""
        facts = (self.payload or {}).get("facts") if self.end is End.RELEASED else None
        same_run = bool(owner.run_id) and (self.owner.run_id, self.owner.dag_id) == (owner.run_id, owner.dag_id)
        return same_run and isinstance(facts, dict) and facts.get("reason") == Reason.URL_NOT_FETCHED

    def is_in_doubt(self, lease_s: float) -> bool:
        """Return whether its call may have been billed and nobody will say so any more."""
        return self.end is End.TORN or (self.end is None and not self.is_live(lease_s))


History = tuple[Attempt, ...]
"""All attempts of a fingerprint, ascending by number."""


class DoubtAction(StrEnum):
    """What is to happen to a fingerprint in doubt."""

    WAIT = "wait_for_next_try"
    """The doubt was made by this very try of the task, which must not resend by reflex."""
    HOLD = "hold"
    """The policy waits for a person or a webhook."""
    FAIL = "fail"
    """As ``hold``, and the task fails."""
    TWICE = "twice"
    """Two calls are in doubt: only a person goes on from here."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The ledger has the answer; nothing is to be paid."""

    attempt: Attempt
    """The lowest-numbered one with a readable answer."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The API has refused this content for good."""

    attempt: Attempt
    """The lowest-numbered rejected one."""


@dataclass(frozen=True, slots=True)
class MayClaim:
    """A call may be made, if the claim of this number succeeds."""

    number: int
    """Of the attempt to claim."""
    doubts: tuple[Attempt, ...] = ()
    """Calls in doubt that this one repeats: name them before sending."""


@dataclass(frozen=True, slots=True)
class Held:
    """Somebody's call is under way."""

    until_s: float
    """Seconds until its lease ends."""
    attempt: Attempt
    """The one under way."""


@dataclass(frozen=True, slots=True)
class PutOff:
    """The API could not fetch this URL for this run, which does not ask again; the next one does."""

    attempt: Attempt
    """The one that says so."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A call may have been billed, and nothing may be sent now."""

    attempts: tuple[Attempt, ...]
    """The calls in doubt."""
    action: DoubtAction
    """Why nothing is sent."""


Decision = Answered | Rejected | MayClaim | Held | PutOff | Doubt


def decide(history: History, *, owner: Owner, policy: InDoubtPolicy, lease_s: float) -> Decision:
    """Return what ``history`` allows to ``owner``.

    :param owner: who asks. Airflow raises ``try_number`` with each try, so equal owners are one try of one task;
        outside Airflow give each run its own ``run_id``.
    :param policy: what to do with one call in doubt; two in doubt are always left to a person.
    :param lease_s: the lease of claims that do not say theirs.
    """
    for end, decision in ((End.ANSWER, Answered), (End.REJECTED, Rejected)):
        for attempt in history:
            if attempt.end is end:
                return decision(attempt)
    for attempt in reversed(history):
        if attempt.is_live(lease_s):
            return Held(_left_s(attempt, lease_s), attempt)
    for attempt in reversed(history):
        if attempt.was_put_off_by(owner):
            return PutOff(attempt)
    doubts = in_doubt(history, lease_s)
    number = history[-1].number + 1 if history else 1
    if not doubts:
        return MayClaim(number)
    action = _action(doubts, owner, policy)
    return MayClaim(number, doubts) if action is None else Doubt(doubts, action)


def in_doubt(history: History, lease_s: float) -> tuple[Attempt, ...]:
    """Return the attempts whose outcome nobody knows, whatever the others say."""
    return tuple(attempt for attempt in history if attempt.is_in_doubt(lease_s))


def _left_s(attempt: Attempt, lease_s: float) -> float:
    lease = attempt.lease_s if attempt.lease_s is not None else lease_s
    return lease - (attempt.age_s or 0.0)


def _action(doubts: tuple[Attempt, ...], owner: Owner, policy: InDoubtPolicy) -> DoubtAction | None:
    """Return why nothing is sent, or ``None`` where the call is repeated."""
    if len(doubts) > 1:
        return DoubtAction.TWICE
    if policy is InDoubtPolicy.HOLD:
        return DoubtAction.HOLD
    if policy is InDoubtPolicy.FAIL:
        return DoubtAction.FAIL
    known = bool(doubts[0].nonce)
    return DoubtAction.WAIT if known and doubts[0].owner == owner else None


def calls_billed(history: History, run_id: str, *, row: int, image: str, dag_id: str | None = None) -> int:
    """Return how many calls of a run for one row of its manifest were answered or may have been billed.

    Released and rejected calls do not count; open ones do, since they may have been billed.

    :param run_id: the run that paid.
    :param row: the manifest's row; two rows with the same content share a history, and the one that called pays.
    :param image: the image's identity as planned.
    :param dag_id: only calls of this DAG, since run ids repeat between DAGs; ``None`` counts all.
    """
    return sum(
        attempt.end not in (End.RELEASED, End.REJECTED)
        and attempt.owner.run_id == run_id
        and dag_id in (None, attempt.owner.dag_id)
        and attempt.facts.get("row") == row
        and attempt.facts.get("image") == image
        for attempt in history
    )


def identity_key(type_: str, image: str, image_version: str | None) -> bytes:
    """Return 16 bytes that stand for an image in one version: what planning knows before any bytes are read.

    The encoding is :func:`.fingerprint.encode`'s, written out: planning does this two million times.
    """
    name = image.encode("utf-8", "surrogatepass")
    version = b"" if image_version is None else b"v" + image_version.encode("utf-8", "surrogatepass")
    fields = (_key_start(type_), len(name).to_bytes(8, "big"), name, len(version).to_bytes(8, "big"), version)
    return hashlib.blake2b(b"".join(fields), digest_size=KEY_BYTES).digest()


@lru_cache(maxsize=64)
def _key_start(type_: str) -> bytes:
    return encode((check_type(type_).encode(),))
