"""The product with one rule taken out at a time, and where the explorer is to find that.

Each class is the product's own with one step left out or turned round; :data:`WITHOUT` lists them all.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core import claims
from airflow_provider_platerec_ocr.core.claims import End
from airflow_provider_platerec_ocr.core.errors import OCROutcomeUnknown, OCRRefused
from airflow_provider_platerec_ocr.engine import records
from airflow_provider_platerec_ocr.engine.paying import Payer
from airflow_provider_platerec_ocr.engine.store import Store
from airflow_provider_platerec_ocr.engine.storeclock import StoreClock
from support.explorer.choices import Scenario
from support.explorer.process import CLAIM_TO_POST_S, Limiter
from support.explorer.rules import Rules, WatchedLedger, WatchedSaver, WiredSettler

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.claims import Attempt, MayClaim
    from airflow_provider_platerec_ocr.core.models import PlannedImage
    from airflow_provider_platerec_ocr.engine.content import Content
    from airflow_provider_platerec_ocr.engine.records import Claim
    from airflow_provider_platerec_ocr.engine.settlement import Settlement
    from airflow_provider_platerec_ocr.engine.slot import Slot

Known = tuple[claims.History, claims.Decision] | None


class TakenIsOthers(Store):
    """Never reads back: who finds the name taken, or gets no reply, takes it for somebody else's."""

    def create(self, name: str, data: bytes) -> bool:
        try:
            self._put(self.path(name), data)
        except FileExistsError:
            return False
        except Exception as error:
            raise self.unwritable(error) from error
        return True


class TakenIsOurs(Store):
    """Reads back, and takes whatever is there for its own."""

    def create(self, name: str, data: bytes) -> bool:
        return super().create(name, data) or self.read(name) is not None


class Overwriting(WatchedLedger):
    """Writes an answer over whatever is there."""

    def answer(self, claim: Claim, raw: dict[str, Any], facts: dict[str, Any]) -> None:
        name = records.end_name(records.stem(claim.type, claim.fingerprint), claim.number, End.ANSWER)
        record = self._answer_record(claim, raw, facts) | {"end": End.ANSWER.value}
        self.store.overwrite(name, records.pack(record))


class OwnClock(StoreClock):
    """Takes this machine's time for the store's."""

    def now_s(self) -> float:
        return self._clock.now().timestamp()


class OnOwnClock(WatchedLedger):
    """Takes the age of claims on the worker's wall clock."""

    def __init__(self, *args: Any, **given: Any) -> None:
        super().__init__(*args, **given)
        self._store_clock = OwnClock(self.store, self._clock)


class EmptyIsNothing(WatchedLedger):
    """Takes a claim that cannot be read for none."""

    def _attempt(self, stem: str, number: int, data: bytes) -> Attempt | None:
        return super()._attempt(stem, number, data) if records.unpack(data) else None


class TornIsReleased(WatchedLedger):
    """Takes an end that cannot be read for none that matters."""

    def _attempt(self, stem: str, number: int, data: bytes) -> Attempt | None:
        found = super()._attempt(stem, number, data)
        return replace(found, end=End.RELEASED) if found is not None and found.end is End.TORN else found


class OwnLease(WatchedLedger):
    """Judges everybody's claims by its own lease."""

    def _attempt(self, stem: str, number: int, data: bytes) -> Attempt | None:
        found = super()._attempt(stem, number, data)
        return None if found is None else replace(found, lease_s=self.lease_s)


class NoSpill(WatchedSaver):
    """Gives an answer up that the ledger does not take."""

    async def answer(self, claim: Claim, raw: dict[str, Any], facts: dict[str, Any]) -> None:
        trouble = await self._persist(lambda: self._context.ledger.answer(claim, raw, facts))
        if trouble is not None:
            self._context.stop.set(trouble)


class SavedLater(WatchedSaver):
    """Hands the outcome out while the answer is still being saved."""

    async def answer(self, claim: Claim, raw: dict[str, Any], facts: dict[str, Any]) -> None:
        self._later = asyncio.ensure_future(super().answer(claim, raw, facts))


class OpenGate(WatchedSaver):
    """Lets new calls start while saving fails."""

    @property
    def works(self) -> bool:
        return True

    async def healthy(self) -> None:
        return


class ClaimFirst(Payer):
    """Claims first, and waits for its permit with the claim in hand."""

    async def attempt(
        self, image: PlannedImage, fingerprint: str, decision: MayClaim, content: Content, slot: Slot
    ) -> Settlement | None:
        del slot
        filename = await content.ready(fingerprint)
        claim = await self._claim(image, fingerprint, decision)
        if claim is None:
            return None
        permit = await self._context.limiter.start()
        try:
            reason = self._not_now(claim)
            if reason:
                await self._saver.release(claim, reason)
                return None
            return await self._pay(image, claim, filename, content)
        finally:
            permit.done()


class AnyAge(Payer):
    """Sends however old its claim is."""

    def _not_now(self, claim: Claim) -> str:
        return super()._not_now(replace(claim, made_at=self._context.clock.monotonic()))


