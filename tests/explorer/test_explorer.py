"""The explorer itself: it finds the same each time, and loses nothing by what it leaves out."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.explorer import laws
from support.explorer.choices import Scenario
from support.explorer.scenarios import EVERYTHING, SCENARIOS
from support.explorer.search import explorer
from support.explorer.without import STALL, WITHOUT

if TYPE_CHECKING:
    from support.explorer.without import Without

pytestmark = [pytest.mark.slow, pytest.mark.no_cover]

MONEY = Path(__file__).parents[2] / "docs" / "explanation" / "money.md"
NUMBERS = {13: "thirteen", 14: "fourteen", 15: "fifteen", 16: "sixteen"}
SHALLOW = [without for without in WITHOUT if without.scenario.jumps != STALL.jumps]
SMALL = Scenario("small", tries=2, nights=1, crashes=1, jumps_s=(9.0,), faults=("cut after", "lost reply"))


def test_two_searches_are_the_same() -> None:
    found = []
    for _ in range(2):
        with explorer(SMALL) as search:
            found.append(search.all(1))

    assert (found[0].executions, found[0].steps, found[0].states) == (
        found[1].executions,
        found[1].steps,
        found[1].states,
    )
    assert found[0].executions > 50


def test_two_draws_are_the_same() -> None:
    found = []
    for _ in range(2):
        with explorer(EVERYTHING[0]) as search:
            found.append(search.drawn(range(20)))

    assert (found[0].steps, found[0].seen) == (found[1].steps, found[1].seen)


def test_without_deviations_there_is_one_execution_that_pays_once() -> None:
    with explorer(SMALL) as search:
        found = search.all(0)

    assert found.executions == 1
    assert found.seen == {"a call", "file: claim", "file: answer", "ends: read"}


@pytest.mark.parametrize("depth", [1, 2])
def test_what_the_search_leaves_out_it_has_seen(depth: int) -> None:
    scenario = replace(SMALL, tries=1, nights=0, jumps_s=(), faults=("cut after",)) if depth == 2 else SMALL
    found = {}
    for whole in (False, True):
        with explorer(replace(scenario, thorough=whole)) as search:
            found[whole] = search.all(depth, merge=not whole)

    assert found[True].executions > found[False].executions
    assert found[True].seen == found[False].seen
    assert found[True].broken is None


@pytest.mark.parametrize("without", SHALLOW, ids=lambda without: without.rule)
def test_what_the_search_leaves_out_breaks_no_other_law(without: Without) -> None:
    broken = {}
    for whole in (False, True):
        with explorer(replace(without.scenario, thorough=whole), without.rules) as search:
            found = search.all(1, merge=not whole)
        broken[whole] = (found.depth, found.broken and found.broken.text)

    assert broken[True] == broken[False]


def test_a_trace_ends_with_the_law_that_broke() -> None:
    without = next(each for each in WITHOUT if each.rule == "a live claim holds")

    with explorer(without.scenario, without.rules) as search:
        found = search.all(0)

    assert found.trace[-1].startswith("LAW BROKEN: paid once: ")
    assert [line for line in found.trace if "POST" in line] == [
        "     0.00  A1    POST 7514.1",
        "     0.00  B1    POST 7514.2",
    ]


@pytest.mark.parametrize("without", WITHOUT, ids=lambda without: without.rule)
def test_the_docs_name_the_rule_and_the_law(without: Without) -> None:
    text = MONEY.read_text()

    assert f"| {without.rule} | {without.law} |" in text
    assert f"\n| {without.law} | " in text


def test_the_docs_have_every_law_and_count_what_there_is() -> None:
    text = MONEY.read_text()
    said = re.findall(r"(?m)^\| (.+?) \| ", text.partition("| law | says |")[2].partition("\n\n")[0])
    checked = re.findall(r"(?m)^(\w.+)\n    ", str(laws.__doc__))

    assert sorted(said) == sorted(checked)
    assert f"{NUMBERS[len(checked)]} laws are checked" in text
    assert f" of {len(SCENARIOS) + len(EVERYTHING)} scenarios" in " ".join(text.split())
    assert f"It does so for all {len(WITHOUT)};" in text
