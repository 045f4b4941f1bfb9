"""Payloads of the inbox become rows, once each, whoever dies when."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.core.claims import End
from airflow_provider_platerec_ocr.core.errors import OCRDatasetError, OCRLedgerError
from airflow_provider_platerec_ocr.hooks.sweeps import KEPT, SweepLog
from support.inbox_stage import InboxStage, answer, payload
from support.stores import age_claims, local_place

if TYPE_CHECKING:
    from pathlib import Path

PRINT = "ab" * 32
OURS = f"1617_7M83K_truck-{PRINT}.jpg"


@pytest.fixture
def stage(tmp_path: Path) -> InboxStage:
    return InboxStage(tmp_path)


def claim(stage: InboxStage) -> Any:
    made = stage.ledger.claim("vin", PRINT, 1, {"image": "/in/truck.jpg", "row": 1})
    assert made is not None
    return made


def test_an_answer_to_somebody_elses_call_becomes_a_row_that_cost_nothing(stage: InboxStage) -> None:
    receipt = stage.inbox.put(payload(7, camera_id="gate 3"))

    counts = stage.sweep()

    assert (counts["payloads"], counts["reads"], counts["rows"], counts["calls_billed"]) == (1, 1, 1, 0)
    (row,) = stage.rows()
    assert row["image"] == "https://files.example/u/7.jpg"
    assert row["image_version"] == receipt.id
    assert (row["code"], row["code_system"], row["check_digit_ok"]) == ("1M8GDM9AXKP042788", "vin", True)
    assert (row["calls_billed"], row["camera_id"], row["filename"]) == (0, "gate 3", "7.jpg")
    assert row["timestamp"].isoformat() == "2026-03-01T13:26:01.683008+00:00"
    assert (row["dag_id"], row["run_id"], row["fingerprint"]) == ("webhook_ingest", "run-1", None)
    assert "SECRET" not in json.dumps(row, default=str)
    assert next((stage.folder / "reads").glob("*/*")).relative_to(stage.folder).as_posix() == (
        "reads/type=vin/date=2026-03-01"
    )


def test_the_same_checks_hold_as_for_calls_of_our_own(stage: InboxStage) -> None:
    stage.inbox.put(payload(1, "SGZCZ43D13S812715"))
    stage.inbox.put(payload(2, "1HGBH41JXMN1O9186"))
    stage.inbox.put(payload(3, None))

    counts = stage.sweep()

    assert counts["nothing_found"] == 1
    found = {
        row["image"][-5:]: (row["code_normalized"], row["check_digit_ok"], row["repaired"]) for row in stage.rows()
    }
    assert found["1.jpg"][1] is not True
    assert found["2.jpg"] == ("1HGBH41JXMN109186", True, True)
    assert found["3.jpg"] == (None, None, None)


def test_what_is_no_read_becomes_a_dead_letter_with_its_reason(stage: InboxStage) -> None:
    bad = payload(1) | {"data": {"error": "no image at https://x.example/a?sig=SECRET", "file_url": "https://f/1.jpg"}}
    stage.inbox.put(bad)
    stage.inbox.put({"data": {"results": "none", "filename": "b.jpg"}})
    stage.inbox.put({"data": {}})
    stage.inbox.put(payload(2))

    counts = stage.sweep()

    assert (counts["dead_letters"], counts["reads"]) == (3, 1)
    letters = {row["image"]: row for row in stage.rows("reads_dead_letters")}
    assert letters["https://f/1.jpg"]["message"] == "The webhook's answer is no read: no image at https://x.example/a"
    assert letters["b.jpg"]["reason"] == "api_rejected"
    assert letters["b.jpg"]["permanent"] is True
    assert any(image.startswith("webhook-") for image in letters)


@pytest.mark.parametrize(
    "more",
    [
        {"filename": "half \ud83d a character.jpg", "file_url": None},
        {"timestamp": "0001-01-01T00:00:00+14:00"},
        {"timestamp": "9999-12-31T23:59:59-14:00"},
        {"file_url": "https://[bad/x.jpg"},
        {"file_url": "https://host:port/x.jpg?a=b"},
        {"file_url": 17, "filename": 18, "camera_id": {"a": 1}, "timestamp": [], "processing_time": "fast"},
        {"processing_time": 10**400},
        {"results": [None, 1, {"identifier": {"props": {"code": [{"value": "\x00\ud800"}]}}}]},
    ],
)
def test_a_strange_answer_holds_up_no_other(stage: InboxStage, more: dict[str, Any]) -> None:
    stage.inbox.put(payload(1))
    stage.inbox.put(payload(2, **more))

    counts = stage.sweep()

    assert counts["reads"] + counts["dead_letters"] == 2
    assert "https://files.example/u/1.jpg" in [row["image"] for row in stage.rows()]
    assert stage.sweep("run-2")["payloads"] == 0


def test_each_camera_may_read_another_type(stage: InboxStage) -> None:
    stage.inbox.put(payload(1, camera_id="yard"))
    stage.inbox.put(payload(2, camera_id=4))
    stage.inbox.put(payload(3))

    stage.sweep(types={None: "vin", "yard": "trailer_id", "4": "trailer_id"})

    found = {path.name: path for path in (stage.folder / "reads").iterdir()}
    assert set(found) == {"type=vin", "type=trailer_id"}
    assert len(stage.rows("reads/type=trailer_id")) == 2


def test_a_second_sweep_takes_only_what_is_new(stage: InboxStage) -> None:
    stage.inbox.put(payload(1))
    stage.sweep("run-1")
    stage.inbox.put(payload(1))
    stage.inbox.put(payload(2))

    counts = stage.sweep("run-2")

    assert (counts["payloads"], counts["reads"]) == (1, 1)
    assert len(stage.rows()) == 2
    assert stage.sweep("run-3") == dict.fromkeys(counts, 0)


def test_more_payloads_than_one_sweep_takes_become_several_sweeps_of_one_run(stage: InboxStage) -> None:
    for number in range(8):
        stage.inbox.put(payload(number))

    counts = stage.sweep(at_once=3)

    assert (counts["payloads"], counts["rows"], counts["sweeps"], counts["files"]) == (8, 8, 3, 3)
    assert len({row["image"] for row in stage.rows()}) == 8


def test_an_answer_to_a_call_of_ours_is_left_aside_where_the_ledger_has_it(stage: InboxStage) -> None:
    made = claim(stage)
    stage.ledger.answer(made, answer(), {})
    stage.inbox.put(payload(1, filename=OURS))

    counts = stage.sweep()

    assert (counts["ours"], counts["settled"], counts["rows"]) == (1, 0, 0)
    assert stage.rows() == []


def test_an_answer_to_a_call_of_ours_that_is_under_way_is_left_to_it(stage: InboxStage) -> None:
    claim(stage)
    stage.inbox.put(payload(1, filename=OURS))

    counts = stage.sweep()

    assert (counts["ours"], counts["settled"]) == (1, 0)
    assert stage.ledger.look("vin", PRINT)[0].end is None


def test_a_call_of_ours_in_doubt_gets_its_answer(stage: InboxStage) -> None:
    claim(stage)
    age_claims(stage.folder / "ledger", 300)
    stage.inbox.put(payload(1, filename=OURS))

    counts = stage.sweep()

    assert (counts["ours"], counts["settled"], counts["rows"]) == (1, 1, 0)
    (attempt,) = stage.ledger.look("vin", PRINT)
    assert attempt.payload is not None
    assert attempt.payload["answer"] == answer(filename=OURS)
    assert attempt.payload["settled"]["by"] == "webhook"


def test_a_call_that_was_thought_not_billed_gets_its_answer_too(stage: InboxStage) -> None:
    stage.ledger.release(claim(stage), "503")
    stage.inbox.put(payload(1, filename=OURS))

    counts = stage.sweep()

    assert counts["settled"] == 1
    assert stage.ledger.look("vin", PRINT)[0].end is End.ANSWER


def test_a_rejected_call_and_an_unreadable_answer_settle_nothing(stage: InboxStage) -> None:
    stage.ledger.reject(claim(stage), {"message": "no"})
    stage.inbox.put(payload(1, filename=OURS))
    other = f"x-{'cd' * 32}.jpg"
    stage.ledger.claim("vin", "cd" * 32, 1, {})
    age_claims(stage.folder / "ledger", 300)
    stage.inbox.put({"data": {"error": "no", "filename": other}})

    counts = stage.sweep()

    assert (counts["ours"], counts["settled"], counts["dead_letters"]) == (2, 0, 0)


def test_a_fingerprint_that_is_not_in_the_ledger_is_somebody_elses(stage: InboxStage) -> None:
    stage.inbox.put(payload(1, filename=OURS))

    stage.sweep()

    assert [row["fingerprint"] for row in stage.rows()] == [PRINT]


def test_where_the_ledger_cannot_be_read_nothing_is_published(stage: InboxStage) -> None:
    claim(stage)
    file = next((stage.folder / "ledger" / "vin").rglob("*.claim"))
    file.unlink()
    file.mkdir()  # what is there cannot be read
    stage.inbox.put(payload(1, filename=OURS))
    stage.inbox.put(payload(2))

    with pytest.raises(OCRLedgerError):
        stage.sweep()

    assert stage.rows() == []


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
    for number in range(KEPT + 5):
        stage.inbox.put(payload(number))
        stage.clock.pause(5)
        stage.sweep(f"run-{number}")

    names = sorted(path.name for path in (stage.folder / "reads_inbox").iterdir())

    assert len(names) == 2 * KEPT
    assert names[-1] == f"{KEPT + 5:010d}.sweep"
    assert len(stage.rows()) == KEPT + 5


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
