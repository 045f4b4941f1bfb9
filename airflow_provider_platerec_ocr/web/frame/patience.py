"""Waiting only so long for a store that may hang: a page must answer, and hold no turn of it for good.

A thread cannot be ended from outside. So what hangs goes on by itself, one thread for each key and few in all, and
whoever asks for the same meanwhile waits for that one.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Generic, TypeVar

from airflow_provider_platerec_ocr.core.errors import OCRDatasetError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

T = TypeVar("T")
MOST = 16
"""Threads that may hang at once; beyond, nothing more is asked until one of them ends."""


class Patience(Generic[T]):
    """Asks in threads of their own.

    :param what: what is asked, for messages, such as ``the ledger``.
    """

    def __init__(self, what: str, *, most: int = MOST) -> None:
        self._what = what
        self._most = most
        self._asked: dict[Hashable, Future[T]] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T], seconds: float) -> T:
        """Return what ``make`` returns.

        :param seconds: how long it is waited for.
        :raises OCRDatasetError: it takes longer, or too many do already. :raises Exception: what ``make`` raised.
        """
        with self._lock:
            future = self._asked.get(key)
            if future is None:
                if len(self._asked) >= self._most:
                    raise OCRDatasetError(self._late(seconds))
                future = self._asked[key] = Future()
                threading.Thread(target=self._ask, args=(key, make, future), name="ocr-page", daemon=True).start()
        try:
            return future.result(seconds)
        except TimeoutError:
            if future.done():  # it is what the store said
                raise
            raise OCRDatasetError(self._late(seconds)) from None

    @property
    def busy(self) -> int:
        """How many are waited for, or hang."""
        with self._lock:
            return len(self._asked)

    def _ask(self, key: Hashable, make: Callable[[], T], future: Future[T]) -> None:
        try:
            found = make()
        except BaseException as error:  # noqa: BLE001  # it is raised where it is waited for
            self._forget(key)
            future.set_exception(error)
        else:
            self._forget(key)
            future.set_result(found)

    def _forget(self, key: Hashable) -> None:
        with self._lock:
            self._asked.pop(key, None)

    def _late(self, seconds: float) -> str:
        return f"{self._what} did not answer within {seconds:.0f} s. Load this page again in a minute."
