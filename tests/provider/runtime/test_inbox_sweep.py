"""Payloads of the inbox become rows, once each, whoever dies when."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.core.claims import End
from airflow_provider_platerec_ocr.core.errors import OCRLedgerError
from support.inbox_stage import InboxStage, answer, payload
from support.stores import age_claims

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
