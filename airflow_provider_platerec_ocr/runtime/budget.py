"""What a plan may spend: the free statistics, the user's limits, and what other runs have reserved, put together.

The arithmetic is :mod:`..core.spending.budget`, the reservations are :mod:`..engine.ledger.reservations`; this asks
and wires.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRError
from airflow_provider_platerec_ocr.core.saying.choices import WithoutStatistics
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.core.spending.budget import account_day, period_key
from airflow_provider_platerec_ocr.core.spending.purse import Grant, Limits
from airflow_provider_platerec_ocr.core.spending.statistics import goes_on
from airflow_provider_platerec_ocr.engine.ledger.allowance import Others, blind_limit, budget_of, open_book
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from airflow_provider_platerec_ocr.engine.ledger.reservations import BudgetBook, account_id
from airflow_provider_platerec_ocr.runtime.places import open_ledger_place, spill_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.core.models import Owner, Statistics
    from airflow_provider_platerec_ocr.core.settings import ClientSettings
    from airflow_provider_platerec_ocr.storage.store import Store

__all__ = ["Limits", "PlanBudget", "open_budget", "release_budget"]
log = logging.getLogger(__name__)


class Account(Protocol):
    """What a budget asks of an account; the hook is one."""

    def settings(self) -> ClientSettings:
        """Return how to speak to the API, and with which token."""

    def statistics(self) -> Statistics:
        """Return the account's usage: one free call."""


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
    base_url: str = ""
    """The API that is called."""
    look_only: bool = False
    """Whether nothing is to be reserved."""
    without_statistics: WithoutStatistics = WithoutStatistics.STOP
    """What to do where the statistics do not say how many calls are left."""
    statistics: Statistics | None = field(init=False)
    """As last seen; after :meth:`grant`, as they were when it granted. ``None`` where they are of no use."""
    granted: Grant = field(init=False, default_factory=Grant)
    """What :meth:`grant` reserved."""

    def __post_init__(self) -> None:
        """Ask at once, so that a bad token is found before a long manifest is read."""
        self.statistics = self._ask()

    def grant(self, wanted: int) -> tuple[int, str]:
        """Return how many of ``wanted`` calls the run may make, reserved for it, and which limit binds.

        The statistics are asked after the reservations of others were read: a run that ended in between has its calls
        either in the one or in the other, never in neither.
        """
        self.statistics = self._ask()
        book = open_book(self.store, self.account, self.statistics, self.clock)
        reason = ""

        def allowed(others: int) -> int:
            nonlocal reason
            self.statistics = self._ask()
            calls, reason = self._allowance(book, others, wanted)
            return min(wanted, calls)

        if self.look_only:
            calls, number = allowed(book.reserved_by_others(self.owner)), 0
        else:
            made = book.reserve(self.owner, self.statistics, allowed)
            calls, number = made.calls, made.number
        if calls < wanted:
            for each in book.of_others(self.owner):
                log.info(
                    "Run %s of %s holds %s since %s.", each.run_id, each.dag_id, count_of(each.calls, "call"), each.at
                )
        self.granted = Grant(self.account, book.period, number, max(0, calls), self.limits)
        return calls, reason

    def release(self) -> None:
        """Give back what :meth:`grant` reserved: nobody is going to draw from it."""
        open_book(self.store, self.account, self.statistics, self.clock).release(self.owner)

    def _allowance(self, book: BudgetBook, others: int, wanted: int) -> tuple[int, str]:
        if self.statistics is None:
            limit = blind_limit(book, self.owner, self.limits, self.clock)
            return (wanted, "") if limit is None else (limit, f"daily_limit {self.limits.daily_limit}.")
        reserved = Others(others, look_only=self.look_only)
        budget = budget_of(book, self.owner, self.limits, self.statistics, self.clock, reserved)
        return budget.allowance(), budget.reason()

    def _ask(self) -> Statistics | None:
        """Ask the account; where it does not say, go on only where the user said so, or set no limit that needs it."""
        try:
            return self.ask()
        except OCRError as error:
            if not goes_on(error, self.limits, self.without_statistics):
                raise
            log.warning("Nobody knows how many calls are left, and the run goes on without: %s", error)
            return None


def open_budget(  # what binds a plan, by name
    account: Account,
    ledger: str | None,
    owner: Owner,
    limits: Limits,
    *,
    look_only: bool = False,
    without_statistics: WithoutStatistics = WithoutStatistics.STOP,
    clock: Clock | None = None,
) -> PlanBudget:
    """Ask the statistics and open the ledger's book of reservations.

    :param account: whose calls they are, such as the hook.
    :param look_only: reserve nothing, write nothing.
    :param without_statistics: what to do where the statistics do not say how many calls are left.
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
        base_url=settings.base_url,
        look_only=look_only,
        without_statistics=without_statistics,
    )


def release_old(
    account: Account, ledger: str | None, owner: Owner, grant: Grant, *, clock: Clock | None = None
) -> bool:
    """End the run's reservations where they are of another day (UTC) or period than now; return whether they were.

    Other runs do not count them for today or for this period. The run's read tasks reserve their calls anew, then.

    :param owner: a task of the plan's run and group. :param grant: the plan's.
    :raises OCRError: the ledger cannot be used.
    """
    clock, settings = clock or SystemClock(), account.settings()
    store = Ledger.peek(open_ledger_place(ledger), lease_s=settings.lease_s, clock=clock, owner=owner).store
    live = BudgetBook(store, grant.account, grant.period, clock).of_run(owner)
    day = account_day(clock.now())
    if not live or (all(each.at.startswith(day) for each in live) and _period(account, clock) in {"", grant.period}):
        return False
    return BudgetBook.release_all(store, grant.account, owner, clock) > 0


def _period(account: Account, clock: Clock) -> str:
    """Return the account's present period; empty where the statistics do not say."""
    try:
        return period_key(account.statistics(), clock.now())
    except OCRError as error:
        log.warning("Nobody knows whether the account's period has changed since the plan: %s", error)
        return ""


def release_budget(account: Account, ledger: str | None, owner: Owner, *, clock: Clock | None = None) -> int:
    """End the run's reservations, so that other runs may spend what it did not; return how many there were.

    :raises OCRLedgerError: the ledger cannot be used.
    """
    clock = clock or SystemClock()
    settings = account.settings()
    store = Ledger.peek(open_ledger_place(ledger), lease_s=settings.lease_s, clock=clock, owner=owner).store
    return BudgetBook.release_all(store, account_id(settings), owner, clock)
