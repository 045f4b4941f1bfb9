"""Reading one image: from a planned row to how it ended.

This is the only way to a paid call; the batch and the single-image operator both go through it. It knows no Airflow
and no table. The part that handles money is :mod:`.resolver`; this file gets the bytes, lets duplicates within the
process share one call, and writes the outcome.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.answer.body import raw_json
from airflow_provider_platerec_ocr.core.errors import OCRImageError, OCRLedgerError
from airflow_provider_platerec_ocr.core.fingerprint import fingerprint_url
from airflow_provider_platerec_ocr.core.images.identity import former_identity
from airflow_provider_platerec_ocr.core.models import Outcome, ReadStatus, format_timestamp
from airflow_provider_platerec_ocr.core.redact import whole_text
from airflow_provider_platerec_ocr.engine.reading.answer_writer import AnswerWriter, LedgerStep
from airflow_provider_platerec_ocr.engine.reading.content import Content
from airflow_provider_platerec_ocr.engine.reading.image_phase import ImagePhase
from airflow_provider_platerec_ocr.engine.reading.resolution import Resolution
from airflow_provider_platerec_ocr.engine.reading.resolver import Resolver

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.models import PlannedImage
    from airflow_provider_platerec_ocr.engine.reading.context import ReadContext


class Reader:
    """Reads planned images, each paid for at most once.

    :param context: the task's tools; one reader serves all images of a task.
    :param provisional: leave rejections to the caller, who ends the claims in :attr:`pending`.
    """

    def __init__(self, context: ReadContext, *, provisional: bool = False) -> None:
        self.context = context
        self.answer_writer = AnswerWriter(context)
        self.pending: dict[tuple[str, str], Resolution] = {}
        """Rejections whose claims are open, by type and fingerprint; who ends a claim takes it out."""
        self.unread: set[tuple[str, str]] = set()
        """Images whose answer came in this process and is no read that this version knows, by type and fingerprint."""
        self._resolver = Resolver(context, self.answer_writer, provisional=provisional)
        self._loading = asyncio.Semaphore(context.options.prefetch)
        self._under_way: dict[tuple[str, str], asyncio.Future[Resolution | None]] = {}

    async def read_one(self, image: PlannedImage, image_phase: ImagePhase | None = None) -> Outcome | None:
        """Return how ``image`` ended, or ``None`` where a stop came before its call began.

        :param image_phase: tells the caller in which phase the image is; a task whose image is in ``Phase.IDLE`` may be
            cancelled without losing money, one in ``Phase.PAYING`` never.
        """
        image_phase = image_phase or ImagePhase()
        content = Content(self.context, self._loading, image)
        try:
            fingerprint = await self._known_as(image, *await self._fingerprints(image, content))
            resolution = await self._shared(image, fingerprint, content, image_phase)
        except OCRImageError as error:
            status = ReadStatus.REJECTED if error.permanent else ReadStatus.FAILED
            return self._outcome(image, None, Resolution(status, reason=error.reason, message=error.message))
        finally:
            content.drop()
        return None if resolution is None else self._outcome(image, fingerprint, resolution)

    async def look_again(self, image: PlannedImage, outcome: Outcome) -> Outcome | None:
        """Return the read of an image that ended in doubt, if its answer has come another way since."""
        if outcome.fingerprint is None:
            return None
        resolution = await self._resolver.resolve_late(image, outcome.fingerprint)
        return None if resolution is None else self._outcome(image, outcome.fingerprint, resolution)

    async def _fingerprints(self, image: PlannedImage, content: Content) -> list[str]:
        """Return the fingerprint of the image, and after it those that version 0.1 may have paid for it under."""
        if image.upload_url is None:
            found = await content.fingerprint()
            return [found] if content.former_fingerprint is None else [found, content.former_fingerprint]
        settings, names = self.context.settings, [image.image]
        if image.formerly is not None:
            url = self.context.signed_urls.get(image.identity, "") if image.signed else image.upload_url
            former = former_identity(url, image.image) if url else None
            names += [former] if former else []
        bases = [base for base in (settings.base_url, settings.former_base_url) if base is not None]
        return [fingerprint_url(base, image.type, name, image.image_version) for base in bases for name in names]

    async def _known_as(self, image: PlannedImage, fingerprint: str, *former: str) -> str:
        """Return the fingerprint under which the ledger knows the image, ``fingerprint`` where it does not.

        What was paid for, or is in doubt, under an older rule of what an image is known by is not paid for again.
        """
        context = self.context
        for each in (fingerprint, *former) if former else ():
            while not context.stop.is_set():
                try:
                    history = await context.io(context.ledger.look, image.type, each)
                except OCRLedgerError as error:
                    await self.answer_writer.step_failed(LedgerStep.LOOK, error)
                    continue
                if history:
                    return each
                break
        return fingerprint

    async def _shared(
        self, image: PlannedImage, fingerprint: str, content: Content, image_phase: ImagePhase
    ) -> Resolution | None:
        """Let duplicates within the process share one call: the first one pays, the others take its answer.

        Where the first one came to nothing (its file went away), the next one goes on by itself.
        """
        key = (image.type, fingerprint)
        while key in self._under_way:
            content.drop()
            shared = await asyncio.shield(self._under_way[key])
            if shared is not None:
                return shared.as_shared(self._resolver.billed_before(image, shared.history))
        known = self.pending.get(key)
        if known is not None:
            return known.as_shared(self._resolver.billed_before(image, known.history))
        future = self._under_way[key] = asyncio.get_running_loop().create_future()
        resolution: Resolution | None = None
        try:
            resolution = await self._resolver.resolve(image, fingerprint, content, image_phase)
            if resolution is not None and resolution.pending is not None:
                self.pending[key] = resolution
            if resolution is not None and resolution.unread:
                self.unread.add(key)
        finally:
            del self._under_way[key]
            future.set_result(resolution)
        return resolution

    def _outcome(self, image: PlannedImage, fingerprint: str | None, resolution: Resolution) -> Outcome:
        return Outcome(
            row=image.row,
            image=image.image,
            type=image.type,
            status=resolution.status,
            image_version=image.image_version,
            camera_id=image.camera_id,
            timestamp=image.timestamp,
            fingerprint=fingerprint,
            answer=None if resolution.answer is None else raw_json(resolution.answer, resolution.body),
            read_at=resolution.read_at,
            calls_billed=resolution.calls_billed,
            from_ledger=resolution.from_ledger,
            reason=resolution.reason,
            message=None if resolution.message is None else whole_text(resolution.message),
            http_status=resolution.http_status,
            at=format_timestamp(self.context.clock.now()),
            call_s=resolution.call_s,
        )
