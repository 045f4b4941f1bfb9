"""The money: from a fingerprint to how it ended, with at most one paid call, and never one that is not in the ledger.

The order is the promise. Look into the ledger; wait for a start permit; claim; send; save the answer before anything
else happens. Every way out of the call ends the claim (answer, rejected, released) except one: an unknown outcome
leaves it open, which is what *in doubt* means.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core import claims
from airflow_provider_platerec_ocr.core.errors import (
    OCRCallError,
    OCRImageError,
    OCRLedgerError,
    OCROutcomeUnknown,
    OCRRateLimited,
    OCRRejected,
    OCRStop,
    OCRUnavailable,
)
from airflow_provider_platerec_ocr.core.fingerprint import fingerprint_bytes
from airflow_provider_platerec_ocr.core.models import InDoubtPolicy, ReadStatus, Reason, format_timestamp
from airflow_provider_platerec_ocr.engine.images import upload_name
from airflow_provider_platerec_ocr.engine.outage import Outage

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_platerec_ocr.engine.ledger import Claim

    from airflow_provider_platerec_ocr.core.models import PlannedImage
    from airflow_provider_platerec_ocr.engine.content import Content
    from airflow_provider_platerec_ocr.engine.context import ReadContext
    from airflow_provider_platerec_ocr.engine.saving import Saver

log = logging.getLogger(__name__)

_WAIT_S = (0.25, 5.0)
"""First and longest pause between two looks at somebody else's live claim."""


class Phase(StrEnum):
    """What a task is doing with an image, as far as stopping it is concerned."""

    IDLE = "idle"
    """Loading, looking, waiting for a permit: may be cancelled."""
    HELD = "held"
    """Waiting for somebody else's claim: ends by itself on a stop."""
    PAYING = "paying"
    """From before the claim until the answer is saved: must be left to finish."""


class Slot:
    """One image's place in the batch: its phase, and whom to tell when it changes.

    :param moved: called after each change, on the event loop.
    """

    def __init__(self, moved: Callable[[], None] | None = None) -> None:
        self.phase = Phase.IDLE
        self._moved = moved

    def enter(self, phase: Phase) -> None:
        """Go on to ``phase``."""
        self.phase = phase
        if self._moved is not None and phase is not Phase.PAYING:
            self._moved()


@dataclass(frozen=True, slots=True)
class Settlement:
    """How one fingerprint ended for one image."""

    status: ReadStatus
    answer: dict[str, Any] | None = None
    read_at: str | None = None
    from_ledger: bool = False
    calls_billed: int = 0
    reason: str | None = None
    message: str | None = None
    http_status: int | None = None

    def as_shared(self) -> Settlement:
        """Return the same end for a duplicate within the process, which paid nothing itself."""
        return replace(self, from_ledger=self.status == ReadStatus.READ, calls_billed=0)


