"""The product's own classes with one step left out or turned round: each takes one rule out."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core import claims
from airflow_provider_platerec_ocr.core.claims import End
from airflow_provider_platerec_ocr.core.errors import OCROutcomeUnknown, OCRRefused
from airflow_provider_platerec_ocr.engine.ledger import records
from airflow_provider_platerec_ocr.engine.ledger.admin import LedgerAdmin
from airflow_provider_platerec_ocr.engine.ledger.late_answer import LateAnswers, LateAnswerUnavailable
from airflow_provider_platerec_ocr.engine.ledger.purse import Coin, RunPurse
from airflow_provider_platerec_ocr.engine.ledger.purse_files import PurseFiles
from airflow_provider_platerec_ocr.engine.reading.outage import Rejections
from airflow_provider_platerec_ocr.engine.reading.paid_call import PaidCaller
from airflow_provider_platerec_ocr.storage.store import Store
from airflow_provider_platerec_ocr.storage.store_clock import StoreClock
from support.explorer.process import Limiter
from support.explorer.rules import WatchedAnswerWriter, WatchedLedger, WiredResolver

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.claims import Attempt, MayClaim
    from airflow_provider_platerec_ocr.core.models import Outcome, PlannedImage, Read
    from airflow_provider_platerec_ocr.engine.ledger.records import Claim
    from airflow_provider_platerec_ocr.engine.reading.answer_writer import AnswerWriter
    from airflow_provider_platerec_ocr.engine.reading.content import Content
    from airflow_provider_platerec_ocr.engine.reading.context import ReadContext
    from airflow_provider_platerec_ocr.engine.reading.image_phase import ImagePhase
    from airflow_provider_platerec_ocr.engine.reading.resolution import Resolution

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


class NoSpill(WatchedAnswerWriter):
    """Gives an answer up that the ledger does not take."""

    async def answer(self, claim: Claim, raw: dict[str, Any], facts: dict[str, Any]) -> None:
        trouble = await self._persist(lambda: self._context.ledger.answer(claim, raw, facts))
        if trouble is not None:
            self._context.stop.set(trouble)


class SavedLater(WatchedAnswerWriter):
    """Hands the outcome out while the answer is still being saved."""

    async def answer(self, claim: Claim, raw: dict[str, Any], facts: dict[str, Any]) -> None:
        self._later = asyncio.ensure_future(super().answer(claim, raw, facts))


class OpenGate(WatchedAnswerWriter):
    """Lets new calls start while saving fails."""

    @property
    def works(self) -> bool:
        return True

    async def healthy(self) -> None:
        return


class ClaimFirst(PaidCaller):
    """Claims first, and waits for its permit with the claim in hand."""

    async def attempt(
        self, image: PlannedImage, fingerprint: str, decision: MayClaim, content: Content, image_phase: ImagePhase
    ) -> Resolution | None:
        del image_phase
        filename = await content.ready(fingerprint)
        sending = self._prepared(image, filename, content)
        claim = await self._claim(image, fingerprint, decision)
        if claim is None:
            return None
        permit = await self._context.limiter.start()
        try:
            reason = self._not_now(claim)
            if reason:
                await self._answer_writer.release(claim, reason)
                return None
            return await self._pay(image, claim, filename, content, sending)
        finally:
            permit.done()


class AnyAge(PaidCaller):
    """Sends however old its claim is."""

    def _not_now(self, claim: Claim) -> str:
        return super()._not_now(replace(claim, made_at=self._context.clock.monotonic()))


class Freezes(PaidCaller):
    """Not a rule: a process that stands still, for a lease, exactly between its last look at the clock and the call."""

    async def _pay(self, *given: Any) -> Resolution | None:
        limiter = self._context.limiter
        assert isinstance(limiter, Limiter)
        await limiter.process.moment("is frozen before it sends")
        return await super()._pay(*given)


class NoSecondLook(PaidCaller):
    """Does not ask the ledger again after the wait for a permit."""

    async def _claim(self, image: PlannedImage, fingerprint: str, decision: MayClaim) -> Claim | None:
        return await super()._claim(image, fingerprint, replace(decision, doubts=()))


class ReleasesDoubt(PaidCaller):
    """Marks a call of unknown outcome as released."""

    async def _failed(self, image: PlannedImage, claim: Claim, error: Any, facts: Any, span: Any) -> Resolution | None:
        if isinstance(error, OCROutcomeUnknown):
            await self._answer_writer.release(claim, error.message)
            raise OCRRefused(error.message)
        return await super()._failed(image, claim, error, facts, span)


class KeepsClaims(PaidCaller):
    """Rests after a refusal with its claim still open."""

    async def _failed(self, image: PlannedImage, claim: Claim, error: Any, facts: Any, span: Any) -> Resolution | None:
        if isinstance(error, OCRRefused):
            self._rest_after(error, *span)
            raise error
        return await super()._failed(image, claim, error, facts, span)


class Unbound(RunPurse):
    """Lets every call be made, whether one is left or not."""

    async def take(self, row: int) -> Coin | None:
        return await super().take(row) or self._made(Coin(row))


class TakesBack(RunPurse):
    """Takes what a call had taken back, though the call may have been billed."""

    def done(self, coin: Coin) -> None:
        coin.spent = False
        super().done(coin)


class DrawsBeside(PurseFiles):
    """Draws although somebody else has drawn since."""

    def _append(self, calls: int, *, closed: bool = False) -> bool:
        return super()._append(calls, closed=closed) or True


class Deciding(WiredResolver):
    """Decides otherwise."""

    def other(self, history: claims.History, decision: claims.Decision) -> claims.Decision:
        raise NotImplementedError

    async def _decide(self, image: PlannedImage, fingerprint: str, retry: Any) -> Known:
        known = await super()._decide(image, fingerprint, retry)
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

    async def _may_claim(self, *given: Any) -> Resolution | None:
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


class Choosy:
    """A client that takes only a read for an answer."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.prepare = client.prepare

    async def send(self, sending: Any) -> Read:
        read: Read = await self._client.send(sending)
        if not read.understood:
            message = "200 with something that is no read"
            raise OCROutcomeUnknown(message)
        return read