class Freezes(Payer):
    """Not a rule: a process that stands still, for a lease, exactly between its last look at the clock and the call."""

    async def _pay(self, *given: Any) -> Settlement | None:
        limiter = self._context.limiter
        assert isinstance(limiter, Limiter)
        await limiter.process.moment("is frozen before it sends")
        return await super()._pay(*given)


class NoSecondLook(Payer):
    """Does not ask the ledger again after the wait for a permit."""

    async def _claim(self, image: PlannedImage, fingerprint: str, decision: MayClaim) -> Claim | None:
        return await super()._claim(image, fingerprint, replace(decision, doubts=()))


class ReleasesDoubt(Payer):
    """Marks a call of unknown outcome as released."""

    async def _failed(self, image: PlannedImage, claim: Claim, error: Any, facts: Any, span: Any) -> Settlement | None:
        if isinstance(error, OCROutcomeUnknown):
            await self._saver.release(claim, error.message)
            raise OCRRefused(error.message)
        return await super()._failed(image, claim, error, facts, span)


class KeepsClaims(Payer):
    """Rests after a refusal with its claim still open."""

    async def _failed(self, image: PlannedImage, claim: Claim, error: Any, facts: Any, span: Any) -> Settlement | None:
        if isinstance(error, OCRRefused):
            self._rest_after(error, *span)
            raise error
        return await super()._failed(image, claim, error, facts, span)


class Deciding(WiredSettler):
    """Decides otherwise."""

    def other(self, history: claims.History, decision: claims.Decision) -> claims.Decision:
        raise NotImplementedError

    async def _decide(self, image: PlannedImage, fingerprint: str, patience: Any) -> Known:
        known = await super()._decide(image, fingerprint, patience)
        return None if known is None else (known[0], self.other(*known))


def again(history: claims.History, doubts: tuple[Attempt, ...]) -> claims.MayClaim:
    """Return the leave to call once more."""
    return claims.MayClaim(history[-1].number + 1, doubts)


class CallsBesideCalls(Deciding):
    """Calls although somebody's call is under way."""

    def other(self, history: claims.History, decision: claims.Decision) -> claims.Decision:
        return again(history, ()) if isinstance(decision, claims.Held) else decision


class SendsOnAndOn(Deciding):
    """Repeats a call in doubt however often that was done."""

    def other(self, history: claims.History, decision: claims.Decision) -> claims.Decision:
        twice = isinstance(decision, claims.Doubt) and decision.action is claims.DoubtAction.TWICE
        return again(history, decision.attempts) if twice and isinstance(decision, claims.Doubt) else decision


class SendsByReflex(Deciding):
    """Repeats a call in doubt in the try that made it, after its lease."""

    def other(self, history: claims.History, decision: claims.Decision) -> claims.Decision:
        waits = isinstance(decision, claims.Doubt) and decision.action is claims.DoubtAction.WAIT
        return again(history, decision.attempts) if waits and isinstance(decision, claims.Doubt) else decision

    async def _may_claim(self, *given: Any) -> Settlement | None:
        ended = await super()._may_claim(*given)
        self._unknown.clear()
        return None if ended is not None and ended.reason == "in_doubt" else ended


class SendsHeld(Deciding):
    """Repeats a call in doubt whatever the policy says."""

    def other(self, history: claims.History, decision: claims.Decision) -> claims.Decision:
        held = isinstance(decision, claims.Doubt) and decision.action is claims.DoubtAction.HOLD
        return again(history, decision.attempts) if held and isinstance(decision, claims.Doubt) else decision


class LastAnswer(Deciding):
    """Takes the highest-numbered answer."""

    def other(self, history: claims.History, decision: claims.Decision) -> claims.Decision:
        answers = [attempt for attempt in history if attempt.end is End.ANSWER]
        return claims.Answered(answers[-1]) if answers else decision


class IgnoresAnswers(Deciding):
    """Calls although there is an answer."""

    def other(self, history: claims.History, decision: claims.Decision) -> claims.Decision:
        return again(history, ()) if isinstance(decision, claims.Answered) else decision


class IgnoresRejections(Deciding):
    """Calls although the API has refused this content for good."""

    def other(self, history: claims.History, decision: claims.Decision) -> claims.Decision:
        return again(history, ()) if isinstance(decision, claims.Rejected) else decision


class Nameless(WiredSettler):
    """Repeats without a word."""

    def _name(self, *_: Any) -> None:
        return


class WaitsOn(WiredSettler):
    """Waits for somebody else's call for as long as it takes."""

    async def _held(self, decision: Any, content: Content, slot: Slot, patience: Any) -> Settlement | None:
        patience.held_since = None
        return await super()._held(decision, content, slot, patience)


class NeverAsksElsewhere(WiredSettler):
    """Does not look into the inbox before it repeats."""

    async def _decide(self, image: PlannedImage, fingerprint: str, patience: Any) -> Known:
        patience.asked = True
        return await super()._decide(image, fingerprint, patience)


