"""Where the shards of one account see each other: a folder with one heartbeat file per live shard, and a hold.

A heartbeat's name carries the share that its shard takes and the rate that it sees
(``<shard>.<millionths>.<steps><f or s>.beat``), so that one listing tells all, and its modification time, which is the
store's clock, tells whether the shard lives. Blocking; what a rate means is not its business.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_provider_platerec_ocr.engine.store import Store

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.storage import Place

LIVE_S = 10.0
"""A shard that has not renewed its heartbeat for so long is gone."""
_FORGOTTEN_S = 3600.0
"""Heartbeats of shards that were killed are swept away after this time."""
MILLION = 1_000_000
_HOLD = "hold.json"
_BEAT = re.compile(r"([0-9a-zA-Z-]+)\.(\d{1,7})\.(?:(\d{1,4})([fs])\.)?beat")
_STEP, _STEPS_AT_1 = 1.02, 1000
_MODIFIED = ("mtime", "LastModified", "last_modified", "updated", "modified", "created")
"""How the file systems name the time of a change in a listing."""


@dataclass(frozen=True, slots=True)
class Hold:
    """What one shard's 429 or 503 tells all of them.

    Times are seconds since 1970 by the writer's clock; the workers' clocks have to agree within a second or so.
    """

    until_s: float = 0.0
    """Nothing starts before; 0 where nothing is held."""
    throttled_at_s: float = 0.0
    """When the account last refused a call with 429; 0 where it never did."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What a shard sees of its account's rate."""

    rate_per_s: float
    """Starts a second of the whole account, over 0."""
    found: bool = False
    """Whether the account refused more than that, so that it need not be searched again."""

    def steps(self) -> str:
        """Return it as part of a name: in steps of 2 %, so that a steady rate does not rename the file."""
        return f"{max(0, round(math.log(self.rate_per_s, _STEP)) + _STEPS_AT_1)}{'f' if self.found else 's'}"


class _Beat(NamedTuple):
    """One heartbeat file."""

    shard: str
    share: float
    pace: Pace | None
    at_s: float
    file: str


class PaceBoard:
    """One shard's face on its account's board.

    Every error of the store is an :class:`OCRLedgerError`.

    :param place: the account's folder.
    :param shard: this shard's name, letters, digits and ``-``; by default one that nobody else has.
    """

    def __init__(self, place: Place, *, shard: str | None = None) -> None:
        self.is_local = place.is_local
        """Whether looking at it costs next to nothing."""
        self._place = place
        self._store = Store(place)
        self._shard = shard or uuid.uuid4().hex
        self._written: str | None = None
        self._posted = Hold()
        self.leader: Pace | None = None
        """What the first by name of the other live shards that send sees of the rate, as of the last heartbeat."""
        self.leads = True
        """Whether this shard is before that one."""

    def beat(self, share: float, pace: Pace | None = None) -> list[float]:
        """Renew the heartbeat with ``share`` (0 to 1) and return the shares of the other live shards.

        :param pace: what this shard knows of the rate.
        """
        if self._written is None:
            self._store.prepare()
        name = f"{self._shard}.{round(share * MILLION)}.{'' if pace is None else f'{pace.steps()}.'}beat"
        self._store.overwrite(name, b"")
        if self._written not in {None, name}:
            self._store.remove(str(self._written))  # after the new one: who looks in between sees the larger share
        self._written = name
        beats = self._beats()
        now_s = max((beat.at_s for beat in beats if beat.shard == self._shard), default=0.0)
        others: dict[str, _Beat] = {}
        for beat in beats:
            if beat.shard != self._shard and now_s - beat.at_s <= LIVE_S:
                others[beat.shard] = max(beat, others.get(beat.shard, beat), key=lambda either: either.share)
            elif beat.shard != self._shard and now_s - beat.at_s > _FORGOTTEN_S:
                self._store.remove(beat.file)
        senders = sorted(beat for beat in others.values() if beat.pace and beat.share)
        self.leader = senders[0].pace if senders else None
        self.leads = not senders or self._shard < senders[0].shard
        return [beat.share for beat in others.values()]

    def _beats(self) -> list[_Beat]:
        """Return all heartbeats, in one request."""
        fs, path = self._place.fs, self._place.path
        try:
            fs.invalidate_cache(path)
            entries = fs.ls(path, detail=True)
        except Exception as error:
            raise self._store.unreadable(error) from error
        found = []
        for entry in entries:
            file = str(entry["name"]).rpartition("/")[2]
            match = _BEAT.fullmatch(file)
            if match:
                shard, share, steps, kind = match.groups()
                pace = None if steps is None else Pace(_STEP ** (int(steps) - _STEPS_AT_1), found=kind == "f")
                found.append(_Beat(shard, int(share) / MILLION, pace, _modified_s(entry), file))
        return found

    def hold(self, until_epoch_s: float, *, throttled_at_s: float = 0.0) -> None:
        """Let no shard start before ``until_epoch_s``; a longer hold that is there already stays.

        :param throttled_at_s: when the account refused a call with 429, if that is the reason.
        """
        for _ in range(2):  # once more, should another shard have written a shorter one in the same moment
            there = self.posted()
            wanted = Hold(max(until_epoch_s, there.until_s), max(throttled_at_s, there.throttled_at_s))
            if wanted == there:
                return
            text = json.dumps({"until_s": wanted.until_s, "throttled_at_s": wanted.throttled_at_s})
            self._store.overwrite(_HOLD, text.encode())

    def posted(self) -> Hold:
        """Return the hold that is posted."""
        data = self._store.read(_HOLD)
        if data is not None:
            with contextlib.suppress(
                ValueError, TypeError, KeyError
            ):  # half-written: what was there before still holds
                found = json.loads(data)
                self._posted = Hold(float(found["until_s"]), float(found["throttled_at_s"]))
        return self._posted

    def held_until(self) -> float:
        """Return the time, in seconds since 1970, before which nothing starts; 0 where nothing is held."""
        return self.posted().until_s

    def leave(self) -> None:
        """Take the heartbeat away, so that the others share at once what this shard had."""
        if self._written is not None:
            self._store.remove(self._written)
            self._written = None


def _modified_s(entry: dict[str, Any]) -> float:
    """Return when a listed file was written, in seconds since 1970; 0 where the listing does not say."""
    value = next((entry[key] for key in _MODIFIED if entry.get(key) is not None), 0.0)
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return value.timestamp() if isinstance(value, datetime) else float(value)
