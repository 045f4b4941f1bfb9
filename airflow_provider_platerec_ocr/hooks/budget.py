"""What a plan may spend: the free statistics, the user's limits, and what other runs have reserved, put together.

The arithmetic is :mod:`..core.budget`, the reservations are :mod:`..engine.reservations`; this asks and wires.
"""

from __future__ import annotations

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


class PlanBudget:
    """The budget of one plan.

    :param book: reservations of the account; ``None`` where nothing is to be written.
    :param known: images that the ledger answers for nothing, by identity key.
    """

    def __init__(
        self, budget: Budget, statistics: Statistics, owner: Owner, book: BudgetBook, known: set[bytes], *, dry: bool
    ) -> None:
        self.statistics = statistics
        self.known = known
        self._budget = budget
        self._owner = owner
        self._book = book
        self._dry = dry

    def grant(self, wanted: int) -> tuple[int, str]:
        """Return how many of ``wanted`` calls the run may make, reserved for it, and which limit binds."""
        reason = ""

        def allowed(others: int) -> int:
            nonlocal reason
            budget = replace(self._budget, reserved_by_others=others)
            reason = budget.reason()
            return min(wanted, budget.allowance())

        if self._dry:
            return allowed(self._book.reserved_by_others(self._owner)), reason
        return self._book.reserve(self._owner, self.statistics, allowed).calls, reason


def open_budget(
    conn_id: str, ledger: str | None, owner: Owner, *, reserve: int, daily_limit: int | None, dry_run: bool
) -> PlanBudget:
    """Ask the statistics and open the ledger's book of reservations.

    :raises OCRStop: the token is bad, OCR is not enabled, or the host is not the API.
    :raises OCRLedgerError: the ledger cannot be used.
    """
    clock: Clock = SystemClock()
    hook = PlateRecOCRHook(conn_id)
    settings, statistics = hook.settings(), hook.statistics()
    place = open_ledger_place(ledger)
    if dry_run:
        opened = Ledger.peek(place, lease_s=settings.lease_s, clock=clock, owner=owner)
    else:
        opened = Ledger.open(place, lease_s=settings.lease_s, clock=clock, owner=owner, spill=spill_folder())
    now = clock.now()
    book = BudgetBook(opened.store, account_id(settings), period_key(statistics, now), clock)
    budget = Budget(
        remaining=statistics.remaining,
        reserve=reserve,
        daily_limit=daily_limit,
        spent_today=book.spent_today(account_day(now), statistics.calls, look_only=dry_run),
    )
    return PlanBudget(budget, statistics, owner, book, opened.known(), dry=dry_run)


def release_budget(conn_id: str, ledger: str | None, owner: Owner) -> tuple[int, Statistics | None]:
    """End the run's reservations; return how many there were."""
