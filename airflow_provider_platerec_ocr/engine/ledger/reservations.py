"""Who may spend what is left of the quota, when several runs plan at the same time.

A reservation is a numbered file, created exclusively beside the ledger, for one account and one period. Whoever wants
number n has read all below n; who loses the race for n reads the winner's and tries again with less. So two runs never
plan to spend the same remainder. A reservation ends when its run's export releases it, and with the period. Its calls
are drawn from the purse beside it, see :mod:`.purse_files`; whoever ends it closes the purse first.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.fingerprint import encode
from airflow_provider_platerec_ocr.core.models import Owner, format_timestamp
from airflow_provider_platerec_ocr.engine.ledger.purse_files import PurseFiles
from airflow_provider_platerec_ocr.engine.ledger.records import new_nonce, pack, unpack

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.core.models import Statistics
    from airflow_provider_platerec_ocr.core.settings import ClientSettings
    from airflow_provider_platerec_ocr.storage.store import Store

FOLDER = "call-budget"
"""Folder beside the types' folders; no type can have a hyphen."""
_RESERVED = re.compile(r"([0-9]{6})\.reserved")


@dataclass(frozen=True, slots=True)
class Reservation:
    """Calls that one run may make."""

    number: int
    """From 1, ascending within account and period."""
    calls: int
    """How many."""
    dag_id: str
    """Whose."""
    run_id: str
    """Whose."""
    group: str = ""
    """Task group of the plan: two groups of one run reserve apart from each other."""
    at: str = ""
    """When it was made; UTC, ISO 8601."""
    shard: int | None = None
    """The shard that made it for itself, and so has drawn all of it; ``None`` where a plan did, for all shards."""
    try_number: int = 1
    """Its try."""
    task_id: str = ""
    """The task that made it: tasks that are not mapped have one and the same shard number."""

    def is_of(self, owner: Owner) -> bool:
        """Return whether it belongs to the owner's run, and to its task group in it."""
        return (self.dag_id, self.run_id, self.group) == (owner.dag_id, owner.run_id, owner.group)

    def is_of_shard(self, owner: Owner) -> bool:
        """Return whether the owner, one shard of a run, made it for itself."""
        return self.is_of(owner) and (self.task_id, self.shard) == (owner.task_id, owner.map_index)


def account_id(settings: ClientSettings) -> str:
    """Return 16 hex digits that stand for the account: a one-way hash, so that no path shows the token."""
    content = encode([settings.base_url.encode(), settings.token.encode()])
    return hashlib.blake2b(content, digest_size=8, person=b"platerec account").hexdigest()


