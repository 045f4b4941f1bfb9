"""Everything that the API and the way to it can do wrong: what is tried again, what is not, and what it costs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from support.fault_plays import COUNT, HELD, MIDWAY, Play
from support.sandbox import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.fault_plays import Facts, Found
    from support.fault_stage import Stage

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.scheduler, pytest.mark.faults]

NAME = "ocr.faults.test"
UNKNOWN_NAME = "The name ocr.faults.test"


def _unavailable(stage: Stage) -> Facts:
    """Break it until somebody has met that, and for a minute from then on."""
    run_id = stage.trigger()
    stage.wait_held()
    stage.let_go("always:503")
    stage.until("nobody met the 503", lambda: stage.sandbox.books()["per_status"].get("503"))
    stage.let_go("window=0-60:503")
    return {"run": stage.wait(run_id)}


def _refuse_connections(stage: Stage) -> Facts:
    run_id = stage.trigger()
    stage.wait_held()
    stage.let_go(away=60)
    return {"run": stage.wait(run_id)}


def _lose_the_name(stage: Stage) -> Facts:
    """Lose it for those who make the calls, until one of them has missed it, and for a minute from then on."""
    stage.airflow.know_host(NAME, calls_in_s=math.inf)
    run_id = stage.trigger()
    stage.until("the name was never missed", lambda: UNKNOWN_NAME in stage.logs())
    stage.airflow.know_host(NAME, calls_in_s=60)
    return {"run": stage.wait(run_id)}


def _use_up(stage: Stage) -> Facts:
    """Somebody else uses the account's calls up; the next period begins before the next night."""
    run_id = stage.trigger()
    stage.wait_held()
    stage.let_go(quota=2 * HELD)
    first = stage.wait(run_id)
    carried_over = COUNT - len(stage.table())
    stage.sandbox.control(new_period=True, quota=5000)
    return {"run": f"{first}, next night {stage.wait(stage.trigger())}", "carried over": carried_over}


def _revoke(stage: Stage) -> Facts:
    run_id = stage.trigger()
    stage.wait_held()
    stage.let_go(tokens=[])
    first = stage.wait(run_id)
    calls = stage.sandbox.books()["posts"]
    stage.sandbox.control(tokens=[TOKEN])
    stage.airflow.clear(stage.dag_id, run_id)
    return {"run": f"{first}, cleared {stage.wait(run_id)}", "calls when it failed": calls}


def _maintain(stage: Stage) -> Facts:
    """Have something else answer in the API's place until somebody has met it, and for a while from then on."""
    run_id = stage.trigger()
    stage.wait_held()
    stage.let_go("always:404-html")
    stage.until("nobody met the 404", lambda: stage.sandbox.books()["per_status"].get("404"))
    stage.let_go("window=0-5:404-html")
    return {"run": stage.wait(run_id)}


def _set_wrongly(stage: Stage) -> Facts:
    """Have every image rejected with the same words, mend that, and run the next night."""
    first = stage.wait(stage.trigger())
    calls = stage.sandbox.books()["posts"]
    stage.let_go()
    return {"run": f"{first}, next night {stage.wait(stage.trigger())}", "calls of the first night": calls}


def _two_nights(stage: Stage) -> Facts:
    first = stage.wait(stage.trigger())
    calls = stage.sandbox.books()["posts"]
    return {"run": f"{first}, next night {stage.wait(stage.trigger())}", "calls of the first night": calls}


def _three(kind: str) -> tuple[str, ...]:
    return tuple(f"nth={number}:{kind}" for number in (6, 12, 18))


REFUSED, UNKNOWN = "refused before work", "outcome unknown"
AT_ONCE = {"retried later": 0, "not retried": 0, "billed": COUNT, "paid twice": 0, "in doubt, named": 0}
ALL_READ = {"dead letters": 0, "rows": COUNT, "run": "success"}
ONE_TRY = AT_ONCE | ALL_READ | {"tries": 1}
RESENT = {
    "dead letters": 0,
    "rows": COUNT,
    "run": "success, next night success",
    "calls": COUNT + 3,
    "retried at once": 0,
    "retried later": 3,
    "not retried": 0,
    "in doubt, named": 3,
    "tries": 1,
}
"""Of two nights: the first may make no more calls than it planned."""
FREE = {"billed": COUNT, "paid twice": 0}
TWICE = {"billed": COUNT + 3, "paid twice": 3}

