"""kill -9 with fifty calls in flight: with webhooks on nothing is sent again and nothing is lost."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from support.receiver import receiving
from support.sandbox import running_sandbox
from support.stores import age_claims
from support.task_yard import IN_FLIGHT, Yard, kill
from support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.slow]

OVER_S = 200
"""More than the lease of a call: 30 s to send it, 60 s for the call, 60 s to save its answer."""


@pytest.fixture
def yard(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Yard]:
    """The yard, with webhooks or without them."""
    with ExitStack() as stack:
        inbox = tmp_path / "inbox" if request.param else None
        webhook = stack.enter_context(receiving(inbox)) if inbox else None
        sandbox = stack.enter_context(running_sandbox(faults=["always:hold"], webhook=webhook, rename_files=True))
        yield Yard(tmp_path, sandbox, inbox=inbox)


@pytest.mark.parametrize("yard", [True], indirect=True)
def test_kill_9_with_fifty_calls_in_flight_resends_nothing_and_loses_nothing(yard: Yard) -> None:
    first = yard.start(1)
    yard.sandbox.wait_held(IN_FLIGHT)
    kill(first)
    yard.sandbox.let_go()
    assert not any(attempt.end for history in yard.attempts() for attempt in history)
    payloads = yard.folder / "inbox" / "payloads"
    until("too few webhooks", lambda: len(list(payloads.rglob("*.json"))) == IN_FLIGHT)
    age_claims(yard.folder / "ledger", OVER_S)

    counts = yard.finish(2)

    books = yard.sandbox.books()
    print(f"\nsecond try: {counts}\nbooks: {books['posts']} calls, {books['billed']} billed")  # noqa: T201
    assert (books["posts"], books["billed"], books["billed_more_than_once"]) == (IN_FLIGHT, IN_FLIGHT, {})
    assert (counts["read"], counts["from_ledger"], counts["calls"], counts["resent"]) == (IN_FLIGHT, IN_FLIGHT, 0, 0)
    outcomes = yard.outcomes()
    assert [outcome.status for outcome in outcomes] == ["read"] * IN_FLIGHT
    assert sum(outcome.calls_billed for outcome in outcomes) == IN_FLIGHT
    histories = yard.attempts()
    assert [len(history) for history in histories] == [1] * IN_FLIGHT
    assert {(history[0].payload or {})["settled"]["by"] for history in histories} == {"webhook"}


@pytest.mark.parametrize("yard", [False], indirect=True)
def test_without_webhooks_the_same_kill_sends_each_call_once_more(yard: Yard) -> None:
    first = yard.start(1)
    yard.sandbox.wait_held(IN_FLIGHT)
    kill(first)
    yard.sandbox.let_go()
    age_claims(yard.folder / "ledger", OVER_S)

    counts = yard.finish(2)

    assert (counts["calls"], counts["resent"]) == (IN_FLIGHT, IN_FLIGHT)
    assert yard.sandbox.books()["posts"] == 2 * IN_FLIGHT
