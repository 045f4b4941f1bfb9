"""One paid call: one of the run's calls, permit, claim, POST, and the end of the claim by what came back.

Every way out of a call ends its claim (answer, rejected, released) except one: an unknown outcome leaves it open,
which is what *in doubt* means.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.answer.body import UNREAD, packed
from airflow_provider_platerec_ocr.core.claims import DoubtAction, End
from airflow_provider_platerec_ocr.core.errors import (
    OCRCallError,
    OCRConfigError,
    OCRImageError,
    OCRLedgerError,
    OCRNotSent,
    OCROutcomeUnknown,
    OCRRateLimited,
    OCRRefused,
    OCRRejected,
    OCRStop,
)
from airflow_provider_platerec_ocr.core.events import CallEvent, end_of, of_owner
from airflow_provider_platerec_ocr.core.images.echo import secrets_of
from airflow_provider_platerec_ocr.core.models import ReadStatus, Reason, format_timestamp
from airflow_provider_platerec_ocr.engine.reading.answer_writer import LedgerStep
from airflow_provider_platerec_ocr.engine.reading.image_phase import Phase
from airflow_provider_platerec_ocr.engine.reading.outage import Dialect, Outage
from airflow_provider_platerec_ocr.engine.reading.resolution import (
    Pending,
    Resolution,
    carried_over,
    in_doubt,
    not_fetched,
    rejected,
)

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.claims import History, MayClaim
    from airflow_provider_platerec_ocr.core.models import PlannedImage
    from airflow_provider_platerec_ocr.engine.client.transport import Sending
    from airflow_provider_platerec_ocr.engine.ledger.ledger import Claim
    from airflow_provider_platerec_ocr.engine.ledger.purse import Coin
    from airflow_provider_platerec_ocr.engine.reading.answer_writer import AnswerWriter
    from airflow_provider_platerec_ocr.engine.reading.content import Content
    from airflow_provider_platerec_ocr.engine.reading.context import ReadContext
    from airflow_provider_platerec_ocr.engine.reading.image_phase import ImagePhase

log = logging.getLogger(__name__)

_LATE_IN_A_ROW = 8
"""Claims in a row that were too old to send, after which the task stops: its ledger is too slow to pay through."""


class PaidCaller:
    """Makes paid calls, each with its claim.

    :param provisional: leave the claims of rejections open for :class:`.outage.Rejections` to end.
    """

    def __init__(self, context: ReadContext, answer_writer: AnswerWriter, *, provisional: bool = False) -> None:
        self._context = context
        self._provisional = provisional
        self._answer_writer = answer_writer
        self._outage = Outage(context.backoff, context.options)
        self._late = 0
        self._dialect = Dialect(context.options)
        self._named: set[tuple[str, str, int]] = set()
        self.successes = 0
        """Calls that the API answered."""

    async def attempt(
        self, image: PlannedImage, fingerprint: str, decision: MayClaim, content: Content, image_phase: ImagePhase
    ) -> Resolution | None:
        """Return the end of the attempt that ``decision`` allows, or ``None`` where the ledger has to be asked again.

        :raises OCRNotSent: the call did not get through, and its claim is released.
        :raises OCRRefused: the call was refused before any work, and its claim is released.
        :raises OCRImageError: there is nothing that could be sent.
        :raises OCROutcomeUnknown: the call may have been billed, and its claim stays open.
        """
        context = self._context
        await self._answer_writer.healthy()
        filename = await content.ready(fingerprint)
        try:
            coin = await context.purse.take(image.row)
        except OCRLedgerError as error:
            await self._answer_writer.step_failed(LedgerStep.CLAIM, error)
            return None
        if coin is None:
            return self._no_call_left(decision)
        self._name(image, fingerprint, decision.doubts)
        try:
            return await self._with_coin(image, fingerprint, decision, (content, filename, image_phase, coin))
        finally:
            context.purse.done(coin)

    def _name(self, image: PlannedImage, fingerprint: str, doubts: History) -> None:
        """Say once what is in doubt before it is sent again: the bill may show it twice."""
        for doubt in doubts:
            if (image.type, fingerprint, doubt.number) not in self._named:
                self._named.add((image.type, fingerprint, doubt.number))
                log.warning(
                    "Resending %s: attempt %s of %s (run %s, try %s) may have been billed, and its answer is lost.",
                    *(image.image, doubt.number, fingerprint, doubt.owner.run_id, doubt.owner.try_number),
                )

    def _no_call_left(self, decision: MayClaim) -> Resolution | None:
        """Carry the image over; stop where the user wants to know, or where looking on would be in vain."""
        context = self._context
        reason = context.purse.reason
        if reason is not None and not context.purse.foreseen and context.options.fail_without_calls:
            context.stop.set(reason)
            return None
        if reason is not None and not context.purse.in_vain() and not context.options.fail_without_calls:
            context.stop.set(reason)
        if not decision.doubts:
            return carried_over(str(reason))
        context.progress.unfunded += 1
        return in_doubt(DoubtAction.WAIT, 0)

    async def _with_coin(
        self,
        image: PlannedImage,
        fingerprint: str,
        decision: MayClaim,
        tools: tuple[Content, str, ImagePhase, Coin],
    ) -> Resolution | None:
        """Call with one of the run's calls in hand; it stays unspent where surely nothing was billed."""
        context = self._context
        content, filename, image_phase, coin = tools
        permit = await context.limiter.start()
        image_phase.enter(Phase.PAYING)
        try:
            if context.stop.is_set() or not (self._answer_writer.works and context.purse.may_pay.is_set()):
                return None
            sending = self._prepared(image, filename, content)
            claim = await self._claim(image, fingerprint, decision)
            if claim is None:
                return None
            reason = self._not_now(claim)
            if reason:
                await self._answer_writer.release(claim, reason)
                return None
            context.progress.resent += bool(decision.doubts)
            coin.spent = True
            ended = await self._pay(image, claim, filename, content, sending)
            coin.spent = ended is not None and ended.reason != Reason.URL_NOT_FETCHED
        except (OCRNotSent, OCRRefused, OCRImageError):
            coin.spent = False
            raise
        except OCRLedgerError as error:
            permit.done()
            image_phase.enter(Phase.IDLE)
            await self._answer_writer.step_failed(LedgerStep.CLAIM, error)
            return None
        finally:
            image_phase.enter(Phase.IDLE)
            permit.done()
        return ended

    def _not_now(self, claim: Claim) -> str:
        """Return why a call must not be sent although it is claimed, or nothing: claiming takes time."""
        context = self._context
        late = claim.age_s(context.clock) > context.settings.claim_to_post_s
        self._late = self._late + 1 if late else 0
        if self._late >= _LATE_IN_A_ROW:
            message = (
                f"The ledger {context.ledger.root} took more than {context.settings.claim_to_post_s:g} s for a claim, "
                f"{self._late} times in a row. Nothing is sent on old claims: check its store, then run again."
            )
            context.stop.set(OCRLedgerError(message))
        if late:
            return "too old to send"
        if context.stop.is_set():
            return "stopped before it was sent"
        return "held before it was sent" if context.limiter.held_for_s > 0.0 else ""

    async def _claim(self, image: PlannedImage, fingerprint: str, decision: MayClaim) -> Claim | None:
        """Make the claim; ``None`` where somebody else did, or where a call in doubt was settled meanwhile.

        The ledger was asked before the wait for a permit, which can be long.
        """
        context, facts = self._context, self._facts(image)
        if decision.doubts:
            history = await context.io(context.ledger.look, image.type, fingerprint)
            if any(attempt.end in (End.ANSWER, End.REJECTED) for attempt in history):
                return None
        claim = await context.io(context.ledger.claim, image.type, fingerprint, decision.number, facts)
        self._answer_writer.step_worked(LedgerStep.CLAIM)
        return claim

    def _facts(self, image: PlannedImage) -> dict[str, Any]:
        """Return what a table needs to know of an image: one can be made again from the ledger alone."""
        known = {
            "image_version": image.image_version,
            "image_name": image.image_name,
            "manifest_columns": image.manifest_columns,
            "camera_id": image.camera_id,
            "timestamp": image.timestamp,
            **self._context.run_facts,
        }
        return {"image": image.image, "row": image.row} | {k: v for k, v in known.items() if v is not None}

    def _prepared(self, image: PlannedImage, filename: str, content: Content) -> Sending:
        """Return the call, ready to be sent: what cannot be built is never claimed, so it is never a doubt.

        :raises OCRImageError: no request can be made of the image.
        """
        try:
            return self._context.client.prepare(
                type=image.type,
                content=content.upload,
                filename=filename,
                upload_url=content.url(),
                camera_id=image.camera_id,
                timestamp=image.timestamp,
                as_base64=self._context.options.as_base64,
                on_sent=content.drop,
                secrets=secrets_of(content.url() or "") if image.signed else (),
            )
        except OCRImageError:
            raise
        except Exception as bad:
            said = bad.message if isinstance(bad, OCRConfigError) else f"{type(bad).__name__}: {bad}"
            message = f"{image.image}: no request can be made of it, so nothing was sent. {said}"
            raise OCRImageError(message, reason=Reason.ROW_INVALID, permanent=False) from bad

    async def _pay(
        self, image: PlannedImage, claim: Claim, filename: str, content: Content, sending: Sending
    ) -> Resolution | None:
        context = self._context
        begun = context.clock.monotonic()
        context.progress.calls += 1
        facts = self._facts(image) | {
            "filename": filename,
            "bytes": content.upload_bytes,
            "camera_id": image.camera_id,
            "timestamp": image.timestamp,
            "sent_at": format_timestamp(context.clock.now()),
        }
        try:
            read = await context.client.send(sending)
        except OCRConfigError as bad:  # nothing was sent
            await self._answer_writer.release(claim, bad.message)
            raise OCRImageError(bad.message, reason=Reason.ROW_INVALID, permanent=False) from bad
        except Exception as fault:  # noqa: BLE001  # whatever broke, the call may have been billed
            error = _as_call_error(fault)
            now = context.clock.monotonic()
            facts |= {"http_status": error.status, "elapsed_s": round(now - begun, 3), "detail": error.detail}
            try:
                return await self._failed(image, claim, error, facts, (begun, now))
            finally:
                self._tell(image, claim, facts, error)
        self._succeeded()
        read_at = format_timestamp(context.clock.now())
        call_s = round(context.clock.monotonic() - begun, 3)
        facts |= {"read_at": read_at, "elapsed_s": call_s}
        if read.body is not None:
            facts |= packed(read.body)
        if not read.understood:
            facts[UNREAD] = True
            log.warning("No read that this version knows: the answer for %s (%s).", image.image, claim.fingerprint)
        try:
            await self._answer_writer.answer(claim, read.raw, facts)
        finally:  # told after it is saved, whatever became of the saving
            self._tell(image, claim, facts)
        unknown = self._dialect.answered(understood=read.understood)
        if unknown is not None:
            context.stop.set(unknown)
        return Resolution(
            ReadStatus.READ,
            read.raw,
            read.body,
            read_at=read_at,
            calls_billed=1,
            unread=not read.understood,
            call_s=call_s,
        )

    async def _failed(
        self,
        image: PlannedImage,
        claim: Claim,
        error: OCRCallError,
        facts: dict[str, Any],
        span: tuple[float, float],
    ) -> Resolution | None:
        """End ``claim`` by what ``error`` means for money; ``span`` is when the call began and ended."""
        context = self._context
        if isinstance(error, OCRRejected):
            return await self._rejected(image, claim, error, facts)
        if isinstance(error, OCRStop):
            context.stop.set(error)
            await self._answer_writer.release(claim, error.message)
            return None
        self._rest_after(error, *span)
        if isinstance(error, OCROutcomeUnknown):
            context.progress.unknown += 1
            log.warning("In doubt: %s (%s, attempt %s). %s", image.image, claim.fingerprint, claim.number, error)
            raise error
        context.progress.refused[type(error).__name__] += 1
        await self._answer_writer.release(claim, error.message)
        raise error

    async def _rejected(
        self, image: PlannedImage, claim: Claim, error: OCRRejected, facts: dict[str, Any]
    ) -> Resolution:
        """End ``claim`` with a rejection, or leave that to others; 400 of a URL says that it could not be fetched.

        A 2xx that says so was paid for, and is kept at once.
        """
        self._succeeded()
        facts = facts | {"reason": Reason.API_REJECTED.value, "message": error.message}
        if image.upload_url is not None and error.status == 400:  # noqa: PLR2004  # HTTP's own number
            facts |= {"reason": Reason.URL_NOT_FETCHED.value}
            await self._answer_writer.put_off(claim, error.message, facts)
            return not_fetched(error.detail, error.status)
        if error.body is not None:
            facts |= packed(error.body)
        elif self._provisional:
            return rejected(error.message, error.status, Pending(claim, facts))
        await self._answer_writer.reject(claim, facts)
        return rejected(error.message, error.status)

    def _tell(
        self, image: PlannedImage, claim: Claim, facts: dict[str, Any], error: OCRCallError | None = None
    ) -> None:
        """Tell those who listen how a call ended."""
        context = self._context
        if context.events.wants_calls:
            earlier = ((image.type, claim.fingerprint, number) for number in range(1, claim.number))
            resent = any(each in self._named for each in earlier)
            context.events.tell(lambda: replace(_event(context, image, claim, facts, error), resent=resent))

    def _succeeded(self) -> None:
        self.successes += 1
        self._outage.success()
        self._context.limiter.succeeded()

    def _rest_after(self, error: OCRCallError, begun: float, now: float) -> None:
        """Slow everybody down by as much as ``error`` calls for, and stop where it is hopeless."""
        limiter = self._context.limiter
        rest = self._outage.failure(error, started_at=begun, now=now)
        if rest:
            log.warning("Call after call fails, so nothing new starts for %.1f s. %s", rest, error)
        if isinstance(error, OCRRateLimited):
            limiter.throttled(error.retry_after_s, started_at=begun)
        elif rest or error.retry_after_s:
            limiter.hold(max(rest, error.retry_after_s or 0.0))
        hopeless = self._outage.hopeless(now)
        if hopeless:
            log.error("Stopping: %s. %s", hopeless, error)
            self._context.stop.set(error)


def _event(
    context: ReadContext, image: PlannedImage, claim: Claim, facts: dict[str, Any], error: OCRCallError | None
) -> CallEvent:
    end, billed = end_of(error, is_url=image.upload_url is not None)
    return CallEvent(
        at=format_timestamp(context.clock.now()),
        end=end,
        elapsed_s=facts["elapsed_s"],
        type=image.type,
        image=image.image,
        row=image.row,
        fingerprint=claim.fingerprint,
        attempt=claim.number,
        billed=billed,
        error=None if error is None else type(error).__name__,
        http_status=None if error is None else error.status,
        upload_bytes=facts["bytes"] or 0,
        **of_owner(context.owner),
    )


def _as_call_error(fault: Exception) -> OCRCallError:
    """Return the error of a call; after a fault of our own nobody knows whether it was billed."""
    if isinstance(fault, OCRCallError):
        return fault
    log.error("A call failed because of a fault in the provider.", exc_info=fault)
    return OCROutcomeUnknown(f"The provider failed during the call ({type(fault).__name__}: {fault}).")
