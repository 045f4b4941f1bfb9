"""From a fingerprint to how it ended: ask the ledger, do what its rules allow, ask again.

The rules are :mod:`...core.claims`; the paid call is :mod:`.paid_call`. This file only goes round between the two.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core import claims
from airflow_provider_platerec_ocr.core.backoff import hold_s
from airflow_provider_platerec_ocr.core.errors import (
    OCRLedgerError,
    OCRNotSent,
    OCROutcomeUnknown,
    OCRRefused,
    OCRUnavailable,
)
from airflow_provider_platerec_ocr.core.saying.choices import InDoubtPolicy
from airflow_provider_platerec_ocr.engine.ledger.admin import LedgerAdmin
from airflow_provider_platerec_ocr.engine.ledger.late_answer import LateAnswers, LateAnswerUnavailable
from airflow_provider_platerec_ocr.engine.reading import resolution
from airflow_provider_platerec_ocr.engine.reading.answer_writer import LedgerStep
from airflow_provider_platerec_ocr.engine.reading.image_phase import Phase
from airflow_provider_platerec_ocr.engine.reading.paid_call import PaidCaller

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.models import PlannedImage
    from airflow_provider_platerec_ocr.engine.reading.answer_writer import AnswerWriter
    from airflow_provider_platerec_ocr.engine.reading.content import Content
    from airflow_provider_platerec_ocr.engine.reading.context import ReadContext
    from airflow_provider_platerec_ocr.engine.reading.image_phase import ImagePhase
    from airflow_provider_platerec_ocr.engine.reading.resolution import Resolution

log = logging.getLogger(__name__)

_FIRST_LOOK_S, _LONGEST_LOOK_S = 0.25, 5.0
"""First and longest pause between two looks at somebody else's live claim."""
_HELD_LOOKS = 4
"""Images held elsewhere that are looked at again at a time."""


@dataclass(slots=True)
class _RetryState:
    """How long one image has waited, and for what."""

    unavailable: int = 0
    not_sent: int = 0
    successes: int = 0
    held_since: float | None = None
    look_s: float = _FIRST_LOOK_S
    asked: set[int] = field(default_factory=set)
    doubt_ended: bool = False
    """Whether the answer to one of its calls in doubt has come another way."""
    known: claims.History | None = None
    """What the ledger knew a moment ago; serves once."""


