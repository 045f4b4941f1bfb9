"""Each rule of the ledger, taken out: the explorer has to find the law that breaks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.explorer.rules import PRODUCT, Rules
from support.explorer.scenarios import EVERYTHING
from support.explorer.search import explorer
from support.explorer.variants import AsksOnce, Freezes
from support.explorer.without import STALL, WITHOUT

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.explorer.without import Without

DEEPEST = 60
"""Executions with two deviations that `make test` runs of the unchanged product; `make explore` runs all."""
FINDING_SEED = 590
"""About where the drawn execution is that finds what it has to; the search goes on from there for a thousand."""

MONEY = Path(__file__).parents[2] / "docs" / "explanation" / "money.md"

pytestmark = [pytest.mark.slow, pytest.mark.no_cover]


@pytest.mark.parametrize("without", WITHOUT, ids=lambda without: without.rule)
def test_without_a_rule_a_law_breaks(without: Without, line: Callable[..., None], whole: bool) -> None:  # noqa: FBT001  # a fixture
    with explorer(without.scenario, without.rules) as search:
        found = search.all(without.depth)

    assert found.broken is not None, f"nothing breaks without it: {without.rule}"
    assert found.broken.law == without.law, "\n".join(found.trace)
    print(f"Without the rule: {without.rule}", *found.trace, sep="\n")  # noqa: T201  # shown with -rP
    line(
        "explorer-without",
        rule_taken_out=without.rule,
        law_that_breaks=found.broken.law,
        deviations=found.depth,
        executions=found.executions,
    )
    with explorer(without.scenario, PRODUCT) as search:
        held = search.all(found.depth, deepest=None if whole else DEEPEST)
        assert held.broken is None, "the law has to hold with the rule"
    if whole:  # so that `make explore` says where the table of the docs is stale
        assert f"| {without.rule} | {without.law} | {found.depth} | {found.executions} |" in MONEY.read_text()


def test_drawn_executions_find_that_the_inbox_has_to_be_asked_for_each_doubt() -> None:
    scenario = next(each for each in EVERYTHING if each.inbox)
    with explorer(scenario, Rules(resolver=AsksOnce)) as search:
        found = search.drawn(range(FINDING_SEED, FINDING_SEED + 1_000), part=0.2)

    assert found.broken is not None
    assert found.broken.law == "nothing known is paid"


def test_a_process_that_freezes_between_its_last_look_at_the_clock_and_the_call_is_not_provided_for() -> None:
    with explorer(STALL, Rules(paid_caller=Freezes)) as search:
        found = search.all(2)

    assert found.broken is not None
    assert found.broken.law == "paid once"
