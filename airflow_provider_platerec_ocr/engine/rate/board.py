"""Where the shards of one account see each other: a folder with one heartbeat file per live shard, and a hold.

A heartbeat's name carries when its shard joined and the share that it takes (``<joined>-<shard>.<millionths>.beat``),
so that one listing tells all, and its modification time, which is the store's clock, tells whether the shard lives. Its
content is the rate that the shard sees; only the leader's is read, who is the one that has been there for longest.
Blocking; what a rate means is not its business.
"""

from __future__ import annotations

import contextlib
import json
import re
import uuid
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.rate.pacing import RateState
from airflow_provider_platerec_ocr.engine.rate.hold_file import Hold, HoldFile
from airflow_provider_platerec_ocr.engine.rate.rate_memory import RateMemory
from airflow_provider_platerec_ocr.storage.listing import children, written_at_s
from airflow_provider_platerec_ocr.storage.store import Store

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.storage.path import StoragePath

__all__ = ["LIVE_S", "MILLION", "Hold", "PaceBoard", "SharedPace"]

LIVE_S = 10.0
"""A shard that has not renewed its heartbeat for so long is gone."""
_FORGOTTEN_S = 3600.0
"""Heartbeats of shards that were killed are swept away after this time."""
MILLION = 1_000_000
_BEAT = re.compile(r"([0-9a-zA-Z-]+)\.(\d{1,7})\.beat")


@dataclass(frozen=True, slots=True)
class SharedPace:
    """What a shard sees of its account's rate. Times are seconds since 1970 by the writer's clock."""

    rate: RateState
    """The rate, and how it goes on."""
    row_s: float = 0.0
    """When this shard started last, or is about to: the account's row of starts goes on from there."""
    at_s: float = 0.0
    """When the rate was so."""
    throttled_at_s: float = 0.0
    """The last 429 of the account, whoever got it, that the rate knows of; 0 where there was none."""

    def pack(self) -> bytes:
        """Return it as the content of a heartbeat."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def unpack(cls, data: bytes | None) -> SharedPace | None:
        """Return what a heartbeat says, or ``None`` where it says nothing that can be used."""
        with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError):
            said: dict[str, Any] = json.loads(data or b"")
            top, numbers = said["rate"].pop("top"), {name: float(value) for name, value in said["rate"].items()}
            rate = RateState(**numbers, top=None if top is None else float(top))
            if rate.rate_per_s > 0.0:
                return cls(rate, float(said["row_s"]), float(said["at_s"]), float(said["throttled_at_s"]))
        return None


class _Beat(NamedTuple):
    """One heartbeat file."""

    shard: str
    share: float
    at_s: float
    file: str


class PaceBoard:
    """One shard's face on its account's board.

    Every error of the store is an :class:`OCRLedgerError`.

    :param place: the account's folder.
    :param shard: what this shard's name ends in, letters, digits and ``-``; by default what nobody else has.
    :param clock: says when the shard joined.
    """

    def __init__(self, place: StoragePath, *, shard: str | None = None, clock: Clock | None = None) -> None:
        self.is_local = place.is_local
        """Whether looking at it costs next to nothing."""
        self._place = place
        self._store = Store(place)
        self._clock = clock or SystemClock()
        self.memory = RateMemory(place, self._clock)
        """What was found of the account's rate, for the next night."""
        self._suffix = shard or uuid.uuid4().hex[:16]
        self._shard = ""
        self._written: str | None = None
        self.holds = HoldFile(self._store, self._clock)
        """The account's hold."""
        self.leader: SharedPace | None = None
        """What the first to join of the other live shards that send sees of the rate, as of the last heartbeat;
        ``None`` where there is none, and where this shard leads and had joined before."""
        self.rank = 0
        """How many live shards joined before this one; it leads where there is none."""

    def beat(self, share: float, pace: SharedPace | None = None) -> list[float]:
        """Renew the heartbeat with ``share`` (0 to 1) and return the shares of the other live shards.

        :param pace: what this shard knows of the rate.
        """
        joining = self._written is None
        if joining:
            self._store.prepare()
            self._shard = f"{round(self._clock.now().timestamp() * 1000):013}-{self._suffix}"
        name = f"{self._shard}.{round(share * MILLION)}.beat"
        self._store.overwrite(name, b"" if pace is None else pace.pack())
        if self._written not in {None, name}:
            self._store.remove(str(self._written))  # after the new one: who looks in between sees the larger share
        self._written = name
        others = self._others(self._beats())
        senders = sorted(beat for beat in others if beat.share)
        self.rank = sum(beat.shard < self._shard for beat in others)
        asks = bool(senders) and (joining or self.rank > 0)
        self.leader = SharedPace.unpack(self._store.read(senders[0].file)) if asks else None
        return [beat.share for beat in others]

    def _others(self, beats: list[_Beat]) -> list[_Beat]:
        """Return the heartbeat of each other live shard, and sweep away those of shards that died long ago."""
        now_s = max((beat.at_s for beat in beats if beat.shard == self._shard), default=0.0)
        others: dict[str, _Beat] = {}
        for beat in beats:
            if beat.shard != self._shard and now_s - beat.at_s <= LIVE_S:
                others[beat.shard] = max(beat, others.get(beat.shard, beat), key=lambda either: either.share)
            elif beat.shard != self._shard and now_s - beat.at_s > _FORGOTTEN_S:
                self._store.remove(beat.file)
        return list(others.values())

    def _beats(self) -> list[_Beat]:
        """Return all heartbeats, in one request."""
        try:
            entries = children(self._place)
        except Exception as error:
            raise self._store.unreadable(error) from error
        found = []
        for entry in entries:
            file = str(entry["name"]).rpartition("/")[2]
            match = _BEAT.fullmatch(file)
            if match:
                found.append(_Beat(match[1], int(match[2]) / MILLION, written_at_s(entry) or 0.0, file))
        return found

    def hold(self, until_epoch_s: float, *, throttled_at_s: float = 0.0, ask_first: bool = False) -> None:
        """Let no shard start before ``until_epoch_s``; a longer hold that is there already stays.

        :param throttled_at_s: when the account refused a call with 429, if that is the reason.
        :param ask_first: whether one call alone asks then, since the wait that was asked for is longer.
        """
        self.holds.post(until_epoch_s, throttled_at_s=throttled_at_s, ask_first=ask_first)

    def posted(self) -> Hold:
        """Return the hold that is posted."""
        return self.holds.posted()

    def held_until(self) -> float:
        """Return the time, in seconds since 1970, before which nothing starts; 0 where nothing is held."""
        return self.posted().until_s

    def leave(self) -> None:
        """Take the heartbeat away, so that the others share at once what this shard had."""
        if self._written is not None:
            self._store.remove(self._written)
            self._written = None