class BelievesAtOnce(Rejections):
    """Takes each rejection for one of the image."""

    async def takes(self, outcome: Outcome) -> bool:
        self._spoken = True
        return await super().takes(outcome)


class UnreadIsLost(PaidCaller):
    """Throws an answer away that it cannot read, and has the call sent again."""

    def __init__(self, context: ReadContext, *more: Any, **given: Any) -> None:
        choosy: Any = Choosy(context.client)
        super().__init__(replace(context, client=choosy), *more, **given)


class Nameless(PaidCaller):
    """Repeats without a word."""

    def _name(self, *_: Any) -> None:
        return


class WaitsOn(WiredResolver):
    """Waits for somebody else's call for as long as it takes."""

    async def _held(self, decision: Any, content: Content, image_phase: ImagePhase, retry: Any) -> Resolution | None:
        retry.held_since = None
        return await super()._held(decision, content, image_phase, retry)


class SilenceIsNo(LateAnswers):
    """Takes an inbox that cannot be asked for one that has nothing."""

    async def settles(self, type_: str, fingerprint: str, doubts: claims.History) -> bool:
        try:
            return await super().settles(type_, fingerprint, doubts)
        except LateAnswerUnavailable:
            return False


class SendsUnasked(WiredResolver):
    """Repeats although the inbox could not be asked."""

    def __init__(self, context: ReadContext, answer_writer: AnswerWriter, paid_caller: PaidCaller) -> None:
        super().__init__(context, answer_writer, paid_caller)
        self._late_answers = SilenceIsNo(LedgerAdmin(context.ledger, context.clock), context.io, context.late_answers)


class Forgets(WiredResolver):
    """Does not know any more, at its next look, that it has settled the doubt itself."""

    async def _decide(self, image: PlannedImage, fingerprint: str, retry: Any) -> Known:
        retry.doubt_ended = False
        return await super()._decide(image, fingerprint, retry)


class AsksOnce(WiredResolver):
    """Asks the inbox for the first doubt of an image, and for no later one."""

    async def _decide(self, image: PlannedImage, fingerprint: str, retry: Any) -> Known:
        if retry.asked:
            retry.asked.update(range(1, 10))
        return await super()._decide(image, fingerprint, retry)


class NeverAsksForLateAnswers(WiredResolver):
    """Does not look into the inbox before it repeats."""

    async def _decide(self, image: PlannedImage, fingerprint: str, retry: Any) -> Known:
        retry.asked.update(range(1, 10))
        return await super()._decide(image, fingerprint, retry)
