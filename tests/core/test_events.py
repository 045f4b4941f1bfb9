from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.core import errors
from airflow_provider_platerec_ocr.core.events import (
    CallEnd,
    CallEvent,
    Events,
    RunEvent,
    RunStep,
    end_of,
    of_owner,
    packed,
    unpacked,
)
from airflow_provider_platerec_ocr.core.models import Owner

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.events import Event

AT = "2026-03-01T22:00:00Z"
OWNER = Owner("nightly", "r1", "read", 3, 2)
CALL = CallEvent(at=AT, end=CallEnd.REFUSED, elapsed_s=0.2, http_status=429, error="OCRRateLimited", **of_owner(OWNER))
RUN = RunEvent(at=AT, step=RunStep.PROGRESS, counts={"read": 7}, done=7, total=9, **of_owner(OWNER))


@pytest.mark.parametrize(
    ("error", "is_url", "end", "billed"),
    [
        (None, False, CallEnd.ANSWERED, True),
        (errors.OCRRejected("no", status=400), False, CallEnd.REJECTED, None),
        (errors.OCRRejected("no", status=400), True, CallEnd.NOT_FETCHED, False),
        (errors.OCRRejected("no", status=415), True, CallEnd.REJECTED, None),
        (errors.OCRUnauthorized("no", status=401), False, CallEnd.STOPPED, False),
        (errors.OCRQuotaExhausted("gone"), False, CallEnd.STOPPED, False),
        (errors.OCROutcomeUnknown("cut"), False, CallEnd.UNKNOWN, None),
        (errors.OCRNotSent("dns"), False, CallEnd.NOT_SENT, False),
        (errors.OCRRateLimited("slow", status=429), False, CallEnd.REFUSED, False),
        (errors.OCRUnavailable("503", status=503), False, CallEnd.REFUSED, None),
    ],
)
def test_a_call_is_told_by_what_its_error_means_for_money(
    error: Exception | None, end: CallEnd, *, is_url: bool, billed: bool | None
) -> None:
    assert end_of(error, is_url=is_url) == (end, billed)


@pytest.mark.parametrize("event", [CALL, RUN])
def test_an_event_comes_through_a_pipe_as_it_went_in(event: Event) -> None:
    found = unpacked(json.loads(json.dumps(packed(event))))

    assert found == event
    assert type(found) is type(event)
    assert (found.dag_id, found.map_index, found.try_number) == ("nightly", 3, 2)


@pytest.mark.parametrize("message", [{}, {"call": {}}, {"run": {"step": "dancing", "at": AT}}, {"call": {"end": "?"}}])
def test_what_is_no_event_is_refused(message: dict[str, dict[str, str]]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        unpacked(message)


def test_everybody_hears_of_an_event() -> None:
    one: list[Event] = []
    other: list[Event] = []

    Events(one.append, other.append).tell(lambda: RUN)

    assert one == other == [RUN]


def test_where_nobody_listens_no_event_is_even_made() -> None:
    events = Events(calls=True)

    events.tell(lambda: pytest.fail("made for nobody"))

    assert not events.wants_calls
    assert Events(print, calls=True).wants_calls
    assert not Events(print).wants_calls


def test_telling_never_raises_and_the_first_failure_alone_is_passed_on() -> None:
    failures: list[Exception] = []

    def hear(event: Event) -> None:
        raise ValueError(event.at)

    events = Events(hear, failed=failures.append)
    for _ in range(3):
        events.tell(lambda: RUN)
    Events(hear).tell(lambda: RUN)

    assert [str(each) for each in failures] == [AT]
