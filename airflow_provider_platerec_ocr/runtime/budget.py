"""What a plan may spend: the free statistics, the user's limits, and what other runs have reserved, put together.

The arithmetic is :mod:`..core.budget`, the reservations are :mod:`..engine.ledger.reservations`; this asks and wires.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from airflow_provider_platerec_ocr.core.budget import Budget, Pace, account_day, parse_reset, period_key
from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from airflow_provider_platerec_ocr.engine.ledger.reservations import BudgetBook, account_id
from airflow_provider_platerec_ocr.runtime.places import open_ledger_place, spill_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.core.models import Owner, Statistics
    from airflow_provider_platerec_ocr.core.settings import ClientSettings
    from airflow_provider_platerec_ocr.storage.store import Store

log = logging.getLogger(__name__)


class Account(Protocol):
    """What a budget asks of an account; the hook is one."""

    def settings(self) -> ClientSettings:
        """Return how to speak to the API, and with which token."""

    def statistics(self) -> Statistics:
        """Return the account's usage: one free call."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the user allows."""

    reserve: int = 0
    """Calls that the run must leave to others."""
    daily_limit: int | None = None
    """Most calls of the account a day (UTC)."""
    pace: bool = False
    """Whether what is left is spread over the nights until the reset."""


@dataclass(slots=True)
class PlanBudget:
    """The budget of one plan."""

    limits: Limits
    """What the user allows."""
    ask: Callable[[], Statistics]
    """The free statistics call."""
    store: Store
    """The ledger's, where reservations lie."""
    account: str
    """Whose calls they are, see :func:`~..engine.ledger.reservations.account_id`."""
    owner: Owner
    """Whose run it is."""
    clock: Clock
    """Tells the account's day."""
    known: set[bytes]
    """Images that the ledger answers for nothing, by identity key."""
    look_only: bool = False
    """Whether nothing is to be reserved."""
    statistics: Statistics = field(init=False)
    """As last seen; after :meth:`grant`, as they were when the calls were granted."""

    def __post_init__(self) -> None:
        """Ask at once, so that a bad token is found before a long manifest is read."""
        self.statistics = self.ask()

    def grant(self, wanted: int) -> tuple[int, str]:
        """Return how many of ``wanted`` calls the run may make, reserved for it, and which limit binds.

        The statistics are asked after the reservations of others were read: a run that ended in between has its calls
        either in the one or in the other, never in neither.
        """
        self.statistics = self.ask()
        book = BudgetBook(self.store, self.account, period_key(self.statistics, self.clock.now()), self.clock)
        reason = ""

        def allowed(others: int) -> int:
            nonlocal reason
            self.statistics = self.ask()
            budget = self._budget(book, others)
            reason = budget.reason()
            return min(wanted, budget.allowance())

        if self.look_only:
            granted = allowed(book.reserved_by_others(self.owner))
        else:
            granted = book.reserve(self.owner, self.statistics, allowed).calls
        if granted < wanted:
            for each in book.of_others(self.owner):
                log.info("Run %s of %s holds %s calls since %s.", each.run_id, each.dag_id, each.calls, each.at)
        return granted, reason

    def _budget(self, book: BudgetBook, others: int) -> Budget:
        """Return the limits as they are now; a reservation of another day binds the period, not today."""
        now, statistics, limits = self.clock.now(), self.statistics, self.limits
        day = account_day(now)
        spent_today = book.spent_today(day, statistics.calls, look_only=self.look_only)
        today = sum(each.calls for each in book.of_others(self.owner) if each.at.startswith(day))
        this_morning = statistics.remaining + spent_today - limits.reserve
        reset = parse_reset(statistics.resets_on, now)
        return Budget(
            remaining=statistics.remaining,
            reserve=limits.reserve,
            daily_limit=limits.daily_limit,
            spent_today=spent_today,
            reserved_by_others=others,
            reserved_today_by_others=min(others, today),
            pace=Pace.of(this_morning, now, reset) if limits.pace else None,
        )


def open_budget(
    account: Account,
    ledger: str | None,
    owner: Owner,
    limits: Limits,
    *,
    look_only: bool = False,
    clock: Clock | None = None,
) -> PlanBudget:
    """Ask the statistics and open the ledger's book of reservations.

    :param account: whose calls they are, such as the hook.
    :param look_only: reserve nothing, write nothing.
    :raises OCRStop: the token is bad, OCR is not enabled, or the host is not the API.
    :raises OCRLedgerError: the ledger cannot be used.
    """
    clock = clock or SystemClock()
    settings = account.settings()
    place = open_ledger_place(ledger)
    if look_only:
        opened = Ledger.peek(place, lease_s=settings.lease_s, clock=clock, owner=owner)
    else:
        opened = Ledger.open(place, lease_s=settings.lease_s, clock=clock, owner=owner, spill=spill_folder())
        opened.paid_under(settings.base_url)
    return PlanBudget(
        limits=limits,
        ask=account.statistics,
        store=opened.store,
        account=account_id(settings),
        owner=owner,
        clock=clock,
        known=opened.known(),
        look_only=look_only,
    )


def release_budget(account: Account, ledger: str | None, owner: Owner, *, clock: Clock | None = None) -> int:
    """End the run's reservations, so that other runs may spend what it did not; return how many there were.

    :raises OCRLedgerError: the ledger cannot be used.
    """
    clock = clock or SystemClock()
    settings = account.settings()
    store = Ledger.peek(open_ledger_place(ledger), lease_s=settings.lease_s, clock=clock, owner=owner).store
    return BudgetBook.release_all(store, account_id(settings), owner, clock)
