"""What was tried again, and when, by a case's ledger: each attempt there says which try of which task made it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.claims import End
from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.fingerprint import fingerprint_bytes
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from support.stores import local_place

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.claims import Attempt
    from support.fault_stage import Stage

NOT_BEGUN = {"too old to send", "stopped before it was sent", "held before it was sent"}
"""Why claims are released before any call."""


@dataclass(frozen=True)
class Tally:
    """How often calls were made again."""

    calls: int
    """Calls that were begun."""
    arrived: int
    """Of these, those that reached the API."""
    same_try: int
    """Calls made again in the same try of the task."""
    later_try: int
    """Calls made again in a later try, or a later run."""
    never: int
    """Images whose last call failed and was not made again."""

    def cells(self) -> dict[str, int]:
        """Return what the table shows."""
        return {
            "calls": self.calls,
            "arrived": self.arrived,
            "retried at once": self.same_try,
            "retried later": self.later_try,
            "not retried": self.never,
        }


def tally_of(stage: Stage) -> Tally:
    """Count a case's calls by its ledger and its sandbox."""
    ledger = Ledger.peek(local_place(stage.ledger), lease_s=1, clock=SystemClock())
    contents = {path.read_bytes() for path in stage.images}
    histories = [
        [attempt for attempt in ledger.look("vin", fingerprint_bytes(stage.base_url, "vin", content)) if _call(attempt)]
        for content in contents
    ]
    again = [pair for history in histories for pair in pairwise(history)]
    same = sum(first.owner == second.owner for first, second in again)
    return Tally(
        calls=sum(map(len, histories)),
        arrived=stage.sandbox.books()["posts"],
        same_try=same,
        later_try=len(again) - same,
        never=sum(bool(history) and history[-1].end is not End.ANSWER for history in histories),
    )


def _call(attempt: Attempt) -> bool:
    """Return whether an attempt was more than a claim."""
    return attempt.end is not End.RELEASED or (attempt.payload or {}).get("reason") not in NOT_BEGUN
