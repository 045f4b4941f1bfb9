"""What is known of an account: its statistics, what runs hold, the rate in use, and whether it is held.

The statistics call costs nothing; it is made at most once a minute for all who look, and given up after seconds, as is
the whole of a view: an account whose turn comes too late is not asked.
Nothing here ever pays, and nothing is kept of the token.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.errors import OCRError, OCRUnavailable
from airflow_provider_platerec_ocr.core.models import Owner
from airflow_provider_platerec_ocr.core.spending.budget import period_key
from airflow_provider_platerec_ocr.core.spending.forecast import forecast
from airflow_provider_platerec_ocr.engine.client.client import OCRClient
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from airflow_provider_platerec_ocr.engine.ledger.reservations import BudgetBook, account_id
from airflow_provider_platerec_ocr.engine.rate.hold_file import HoldFile
from airflow_provider_platerec_ocr.engine.rate.rate_memory import RateMemory
from airflow_provider_platerec_ocr.storage.store import Store
from airflow_provider_platerec_ocr.web.frame.cached import Cached
from airflow_provider_platerec_ocr.web.frame.patience import Patience

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.core.models import Statistics
    from airflow_provider_platerec_ocr.core.money import Price
    from airflow_provider_platerec_ocr.core.settings import ClientSettings
    from airflow_provider_platerec_ocr.core.spending.forecast import Forecast
    from airflow_provider_platerec_ocr.storage.path import StoragePath

    Connect = Callable[[str], ClientSettings]

STATISTICS_S = 60.0
"""Seconds for which the statistics are kept."""
GIVE_UP_S = 6.0
"""Seconds after which they are shown as silent."""
LEAST_S = 1.0
"""Seconds that must be left for an account to be asked."""
BOOK_S = 5.0
"""Seconds for which reservations, rate and hold are kept."""
MOST_HELD = 50
"""Reservations that are shown."""


@dataclass(frozen=True, slots=True)
class HeldCalls:
    """What one run has reserved."""

    dag_id: str
    run_id: str
    calls: int
    """Calls that it reserved."""
    left: int
    """Of these, calls that none of its shards has drawn yet."""
    at: str


@dataclass(frozen=True, slots=True)
class Rate:
    """The rate in use."""

    per_s: float | None = None
    """Starts a second; ``None`` where nothing is known yet."""
    given: bool = False
    """Whether the connection says so."""
    trust: float = 0.0
    """How sure what was found still is, 0 to 1."""
    found_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class HoldState:
    """Until when nothing starts."""

    left_s: float
    """Seconds that are left; 0 where only the asking is."""
    ask_first: bool
    """Whether one call asks alone before the others start."""


@dataclass(frozen=True, slots=True)
class AccountBooks:
    """What the ledger says of the account."""

    account: str
    held: tuple[HeldCalls, ...] = ()
    rate: Rate = Rate()
    hold: HoldState | None = None

    @property
    def held_calls(self) -> int:
        """Calls that runs hold and have not drawn."""
        return sum(each.left for each in self.held)


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """One account as it is shown; what is not known is ``None``, and ``troubles`` say why."""

    conn_id: str
    base_url: str = ""
    statistics: Statistics | None = None
    forecast: Forecast | None = None
    books: AccountBooks | None = None
    price: Price | None = None
    """What calls cost, where the connection says so."""
    troubles: tuple[str, ...] = ()


class Accounts:
    """Looks at accounts. Blocking, for any thread.

    :param connect: from a connection's id to its settings; raises where it cannot be read here.
    :param ask: the free statistics call, given up after so many seconds.
    """

    def __init__(
        self, connect: Connect, clock: Clock, ask: Callable[[ClientSettings, float], Statistics] | None = None
    ) -> None:
        self._connect = connect
        self._clock = clock
        self._ask = ask or ask_statistics
        self._asked: Cached[Statistics] = Cached(STATISTICS_S, clock, error_s=STATISTICS_S)
        self._books: Cached[AccountBooks] = Cached(BOOK_S, clock)
        self._patience: Patience[AccountBooks] = Patience("its store")

    def look(self, conn_id: str, ledger: StoragePath, *, until_s: float = math.inf) -> AccountFacts:
        """Return what is known of the account behind a connection, with what a ledger says of it.

        :param until_s: monotonic time after which nobody is asked any more.
        """
        if self._left_s(until_s) < LEAST_S:
            return AccountFacts(conn_id, troubles=(_NOT_ASKED,))
        try:
            settings = self._connect(conn_id)
        except Exception as error:  # noqa: BLE001  # secrets backends have their own kinds
            said = error.message if isinstance(error, OCRError) else f"{type(error).__name__}: {error}"
            return AccountFacts(conn_id, troubles=(_UNREADABLE.format(conn_id=conn_id, said=said),))
        account, troubles = account_id(settings), []
        statistics, books = None, None
        try:
            statistics = self._asked.get(account, lambda: self._statistics(settings, until_s))
        except _NotAskedError:
            self._asked.drop(account)  # nothing was learned that is worth keeping
            troubles.append(_NOT_ASKED)
        except OCRError as error:
            troubles.append(f"The account could not be asked what is left: {error.message}")
        key, left_s = (account, ledger.uri), max(LEAST_S, min(GIVE_UP_S, self._left_s(until_s)))

        def look() -> AccountBooks:
            return self._patience.get(key, lambda: self._look(settings, account, statistics, ledger), left_s)

        try:
            books = self._books.get(key, look)
        except OCRError as error:
            troubles.append(f"The ledger could not be looked at: {error.message}")
        later = forecast(statistics, self._clock.now()) if statistics else None
        return AccountFacts(conn_id, settings.base_url, statistics, later, books, settings.price, tuple(troubles))

    def lift(self, conn_id: str, ledger: StoragePath) -> str:
        """Lift the hold of an account, and return which account it is.

        :raises OCRError: the store takes no file, or the connection cannot be used.
        """
        account = account_id(self._connect(conn_id))
        HoldFile(Store(self._board(account, ledger)), self._clock).open(lifted=True)
        self._books.drop((account, ledger.uri))
        return account

    def _left_s(self, until_s: float) -> float:
        return until_s - self._clock.monotonic()

    def _statistics(self, settings: ClientSettings, until_s: float) -> Statistics:
        left_s = self._left_s(until_s)
        if left_s < LEAST_S:
            raise _NotAskedError
        return self._ask(settings, min(GIVE_UP_S, left_s))

    def _look(
        self, settings: ClientSettings, account: str, statistics: Statistics | None, ledger: StoragePath
    ) -> AccountBooks:
        board = self._board(account, ledger)
        return AccountBooks(
            account=account,
            held=tuple(self._held(account, statistics, ledger)) if statistics is not None else (),
            rate=self._rate(settings, board),
            hold=self._hold(board),
        )

    def _held(self, account: str, statistics: Statistics, ledger: StoragePath) -> list[HeldCalls]:
        book = BudgetBook(Store(ledger), account, period_key(statistics, self._clock.now()), self._clock)
        found = []
        for each in book.of_others(Owner())[-MOST_HELD:]:
            left = book.purse(each.number, each.calls, Owner()).look() if each.shard is None else each.calls
            found.append(HeldCalls(each.dag_id, each.run_id, each.calls, left, each.at))
        return found

    def _rate(self, settings: ClientSettings, board: StoragePath) -> Rate:
        if settings.rate_per_s is not None:
            return Rate(settings.rate_per_s, given=True)
        found = RateMemory(board, self._clock).read()
        if found is None:
            return Rate()
        trust = found.trust(self._clock.now().timestamp())
        return Rate(found.rate_per_s, trust=trust, found_at=datetime.fromtimestamp(found.at_s, UTC))

    def _hold(self, board: StoragePath) -> HoldState | None:
        posted = HoldFile(Store(board), self._clock).posted()
        left_s = max(0.0, posted.until_s - self._clock.now().timestamp())
        return HoldState(left_s, posted.ask_first) if left_s or posted.ask_first else None

    def _board(self, account: str, ledger: StoragePath) -> StoragePath:
        return Ledger.peek(ledger, lease_s=0.0, clock=self._clock).board(account)


_UNREADABLE = (
    "The connection {conn_id} cannot be used in the API server, so nobody asks the account: {said} It is looked for "
    "in the server's environment, its secrets backends and Airflow's database; workers may have others."
)
_NOT_ASKED = "not asked: other accounts took too long. Load the page again; what was learned is kept for a minute."


class _NotAskedError(Exception):
    """The time of the view was over."""


def ask_statistics(settings: ClientSettings, give_up_s: float = GIVE_UP_S) -> Statistics:
    """Return the account's usage: one free call, given up after seconds.

    :raises OCRError: the API said no, or nothing in time.
    """

    async def ask() -> Statistics:
        async with OCRClient(settings) as client:
            return await client.statistics()

    short = replace(
        settings.timeouts, connect_s=min(give_up_s / 2, settings.timeouts.connect_s), statistics_s=give_up_s
    )
    settings = replace(settings, timeouts=short)
    try:
        return asyncio.run(asyncio.wait_for(ask(), give_up_s))
    except TimeoutError:
        message = f"the API at {settings.base_url} did not answer within {give_up_s:.0f} s."
        raise OCRUnavailable(message) from None
