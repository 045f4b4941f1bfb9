"""The API's two calls, asynchronous: the paid one exactly once, the free one with a little patience.

It joins :mod:`...core.wire` to :mod:`.transport` and adds what only a second call can tell: why a 403 came. It knows no
ledger and no pacing.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any, Self

from airflow_provider_platerec_ocr.core.backoff import Backoff
from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import (
    OCRCallError,
    OCRForbidden,
    OCRNotEnabled,
    OCRNotSent,
    OCROutcomeUnknown,
    OCRQuotaExhausted,
    OCRRefused,
)
from airflow_provider_platerec_ocr.core.images.echo import without_echo
from airflow_provider_platerec_ocr.core.redact import MASK, redact
from airflow_provider_platerec_ocr.core.refusals import why_forbidden
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.core.wire import parse_read, parse_statistics, read_request, statistics_request
from airflow_provider_platerec_ocr.engine.client.transport import Sending, Transport

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.core.models import Read, Statistics
    from airflow_provider_platerec_ocr.core.settings import ClientSettings
    from airflow_provider_platerec_ocr.engine.client.transport import Answer

STATISTICS_TRIES = 4
"""The statistics call is free: it is made once, and up to three times more."""
LONGEST_PAUSE_S = 60.0
"""If the API asks for a longer pause before the statistics, the caller decides."""
_SAME_REASON_S = 5.0
"""Hundreds of calls in flight get their 403 together; one look at the statistics serves them all."""
_LONG_TOKEN = 12
"""Characters from which a token is cut out of an answer that echoes it: the API's have 40. A short one, such as a local
API may have, can be part of any word, and the answer that was paid for would be in pieces."""
_ENABLE = "Enable it at https://app.platerecognizer.com/, or put another account's token into the connection."


class OCRClient:
    """One account's calls; an async context manager.

    :param settings: account, base URL, timeouts, TLS and proxy.
    :param clock: measures calls and waits between tries of the free one.
    :param backoff: pauses of the free call.
    :param jitter: draws from 0 to 1 for those pauses.
    """

    def __init__(
        self,
        settings: ClientSettings,
        *,
        clock: Clock | None = None,
        backoff: Backoff | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.settings = settings
        self._clock = clock or SystemClock()
        self._backoff = backoff or Backoff()
        self._jitter = jitter
        self._transport = Transport(settings, self._clock)
        self._asking = asyncio.Lock()
        self._known: tuple[float, Statistics | OCRCallError] | None = None
        self._in_flight = 0
        self._was_answered = False

    async def __aenter__(self) -> Self:
        """Open the session; raises :class:`OCRConfigError` for TLS or proxy settings that cannot work."""
        await self._transport.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the session."""
        await self._transport.__aexit__(kind, error, trace)

    async def read(  # noqa: PLR0913  # the API's own parameters, by name only
        self,
        *,
        type: str,  # noqa: A002  # the API's own name
        content: bytes | None = None,
        filename: str | None = None,
        upload_url: str | None = None,
        camera_id: str | None = None,
        timestamp: str | None = None,
        as_base64: bool = False,
        on_sent: Callable[[], None] | None = None,
    ) -> Read:
        """Make the paid call, once: nothing here ever sends it again.

        For the image and its parameters see :func:`...core.wire.read_request`.

        :param on_sent: called when the last byte of the body was handed to the connection. The client lets go of the
            bytes then; it is the caller's part to do the same.
        :raises OCRCallError: one class for each meaning; a 403 is looked up in the statistics.
        :raises OCRConfigError: for arguments or settings that make no request.
        """
        sending = self.prepare(
            type=type,
            content=content,
            filename=filename,
            as_base64=as_base64,
            upload_url=upload_url,
            camera_id=camera_id,
            timestamp=timestamp,
            on_sent=on_sent,
        )
        del content  # the bytes are free to go as soon as they have left
        return await self.send(sending)

    def prepare(
        self, *, on_sent: Callable[[], None] | None = None, secrets: tuple[str, ...] = (), **image: Any
    ) -> Sending:
        """Return the paid call as it is sent with :meth:`send`: what can be built is built before anything is claimed.

        :param on_sent: as for :meth:`read`.
        :param secrets: what is cut out of the answer, should the API repeat it.
        :param image: see :func:`...core.wire.read_request`.
        :raises OCRConfigError: there is no such request.
        """
        return Sending(read_request(self.settings, **image), on_sent, secrets)

    async def send(self, sending: Sending) -> Read:
        """Make the paid call that :meth:`prepare` returned, once.

        :raises OCRCallError: one class for each meaning; a 403 is looked up in the statistics.
        """
        begun = self._clock.monotonic()
        self._in_flight += 1
        try:
            answer = await self._transport.send(sending, total_s=self.settings.timeouts.call_s)
            beside = self._in_flight - 1
        finally:
            self._in_flight -= 1
        try:
            read = self._parsed(answer, sending.secrets)
        except OCRCallError as error:
            found = self._completed(error, answer, sending, self._clock.monotonic() - begun)
        else:
            if read.understood or sending.whole:
                self._was_answered = True
                return read
            message = f"The answer {answer.status} came before the call was sent whole, and is no read."
            raise OCRNotSent(message, status=answer.status, elapsed_s=self._clock.monotonic() - begun)
        raise await self._why_forbidden(found, beside) if isinstance(found, OCRForbidden) else found

    def _parsed(self, answer: Answer, secrets: tuple[str, ...]) -> Read:
        """Return what an answer says, without what nobody may see, should the API have echoed it: answers are kept."""
        secret = self.settings.token.encode()
        body = answer.body.replace(secret, MASK.encode()) if len(secret) >= _LONG_TOKEN else answer.body
        body = without_echo(body, secrets)
        return parse_read(answer.status, answer.headers, body, now=self._clock.now(), cut_off=answer.cut_off)

    def _completed(self, error: OCRCallError, answer: Answer, sending: Sending, elapsed_s: float) -> OCRCallError:
        """Return ``error`` with what only the exchange knows, and without the token, should the API have echoed it."""
        kind, message = type(error), error.message
        if isinstance(error, OCROutcomeUnknown) and not sending.whole:
            kind = OCRNotSent
            message = f"The answer {answer.status} came before the call was sent whole ({error.detail})."
        elif isinstance(error, OCROutcomeUnknown) and answer.cut_off:
            message = f"{message} Its end is missing ({answer.cut_off})."
        secret = self.settings.token
        facts = error.attributes | {"detail": redact(error.detail, secret), "elapsed_s": elapsed_s}
        return kind(redact(message, secret), **facts)

    async def _why_forbidden(self, refused: OCRCallError, beside: int) -> OCRCallError:
        """Return what the statistics make of a 403: quota, not enabled, a bad token, not the API, or still unknown.

        An account may count a call when it is done: then the last calls of a quota are taken while the statistics still
        show them. So what is left has to be more than what may be in flight, here and in other tasks, to mean that OCR
        is not enabled. In an account that has answered, that is as many as one task may have.

        :param beside: calls in flight here when the 403 came.
        """
        async with self._asking:
            if self._known is None or self._clock.monotonic() - self._known[0] > _SAME_REASON_S:
                try:
                    found: Statistics | OCRCallError = await self.statistics()
                except OCRCallError as error:
                    found = error
                self._known = (self._clock.monotonic(), found)
        found = self._known[1]
        facts = refused.attributes
        if isinstance(found, OCRCallError):
            known = why_forbidden(refused, found)
            if known is not None:
                return known
            if isinstance(found, OCRForbidden):  # a used-up quota does not forbid the free call [inferred]
                message = (
                    f"OCR is not enabled for this account: both the call ({refused.status}: {refused.detail}) and the "
                    f"statistics ({found.status}: {found.detail}) are forbidden. {_ENABLE}"
                )
                return OCRNotEnabled(message, **facts)
            return OCRForbidden(f"{refused.message} The statistics could not be asked: {found.message}", **facts)
        used = f"{found.calls:,} of {count_of(found.total_calls, 'call')} of this period used"
        in_flight = self.settings.max_in_flight if self._was_answered else beside
        if found.remaining > in_flight:
            foreign = why_forbidden(refused)
            if foreign is not None:
                return foreign
            message = f"OCR is not enabled for this account ({refused.status}: {refused.detail}; {used}). {_ENABLE}"
            return OCRNotEnabled(message, **facts)
        taken = ", and calls in flight take the rest" if found.remaining else ""
        message = (
            f"The account's calls are used up ({used}{taken}; reset: {found.resets_on or 'unknown'}). Wait for the "
            "reset, or upgrade the account at https://app.platerecognizer.com/."
        )
        return OCRQuotaExhausted(message, **facts, remaining=found.remaining, resets_on=found.resets_on)

    async def statistics(self) -> Statistics:
        """Return the account's usage; free, so a failure is tried again up to three times, never earlier than asked.

        :raises OCRCallError: the last failure, or one that no other try would change.
        """
        for attempt in range(1, STATISTICS_TRIES):
            try:
                return await self._ask()
            except (OCRNotSent, OCRRefused) as error:
                pause_s = self._backoff.delay_s(attempt, jitter=self._jitter(), retry_after_s=error.retry_after_s)
                if pause_s > LONGEST_PAUSE_S:
                    raise
            await self._clock.sleep(pause_s)
        return await self._ask()

    async def _ask(self) -> Statistics:
        sending = Sending(statistics_request(self.settings))
        begun = self._clock.monotonic()
        answer = await self._transport.send(sending, total_s=self.settings.timeouts.statistics_s)
        try:
            return parse_statistics(answer.status, answer.headers, answer.body, now=self._clock.now())
        except OCRCallError as error:
            found = self._completed(error, answer, sending, self._clock.monotonic() - begun)
        raise found
