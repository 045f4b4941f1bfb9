"""Everything that reading needs, around a sandbox and a ledger in a temporary folder.

In real time against a sandbox in a thread or a process::

    with running_sandbox(faults=["every=7:503"]) as box:
        done = read(Setup(tmp_path, box.url), images(tmp_path, 20))

On virtual time, hours in milliseconds; the sandbox then lives in the same loop::

    clock = FakeClock()
    done, books = read_virtually(clock, Setup(tmp_path), images(tmp_path, 20), faults=["nth=1:429;retry_after=90"])
"""

from __future__ import annotations

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from aiohttp import web

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.models import Owner, PlannedImage, ReadStatus
from airflow_provider_platerec_ocr.core.settings import ClientSettings
from airflow_provider_platerec_ocr.engine.client.client import OCRClient
from airflow_provider_platerec_ocr.engine.images.loader import ImageLoader
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from airflow_provider_platerec_ocr.engine.rate.board import PaceBoard
from airflow_provider_platerec_ocr.engine.rate.limiter import StartLimiter
from airflow_provider_platerec_ocr.engine.reading.batch import Batch, verdict
from airflow_provider_platerec_ocr.engine.reading.context import ReadContext, ReadOptions
from airflow_provider_platerec_ocr.engine.reading.progress import Progress
from airflow_provider_platerec_ocr.engine.reading.stop import StopSignal
from airflow_provider_platerec_ocr.sandbox.api.api import Api
from airflow_provider_platerec_ocr.sandbox.api.server import make_app
from airflow_provider_platerec_ocr.sandbox.ocr.reader import DeterministicReader
from airflow_provider_platerec_ocr.sandbox.state import clock as sandbox_clock
from airflow_provider_platerec_ocr.sandbox.state.call_log import books
from airflow_provider_platerec_ocr.sandbox.state.options import Latency, Options, ReaderKind
from support.pictures import local, opened

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.core.models import Outcome
    from airflow_provider_platerec_ocr.storage.path import StoragePath
    from support.clock import FakeClock

TOKEN = "YOUR_API_TOKEN"
OWNER = Owner(dag_id="yard", run_id="run-1", task_id="read")


