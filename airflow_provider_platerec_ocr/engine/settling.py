"""From a fingerprint to how it ended: ask the ledger, do what its rules allow, ask again.

The rules are :mod:`..core.claims`; the paid call is :mod:`.paying`. This file only goes round between the two.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core import claims
from airflow_provider_platerec_ocr.core.errors import OCRLedgerError, OCROutcomeUnknown, OCRRefused, OCRUnavailable
from airflow_provider_platerec_ocr.core.models import InDoubtPolicy
from airflow_provider_platerec_ocr.engine import settlement
from airflow_provider_platerec_ocr.engine.paying import Payer
from airflow_provider_platerec_ocr.engine.slot import Phase

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.models import PlannedImage
    from airflow_provider_platerec_ocr.engine.content import Content
    from airflow_provider_platerec_ocr.engine.context import ReadContext
    from airflow_provider_platerec_ocr.engine.saving import Saver
    from airflow_provider_platerec_ocr.engine.settlement import Settlement
    from airflow_provider_platerec_ocr.engine.slot import Slot

log = logging.getLogger(__name__)

_FIRST_LOOK_S, _LONGEST_LOOK_S = 0.25, 5.0
"""First and longest pause between two looks at somebody else's live claim."""


@dataclass(slots=True)
class _Patience:
    """How long one image has waited, and for what."""

    unavailable: int = 0
    held_since: float | None = None
    look_s: float = _FIRST_LOOK_S
    named: bool = False


class Settler:
    """Settles fingerprints; one instance serves all images of a task."""

    def __init__(self, context: ReadContext, saver: Saver) -> None:
        self._context = context
        self._payer = Payer(context, saver)

    async def settle(self, image: PlannedImage, fingerprint: str, content: Content, slot: Slot) -> Settlement | None:
        """Return how ``fingerprint`` ended, or ``None`` where a stop came before a call."""
        context, patience = self._context, _Patience()
        while not context.stop.is_set():
            history = await self._look(image, fingerprint)
            decision = claims.decide(
                history, owner=context.owner, policy=context.options.in_doubt, lease_s=context.settings.lease_s
            )
            if isinstance(decision, claims.MayClaim):
                ended = await self._may_claim(image, fingerprint, decision, (content, slot, patience))
            elif isinstance(decision, claims.Held):
                ended = await self._held(decision, content, slot, patience)
            else:
                ended = _known(decision)
            if ended is not None:
                billed = claims.calls_billed(
                    history, context.owner.run_id, row=image.row, image=image.image, dag_id=context.owner.dag_id
                )
                return replace(ended, calls_billed=ended.calls_billed + billed)
        return None

    async def _look(self, image: PlannedImage, fingerprint: str) -> claims.History:
        try:
            return await self._context.io(self._context.ledger.look, image.type, fingerprint)
        except OCRLedgerError as error:
            self._context.stop.set(error)
            return ()

    async def _held(
        self, decision: claims.Held, content: Content, slot: Slot, patience: _Patience
    ) -> Settlement | None:
        """Wait for somebody else's live claim, without a permit and without the bytes, at most one lease."""
        context = self._context
        content.drop()
        slot.enter(Phase.HELD)
        now = context.clock.monotonic()
        patience.held_since = now if patience.held_since is None else patience.held_since
        if now - patience.held_since > context.settings.lease_s:
            return settlement.held_elsewhere()
        await context.rest(min(patience.look_s, decision.until_s + 0.1))
        patience.look_s = min(patience.look_s * 1.5, _LONGEST_LOOK_S)
        if context.stop.is_set():
            return settlement.held_elsewhere()
        slot.enter(Phase.IDLE)
        return None

    async def _may_claim(
        self,
        image: PlannedImage,
        fingerprint: str,
        decision: claims.MayClaim,
        tools: tuple[Content, Slot, _Patience],
    ) -> Settlement | None:
        """Call, or rest after a refusal; ``None`` where the ledger has to be asked again."""
        context = self._context
        content, slot, patience = tools
        if not patience.named:
            patience.named = True
            self._name(image, fingerprint, decision.doubts)
        try:
            return await self._payer.attempt(image, fingerprint, decision.number, content, slot)
        except OCROutcomeUnknown as error:
            return settlement.in_doubt(self._action(decision), 1, error.status)
        except OCRUnavailable as error:
            patience.unavailable += 1
            if patience.unavailable >= context.options.refusals_per_image:
                return settlement.unavailable(error, 0)
            await context.rest(
                context.backoff.delay_s(patience.unavailable, jitter=0.5, retry_after_s=error.retry_after_s)
            )
            return None
        except OCRRefused:
            return None  # the limiter holds all starts for as long as the API asked

    def _name(self, image: PlannedImage, fingerprint: str, doubts: tuple[claims.Attempt, ...]) -> None:
        """Say what is in doubt before it is sent again: the bill may show it twice."""
        for doubt in doubts:
            log.warning(
                "Resending %s: attempt %s of %s (run %s, try %s) may have been billed, and its answer is lost.",
                *(image.image, doubt.number, fingerprint, doubt.owner.run_id, doubt.owner.try_number),
            )
        self._context.progress.resent += len(doubts)

    def _action(self, decision: claims.MayClaim) -> claims.DoubtAction:
        """Return what becomes of a call whose outcome just turned out to be unknown."""
        if decision.doubts:
            return claims.DoubtAction.TWICE
        waits = self._context.options.in_doubt is InDoubtPolicy.RESEND
        return claims.DoubtAction.WAIT if waits else claims.DoubtAction.HOLD


def _known(decision: claims.Answered | claims.Rejected | claims.Doubt) -> Settlement:
    """Return the end that the ledger already knows."""
    match decision:
        case claims.Answered(attempt=attempt):
            return settlement.answered(attempt, 0)
        case claims.Rejected(attempt=attempt):
            return settlement.rejected_before(attempt)
        case claims.Doubt(action=action):
            return settlement.in_doubt(action, 0)
