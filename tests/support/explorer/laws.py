"""The laws, checked while an execution runs and when it is over. Each broken one names itself.

paid once
    No second call for an image unless the first surely cost nothing, or was named in doubt before. One automatic
    resend ever; none under ``hold`` and ``fail``, and none by the try that made the doubt.
nothing known is paid
    No call where an answer or a rejection could be seen when the permit came, or lay in this machine's spill when the
    process began; no doubt is named whose answer the inbox has, or may have where it cannot be asked.
answers are kept
    An answer that reaches a living process is in the ledger or the spill when the image has its outcome, and when the
    process has ended.
a drain keeps what was sent
    A process that ends, by itself or since a signal or its soft deadline told it to, has had the reply of each call
    that it sent.
whole is an answer
    An image whose answer arrived whole has that answer, whatever it says, and is never in doubt and paid for again.
rejected beside a read
    Where rejections wait to be believed, one is for good only where the same process had an answer, or two earlier runs
    put the image off.
released was not billed
    What is marked as released never was billed, and never is afterwards.
doubt has a cause
    A call is named in doubt only after its process died, was told no outcome, was held up or could not save; never
    while it may still be answered in time.
append-only
    What stands in the ledger is never changed or removed.
one answer
    What an undisturbed night reads is the lowest-numbered answer there is.
nobody waits for ever
    Every execution ends, and every process within a lease and what it was held up; after one undisturbed night every
    image is read, rejected, or in doubt as the policy says.
no call while saving fails
    A process starts no call while it cannot save what it has.
paid within the grant
    The calls that are billed for one run are never more than it was granted.
no fault in the provider
    Nothing is raised that nobody expects.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.engine.ledger.spill import SUFFIX

if TYPE_CHECKING:
    import re
    from pathlib import Path

    from airflow_provider_platerec_ocr.core.models import Owner
    from airflow_provider_platerec_ocr.engine.ledger.ledger import Claim
    from airflow_provider_platerec_ocr.engine.reading.resolution import Resolution
    from support.explorer.process import Process
    from support.explorer.world import World

NO_FAULT = "no fault in the provider"
FIRST_NIGHT = "night-1"
EVER = "nobody waits for ever"
SENT, BILLED, UNKNOWN_NOT_BILLED, REFUSED = "sent", "billed", "not billed, but who knows", "refused"
_SLACK_S = 25.0
"""What a process may take besides waiting for somebody else: its call, its back-offs, its patience with the store."""


class LawBrokenError(BaseException):
    """A law is broken; no ``except Exception`` of the code under test may swallow it."""

    def __init__(self, law: str, text: str) -> None:
        super().__init__(f"{law}: {text}")
        self.law = law
        self.text = text


@dataclass(eq=False)
class Call:
    """One POST."""

    index: int
    fingerprint: str
    number: int
    """Of the attempt whose claim it was made with."""
    process: Process
    owner: Owner
    state: str = SENT
    told: str = ""
    """What its process was told: ``answer``, an error's name, or nothing yet."""
    raw: dict[str, Any] = field(default_factory=dict)

    @property
    def pending(self) -> int:
        """Which reply of the script it is to get, while it has none."""
        return self.index if self.state == SENT else -1

    @property
    def name(self) -> str:
        return f"{self.fingerprint[:4]}.{self.number}"


@dataclass(eq=False)
class Claimed:
    """One claim that landed, and whatever excuses it from being ended."""

    number: int
    process: Process
    at_s: float
    held_up_before_s: float
    excuse: str = ""


