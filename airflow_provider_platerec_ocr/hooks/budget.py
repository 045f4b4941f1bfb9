"""What a plan may spend: the free statistics, the user's limits, and what other runs have reserved, put together.

The arithmetic is :mod:`..core.budget`, the reservations are :mod:`..engine.reservations`; this asks and wires.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.budget import Budget, account_day, period_key
from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.engine.ledger import Ledger
from airflow_provider_platerec_ocr.engine.reservations import BudgetBook, account_id
from airflow_provider_platerec_ocr.hooks.ocr import PlateRecOCRHook
from airflow_provider_platerec_ocr.hooks.places import open_ledger_place, spill_folder

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.core.models import Owner, Statistics


@dataclass(frozen=True, slots=True)
class PlanBudget:
    """The budget of one plan."""

    limits: Budget
    """What the account has left and what the user allows."""
    statistics: Statistics
    """As seen when it was made."""
    owner: Owner
    """Whose run it is."""
    book: BudgetBook
    """Reservations of the account."""
    known: set[bytes]
    """Images that the ledger answers for nothing, by identity key."""
    look_only: bool = False
    """Whether nothing is to be reserved."""

    def grant(self, wanted: int) -> tuple[int, str]:
        """Return how many of ``wanted`` calls the run may make, reserved for it, and which limit binds."""
        reason = ""

        def allowed(others: int) -> int:
            nonlocal reason
            budget = replace(self.limits, reserved_by_others=others, reserved_today_by_others=others)
            reason = budget.reason()
            return min(wanted, budget.allowance())

        if self.look_only:
            return allowed(self.book.reserved_by_others(self.owner)), reason
        return self.book.reserve(self.owner, self.statistics, allowed).calls, reason


def open_budget(
    conn_id: str, ledger: str | None, owner: Owner, *, reserve: int, daily_limit: int | None, look_only: bool
) -> PlanBudget:
    """Ask the statistics and open the ledger's book of reservations.

    :raises OCRStop: the token is bad, OCR is not enabled, or the host is not the API.
    :raises OCRLedgerError: the ledger cannot be used.
    """
    clock: Clock = SystemClock()
    hook = PlateRecOCRHook(conn_id)
    settings, statistics = hook.settings(), hook.statistics()
    place = open_ledger_place(ledger)
    if look_only:
        opened = Ledger.peek(place, lease_s=settings.lease_s, clock=clock, owner=owner)
    else:
        opened = Ledger.open(place, lease_s=settings.lease_s, clock=clock, owner=owner, spill=spill_folder())
    now = clock.now()
    book = BudgetBook(opened.store, account_id(settings), period_key(statistics, now), clock)
    limits = Budget(
        remaining=statistics.remaining,
        reserve=reserve,
        daily_limit=daily_limit,
        spent_today=book.spent_today(account_day(now), statistics.calls, look_only=look_only),
    )
    return PlanBudget(limits, statistics, owner, book, opened.known(), look_only=look_only)


def close_budget(conn_id: str, ledger: str | None, owner: Owner) -> Statistics:
    """End the run's reservations, so that other runs may spend what it did not; return the account's statistics."""
    clock: Clock = SystemClock()
    hook = PlateRecOCRHook(conn_id)
    settings = hook.settings()
    store = Ledger.peek(open_ledger_place(ledger), lease_s=settings.lease_s, clock=clock, owner=owner).store
    BudgetBook.release_all(store, account_id(settings), owner, clock)
    return hook.statistics()
