"""What becomes of one paid call: a stop or a hold at each of its points, and each way in which it can end."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.core.claims import End
from airflow_provider_platerec_ocr.core.errors import (
    OCRDrained,
    OCRLedgerError,
    OCRNotEnabled,
    OCROutcomeUnknown,
    OCRQuotaExhausted,
    OCRUnauthorized,
    OCRWrongBaseURL,
)
from airflow_provider_platerec_ocr.core.fingerprint import fingerprint_bytes
from airflow_provider_platerec_ocr.core.models import Owner, ReadStatus, Reason
from airflow_provider_platerec_ocr.core.settings import ClientSettings, Timeouts
from airflow_provider_platerec_ocr.engine.client.client import OCRClient
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from airflow_provider_platerec_ocr.engine.reading.context import ReadOptions
from airflow_provider_platerec_ocr.engine.reading.stop import StopSignal
from support.clock import FakeClock
from support.reading import TOKEN, Setup, images, jpeg, read_async, read_virtually, sandbox_here
from support.simulated_store import SimulatedStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_platerec_ocr.core.models import PlannedImage, Read
    from airflow_provider_platerec_ocr.engine.client.transport import Sending
    from support.reading import Box, Done


class Spied(Ledger):
    """A ledger that tells a test when its methods are called."""

    before_claim: Callable[[], None]
    after_claim: Callable[[], None]
    released: list[str]

    def claim(self, *args: Any, **kwargs: Any) -> Any:
        self.before_claim()
        claim = super().claim(*args, **kwargs)
        self.after_claim()
        return claim

    def release(self, claim: Any, reason: str) -> None:
        self.released.append(reason)
        super().release(claim, reason)


def nothing() -> None: ...


class Stage:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.store = SimulatedStore(self.clock)
        self.setup = Setup(folder, place=self.store.place())
        self.released: list[str] = []

    def spied(self, *, before: Callable[[], None] = nothing, after: Callable[[], None] = nothing) -> Setup:
        def make(ledger: Ledger) -> Ledger:
            ledger.__class__ = Spied
            ledger.__dict__ |= {"before_claim": before, "after_claim": after, "released": self.released}
            return ledger

        return self.setup.but(ledger=make)

    def run(self, setup: Setup, rows: list[PlannedImage], **sandbox: Any) -> tuple[Done, Box]:
        found, box = read_virtually(self.clock, setup, rows, **sandbox)
        return found[0], box

    def ends(self, box: Box, row: int = 1) -> list[End | None]:
        ledger = Ledger.peek(self.store.place(), lease_s=270.0, clock=self.clock)
        history = ledger.look("vin", fingerprint_bytes(box.url, "vin", jpeg(f"image {row}")))
        return [attempt.end for attempt in history]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


@pytest.mark.parametrize(
    ("faults", "sandbox", "reason"),
    [
        (["always:401"], {}, OCRUnauthorized),
        (["always:403"], {}, OCRNotEnabled),
        ([], {"quota": 5, "used": 5}, OCRQuotaExhausted),
    ],
)
def test_a_stop_ends_the_claim_and_starts_nothing_more(
    stage: Stage, faults: list[str], sandbox: dict[str, Any], reason: type[Exception]
) -> None:
    setup = stage.setup.but(settings={"rate_per_s": 10.0})

    done, box = stage.run(setup, images(stage.folder, 40), faults=faults, **sandbox)

    assert isinstance(done.reason, reason)
    assert (done.outcomes, done.verdict()) == ([], done.reason)
    assert 1 <= box.books()["posts"] <= 3
    assert stage.ends(box) in ([End.RELEASED], [])


def test_a_wrong_host_stops_the_task(stage: Stage) -> None:
    async def main() -> Done:
        async with sandbox_here(stage.clock) as box:
            return await read_async(stage.setup.but(url=f"{box.url}/nowhere"), images(stage.folder, 1), stage.clock)

    assert isinstance(stage.clock.run(main()).reason, OCRWrongBaseURL)


@pytest.mark.parametrize("point", ["before", "after"])
def test_a_stop_while_claiming_sends_nothing_and_leaves_no_claim_open(stage: Stage, point: str) -> None:
    contexts: list[Any] = []

    def stop() -> None:
        contexts[0].call_soon_threadsafe(stops[0].set, OCRDrained("told to"))
        while not stops[0].is_set():
            pass

    stops: list[Any] = []

    async def main() -> tuple[Done, Box]:
        contexts.append(asyncio.get_running_loop())
        stops.append(StopSignal())
        hooks = {point: stop}
        async with sandbox_here(stage.clock) as box:
            setup = stage.spied(**hooks).but(url=box.url, more={"stop": stops[0]})
            return await read_async(setup, images(stage.folder, 1), stage.clock), box

    done, box = stage.clock.run(main())

    assert (done.outcomes, box.books()["posts"]) == ([], 0)
    assert stage.released == ["stopped before it was sent"]
    assert stage.ends(box) == [End.RELEASED]


def test_a_stop_in_flight_lets_the_call_finish_and_keeps_its_answer(stage: Stage) -> None:
    setup = stage.setup.but(deadline_s=5.0)

    done, box = stage.run(setup, images(stage.folder, 1), latency="30")

    assert (done.reads, stage.ends(box)) == (1, [End.ANSWER])
    assert isinstance(done.reason, OCRDrained)
    assert done.verdict() is None  # everything is done, so there is nothing to try again


def test_a_stop_while_everybody_waits_for_a_429_ends_at_once(stage: Stage) -> None:
    setup = stage.setup.but(deadline_s=10.0)

    done, box = stage.run(setup, images(stage.folder, 3), faults=["always:429;retry_after=500"])

    assert (done.outcomes, stage.ends(box)[-1:] or [End.RELEASED]) == ([], [End.RELEASED])
    assert isinstance(done.reason, OCRDrained)
    assert stage.clock.elapsed_s - 271 < 20  # what came after is the pause between two tries


def test_a_claim_is_released_before_the_wait_that_a_429_asks_for(stage: Stage) -> None:
    done, box = stage.run(stage.setup, images(stage.folder, 1), faults=["nth=1:429;retry_after=200"])

    first, second = box.arrivals()
    assert second - first >= 200
    assert (done.reads, done.billed, stage.ends(box)) == (1, 1, [End.RELEASED, End.ANSWER])
    released = [when for path, (_, when) in stage.store.objects.items() if path.endswith(".released")]
    assert (released[0] - stage.clock.now()).total_seconds() < -200


def test_a_retry_after_that_comes_while_a_claim_is_made_holds_that_call_back(stage: Stage) -> None:
    # On a slow store many claims are being made when a 429 arrives; none of them may go out.
    setup = stage.setup.but(settings={"rate_per_s": 50.0})
    stage.store.before = lambda operation, path: (
        stage.clock.pause(0.5) if operation == "create" and path.endswith(".claim") else None
    )

    done, box = stage.run(setup, images(stage.folder, 40), faults=["nth=5:429;retry_after=30"])

    assert done.reads == 40
    assert box.books()["early_starts"] == []
    assert box.books()["billed"] == 40


def test_a_claim_that_took_too_long_is_released_and_not_sent(stage: Stage) -> None:
    slow = iter([31.0])
    setup = stage.spied(after=lambda: stage.clock.pause(next(slow, 0.0)))

    done, box = stage.run(setup, images(stage.folder, 1))

    assert stage.released == ["too old to send"]
    assert (done.reads, stage.ends(box)) == (1, [End.RELEASED, End.ANSWER])


def test_a_ledger_that_is_always_too_slow_stops_the_task(stage: Stage) -> None:
    setup = stage.spied(after=lambda: stage.clock.pause(31.0))

    done, box = stage.run(setup, images(stage.folder, 3))

    assert isinstance(done.reason, OCRLedgerError)
    assert (done.outcomes, box.books()["posts"]) == ([], 0)
    assert set(stage.ends(box)) == {End.RELEASED}


def test_a_doubt_that_is_settled_while_its_repetition_waits_is_not_paid_again(stage: Stage) -> None:
    rows = images(stage.folder, 2)
    other = Ledger.peek(
        stage.store.place(), lease_s=270.0, clock=stage.clock, owner=Owner(dag_id="yard", run_id="run-0")
    )

    async def main() -> tuple[Done, Box]:
        async with sandbox_here(stage.clock, faults=["nth=1:429;retry_after=60"]) as box:
            claim = other.claim("vin", fingerprint_bytes(box.url, "vin", jpeg("image 1")), 1, {})
            assert claim is not None
            await stage.clock.sleep(300)
            setup = stage.setup.but(url=box.url, settings={"rate_per_s": 0.5})
            reading = asyncio.ensure_future(read_async(setup, [rows[1], rows[0]], stage.clock))
            await stage.clock.sleep(30)  # everybody waits for the 429; a webhook brings the answer meanwhile
            other.answer(claim, {"results": []}, {})
            return await reading, box

    done, box = stage.clock.run(main())

    assert done.reads == 2
    assert box.books()["billed"] == 1


class Broken(OCRClient):
    """A client with a fault of its own, after the call went out."""

    async def send(self, sending: Sending) -> Read:
        await super().send(sending)
        message = "surprise"
        raise ZeroDivisionError(message)


def test_a_fault_of_our_own_during_a_call_is_in_doubt_and_never_a_mere_failure(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> tuple[Done, Box]:
        async with (
            sandbox_here(stage.clock) as box,
            Broken(ClientSettings(token=TOKEN, base_url=box.url), clock=stage.clock) as client,
        ):
            setup = stage.setup.but(url=box.url, more={"client": client})
            return await read_async(setup, images(stage.folder, 1), stage.clock), box

    done, box = stage.clock.run(main())

    assert (done.outcomes[0].status, done.billed, box.books()["billed"]) == (ReadStatus.IN_DOUBT, 1, 1)
    assert stage.ends(box) == [None]
    assert any(record.exc_info for record in caplog.records)


def test_a_row_of_which_no_request_can_be_made_fails_and_is_never_claimed(stage: Stage) -> None:
    rows = [replace(image, timestamp="yesterday") for image in images(stage.folder, 1)]

    done, box = stage.run(stage.setup, rows)

    assert (done.outcomes[0].status, done.outcomes[0].reason) == (ReadStatus.FAILED, Reason.ROW_INVALID)
    assert (stage.ends(box), box.books()["posts"]) == ([], 0)


@pytest.mark.parametrize(
    ("fault", "end", "status"),
    [
        ("400", End.REJECTED, ReadStatus.REJECTED),
        ("413", End.REJECTED, ReadStatus.REJECTED),
        ("error-200", End.REJECTED, ReadStatus.REJECTED),
        ("500", None, ReadStatus.IN_DOUBT),
        ("502-html", None, ReadStatus.IN_DOUBT),
        ("504", None, ReadStatus.IN_DOUBT),
        ("bad-json", None, ReadStatus.IN_DOUBT),
        ("cut-json", None, ReadStatus.IN_DOUBT),
        ("cut-after", None, ReadStatus.IN_DOUBT),
        ("hang", None, ReadStatus.IN_DOUBT),
    ],
)
def test_each_way_to_end_ends_the_claim_by_what_it_means_for_money(
    stage: Stage, fault: str, end: End | None, status: ReadStatus
) -> None:
    setup = stage.setup.but(settings={"timeouts": Timeouts(call_s=10)})

    done, box = stage.run(setup, images(stage.folder, 2), faults=[f"nth=1:{fault}"])  # a rejection needs a read beside

    assert sorted(outcome.status for outcome in done.outcomes) == sorted([status, ReadStatus.READ])
    ends = stage.ends(box, 1) + stage.ends(box, 2)
    assert sorted(ends, key=str) == sorted([end, End.ANSWER], key=str)
    assert box.books()["posts"] == 2


def test_an_empty_answer_is_a_read(stage: Stage) -> None:
    done, _ = stage.run(stage.setup, images(stage.folder, 1), faults=["always:empty"])

    assert done.reads == 1
    assert '"results": []' in (done.outcomes[0].answer or "")


def test_unknown_outcomes_in_a_row_stop_the_task(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    setup = stage.setup.but(settings={"rate_per_s": 5.0}, options=ReadOptions(unknown_in_a_row=4))

    done, box = stage.run(setup, images(stage.folder, 60), faults=["always:500"])

    assert isinstance(done.reason, OCROutcomeUnknown)
    assert done.statuses == {ReadStatus.IN_DOUBT: len(done.outcomes)}
    assert 4 <= box.books()["posts"] <= 6
    assert any("in a row ended with an unknown outcome" in message for message in caplog.messages)


def test_an_outage_costs_a_handful_of_probes_is_said_in_the_log_and_is_over_when_it_is_over(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    setup = stage.setup.but(settings={"rate_per_s": 20.0})

    done, box = stage.run(setup, images(stage.folder, 60), faults=["window=0-60:503"])

    books = box.books()
    assert (done.reads, books["billed"]) == (60, 60)
    assert books["per_status"]["503"] < 40
    said = [message for message in caplog.messages if message.startswith("Call after call fails, so nothing new")]
    assert 3 <= len(said) <= 10
    assert all("The prediction service is unavailable (503" in message for message in said)


def test_a_429_with_no_time_slows_down_and_goes_on(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    setup = stage.setup.but(settings={"rate_per_s": 50.0})

    done, box = stage.run(setup, images(stage.folder, 100), rate=10, retry_after_header=False)

    assert done.reads == 100
    assert box.books()["early_starts"] == []
    assert box.books()["billed"] == 100


def test_a_permit_comes_before_its_claim(stage: Stage) -> None:
    # With one call in flight at a time, no claim is older than the call before it.
    setup = stage.setup.but(settings={"max_in_flight": 1})

    done, _ = stage.run(setup, images(stage.folder, 6), latency="20")

    assert done.reads == 6
    claimed = sorted(when for path, (_, when) in stage.store.objects.items() if path.endswith(".claim"))
    assert min((later - earlier).total_seconds() for earlier, later in pairwise(claimed)) >= 20
