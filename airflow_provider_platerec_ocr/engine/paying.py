"""One paid call: permit, claim, POST, and the end of the claim by what came back.

Every way out of a call ends its claim (answer, rejected, released) except one: an unknown outcome leaves it open,
which is what *in doubt* means.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import (
    OCRCallError,
    OCRImageError,
    OCRLedgerError,
    OCROutcomeUnknown,
    OCRRateLimited,
    OCRRefused,
    OCRRejected,
    OCRStop,
)
from airflow_provider_platerec_ocr.core.fingerprint import fingerprint_bytes
from airflow_provider_platerec_ocr.core.models import ReadStatus, Reason, format_timestamp
from airflow_provider_platerec_ocr.engine.images import upload_name
from airflow_provider_platerec_ocr.engine.outage import Outage
from airflow_provider_platerec_ocr.engine.settlement import Settlement, rejected
from airflow_provider_platerec_ocr.engine.slot import Phase

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.models import PlannedImage
    from airflow_provider_platerec_ocr.engine.content import Content
    from airflow_provider_platerec_ocr.engine.context import ReadContext
    from airflow_provider_platerec_ocr.engine.ledger import Claim
    from airflow_provider_platerec_ocr.engine.saving import Saver
    from airflow_provider_platerec_ocr.engine.slot import Slot

log = logging.getLogger(__name__)


class Payer:
    """Makes paid calls, each with its claim."""

    def __init__(self, context: ReadContext, saver: Saver) -> None:
        self._context = context
        self._saver = saver
        self._outage = Outage(context.backoff, context.options)

    async def attempt(
        self, image: PlannedImage, fingerprint: str, number: int, content: Content, slot: Slot
    ) -> Settlement | None:
        """Return the end of attempt ``number``, or ``None`` where the ledger has to be asked again.

        :raises OCRRefused: the call was refused before any work, and its claim is released.
        :raises OCROutcomeUnknown: the call may have been billed, and its claim stays open.
        """
        context = self._context
        await self._saver.healthy()
        filename = await self._ready(image, fingerprint, content)
        permit = await context.limiter.start()
        slot.enter(Phase.PAYING)
        try:
            claim = None if context.stop.is_set() else await self._claim(image, fingerprint, number)
            if claim is None:
                return None
            if claim.age_s(context.clock) > context.settings.claim_to_post_s:
                await self._saver.release(claim, "too old to send")
                return None
            return await self._pay(image, claim, filename, content)
        finally:
            slot.enter(Phase.IDLE)
            permit.done()

    async def _ready(self, image: PlannedImage, fingerprint: str, content: Content) -> str:
        """Have the bytes in memory, and return the name under which they go out: it carries the fingerprint."""
        if image.upload_url is not None:
            return image.upload_url.rpartition("/")[2]
        again = not content.loaded
        loaded = await content.get()
        if again:
            base_url = self._context.settings.base_url
            now = await self._context.io(fingerprint_bytes, base_url, image.type, loaded.content)
            if now != fingerprint:
                message = f"{image.image} changed while it was waiting to be sent; the next run reads it."
                raise OCRImageError(message, reason=Reason.IMAGE_UNREADABLE, permanent=False)
        return upload_name(loaded.filename, fingerprint, loaded.upload)

    async def _claim(self, image: PlannedImage, fingerprint: str, number: int) -> Claim | None:
        facts = {"image": image.image, "row": image.row}
        try:
            return await self._context.io(self._context.ledger.claim, image.type, fingerprint, number, facts)
        except OCRLedgerError as error:
            self._context.stop.set(error)
            return None

    async def _pay(self, image: PlannedImage, claim: Claim, filename: str, content: Content) -> Settlement | None:
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
        try:
            read = await context.client.read(
                type=image.type,
                content=content.upload,
                filename=filename,
                upload_url=context.signed_urls.get(image.row, image.upload_url) if image.upload_url else None,
                camera_id=image.camera_id,
                timestamp=image.timestamp,
                as_base64=context.options.as_base64,
                on_sent=content.drop,
            )
        except OCRCallError as error:
            now = context.clock.monotonic()
            facts |= {"http_status": error.status, "elapsed_s": round(now - begun, 3), "detail": error.detail}
            return await self._failed(image, claim, error, facts, (begun, now))
        self._went_well()
        read_at = format_timestamp(context.clock.now())
        facts |= {"read_at": read_at, "elapsed_s": round(context.clock.monotonic() - begun, 3)}
        await self._saver.answer(claim, read.raw, facts)
        return Settlement(ReadStatus.READ, answer=read.raw, read_at=read_at, calls_billed=1)

    async def _failed(
        self,
        image: PlannedImage,
        claim: Claim,
        error: OCRCallError,
        facts: dict[str, Any],
        span: tuple[float, float],
    ) -> Settlement | None:
        """End ``claim`` by what ``error`` means for money; ``span`` is when the call began and ended."""
        context = self._context
        if isinstance(error, OCRRejected):
            self._went_well()
            await self._saver.reject(claim, facts | {"reason": Reason.API_REJECTED, "message": error.message})
            return rejected(error.message, error.status)
        if isinstance(error, OCRStop):
            context.stop.set(error)
            await self._saver.release(claim, error.message)
            return None
        self._rest_after(error, *span)
        if isinstance(error, OCROutcomeUnknown):
            context.progress.unknown += 1
            log.warning("In doubt: %s (%s, attempt %s). %s", image.image, claim.fingerprint, claim.number, error)
            raise error
        context.progress.refused[type(error).__name__] += 1
        await self._saver.release(claim, error.message)
        if isinstance(error, OCRRefused):
            raise error
        return None

    def _went_well(self) -> None:
        self._outage.success()
        self._context.limiter.succeeded()

    def _rest_after(self, error: OCRCallError, begun: float, now: float) -> None:
        """Slow everybody down by as much as ``error`` calls for, and stop where it is hopeless."""
        limiter = self._context.limiter
        rest = self._outage.failure(error, started_at=begun, now=now)
        if isinstance(error, OCRRateLimited):
            limiter.throttled(error.retry_after_s)
        elif rest or error.retry_after_s:
            limiter.hold(max(rest, error.retry_after_s or 0.0))
        hopeless = self._outage.hopeless(now)
        if hopeless:
            log.error("Stopping: %s. %s", hopeless, error)
            self._context.stop.set(error)
