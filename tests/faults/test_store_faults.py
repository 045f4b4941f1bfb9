"""A ledger that cannot be written, on a disk or in an object store: a task's own process, with the child that calls."""

from __future__ import annotations

import os
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import pytest

from support.sandbox import running_sandbox
from support.stores import mounted, read_only, s3_stand
from support.task_yard import IN_FLIGHT, Yard
from support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.faults]

AT_ONCE = 10
"""Calls in flight when the ledger breaks."""
READ_ONLY = ("it is mounted read-only", "access is refused")


@contextmanager
def _disk(folder: Path) -> Iterator[Path]:
    """Give a folder that :func:`read_only` can make read-only; root needs a disk of its own for that."""
    with mounted(folder, "-o", "size=16m") if os.geteuid() == 0 else nullcontext():
        folder.mkdir(exist_ok=True)
        yield folder


def _line(line: Callable[..., None], case: str, yard: Yard, run: str) -> None:
    books = yard.sandbox.books()
    cells = {
        "class": "ledger",
        "calls": books["posts"],
        "arrived": books["posts"],
        "billed": books["billed"],
        "paid twice": books["billed"] - books["unique_billed"],
        "rows": sum(outcome.status == "read" for outcome in yard.outcomes()),
        "run": run,
    }
    line(1, case, cells)


def _hold(yard: Yard) -> None:
    books = yard.sandbox.books()
    assert (books["posts"], books["billed"], books["billed_more_than_once"]) == (IN_FLIGHT, IN_FLIGHT, {})
    assert [outcome.status for outcome in yard.outcomes()] == ["read"] * IN_FLIGHT


def test_with_a_ledger_that_is_read_only_nothing_is_sent(tmp_path: Path, line: Callable[..., None]) -> None:
    with running_sandbox() as sandbox, _disk(tmp_path / "ledger") as ledger:
        yard = Yard(tmp_path, sandbox)
        with read_only(ledger):
            counts = yard.end(yard.start(1))

        _line(line, "ledger read-only from the start", yard, "try 1 fails")
        assert counts is None
        assert any(words in yard.log(1) for words in READ_ONLY)
        assert "OCRLedgerUnwritable" in yard.log(1)
        assert sandbox.books()["posts"] == 0


def test_a_ledger_that_becomes_read_only_mid_run_keeps_every_answer_and_pays_for_none_again(
    tmp_path: Path, line: Callable[..., None]
) -> None:
    with running_sandbox(faults=["always:hold"]) as sandbox, _disk(tmp_path / "ledger") as ledger:
        yard = Yard(tmp_path, sandbox, at_once=AT_ONCE)
        process = yard.start(1)
        sandbox.wait_held(AT_ONCE)
        with read_only(ledger):
            sandbox.let_go()
            until("calls that never end", lambda: sandbox.books()["in_flight"] == 0)
            until("nobody noticed", lambda: any(words in yard.log(1) for words in READ_ONLY))
            unsaved = sandbox.books()["billed"] - len(list(ledger.rglob("*.answer")))
        first = yard.end(process)
        second = yard.finish(2)

        _line(line, "ledger read-only for a while", yard, f"try 1 {'fails' if first is None else 'ends'}, try 2 ends")
        assert "Trying again; no new call starts meanwhile." in yard.log(1)
        assert unsaved == AT_ONCE
        assert second["resent"] == 0
        _hold(yard)


def test_an_object_store_that_refuses_writes_for_a_while_costs_no_call_twice(
    tmp_path: Path, line: Callable[..., None]
) -> None:
    with running_sandbox(faults=["always:hold"]) as sandbox, s3_stand() as stand:
        place = stand.place()
        yard = Yard(tmp_path, sandbox, ledger=f"s3://{place.path}", at_once=AT_ONCE, environment=_aws(stand.endpoint))
        process = yard.start(1)
        sandbox.wait_held(AT_ONCE)
        stand.refusing.now = True
        sandbox.let_go()
        until("calls that never end", lambda: sandbox.books()["in_flight"] == 0)
        until("nobody noticed", lambda: "no new call starts meanwhile" in yard.log(1))
        until("too few answers were refused", lambda: stand.refusing.refused >= AT_ONCE)
        stand.refusing.now = False
        first = yard.end(process)
        second = yard.finish(2)

        _line(line, "S3 refuses writes for a while", yard, f"try 1 {'fails' if first is None else 'ends'}, try 2 ends")
        assert "cannot be written" in yard.log(1)
        assert second["resent"] == 0
        _hold(yard)


def _aws(endpoint: str) -> dict[str, Any]:
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",  # our own patience is what is tested
    }
