"""One try of one task: the product's own resolver, paid call and ledger, on a loop that the world schedules."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import greenlet

from airflow_provider_platerec_ocr.core.errors import OCRDrained, OCRLedgerError, OCRLedgerUnsafe
from airflow_provider_platerec_ocr.core.fingerprint import fingerprint_url
from airflow_provider_platerec_ocr.core.models import Outcome, PlannedImage
from airflow_provider_platerec_ocr.core.saying.choices import InDoubtPolicy
from airflow_provider_platerec_ocr.core.settings import ClientSettings, Timeouts
from airflow_provider_platerec_ocr.core.spending.purse import Inherited, spenders
from airflow_provider_platerec_ocr.engine.ledger.purse import OpenPurse, Tools
from airflow_provider_platerec_ocr.engine.ledger.spill import adopt
from airflow_provider_platerec_ocr.engine.rate.limiter import StartLimiter
from airflow_provider_platerec_ocr.engine.reading.content import Content
from airflow_provider_platerec_ocr.engine.reading.context import ReadContext, ReadOptions
from airflow_provider_platerec_ocr.engine.reading.image_phase import ImagePhase, Phase
from airflow_provider_platerec_ocr.engine.reading.progress import Progress
from airflow_provider_platerec_ocr.engine.reading.stop import StopSignal
from airflow_provider_platerec_ocr.worker.drain_signals import DrainSignals
from support.explorer.api import Api
from support.explorer.clocks import BOOTED_S, WorkerClock
from support.explorer.laws import NO_FAULT, LawBrokenError
from support.explorer.loop import TurnLoop

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.engine.client.client import OCRClient
    from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
    from airflow_provider_platerec_ocr.engine.rate.limiter import Permit
    from airflow_provider_platerec_ocr.engine.reading.answer_writer import AnswerWriter
    from airflow_provider_platerec_ocr.engine.reading.outage import Rejections
    from airflow_provider_platerec_ocr.engine.reading.reader import Reader
    from airflow_provider_platerec_ocr.engine.reading.resolution import Resolution
    from airflow_provider_platerec_ocr.worker.drain_signals import Handler
    from support.explorer.rules import WatchedAnswerWriter
    from support.explorer.world import WorkerSlot, World

CLAIM_TO_POST_S, SAVE_S = 2.0, 2.0
BASE_URL = "https://api.example.com"
PURSE = "call-budget/account/period/000001.purse"


class QuickSettings(ClientSettings):
    """As the product's, with times that make for short executions; the lease is made of them in the same way."""

    @property
    def claim_to_post_s(self) -> float:
        return CLAIM_TO_POST_S


def images(count: int) -> list[tuple[PlannedImage, str]]:
    """Return planned rows with their fingerprints."""
    rows = [
        PlannedImage(row=row, image=url, type="vin", upload_url=url)
        for row, url in ((row, f"https://x.example.com/{row}.jpg") for row in range(1, count + 1))
    ]
    return [(row, fingerprint_url(BASE_URL, row.type, row.upload_url or "")) for row in rows]


