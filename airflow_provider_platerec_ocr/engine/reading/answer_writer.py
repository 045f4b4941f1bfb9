"""Getting what is certain into the ledger, however long its store refuses, and pausing new calls while it does.

A save that fails stops new calls until it works again; an answer that cannot be saved in time goes to the spill, and
then the task stops: paying for more answers that cannot be kept would be worse than waiting.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRLedgerError, OCRLedgerUnwritable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_platerec_ocr.engine.ledger.ledger import Claim
    from airflow_provider_platerec_ocr.engine.reading.context import ReadContext

log = logging.getLogger(__name__)

_LONGEST_PAUSE_S = 10.0
"""Longest pause between two tries to save."""
_RETRY_PAUSE_S = 1.0
"""Pause after the ledger could not be asked."""


class LedgerStep(StrEnum):
    """What is asked of the ledger before a call."""

    LOOK = "look"
    CLAIM = "claim"


class AnswerWriter:
    """Writes the ends of claims, and closes the gate for new calls while the ledger does not work."""

    def __init__(self, context: ReadContext) -> None:
        self._context = context
        self._troubled = 0
        self._healthy = asyncio.Event()
        self._healthy.set()
        self._failing_since: dict[LedgerStep, float] = {}
        self.spilled: list[str] = []
        """Where answers lie that the ledger did not take."""

    @property
    def works(self) -> bool:
        """Whether no save is failing."""
        return not self._troubled

    async def healthy(self) -> None:
        """Return when the ledger works, as far as is known."""
        await self._healthy.wait()

    async def answer(self, claim: Claim, raw: dict[str, Any], facts: dict[str, Any]) -> None:
        """Save a paid answer: to the ledger, else to the spill, else to the log; never nowhere.

        A stopping task may be killed before its ledger works again, so then a copy goes to the spill at once; a ledger
        that has the answer removes the copy when it is opened.
        """
        ledger = self._context.ledger
        copies: list[str] = []

        def copy() -> None:
            copies.append(ledger.spill_answer(claim, raw, facts))

        trouble = await self._persist(lambda: ledger.answer(claim, raw, facts), copy)
        if trouble is None:
            return
        if not copies:
            await self._context.io(copy)
        self.spilled += copies
        message = (
            f"{trouble} The paid answer of {claim.fingerprint} is kept in {copies[0]}; the next run on this machine "
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

    async def put_off(self, claim: Claim, reason: str, facts: dict[str, Any]) -> None:
        """Save that the API could not fetch a URL, which is not asked for again in this run."""
        ledger = self._context.ledger
        await self._or_stop(claim, lambda: ledger.put_off(claim, reason, facts))

    async def step_failed(self, step: LedgerStep, error: OCRLedgerError) -> None:
        """Pause after the ledger could not be asked or claimed in; stop where that has gone on for too long.

        Nothing is paid meanwhile, so less patience is needed than with an answer.
        """
        now = self._context.clock.monotonic()
        if now - self._failing_since.setdefault(step, now) >= self._context.options.ledger_patience_s:
            self._context.stop.set(error)
            return
        with self._gate_closed(error):
            await self._context.rest(_RETRY_PAUSE_S)

    def step_worked(self, step: LedgerStep) -> None:
        """Note that the ledger could be asked or claimed in; a full one can still be asked."""
        self._failing_since.pop(step, None)

    async def _or_stop(self, claim: Claim, write: Callable[[], None]) -> None:
        trouble = await self._persist(write)
        if trouble is not None:
            log.error("Claim %s of %s stays open and will be in doubt: %s", claim.number, claim.fingerprint, trouble)
            self._context.stop.set(trouble)

    async def _persist(
        self, write: Callable[[], None], copy: Callable[[], None] | None = None
    ) -> OCRLedgerError | None:
        """Call ``write`` until it works; return the last error where time ran out.

        :param copy: called once, should ``write`` still fail when the task is stopping.
        """
        context = self._context
        error = await context.io(_tried, write)
        if error is None:
            return None
        now = context.clock.monotonic()
        save_s, save_for_s = context.settings.timeouts.save_s, context.options.save_for_s
        until = now + save_for_s if context.deadline is None else max(context.deadline, now + save_s)
        attempt = 0
        with self._gate_closed(error):
            while error is not None and context.clock.monotonic() < until:
                attempt += 1
                if copy is not None and context.stop.is_set():
                    await context.io(copy)
                    copy = None
                await self._pause(min(context.backoff.delay_s(attempt, jitter=0.5), _LONGEST_PAUSE_S))
                error = await context.io(_tried, write)
        return error

    async def _pause(self, seconds: float) -> None:
        """Sleep, but be there when the task is told to stop."""
        if self._context.stop.is_set():
            await self._context.clock.sleep(seconds)
        else:
            await self._context.rest(seconds)

    @contextmanager
    def _gate_closed(self, error: OCRLedgerError) -> Iterator[None]:
        """Let no new call begin while this lasts."""
        if not self._troubled:
            log.warning("%s Trying again; no new call starts meanwhile.", error)
        self._troubled += 1
        self._healthy.clear()
        try:
            yield
        finally:
            self._troubled -= 1
            if not self._troubled:
                self._healthy.set()


def _tried(write: Callable[[], None]) -> OCRLedgerError | None:
    """Return why ``write`` did not work; a fault of our own counts as the store's, since money hangs on it."""
    try:
        write()
    except OCRLedgerError as error:
        return error
    except Exception as error:
        log.exception("Saving failed because of a fault in the provider.")
        return OCRLedgerUnwritable(f"Saving failed: {type(error).__name__}: {error}.")
    return None
