"""Getting what is certain into the ledger, however long its store refuses.

A save that fails stops new calls until it works again; an answer that cannot be saved in time goes to the spill, and
then the task stops: paying for more answers that cannot be kept would be worse than waiting.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRLedgerError, OCRLedgerUnwritable

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_platerec_ocr.engine.context import ReadContext
    from airflow_provider_platerec_ocr.engine.ledger import Claim

log = logging.getLogger(__name__)


class Saver:
    """Writes the ends of claims, and closes the gate for new calls while it cannot."""

    def __init__(self, context: ReadContext) -> None:
        self._context = context
        self._troubled = 0
        self._healthy = asyncio.Event()
        self._healthy.set()
        self.spilled: list[str] = []

    async def healthy(self) -> None:
        """Return when no save is failing."""
        await self._healthy.wait()

    async def answer(self, claim: Claim, raw: dict[str, Any], facts: dict[str, Any]) -> None:
        """Save a paid answer: to the ledger, else to the spill, else to the log; never nowhere."""
        ledger = self._context.ledger
        trouble = await self._persist(lambda: ledger.answer(claim, raw, facts))
        if trouble is None:
            return
        where = await self._context.io(ledger.spill_answer, claim, raw, facts)
        self.spilled.append(where)
        message = (
            f"{trouble} The paid answer of {claim.fingerprint} is kept in {where}; the next run on this machine "
            "moves it into the ledger. Nothing new is started."
        )
        self._context.stop.set(OCRLedgerUnwritable(message))

    async def reject(self, claim: Claim, facts: dict[str, Any]) -> None:
        """Save that the API will never read this content."""
        ledger = self._context.ledger
        await self._or_stop(claim, lambda: ledger.reject(claim, facts))

    async def release(self, claim: Claim, reason: str) -> None:
        """Save that nothing was billed for the claim."""
        ledger = self._context.ledger
        await self._or_stop(claim, lambda: ledger.release(claim, reason))

    async def _or_stop(self, claim: Claim, write: Callable[[], None]) -> None:
        trouble = await self._persist(write)
        if trouble is not None:
            log.error("Claim %s of %s stays open and will be in doubt: %s", claim.number, claim.fingerprint, trouble)
            self._context.stop.set(trouble)

    async def _persist(self, write: Callable[[], None]) -> OCRLedgerError | None:
        """Call ``write`` until it works; return the last error where time ran out."""
        clock, options = self._context.clock, self._context.options
        saving_s = self._context.settings.timeouts.save_s
        begun = clock.monotonic()
        deadline = self._context.deadline
        until = begun + options.save_for_s if deadline is None else max(deadline, begun + saving_s)
        attempt = 0
        try:
            while True:
                try:
                    await self._context.io(write)
                except OCRLedgerError as error:
                    attempt += 1
                    if attempt == 1:
                        self._trouble(1)
                        log.warning("%s Trying again; no new call starts meanwhile.", error)
                    if clock.monotonic() >= until:
                        return error
                    delay = self._context.backoff.delay_s(attempt, jitter=0.5, retry_after_s=None)
                    await clock.sleep(min(delay, 10.0))
                else:
                    return None
        finally:
            if attempt:
                self._trouble(-1)

    def _trouble(self, change: int) -> None:
        self._troubled += change
        if self._troubled:
            self._healthy.clear()
        else:
            self._healthy.set()
