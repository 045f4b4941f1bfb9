"""What each policy does with calls in doubt, and what it costs; and an image that always times out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.fault_books import age, dead_letters_of, open_claims
from support.fault_plays import COUNT, Play
from support.fault_stage import wait_gone

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.fault_plays import Facts, Found
    from support.fault_stage import Stage

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.scheduler, pytest.mark.faults]

IN_FLIGHT = 12
NIGHTS = 5
STUCK = "load_000007"


def _kill_the_calls(policy: str) -> Callable[[Stage], Facts]:
    """Kill the process that calls with twelve calls in flight, wait for their leases, and let a night follow."""

    def act(stage: Stage) -> Facts:
        run_id = stage.trigger(in_doubt=policy)
        child = stage.processes(run_id).child
        stage.wait_held()
        child.kill()
        wait_gone(child)
        stage.let_go()
        first = stage.wait(run_id)
        calls, rows = stage.sandbox.books()["posts"], len(stage.table())
        second = stage.wait(stage.trigger(in_doubt=policy))
        return {"run": f"{first}, next night {second}", "calls": calls, "rows": rows}

    return act


def _never_answered(stage: Stage) -> Facts:
    """Let five nights pass over one image whose calls are billed and never answered."""
    calls: list[int] = []
    states: list[str] = []
    reasons: list[list[str]] = []
    for _ in range(NIGHTS):
        run_id = stage.trigger()
        states.append(stage.wait(run_id))
        age(open_claims(stage.ledger))
        calls.append(sum(STUCK in call["filename"] for call in stage.sandbox.calls()))
        reasons.append([row["reason"] for row in dead_letters_of(stage.dataset, run_id)])
    return {"run": f"success x {states.count('success')}", "calls of the image": calls, "reasons": reasons}


POLICIES = [
    Play(
        f"child killed, policy {policy}",
        "outcome unknown",
        faults=("always:hold",),
        act=_kill_the_calls(policy),
        rate_per_s=8,
        at_once=IN_FLIGHT,
        takes_s=190,
    )
    for policy in ("resend", "hold", "fail")
]
STUCK_FOR_EVER = Play(
    f"one image never answered, {NIGHTS} nights",
    "outcome unknown",
    faults=(f"image={STUCK}:hang;billed=yes",),
    act=_never_answered,
    takes_s=170,
)


def _line(line: Callable[..., None], play: Play, found: Found) -> None:
    line(1, play.name, {"class": play.meaning}, found.cells())


@pytest.mark.parametrize("play", POLICIES[:1], ids=str)
def test_resend_costs_at_most_the_calls_in_flight_and_every_image_is_read(
    played: Callable[[Play], Found], undisturbed: list[dict[Any, Any]], line: Callable[..., None], play: Play
) -> None:
    found = played(play)

    _line(line, play, found)
    found.books.hold(resent_at_most=IN_FLIGHT)
    assert found.facts["run"] == "success, next night success"
    assert found.facts["calls"] == COUNT  # of the first night: no more than it planned
    assert (found.books.resent, found.books.billed) == (IN_FLIGHT, COUNT + IN_FLIGHT)
    assert found.table == undisturbed[:COUNT]


@pytest.mark.parametrize(("play", "run"), [(POLICIES[1], "success"), (POLICIES[2], "failed")], ids=str)
def test_hold_and_fail_pay_for_nothing_twice_and_name_what_is_missing_every_night(
    played: Callable[[Play], Found], undisturbed: list[dict[Any, Any]], line: Callable[..., None], play: Play, run: str
) -> None:
    found = played(play)

    _line(line, play, found)
    found.books.hold()
    assert found.facts["run"] == f"{run}, next night {run}"
    assert found.books.billed == COUNT == found.facts["calls"] == found.tally.arrived
    assert found.books.unanswered == IN_FLIGHT
    assert {letter["reason"] for letter in found.dead_letters} == {"in_doubt"}
    missing = {letter["image"].rpartition("/")[2] for letter in found.dead_letters}
    assert len(missing) == found.books.unanswered
    assert found.table == [row for row in undisturbed[:COUNT] if row["image"] not in missing]


@pytest.mark.parametrize("play", [STUCK_FOR_EVER], ids=str)
def test_an_image_that_always_times_out_is_sent_twice_ever_then_named_and_left_alone(
    played: Callable[[Play], Found], undisturbed: list[dict[Any, Any]], line: Callable[..., None], play: Play
) -> None:
    found = played(play)

    _line(line, play, found)
    assert found.facts["calls of the image"] == [1, *[2] * (NIGHTS - 1)]
    assert found.facts["reasons"] == [["in_doubt"], *[["in_doubt_twice"]] * (NIGHTS - 1)]
    assert found.facts["run"] == f"success x {NIGHTS}"
    assert found.books.billed == COUNT + 1 == found.tally.arrived
    assert (found.books.resent, found.books.named) == (1, 1)
    assert found.table == [row for row in undisturbed[:COUNT] if STUCK not in row["image"]]
