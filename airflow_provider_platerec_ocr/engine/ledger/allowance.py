"""What a run may spend now: the statistics and the user's limits against what other runs have reserved.

For the plan, which reserves its run's grant, and for a shard of a run that is read again after its export gave the
grant back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.errors import OCRError
from airflow_provider_platerec_ocr.core.spending.budget import Budget, Pace, account_day, parse_reset, period_key
from airflow_provider_platerec_ocr.engine.ledger.reservations import BudgetBook

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.core.models import Owner, Statistics
    from airflow_provider_platerec_ocr.core.spending.purse import Limits
    from airflow_provider_platerec_ocr.storage.store import Store


@dataclass(frozen=True, slots=True)
class Others:
    """Calls that are spoken for."""

    reserved: int = 0
    """By other runs."""
    own: int = 0
    """By the run itself, which may have been drawn and not been made or counted yet."""
    look_only: bool = False
    """Whether nothing is to be written."""


def open_book(store: Store, account: str, statistics: Statistics | None, clock: Clock) -> BudgetBook:
    """Return the book of the account's present period; of the month, where nobody can say which period it is."""
    now = clock.now()
    period = account_day(now)[:7] if statistics is None else period_key(statistics, now)
    return BudgetBook(store, account, period, clock)


def budget_of(  # noqa: PLR0913, PLR0917  # whose, which limits, and who else
    book: BudgetBook, owner: Owner, limits: Limits, seen: Statistics, clock: Clock, others: Others
) -> Budget:
    """Return the limits as they are now; a reservation of another day binds the period, not today."""
    now = clock.now()
    day = account_day(now)
    spent_today = book.spent_today(day, seen.calls, look_only=others.look_only)
    today = sum(each.calls for each in book.of_others(owner) if each.at.startswith(day))
    this_morning = seen.remaining + spent_today - limits.reserve
    reset = parse_reset(seen.resets_on, now)
    return Budget(
        remaining=seen.remaining,
        reserve=limits.reserve,
        daily_limit=limits.daily_limit,
        spent_today=spent_today,
        reserved_by_others=others.reserved + others.own,
        reserved_today_by_others=min(others.reserved, today) + others.own,
        pace=Pace.of(this_morning, now, reset) if limits.pace else None,
    )


def blind_limit(book: BudgetBook, owner: Owner, limits: Limits, clock: Clock) -> int | None:
    """Return what may be spent where the statistics are of no use and the user goes on: what is left of the day.

    ``None`` for no limit: without the statistics nobody can keep a reserve or a pace.
    """
    if limits.daily_limit is None:
        return None
    day = account_day(clock.now())
    return max(0, limits.daily_limit - sum(each.calls for each in book.of_others(owner) if each.at.startswith(day)))


@dataclass(frozen=True, slots=True)
class MoreCalls:
    """Reserves calls for one shard whose run has no grant any more, within the same limits. Blocks."""

    store: Store
    """The ledger's."""
    account: str
    """Whose calls."""
    owner: Owner
    """The shard's task."""
    limits: Limits
    """What the user allowed."""
    clock: Clock
    """Tells the account's day."""
    ask: Callable[[], Statistics]
    """The free statistics call."""
    go_on: bool = False
    """Whether to go on where the statistics are of no use."""

    def reserve(self, wanted: int, in_hand: int) -> int:
        """Return how many of ``wanted`` calls are reserved for the shard, 0 or more.

        What the other shards of the run have reserved so counts as spoken for, too.

        :param in_hand: calls of the shard that may not have been made or counted yet.
        :raises OCRError: the statistics do not say.
        """
        seen = self._ask()
        book = open_book(self.store, self.account, seen, self.clock)

        def allowed(reserved: int) -> int:
            again = self._ask()  # after the others' reservations were read: a run that ended is in the one or the other
            if again is None:
                limit = blind_limit(book, self.owner, self.limits, self.clock)
                return wanted if limit is None else max(0, min(wanted, limit - in_hand))
            others = Others(reserved, own=in_hand)
            return min(wanted, budget_of(book, self.owner, self.limits, again, self.clock, others).allowance())

        return book.reserve_more(self.owner, seen, allowed, in_hand)

    def _ask(self) -> Statistics | None:
        try:
            return self.ask()
        except OCRError:
            if self.go_on:
                return None
            raise
