"""What a run spent: its outcomes, its tries, the account's count and the forecast put together. No file is touched.

Every number has one source, so nothing is counted twice: what was billed comes from the outcomes, which carry the
ledger's count; what was refused and resent, from the tries; what is left, from the statistics call.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.saying.counts import agree, count_of
from airflow_provider_platerec_ocr.core.spending.forecast import forecast
from airflow_provider_platerec_ocr.dataset.report.tries import TrySums

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider_platerec_ocr.core.models import Statistics
    from airflow_provider_platerec_ocr.core.spending.forecast import Forecast
    from airflow_provider_platerec_ocr.dataset.report.account import Span
    from airflow_provider_platerec_ocr.dataset.table.export_model import ExportResult

UNAVAILABLE = "OCRUnavailable"
"""Error name of a 503, of which nobody documents whether it is billed."""


@dataclass(frozen=True, slots=True)
class Spend:
    """What one run spent, over all of its tries and clears."""

    result: ExportResult
    """What was published."""
    tries: TrySums = field(default_factory=TrySums)
    """What the read tasks counted."""
    statistics: Statistics | None = None
    """The account when the run was exported; ``None`` where it could not be asked."""
    forecast: Forecast | None = None
    """How long the calls left last."""
    account: Span | None = None
    """The account's count held against the run's; ``None`` where one of the two ends is not known."""

    @classmethod
    def of(
        cls, result: ExportResult, tries: TrySums, statistics: Statistics | None, span: Span | None, now: datetime
    ) -> Spend:
        """Return the spending of a run, taken at ``now`` (aware)."""
        return cls(result, tries, statistics, forecast(statistics, now) if statistics else None, span)

    def to_json(self) -> dict[str, Any]:
        """Return the spending as JSON-ready data: counts, no lists of images."""
        result, tries, statistics = self.result, self.tries, self.statistics
        return {
            "billed": result.calls_billed,
            "from_ledger": result.from_ledger,
            "in_doubt": result.in_doubt,
            "resent": tries.resent,
            "refused": tries.refused,
            "dead_letters": result.dead_letters,
            "held_elsewhere": result.held_elsewhere,
            "carried_over": result.carried_over,
            "missing": result.missing,
            "tries": tries.tries,
            "tries_cut_off": tries.cut_off,
            "calls_left": statistics.remaining if statistics else None,
            "total_calls": statistics.total_calls if statistics else None,
            "resets_on": statistics.resets_on if statistics else None,
            "forecast": self.forecast.to_json() if self.forecast else None,
            "account": self.account.to_json() if self.account else None,
        }

    def describe(self) -> list[str]:
        """Return what a person wants to know beyond :meth:`ExportResult.describe`, as sentences for the log."""
        tries, said = self.tries, []
        if tries.resent:
            said.append(f"{count_of(tries.resent, 'call')} in doubt sent once more: the bill may show them twice.")
        if self.result.in_doubt:
            said.append(f"{count_of(self.result.in_doubt, 'image')} still in doubt: see the dead letters.")
        if tries.refused:
            kinds = ", ".join(f"{number:,} {name}" for name, number in tries.refused.items())
            said.append(f"Refused or not sent, and tried again: {kinds}.")
        if tries.cut_off:
            were = agree(tries.cut_off, "was", "were")
            said.append(
                f"{count_of(tries.cut_off, 'try')} of a read task {were} cut off by a kill: last counts are missing."
            )
        if self.statistics is None or self.forecast is None:
            said.append("The account could not be asked what is left.")
        else:
            left, total = self.statistics.remaining, self.statistics.total_calls
            said.append(f"Left of this period: {left:,} of {count_of(total, 'call')}. {self.forecast}")
        if self.account is not None:
            said.append(self.account.describe(self._suspects()))
        elif self.statistics is not None:
            said.append("The account's count at the start is not known, so it is not held against this run's ledger.")
        return said

    def _suspects(self) -> str:
        """Return the calls of this run that the account may have billed and the books do not have."""
        rejected = self.result.dead_letters.get("api_rejected", 0)
        parts = [
            (self.tries.refused.get(UNAVAILABLE, 0), "refused with 503"),
            (rejected, "rejected"),
            (self.tries.cut_off, "killed with calls in flight"),
        ]
        return ", ".join(f"{number:,} {name}" for number, name in parts if number)
