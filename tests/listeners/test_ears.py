"""Whatever a listener does, the task goes on: it loses events, it is left behind, it is logged once."""

from __future__ import annotations

import logging
import sys
import threading
from typing import TYPE_CHECKING, NoReturn

import pytest

from airflow_provider_platerec_ocr.core.events import CallEnd, CallEvent, RunEvent, RunStep, packed
from airflow_provider_platerec_ocr.listeners.ears import Ears, Listener
from support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_platerec_ocr.core.events import Event

AT = "2026-03-01T22:00:00Z"
RUN = RunEvent(at=AT, step=RunStep.PROGRESS)
CALL = CallEvent(at=AT, end=CallEnd.ANSWERED, elapsed_s=1.0)
SOON = 60.0
"""Seconds that a listener which hears everything never needs."""


def listener(hear: Callable[[Event], object], name: str = "ear", *, wants_calls: bool = True) -> Listener:
    return Listener(name, lambda: hear, wants_calls=wants_calls)


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Holds a listener until the test is over."""
    opened = threading.Event()
    yield opened
    opened.set()


def test_all_that_was_told_is_heard_in_order_by_the_end() -> None:
    heard: list[Event] = []
    ears = Ears([listener(heard.append)])

    ears.tell(RUN)
    ears.take({"event": packed(CALL)})
    ears.close(SOON)

    assert heard == [RUN, CALL]


def test_a_listener_that_hangs_is_left_behind_and_the_others_hear_everything(
    gate: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Event] = []
    ears = Ears([listener(lambda _: gate.wait(), "stuck"), listener(heard.append)])
    for _ in range(3):
        ears.tell(RUN)

    until("the other listener never heard", lambda: len(heard) == 3)
    ears.close(0.0)

    assert "The listener stuck did not take" in caplog.text


def test_a_full_queue_drops_and_counts(gate: threading.Event, caplog: pytest.LogCaptureFixture) -> None:
    begun = threading.Event()

    def hear(_: Event) -> None:
        begun.set()
        gate.wait()

    ears = Ears([listener(hear, "slow")], most=2)
    ears.tell(RUN)
    assert begun.wait(SOON)
    for _ in range(5):
        ears.tell(RUN)
    ears.close(0.0)

    assert "The listener slow was too slow for 4 events" in caplog.text  # three of five, and its end


@pytest.mark.parametrize("fault", [ValueError("why"), SystemExit(1), KeyboardInterrupt()])
def test_a_listener_that_raises_is_logged_once_and_goes_on_hearing(
    fault: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Event] = []

    def hear(event: Event) -> None:
        heard.append(event)
        raise fault

    ears = Ears([listener(hear, "broken")])
    for _ in range(3):
        ears.tell(RUN)
    ears.close(SOON)

    assert len(heard) == 3
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.WARNING]
    assert "The listener broken failed on 3 events" in caplog.text


def test_a_listener_that_cannot_begin_hears_of_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def begin() -> NoReturn:
        sys.exit("no such module")

    ears = Ears([Listener("absent", begin)])
    ears.tell(RUN)
    ears.close(SOON)

    assert [record.getMessage() for record in caplog.records] == [
        "The listener absent cannot be used, and hears of nothing."
    ]


def test_what_is_no_event_is_left_aside_and_what_was_lost_before_is_told(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[Event] = []
    ears = Ears([listener(heard.append)])

    ears.take({"event": {"call": {"end": "?"}}})
    ears.take({"dropped": 7})
    ears.take({"later": "form"})
    ears.close(SOON)

    assert heard == []
    assert "An event could not be read" in caplog.text
    assert "7 events were dropped before anybody could hear" in caplog.text


def test_calls_are_asked_for_only_where_somebody_wants_them() -> None:
    assert Ears([listener(print)]).wants_calls
    assert not Ears([listener(print, wants_calls=False)]).wants_calls
