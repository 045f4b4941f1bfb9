"""Sweeps that die, meet, or repeat themselves: each payload is one row all the same."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.core.errors import OCRDatasetError
from airflow_provider_platerec_ocr.runtime.sweep_log import SweepLog
from support.inbox_stage import InboxStage, payload
from support.stores import local_place

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def stage(tmp_path: Path) -> InboxStage:
    return InboxStage(tmp_path)


class DiesError(Exception):
    """The process is gone."""


@pytest.mark.parametrize("step", ["begin", "finish"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_sweep_that_dies_is_finished_by_the_next_one(stage: InboxStage, step: str, when: str) -> None:
    stage.inbox.put(payload(1))
    stage.inbox.put(payload(2))
    sweeper = stage.sweeper("run-1")

    class Dying(SweepLog):
        def begin(self, sweep: Any) -> bool:
            return bool(self._die("begin", super().begin, sweep))

        def finish(self, sweep: Any) -> None:
            self._die("finish", super().finish, sweep)

        def _die(self, name: str, do: Any, sweep: Any) -> Any:
            if name != step:
                return do(sweep)
            if when == "after":
                do(sweep)
            raise DiesError

    sweeper.log = Dying(sweeper.log.place)
    with pytest.raises(DiesError):
        sweeper.sweep()
    stage.inbox.put(payload(3))

    stage.sweep("run-2")

    assert sorted(row["image"][-5:] for row in stage.rows()) == ["1.jpg", "2.jpg", "3.jpg"]
    assert stage.sweep("run-3")["payloads"] == 0


def test_of_two_sweeps_at_once_one_takes_the_payloads(stage: InboxStage) -> None:
    for number in range(5):
        stage.inbox.put(payload(number))
    first, second = stage.sweeper("run-1"), stage.sweeper("run-2")

    class Late(SweepLog):
        """Comes second: the other one has made the sweep while this one was sorting its payloads."""

        def begin(self, sweep: Any) -> bool:
            first.sweep()
            return super().begin(sweep)

    second.log = Late(second.log.place)
    second.sweep()

    assert (first.counts()["payloads"], second.counts()["payloads"]) == (5, 0)
    assert len(stage.rows()) == 5
    assert {row["run_id"] for row in stage.rows()} == {"run-1"}


def test_publishing_a_sweep_again_gives_the_same_bytes(stage: InboxStage) -> None:
    stage.inbox.put(payload(1))
    stage.sweep("run-1")
    (file,) = (stage.folder / "reads").rglob("*.parquet")
    before = file.read_bytes()
    next((stage.folder / "reads_inbox").glob("*.done")).unlink()

    counts = stage.sweep("run-2")

    assert counts["rows"] == 1
    assert list((stage.folder / "reads").rglob("*.parquet")) == [file]
    assert file.read_bytes() == before


def test_where_the_log_was_lost_the_dataset_says_what_it_has(stage: InboxStage) -> None:
    stage.inbox.put(payload(1))
    stage.inbox.put({"data": {"error": "no", "filename": "b.jpg"}})
    stage.sweep("run-1")
    (stage.folder / "reads_inbox").rename(stage.folder / "lost")
    stage.inbox.put(payload(2))

    counts = stage.sweep("run-2")

    assert (counts["payloads"], counts["known"], counts["reads"], counts["dead_letters"]) == (3, 2, 1, 0)
    assert len(stage.rows()) == 2


def test_a_payload_that_is_given_out_twice_is_one_row(stage: InboxStage) -> None:
    stage.inbox.put(payload(1))
    stage.sweep("run-1")
    original = stage.inbox

    class Repeating:
        """The inbox of a store that took over a minute for one payload: it has two places in the order."""

        def scan(self, after: str, _limit: int) -> Any:
            first = next(iter(original.scan("")))
            again = replace(first, cursor=first.cursor[:-1] + "~")
            return [again] if after < again.cursor else []

        def waits(self, after: str, _before: object) -> bool:
            return bool(self.scan(after, 1))

    counts = stage.sweep("run-2", inbox=Repeating())

    assert (counts["payloads"], counts["known"], counts["rows"]) == (1, 1, 0)


def test_what_is_still_being_received_is_waited_for(stage: InboxStage) -> None:
    stage.inbox.put(payload(1))
    begun = stage.clock.monotonic()

    stage.sweep()

    assert len(stage.rows()) == 1
    assert 3 <= stage.clock.monotonic() - begun <= 10


def test_a_receipt_that_was_cut_off_holds_up_later_ones_for_a_minute_at_most(stage: InboxStage) -> None:
    stage.inbox.put(payload(1))
    record = next((stage.folder / "inbox" / "payloads").rglob("*.json"))
    record.unlink()  # the receiver died between the mark and the record
    stage.inbox.put(payload(2))

    counts = stage.sweep()

    assert counts["payloads"] == 1
    assert [row["image"][-5:] for row in stage.rows()] == ["2.jpg"]


def test_an_inbox_that_never_comes_to_rest_ends_the_sweep_in_time(
    stage: InboxStage, caplog: pytest.LogCaptureFixture
) -> None:
    class Stuck:
        def scan(self, _after: str, _limit: int) -> Any:
            return []

        def waits(self, _after: str, _before: object) -> bool:
            return True

    begun = stage.clock.monotonic()
    stage.sweep(inbox=Stuck())

    assert 85 <= stage.clock.monotonic() - begun <= 95
    assert "the next sweep takes it" in caplog.text


def test_the_log_keeps_what_it_needs_and_no_more(stage: InboxStage) -> None:
    kept = 25
    for number in range(kept + 5):
        stage.inbox.put(payload(number))
        stage.clock.pause(5)
        stage.sweep(f"run-{number}", log=SweepLog(local_place(stage.folder / "reads_inbox"), kept=kept))

    names = sorted(path.name for path in (stage.folder / "reads_inbox").iterdir())

    assert len(names) == 2 * kept
    assert names[-1] == f"{kept + 5:010d}.sweep"
    assert len(stage.rows()) == kept + 5


def test_a_damaged_log_is_named_and_nothing_is_published(stage: InboxStage) -> None:
    stage.inbox.put(payload(1))
    stage.sweep()
    next((stage.folder / "reads_inbox").glob("*.sweep")).write_bytes(b"{")

    with pytest.raises(OCRDatasetError, match="is damaged"):
        stage.sweep("run-2")


def test_files_of_others_in_the_logs_folder_are_left_alone(stage: InboxStage) -> None:
    (stage.folder / "reads_inbox").mkdir()
    (stage.folder / "reads_inbox" / "README.txt").write_text("ours")
    stage.inbox.put(payload(1))

    stage.sweep()

    assert len(stage.rows()) == 1


def test_a_store_that_refuses_fails_the_sweep_and_the_next_one_publishes_it(stage: InboxStage) -> None:
    stage.inbox.put(payload(1))
    (stage.folder / "reads").write_text("a file is in the way")

    with pytest.raises(OSError, match="reads"):
        stage.sweep("run-1")
    (stage.folder / "reads").unlink()
    stage.sweep("run-2")

    assert [row["run_id"] for row in stage.rows()] == ["run-1"]


def test_a_publication_that_somebody_else_has_finished_is_not_a_failure(stage: InboxStage) -> None:
    stage.inbox.put(payload(1))
    (stage.folder / "reads").write_text("a file is in the way")
    sweeper = stage.sweeper("run-1")

    class Done(SweepLog):
        def is_done(self, sweep: Any) -> bool:
            self.finish(sweep)
            return super().is_done(sweep)

    sweeper.log = Done(local_place(stage.folder / "reads_inbox"))

    sweeper.sweep()

    assert sweeper.counts()["rows"] == 0