REFUSALS = [
    Play(
        "429 for 12 calls, Retry-After 3 s",
        REFUSED,
        faults=("nth=6-17:429;retry_after=3",),
        at_once=1,
        expected=ONE_TRY | {"calls": COUNT + 12, "retried at once": 12},
    ),
    Play(
        "429 for 12 calls, wait in the text alone",
        REFUSED,
        faults=("nth=6-17:429;retry_after=3;header=no",),
        at_once=1,
        expected=ONE_TRY | {"calls": COUNT + 12, "retried at once": 12},
    ),
    Play(
        "429 for 12 calls, no wait named",
        REFUSED,
        faults=("nth=6-17:429;header=no;text=no",),
        at_once=1,
        expected=ONE_TRY | {"calls": COUNT + 12, "retried at once": 12},
    ),
    Play(
        "429 once, Retry-After 90 s",
        REFUSED,
        faults=("nth=6:429;retry_after=90",),
        at_once=1,
        takes_s=120,
        expected=ONE_TRY,
    ),
    Play("503 for a minute", REFUSED, act=_unavailable, takes_s=95, expected=ONE_TRY, **MIDWAY),
    Play(
        "connection refused for a minute",
        "not sent",
        act=_refuse_connections,
        takes_s=95,
        expected=ONE_TRY,
        **MIDWAY,
    ),
    Play("DNS failure for a minute", "not sent", act=_lose_the_name, host=NAME, takes_s=95, expected=ONE_TRY),
]
DOUBTS = [
    Play(f"{what}, 3 times", UNKNOWN, faults=_three(kind), act=_two_nights, takes_s=160, expected=RESENT | cost)
    for what, kind, cost in (
        ("cut before the work", "cut-before", FREE),
        ("cut after the work", "cut-after", TWICE),
        ("no answer within the timeout", "hang;billed=yes", TWICE),
        ("JSON cut off", "cut-json", TWICE),
        ("502 with HTML", "502-html", FREE),
    )
]
ANSWERED = [
    Play(
        "2xx in another form, 3 times",
        "answered",
        faults=_three("dialect"),
        act=_two_nights,
        expected={"calls": COUNT, "billed": COUNT, "rows": COUNT, "run": "success, next night success"},
    ),
    Play(
        "head of 60 KB and 200 lines, always",
        "answered",
        faults=("always:long-head",),
        expected={"calls": COUNT, "billed": COUNT, "rows": COUNT, "run": "success"},
    ),
]
STOPS = [
    Play(
        "2xx with an error, 3 times",
        "rejected",
        faults=_three("error-200"),
        act=_two_nights,
        expected={
            "calls": COUNT,
            "retried at once": 0,
            "retried later": 0,
            "not retried": 3,
            "billed": COUNT,
            "rows": COUNT - 3,
            "run": "success, next night success",
        },
    ),
    Play(
        "quota gone mid-run",
        "stop",
        act=_use_up,
        **MIDWAY,
        expected=FREE
        | {"retried at once": 0, "dead letters": 0, "rows": COUNT, "run": "success, next night success", "tries": 1},
    ),
    Play(
        "token revoked mid-run",
        "stop",
        act=_revoke,
        **MIDWAY,
        expected=FREE
        | {"retried at once": 0, "dead letters": 0, "rows": COUNT, "run": "failed, cleared success", "tries": 2},
    ),
]

NOT_THE_API = [
    Play(
        "404 with a page for a while, mid-run",
        "stop",
        act=_maintain,
        **MIDWAY,
        takes_s=60,
        expected=FREE | ALL_READ,
    ),
    Play(
        "400 with a gateway's page, once",
        "stop",
        faults=("nth=6:400-html",),
        at_once=1,
        takes_s=45,
        expected=FREE | ALL_READ | {"calls": COUNT + 1, "retried later": 1, "tries": 2},
    ),
    Play(
        "every image rejected with the same words",
        "rejected",
        faults=("always:400",),
        at_once=1,
        act=_set_wrongly,
        takes_s=60,
        expected=FREE | {"calls": COUNT + 20, "dead letters": 0, "rows": COUNT, "run": "failed, next night success"},
    ),
]


