"""What a person does with a ledger: look up, settle, forget, check. Every change is recorded with who, when and why.

Knows no command line; :mod:`airflow_provider_platerec_ocr.cli.ledger` is that.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.claims import End, in_doubt
from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.models import Reason, format_timestamp
from airflow_provider_platerec_ocr.engine.ledger import records
from airflow_provider_platerec_ocr.engine.ledger.attempt_end import write_end
from airflow_provider_platerec_ocr.engine.ledger.identity import types_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from airflow_provider_platerec_ocr.core.claims import Attempt, History
    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger

FORGOTTEN = "forgotten-claims"
"""Folder of what was forgotten; the hyphen keeps it apart from every type's folder."""
_DONE = (End.ANSWER, End.REJECTED)
_THREADS = 16


@dataclass(frozen=True, slots=True)
class Found:
    """A fingerprint with all its attempts."""

    type: str
    """What was read."""
    fingerprint: str
    """64 hex digits."""
    history: History = field(repr=False)
    """At least one attempt."""

    @property
    def image(self) -> str:
        """The image of the first claim that names one, else nothing."""
        return next((str(attempt.facts["image"]) for attempt in self.history if attempt.facts.get("image")), "")


@dataclass(frozen=True, slots=True)
class LedgerDecision:
    """What a person says of a call in doubt."""

    end: End
    """``ANSWER``, ``REJECTED`` or ``RELEASED``."""
    by: str
    """Who says so."""
    why: str
    """How they know."""
    answer: dict[str, Any] | None = field(default=None, repr=False)
    """The raw answer, for ``ANSWER``."""


@dataclass(slots=True)
class Tally:
    """What is in a ledger."""

    counts: Counter[str] = field(default_factory=Counter)
    """Fingerprints by how they stand: ``answered``, ``rejected``, ``forgotten``, ``in doubt``, ``under way``,
    ``released``."""
    calls_twice: int = 0
    """Calls beyond the first for a fingerprint that were answered or are in doubt."""
    torn: list[Found] = field(default_factory=list)
    """Those with a torn end."""
    strange: list[str] = field(default_factory=list)
    """Files that are none of ours, and ends without a claim."""