class HeldBack:
    """The product's rejections, which wait for what tells whether they are about the images.

    :param kind: the product's, or another with a step left out.
    """

    def __init__(self, context: ReadContext, answer_writer: AnswerWriter, kind: type[Rejections]) -> None:
        self.ends: dict[int, tuple[str, str]] = {}
        """How images ended whose end was certain later, by row."""
        self._reader = SimpleNamespace(pending={}, unread=set(), answer_writer=answer_writer)
        self._rejections = kind(context, cast("Reader", self._reader), self._settled)
        self._taking: list[asyncio.Task[tuple[str, str]]] = []
        self._expiring = asyncio.ensure_future(self._rejections.expire())

    def take(self, image: PlannedImage, mark: str, ended: Resolution) -> asyncio.Task[tuple[str, str]]:
        """Take an image's end, as a batch does, which no stop interrupts."""
        if ended.pending is not None:
            self._reader.pending[image.type, mark] = ended
        self._taking.append(asyncio.ensure_future(self._take(image, mark, ended)))
        return self._taking[-1]

    async def _take(self, image: PlannedImage, mark: str, ended: Resolution) -> tuple[str, str]:
        outcome = Outcome(
            row=image.row,
            image=image.image,
            type=image.type,
            status=ended.status,
            fingerprint=mark,
            from_ledger=ended.from_ledger,
            reason=ended.reason,
            message=ended.message,
            http_status=ended.http_status,
        )
        if await self._rejections.takes(outcome):
            self.ends.setdefault(image.row, ("stopped", ""))
        return str(ended.status), str(ended.reason)

    async def close(self) -> None:
        """The batch is over."""
        await asyncio.gather(*self._taking)
        await self._rejections.close()
        self._expiring.cancel()

    async def _settled(self, outcome: Outcome) -> None:
        self.ends[outcome.row] = (str(outcome.status), str(outcome.reason))


class Limiter(StartLimiter):
    """The product's, with a moment before and after each permit in which the search may let time pass."""

    process: Process

    async def start(self) -> Permit:
        await self.process.moment("waits for a permit")
        permit = await super().start()
        self.process.permitted()
        return permit


