"""One process at a time: whose turn it is to do something to a place that several may want to change.

Turns are numbered files in a folder. The highest number has the turn until its file says that it is over, or until
nobody has touched it for a lease; the next one is an exclusive create, so that only one of those who wait gets it. A
killed process holds the others up for a lease, and one that slept through its own finds out before it does anything.
"""

from __future__ import annotations

import errno
import json
import logging
import threading
import uuid
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.errors import OCRError, OCRRunError
from airflow_provider_platerec_ocr.storage.store import Store, StoreErrors
from airflow_provider_platerec_ocr.storage.store_clock import StoreClock

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.storage.path import StoragePath

log = logging.getLogger(__name__)
LEASE_S = 120.0
"""Seconds without a sign of life after which a turn is over."""
LOOK_EVERY_S = 1.0
"""Seconds between two looks of one who waits."""
_ENDING = ".turn"
_WITHOUT = {errno.EPERM, errno.EACCES, errno.EROFS, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
"""How a place says that it takes no such file."""


class Turn:
    """The turn at ``folder``; use it as a context manager, which waits for it and gives it back.

    Where the folder takes no files, or cannot create them exclusively, a warning says so and the work is done without:
    it worked that way before there were turns.

    :param folder: holds nothing but turns; created where it is missing.
    :param who: for the log of those who wait.
    :param what: what is done in turns, for messages.
    """

    def __init__(  # noqa: PLR0913  # a place, two names, and times by name
        self,
        folder: StoragePath,
        who: str,
        clock: Clock,
        *,
        what: str = "publication",
        lease_s: float = LEASE_S,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        self._store = Store(folder, StoreErrors(f"folder of {what}s", OCRError, OCRError), makes_root=True)
        self._time = StoreClock(self._store, clock)
        self._clock = clock
        self._what = what
        self._mine = {"who": who, "nonce": uuid.uuid4().hex}
        self._lease_s = lease_s
        self._look_every_s = look_every_s
        self._number = 0
        self._over = threading.Event()
        self._beat: threading.Thread | None = None

    @property
    def is_held(self) -> bool:
        """Whether this has the turn; not so where the place takes no turns."""
        return self._number > 0

    def __enter__(self) -> Self:
        """Wait for the turn and return."""
        said = False
        try:
            while not self._take():
                if not said:
                    log.info("Waiting: %s is at it (%s).", self._holder(), self._store.place)
                    said = True
                self._clock.pause(self._look_every_s)
        except OCRError as error:
            if not _takes_none(error):
                raise
            log.warning("Another %s at the same time would not be noticed: %s", self._what, error)
            return self
        self._over.clear()
        self._beat = threading.Thread(target=self._live, name="ocr-turn", daemon=True)
        self._beat.start()
        return self

    def check(self) -> None:
        """See to it that the turn is still this one's.

        :raises OCRRunError: somebody else took it, since this process gave no sign of life for too long.
        """
        if self._number and self._last() != self._number:
            message = f"This {self._what} stood still for too long, and {self._holder()} took its turn. Run it again."
            raise OCRRunError(message, retry=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the turn back, whatever happened."""
        self._over.set()
        if self._beat is not None:
            self._beat.join()
        number, self._number = self._number, 0
        if number:
            try:
                self._store.replace(_name(number), json.dumps({**self._mine, "over": True}).encode())
            except OCRError as failed:
                log.warning("The next %s has to wait for %g s: %s", self._what, self._lease_s, failed)

    def _take(self) -> bool:
        """Take the next turn if the last one is over; return whether this has it now."""
        last = self._last()
        if last and not self._is_over(last):
            return False
        number = last + 1
        if not self._store.create(_name(number), json.dumps(self._mine).encode()):
            return False
        if self._last() != number:  # the look before was older than the turns that it missed
            self._store.remove(_name(number))
            return False
        self._number = number
        for older in self._numbers()[:-1]:
            self._store.remove(_name(older))
        return True

    def _is_over(self, number: int) -> bool:
        content = _content(self._store.read(_name(number)))
        if content is None or content.get("over"):
            return True
        touched = self._store.modified_s(_name(number))
        return touched is None or self._time.now_s() - touched > self._lease_s

    def _holder(self) -> str:
        content = _content(self._store.read(_name(self._last()))) or {}
        return str(content.get("who") or f"another {self._what}")

    def _last(self) -> int:
        return max(self._numbers(), default=0)

    def _numbers(self) -> list[int]:
        names = (name.removesuffix(_ENDING) for name in self._store.bare_names() if name.endswith(_ENDING))
        return sorted(int(name) for name in names if name.isascii() and name.isdigit())

    def _live(self) -> None:
        """Touch the turn's file now and then, so that those who wait see that this is alive."""
        while not self._over.wait(self._lease_s / 4):
            try:
                if self._last() == self._number:
                    self._store.replace(_name(self._number), json.dumps(self._mine).encode())
            except OCRError as error:
                log.warning("The turn cannot be kept up: %s", error)


def _name(number: int) -> str:
    return f"{number:08d}{_ENDING}"


def _content(data: bytes | None) -> dict[str, object] | None:
    """Return what a turn's file says; nothing where it cannot be read, so that its age alone counts."""
    if data is None:
        return None
    try:
        found = json.loads(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _takes_none(error: OCRError) -> bool:
    cause = error.__cause__
    return isinstance(cause, (NotImplementedError, ValueError)) or getattr(cause, "errno", None) in _WITHOUT