class Settler:
    """Settles fingerprints one at a time per call, many at once per task."""

    def __init__(self, context: ReadContext, saver: Saver) -> None:
        self._context = context
        self._saver = saver
        self._outage = Outage(context.backoff, context.options)

    async def settle(self, image: PlannedImage, fingerprint: str, content: Content, slot: Slot) -> Settlement | None:
        """Return how ``fingerprint`` ended, or ``None`` where a stop came before a call."""
        context = self._context
        unavailable = 0
        held_since: float | None = None
        pause = _WAIT_S[0]
        while not context.stop.is_set():
            history = await self._look(image, fingerprint)
            decision = claims.decide(
                history, owner=context.owner, policy=context.options.in_doubt, lease_s=context.settings.lease_s
            )
            billed = claims.calls_billed(
                history, context.owner.run_id, row=image.row, image=image.image, dag_id=context.owner.dag_id
            )
            match decision:
                case claims.Answered(attempt=attempt):
                    return _answered(attempt, billed)
                case claims.Rejected(attempt=attempt):
                    return _rejected_before(attempt, billed)
                case claims.Doubt(action=action):
                    return _in_doubt(action, billed)
                case claims.Held():
                    content.drop()
                    slot.enter(Phase.HELD)
                    now = context.clock.monotonic()
                    held_since = now if held_since is None else held_since
                    if now - held_since > context.settings.lease_s:
                        return _held()
                    await context.rest(min(pause, decision.until_s + 0.1))
                    pause = min(pause * 1.5, _WAIT_S[1])
                    if context.stop.is_set():
                        return _held()
                    slot.enter(Phase.IDLE)
                case claims.MayClaim(number=number, doubts=doubts):
                    self._name(image, fingerprint, doubts)
                    try:
                        ended = await self._attempt(image, fingerprint, number, content, slot)
                    except OCROutcomeUnknown as error:
                        return replace(self._doubt(doubts), calls_billed=billed + 1, http_status=error.status)
                    except OCRUnavailable as error:
                        unavailable += 1
                        if unavailable >= context.options.refusals_per_image:
                            return _unavailable(error, billed)
                        await context.rest(
                            context.backoff.delay_s(unavailable, jitter=0.5, retry_after_s=error.retry_after_s)
                        )
                    else:
                        if ended is not None:
                            return replace(ended, calls_billed=ended.calls_billed + billed)
        return None

    async def _look(self, image: PlannedImage, fingerprint: str) -> claims.History:
        try:
            return await self._context.io(self._context.ledger.look, image.type, fingerprint)
        except OCRLedgerError as error:
            self._context.stop.set(error)
            return ()

    async def _attempt(
        self, image: PlannedImage, fingerprint: str, number: int, content: Content, slot: Slot
    ) -> Settlement | None:
        """Permit, claim, call. Return the end, or ``None`` where the ledger has to be asked again."""
        context = self._context
        await self._saver.healthy()
        filename = await self._filename(image, fingerprint, content)
        permit = await context.limiter.start()
        slot.enter(Phase.PAYING)
        try:
            if context.stop.is_set():
                return None
            claim = await self._claim(image, fingerprint, number)
            if claim is None:
                return None
            if claim.age_s(context.clock) > context.settings.claim_to_post_s:
                await self._saver.release(claim, "too old to send")
                return None
            return await self._pay(image, claim, filename, content)
        finally:
            slot.enter(Phase.IDLE)
            permit.done()

    async def _filename(self, image: PlannedImage, fingerprint: str, content: Content) -> str:
        """Have the bytes ready, and return the name under which they go out: it carries the fingerprint."""
        if image.upload_url is not None:
            return image.upload_url.rpartition("/")[2]
        again = not content.loaded
        loaded = await content.get()
        if again:
            now = await self._context.io(fingerprint_bytes, self._context.settings.base_url, image.type, loaded.content)
            if now != fingerprint:
                message = f"{image.image} changed while it was waiting to be sent; the next run reads it."
                raise OCRImageError(message, reason=Reason.IMAGE_UNREADABLE, permanent=False)
        return upload_name(loaded.filename, fingerprint)

    async def _claim(self, image: PlannedImage, fingerprint: str, number: int) -> Claim | None:
        facts = {"image": image.image, "row": image.row}
        try:
            return await self._context.io(self._context.ledger.claim, image.type, fingerprint, number, facts)
        except OCRLedgerError as error:
            self._context.stop.set(error)
            return None

    async def _pay(self, image: PlannedImage, claim: Claim, filename: str, content: Content) -> Settlement | None:
        """Make the one paid call of ``claim`` and end the claim by what came back."""
        context = self._context
        begun = context.clock.monotonic()
        context.progress.calls += 1
        facts: dict[str, Any] = {
            "image": image.image,
            "row": image.row,
            "filename": filename,
            "bytes": content.upload_bytes,
            "camera_id": image.camera_id,
            "timestamp": image.timestamp,
            "sent_at": format_timestamp(context.clock.now()),
        }
        url = context.signed_urls.get(image.row, image.upload_url) if image.upload_url else None
        try:
            read = await context.client.read(
                type=image.type,
                content=content.upload,
                filename=filename,
                upload_url=url,
                camera_id=image.camera_id,
                timestamp=image.timestamp,
                as_base64=context.options.as_base64,
                on_sent=content.drop,
            )
        except OCRCallError as error:
            return await self._failed(image, claim, error, facts, begun)
        self._outage.success()
        context.limiter.succeeded()
        read_at = format_timestamp(context.clock.now())
        facts |= {"read_at": read_at, "elapsed_s": round(context.clock.monotonic() - begun, 3)}
        await self._saver.answer(claim, read.raw, facts)
        return Settlement(ReadStatus.READ, answer=read.raw, read_at=read_at, calls_billed=1)

    async def _failed(
        self, image: PlannedImage, claim: Claim, error: OCRCallError, facts: dict[str, Any], begun: float
    ) -> Settlement | None:
        """End ``claim`` by what ``error`` means for money."""
        context = self._context
        now = context.clock.monotonic()
        facts |= {"http_status": error.status, "elapsed_s": round(now - begun, 3), "detail": error.detail}
        if isinstance(error, OCRRejected):
            self._outage.success()
            context.limiter.succeeded()
            await self._saver.reject(claim, facts | {"reason": Reason.API_REJECTED, "message": error.message})
            return _rejected(error.message, error.status)
        if isinstance(error, OCRStop):
            context.stop.set(error)
            await self._saver.release(claim, error.message)
            return None
        self._rest_after(error, begun, now)
        if isinstance(error, OCROutcomeUnknown):
            context.progress.unknown += 1
            log.warning("In doubt: %s (%s, attempt %s). %s", image.image, claim.fingerprint, claim.number, error)
            raise error
        context.progress.refused[type(error).__name__] += 1
        await self._saver.release(claim, error.message)
        if isinstance(error, OCRUnavailable):
            raise error
        return None

    def _name(self, image: PlannedImage, fingerprint: str, doubts: tuple[claims.Attempt, ...]) -> None:
        """Say what is in doubt before it is sent again: the bill may show it twice."""
        for doubt in doubts:
            self._context.progress.resent += 1
            log.warning(
                "Resending %s: attempt %s of %s (run %s, try %s) may have been billed, and its answer is lost.",
                *(image.image, doubt.number, fingerprint, doubt.owner.run_id, doubt.owner.try_number),
            )

    def _doubt(self, before: tuple[claims.Attempt, ...]) -> Settlement:
        """Return what becomes of a call whose outcome just turned out to be unknown."""
        if before:
            return _in_doubt(claims.DoubtAction.TWICE, 0)
        waits = self._context.options.in_doubt is InDoubtPolicy.RESEND
        return _in_doubt(claims.DoubtAction.WAIT if waits else claims.DoubtAction.HOLD, 0)

    def _rest_after(self, error: OCRCallError, begun: float, now: float) -> None:
        """Slow everybody down by as much as ``error`` calls for, and stop where it is hopeless."""
        context = self._context
        if isinstance(error, OCRRateLimited):
            context.limiter.throttled(error.retry_after_s)
        rest = max(self._outage.failure(error, started_at=begun, now=now), error.retry_after_s or 0.0)
        if rest and not isinstance(error, OCRRateLimited):
            context.limiter.hold(rest)
        hopeless = self._outage.hopeless(now)
        if hopeless:
            log.error("Stopping: %s. %s", hopeless, error)
            context.stop.set(error)


