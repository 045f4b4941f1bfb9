"""What a batch says of itself while it runs: counts by how images ended, and one line for the log.

It knows numbers only; how often it is told, and to whom, is the wiring's choice.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.events import RunEvent
from airflow_provider_platerec_ocr.core.models import ReadStatus, Reason
from airflow_provider_platerec_ocr.core.saying.counts import count_of

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.events import Event
    from airflow_provider_platerec_ocr.core.models import Outcome
    from airflow_provider_platerec_ocr.core.money import Price

log = logging.getLogger(__name__)
_DEAD = (ReadStatus.REJECTED, ReadStatus.FAILED, ReadStatus.IN_DOUBT)


@dataclass(slots=True)
class Progress:
    """Counts of one task over one shard."""

    total: int
    """Images of the shard."""
    started_at: float = 0.0
    """Monotonic seconds at which the batch began."""
    settled_before: int = 0
    """Images that an earlier try of the same run had settled."""
    by_status: Counter[str] = field(default_factory=Counter)
    """Images by :class:`ReadStatus`."""
    from_ledger: int = 0
    """Reads that were already paid for."""
    calls: int = 0
    """Calls started."""
    refused: Counter[str] = field(default_factory=Counter)
    """Calls that were refused or not sent, by error name; not billed as far as is known."""
    unknown: int = 0
    """Calls whose outcome is not known."""
    resent: int = 0
    """Calls that repeat one in doubt."""
    in_doubt_once: int = 0
    """Images in doubt that are not so for the second time: the policy may send them once more."""

    unfunded: int = 0
    """Images in doubt that were not sent once more since no call is left: another try would be in vain."""
    calls_left: int | None = None
    """Calls of the account, as it said last; ``None`` where it was not asked."""

    def add(self, outcome: Outcome) -> None:
        """Count one ended image."""
        self.by_status[outcome.status] += 1
        if outcome.status == ReadStatus.READ and outcome.from_ledger:
            self.from_ledger += 1
        if outcome.status == ReadStatus.IN_DOUBT and outcome.reason == Reason.IN_DOUBT:
            self.in_doubt_once += 1

    def replace(self, old: Outcome, new: Outcome) -> None:
        """Count an image that was counted as ``old`` as ``new``."""
        self.by_status[old.status] -= 1
        if old.status == ReadStatus.IN_DOUBT and old.reason == Reason.IN_DOUBT:
            self.in_doubt_once -= 1
        self.add(new)

    @property
    def done(self) -> int:
        """Images that have ended, earlier tries included."""
        return self.settled_before + sum(self.by_status.values())

    @property
    def dead_letters(self) -> int:
        """Images of this try that could not be read."""
        return sum(self.by_status[status] for status in _DEAD)

    @property
    def may_be_billed(self) -> int:
        """Calls of this try that are billed, or may be: all but those that were refused."""
        return self.calls - sum(self.refused.values())

    def line(
        self, now: float, *, rate_per_s: float, in_flight: int, rate_given: bool = True, price: Price | None = None
    ) -> str:
        """Return one line for the log: done/total, pace, in flight, from the ledger, dead letters, cost, time left.

        :param rate_per_s: starts a second that may be made now.
        :param rate_given: whether the user gave that rate; else it is what was found so far.
        :param price: what calls cost; without one, the line speaks of none.
        """
        elapsed = max(now - self.started_at, 1e-9)
        fresh = self.done - self.settled_before
        left = self.total - self.done
        percent = 100.0 * self.done / self.total if self.total else 100.0
        eta = _clock(left * elapsed / fresh) if fresh and left else ("-" if left else "0:00:00")
        parts = [
            f"{self.done:,}/{self.total:,} done ({percent:.1f} %)",
            f"{fresh / elapsed:.1f} images/s ({_rate(rate_per_s, given=rate_given)})",
            f"{in_flight} in flight",
            f"{self.from_ledger:,} from the ledger{self._saved(price)}",
            count_of(self.dead_letters, "dead letter"),
        ]
        if price is not None:
            parts.append(f"up to {price.say(self.may_be_billed)}{' in this try' if self.settled_before else ''}")
        if self.refused:
            parts.append("refused " + ", ".join(f"{name} {count}" for name, count in sorted(self.refused.items())))
        return " · ".join([*parts, f"ETA {eta}"])

    def _saved(self, price: Price | None) -> str:
        return f" ({price.say(self.from_ledger)} saved)" if price is not None and self.from_ledger else ""

    def counts(self) -> dict[str, int]:
        """Return plain counts for XCom and reports."""
        return {
            "images": self.total,
            "settled_before": self.settled_before,
            "from_ledger": self.from_ledger,
            "calls": self.calls,
            "refused": sum(self.refused.values()),
            "unknown": self.unknown,
            "resent": self.resent,
            **{status.value: self.by_status[status] for status in ReadStatus},
        }


def log_line(event: Event) -> None:
    """Hear of a run and log how far it is; of one image, its end says enough."""
    if isinstance(event, RunEvent) and event.line:
        log.info("%s", event.line)


def _rate(per_s: float, *, given: bool) -> str:
    """Return the rate in words: at most two decimals, and none where there is no rate just now."""
    number = f"{per_s:.2f}".rstrip("0").rstrip(".") if per_s > 0.0 else ""
    number = "under 0.01" if number == "0" else number
    if given:
        return f"limit {number} starts/s" if number else "waiting for a share of the rate"
    return f"rate still being found: {number}/s" if number else "rate still being found"


def _clock(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
