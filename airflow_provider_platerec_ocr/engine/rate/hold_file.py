"""The hold of one account: until when nothing starts, and whether one call asks first then.

How long is left of it goes by the store's clock, as the age of a claim does: the file says for how long, and its
modification time says from when, so that workers whose clocks differ by minutes wait for the same moment. Blocking;
every error of the store is an :class:`OCRLedgerError`.
"""

from __future__ import annotations

import itertools
import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.backoff import LONGEST_HOLD_S
from airflow_provider_platerec_ocr.storage.store_clock import StoreClock

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.storage.store import Store

NAME = "hold.json"
_COARSE_S = 1.0
"""Stores that date files in whole seconds may date one this much too early; a hold is never shortened by that."""
_IN_VAIN = b"in vain"
"""Content of the file of an ask that came to nothing, so that the next may be made."""


@dataclass(frozen=True, slots=True)
class Hold:
    """What one shard's 429 or 503 tells all of them."""

    until_s: float = 0.0
    """Nothing starts before, in seconds since 1970 by the clock of who asks; 0 where nothing is held."""
    throttled_at_s: float = 0.0
    """When the account last refused a call with 429, by the clock of who wrote it; 0 where it never did."""
    ask_first: bool = False
    """Whether one call alone asks when it is over, before the others start: the wait was cut to an hour."""
    lifted: bool = False
    """Whether a person has lifted it."""
    key: str = field(default="", compare=False)
    """What tells one hold from another; empty where none was ever written."""


class HoldFile:
    """One shard's face on the hold of its account.

    :param store: the account's folder.
    :param clock: this machine's.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._read: bytes | None = None
        self._posted = Hold()
        self._asking = ""

    def posted(self) -> Hold:
        """Return the hold that is posted; one that is half-written counts as the one before."""
        data = self._store.read(NAME)
        if data is not None and data != self._read:
            found = self._understood(data)
            if found is not None:
                self._read, self._posted = data, found
        return self._posted

    def _understood(self, data: bytes) -> Hold | None:
        try:
            found: dict[str, Any] = json.loads(data)
            until_s, throttled_at_s = float(found["until_s"]), float(found["throttled_at_s"])
            wait_s = None if found.get("wait_s") is None else float(found["wait_s"])
        except (ValueError, TypeError, KeyError, AttributeError):
            return None
        written_s = self._store.modified_s(NAME)
        if written_s is None:
            return None
        if wait_s is None:  # as versions before 0.3 wrote it, by the clock of their machine
            wait_s = max(0.0, until_s - written_s)
        if wait_s > 0.0:
            age_s = self._age_s(written_s) - (_COARSE_S if written_s % 1.0 == 0.0 else 0.0)
            until_s = self._clock.now().timestamp() + min(wait_s, LONGEST_HOLD_S) - max(0.0, age_s)
        return Hold(
            until_s=until_s,
            throttled_at_s=throttled_at_s,
            ask_first=bool(found.get("ask_first")) or wait_s > LONGEST_HOLD_S,
            lifted=bool(found.get("lifted")),
            key=str(found.get("key") or "old"),
        )

    def post(self, until_s: float, *, throttled_at_s: float = 0.0, ask_first: bool = False) -> None:
        """Let no shard start before ``until_s``, in seconds since 1970 by this machine; a longer hold stays."""
        for _ in range(2):  # once more, should another shard have written a shorter one in the same moment
            there = self.posted()
            if until_s <= there.until_s and throttled_at_s <= there.throttled_at_s:
                return
            longer = until_s > there.until_s
            self._write(
                Hold(
                    max(until_s, there.until_s),
                    max(throttled_at_s, there.throttled_at_s),
                    ask_first=ask_first if longer else there.ask_first,
                    key=uuid.uuid4().hex,
                )
            )

    def open(self, *, lifted: bool = False) -> None:
        """Let everybody start: the call that asked was answered, or a person says so.

        :param lifted: a person does, so that shards which wait do not wait any longer.
        """
        self._write(Hold(0.0, self.posted().throttled_at_s, lifted=lifted, key=uuid.uuid4().hex))
        if self._asking:  # its hold is no more, so nobody looks for it
            self._store.remove(self._asking)
            self._asking = ""

    def _write(self, hold: Hold) -> None:
        wait_s = max(0.0, hold.until_s - self._clock.now().timestamp())
        record = {
            "until_s": hold.until_s,  # for versions before 0.3
            "throttled_at_s": hold.throttled_at_s,
            "wait_s": wait_s,
            "ask_first": hold.ask_first,
            "lifted": hold.lifted,
            "key": hold.key,
        }
        data = json.dumps(record).encode()
        self._store.overwrite(NAME, data)
        self._read, self._posted = data, hold

    def ask(self, lease_s: float) -> bool:
        """Return whether this shard may make the one call that asks; nobody else may meanwhile.

        :param lease_s: seconds after which an asking that nobody heard of any more counts as in vain.
        """
        key = self.posted().key
        for number in itertools.count(1):
            name = f"{key}.{number}.ask"
            if self._store.create(name, uuid.uuid4().hex.encode()):
                self._asking = name
                return True
            written_s = self._store.modified_s(name)
            over = self._store.read(name) == _IN_VAIN
            if not over and written_s is not None and self._age_s(written_s) <= lease_s:
                return False
        raise AssertionError  # pragma: no cover  # the count has no end

    def _age_s(self, written_s: float) -> float:
        """Return how old a file is; holds are rare, so each is worth a probe of its own."""
        return StoreClock(self._store, self._clock, trusting=True).now_s() - written_s

    def asked_in_vain(self) -> None:
        """Let another call ask: the one that did said nothing about the account."""
        if self._asking:
            self._store.overwrite(self._asking, _IN_VAIN)
            self._asking = ""
