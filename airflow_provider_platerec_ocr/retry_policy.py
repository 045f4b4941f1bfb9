"""Whether and when Airflow tries a failed OCR task again, by what the failure means for money.

It runs in the task's process and sees the exception itself. Airflow never asks it after ``AirflowFailException``, a
sensor's timeout, or a process that was killed: then the task's plain ``retries`` apply, and the ledger protects what
was paid for.
"""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.compat import RetryDecision, RetryPolicy
from airflow_provider_platerec_ocr.core.backoff import Backoff
from airflow_provider_platerec_ocr.core.errors import (
    OCRConfigError,
    OCRError,
    OCRImageError,
    OCRInputError,
    OCRLedgerUnsafe,
    OCRNotSent,
    OCROutcomeUnknown,
    OCRRefused,
    OCRRejected,
    OCRRunError,
    OCRStop,
)
from airflow_provider_platerec_ocr.core.settings import ClientSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.sdk import Context

_NEVER = (OCRStop, OCRRejected, OCRConfigError, OCRInputError, OCRLedgerUnsafe)
"""Another try meets the same answer until a person or the calendar changes something."""


class OCRRetryPolicy(RetryPolicy):
    """Retry what a wait can mend, never earlier than asked; fail what only a person can mend.

    It can end a task before its ``retries`` are used up, and choose the delay; it cannot go past ``retries``. Errors
    that are not this provider's keep Airflow's own rules.

    :param base_delay_s: seconds before the first retry of calls that were refused or not sent; doubled with each try.
        A wait that the API asked for is always kept.
    :param longest_delay_s: most seconds that doubling may reach.
    :param lease_s: seconds before a call of unknown outcome may be looked at again: until then it could still be
        under way. Default: the lease of the default timeouts (270); only a longer ``call_timeout_s`` in the
        connection needs a longer one.
    :param jitter: draws a number from 0 to 1, so that shards which failed together do not come back together.
    """

    def __init__(
        self,
        *,
        base_delay_s: float = 60.0,
        longest_delay_s: float = 1800.0,
        lease_s: float = ClientSettings().lease_s,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.backoff = Backoff(base_s=base_delay_s, factor=2.0, cap_s=longest_delay_s)
        self.lease_s = lease_s
        self.jitter = jitter

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,
        max_tries: int,  # noqa: ARG002  # Airflow's signature
        context: Context | None = None,  # noqa: ARG002  # Airflow's signature
    ) -> RetryDecision:
        """Return the decision; its reason is logged and kept on the task instance."""
        if not isinstance(exception, OCRError):
            return RetryDecision.default()
        if isinstance(exception, OCRRunError):
            return self._run_error(exception)
        if isinstance(exception, _NEVER) and getattr(exception, "permanent", True):
            return RetryDecision.fail(_reason(exception, "another try cannot help"))
        asked_s = getattr(exception, "retry_after_s", None)
        if isinstance(exception, OCROutcomeUnknown):
            return _retry(max(self.lease_s, asked_s or 0.0), exception, "after the call's lease")
        if isinstance(exception, (OCRNotSent, OCRRefused, OCRImageError)):
            delay_s = self.backoff.delay_s(max(1, try_number), jitter=self.jitter(), retry_after_s=asked_s)
            return _retry(delay_s, exception, "nothing was billed")
        return RetryDecision.default()

    def _run_error(self, error: OCRRunError) -> RetryDecision:
        if not error.retry:
            return RetryDecision.fail(_reason(error, "another try cannot help"))
        if error.retry_after_s is None:
            return RetryDecision.retry(None, _reason(error, "what was paid for is saved"))
        return _retry(error.retry_after_s, error, "what was paid for is saved")


def _retry(delay_s: float, error: OCRError, why: str) -> RetryDecision:
    return RetryDecision.retry(timedelta(seconds=delay_s), _reason(error, why))


def _reason(error: OCRError, why: str) -> str:
    return f"{type(error).__name__}: {why}"
