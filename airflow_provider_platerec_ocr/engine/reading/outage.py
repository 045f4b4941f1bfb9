"""Telling a stumble from an outage: how long all starts rest when call after call fails.

A single refused call waits by itself. Only when failures follow one another without a success between them does the
whole task slow down, first for a second, at last for a minute, so that a minute without network costs a handful of
probes, and a server that breaks after doing the work costs a bounded number of calls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.errors import OCROutcomeUnknown, OCRRateLimited, OCRUnknownDialect

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.backoff import Backoff
    from airflow_provider_platerec_ocr.core.errors import OCRCallError
    from airflow_provider_platerec_ocr.engine.reading.context import ReadOptions

PATIENCE = 3
"""Failures in a row before everybody rests."""


class Outage:
    """Counts failures since the last success; times are seconds of one monotonic clock."""

    def __init__(self, backoff: Backoff, options: ReadOptions) -> None:
        self._backoff = backoff
        self._options = options
        self._failures = 0
        self._unknown = 0
        self._since: float | None = None
        self._held_at = float("-inf")

    def success(self) -> None:
        """Note that a call was answered: whatever was wrong is over."""
        self._failures = self._unknown = 0
        self._since = None

    def failure(self, error: OCRCallError, *, started_at: float, now: float) -> float:
        """Count a failed call and return for how many seconds all starts should rest (often 0).

        Calls that were in flight together fail together: only those that started after the last rest was ordered
        count as the next step.
        """
        self._since = now if self._since is None else self._since
        if isinstance(error, OCROutcomeUnknown):
            self._unknown += 1
        if isinstance(error, OCRRateLimited) or started_at < self._held_at:
            return 0.0
        self._failures += 1
        if self._failures < PATIENCE:
            return 0.0
        self._held_at = now
        return self._backoff.delay_s(self._failures - PATIENCE + 1, jitter=0.5, retry_after_s=None)

    def hopeless(self, now: float) -> str | None:
        """Return why the task should stop, or ``None`` while it is worth going on."""
        if self._unknown >= self._options.unknown_in_a_row:
            return f"{self._unknown} calls in a row ended with an unknown outcome, and each may have been billed"
        if self._since is not None and now - self._since >= self._options.give_up_after_s:
            return f"no call succeeded for {now - self._since:.0f} s"
        return None


class Dialect:
    """Counts whole answers since the last read: each was paid for and is kept, and the next ones would cost as much."""

    def __init__(self, options: ReadOptions) -> None:
        self._options = options
        self._unread = 0

    def answered(self, *, understood: bool) -> OCRUnknownDialect | None:
        """Count an answer; return the error to stop with where so many in a row were no reads."""
        self._unread = 0 if understood else self._unread + 1
        if self._unread < self._options.unread_in_a_row:
            return None
        message = (
            f"The API speaks another dialect: {self._unread} whole answers in a row are no reads that this version "
            "knows. They are kept in the ledger and never paid for again; nothing further is sent. See one with `python"
            " -m airflow_provider_platerec_ocr.ledger LEDGER show FINGERPRINT --raw`. If it is the API's, install a "
            "version that reads it and run `… LEDGER reparse`; if not, check the host of the connection."
        )
        return OCRUnknownDialect(message, retry=False)
