"""Settling a doubt with an answer that came another way, before anybody pays for it again.

A call whose answer was lost here may have reached the inbox of webhooks. What is found there is written into the ledger
as the end of the doubtful call, with who said so, and everything else goes on from the ledger. Which inbox that is, and
how an answer is matched to a call, is not known here.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.claims import End
from airflow_provider_platerec_ocr.core.errors import OCRLedgerError
from airflow_provider_platerec_ocr.core.redact import redact, shorten
from airflow_provider_platerec_ocr.engine.desk import Desk, Found, Word

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.claims import Attempt, History
    from airflow_provider_platerec_ocr.engine.context import ReadContext

log = logging.getLogger(__name__)

BY = "webhook"
"""Who settles, as the ledger says it."""
_WHY = "its answer is in the inbox of webhooks"


class UnaskedError(Exception):
    """The other way could not be asked, so nobody knows whether the answer is there."""


class Elsewhere:
    """Looks for answers that came another way, and settles with them.

    :param context: the task's tools; without ``settled_elsewhere`` nothing is ever found.
    """

    def __init__(self, context: ReadContext) -> None:
        self._context = context
        self._desk = Desk(context.ledger, context.clock)

    async def settles(self, type_: str, fingerprint: str, doubts: History) -> bool:
        """Return whether one of ``doubts`` has ended now, so that the ledger is to be asked again.

        The answer does not say which of several calls it is of: the first one gets it. Where somebody else was faster
        to write that down, it has ended all the same.

        :param doubts: open attempts for whose answers nobody is waiting any more.
        :raises UnaskedError: nobody can say, so nothing may be sent again for now.
        """
        ask = self._context.settled_elsewhere
        if ask is None or not doubts:
            return False
        try:
            answer = await self._context.io(ask, type_, fingerprint)
        except Exception as error:
            said = shorten(redact(str(error) or type(error).__name__))
            log.warning("The inbox of webhooks cannot be asked for %s: %s", fingerprint, said)
            raise UnaskedError from error
        if answer is None:
            return False
        word = Word(End.ANSWER, BY, _WHY, answer)
        try:
            await self._context.io(self._write, Found(type_, fingerprint, doubts), doubts[0], word)
        except OCRLedgerError as error:
            log.warning("The answer of %s is in the inbox of webhooks and could not be kept: %s", fingerprint, error)
            raise UnaskedError from error
        return True

    def _write(self, found: Found, attempt: Attempt, word: Word) -> None:
        if self._desk.write(found, attempt, word):
            log.info(
                "Attempt %s of %s is settled: %s, nothing is sent again.", attempt.number, found.fingerprint, word.why
            )
