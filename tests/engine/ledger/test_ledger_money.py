"""The law of the money, with the real ledger under every order of events that fits into a test."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_platerec_ocr.core.claims import End
from support.ledger_stage import LEASE_S, LawBrokenError, Reply, Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

WAIT = "wait"
"""Step of a schedule: time passes, longer than a claim may wait for its call, shorter than its lease."""
WAIT_S = 140.0
STEPS: tuple[int | str, ...] = (0, 1, WAIT)
REPLIES = [[Reply.ANSWER], [Reply.REFUSED], [Reply.UNKNOWN], [Reply.REFUSED, Reply.UNKNOWN]]


def play(schedule: Sequence[int | str], replies: list[Reply], *, exclusive: bool = True) -> Stage:
    """Run two workers in the order of ``schedule``, then each to its end."""
    stage = Stage(replies, exclusive=exclusive)
    workers = [stage.add(), stage.add()]
    for step in schedule:
        if isinstance(step, str):
            stage.clock.tick(WAIT_S)
        else:
            workers[step].step()
    for worker in workers:
        worker.finish(limit=25)
    stage.close()
    return stage


@pytest.mark.parametrize("replies", REPLIES, ids=str)
def test_two_workers_in_any_order_pay_once(replies: list[Reply]) -> None:
    for schedule in itertools.product([0, 1], repeat=7):
        stage = play(schedule, replies)

        billed = [reply for reply in stage.calls.values() if reply is not Reply.REFUSED]
        assert len(billed) == 1


@pytest.mark.parametrize("replies", REPLIES, ids=str)
def test_two_workers_with_any_delays_resend_only_what_was_named(replies: list[Reply]) -> None:
    for schedule in itertools.product(STEPS, repeat=5):
        stage = play(schedule, replies)

        assert sum(reply is not Reply.REFUSED for reply in stage.calls.values()) <= 2


def test_a_store_that_does_not_create_exclusively_would_break_the_law() -> None:
    for schedule in ([0, 0, 1, 1, 0, 1], [0, 1, 0, 1, 0, 1]):
        play(schedule, [Reply.ANSWER])
    with pytest.raises(LawBrokenError, match="two calls for attempt 1"):
        play([0, 1, 0, 1, 0, 1], [Reply.ANSWER], exclusive=False)


@pytest.mark.parametrize("first_reply", Reply)
def test_a_crash_at_any_step_and_another_at_any_step_of_the_next_try(first_reply: Reply) -> None:
    for first_steps, second_steps in itertools.product(range(9), range(14)):
        stage = Stage([first_reply])
        first = stage.add(try_number=1)
        first.finish(limit=first_steps)
        first.kill()
        stage.clock.tick(LEASE_S + 1)
        second = stage.add(try_number=2)
        second.finish(limit=second_steps)
        second.kill()
        stage.clock.tick(LEASE_S + 1)
        third = stage.add(try_number=3)
        third.finish()
        stage.close()
        stage.clock.tick(LEASE_S + 1)

        assert sum(reply is not Reply.REFUSED for reply in stage.calls.values()) <= 2
        in_doubt = [attempt.number for attempt in stage.look() if attempt.is_in_doubt(LEASE_S)]
        answered = [attempt.number for attempt in stage.look() if attempt.end is End.ANSWER]
        for number, reply in stage.calls.items():
            if reply is not Reply.REFUSED:
                assert number in answered + in_doubt


worker = st.integers(0, 3)
action = st.one_of(
    st.tuples(st.just("step"), worker),
    st.tuples(st.just("run"), worker),
    st.tuples(st.just("kill"), worker),
    st.tuples(st.just("again"), worker),
    st.tuples(st.just("wait"), st.sampled_from([1, 29, 31, 140, 271])),
)


@pytest.mark.no_cover
@settings(max_examples=250, deadline=None)
@given(st.lists(action, max_size=40), st.lists(st.sampled_from(Reply), max_size=4))
def test_no_order_of_steps_crashes_and_delays_breaks_the_law(
    actions: list[tuple[str, int]], replies: list[Reply]
) -> None:
    stage = Stage(replies)
    workers = [stage.add() for _ in range(4)]
    for kind, number in actions:
        if kind == "step":
            workers[number].step()
        elif kind == "run":
            workers[number].finish(limit=4)
        elif kind == "kill":
            workers[number].kill()
        elif kind == "again":
            workers[number].kill()
            workers[number] = stage.add(try_number=2)
        else:
            stage.clock.tick(number)
    for each in workers:
        each.finish(limit=12)
    stage.close()

    assert sum(reply is not Reply.REFUSED for reply in stage.calls.values()) <= 2
    for attempt in stage.look():
        if attempt.end is End.RELEASED and attempt.number in stage.calls:
            assert stage.calls[attempt.number] is Reply.REFUSED
        if attempt.end is End.ANSWER:
            assert stage.calls[attempt.number] is Reply.ANSWER
