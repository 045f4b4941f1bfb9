"""Going through executions: all within a number of deviations from the undisturbed course, or drawn ones."""

from __future__ import annotations

import logging
import random
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support.explorer.laws import LawBrokenError
from support.explorer.rules import PRODUCT
from support.explorer.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.explorer.choices import Choice, Scenario
    from support.explorer.rules import Rules

PACKAGE = "airflow_provider_platerec_ocr"
Plan = tuple[tuple[int, int], ...]
"""Deviations: at which step, and which of the choices there; 0 is the undisturbed one and is left out."""


@dataclass
class Found:
    """What a search found."""

    scenario: str
    executions: int = 0
    steps: int = 0
    states: int = 0
    depth: int = 0
    """Deviations of the deepest execution."""
    whole: bool = True
    """Whether all executions within the depth were run."""
    seen: set[str] = field(default_factory=set)
    """What came to pass in any of them."""
    broken: LawBrokenError | None = None
    trace: list[str] = field(default_factory=list)
    """Of the execution that broke a law; no other found so far has fewer deviations."""


class _Naming(logging.Handler):
    """Hears what the product names in doubt before it sends again."""

    world: World | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if self.world is not None and str(record.msg).startswith("Resending") and isinstance(record.args, tuple):
            self.world.books.doubted(str(record.args[2]), int(str(record.args[1])))


class Explorer:
    """Runs executions of one scenario. Use :func:`explorer` to make one.

    :param folder: for spilled answers.
    """

    def __init__(self, scenario: Scenario, rules: Rules, folder: Path, naming: _Naming) -> None:
        self.found = Found(scenario.name)
        self._scenario = scenario
        self._rules = rules
        self._folder = folder
        self._naming = naming
        self._seen: dict[Any, int] = {}

    def all(self, depth: int, *, most: int = 1_000_000, deepest: int | None = None, merge: bool = True) -> Found:
        """Run every execution with at most ``depth`` deviations, fewest first, until a law breaks.

        :param most: executions after which the search gives up.
        :param deepest: of those that deviate twice or more often, and most often of all, run so many only: the same
            ones each time, drawn over all of them. ``None``: all. Those with fewer deviations are all run.
        :param merge: whether an execution ends where it comes to a state that another one has come to.
        """
        level: list[Plan] = [()]
        for deviations in range(depth + 1):
            following: list[Plan] = []
            self.found.depth = deviations
            if deviations == depth > 1 and deepest is not None and len(level) > deepest:
                level = random.Random(self.found.scenario).sample(level, deepest)  # noqa: S311  # as in `drawn`
                self.found.whole = False
            for plan in level:
                if self.found.executions >= most:
                    self.found.whole = False
                    return self.found
                widths = self._run(plan, deviations if merge else None)
                if self.found.broken is not None:
                    return self.found
                first = plan[-1][0] + 1 if plan else 0
                following += [
                    (*plan, (step, choice)) for step, width in widths if step >= first for choice in range(1, width)
                ]
            level = following
        return self.found

    def drawn(self, seeds: range, *, part: float = 0.15) -> Found:
        """Run one execution for each seed, in which that part of the steps deviates."""
        for seed in seeds:
            dice = random.Random(seed)  # noqa: S311  # drawn, not secret

            def choose(_step: int, choices: list[Choice], dice: random.Random = dice) -> int:
                return dice.randrange(len(choices)) if dice.random() < part else 0

            self._play(choose)
            if self.found.broken is not None:
                break
        return self.found

    def _run(self, plan: Plan, deviations: int | None) -> list[tuple[int, int]]:
        """Run one execution; return how many choices there were at each step that is nobody else's to branch at."""
        given = dict(plan)
        last = plan[-1][0] if plan else -1
        widths: list[tuple[int, int]] = []

        def look(step: int, choices: list[Choice], world: World) -> bool:
            if step <= last:
                return True
            if deviations is not None:
                key = hash(world.key)
                if self._seen.get(key, deviations + 1) <= deviations:
                    return False
                self._seen[key] = deviations
            widths.append((step, len(choices)))
            return True

        self._play(lambda step, _choices: given.get(step, 0), look, lambda step: step < last and step not in given)
        return widths

    def _play(
        self,
        choose: Callable[[int, list[Choice]], int],
        look: Callable[[int, list[Choice], World], bool] | None = None,
        sure: Callable[[int], bool] = lambda _step: False,
    ) -> None:
        """Run one execution.

        :param choose: returns the number of the choice.
        :param look: called before each step; the execution ends where it returns false.
        :param sure: whether a step is the undisturbed one, so that the other choices need not be known.
        """
        self.found.executions += 1
        world = World(self._scenario, self._rules, self._folder / str(self.found.executions))
        self._naming.world = world
        try:
            step = 0
            while choices := world.choices(first=sure(step)):
                if look is not None and not look(step, choices, world):
                    break
                world.take(choices[choose(step, choices)])
                step += 1
        except LawBrokenError as broken:
            self.found.broken = broken
            self.found.trace = [*world.trace, f"LAW BROKEN: {broken}"]
        finally:
            self._naming.world = None
            world.close()
            self.found.steps += world.steps
            self.found.seen |= world.books.seen
            self.found.states = len(self._seen)
            if world.spill.is_dir():
                shutil.rmtree(world.spill)


@contextmanager
def explorer(scenario: Scenario, rules: Rules = PRODUCT) -> Iterator[Explorer]:
    """Return an explorer of ``scenario``; while it is in use, the product's log goes nowhere else."""
    log = logging.getLogger(PACKAGE)
    naming = _Naming(logging.WARNING)
    before = (log.level, log.propagate)
    log.addHandler(naming)
    log.setLevel(logging.WARNING)
    log.propagate = False
    try:
        with tempfile.TemporaryDirectory() as folder:
            yield Explorer(scenario, rules, Path(folder), naming)
    finally:
        log.removeHandler(naming)
        log.level, log.propagate = before
