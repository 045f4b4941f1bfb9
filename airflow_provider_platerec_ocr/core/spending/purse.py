"""How a run's calls are shared out among its shards, and what comes back of a shard that was killed.

Pure: how many are left goes in, how many to draw comes out. The files are :mod:`...engine.ledger.purse_files`. The law:
**what is paid is never more than what was granted**, whatever the plan knew and whoever is killed when.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Self

from airflow_provider_platerec_ocr.core.claims import End

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from airflow_provider_platerec_ocr.core.claims import History
    from airflow_provider_platerec_ocr.core.models import Owner

AT_ONCE = 50
"""Calls that are drawn at a time at least, where the grant is large: a draw is a file in the ledger's store."""
MOST_ON_A_ROW = 2
"""Calls that all tries of a task may spend on a row: its own, and one that repeats it while it is in doubt."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the user allows."""

    reserve: int = 0
    """Calls that the run must leave to others."""
    daily_limit: int | None = None
    """Most calls of the account a day (UTC)."""
    pace: bool = False
    """Whether what is left is spread over the nights until the reset."""

    @property
    def any(self) -> bool:
        """Whether there is one that only the account's statistics can keep."""
        return bool(self.reserve) or self.daily_limit is not None or self.pace


@dataclass(frozen=True, slots=True)
class Grant:
    """The calls that a plan reserved for its run."""

    account: str = ""
    """Whose calls, see :func:`~..engine.ledger.reservations.account_id`."""
    period: str = ""
    """The account's period, see :func:`~..core.spending.budget.period_key`."""
    number: int = 0
    """Of the reservation; 0 where nothing could be reserved."""
    calls: int = 0
    """How many."""
    limits: Limits = field(default_factory=Limits)
    """What the user allowed when they were granted; asked again for a call of a run whose grant was given back."""
    bound: bool = False
    """Whether the run may never make more calls than these, also after its grant was given back: a person approved
    them, or nobody was asked since they were few."""

    def to_json(self) -> dict[str, Any]:
        """Return the grant as JSON-ready data, for the read tasks."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Return the grant that :meth:`to_json` gave."""
        return cls(**(data | {"limits": Limits(**data["limits"])}))


def part(left: int, wanted: int, *, granted: int, shards: int) -> int:
    """Return how many of the ``left`` calls one shard draws that could use ``wanted``.

    A fair share of what is left, so that one shard does not hold what another needs; but not one call at a time, since
    each draw is a file.

    :param granted: calls that there were at first.
    :param shards: of the run.
    """
    least = min(AT_ONCE, math.ceil(granted / (2 * shards)))
    return max(0, min(left, wanted, max(math.ceil(left / shards), least)))


def spenders(drawn: Mapping[int, int], present: int) -> frozenset[int]:
    """Return the tries that may have spent what was drawn: one that drew nothing spends what an earlier one left.

    :param drawn: calls that each earlier try drew, less what it gave back.
    :param present: the try that asks.
    """
    return frozenset(range(min(drawn, default=present), present))


def spent_on(history: History, row: int, image: str, *, by: Owner, tries: Collection[int]) -> int:
    """Return how many calls for one row of the manifest the given tries of a task took out of their purse for good.

    A released call gave its own back. A rejected one did not: the image was sent, and nobody documents its price.

    :param by: the task that asks now; its own claims do not count.
    """
    return sum(
        attempt.end is not End.RELEASED
        and attempt.owner.try_number in tries
        and _task(attempt.owner) == _task(by)
        and attempt.owner != by
        and (attempt.facts.get("row"), attempt.facts.get("image")) == (row, image)
        for attempt in history
    )


def _task(owner: Owner) -> tuple[str, str, str, int]:
    return owner.dag_id, owner.run_id, owner.task_id, owner.map_index


class Inherited:
    """What earlier tries of a shard drew, of which only as much is there again as they certainly did not spend.

    Each of them may have spent one call on each row that has not ended, until the ledger was asked about the row; all
    together two, since no call is repeated more than once by itself.

    :param drawn: calls that the earlier tries drew and did not give back.
    :param tries: how many tries may have spent them.
    :param spent: calls that they spent on rows that have ended.
    :param rows: rows that have not ended.
    """

    def __init__(self, drawn: int = 0, *, tries: int = 0, spent: int = 0, rows: Iterable[int] = ()) -> None:
        self._left = drawn - spent
        self._on_each = min(tries, MOST_ON_A_ROW)
        self._open = set(rows) if tries else set()

    @property
    def free(self) -> int:
        """Calls that were certainly not spent."""
        return max(0, self._left - self._on_each * len(self._open))

    @property
    def at_most(self) -> int:
        """Calls that are free or may turn out to be: what is drawn beside them may be too much, and others lack it."""
        return max(0, self._left)

    def looked(self, row: int, spent: int) -> None:
        """Take note of what the ledger says was spent on a row; the first look counts, and later claims are ours."""
        if row in self._open:
            self._open.remove(row)
            self._left -= spent

    def take(self, calls: int = 1) -> None:
        """Use some of those that are free."""
        self._left -= calls