def _put(line: Callable[..., None], play: Play, found: Found) -> None:
    line(1, play.name, {"class": play.meaning}, found.cells())


def _hold(found: Found, play: Play, undisturbed: list[dict[Any, Any]], resent: int) -> None:
    cells = found.cells()
    assert {name: cells[name] for name in play.expected} == play.expected
    found.books.hold(resent_at_most=resent)
    assert found.early_starts == []
    read = {row["image"] for row in found.table}
    assert found.table == [row for row in undisturbed[:COUNT] if row["image"] in read]


@pytest.mark.parametrize("play", REFUSALS, ids=str)
def test_what_was_not_billed_is_sent_again_in_the_same_try_and_costs_nothing(
    played: Callable[[Play], Found], undisturbed: list[dict[Any, Any]], line: Callable[..., None], play: Play
) -> None:
    found = played(play)

    _put(line, play, found)
    _hold(found, play, undisturbed, resent=0)
    assert found.tally.same_try == found.tally.calls - COUNT > 0


@pytest.mark.parametrize("play", DOUBTS, ids=str)
def test_what_may_have_been_billed_is_named_and_sent_again_once_in_the_next_night(
    played: Callable[[Play], Found], undisturbed: list[dict[Any, Any]], line: Callable[..., None], play: Play
) -> None:
    found = played(play)

    _put(line, play, found)
    _hold(found, play, undisturbed, resent=3)
    assert found.facts["calls of the first night"] == COUNT
    assert found.log.count("In doubt: ") == 3


@pytest.mark.parametrize("play", ANSWERED, ids=str)
def test_an_answer_that_arrives_whole_is_kept_whatever_it_looks_like(
    played: Callable[[Play], Found], undisturbed: list[dict[Any, Any]], line: Callable[..., None], play: Play
) -> None:
    found = played(play)

    _put(line, play, found)
    cells = found.cells()
    assert {name: cells[name] for name in play.expected} == play.expected
    found.books.hold(resent_at_most=0)
    known = [row for row in found.table if row["code"] is not None]
    images = {row["image"] for row in known}
    assert known == [row for row in undisturbed[:COUNT] if row["image"] in images]
    assert len(found.table) - len(known) == (3 if play is ANSWERED[0] else 0)


@pytest.mark.parametrize("play", STOPS, ids=str)
def test_what_another_call_cannot_mend_is_not_sent_again(
    played: Callable[[Play], Found], undisturbed: list[dict[Any, Any]], line: Callable[..., None], play: Play
) -> None:
    found = played(play)

    _put(line, play, found)
    _hold(found, play, undisturbed, resent=0)
    assert found.tally.arrived <= COUNT + found.tally.later_try


@pytest.mark.parametrize("play", NOT_THE_API, ids=str)
def test_what_does_not_speak_of_the_image_loses_none(
    played: Callable[[Play], Found], undisturbed: list[dict[Any, Any]], line: Callable[..., None], play: Play
) -> None:
    found = played(play)

    _put(line, play, found)
    _hold(found, play, undisturbed, resent=0)


@pytest.mark.parametrize("play", STOPS[:1], ids=str)
def test_a_rejected_image_is_a_permanent_dead_letter_and_no_later_night_pays_for_it(
    played: Callable[[Play], Found], play: Play
) -> None:
    found = played(play)

    assert found.facts["calls of the first night"] == found.tally.arrived == COUNT


@pytest.mark.parametrize("play", STOPS[2:], ids=str)
def test_a_revoked_token_stops_the_run_before_most_calls_are_made(played: Callable[[Play], Found], play: Play) -> None:
    found = played(play)

    assert found.facts["calls when it failed"] < COUNT
    assert "The API refused the token (401: Invalid token.)" in found.log
