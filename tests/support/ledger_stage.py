"""Workers that pay through a real ledger, one store request at a time, in an order and with crashes a test decides.

Each worker is a thread that stops before every request to the store, before and after its call. The stage checks the
law of the money at each call: every earlier call that may have been billed was named as in doubt before.
"""

from __future__ import annotations

import threading
from enum import StrEnum
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.claims import Held as HeldElsewhere
from airflow_provider_platerec_ocr.core.claims import MayClaim, decide
from airflow_provider_platerec_ocr.core.models import Owner
from airflow_provider_platerec_ocr.core.saying.choices import InDoubtPolicy
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from airflow_provider_platerec_ocr.storage.store import Store
from support.clock import FakeClock
from support.simulated_store import SimulatedStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_platerec_ocr.core.claims import History
    from airflow_provider_platerec_ocr.engine.ledger.ledger import Claim

PRINT = "ab" * 32
LEASE_S = 270.0
CLAIM_TO_POST_S = 30.0


class Reply(StrEnum):
    ANSWER = "answer"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class LawBrokenError(AssertionError):
    """A call was made that the law of the money forbids."""


class _KilledError(BaseException):
    """The worker's process is gone: nothing of it runs any more."""


class Stage:
    """One image, one store, any number of workers.

    :param replies: what the calls get, in order; ``ANSWER`` when they are used up.
    :param exclusive: whether the store honours exclusive creation.
    """

    def __init__(self, replies: list[Reply], *, exclusive: bool = True) -> None:
        self.clock = FakeClock()
        self.store = SimulatedStore(self.clock, exclusive=exclusive)
        self.store.before = lambda _operation, _path: self._pause()
        self.workers: list[Worker] = []
        self.calls: dict[int, Reply] = {}
        """Replies by the number of the attempt that called."""
        self.named: set[int] = set()
        self.broken: list[str] = []
        self._replies = iter(replies)
        self._threads: dict[int, Worker] = {}

    def add(self, *, try_number: int = 1) -> Worker:
        worker = Worker(self, Owner(run_id="r", map_index=len(self.workers), try_number=try_number))
        self.workers.append(worker)
        return worker

    def call(self, claim: Claim) -> Reply:
        unnamed = [
            number for number, reply in self.calls.items() if reply is not Reply.REFUSED and number not in self.named
        ]
        if unnamed:
            self.broken.append(f"call {claim.number} while {unnamed} may have been billed and were never named")
        reply = next(self._replies, Reply.ANSWER)
        if claim.number in self.calls:
            self.broken.append(f"two calls for attempt {claim.number}")
        self.calls[claim.number] = reply
        return reply

    def ledger(self, owner: Owner) -> Ledger:
        return Ledger(Store(self.store.place()), lease_s=LEASE_S, clock=self.clock, owner=owner)

    def look(self) -> History:
        return self.ledger(Owner(run_id="the test")).look("vin", PRINT)

    def close(self) -> None:
        """End every worker, and raise what any of them saw go wrong."""
        for worker in self.workers:
            worker.kill()
        errors = [worker.error for worker in self.workers if worker.error is not None]
        if errors:
            raise errors[0]
        if self.broken:
            raise LawBrokenError("; ".join(self.broken))

    def register(self, worker: Worker) -> None:
        self._threads[threading.get_ident()] = worker

    def _pause(self) -> None:
        worker = self._threads.get(threading.get_ident())
        if worker is not None:
            worker.pause()


class Worker:
    """One try of one task: looks, claims, calls, saves, until nothing is left to do."""

    def __init__(self, stage: Stage, owner: Owner) -> None:
        self.done = False
        self.error: BaseException | None = None
        self.owner = owner
        self._stage = stage
        self._killed = False
        self._go = threading.Semaphore(0)
        self._paused = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._paused.acquire()

    def step(self) -> None:
        """Let the worker run until its next pause or its end."""
        if not self.done:
            self._go.release()
            self._paused.acquire()

    def kill(self) -> None:
        """End the worker where it stands."""
        self._killed = True
        self.step()
        self._thread.join()

    def finish(self, limit: int = 60) -> None:
        for _ in range(limit):
            self.step()

    def pause(self) -> None:
        self._paused.release()
        self._go.acquire()
        if self._killed:
            raise _KilledError

    def _run(self) -> None:
        self._stage.register(self)
        try:
            for _ in self._work(self._stage.ledger(self.owner)):
                self.pause()
        except _KilledError:
            pass
        except Exception as error:  # noqa: BLE001  # told by the stage, in the test's own thread
            self.error = error
        self.done = True
        self._paused.release()

    def _work(self, ledger: Ledger) -> Iterator[None]:
        while True:
            made = decide(ledger.look("vin", PRINT), owner=self.owner, policy=InDoubtPolicy.RESEND, lease_s=LEASE_S)
            if isinstance(made, HeldElsewhere):
                yield
            elif not isinstance(made, MayClaim):
                return
            else:
                self._stage.named.update(attempt.number for attempt in made.doubts)
                claim = ledger.claim("vin", PRINT, made.number, {})
                yield
                if claim is None:
                    continue
                if claim.age_s(self._stage.clock) > CLAIM_TO_POST_S:
                    ledger.release(claim, "too late to send")
                    continue
                reply = self._stage.call(claim)
                yield
                if reply is Reply.UNKNOWN:
                    return
                if reply is Reply.REFUSED:
                    ledger.release(claim, "429")
                else:
                    ledger.answer(claim, {"results": [], "attempt": claim.number}, {})
