"""The purse of a run: numbered files in which its shards draw calls from the grant, and give back what they leave.

File n says how many calls are left after it, and is created exclusively by somebody who has read file n-1. So no call
is drawn twice, whoever is killed when, and what was drawn can be read back by shard and try. The last file of a purse
closes it: a run that is exported draws no more.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRLedgerError
from airflow_provider_platerec_ocr.core.models import format_timestamp
from airflow_provider_platerec_ocr.core.spending.purse import part
from airflow_provider_platerec_ocr.engine.ledger.records import new_nonce, pack, unpack

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.core.models import Owner
    from airflow_provider_platerec_ocr.storage.store import Store

_DRAWN = re.compile(r"([0-9]{6})\.drawn")


@dataclass(frozen=True, slots=True)
class _Tail:
    """What the last file says."""

    number: int
    left: int
    closed: bool = False


class PurseFiles:
    """The purse of one reservation. Its methods block, and may be called by one thread at a time.

    :param store: the ledger's store.
    :param folder: folder of the purse, beside its reservation.
    :param calls: calls of the reservation.
    :param owner: who draws.
    """

    def __init__(self, store: Store, folder: str, calls: int, owner: Owner, clock: Clock) -> None:
        self._store = store
        self._folder = folder
        self._granted = calls
        self._owner = owner
        self._clock = clock
        self._tail = _Tail(0, calls)

    @property
    def left(self) -> int:
        """Calls that nobody has drawn, as far as was seen."""
        return 0 if self._tail.closed else self._tail.left

    @property
    def closed(self) -> bool:
        """Whether nothing can be drawn any more, as far as was seen."""
        return self._tail.closed

    @property
    def never_drawn(self) -> int:
        """Calls that nobody had drawn when the purse was closed; 0 before."""
        return self._tail.left if self._tail.closed else 0

    def draw(self, wanted: int, shards: int) -> int:
        """Draw some calls for a shard that could use ``wanted``, and return how many; 0 where none is left.

        One request where nobody else has drawn since the last look.

        :raises OCRLedgerError: the store does not say; nothing was drawn.
        """
        if not part(self.left, wanted, granted=self._granted, shards=shards):
            self._look()
        while calls := part(self.left, wanted, granted=self._granted, shards=shards):
            if self._append(calls):
                return calls
        return 0

    def look(self) -> int:
        """Return how many calls nobody has drawn by now, for who looks on."""
        self._look()
        return self.left

    def give_back(self, calls: int) -> None:
        """Put calls back for the other shards; nothing happens where the purse is closed."""
        while calls and not self._tail.closed and not self._append(-calls):
            pass

    def close(self) -> int:
        """Let nobody draw any more; return how many calls nobody had drawn."""
        while not self._tail.closed:
            if self._append(0, closed=True):
                return self._tail.left
        return 0

    def drawn_before(self, shard: int) -> dict[int, int]:
        """Return what each earlier try of a shard drew, less what it gave back: below 0 where that was another's."""
        numbers = self._numbers()
        held: defaultdict[int, int] = defaultdict(int)
        for data in self._store.read_many([self._name(number) for number in numbers]).values():
            record = unpack(data) or {}
            mine = (record.get("task_id"), record.get("map_index")) == (self._owner.task_id, shard)
            if mine and record.get("try_number") != self._owner.try_number:
                held[int(record["try_number"])] += int(record["calls"])
        self._look(numbers)
        return dict(held)

    def _append(self, calls: int, *, closed: bool = False) -> bool:
        """Write the next file; where somebody else has, read what is there by now."""
        tail = _Tail(self._tail.number + 1, self._tail.left - calls, closed)
        record = {
            **self._owner.to_json(),
            "nonce": new_nonce(),
            "calls": calls,
            "left": tail.left,
            "closed": closed,
            "at": format_timestamp(self._clock.now()),
        }
        if self._store.create(self._name(tail.number), pack(record)):
            self._tail = tail
            return True
        before = self._tail
        self._look()
        if self._tail is before:  # a store that shows its writes late does not list what was in the way
            self._tail = self._read(tail.number)
        return False

    def _look(self, numbers: list[int] | None = None) -> None:
        """Read the last file, where there is one that was not seen before."""
        numbers = self._numbers() if numbers is None else numbers
        number = max(numbers, default=0)
        if number > self._tail.number:
            self._tail = self._read(number)

    def _read(self, number: int) -> _Tail:
        data = self._store.read(self._name(number))
        if data is None:
            message = f"The purse {self._store.place}/{self._folder} does not show its last file; nothing was drawn."
            raise OCRLedgerError(message)
        record: dict[str, Any] | None = unpack(data)
        if record is None:  # torn: nobody knows what it drew
            return _Tail(number, 0)
        return _Tail(number, int(record["left"]), bool(record["closed"]))

    def _numbers(self) -> list[int]:
        names = self._store.bare_names(self._folder)
        return sorted(int(match[1]) for name in names if (match := _DRAWN.fullmatch(name)))

    def _name(self, number: int) -> str:
        return f"{self._folder}/{number:06}.drawn"
