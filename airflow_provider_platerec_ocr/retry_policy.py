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
from airflow_provider_platerec_ocr.core.backoff import DEFAULT_LEASE_S, LONGEST_HOLD_S, Backoff, hold_s
from airflow_provider_platerec_ocr.core.errors import (
    OCRConfigError,
    OCRError,
    OCRInputError,
    OCRLedgerUnsafe,
    OCRNotSent,
    OCROtherLedger,
    OCROutcomeUnknown,
    OCRRefused,
    OCRRejected,
    OCRRunError,
    OCRStop,
    OCRWrongBaseURL,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.sdk import Context

_NEVER = (OCRStop, OCRRejected, OCRConfigError, OCRInputError, OCRLedgerUnsafe, OCROtherLedger)
"""Another try meets the same answer until a person or the calendar changes something."""


_FOR_A_PERSON = (PermissionError, NotADirectoryError, IsADirectoryError)
"""Errors of a store that no wait fixes; Airflow's own rules decide."""
_STORES = frozenset(
    {
        *("adlfs", "aiobotocore", "aiohttp", "azure", "botocore", "fsspec", "gcsfs"),
        *("google", "httpx", "ocifs", "ossfs", "requests", "s3fs", "urllib3"),
    }
)
"""Packages whose errors are a store's, or those of the way to it."""


class OCRRetryPolicy(RetryPolicy):
    """Retry what a wait can fix, never earlier than asked; fail what only a person can fix.

    It can end a task before its ``retries`` are used up, and choose the delay; it cannot go past ``retries``. A store
    that does not answer, whatever library says so, is tried again. Other errors that are not this provider's keep
    Airflow's own rules.

    :param base_delay_s: seconds before the first retry of calls that were refused or not sent; doubled with each try.
        A wait that the API asked for is kept; of one beyond an hour, the hour, after which one call asks again.
    :param longest_delay_s: most seconds that doubling may reach.
    :param lease_s: seconds before a call of unknown outcome may be looked at again: until then it could still be
        under way. Default: the lease of the default timeouts (270); only a longer ``call_timeout_s`` in the
        connection needs a longer one.
    :param maintenance_tries: most tries in all of a task that met something else in the API's place (404, a redirect, a
        page), as in a maintenance or behind a gateway; 1 fails it at once, as a mistyped host deserves.
    :param maintenance_delay_s: most seconds before the second of them; doubled with each, up to an hour.
    :param jitter: draws a number from 0 to 1, so that shards which failed together do not come back together.

    .. versionadded:: 0.2
       ``maintenance_tries`` and ``maintenance_delay_s``.
    """

    def __init__(  # noqa: PLR0913  # settings, by name only
        self,
        *,
        base_delay_s: float = 60.0,
        longest_delay_s: float = 1800.0,
        lease_s: float = DEFAULT_LEASE_S,
        maintenance_tries: int = 4,
        maintenance_delay_s: float = 600.0,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.backoff = Backoff(base_s=base_delay_s, factor=2.0, cap_s=longest_delay_s)
        self.lease_s = lease_s
        self.maintenance_tries = maintenance_tries
        self.maintenance = Backoff(base_s=maintenance_delay_s, factor=2.0, cap_s=LONGEST_HOLD_S)
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
            return self._of_others(exception, try_number)
        if isinstance(exception, OCRRunError):
            return self._run_error(exception)
        asked_s = hold_s(getattr(exception, "retry_after_s", None))
        if isinstance(exception, OCRWrongBaseURL) and try_number < self.maintenance_tries:
            delay_s = self.maintenance.delay_s(max(1, try_number), jitter=self.jitter(), retry_after_s=asked_s)
            return _retry(delay_s, exception, "a maintenance passes")
        if isinstance(exception, _NEVER) and getattr(exception, "permanent", True):
            return RetryDecision.fail(_reason(exception, "another try cannot help"))
        if isinstance(exception, (OCRNotSent, OCRRefused, OCRInputError)):
            delay_s = self.backoff.delay_s(max(1, try_number), jitter=self.jitter(), retry_after_s=asked_s)
            return _retry(delay_s, exception, "nothing was billed")
        unknown = isinstance(exception, OCROutcomeUnknown)
        lease_s = max(self.lease_s, asked_s)
        return _retry(lease_s, exception, "after the call's lease") if unknown else RetryDecision.default()

    def _of_others(self, exception: BaseException, try_number: int) -> RetryDecision:
        if not is_of_a_store(exception):
            return RetryDecision.default()
        delay_s = self.backoff.delay_s(max(1, try_number), jitter=self.jitter(), retry_after_s=None)
        return _retry(delay_s, exception, "a store, or the way to it, may answer again")

    def _run_error(self, error: OCRRunError) -> RetryDecision:
        if not error.retry:
            return RetryDecision.fail(_reason(error, "another try cannot help"))
        if error.retry_after_s is None:
            return RetryDecision.retry(None, _reason(error, "what was paid for is saved"))
        return _retry(error.retry_after_s, error, "what was paid for is saved")


def is_of_a_store(error: BaseException) -> bool:
    """Return whether a file system, an object store or the network failed, in a way that passes."""
    if isinstance(error, _FOR_A_PERSON):
        return False
    homes = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    return isinstance(error, OSError) or bool(homes & _STORES)


def _retry(delay_s: float, error: BaseException, why: str) -> RetryDecision:
    return RetryDecision.retry(timedelta(seconds=delay_s), _reason(error, why))


def _reason(error: BaseException, why: str) -> str:
    return f"{type(error).__name__}: {why}"