class LedgerAdmin:
    """A person's view of one ledger."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._store = ledger.store
        self._clock = clock

    def now(self) -> datetime:
        """Return the time by which ages are told."""
        return self._clock.now()

    def types(self) -> list[str]:
        """Return the types that were ever claimed."""
        return types_of(self._store)

    def find(self, fingerprint: str, type_: str | None = None) -> list[Found]:
        """Return what the ledger has of a fingerprint, of one type or of all."""
        found = []
        for name in [type_] if type_ else self.types():
            history = self._ledger.look(name, fingerprint)
            if history:
                found.append(Found(name, fingerprint, history))
        return found

    def with_end(self, end: End) -> Iterator[Found]:
        """Yield every fingerprint of which an attempt ended so."""
        for type_, fingerprint, files in self._fingerprints():
            if any(suffix == end for _, suffix in files):
                yield Found(type_, fingerprint, self._ledger.look(type_, fingerprint))

    def forgotten(self, fingerprint: str) -> list[str]:
        """Return the folders with what was forgotten of a fingerprint, oldest first."""
        folders = []
        for name, _ in self._store.names(FORGOTTEN):
            for type_ in self._store.bare_names(f"{FORGOTTEN}/{name}"):
                there = f"{FORGOTTEN}/{name}{type_}/{fingerprint[:2]}"
                if any(parts[0] == fingerprint for parts, _, _ in self._files(there)):
                    folders.append(str(self._ledger.root / there))
        return folders

    def doubts(self) -> Iterator[Found]:
        """Yield every fingerprint that has a call in doubt, and neither an answer nor a rejection."""
        for type_, fingerprint, files in self._fingerprints():
            if any(suffix in _DONE and size for (_, suffix), size in files.items()):
                continue
            found = Found(type_, fingerprint, self._ledger.look(type_, fingerprint))
            if self.in_doubt(found) and not any(attempt.end in _DONE for attempt in found.history):
                yield found

    def in_doubt(self, found: Found) -> tuple[Attempt, ...]:
        """Return the attempts in doubt of ``found``."""
        return in_doubt(found.history, self._ledger.lease_s)

    def live(self, found: Found) -> tuple[Attempt, ...]:
        """Return the attempts that may still be under way."""
        return tuple(attempt for attempt in found.history if attempt.is_live(self._ledger.lease_s))

    def settle(self, found: Found, decision: LedgerDecision, *, number: int | None = None) -> int:
        """Write down how a call in doubt ended; return the attempt's number.

        An answer is also taken for an attempt that was released or rejected.

        :param number: the attempt; ``None`` takes the only one in doubt.
        :raises OCRConfigError: there is no such attempt, or it cannot be settled so.
        """
        attempt = self._to_settle(found, decision.end, number)
        if not self.write(found, attempt, decision):
            message = f"Attempt {attempt.number} was ended by somebody else just now. Look again with show."
            raise OCRConfigError(message)
        return attempt.number

    def write(self, found: Found, attempt: Attempt, decision: LedgerDecision) -> bool:
        """Write down how ``attempt`` ended, without asking whether it may be; return whether the ledger now has it."""
        at = format_timestamp(self._clock.now())
        record: dict[str, Any] = {
            "type": found.type,
            "fingerprint": found.fingerprint,
            "attempt": attempt.number,
            "nonce": attempt.nonce,
            "owner": attempt.owner.to_json(),
            "saved_at": at,
            "late": True,
            "facts": dict(attempt.facts),
            "settled": {"by": decision.by, "at": at, "why": decision.why},
        }
        if decision.end is End.ANSWER:
            record["answer"] = decision.answer
        elif decision.end is End.REJECTED:
            record["facts"] |= {"reason": Reason.API_REJECTED.value, "message": decision.why}
        stem = records.stem(found.type, found.fingerprint)
        return write_end(self._store, stem, attempt.number, decision.end, record)

    def new_aside(self) -> str:
        """Return a name for a folder of what is forgotten together."""
        return f"{FORGOTTEN}/{self._clock.now():%Y%m%dT%H%M%SZ}-{records.new_nonce()[:8]}"

    def forget(self, found: Found, aside: str = "") -> str:
        """Move all files of a fingerprint aside, so that it will be paid for again; return the folder they are in.

        :param aside: of :meth:`new_aside`, where several are forgotten together.
        :raises OCRConfigError: a call is under way.
        """
        live = self.live(found)
        if live:
            message = f"Attempt {live[0].number} may be under way: wait until its lease is over, then try again."
            raise OCRConfigError(message)
        aside = aside or self.new_aside()
        folder = records.stem(found.type, found.fingerprint).rpartition("/")[0]
        mine = [(parts, name) for parts, name, _ in self._files(folder) if parts[0] == found.fingerprint]
        # From the last attempt to the first and its claim last: if this is cut short, what stays is in doubt, not free.
        for _, name in sorted(mine, key=lambda item: (-item[0][1], item[0][2] == "claim")):
            self._store.move(f"{folder}/{name}", f"{aside}/{folder}/{name}")
        return str(self._ledger.root / aside)

    def check(self) -> Tally:
        """Read every file of the ledger and say what is there."""
        tally = Tally()
        with ThreadPoolExecutor(_THREADS) as pool:
            for type_ in self.types():
                for folder in self._folders(type_):
                    fingerprints = self._group(folder, tally)
                    looked = pool.map(lambda fingerprint, of=type_: self._ledger.look(of, fingerprint), fingerprints)
                    for fingerprint, history in zip(fingerprints, looked, strict=True):
                        if history:
                            self._count(tally, Found(type_, fingerprint, history))
        return tally

    def _count(self, tally: Tally, found: Found) -> None:
        ends = {attempt.end for attempt in found.history}
        if End.ANSWER in ends:
            state = "answered"
        elif any(attempt.is_forgotten for attempt in found.history):
            state = "forgotten"
        elif End.REJECTED in ends:
            state = "rejected"
        elif self.live(found):
            state = "under way"
        else:
            state = "in doubt" if self.in_doubt(found) else "released"
        tally.counts[state] += 1
        billed = sum(attempt.end not in (End.RELEASED, End.REJECTED) for attempt in found.history)
        tally.calls_twice += max(0, billed - 1)
        if End.TORN in ends:
            tally.torn.append(found)

    def _to_settle(self, found: Found, end: End, number: int | None) -> Attempt:
        doubts = self.in_doubt(found)
        if number is None:
            if len(doubts) == 1:
                return doubts[0]
            names = ", ".join(str(attempt.number) for attempt in doubts)
            message = f"Attempts {names} are in doubt: say which with --attempt." if doubts else _nothing(self, found)
            raise OCRConfigError(message)
        chosen = next((attempt for attempt in found.history if attempt.number == number), None)
        if chosen is None:
            message = f"There is no attempt {number}; there are {len(found.history)}."
            raise OCRConfigError(message)
        late_answer = end is End.ANSWER and chosen.end in (End.RELEASED, End.REJECTED)
        if chosen not in doubts and not late_answer:
            raise OCRConfigError(_nothing(self, found))
        return chosen

    def _fingerprints(self) -> Iterator[tuple[str, str, dict[tuple[int, str], int]]]:
        for type_ in self.types():
            for folder in self._folders(type_):
                files: dict[str, dict[tuple[int, str], int]] = {}
                for (fingerprint, number, suffix), _, size in self._files(folder):
                    files.setdefault(fingerprint, {})[number, suffix] = size
                for fingerprint, ends in files.items():
                    yield type_, fingerprint, ends

    def _folders(self, type_: str) -> list[str]:
        return [f"{type_}/{name[:-1]}" for name, _ in self._store.names(type_) if name.endswith("/")]

    def _files(self, folder: str) -> Iterator[tuple[tuple[str, int, str], str, int]]:
        for name, size in self._store.names(folder):
            parts = records.split_name(name)
            if parts:
                yield parts, name, size

    def _group(self, folder: str, tally: Tally) -> list[str]:
        """Return the fingerprints with a first claim in ``folder``; note what does not belong there."""
        names = [name for name, _ in self._store.names(folder)]
        parts = {name: records.split_name(name) for name in names}
        claimed = {(part[0], part[1]) for part in parts.values() if part and part[2] == "claim"}
        tally.strange += [
            f"{folder}/{name}" for name, part in parts.items() if not part or (part[0], part[1]) not in claimed
        ]
        return sorted(fingerprint for fingerprint, number in claimed if number == 1)


def _nothing(admin: LedgerAdmin, found: Found) -> str:
    live = admin.live(found)
    if live:
        return f"Attempt {live[0].number} may be under way: wait until its lease is over, then settle it."
    return "No attempt to settle so: it has ended. `show` tells how."
