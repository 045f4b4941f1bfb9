"""Deliveries under load, as the API makes them from many connections, and the books: what got 200 against the inbox.

Each payload has a time at which it is due; its latency counts from there, so that a receiver that stalls is not asked
less often while it does. About half are answers to uploads of ours, which take the inbox one more file.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.webhook.inbox import Inbox
from airflow_provider_platerec_ocr.webhook.payload import payload_id
from support.inbox_stage import payload
from support.stores import local_place
from support.waiting import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

GONE = 0
"""Stands for a status where no answer came."""
_CONNECTIONS = 64
_TRIES = 12_000
"""Ten minutes of tries, in which a receiver that was killed is up again on any machine."""


def numbered(number: int) -> dict[str, Any]:
    """Return a payload like no other: with odd numbers the answer to an upload of ours."""
    ours = hashlib.sha256(str(number).encode()).hexdigest()
    return payload(number, filename=f"1617_7M83K_truck-{ours}.jpg" if number % 2 else f"phone {number}.jpg")


@dataclass
class Sent:
    """What a sender saw."""

    asked: set[str] = field(default_factory=set)
    """Ids of the payloads that were sent at least once."""
    kept: Counter[str] = field(default_factory=Counter)
    """How often each id was answered with 200."""
    statuses: Counter[int] = field(default_factory=Counter)
    """How often each status came; :data:`GONE` for none."""
    took_s: list[float] = field(default_factory=list)
    """Seconds from the time a delivery was due to its 200."""
    lasted_s: float = 0.0
    """From the first due time to the last answer."""

    def percentile(self, share: float) -> float:
        """Return the seconds within which this share of the deliveries had its 200."""
        ordered = sorted(self.took_s)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


class Sender:
    """Delivers to a receiver over connections that it keeps.

    :param url: of the receiver's ``/webhook/{secret}``; asked for each delivery, since a restart may change it.
    """

    def __init__(self, url: Callable[[], str]) -> None:
        self._url = url
        self._reached: dict[int, asyncio.Event] = {}
        self.sent = Sent()

    async def at_rate(self, numbers: Iterable[int], per_s: float) -> None:
        """Deliver each payload once, at its time."""
        async with self._session() as session, asyncio.TaskGroup() as group:
            begin = time.perf_counter() + 0.1
            for index, number in enumerate(numbers):
                due = begin + index / per_s
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                group.create_task(self._deliver(session, number, due))
        self.sent.lasted_s = time.perf_counter() - begin

    async def until_kept(self, numbers: Iterable[int], senders: int) -> None:
        """Deliver as fast as the answers come, and each payload again until it has its 200."""
        waiting = iter(list(numbers))

        async def work(session: aiohttp.ClientSession) -> None:
            for number in waiting:
                for _ in range(_TRIES):
                    if await self._deliver(session, number, time.perf_counter()) == 200:
                        break
                    await asyncio.sleep(0.05)

        async with self._session() as session, asyncio.TaskGroup() as group:
            for _ in range(senders):
                group.create_task(work(session))

    async def reached(self, answers: int) -> None:
        """Return when so many deliveries were answered with 200."""
        await self._reached.setdefault(answers, asyncio.Event()).wait()

    async def _deliver(self, session: aiohttp.ClientSession, number: int, due: float) -> int:
        thing = numbered(number)
        id_ = payload_id(thing["data"])
        self.sent.asked.add(id_)
        status, answer = GONE, None
        try:
            async with session.post(self._url(), json=thing) as response:
                status, answer = response.status, await response.json(content_type=None)
        except (aiohttp.ClientError, OSError, TimeoutError, json.JSONDecodeError):
            status = GONE
        if status == 200:
            assert answer == {"id": id_}
            self.sent.kept[id_] += 1
            self.sent.took_s.append(time.perf_counter() - due)
        self.sent.statuses[status] += 1
        if found := self._reached.get(self.sent.statuses[200]):
            found.set()
        return status

    def _session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=_CONNECTIONS)
        return aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=PATIENCE_S))


@dataclass(frozen=True)
class Kept:
    """What an inbox on the local disk holds."""

    records: Counter[str]
    """How many files there are of each id."""
    scanned: Counter[str]
    """How often the scan gives each id, with the id made anew from what the record holds."""
    leftovers: int
    """Temporary files of processes that were killed."""


def kept_in(folder: Path) -> Kept:
    """Read an inbox by its files and through its own scan."""
    inbox = Inbox(local_place(folder), clock=SystemClock())
    return Kept(
        Counter(path.stem for path in (folder / "payloads").rglob("*.json")),
        Counter(payload_id(found.data) for found in inbox.scan(settle_s=-1)),
        sum(1 for _ in folder.rglob(".tmp-*")),
    )