def jpeg(seed: str, size_bytes: int = 0) -> bytes:
    """Return bytes that begin and end as a JPEG, are nobody else's, and have about the size asked for."""
    notes = [seed.encode()] + [bytes(60_000)] * (size_bytes // 60_000)
    return (
        b"\xff\xd8" + b"".join(b"\xff\xfe" + (len(note) + 2).to_bytes(2, "big") + note for note in notes) + b"\xff\xd9"
    )


def images(folder: Path, count: int, *, first: int = 1, size_bytes: int = 0, type_: str = "vin") -> list[PlannedImage]:
    """Write images, all different, and return them as planned rows."""
    photos = folder / "photos"
    photos.mkdir(exist_ok=True)
    rows = []
    for row in range(first, first + count):
        path = photos / f"{row:05}.jpg"
        path.write_bytes(jpeg(f"image {row}", size_bytes))
        rows.append(PlannedImage(row=row, image=str(path), type=type_, uri=str(path)))
    return rows


@dataclass(frozen=True)
class Setup:
    """How to read; the defaults are one task that nothing hurries."""

    folder: Path
    url: str = ""
    owner: Owner = OWNER
    options: ReadOptions = field(default_factory=ReadOptions)
    settings: dict[str, Any] = field(default_factory=dict)
    """Fields of the client's settings: ``rate_per_s``, ``max_in_flight``, ``timeouts``, …"""
    reserve: int | None = None
    deadline_s: float | None = None
    """Seconds from the start to the soft deadline."""
    ledger: Callable[[Ledger], Ledger] = lambda ledger: ledger
    """Stands between the reading and its ledger."""
    place: StoragePath | None = None
    """The ledger's folder; by default one on the disk."""
    shards: int = 1
    threads: int = 64
    """More than ever work at a time: on virtual time a job that waits for a thread would stop the clock."""
    board: bool = False
    """Whether shards see each other."""
    more: dict[str, Any] = field(default_factory=dict)
    """Other fields of the context."""

    def but(self, **changes: Any) -> Setup:
        return replace(self, **changes)

    def next_try(self) -> Setup:
        return self.but(owner=replace(self.owner, try_number=self.owner.try_number + 1))


@dataclass
class Done:
    """What came of a reading."""

    context: ReadContext
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def statuses(self) -> dict[str, int]:
        return dict(Counter(str(outcome.status) for outcome in self.outcomes))

    @property
    def reads(self) -> int:
        return self.statuses.get(ReadStatus.READ, 0)

    @property
    def billed(self) -> int:
        return sum(outcome.calls_billed for outcome in self.outcomes)

    @property
    def rows(self) -> list[int]:
        return sorted(outcome.row for outcome in self.outcomes)

    @property
    def reason(self) -> Exception | None:
        return self.context.stop.reason

    def verdict(self, *, last_try: bool = False) -> Exception | None:
        return verdict(self.context, last_try=last_try)


@asynccontextmanager
async def context(setup: Setup, total: int, clock: Clock | None = None) -> AsyncIterator[ReadContext]:
    """Open a client, a ledger and all the rest, on the running loop."""
    clock = clock or SystemClock()
    settings = ClientSettings(token=TOKEN, base_url=setup.url, **setup.settings)
    place = setup.place or local(setup.folder / "ledger")
    ledger = Ledger.open(place, lease_s=settings.lease_s, clock=clock, owner=setup.owner, spill=setup.folder / "spill")
    with ThreadPoolExecutor(setup.threads) as pool:
        async with OCRClient(settings, clock=clock, jitter=lambda: 0.5) as client:
            made = ReadContext(
                client=client,
                ledger=setup.ledger(ledger),
                limiter=StartLimiter(
                    clock=clock,
                    ceiling_per_s=settings.rate_per_s or 10_000.0,
                    max_in_flight=settings.max_in_flight,
                    board=PaceBoard(ledger.board("account")) if setup.board else None,
                    planned_shards=setup.shards,
                    executor=pool,
                ),
                loader=ImageLoader(
                    roots=[local(setup.folder)], opener=opened, max_bytes=settings.max_upload_bytes, clock=clock
                ),
                settings=settings,
                clock=clock,
                pool=pool,
                stop=StopSignal(),
                progress=Progress(total=total),
                owner=setup.owner,
                options=setup.options,
                deadline=None if setup.deadline_s is None else clock.monotonic() + setup.deadline_s,
            )
            yield replace(made, **setup.more)


async def read_async(
    setup: Setup,
    rows: Sequence[PlannedImage],
    clock: Clock | None = None,
    *,
    seen: Callable[[Done], None] = lambda _done: None,
) -> Done:
    """Read a batch; ``seen`` is called after each outcome."""
    async with context(setup, len(rows), clock) as tools:
        done = Done(tools)

        async def journal(outcome: Outcome) -> None:
            done.outcomes.append(outcome)
            seen(done)

        await Batch(tools, journal, reserve=setup.reserve).run(rows)
    return done


def read(setup: Setup, rows: Sequence[PlannedImage], **how: Any) -> Done:
    """Read a batch in real time, on a loop of its own."""
    return asyncio.run(read_async(setup, rows, **how))


class Box:
    """A sandbox in the test's own loop, on virtual time."""

    def __init__(self, api: Api, url: str) -> None:
        self.api = api
        self.url = url

    def books(self) -> dict[str, Any]:
        return books(self.api.log)

    def arrivals(self) -> list[float]:
        """When each call came, on the clock."""
        return [call.arrived_s for call in self.api.log.calls]


@asynccontextmanager
async def sandbox_here(
    clock: FakeClock, *, rate: float | None = None, faults: Sequence[str] = (), latency: str = "fast", **options: Any
) -> AsyncIterator[Box]:
    """Run a sandbox in this loop, on the fake clock."""
    settings = Options(
        rate_per_s=rate,
        faults=tuple(faults),
        latency=Latency.parse(latency),
        **{"reader": ReaderKind.DETERMINISTIC, "port": 0, **options},
    )
    api = Api(settings, DeterministicReader(), sandbox_clock.Clock(clock.monotonic, clock.now, clock.sleep))
    stopping = asyncio.Event()
    runner = web.AppRunner(make_app(api, stopping), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
        yield Box(api, f"http://127.0.0.1:{runner.addresses[0][1]}")
    finally:
        stopping.set()
        await runner.cleanup()


def read_virtually(
    clock: FakeClock,
    setup: Setup,
    rows: Sequence[PlannedImage],
    *,
    seen: Callable[[Done], None] = lambda _done: None,
    tries: int = 1,
    **sandbox: Any,
) -> tuple[list[Done], Box]:
    """Read a batch on virtual time, once or in several tries of its task, and return what came of each.

    Between two tries the time goes by that Airflow would wait for a call in doubt.
    """

    async def main() -> tuple[list[Done], Box]:
        async with sandbox_here(clock, **sandbox) as box:
            found: list[Done] = []
            now = setup.but(url=box.url)
            for _ in range(tries):
                settled = {
                    outcome.row
                    for done in found
                    for outcome in done.outcomes
                    if outcome.status in (ReadStatus.READ, ReadStatus.REJECTED)
                }
                left = [image for image in rows if image.row not in settled]
                found.append(await read_async(now, left, clock, seen=seen))
                now = now.next_try()
                await clock.sleep(ClientSettings().lease_s + 1)
            return found, box

    return clock.run(main())
