from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.core.claims import End
from airflow_provider_platerec_ocr.core.errors import OCRInDoubt, OCRLedgerError, OCRNotSent
from airflow_provider_platerec_ocr.core.fingerprint import fingerprint_bytes
from airflow_provider_platerec_ocr.core.images.alike import ByItself
from airflow_provider_platerec_ocr.core.models import Owner, ReadStatus, Reason
from airflow_provider_platerec_ocr.core.saying.choices import InDoubtPolicy
from airflow_provider_platerec_ocr.core.settings import ClientSettings
from airflow_provider_platerec_ocr.engine.client.client import OCRClient
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from airflow_provider_platerec_ocr.engine.reading.context import ReadOptions
from support.clock import FakeClock
from support.reading import OWNER, TOKEN, Setup, images, jpeg, read_async, read_virtually, sandbox_here
from support.simulated_store import SimulatedStore

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_platerec_ocr.core.claims import History
    from airflow_provider_platerec_ocr.core.models import Read
    from airflow_provider_platerec_ocr.engine.client.transport import Sending
    from support.reading import Box, Done

OTHER = Owner(dag_id="yard", run_id="run-0", task_id="read")
LEASE_S = 270.0


class Stage:
    """A ledger on virtual time, where somebody else may have been before."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.store = SimulatedStore(self.clock)
        self.setup = Setup(folder, place=self.store.place())
        self.rows = images(folder, 1)

    def ledger(self, owner: Owner = OTHER) -> Ledger:
        return Ledger.peek(self.store.place(), lease_s=LEASE_S, clock=self.clock, owner=owner)

    def fingerprint(self, url: str, row: int = 1) -> str:
        return fingerprint_bytes(url, "vin", jpeg(f"image {row}"))

    def history(self, url: str, row: int = 1) -> History:
        return self.ledger().look("vin", self.fingerprint(url, row))

    def tries(self, count: int, policy: InDoubtPolicy = InDoubtPolicy.RESEND, **sandbox: Any) -> tuple[list[Done], Box]:
        setup = self.setup.but(options=ReadOptions(in_doubt=policy))
        return read_virtually(self.clock, setup, self.rows, tries=count, **sandbox)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def ends(done: Done) -> tuple[str, str | None, int]:
    outcome = done.outcomes[0]
    return outcome.status, outcome.reason, outcome.calls_billed


def test_a_call_in_doubt_is_not_sent_again_by_the_try_that_made_the_doubt(stage: Stage) -> None:
    found, box = stage.tries(1, faults=["nth=1:cut-after"])

    assert ends(found[0]) == (ReadStatus.IN_DOUBT, Reason.IN_DOUBT, 1)
    assert box.books()["posts"] == 1
    again = found[0].verdict()
    assert isinstance(again, OCRInDoubt)
    assert (again.retry, again.retry_after_s) == (True, LEASE_S)


def test_the_next_try_sends_it_once_more_and_counts_both_calls(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)

    found, box = stage.tries(2, faults=["nth=1:cut-after"])

    assert ends(found[1]) == (ReadStatus.READ, None, 2)
    assert box.books()["billed"] == 2
    assert found[1].context.progress.resent == 1
    assert sum("Resending" in message for message in caplog.messages) == 1
    assert found[1].verdict() is None


def test_two_calls_in_doubt_are_left_to_a_person_for_ever(stage: Stage) -> None:
    found, box = stage.tries(4, faults=["always:cut-after"])

    assert [ends(done) for done in found] == [
        (ReadStatus.IN_DOUBT, Reason.IN_DOUBT, 1),
        (ReadStatus.IN_DOUBT, Reason.IN_DOUBT_TWICE, 2),
        (ReadStatus.IN_DOUBT, Reason.IN_DOUBT_TWICE, 2),
        (ReadStatus.IN_DOUBT, Reason.IN_DOUBT_TWICE, 2),
    ]
    assert box.books()["posts"] == 2
    assert [done.verdict() for done in found[1:]] == [None, None, None]


def test_on_the_last_try_a_doubt_is_left_to_the_next_run(stage: Stage) -> None:
    found, _ = stage.tries(1, faults=["always:500"])

    assert found[0].verdict(last_try=True) is None


@pytest.mark.parametrize("policy", [InDoubtPolicy.HOLD, InDoubtPolicy.FAIL])
def test_a_policy_may_forbid_the_second_call(stage: Stage, policy: InDoubtPolicy) -> None:
    found, box = stage.tries(3, policy, faults=["always:cut-after"])

    assert box.books()["posts"] == 1
    assert {ends(done)[:2] for done in found} == {(ReadStatus.IN_DOUBT, Reason.IN_DOUBT)}
    assert "settle" in (found[0].outcomes[0].message or "")


def test_fail_fails_the_task_without_a_retry_and_hold_does_not(stage: Stage) -> None:
    held, _ = stage.tries(1, InDoubtPolicy.HOLD, faults=["always:cut-after"])
    assert held[0].verdict() is None

    failed, _ = stage.tries(1, InDoubtPolicy.FAIL, faults=["always:cut-after"])
    reason = failed[0].verdict()
    assert isinstance(reason, OCRInDoubt)
    assert reason.retry is False


def test_a_second_image_with_the_same_bytes_does_not_wait_for_a_call_whose_outcome_is_unknown(stage: Stage) -> None:
    rows = images(stage.setup.folder, 2)
    (stage.setup.folder / "photos" / "00002.jpg").write_bytes(jpeg("image 1"))
    took: list[float] = []

    async def main() -> Done:
        async with sandbox_here(stage.clock, faults=["nth=1:500"]) as box:
            setup = stage.setup.but(url=box.url, options=ReadOptions(prefetch=1), settings={"max_in_flight": 1})
            begun = stage.clock.elapsed_s
            done = await read_async(setup, [rows[0], *images(stage.setup.folder, 8, first=3), rows[1]], stage.clock)
            took.append(stage.clock.elapsed_s - begun)
            return done

    done = stage.clock.run(main())

    assert done.statuses == {ReadStatus.IN_DOUBT: 2, ReadStatus.READ: 8}
    assert done.billed == 9
    assert took[0] < LEASE_S / 2


def test_somebody_elses_call_is_waited_for_and_its_answer_taken(stage: Stage) -> None:
    async def main() -> tuple[Done, Box]:
        async with sandbox_here(stage.clock) as box:
            claim = stage.ledger().claim("vin", stage.fingerprint(box.url), 1, {})
            assert claim is not None
            asking = asyncio.ensure_future(read_async(stage.setup.but(url=box.url), stage.rows, stage.clock))
            await stage.clock.sleep(20)
            stage.ledger().answer(claim, {"results": []}, {"read_at": "2026-03-01T22:00:20Z"})
            return await asking, box

    done, box = stage.clock.run(main())

    assert ends(done) == (ReadStatus.READ, None, 0)
    assert (done.outcomes[0].from_ledger, done.outcomes[0].read_at) == (True, "2026-03-01T22:00:20Z")
    assert box.books()["posts"] == 0


def test_who_never_answers_is_in_doubt_after_his_lease_and_the_call_is_repeated(stage: Stage) -> None:
    async def main() -> Done:
        async with sandbox_here(stage.clock) as box:
            stage.ledger().claim("vin", stage.fingerprint(box.url), 1, {})
            return await read_async(stage.setup.but(url=box.url), stage.rows, stage.clock)

    done = stage.clock.run(main())

    assert ends(done) == (ReadStatus.READ, None, 1)
    assert stage.clock.elapsed_s >= LEASE_S


def test_a_claim_that_is_renewed_by_others_is_waited_for_one_lease_only(stage: Stage) -> None:
    async def main() -> Done:
        async with sandbox_here(stage.clock) as box:
            others = replace_lease(stage, 10_000.0)
            others.claim("vin", stage.fingerprint(box.url), 1, {})
            return await read_async(stage.setup.but(url=box.url), stage.rows, stage.clock)

    done = stage.clock.run(main())

    assert ends(done) == (ReadStatus.HELD_ELSEWHERE, None, 0)
    assert LEASE_S <= stage.clock.elapsed_s < LEASE_S + 20
    assert done.verdict() is None


def replace_lease(stage: Stage, lease_s: float) -> Ledger:
    return Ledger.peek(stage.store.place(), lease_s=lease_s, clock=stage.clock, owner=OTHER)


def test_images_held_elsewhere_take_no_place_from_the_others(stage: Stage) -> None:
    folder = stage.setup.folder

    async def main() -> tuple[Done, list[int]]:
        async with sandbox_here(stage.clock) as box:
            for row in range(1, 41):
                stage.ledger().claim("vin", stage.fingerprint(box.url, row), 1, {})
            setup = stage.setup.but(url=box.url, options=ReadOptions(prefetch=2), settings={"max_in_flight": 2})
            order: list[int] = []
            done = await read_async(
                setup, images(folder, 50), stage.clock, seen=lambda done: order.append(done.outcomes[-1].row)
            )
            return done, order

    done, order = stage.clock.run(main())

    assert sorted(order[:10]) == list(range(41, 51))
    assert done.reads == 50


def test_a_rejection_is_known_to_the_next_run(stage: Stage) -> None:
    stage.setup = stage.setup.but(more={"fellows": ByItself()})
    found, box = stage.tries(1, faults=["always:400"])
    assert ends(found[0]) == (ReadStatus.REJECTED, Reason.API_REJECTED, 0)

    async def main() -> Done:
        return await read_async(
            stage.setup.but(url=box.url, owner=replace(OWNER, run_id="run-2")), stage.rows, stage.clock
        )

    again = stage.clock.run(main()).outcomes[0]

    assert (again.status, again.from_ledger, again.http_status) == (ReadStatus.REJECTED, True, 400)
    assert "known from the ledger" in (again.message or "")


def test_an_image_that_gets_503_over_and_over_is_left_to_the_next_run(stage: Stage) -> None:
    found, box = stage.tries(1, faults=["always:503"])

    assert ends(found[0]) == (ReadStatus.FAILED, Reason.API_UNAVAILABLE, 0)
    assert found[0].outcomes[0].http_status == 503
    assert box.books()["posts"] == ReadOptions().refusals_per_image
    assert {attempt.end for attempt in stage.history(box.url)} == {End.RELEASED}


def test_a_503_is_not_repeated_earlier_than_asked(stage: Stage) -> None:
    found, box = stage.tries(1, faults=["nth=1:503;retry_after=90"])

    first, second = box.arrivals()
    assert found[0].reads == 1
    assert second - first >= 90


class Unreachable(OCRClient):
    """A client whose calls for one image never get through."""

    filename = "00001-"

    def prepare(self, **request: Any) -> Sending:
        sending = super().prepare(**request)
        if request["filename"].startswith(self.filename):
            sending.url = "unreachable"
        return sending

    async def send(self, sending: Sending) -> Read:
        if sending.url == "unreachable":
            message = "The connection broke before the call was sent whole."
            raise OCRNotSent(message)
        return await super().send(sending)


def test_an_image_whose_calls_never_get_through_does_not_keep_the_others_from_ending(stage: Stage) -> None:
    rows = images(stage.setup.folder, 40)

    async def main() -> tuple[Done, Box]:
        async with sandbox_here(stage.clock, latency="1") as box:
            settings = ClientSettings(token=TOKEN, base_url=box.url)
            async with Unreachable(settings, clock=stage.clock) as client:
                setup = stage.setup.but(url=box.url, settings={"rate_per_s": 1.0}, more={"client": client})
                return await read_async(setup, rows, stage.clock), box

    done, box = stage.clock.run(main())

    assert done.statuses == {ReadStatus.READ: 39, ReadStatus.FAILED: 1}
    assert next(outcome for outcome in done.outcomes if outcome.row == 1).reason == Reason.API_UNAVAILABLE
    assert {attempt.end for attempt in stage.history(box.url)} == {End.RELEASED}


def test_in_an_outage_no_image_is_given_up_but_the_task_is_in_the_end(stage: Stage) -> None:
    async def main() -> Done:
        setup = stage.setup.but(url="http://127.0.0.1:9", settings={"rate_per_s": 5.0})
        return await read_async(setup, images(stage.setup.folder, 30), stage.clock)

    done = stage.clock.run(main())

    assert done.outcomes == []
    assert isinstance(done.reason, OCRNotSent)
    assert ReadOptions().give_up_after_s <= stage.clock.elapsed_s < ReadOptions().give_up_after_s + 120
    assert done.context.progress.calls < 60


def test_a_ledger_that_cannot_be_read_for_a_moment_is_asked_again(stage: Stage) -> None:
    failures = iter([OSError("timeout")] * 3)

    def before(operation: str, path: str) -> None:
        error = next(failures, None) if operation == "read" and path.endswith(".claim") else None
        if error:
            raise error

    async def main() -> Done:
        async with sandbox_here(stage.clock) as box:
            setup = stage.setup.but(url=box.url, ledger=lambda ledger: watched(stage, ledger, before))
            return await read_async(setup, stage.rows, stage.clock)

    done = stage.clock.run(main())

    assert (done.reads, done.reason) == (1, None)


def watched(stage: Stage, ledger: Ledger, before: object) -> Ledger:
    stage.store.before = before  # type: ignore[assignment]  # a plain function, from here on
    return ledger


def test_a_ledger_that_stays_unreadable_stops_the_task_and_nothing_is_sent(stage: Stage) -> None:
    def before(operation: str, path: str) -> None:
        if operation == "read" and path.endswith(".claim"):
            message = "gone"
            raise OSError(message)

    async def main() -> tuple[Done, Box]:
        async with sandbox_here(stage.clock) as box:
            setup = stage.setup.but(url=box.url, ledger=lambda ledger: watched(stage, ledger, before))
            return await read_async(setup, stage.rows, stage.clock), box

    done, box = stage.clock.run(main())

    assert isinstance(done.reason, OCRLedgerError)
    assert (done.outcomes, box.books()["posts"]) == ([], 0)
    assert stage.clock.elapsed_s < 30