def _answered(attempt: claims.Attempt, billed: int) -> Settlement:
    payload = attempt.payload or {}
    read_at = (payload.get("facts") or {}).get("read_at") or payload.get("saved_at")
    return Settlement(ReadStatus.READ, answer=payload["answer"], read_at=read_at, from_ledger=True, calls_billed=billed)


def _rejected_before(attempt: claims.Attempt, billed: int) -> Settlement:
    facts = (attempt.payload or {}).get("facts") or {}
    message = f"{facts.get('message') or 'The API rejected it.'} (known from the ledger; it was not sent again)"
    return replace(_rejected(message, facts.get("http_status")), calls_billed=billed, from_ledger=True)


def _rejected(message: str, http_status: int | None) -> Settlement:
    return Settlement(ReadStatus.REJECTED, reason=Reason.API_REJECTED, message=message, http_status=http_status)


def _unavailable(error: OCRUnavailable, billed: int) -> Settlement:
    return Settlement(
        ReadStatus.FAILED,
        reason=Reason.API_UNAVAILABLE,
        message=f"{error.message} The next run tries it again.",
        http_status=error.status,
        calls_billed=billed,
    )


def _held() -> Settlement:
    return Settlement(
        ReadStatus.HELD_ELSEWHERE, message="Another task is reading this image; the next run takes its answer."
    )


_HELD = "A call may have been billed and its answer was lost; it is held until a webhook or a person settles it."
_DOUBT_MESSAGES = {
    claims.DoubtAction.WAIT: "A call may have been billed and its answer was lost; a later try sends it once more.",
    claims.DoubtAction.HOLD: _HELD,
    claims.DoubtAction.FAIL: _HELD,
    claims.DoubtAction.TWICE: (
        "Two calls may have been billed and both answers were lost; it is not sent again until a person settles it "
        "(python -m airflow_provider_platerec_ocr.ledger … settle)."
    ),
}


def _in_doubt(action: claims.DoubtAction, billed: int) -> Settlement:
    reason = Reason.IN_DOUBT_TWICE if action is claims.DoubtAction.TWICE else Reason.IN_DOUBT
    return Settlement(ReadStatus.IN_DOUBT, reason=reason, message=_DOUBT_MESSAGES[action], calls_billed=billed)
