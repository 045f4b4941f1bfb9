"""Paid answers and a ledger that does not take them: kept, spilled, adopted, and no new call meanwhile."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.core.claims import End
from airflow_provider_platerec_ocr.core.errors import OCRLedgerUnwritable
from airflow_provider_platerec_ocr.core.fingerprint import fingerprint_bytes
from airflow_provider_platerec_ocr.core.images.alike import ByItself
from airflow_provider_platerec_ocr.core.models import ReadStatus
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from airflow_provider_platerec_ocr.engine.reading.context import ReadOptions
from support.clock import FakeClock
from support.pictures import local
from support.reading import Setup, images, jpeg, read, read_async, sandbox_here
from support.sandbox import running_sandbox
from support.simulated_store import SimulatedStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.reading import Box, Done


class Stage:
    """A ledger whose store takes no files of some kinds for a while."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.store = SimulatedStore(self.clock)
        self.setup = Setup(folder, place=self.store.place(), settings={"rate_per_s": 10.0})
        self.posts_while_closed = 0

    def close(self, *suffixes: str, from_s: float = 0.0, to_s: float = 1e9, error: type[Exception] = OSError) -> None:
        """Have the store refuse to create such files between two moments of the clock."""

        def before(operation: str, path: str) -> None:
            if operation == "create" and path.endswith(suffixes) and from_s <= self.clock.elapsed_s < to_s:
                raise error(28, "No space left on device")

        self.store.before = before

    def run(self, setup: Setup | None = None, count: int = 1, **sandbox: Any) -> tuple[Done, Box]:
        async def main() -> tuple[Done, Box]:
            async with sandbox_here(self.clock, **sandbox) as box:
                return await read_async(
                    (setup or self.setup).but(url=box.url), images(self.folder, count), self.clock
                ), box

        return self.clock.run(main())

    def ends(self, box: Box, row: int = 1) -> list[End | None]:
        ledger = Ledger.peek(self.store.place(), lease_s=270.0, clock=self.clock)
        history = ledger.look("vin", fingerprint_bytes(box.url, "vin", jpeg(f"image {row}")))
        return [attempt.end for attempt in history]

    @property
    def spilled(self) -> list[Path]:
        return sorted((self.folder / "spill").glob("*.answer.json"))


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_a_save_that_fails_pauses_new_calls_until_it_works(stage: Stage) -> None:
    stage.close(".answer", from_s=2.0, to_s=60.0)

    done, box = stage.run(count=100, latency="1")

    assert (done.reads, done.reason, stage.spilled) == (100, None, [])
    assert box.books()["billed"] == 100
    start = box.arrivals()[0]
    in_the_gap = [at for at in box.arrivals() if 3.5 < at - start < 58.0]
    assert in_the_gap == []


def test_an_answer_that_cannot_be_saved_goes_to_the_spill_and_stops_the_task(stage: Stage) -> None:
    stage.close(".answer")

    done, box = stage.run(stage.setup.but(options=ReadOptions(save_for_s=120.0)), 50, latency="1")

    assert isinstance(done.reason, OCRLedgerUnwritable)
    assert "is kept in" in str(done.reason)
    assert done.statuses == {ReadStatus.READ: box.books()["billed"]}
    assert len(stage.spilled) == box.books()["billed"] < 20
    assert 120 <= stage.clock.elapsed_s < 150


def test_the_next_run_on_the_machine_takes_the_spilled_answers_in_and_pays_for_none_of_them(stage: Stage) -> None:
    async def main() -> tuple[Done, Done, Box]:
        async with sandbox_here(stage.clock, latency="1") as box:
            setup, rows = stage.setup.but(url=box.url, options=ReadOptions(save_for_s=30.0)), images(stage.folder, 30)
            stage.close(".answer")
            first = await read_async(setup, rows, stage.clock)
            stage.close(".nothing")
            return first, await read_async(setup.next_try(), rows, stage.clock), box

    first, second, box = stage.clock.run(main())

    assert 0 < first.reads < 30
    assert (second.reads, second.reason, stage.spilled) == (30, None, [])
    assert box.books()["billed"] == 30
    assert second.billed == 30


def test_a_stopping_task_copies_what_it_cannot_save_at_once_since_it_may_be_killed(stage: Stage) -> None:
    stage.close(".answer", to_s=400.0)
    setup = stage.setup.but(deadline_s=3.0, settings={"rate_per_s": 10.0})
    seen: list[tuple[float, int]] = []

    async def main() -> tuple[Done, Box]:
        async with sandbox_here(stage.clock, latency="20") as box:
            task = asyncio.ensure_future(read_async(setup.but(url=box.url), images(stage.folder, 5), stage.clock))
            await stage.clock.sleep(25.0)
            seen.append((stage.clock.elapsed_s, len(stage.spilled)))
            return await task, box

    done, box = stage.clock.run(main())

    assert seen[0][1] == 5
    assert done.reads == 5
    assert stage.ends(box) == [None]
    assert len(stage.spilled) == 5


