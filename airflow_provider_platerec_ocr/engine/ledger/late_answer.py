"""Settling a doubt with an answer that came another way, before anybody pays for it again.

A call whose answer was lost here may have reached the inbox of webhooks. What is found there is written into the ledger
as the end of the doubtful call, with who said so, and everything else goes on from the ledger. Which inbox that is, and
how an answer is matched to a call, is not known here.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.claims import End
from airflow_provider_platerec_ocr.core.errors import OCRLedgerError
from airflow_provider_platerec_ocr.core.redact import redact, shorten
from airflow_provider_platerec_ocr.engine.ledger.admin import Found, LedgerDecision

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from airflow_provider_platerec_ocr.core.claims import Attempt, History
    from airflow_provider_platerec_ocr.engine.ledger.admin import LedgerAdmin

    InThread = Callable[..., Awaitable[Any]]
    LateAnswerSource = Callable[[str, str], dict[str, Any] | None]

log = logging.getLogger(__name__)

BY = "webhook"
"""Who settles, as the ledger says it."""
_WHY = "its answer is in the inbox of webhooks"


class LateAnswerUnavailable(Exception):
    """The other way could not be asked, so nobody knows whether the answer is there."""


class LateAnswers:
    """Looks for answers that came another way, and settles with them.

    :param admin: the ledger, as a person may write to it.
    :param io: runs a blocking function in a thread and awaits what it returns.
    :param ask: returns the raw answer that came another way for a type and a fingerprint, else ``None``; blocks, may
        raise. Without it nothing is ever found.
    """

    def __init__(self, admin: LedgerAdmin, io: InThread, ask: LateAnswerSource | None) -> None:
        self._admin = admin
        self._io = io
        self._ask = ask

    async def settles(self, type_: str, fingerprint: str, doubts: History) -> bool:
        """Return whether one of ``doubts`` has ended now, so that the ledger is to be asked again.

        The answer does not say which of several calls it is of: the first one gets it. Where somebody else was faster
        to write that down, it has ended all the same.

        :param doubts: open attempts for whose answers nobody is waiting any more.
        :raises LateAnswerUnavailable: nobody can say, so nothing may be sent again for now.
        """
        if self._ask is None or not doubts:
            return False
        try:
            answer = await self._io(self._ask, type_, fingerprint)
        except Exception as error:
            said = shorten(redact(str(error) or type(error).__name__))
            log.warning("The inbox of webhooks cannot be asked for %s: %s", fingerprint, said)
            raise LateAnswerUnavailable from error
        if answer is None:
            return False
        decision = LedgerDecision(End.ANSWER, BY, _WHY, answer)
        try:
            await self._io(self._write, Found(type_, fingerprint, doubts), doubts[0], decision)
        except OCRLedgerError as error:
            log.warning("The answer of %s is in the inbox of webhooks and could not be kept: %s", fingerprint, error)
            raise LateAnswerUnavailable from error
        return True

    def _write(self, found: Found, attempt: Attempt, decision: LedgerDecision) -> None:
        if self._admin.write(found, attempt, decision):
            log.info(
                "Attempt %s of %s is settled: %s, nothing is sent again.",
                attempt.number,
                found.fingerprint,
                decision.why,
            )
