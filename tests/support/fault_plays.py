"""Fault cases that are played at the same time in one Airflow: most of their time is waiting.

A play sets a case up, breaks something at a known moment, and gives what it found. All plays that were selected begin
together, each with a sandbox, a ledger and a connection of its own; a test then waits for its own.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from support.fault_books import dead_letters_of
from support.fault_stage import READ, staged
from support.fault_tally import tally_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future
    from contextlib import AbstractContextManager
    from pathlib import Path

    from support.fault_books import Books
    from support.fault_stage import Stage
    from support.fault_tally import Tally
    from support.fleet import Fleet

COUNT = 24
"""Images of a play."""
AT_ONCE = 12
"""Plays that run at the same time: more than these and the one API server of a small machine answers too late."""
HELD = 6
"""Calls in flight in the middle of a play."""
MIDWAY: dict[str, Any] = {"faults": (f"nth={HELD + 1}-{2 * HELD}:hold",), "at_once": HELD}
"""For a :class:`Play`: six calls are answered, six are held, and nothing moves until the play goes on."""
CALL_TIMEOUT_S = 30
"""Of a call; plays wait for it, and for the lease that follows from it."""
Facts = dict[str, Any]


def one_run(stage: Stage) -> Facts:
    """Let one run go to its end."""
    return {"run": stage.wait(stage.trigger())}


@dataclass(frozen=True)
class Play:
    """One case."""

    name: str
    """What breaks, as the table says it."""
    meaning: str = ""
    """The class of error that the case is about."""
    faults: tuple[str, ...] = ()
    """The sandbox's script."""
    act: Callable[[Stage], Facts] = one_run
    """Runs it, breaks more, and returns what is particular to the case; ``run``: how the runs ended."""
    expected: Facts = field(default_factory=dict)
    """What the table has to say."""
    latency: str = "0.5"
    """Of the sandbox."""
    host: str = ""
    """Name of the sandbox's host, where it is not its address."""
    rate_per_s: float = 4
    """In the connection."""
    at_once: int = 512
    """Most calls in flight, in the connection."""
    takes_s: float = 30
    """About how long it takes."""
    around: Callable[[Stage], AbstractContextManager[Any]] = lambda _: nullcontext()
    """Around the runs and the books."""

    def __str__(self) -> str:
        """Name the test."""
        return self.name


@dataclass(frozen=True)
class Found:
    """What a play left."""

    books: Books
    tally: Tally
    table: list[dict[Any, Any]]
    dead_letters: list[dict[str, Any]]
    """Of the last run."""
    early_starts: list[dict[str, Any]]
    tries: int
    """Most that a read task needed."""
    log: str = field(repr=False)
    facts: Facts = field(default_factory=dict)

    def cells(self) -> dict[str, Any]:
        """Return the line of the table."""
        return {
            **self.tally.cells(),
            "billed": self.books.billed,
            "paid twice": self.books.billed_twice,
            "in doubt, named": self.books.named + self.books.unanswered,
            "too early": len(self.early_starts),
            "dead letters": len(self.dead_letters),
            "rows": len(self.table),
            "tries": self.tries,
            "run": self.facts.get("run", ""),
        }


def perform(play: Play, airflow: Fleet, folder: Path) -> Found:
    """Play one case to its end."""
    root = folder / re.sub(r"\W+", "_", play.name.lower())
    with (
        staged(
            airflow,
            root,
            latency=play.latency,
            count=COUNT,
            faults=play.faults,
            host=play.host,
            every_s=1.5,
            at_once=play.at_once,
            call_timeout_s=CALL_TIMEOUT_S,
            rate_per_s=play.rate_per_s,
        ) as stage,
        play.around(stage),
    ):
        facts = play.act(stage)
        tasks = [ti for run in stage.runs for ti in airflow.tasks(*run)]
        return Found(
            books=stage.books(),
            tally=tally_of(stage),
            table=stage.table(),
            dead_letters=dead_letters_of(stage.dataset, stage.runs[-1][1]),
            early_starts=stage.sandbox.books()["early_starts"],
            tries=max((ti["try_number"] for ti in tasks if ti["task_id"] == READ), default=0),
            log=stage.logs(),
            facts=facts,
        )


@contextmanager
def performing(plays: Iterable[Play], airflow: Fleet, folder: Path) -> Iterator[Callable[[Play], Found]]:
    """Begin all plays, the longest first, and give a function that waits for one."""
    by_name = {play.name: play for play in sorted(plays, key=lambda play: -play.takes_s)}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        futures: dict[str, Future[Found]] = {
            name: pool.submit(perform, play, airflow, folder) for name, play in by_name.items()
        }
        yield lambda play: futures[play.name].result()
