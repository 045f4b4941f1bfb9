"""How long a run took, held against the least it can take: its calls at the account's rate, and the slowest of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.models import parse_timestamp


@dataclass(frozen=True, slots=True)
class Took:
    """The time of one run."""

    planned_at: str | None = None
    """When its plan was made; UTC, ISO 8601."""
    read_until: str | None = None
    """When its last image ended; UTC, ISO 8601. Not when it was exported, which may be cleared days later."""
    seconds: float | None = None
    """Between the two."""
    rate_per_s: float | None = None
    """Calls that may start in a second, as the connection says; ``None`` where it is found by itself."""
    slowest_call_s: float | None = None
    """Seconds of the slowest call."""
    limit_s: float | None = None
    """Seconds that the calls take at least at that rate: their number divided by it, and the slowest; ``None`` where
    one of them is not known, or no call was made."""

    @classmethod
    def of(
        cls,
        planned_at: str,
        read_until: str | None,
        *,
        calls: int,
        rate_per_s: float | None,
        slowest_call_s: float | None,
    ) -> Self:
        """Return the time of a run that made ``calls``."""
        limit = calls / rate_per_s + slowest_call_s if calls and rate_per_s and slowest_call_s is not None else None
        return cls(
            planned_at or None,
            read_until,
            _between(planned_at, read_until),
            rate_per_s,
            slowest_call_s,
            None if limit is None else round(limit, 1),
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return asdict(self)


def _between(begin: str, end: str | None) -> float | None:
    try:
        seconds = (parse_timestamp(end or "") - parse_timestamp(begin)).total_seconds()
    except OCRConfigError:  # a plan or an outcome that was made by hand
        return None
    return round(seconds, 1) if seconds >= 0 else None