@dataclass(frozen=True)
class Without:
    """One rule taken out."""

    rule: str
    """As the docs name it."""
    rules: Rules
    """The product without it."""
    law: str
    """What then breaks."""
    scenario: Scenario
    """Where to look."""
    depth: int = 2
    """How deep."""


_PAID, _KNOWN, _KEPT = "paid once", "nothing known is paid", "answers are kept"
_RELEASED, _CAUSE, _APPEND = "released was not billed", "doubt has a cause", "append-only"
_ONE, _EVER, _GATE = "one answer", "nobody waits for ever", "no call while saving fails"
_TWO = Scenario("two tasks", crashes=0)
_CRASH = Scenario("crashes", workers=1, nights=1)
_CUT = Scenario("a call is cut", workers=1, replies=("cut after",), nights=1)
STALL = Scenario("everybody is stalled", jumps_s=(9.0,), jumps=1, crashes=0, nights=1)

WITHOUT = (
    Without("creation is exclusive", Rules(exclusive=False), _PAID, _TWO),
    Without(
        "a store that does not create exclusively is refused",
        Rules(probes=False),
        _PAID,
        replace(_TWO, exclusive=False, opens=True),
    ),
    Without(
        "one's own file is known by its nonce, also after a lost reply",
        Rules(store=TakenIsOthers),
        _CAUSE,
        replace(_TWO, faults=("met itself",)),
    ),
    Without("somebody else's file is known by its nonce", Rules(store=TakenIsOurs), _PAID, _TWO),
    Without("a live claim holds", Rules(settler=CallsBesideCalls), _PAID, _TWO),
    Without("an answer ends it", Rules(settler=IgnoresAnswers), _PAID, _TWO),
    Without("a rejection ends it", Rules(settler=IgnoresRejections), _KNOWN, replace(_TWO, replies=("rejected",))),
    Without(
        "the lease covers the call and the save",
        Rules(lease_s=CLAIM_TO_POST_S),
        _CAUSE,
        replace(_TWO, latency_s=3.0),
    ),
    Without(
        "a claim's own lease counts", Rules(ledger=OwnLease), _CAUSE, replace(_TWO, call_s=(20.0, 4.0), latency_s=10.0)
    ),
    Without(
        "age is taken on the store's clock",
        Rules(ledger=OnOwnClock),
        _CAUSE,
        replace(_TWO, skew_s=(-5 * 3600.0, 3 * 3600.0)),
    ),
    Without("a claim too old to send is released", Rules(payer=AnyAge), _PAID, STALL),
    Without(
        "permit first, claim second",
        Rules(payer=ClaimFirst),
        _EVER,
        Scenario("a slow account", workers=1, images=3, rate_per_s=0.3, tries=1, nights=1),
    ),
    Without("after the permit the ledger is asked again", Rules(payer=NoSecondLook), _KNOWN, STALL, 3),
    Without("what is in doubt is named before it is sent again", Rules(settler=Nameless), _PAID, _CRASH),
    Without("not by the try that made the doubt", Rules(settler=SendsByReflex), _PAID, _CUT),
    Without("at most one automatic resend ever", Rules(settler=SendsOnAndOn), _PAID, replace(_CRASH, nights=2)),
    Without("hold and fail send nothing again", Rules(settler=SendsHeld), _PAID, replace(_CUT, policy="hold")),
    Without(
        "the inbox is asked before anything is sent again",
        Rules(settler=NeverAsksElsewhere),
        _KNOWN,
        replace(_CUT, inbox=True),
    ),
    Without("only what surely cost nothing is released", Rules(payer=ReleasesDoubt), _RELEASED, _CUT),
    Without(
        "a refused call's claim is released before the back-off",
        Rules(payer=KeepsClaims),
        _CAUSE,
        replace(_CUT, replies=("refused",)),
    ),
    Without("the answer is saved before the outcome", Rules(saver=SavedLater), _KEPT, _TWO),
    Without("what cannot be saved is spilled", Rules(saver=NoSpill), _KEPT, replace(_TWO, workers=1, faults=("down",))),
    Without(
        "no call starts while saving fails",
        Rules(saver=OpenGate),
        _GATE,
        Scenario(
            "the disk is full", workers=1, images=2, replies=("answer", "unavailable"), faults=("full",), crashes=0
        ),
    ),
    Without("nothing is overwritten", Rules(ledger=Overwriting), _APPEND, replace(STALL, inbox=True)),
    Without("the lowest-numbered answer counts", Rules(settler=LastAnswer), _ONE, replace(_TWO, faults=("down",))),
    Without("a torn end is a doubt", Rules(ledger=TornIsReleased), _PAID, replace(_CRASH, faults=("torn",))),
    Without("an empty claim is a claim", Rules(ledger=EmptyIsNothing), _EVER, replace(_CRASH, faults=("empty",))),
    Without(
        "nobody is waited for longer than a lease",
        Rules(settler=WaitsOn),
        _EVER,
        Scenario("long calls", call_s=(60.0, 4.0), tries=1, nights=1),
    ),
)
"""Every rule, with the law that breaks without it."""
