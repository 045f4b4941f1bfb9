"""The books: what was billed twice, and who came back too early."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.sandbox.state.call_log import Call, CallLog, books, early_starts
from airflow_provider_platerec_ocr.sandbox.state.clock import Clock

if TYPE_CHECKING:
    from pathlib import Path


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.s = 100.0
        self.clock = Clock(lambda: self.s, lambda: datetime(2025, 3, 22, tzinfo=UTC))


def call(seq: int, arrived_s: float, **more: object) -> Call:
    return Call(seq, arrived_s, "", type="vin", account="a", **more)  # type: ignore[arg-type]


def refused(seq: int, arrived_s: float, wait_s: float, image: str = "x") -> Call:
    return call(seq, arrived_s, ended_s=arrived_s, status=429, retry_after_s=wait_s, image=image)


def test_an_image_billed_twice_is_named_and_the_same_image_for_another_type_is_not() -> None:
    log = CallLog(Hand().clock)
    for image, type_ in (("x", "vin"), ("x", "vin"), ("x", "trailer_id"), ("y", "vin")):
        entry = log.arrive()
        entry.image, entry.type, entry.billed = image, type_, True
        log.end(entry, 200)
    sums = books(log)
    assert (sums["posts"], sums["billed"], sums["unique_images"], sums["unique_billed"]) == (4, 4, 3, 3)
    assert sums["billed_more_than_once"] == {"vin:x": 2}
    assert sums["per_status"] == {"200": 4}


def test_peak_in_flight_and_times_are_kept() -> None:
    hand = Hand()
    log = CallLog(hand.clock)
    first, second = log.arrive("agent/1"), log.arrive()
    hand.s = 103.0
    log.end(first, 503)
    sums = books(log)
    assert (sums["in_flight"], sums["peak_in_flight"]) == (1, 2)
    assert (sums["first_arrival_s"], sums["last_end_s"]) == (100.0, 103.0)
    assert (first.user_agent, second.status) == ("agent/1", None)


def test_an_empty_log_has_empty_books() -> None:
    sums = books(CallLog(Hand().clock))
    assert (sums["posts"], sums["first_arrival_s"], sums["last_end_s"], sums["early_starts"]) == (0, None, None, [])


def test_a_start_before_the_wait_is_over_is_early() -> None:
    calls = [refused(1, 10.0, 2.0), call(2, 11.5, image="y"), call(3, 12.0, image="x")]
    (early,) = early_starts(calls)
    assert (early["seq"], early["after"], early["same_image"]) == (2, 1, False)
    assert (early["early_s"], early["since_s"]) == (0.5, 1.5)


def test_what_was_on_its_way_when_the_refusal_was_sent_is_not_early() -> None:
    calls = [call(1, 9.9, image="y"), refused(2, 10.0, 2.0), call(3, 10.05, image="z")]
    assert early_starts(calls, grace_s=0.1) == []
    assert [early["seq"] for early in early_starts(calls, grace_s=0.0)] == [3]


def test_an_early_call_for_the_same_image_is_told_apart() -> None:
    calls = [refused(1, 10.0, 5.0, "x"), refused(2, 10.0, 9.0, "y"), call(3, 12.0, image="x"), call(4, 16.0, image="x")]
    assert [(e["seq"], e["after"], e["same_image"]) for e in early_starts(calls)] == [(3, 1, True), (4, 2, False)]


def test_a_shorter_wait_given_later_does_not_end_a_longer_one() -> None:
    calls = [refused(1, 10.0, 9.0, "x"), refused(2, 10.0, 1.0, "y"), call(3, 12.0, image="z")]
    assert [(e["seq"], e["after"]) for e in early_starts(calls)] == [(3, 1)]


def test_another_accounts_wait_binds_nobody() -> None:
    stranger = call(2, 11.0, image="x")
    stranger.account = "b"
    assert early_starts([refused(1, 10.0, 5.0), stranger]) == []


def test_the_file_holds_a_line_per_call_and_delivery_and_no_token(tmp_path: Path) -> None:
    log = CallLog(Hand().clock, tmp_path / "calls.jsonl")
    log.end(log.arrive(), 401)
    log.delivered({"seq": 1, "status": 200})
    log.close()
    lines = [json.loads(line) for line in (tmp_path / "calls.jsonl").read_text().splitlines()]
    assert [(line["event"], line["seq"], line["status"]) for line in lines] == [("call", 1, 401), ("webhook", 1, 200)]


def test_a_call_from_before_a_clearing_does_not_disturb_the_new_count() -> None:
    log = CallLog(Hand().clock)
    old = log.arrive()
    log.clear()
    log.arrive()
    log.end(old, 200)
    assert log.in_flight == 1
