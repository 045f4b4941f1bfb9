"""The unchanged product, in every order of events within a number of deviations, and in drawn ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.explorer.scenarios import EVERYTHING, SCENARIOS
from support.explorer.search import explorer

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.explorer.choices import Scenario
    from support.explorer.search import Found

pytestmark = [pytest.mark.slow, pytest.mark.no_cover]

DRAWN, ALL_DRAWN, MANY_DRAWN = 40, 200, 5_000
"""Drawn executions of a scenario: in `make test`, in `make explore`, and in its deep search."""
DEEPEST = 60
"""Executions with two deviations, of hundreds, that `make test` runs of a scenario; `make explore` runs all."""
DEEP, MOST = 3, 20_000
"""Deviations of a deep search, and executions after which it is cut off."""
PLACES = {
    "a call is repeated",
    *(
        f"ends: {status}"
        for status in ("read", "rejected", "in_doubt", "held_elsewhere", "failed", "stopped", "unsafe")
    ),
    *(f"file: {kind}" for kind in ("claim", "answer", "rejected", "released")),
    *(f"a person settles: {end}" for end in ("answer", "released")),
    "spilled",
    "a signal",
    "an answer that is no read",
    "believed",
    "believed after two nights",
}
"""What has to come to pass somewhere, or the search would prove little."""
RARE = {
    "a bad image alone, four nights",
    "answers that are no reads",
    "a busy API",
    "the API refuses, rejects, breaks off",
    "a store that is not exclusive",
}
"""Scenarios of what drawn executions seldom come to."""


def told(line: Callable[..., None], found: Found, how: str) -> None:
    line(
        "explorer-kept",
        scenario=found.scenario,
        deviations=how,
        executions=f"{found.executions:,}",
        steps=f"{found.steps:,}",
        states=f"{found.states:,}" if found.states else "",
    )
    assert found.broken is None, "\n".join(found.trace)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_no_order_of_events_breaks_a_law(scenario: Scenario, line: Callable[..., None], whole: bool) -> None:  # noqa: FBT001  # a fixture
    with explorer(scenario) as search:
        found = search.all(scenario.depth, deepest=None if whole else DEEPEST)

    told(line, found, f"{'all' if found.whole else 'part of all'} up to {found.depth}")
    assert found.whole or not whole


@pytest.mark.slow
@pytest.mark.parametrize("scenario", EVERYTHING, ids=lambda scenario: scenario.name)
def test_no_drawn_execution_of_three_tasks_breaks_a_law(
    scenario: Scenario,
    line: Callable[..., None],
    whole: bool,  # noqa: FBT001  # a fixture
) -> None:
    with explorer(scenario) as search:
        found = search.drawn(range(ALL_DRAWN if whole else DRAWN))

    told(line, found, "drawn")


@pytest.mark.long
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_no_order_of_events_breaks_a_law_in_a_deep_search(scenario: Scenario, line: Callable[..., None]) -> None:
    with explorer(scenario) as search:
        found = search.all(DEEP, most=MOST)

    told(line, found, f"{'all' if found.whole else 'part of all'} up to {found.depth}")


@pytest.mark.long
@pytest.mark.parametrize("scenario", EVERYTHING, ids=lambda scenario: scenario.name)
def test_no_drawn_execution_of_three_tasks_breaks_a_law_in_many(scenario: Scenario, line: Callable[..., None]) -> None:
    with explorer(scenario) as search:
        found = search.drawn(range(ALL_DRAWN, ALL_DRAWN + MANY_DRAWN), part=0.2)

    told(line, found, "drawn")


def test_the_searches_go_everywhere() -> None:
    with explorer(next(each for each in EVERYTHING if each.grant)) as search:
        seen = set(search.drawn(range(DRAWN)).seen)
    for scenario in sorted(SCENARIOS, key=lambda scenario: scenario.name not in RARE):
        if not seen >= PLACES:
            with explorer(scenario) as search:
                seen |= search.all(1).seen

    assert seen >= PLACES
