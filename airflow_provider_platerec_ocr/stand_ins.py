"""What stands in for Airflow's retry policies before 3.3: the same names and fields. :mod:`.compat` decides when."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import timedelta


class StandInRetryAction(StrEnum):
    """As ``airflow.sdk.RetryAction``."""

    RETRY = "retry"
    FAIL = "fail"
    DEFAULT = "default"


@dataclass(frozen=True)
class StandInRetryDecision:
    """As ``airflow.sdk.RetryDecision``."""

    action: StandInRetryAction = StandInRetryAction.DEFAULT
    retry_delay: timedelta | None = None
    reason: str | None = None

    @classmethod
    def retry(cls, delay: timedelta | None = None, reason: str | None = None) -> StandInRetryDecision:
        """Try again, after ``delay``."""
        return cls(StandInRetryAction.RETRY, delay, reason)

    @classmethod
    def fail(cls, reason: str | None = None) -> StandInRetryDecision:
        """Never try again."""
        return cls(StandInRetryAction.FAIL, None, reason)

    @classmethod
    def default(cls) -> StandInRetryDecision:
        """Leave it to the task's own rules."""
        return cls()


class StandInRetryPolicy:
    """As ``airflow.sdk.RetryPolicy``, whose ``evaluate`` a subclass brings."""

    def __str__(self) -> str:
        """Return the same text in each process: it gets into the stored DAG, and another text is another version."""
        return f"{type(self).__module__}.{type(self).__qualname__}"