class Process:
    """See above.

    :param slot: the task it is a try of.
    """

    def __init__(self, world: World, slot: WorkerSlot) -> None:
        self.world = world
        self.slot = slot
        self.owner = slot.owner
        self.label = f"{slot.name}{slot.owner.try_number}" if not world.night else f"N{world.night + 1}"
        self.alive = True
        self.began_s = world.now_s
        self.held_up_before_s = world.books.held_up_s
        self.crashing = ""
        """Why it crashes in this very step, if it does."""
        self.settings = QuickSettings(
            token="YOUR_API_TOKEN",
            base_url=BASE_URL,
            timeouts=Timeouts(call_s=world.scenario.call_s[slot.index], save_s=SAVE_S),
        )
        self.clock: Clock = WorkerClock(world, world.scenario.skew_s[slot.index])
        self.loop = TurnLoop(self.clock.monotonic, self._timer, self._job)
        self.unasked: set[str] = set()
        """Fingerprints for which the inbox could not be asked."""
        self.known_at_opening: set[str] = set()
        """Fingerprints whose answer lay in this machine's spill."""
        self.known_at_permit: tuple[str, ...] = ()
        self.saving_failed_at_permit = False
        self._answer_writer: WatchedAnswerWriter | None = None
        self._jobs: list[tuple[Callable[[], Any], asyncio.Future[Any]]] = []
        self._greenlets: list[greenlet.greenlet] = []
        self._tasks: list[asyncio.Task[Any]] = []
        self._flows: list[tuple[asyncio.Task[Any], ImagePhase]] = []
        self._stop = StopSignal()
        self._handlers: dict[int, Handler] = {}
        self._signals = DrainSignals(self._handlers.__setitem__) if world.rules.drains else None
        self._buried = False
        self._seen = hash((self.label, self.began_s, self.held_up_before_s))

    def begin(self) -> None:
        self._tasks.append(self.loop.create_task(self._life()))

    def go_on(self) -> None:
        """Run until everything waits for the world."""
        while self.alive:
            self.loop.drain()
            if not self._jobs:
                break
            jobs, self._jobs = self._jobs, []
            for work, future in jobs:
                self._greenlets.append(greenlet.greenlet(lambda work=work, future=future: self._work(work, future)))
                self._greenlets[-1].switch()
        if not self.alive and not self._buried:
            self.kill()
        failed = [task.exception() for task in self._tasks if task.done() and not task.cancelled()]
        for error in [*failed, *(fault.get("exception") for fault in self.loop.faults)]:
            if error is not None:
                raise LawBrokenError(NO_FAULT, repr(error)) from error

    @property
    def stoppable(self) -> bool:
        """Whether it works and was not told to stop yet."""
        return self.alive and bool(self._flows) and not self._stop.is_set()

    def stop(self, reason: Exception | None = None) -> None:
        """Start nothing new, as at the soft deadline: the batch cancels whatever has no claim in hand."""
        self._stop.set(reason or OCRDrained("The soft deadline is reached."))
        for task, slot in self._flows:
            if slot.phase is Phase.IDLE or not self.world.rules.spares_calls:
                task.cancel()

    def signal(self) -> None:
        """Get SIGTERM, which ends a process that has no handler for it."""
        self.world.books.seen.add("a signal")
        if signal.SIGTERM in self._handlers:
            self._handlers[signal.SIGTERM](signal.SIGTERM, None)
        else:
            self.world.signalled(self)

    def kill(self) -> None:
        """Nothing of it runs any more."""
        self.alive, self._buried = False, True
        for job in self._greenlets:
            if not job.dead:
                job.throw(greenlet.GreenletExit)
        for task in self._tasks:
            task.cancel()
        self.loop.drain()
        self.loop.faults.clear()
        self._jobs.clear()
        points = self.world.points
        self.world.points = [point for point in points if point.process is not self or point.survives]

    def must_live(self) -> None:
        if not self.alive:
            raise greenlet.GreenletExit

    def switch(self, job: greenlet.greenlet, fault: str) -> None:
        """Let a job go on to its next point."""
        job.switch(fault)
        if self.crashing:
            self.world.crash(self, self.crashing)

    def saw(self, what: object) -> None:
        self._seen = hash((self._seen, what, self.world.now_s))

    @property
    def promise_s(self) -> float:
        """For how long a claim of it may be open."""
        return CLAIM_TO_POST_S + self.settings.timeouts.call_s + SAVE_S

    @property
    def key(self) -> tuple[int, bool]:
        return (self._seen, self.alive)

    async def moment(self, what: str) -> None:
        """Let the search do something else first."""
        turn = self.loop.create_future()
        self.world.add(self, what, lambda _fault: turn.set_result(None), gone=turn.done)
        await turn

    def permitted(self) -> None:
        """Remember what was known when the permit came: nothing known is paid for again."""
        store = self.world.store
        self.known_at_permit = tuple(path for _, mark in self.world.images for path in store.known(mark))
        self.saving_failed_at_permit = self._answer_writer is not None and self._answer_writer.fails
        self.saw(self.known_at_permit)

    async def _life(self) -> None:
        rules = self.world.rules
        if self._signals is not None:
            self._signals.begin(self.stop)
        try:
            ledger = await self._io(self._open)
            purse = await self._io(self._purse)
        except OCRLedgerUnsafe:
            self.world.finished(self, ["unsafe"], [""])
            return
        except OCRLedgerError:
            self.world.finished(self, ["stopped"], [""])
            return
        if self._stop.is_set():  # a batch that is stopped begins with no image
            self.world.finished(self, ["stopped"], [""])
            return
        context = replace(self._context(ledger), purse=purse)
        self._answer_writer = answer_writer = rules.answer_writer(context)
        holds_back = self.world.scenario.holds_back
        caller = rules.paid_caller(context, answer_writer, provisional=holds_back)
        resolver = rules.resolver(context, answer_writer, caller)
        held = HeldBack(context, answer_writer, rules.rejections) if holds_back else None
        loading = asyncio.Semaphore(8)
        turns = asyncio.Semaphore(1 if self.world.scenario.one_by_one else len(self.world.images))

        async def flow(image: PlannedImage, mark: str, slot: ImagePhase) -> tuple[str, str]:
            async with turns:
                ended = await resolver.resolve(image, mark, Content(context, loading, image), slot)
            self.world.books.outcome(self, mark, ended)
            if held is not None and ended is not None:
                return await asyncio.shield(held.take(image, mark, ended))
            return ("stopped", "") if ended is None else (str(ended.status), str(ended.reason))

        for image, mark in self.world.images:
            slot = ImagePhase()
            self._flows.append((self.loop.create_task(flow(image, mark, slot)), slot))
        flows = [task for task, _ in self._flows]
        self._tasks += flows
        ended = await asyncio.gather(*flows, return_exceptions=True)
        if held is not None:
            await held.close()
        ends = [("stopped", "") if isinstance(each, BaseException) else each for each in ended]
        if held is not None:
            ends = [held.ends.get(image.row, end) for (image, _), end in zip(self.world.images, ends, strict=True)]
        self.world.finished(self, [status for status, _ in ends], [reason for _, reason in ends])

    def _open(self) -> Ledger:
        world, rules = self.world, self.world.rules
        place = world.store.place()
        lease_s = rules.lease_s or self.settings.lease_s
        if world.scenario.opens and rules.probes:
            rules.ledger.open(place, lease_s=lease_s, clock=self.clock, owner=self.owner)
        ledger = rules.ledger(
            rules.store(place), lease_s=lease_s, clock=self.clock, owner=self.owner, spill_folder=world.spill
        )
        self.known_at_opening = world.books.in_spill()
        if rules.adopts:
            adopt(world.spill, ledger.store)
        ledger.watch(self)
        return ledger

    def _purse(self) -> OpenPurse:
        world, rules = self.world, self.world.rules
        if world.scenario.grant is None or world.night:
            return OpenPurse()
        store = rules.store(world.store.place())
        files = rules.purse_files(store, PURSE, world.scenario.grant, self.owner, self.clock)
        drawn = files.drawn_before(self.owner.map_index) if self.owner.try_number > 1 else {}
        tries = spenders(drawn, self.owner.try_number)
        rows = [image.row for image, _ in world.images] if rules.doubts_the_dead else []
        return rules.purse(
            Tools(
                io=self._io,
                owner=self.owner,
                shards=world.scenario.workers,
                wanted=lambda: world.scenario.images,
                files=files,
                inherited=Inherited(sum(drawn.values()), tries=len(tries), rows=rows),
                tries=tries,
                granted=world.scenario.grant,
            )
        )

    def _context(self, ledger: Ledger) -> ReadContext:
        world = self.world
        limiter = Limiter(clock=self.clock, ceiling_per_s=world.scenario.rate_per_s, max_in_flight=8)
        limiter.process = self
        return ReadContext(
            client=cast("OCRClient", Api(self)),
            ledger=ledger,
            limiter=limiter,
            loader=cast("Any", None),
            settings=self.settings,
            clock=self.clock,
            pool=cast("Any", None),
            stop=self._stop,
            progress=Progress(total=world.scenario.images),
            owner=self.owner,
            options=ReadOptions(
                in_doubt=InDoubtPolicy(world.scenario.policy),
                ledger_patience_s=6.0,
                save_for_s=SAVE_S,
                refusals_per_image=2,
                rejected_in_a_row=4,
            ),
            late_answers=self._inbox if world.scenario.inbox else None,
        )

    def _inbox(self, _type: str, mark: str) -> dict[str, Any] | None:
        if self.world.point("asks", "inbox"):
            self.unasked.add(mark)
            raise ConnectionError(mark)
        found = self.world.inbox.get(mark)
        self.saw(str(found))
        return found

    async def _io(self, work: Callable[..., Any], *given: Any) -> Any:
        return await self.loop.run_in_executor(None, work, *given)

    def _timer(self, handle: asyncio.TimerHandle, ring: Callable[[], None]) -> None:
        self.world.add(self, "wakes up", lambda _fault: ring(), due=handle.when() - BOOTED_S, gone=handle.cancelled)

    def _job(self, work: Callable[[], Any], future: asyncio.Future[Any]) -> None:
        self._jobs.append((work, future))

    def _work(self, work: Callable[[], Any], future: asyncio.Future[Any]) -> None:
        try:
            result = work()
        except Exception as error:  # noqa: BLE001  # it belongs to who waits for it
            if not future.cancelled():
                future.set_exception(error)
        else:
            if not future.cancelled():
                future.set_result(result)