class Resolver:
    """Resolves fingerprints; one instance serves all images of a task."""

    def __init__(self, context: ReadContext, answer_writer: AnswerWriter, *, provisional: bool = False) -> None:
        self._context = context
        self._answer_writer = answer_writer
        self._paid_caller = PaidCaller(context, answer_writer, provisional=provisional)
        self._late_answers = LateAnswers(LedgerAdmin(context.ledger, context.clock), context.io, context.late_answers)
        self._unknown: set[tuple[str, str, int]] = set()
        """Calls of this process whose outcome is unknown: nobody is waiting for their answers any more."""
        self._looking = asyncio.Semaphore(_HELD_LOOKS)

    async def resolve(
        self, image: PlannedImage, fingerprint: str, content: Content, image_phase: ImagePhase
    ) -> Resolution | None:
        """Return how ``fingerprint`` ended, or ``None`` where a stop came before a call."""
        context, retry = self._context, _RetryState(known=content.take_history(fingerprint))
        while not context.stop.is_set():
            known = await self._decide(image, fingerprint, retry)
            if known is None:
                continue
            history, decision = known
            context.purse.looked(image, history)
            if isinstance(decision, claims.MayClaim):
                ended = await self._may_claim(image, fingerprint, decision, (content, image_phase, retry))
            elif isinstance(decision, claims.Held):
                if (image.type, fingerprint, decision.attempt.number) in self._unknown:
                    ended = resolution.in_doubt(self._action(claims.in_doubt(history, context.settings.lease_s)), 0)
                else:
                    ended = await self._held(decision, content, image_phase, retry)
            else:
                ended = _known(decision)
            if ended is not None:
                billed = ended.calls_billed + self.billed_before(image, history)
                return replace(ended, calls_billed=billed, history=history)
        return None

    async def resolve_late(self, image: PlannedImage, fingerprint: str) -> Resolution | None:
        """Return the read of an image left in doubt whose answer has come another way since, else ``None``."""
        lease_s = self._context.settings.lease_s
        history = await self._look(image, fingerprint, _RetryState()) or ()
        key = (image.type, fingerprint)
        doubts = [each for each in history if each.is_in_doubt(lease_s) or (*key, each.number) in self._unknown]
        try:
            await self._late_answers.settles(*key, tuple(doubts))
        except LateAnswerUnavailable:
            return None
        history = await self._look(image, fingerprint, _RetryState()) or ()
        answers = [each for each in history if each.end is claims.End.ANSWER]
        if not answers:
            return None
        ended = resolution.answered(answers[0], self.billed_before(image, history))
        return replace(ended, history=history)

    async def _decide(
        self, image: PlannedImage, fingerprint: str, retry: _RetryState
    ) -> tuple[claims.History, claims.Decision] | None:
        """Return what the ledger knows and allows, or ``None`` where it is to be asked (again).

        Before a doubt is named or sent again, its answer is looked for elsewhere, once. Where nobody can say, or where
        it was found and the store does not show it yet, nothing is sent in this try.
        """
        context = self._context
        history = await self._look(image, fingerprint, retry)
        if history is None:
            return None
        decision = claims.decide(
            history, owner=context.owner, policy=context.options.in_doubt, lease_s=context.settings.lease_s
        )
        doubts = _doubts_of(decision)
        if retry.doubt_ended:
            return history, self._held_back(decision, doubts)
        if retry.asked.issuperset(doubt.number for doubt in doubts):
            return history, decision
        retry.asked.update(doubt.number for doubt in doubts)
        try:
            retry.doubt_ended = await self._late_answers.settles(image.type, fingerprint, doubts)
        except LateAnswerUnavailable:
            return history, self._held_back(decision, doubts)
        return None if retry.doubt_ended else (history, decision)

    def _held_back(self, decision: claims.Decision, doubts: claims.History) -> claims.Decision:
        """Return ``decision``, or that nothing is sent where it would repeat a call in doubt."""
        again = doubts and isinstance(decision, claims.MayClaim)
        return claims.Doubt(doubts, self._action(())) if again else decision

    def billed_before(self, image: PlannedImage, history: claims.History) -> int:
        """Return how many calls of this run for this row a history tells of."""
        owner = self._context.owner
        return claims.calls_billed(history, owner.run_id, row=image.row, image=image.image, dag_id=owner.dag_id)

    async def _look(self, image: PlannedImage, fingerprint: str, retry: _RetryState) -> claims.History | None:
        """Return what the ledger knows, or ``None`` where it could not be asked just now.

        Images that are held elsewhere are looked at again and again: few at a time, so that no answer has to wait
        behind them for a thread.
        """
        turn = self._looking if retry.held_since is not None else nullcontext()
        history, retry.known = retry.known, None
        try:
            if history is None:
                async with turn:
                    history = await self._context.io(self._context.ledger.look, image.type, fingerprint)
        except OCRLedgerError as error:
            await self._answer_writer.step_failed(LedgerStep.LOOK, error)
            return None
        self._answer_writer.step_worked(LedgerStep.LOOK)
        return history

    async def _held(
        self, decision: claims.Held, content: Content, image_phase: ImagePhase, retry: _RetryState
    ) -> Resolution | None:
        """Wait for somebody else's live claim, without a permit and without the bytes, at most one lease."""
        context = self._context
        content.drop()
        image_phase.enter(Phase.HELD)
        now = context.clock.monotonic()
        retry.held_since = now if retry.held_since is None else retry.held_since
        if now - retry.held_since > context.settings.lease_s:
            return resolution.held_elsewhere()
        await context.rest(min(retry.look_s, decision.until_s + 0.1))
        retry.look_s = min(retry.look_s * 1.5, _LONGEST_LOOK_S)
        if context.stop.is_set():
            return resolution.held_elsewhere()
        image_phase.enter(Phase.IDLE)
        return None

    async def _may_claim(
        self,
        image: PlannedImage,
        fingerprint: str,
        decision: claims.MayClaim,
        tools: tuple[Content, ImagePhase, _RetryState],
    ) -> Resolution | None:
        """Call, or rest after a refusal; ``None`` where the ledger has to be asked again."""
        context = self._context
        content, image_phase, retry = tools
        try:
            return await self._paid_caller.attempt(image, fingerprint, decision, content, image_phase)
        except OCROutcomeUnknown as error:
            self._unknown.add((image.type, fingerprint, decision.number))
            return resolution.in_doubt(self._action(decision.doubts), 1, error.status, cause=error.message)
        except OCRUnavailable as error:
            retry.unavailable += 1
            if retry.unavailable >= context.options.refusals_per_image:
                return resolution.unavailable(error, 0)
            content.drop()
            await context.rest(
                context.backoff.delay_s(retry.unavailable, jitter=0.5, retry_after_s=hold_s(error.retry_after_s))
            )
            return None
        except OCRNotSent as error:
            return resolution.unavailable(error, 0) if self._is_its_own(retry) else None
        except OCRRefused:
            return None  # the limiter holds all starts for as long as the API asked

    def _is_its_own(self, retry: _RetryState) -> bool:
        """Count a call that did not get through; return whether it is this image's fault.

        In an outage no image gets through, and all wait. An image that fails while others succeed would fail for ever.
        """
        if retry.not_sent == 0:
            retry.successes = self._paid_caller.successes
        retry.not_sent += 1
        often = retry.not_sent >= self._context.options.refusals_per_image
        return often and self._paid_caller.successes > retry.successes

    def _action(self, doubts: tuple[claims.Attempt, ...]) -> claims.DoubtAction:
        """Return what becomes of a call of unknown outcome that was made in this process.

        :param doubts: what was in doubt before it.
        """
        if doubts:
            return claims.DoubtAction.TWICE
        waits = self._context.options.in_doubt is InDoubtPolicy.RESEND
        return claims.DoubtAction.WAIT if waits else claims.DoubtAction.HOLD


def _doubts_of(decision: claims.Decision) -> claims.History:
    match decision:
        case claims.MayClaim(doubts=doubts) | claims.Doubt(attempts=doubts):
            return doubts
    return ()


def _known(decision: claims.Answered | claims.Rejected | claims.PutOff | claims.Doubt) -> Resolution:
    """Return the end that the ledger already knows."""
    match decision:
        case claims.Answered(attempt=attempt):
            return resolution.answered(attempt, 0)
        case claims.Rejected(attempt=attempt):
            return resolution.rejected_before(attempt)
        case claims.PutOff(attempt=attempt):
            return resolution.put_off(attempt)
        case claims.Doubt(action=action):
            return resolution.in_doubt(action, 0)
