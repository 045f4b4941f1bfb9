"""Many images at once: several shards, a stop at any moment, and nothing that kills a batch."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.core.errors import (
    OCRDrained,
    OCRInDoubt,
    OCRLedgerUnwritable,
    OCRRateLimited,
)
from airflow_provider_platerec_ocr.core.models import Outcome, ReadStatus, Reason
from airflow_provider_platerec_ocr.core.saying.choices import InDoubtPolicy
from airflow_provider_platerec_ocr.engine.reading.batch import Batch
from airflow_provider_platerec_ocr.engine.reading.context import ReadOptions
from support.clock import FakeClock
from support.reading import (
    OWNER,
    Done,
    Setup,
    context,
    images,
    jpeg,
    read,
    read_async,
    read_virtually,
    sandbox_here,
)
from support.sandbox import running_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from airflow_provider_platerec_ocr.core.models import PlannedImage
    from airflow_provider_platerec_ocr.engine.images.loader import LoadedImage
    from support.reading import Box


@pytest.mark.no_cover
@pytest.mark.slow
def test_three_shards_cross_refusals_and_a_bad_image_and_pay_for_each_image_once(tmp_path: Path) -> None:
    rows = images(tmp_path, 120)
    faults = ["image=00013:400", "every=7:503", "nth=30-31:429;retry_after=1", "nth=90-91:429;retry_after=2"]
    setup = Setup(tmp_path, settings={"rate_per_s": 60.0}, board=True, shards=3)

    with running_sandbox(latency="0.1-0.4", faults=faults) as box:
        with ThreadPoolExecutor(3) as threads:
            shards = [setup.but(url=box.url, owner=replace(OWNER, map_index=index)) for index in range(3)]
            done = list(threads.map(lambda index: read(shards[index], rows[index::3]), range(3)))
        books = box.books()

    outcomes = [outcome for each in done for outcome in each.outcomes]
    assert sorted(outcome.row for outcome in outcomes) == list(range(1, 121))
    assert {outcome.row for outcome in outcomes if outcome.status == ReadStatus.REJECTED} == {13}
    assert sum(each.reads for each in done) == 119
    assert (books["billed"], books["unique_billed"], books["billed_more_than_once"]) == (119, 119, {})
    assert books["early_starts"] == []
    assert sum(each.billed for each in done) == 119
    assert [each.verdict() for each in done] == [None] * 3


def test_two_batches_over_the_same_images_pay_for_each_once_and_both_have_all_reads(tmp_path: Path) -> None:
    rows = images(tmp_path, 200)
    setup = Setup(tmp_path, settings={"rate_per_s": 200.0})

    with running_sandbox(latency="0.05-0.2") as box, ThreadPoolExecutor(2) as threads:
        runs = [setup.but(url=box.url, owner=replace(OWNER, run_id=f"run-{number}")) for number in (1, 2)]
        done = list(threads.map(lambda run: read(run, rows), runs))
        books = box.books()

    assert [each.reads for each in done] == [200, 200]
    assert (books["billed"], books["unique_billed"]) == (200, 200)
    assert sum(each.billed for each in done) == 200


def test_a_stop_with_fifty_calls_in_flight_saves_all_and_starts_nothing(tmp_path: Path) -> None:
    clock, rows = FakeClock(), images(tmp_path, 120)

    async def main() -> tuple[Done, Box, float, int]:
        async with sandbox_here(clock, latency="25-30") as box:
            made: list[Any] = []

            def keep(done: Done) -> None:
                made.append(done)

            setup = Setup(tmp_path, box.url, settings={"max_in_flight": 50, "rate_per_s": 100.0}, deadline_s=10.0)
            done = await read_async(setup, rows, clock, seen=keep)
            return done, box, max(box.arrivals()), made[0].context.limiter.in_flight

    begun = clock.monotonic()
    done, box, last, in_flight = clock.run(main())

    assert (done.reads, box.books()["billed"], box.books()["peak_in_flight"]) == (50, 50, 50)
    assert last - begun < 10.0
    assert in_flight == 0
    assert isinstance(done.verdict(), OCRDrained)
    assert [path.name for path in (tmp_path / "ledger").rglob("*.released")] == []
    assert len(list((tmp_path / "ledger").rglob("*.answer"))) == 50


def test_who_goes_on_after_a_stop_pays_for_the_rest_only(tmp_path: Path) -> None:
    clock = FakeClock()
    setup = Setup(tmp_path, settings={"rate_per_s": 5.0}, deadline_s=5.0)

    found, box = read_virtually(clock, setup, images(tmp_path, 40), tries=3, latency="20")

    assert sum(done.reads for done in found) == 40
    assert (box.books()["billed"], sum(done.billed for done in found)) == (40, 40)
    assert [isinstance(done.verdict(), OCRDrained) for done in found] == [True, False, False]


def test_being_cancelled_is_a_stop_and_loses_no_call_in_flight(tmp_path: Path) -> None:
    clock = FakeClock()

    async def main() -> Box:
        async with sandbox_here(clock, latency="20") as box:
            setup = Setup(tmp_path, box.url, settings={"rate_per_s": 5.0})
            task = asyncio.ensure_future(read_async(setup, images(tmp_path, 100), clock))
            await clock.sleep(4.1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return box

    box = clock.run(main())

    answers = list((tmp_path / "ledger").rglob("*.answer"))
    assert 15 <= len(answers) == box.books()["billed"] <= 25


def broken_journal(tmp_path: Path, clock: FakeClock, fails_at: int) -> tuple[list[Outcome], Exception | None, Box]:
    kept: list[Outcome] = []

    async def journal(outcome: Outcome) -> None:
        kept.append(outcome)
        if len(kept) >= fails_at:
            message = "No space left on device"
            raise OSError(28, message)

    async def main() -> tuple[Exception | None, Box]:
        async with sandbox_here(clock, latency="20") as box:
            setup = Setup(tmp_path, box.url, settings={"rate_per_s": 5.0})
            async with context(setup, 300, clock) as tools:
                await Batch(tools, journal).run(images(tmp_path, 300))
                return tools.stop.reason, box

    reason, box = clock.run(main())
    return kept, reason, box


def test_a_journal_that_cannot_be_written_drains_the_batch_and_loses_no_answer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept, reason, box = broken_journal(tmp_path, FakeClock(), fails_at=3)

    assert isinstance(reason, OSError)
    assert len(list((tmp_path / "ledger").rglob("*.answer"))) == box.books()["billed"] == len(kept) < 150
    assert sum("cannot be written down" in message for message in caplog.messages) == 1


def test_a_list_of_images_that_breaks_off_stops_the_batch_and_what_began_is_finished(tmp_path: Path) -> None:
    def rows() -> Iterator[PlannedImage]:
        yield from images(tmp_path, 3)
        message = "half a shard"
        raise ValueError(message)

    with running_sandbox(latency="0.3") as box:

        async def main() -> Exception | None:
            async with context(Setup(tmp_path, box.url), 9) as tools:
                await Batch(tools, ignore).run(rows())
                return tools.stop.reason

        assert isinstance(asyncio.run(main()), ValueError)


async def ignore(outcome: Outcome) -> None:
    del outcome


class Faulty:
    """A loader with a bug."""

    def load(self, uri: str) -> LoadedImage:
        raise ZeroDivisionError(uri)


def test_a_fault_of_our_own_on_one_image_does_not_end_the_batch(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with running_sandbox() as box:
        done = read(Setup(tmp_path, box.url, more={"loader": Faulty()}), images(tmp_path, 3))

    assert done.statuses == {ReadStatus.FAILED: 3}
    assert {outcome.reason for outcome in done.outcomes} == {Reason.IMAGE_UNREADABLE}
    assert "ZeroDivisionError" in (done.outcomes[0].message or "")
    assert sum("because of a fault in the provider" in message for message in caplog.messages) == 3


def test_no_image_is_no_work(tmp_path: Path) -> None:
    with running_sandbox() as box:
        done = read(Setup(tmp_path, box.url), [])

    assert (done.outcomes, done.verdict()) == ([], None)


def test_the_window_bounds_what_has_begun(tmp_path: Path) -> None:
    clock, most = FakeClock(), 0
    rows = images(tmp_path, 60)

    async def main() -> Done:
        nonlocal most
        async with sandbox_here(clock, latency="5") as box:
            setup = Setup(tmp_path, box.url, settings={"max_in_flight": 4}, options=ReadOptions(prefetch=3), more={})
            task = asyncio.ensure_future(read_async(setup, rows, clock))
            while not task.done():
                most = max(most, sum("read_one" in repr(each.get_coro()) for each in asyncio.all_tasks()))
                await clock.sleep(1.0)
            return await task

    done = clock.run(main())

    assert done.reads == 60
    assert most == 4 + 3


def test_one_image_needs_no_line_of_how_far_it_is(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    read_virtually(FakeClock(), Setup(tmp_path, settings={"rate_per_s": 1.0}), images(tmp_path, 1), latency="200")

    assert [message for message in caplog.messages if "done (" in message] == []


def test_progress_is_told_as_it_goes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    read_virtually(FakeClock(), Setup(tmp_path, settings={"rate_per_s": 1.0}), images(tmp_path, 100), latency="20")

    lines = [message for message in caplog.messages if "done (" in message]
    assert len(lines) >= 4
    assert lines[-1].startswith("100/100 done (100.0 %)")


def test_a_hold_beyond_patience_is_left_to_airflows_retry(tmp_path: Path) -> None:
    clock = FakeClock()

    found, box = read_virtually(clock, Setup(tmp_path), images(tmp_path, 1), faults=["always:429;retry_after=7200"])

    reason = found[0].verdict()
    assert isinstance(reason, OCRRateLimited)
    assert 3500 < (reason.retry_after_s or 0) <= 3600  # an hour at most; then one call asks
    assert box.books()["posts"] == 1


class Deaf:
    """A client whose statistics break in a way that nobody foresaw."""

    def __init__(self, tools: Any) -> None:
        self.prepare, self.send = tools.client.prepare, tools.client.send

    async def statistics(self) -> None:
        message = "surprise"
        raise ZeroDivisionError(message)


def test_a_watcher_that_breaks_stops_the_batch(tmp_path: Path) -> None:
    with running_sandbox(latency="0.2") as box:

        async def main() -> Exception | None:
            async with context(Setup(tmp_path, box.url), 3) as tools:
                deaf: Any = Deaf(tools)
                await Batch(replace(tools, client=deaf), ignore, reserve=0).run(images(tmp_path, 3))
                return tools.stop.reason

        assert isinstance(asyncio.run(main()), ZeroDivisionError)


@pytest.mark.parametrize(
    ("statuses", "policy", "expected"),
    [
        (["read", "rejected", "failed"], InDoubtPolicy.RESEND, None),
        (["read", "in_doubt"], InDoubtPolicy.RESEND, OCRInDoubt),
        (["read", "in_doubt"], InDoubtPolicy.HOLD, None),
        (["read", "in_doubt"], InDoubtPolicy.FAIL, OCRInDoubt),
        (["read", "in_doubt_twice"], InDoubtPolicy.RESEND, None),
        (["read", "held_elsewhere"], InDoubtPolicy.RESEND, None),
    ],
)
def test_the_verdict_goes_by_how_the_images_ended(
    tmp_path: Path, statuses: list[str], policy: InDoubtPolicy, expected: type[Exception] | None
) -> None:
    done = ended(tmp_path, statuses, ReadOptions(in_doubt=policy))

    verdict = done.verdict()

    assert (None if verdict is None else type(verdict)) is expected


def ended(tmp_path: Path, statuses: list[str], options: ReadOptions | None = None) -> Done:
    """Return what a batch with such outcomes leaves behind."""

    async def main() -> Done:
        setup = Setup(tmp_path, "http://127.0.0.1:9", options=options or ReadOptions())
        async with context(setup, len(statuses)) as tools:
            for row, name in enumerate(statuses, 1):
                twice = name == "in_doubt_twice"
                status = "in_doubt" if twice else name
                reason = (Reason.IN_DOUBT_TWICE if twice else Reason.IN_DOUBT) if status == "in_doubt" else None
                tools.progress.add(Outcome(row, f"{row}.jpg", "vin", status, reason=reason))
            return Done(tools)

    return asyncio.run(main())


def test_a_stop_that_came_too_late_to_matter_is_no_failure(tmp_path: Path) -> None:
    done = ended(tmp_path, ["read", "rejected"])
    done.context.stop.set(OCRDrained("the soft deadline"))

    assert done.verdict() is None


def test_a_stop_fails_the_task_where_images_are_left_or_answers_are_not_in_the_ledger(tmp_path: Path) -> None:
    held = ended(tmp_path, ["read", "held_elsewhere"])
    held.context.stop.set(OCRDrained("the soft deadline"))
    spilled = ended(tmp_path, ["read", "read"])
    spilled.context.stop.set(OCRLedgerUnwritable("full"))

    assert isinstance(held.verdict(), OCRDrained)
    assert "2 of 2 images done" in str(getattr(spilled.verdict(), "__notes__", ""))


def test_the_first_reason_to_stop_counts(tmp_path: Path) -> None:
    done = ended(tmp_path, ["read"])
    first, second = OCRDrained("first"), ValueError("second")
    done.context.stop.set(first)
    done.context.stop.set(second)

    assert done.reason is first


def test_duplicates_wait_in_no_ones_way(tmp_path: Path) -> None:
    rows = images(tmp_path, 40)
    for image in rows[:39]:
        (tmp_path / "photos" / image.image.rpartition("/")[2]).write_bytes(jpeg("all the same"))
    setup = Setup(tmp_path, settings={"max_in_flight": 2}, options=ReadOptions(prefetch=2))

    found, box = read_virtually(FakeClock(), setup, rows, latency="20")

    assert (found[0].reads, box.books()["billed"]) == (40, 2)