class Books:
    """What really happened, as nobody inside the world can know it."""

    def __init__(self, world: World) -> None:
        self.calls: list[Call] = []
        self.claims: dict[tuple[str, int], Claimed] = {}
        self.named: set[tuple[str, int]] = set()
        self.kept: set[str] = set()
        """Calls whose answer is in the ledger or was spilled."""
        self.held_up_s = 0.0
        """How much time went by while somebody stood still, or behind a store that fails."""
        self.broken: LawBrokenError | None = None
        self.seen: set[str] = set()
        """What came to pass, for asking whether a search went everywhere."""
        self._world = world
        self._labels: dict[bytes, bytes] = {}
        self._made: dict[str, int] = {}
        self._holding: dict[tuple[Process, str], Claim] = {}

    def breaks(self, law: str, text: str) -> None:
        """Remember that a law is broken; the step ends with it."""
        self.broken = self.broken or LawBrokenError(law, text)

    def label_of(self, match: re.Match[bytes]) -> bytes:
        """Return a stable name for a nonce: who made it, and its how manieth it is."""
        nonce = match[0]
        if nonce not in self._labels:
            who = "" if self._world.acting is None else self._world.acting.label
            self._made[who] = self._made.get(who, 0) + 1
            self._labels[nonce] = f"{who}#{self._made[who]}".encode()
        return self._labels[nonce]

    def holds(self, process: Process, claim: Claim) -> None:
        """Note that a process thinks a claim is its own."""
        self._holding[process, claim.fingerprint] = claim

    def created(self, path: str, value: bytes) -> None:
        """Note a file that landed."""
        fingerprint, number, kind = _parts(path)
        process = self._world.acting
        if kind:
            self.seen.add(f"file: {kind}")
        if kind == "claim" and process is not None:
            self.claims.setdefault((fingerprint, number), Claimed(number, process, self._world.now_s, self.held_up_s))
        elif kind in {"answer", "healed"}:
            answer = json.loads(value).get("answer")
            if answer is not None:
                self.kept.add(answer["call"])
        elif kind == "rejected" and process is not None and self._world.scenario.holds_back:
            self._believed(process, fingerprint)
        elif kind == "released" and any(call.state == BILLED for call in self._of(fingerprint, number)):
            self.breaks("released was not billed", f"attempt {number} is marked as released, and was billed")

    def _believed(self, process: Process, fingerprint: str) -> None:
        """Check that something spoke for a rejection."""
        told = [call for call in self.calls if call.told == "OCRRejected" and call.fingerprint == fingerprint]
        before = {call.owner.run_id for call in told} - {process.owner.run_id}
        self.seen.add("believed after two nights" if len(before) > 1 else "believed")
        read = any(call.told == "answer" for call in self.calls if call.process is process)
        if not read and len(before) < 2:
            self.breaks("rejected beside a read", f"{process.label} rejects {fingerprint[:4]}, and had nothing read")

    def posted(self, process: Process, name: str) -> Call:
        """Check and note a call that leaves."""
        fingerprint = next(mark for row, mark in self._world.images if row.image.endswith(f"/{name}"))
        claim = self._holding[process, fingerprint]
        call = Call(len(self.calls), fingerprint, claim.number, process, process.owner)
        call.raw = {"results": [], "call": f"{process.label}:{call.name}"}
        self._world.say("", f"POST {call.name}", process)
        before = [each for each in self.calls if each.fingerprint == fingerprint and each.state != REFUSED]
        self.seen.add("a call is repeated" if before else "a call")
        for each in before:
            if (fingerprint, each.number) not in self.named or each.number == call.number:
                self.breaks("paid once", f"call {call.name} while call {each.name} may be billed and was not named")
            elif each.owner == call.owner:
                self.breaks("paid once", f"call {call.name} repeats {each.name}, which the same try made")
        most = 2 if self._world.scenario.policy == "resend" else 1
        if len(before) >= most:
            self.breaks("paid once", f"call {call.name} is number {len(before) + 1} that may be billed")
        if any(f"/{fingerprint}." in path for path in process.known_at_permit):
            self.breaks(
                "nothing known is paid", f"call {call.name}, though the ledger had the end when its permit came"
            )
        if fingerprint in process.known_at_opening:
            self.breaks("nothing known is paid", f"call {call.name}, though its answer was in the spill")
        if process.saving_failed_at_permit:
            self.breaks("no call while saving fails", f"call {call.name} while the same process cannot save")
        self.calls.append(call)
        return call

    def billed(self, call: Call) -> None:
        """Note that the API did the work."""
        call.state = BILLED
        grant = self._world.scenario.grant
        billed = [each for each in self.calls if each.state == BILLED and each.owner.run_id == FIRST_NIGHT]
        if grant is not None and len(billed) > grant:
            self.breaks("paid within the grant", f"call {call.name} is number {len(billed)} of a run with {grant}")
        if any(f".{call.number}.released" in path for path in self._world.store.paths(call.fingerprint)):
            self.breaks("released was not billed", f"call {call.name} is billed, and was marked as released before")

    def not_billed(self, call: Call, *, refused: bool) -> None:
        """Note that the API did no work; whether its answer says so is another matter."""
        call.state = REFUSED if refused else UNKNOWN_NOT_BILLED

    def replied(self, call: Call, error: Exception | None) -> None:
        """Note what a living process was told."""
        call.told = "answer" if error is None else type(error).__name__
        if call.told == "OCROutcomeUnknown":
            self._excuse(call.fingerprint, call.number, "unknown outcome")

    def doubted(self, fingerprint: str, number: int) -> None:
        """Check and note that a call is named in doubt before it is repeated."""
        by = self._world.acting
        self._world.say("", f"names {fingerprint[:4]}.{number} in doubt", by)
        self.named.add((fingerprint, number))
        if fingerprint in self._world.inbox:
            self.breaks("nothing known is paid", f"{number} is to be repeated, though the inbox has the answer")
        if by is not None and fingerprint in by.unasked:
            self.breaks("nothing known is paid", f"{number} is to be repeated, though the inbox could not be asked")
        claim = self.claims.get((fingerprint, number))
        if claim is None:
            return
        owner = claim.process
        promise_s, age_s = owner.promise_s, self._world.now_s - claim.at_s
        alive = owner.alive and "crash" not in claim.excuse and "unknown" not in claim.excuse
        if alive and age_s < promise_s:
            self.breaks("doubt has a cause", f"{number} is named while {owner.label} makes it, inside its time")
        elif not claim.excuse and age_s - (self.held_up_s - claim.held_up_before_s) >= promise_s:
            self.breaks("doubt has a cause", f"{number} is named, and nothing happened to {owner.label}")

    def delayed(self, why: str, seconds: float) -> None:
        """Note that everybody was held up."""
        self.held_up_s += seconds
        for fingerprint, number in self.claims:
            self._excuse(fingerprint, number, why)

    def hidden(self, path: str) -> None:
        """Note that the store hides an end for longer than a lease."""
        fingerprint, number, _ = _parts(path)
        self._excuse(fingerprint, number, "its end was hidden")

    def outcome(self, process: Process, fingerprint: str, ended: Resolution | None) -> None:
        """Check what an image's reader is told."""
        whole = any(call.told == "answer" for call in self._of(fingerprint) if call.process is process)
        if ended is not None and ended.answer is None and whole:
            self.breaks("whole is an answer", f"{process.label} calls its image {ended.status}, and had a whole answer")
        if ended is None or ended.answer is None:
            return
        self.refresh()
        if ended.answer["call"] not in self.kept:
            self.breaks("answers are kept", f"{process.label} hands out an answer that is not kept")
        if self._world.undisturbed:
            lowest = self._world.store.lowest_answer(fingerprint)
            if lowest is not None and lowest != ended.answer["call"]:
                self.breaks("one answer", f"{ended.answer['call']} is handed out, and {lowest} is the lowest-numbered")

    def ended(self, process: Process, *, crashed: bool) -> None:
        """Check what a process leaves behind."""
        took_s = self._world.now_s - process.began_s - (self.held_up_s - process.held_up_before_s)
        if took_s > process.promise_s + _SLACK_S:
            self.breaks("nobody waits for ever", f"{process.label} took {took_s:.0f} s for itself")
        if crashed:
            for (fingerprint, number), claim in self.claims.items():
                if claim.process is process:
                    self._excuse(fingerprint, number, "crash")
            return
        self.refresh()
        for call in self.calls:
            if call.process is process and not call.told:
                self.breaks("a drain keeps what was sent", f"{process.label} ended, and {call.name} was in flight")
            if call.process is process and call.told == "answer" and call.raw["call"] not in self.kept:
                self.breaks("answers are kept", f"{process.label} ended, and the answer of {call.name} is nowhere")

    def last_night(self, process: Process, statuses: list[str], reasons: list[str]) -> None:
        """Check what an undisturbed night leaves: nothing that could have been settled."""
        for status, reason in zip(statuses, reasons, strict=True):
            held = status == "in_doubt" and (reason == "in_doubt_twice" or self._world.scenario.policy != "resend")
            if status not in {"read", "rejected", "unsafe"} and not held:
                self.breaks("nobody waits for ever", f"{process.label} was undisturbed, and leaves the image {status}")

    def refresh(self) -> None:
        """Look what lies in the spill."""
        for path in self._spill():
            self.seen.add("spilled")
            self.kept.add(json.loads(path.read_bytes())["answer"]["call"])

    def in_spill(self) -> set[str]:
        """Return the fingerprints whose answer lies in the spill, and whose claim the store shows."""
        found = [path.name.split(".")[:2] for path in self._spill() if path.name.endswith(SUFFIX)]
        return {mark for mark, number in found if self._world.store.shows_claim(mark, number)}

    def _spill(self) -> list[Path]:
        return sorted(self._world.spill.iterdir()) if self._world.spill.is_dir() else []

    @property
    def key(self) -> tuple[Any, ...]:
        return (
            tuple(sorted((call.raw["call"], call.state, call.told, call.pending) for call in self.calls)),
            tuple(sorted((key, claim.excuse) for key, claim in self.claims.items())),
            frozenset(self.named),
            frozenset(self.kept),
            self.held_up_s,
        )

    def _of(self, fingerprint: str, number: int | None = None) -> list[Call]:
        return [call for call in self.calls if call.fingerprint == fingerprint and number in (None, call.number)]

    def _excuse(self, fingerprint: str, number: int, why: str) -> None:
        claim = self.claims.get((fingerprint, number))
        if claim is not None and why not in claim.excuse:
            claim.excuse += f" {why}"


def _parts(path: str) -> tuple[str, int, str]:
    name = path.rpartition("/")[2].split(".")
    return (name[0], int(name[1]), name[2]) if len(name) == 3 and name[1].isdigit() else ("", 0, "")