class BudgetBook:
    """The reservations of one account in one period.

    :param store: the ledger's store.
    :param account: :func:`account_id`.
    :param period: what tells this period from the next, see :func:`~...core.spending.budget.period_key`.
    """

    def __init__(self, store: Store, account: str, period: str, clock: Clock) -> None:
        self._store = store
        self._folder = f"{FOLDER}/{account}/{period}"
        self._account = f"{FOLDER}/{account}"
        self.period = period
        self._clock = clock

    def reserve(self, owner: Owner, seen: Statistics | None, grant: Callable[[int], int]) -> Reservation:
        """Reserve what ``grant`` allows, given how many calls other runs have reserved, and return it.

        What the same run had reserved before (its plan was interrupted) is released first.

        :param seen: the statistics as they were, for people who look into the file.
        :param grant: called with the calls that others hold; returns the calls to reserve. Called again, with more,
            each time another run was quicker.
        """
        while True:
            live, last = self._live()
            for own in live:
                if own.is_of(owner):
                    self._end(own, "planned again")
            calls = grant(sum(each.calls for each in live if not each.is_of(owner)))
            mine = Reservation(last + 1, calls, owner.dag_id, owner.run_id, owner.group, "", None, owner.try_number)
            if calls <= 0:
                return replace(mine, number=0, calls=0)
            if self._create(mine, owner, seen):
                return mine

    def reserve_more(self, owner: Owner, seen: Statistics | None, grant: Callable[[int], int], in_hand: int = 0) -> int:
        """Reserve what ``grant`` allows for one shard, beside what its run has; return how many calls that are.

        :param grant: as above; what the run's other shards have reserved so is held by others, too.
        :param in_hand: calls of the shard that may not have been made yet. The new reservation stands for them as well,
            and the shard's earlier ones, which are used up, end.
        """
        while True:
            live, last = self._live()
            earlier = [each for each in live if each.is_of_shard(owner)]
            others = (
                each for each in live if not each.is_of(owner) or (each.shard is not None and each not in earlier)
            )
            calls = grant(sum(each.calls for each in others))
            if calls <= 0:
                return 0
            named = (owner.dag_id, owner.run_id, owner.group, "", owner.map_index, owner.try_number)
            if self._create(Reservation(last + 1, calls + in_hand, *named), owner, seen):
                for each in earlier:
                    self._end(each, "used up")
                return calls

    def purse(self, number: int, calls: int, owner: Owner) -> PurseFiles:
        """Return the purse of a reservation, from which ``owner`` draws."""
        return PurseFiles(self._store, f"{self._folder}/{number:06}.purse", calls, owner, self._clock)

    def purse_after(self, number: int, calls: int, owner: Owner) -> PurseFiles:
        """Return the purse of what nobody had drawn when that of the reservation was closed.

        It holds no calls of the account, but says how many of those that were approved a run may still ask for.

        :param calls: that nobody had drawn.
        """
        return PurseFiles(self._store, f"{self._folder}/{number:06}.after", calls, owner, self._clock)

    def of_run(self, owner: Owner) -> list[Reservation]:
        """Return the live reservations of the owner's run."""
        return [each for each in self._live()[0] if each.is_of(owner)]

    def of_others(self, owner: Owner) -> list[Reservation]:
        """Return the live reservations of other runs than the owner's."""
        return [each for each in self._live()[0] if not each.is_of(owner)]

    def reserved_by_others(self, owner: Owner) -> int:
        """Return the calls that other runs than the owner's hold."""
        return sum(each.calls for each in self.of_others(owner))

    def release(self, owner: Owner) -> int:
        """End all reservations of the owner's run; return how many there were."""
        own = self.of_run(owner)
        for each in own:
            self._end(each, "run exported")
        return len(own)

    def spent_today(self, day: str, calls: int, *, look_only: bool = False) -> int:
        """Return the calls of the account since the first plan of ``day`` (a UTC date), which this may be.

        :param calls: of the period, as the statistics have them now.
        :param look_only: write nothing, so that this is not the day's first plan.
        """
        name = f"{self._account}/{day}.day"
        if not look_only:
            self._store.create(name, pack({"nonce": new_nonce(), "calls": calls}))
        first = unpack(self._store.read(name)) or {"calls": calls}
        begun = first.get("calls")
        return calls if not isinstance(begun, int) or calls < begun else calls - begun

    @classmethod
    def release_all(cls, store: Store, account: str, owner: Owner, clock: Clock) -> int:
        """End the reservations of the owner's run in every period; return how many there were."""
        periods = [name.rstrip("/") for name, _ in store.names(f"{FOLDER}/{account}") if name.endswith("/")]
        return sum(cls(store, account, period, clock).release(owner) for period in periods)

    def _live(self) -> tuple[list[Reservation], int]:
        names = {name for name, _ in self._store.names(self._folder)}
        numbers = sorted(int(match[1]) for name in names if (match := _RESERVED.fullmatch(name)))
        live = []
        for number in numbers:
            if f"{number:06}.released" not in names:
                record = unpack(self._store.read(f"{self._folder}/{number:06}.reserved")) or {}
                live.append(_reservation(number, record))
        return live, numbers[-1] if numbers else 0

    def _create(self, reservation: Reservation, owner: Owner, seen: Statistics | None) -> bool:
        record = {
            "nonce": new_nonce(),
            "calls": reservation.calls,
            **owner.to_json(),
            "seen": seen.to_json() if seen else None,
            "for": "plan" if reservation.shard is None else "shard",
            "at": format_timestamp(self._clock.now()),
        }
        return self._store.create(f"{self._folder}/{reservation.number:06}.reserved", pack(record))

    def _end(self, reservation: Reservation, reason: str) -> None:
        left = self.purse(reservation.number, reservation.calls, Owner()).close() if reservation.shard is None else 0
        record = {"nonce": new_nonce(), "reason": reason, "left": left, "at": format_timestamp(self._clock.now())}
        self._store.create(f"{self._folder}/{reservation.number:06}.released", pack(record))


def _reservation(number: int, record: dict[str, Any]) -> Reservation:
    owner = Owner.from_json(record)
    calls, at = int(record.get("calls", 0)), str(record.get("at", ""))
    shard = owner.map_index if record.get("for") == "shard" else None
    return Reservation(
        number, calls, owner.dag_id, owner.run_id, owner.group, at, shard, owner.try_number, owner.task_id
    )
