"""Answers kept for some seconds, asked for by one thread at a time: many people may look at one page.

Bounded in number; an error is kept as well, since what did not answer in time is not asked again by everybody at once.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from airflow_provider_platerec_ocr.core.clock import Clock

T = TypeVar("T")


@dataclass
class _Slot(Generic[T]):
    lock: threading.Lock = field(default_factory=threading.Lock)
    until_s: float = -1.0
    value: T | None = None
    error: Exception | None = None


class Cached(Generic[T]):
    """Values by key.

    :param seconds: for which a value is kept.
    :param clock: its monotonic time.
    :param most: keys that are kept; the one that was used longest ago goes first.
    :param error_s: seconds for which an error is kept.
    """

    def __init__(self, seconds: float, clock: Clock, *, most: int = 64, error_s: float = 10.0) -> None:
        self._seconds = seconds
        self._error_s = error_s
        self._clock = clock
        self._most = most
        self._slots: OrderedDict[Hashable, _Slot[T]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the value of ``key``, made by ``make`` where there is none that is young enough.

        :raises Exception: what ``make`` raised, now or some seconds ago.
        """
        slot = self._slot(key)
        with slot.lock:
            if self._clock.monotonic() >= slot.until_s:
                self._fill(slot, make)
            if slot.error is not None:
                raise slot.error
            return slot.value  # type: ignore[return-value]  # it was filled

    def drop(self, key: Hashable) -> None:
        """Forget a value, since somebody has just changed what it says."""
        with self._lock:
            self._slots.pop(key, None)

    def _slot(self, key: Hashable) -> _Slot[T]:
        with self._lock:
            slot = self._slots.setdefault(key, _Slot())
            self._slots.move_to_end(key)
            while len(self._slots) > self._most:
                self._slots.popitem(last=False)
            return slot

    def _fill(self, slot: _Slot[T], make: Callable[[], T]) -> None:
        seconds = self._seconds
        try:
            slot.value, slot.error = make(), None
        except Exception as error:  # noqa: BLE001  # it is raised again, for everybody who asks in the next seconds
            slot.value, slot.error, seconds = None, error, self._error_s
        slot.until_s = self._clock.monotonic() + seconds