def test_a_copy_that_was_not_needed_in_the_end_is_thrown_away(stage: Stage) -> None:
    stage.close(".answer", to_s=30.0)
    setup = stage.setup.but(deadline_s=3.0)

    done, box = stage.run(setup, 2, latency="20")
    assert (done.reads, stage.ends(box), len(stage.spilled)) == (2, [End.ANSWER], 2)

    Ledger.open(stage.store.place(), lease_s=270.0, clock=stage.clock, owner=setup.owner, spill=stage.folder / "spill")
    assert stage.spilled == []


def test_where_the_spill_takes_nothing_the_answer_is_in_the_log(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.close(".answer")
    (stage.folder / "spill").write_text("a file where a folder should be")

    done, _ = stage.run()

    line = next(message for message in caplog.messages if message.startswith("PAID ANSWER"))
    assert json.loads(line.partition("`: ")[2])["answer"] == json.loads(done.outcomes[0].answer or "")


def test_a_fault_of_our_own_while_saving_loses_no_answer(stage: Stage) -> None:
    class Faulty(Ledger):
        def answer(self, *_: Any) -> None:
            message = "a bug"
            raise KeyError(message)

    def make(ledger: Ledger) -> Ledger:
        ledger.__class__ = Faulty
        return ledger

    done, _ = stage.run(stage.setup.but(ledger=make))

    assert (done.reads, len(stage.spilled)) == (1, 1)
    assert isinstance(done.reason, OCRLedgerUnwritable)


def test_a_release_that_cannot_be_saved_is_named_and_stops_the_task(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.close(".released")

    done, box = stage.run(faults=["always:503"])

    assert isinstance(done.reason, OCRLedgerUnwritable)
    assert (done.outcomes, stage.ends(box)) == ([], [None])
    assert any("stays open and will be in doubt" in message for message in caplog.messages)


def test_a_rejection_that_is_saved_late_is_a_rejection(stage: Stage) -> None:
    stage.close(".rejected", to_s=40.0)

    done, box = stage.run(stage.setup.but(more={"fellows": ByItself()}), faults=["always:400"])

    assert (done.outcomes[0].status, done.reason, stage.ends(box)) == (ReadStatus.REJECTED, None, [End.REJECTED])


def test_a_ledger_that_takes_no_claims_for_a_moment_stops_nothing(stage: Stage) -> None:
    stage.close(".claim", from_s=1.0, to_s=6.0)

    done, box = stage.run(count=60)

    assert (done.reads, done.reason) == (60, None)
    assert box.books()["billed"] == 60


def test_a_ledger_that_takes_no_claims_stops_the_task_and_nothing_is_paid(stage: Stage) -> None:
    stage.close(".claim")

    done, box = stage.run(count=20)

    assert isinstance(done.reason, OCRLedgerUnwritable)
    assert "full" in str(done.reason)
    assert (done.outcomes, box.books()["posts"]) == ([], 0)


def test_what_stumbles_sends_no_burst_when_it_walks_again(stage: Stage) -> None:
    stage.close(".claim", from_s=1.0, to_s=6.0)

    _, box = stage.run(count=60, rate=11, burst=1)

    assert box.books()["per_status"] == {"200": 60}


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Mount a disk that is soon full; only root may."""
    folder.mkdir()
    made = subprocess.run(  # noqa: S603  # fixed words
        ["/bin/mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=False, capture_output=True
    )
    if made.returncode != 0:
        pytest.skip(f"no tmpfs can be mounted here: {made.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["/bin/umount", str(folder)], check=True)  # noqa: S603


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_disk_that_fills_up_loses_no_answer_and_costs_no_call_twice(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    with small_disk(tmp_path / "disk", "400k") as disk, running_sandbox(latency="0.3") as box:
        options = ReadOptions(save_for_s=1.0, ledger_patience_s=0.5)
        setup = Setup(tmp_path, box.url, place=local(disk / "ledger"), options=options, settings={"rate_per_s": 200.0})
        rows = images(tmp_path, 200)

        full = read(setup, rows)
        billed_when_full = box.books()["billed"]
        spilled = len(list((tmp_path / "spill").glob("*.answer.json")))
        subprocess.run(["/bin/mount", "-o", "remount,size=20m", str(disk)], check=True)  # noqa: S603
        again = read(setup.next_try().but(options=ReadOptions()), rows)
        books = box.books()

    assert isinstance(full.reason, OCRLedgerUnwritable)
    assert full.reads == billed_when_full < 200
    assert spilled > 0
    assert (again.reads, again.reason) == (200, None)
    assert (books["billed"], books["billed_more_than_once"]) == (200, {})
