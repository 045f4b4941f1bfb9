"""What a plan is granted, over several runs and days, with an account made up and the reservations real."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_platerec_ocr.core.errors import OCRUnavailable
from airflow_provider_platerec_ocr.core.models import Owner, Statistics
from airflow_provider_platerec_ocr.engine.ledger.reservations import BudgetBook
from airflow_provider_platerec_ocr.hooks.ocr import PlateRecOCRHook
from airflow_provider_platerec_ocr.runtime.budget import Limits, PlanBudget, open_budget, release_budget, release_old
from airflow_provider_platerec_ocr.storage.store import Store
from support.airflow_home import connection_env
from support.clock import START, FakeClock
from support.recorder import recording_server
from support.stores import local_place
from support.waiting import PATIENCE_S

ACCOUNT = "0123456789abcdef"


@dataclass
class Account:
    """An account whose count is in the test's hands."""

    calls: int = 0
    total: int = 1000
    resets_on: str | None = (START + timedelta(days=10)).isoformat()

    def ask(self) -> Statistics:
        return Statistics(self.calls, self.total, resets_on=self.resets_on)


@dataclass
class Planner:
    """Plans of several runs on one account."""

    store: Store
    account: Account
    clock: FakeClock

    def budget(self, run: str, *, group: str = "ocr", look_only: bool = False, **limits: Any) -> PlanBudget:
        return PlanBudget(
            limits=Limits(**limits),
            ask=self.account.ask,
            store=self.store,
            account=ACCOUNT,
            owner=Owner("yard", run, f"{group}.plan"),
            clock=self.clock,
            look_only=look_only,
        )

    def grant(self, run: str, wanted: int = 10_000, **limits: Any) -> int:
        return self.budget(run, **limits).grant(wanted)[0]

    def export(self, run: str, *, group: str = "ocr") -> int:
        return BudgetBook.release_all(self.store, ACCOUNT, Owner("yard", run, f"{group}.export"), self.clock)


@pytest.fixture
def planner(tmp_path: Path) -> Planner:
    store = Store(local_place(tmp_path / "ledger"))
    store.prepare()
    return Planner(store, Account(), FakeClock())


def test_two_runs_never_plan_to_spend_the_same_remainder(planner: Planner) -> None:
    assert planner.grant("one", 700) == 700
    assert planner.grant("two", 700) == 300
    assert planner.grant("three", 700) == 0


def test_what_a_run_did_not_spend_is_free_after_its_export(planner: Planner) -> None:
    planner.grant("one", 700)
    planner.account.calls = 100  # the rest was carried over, or answered by the ledger
    assert planner.export("one") == 1

    assert planner.grant("two") == 900


def test_a_run_that_spends_and_ends_while_another_plans_is_counted_once(planner: Planner) -> None:
    planner.grant("one", 700)
    two = planner.budget("two")  # asks before the first run has made a call, and then reads a long manifest
    planner.account.calls = 700
    planner.export("one")

    assert two.grant(10_000)[0] == 300


def test_a_plan_that_is_made_again_gives_up_what_it_held(planner: Planner) -> None:
    planner.grant("one", 700)

    assert planner.grant("one", 900) == 900


def test_two_groups_of_one_run_hold_their_calls_apart(planner: Planner) -> None:
    planner.budget("one", group="vins").grant(600)

    assert planner.budget("one", group="trailers").grant(600)[0] == 400
    assert planner.export("one", group="vins") == 1
    assert planner.budget("two").grant(10_000)[0] == 600


def test_looking_reserves_nothing(planner: Planner, tmp_path: Path) -> None:
    planner.grant("one", 400)
    before = sorted(tmp_path.rglob("*"))

    assert planner.budget("look", look_only=True, daily_limit=900, pace=True).grant(10_000)[0] == 0  # 100 are today's
    assert planner.budget("look", look_only=True).grant(10_000)[0] == 600
    assert sorted(tmp_path.rglob("*")) == before


def test_who_holds_what_is_said_where_it_is_in_the_way(planner: Planner, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    planner.grant("one", 700)
    granted, reason = planner.budget("two", reserve=50).grant(700)

    assert granted == 250
    assert reason == ("quota, 1,000 calls left, reserve 50, 700 reserved by other runs, 250 allowed.")
    assert "Run one of yard holds 700 calls since 2026-03-01T22:00:00Z." in caplog.text


def test_the_daily_limit_counts_everybody_since_the_days_first_plan(planner: Planner) -> None:
    assert planner.grant("one", 60, daily_limit=100) == 60
    planner.account.calls = 75  # somebody else made 15
    planner.export("one")

    assert planner.grant("two", daily_limit=100) == 25
    planner.clock.tick(3 * 3600)  # after midnight, UTC
    assert planner.grant("three", daily_limit=100) == 100


def test_a_run_that_never_ended_takes_nothing_from_another_days_limit(planner: Planner) -> None:
    planner.grant("dead", 100, daily_limit=100)
    planner.clock.tick(86_400)

    assert planner.grant("next", daily_limit=100) == 100
    assert planner.grant("greedy") == 800  # the period's remainder is still held for it


def test_the_pace_spreads_what_is_left_over_the_nights(planner: Planner) -> None:
    planned = []
    for night in range(10):
        planned.append(planner.grant(f"night-{night}", pace=True))
        planner.account.calls += planned[-1]
        planner.export(f"night-{night}")
        planner.clock.tick(86_400)

    assert planned == [100] * 10


def test_a_second_run_of_the_night_gets_no_share_of_its_own(planner: Planner) -> None:
    first, reason = planner.budget("one", pace=True).grant(500)
    planner.account.calls += first
    planner.export("one")

    assert first == 100
    assert reason.startswith("pace 100 calls a day (10 nights until the reset on 2026-03-11), 0 spent today, 100 more")
    assert planner.grant("two", pace=True) == 0


def test_the_pace_leaves_the_reserve_and_the_smaller_limit_binds(planner: Planner) -> None:
    assert planner.budget("a", look_only=True, pace=True, reserve=500).grant(999)[0] == 50
    assert planner.budget("b", look_only=True, pace=True, daily_limit=30).grant(999)[0] == 30
    assert planner.budget("c", look_only=True, pace=True, daily_limit=300).grant(999)[0] == 100


def test_the_pace_of_an_account_without_a_reset_takes_a_whole_period(planner: Planner) -> None:
    planner.account.resets_on = "2025-03-20T00:00:00Z"
    granted, reason = planner.budget("one", pace=True).grant(999)

    assert granted == 33  # a thirty-first
    assert "the API does not say when the quota starts anew" in reason


def test_a_new_period_knows_no_reservation_of_the_last(planner: Planner) -> None:
    planner.grant("dead", 900)
    planner.clock.tick(11 * 86_400)
    planner.account.resets_on = (START + timedelta(days=40)).isoformat()

    assert planner.grant("next") == 1000


RACERS = """
import os, sys
from airflow_provider_platerec_ocr.core.models import Owner
from airflow_provider_platerec_ocr.hooks.ocr import PlateRecOCRHook
from airflow_provider_platerec_ocr.runtime.budget import Limits, open_budget

def race(number):
    owner, limits = Owner("yard", f"run-{number}", "ocr.plan"), Limits(reserve=100)
    budget = open_budget(PlateRecOCRHook("race"), sys.argv[1], owner, limits)
    os.write(is_ready, b".")
    os.read(go, 1)
    print("granted", budget.grant(300)[0], flush=True)

(ready, is_ready), (go, let_go) = os.pipe(), os.pipe()
for number in range(5):
    if not os.fork():
        try:
            race(number)
        finally:
            os._exit(0)
os.close(is_ready)
waiting = 5
while waiting and os.read(ready, 1):
    waiting -= 1
os.write(let_go, b".....")
for _ in range(5):
    os.wait()
"""
"""Five processes; Airflow, which takes seconds to import, is imported once for all of them."""


@pytest.mark.slow
def test_processes_that_plan_at_the_same_moment_share_what_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = json.dumps({"usage": {"calls": 0, "resets_on": "2099-01-01T00:00:00Z"}, "total_calls": 1000}).encode()
    with recording_server(body=body) as api:
        monkeypatch.setenv(*connection_env(api.url, "secret", conn_id="race"))
        command = [sys.executable, "-c", RACERS, str(tmp_path / "ledger")]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=PATIENCE_S, check=True)  # noqa: S603  # ours

    granted = [int(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("granted ")]
    assert sorted(granted) == [0, 0, 300, 300, 300]


def test_a_bad_account_is_found_before_the_manifest_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with recording_server(status=503, body=b"busy") as api:
        monkeypatch.setenv(*connection_env(api.url, "secret", conn_id="race"))
        with pytest.raises(OCRUnavailable):
            open_budget(PlateRecOCRHook("race"), str(tmp_path / "ledger"), Owner("yard", "one", "plan"), Limits())


@pytest.mark.parametrize(
    ("hours", "period", "is_old"), [(0, "", False), (1.9, "", False), (2.1, "", True), (0, "2026-02", True)]
)
def test_a_reservation_of_another_day_or_period_is_released_and_one_of_this_day_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hours: float, period: str, *, is_old: bool
) -> None:
    ledger, owner, clock = str(tmp_path / "ledger"), Owner("yard", "one", "ocr.plan"), FakeClock()  # 22:00
    with recording_server() as api:  # 55 of 5,000 used
        monkeypatch.setenv(*connection_env(api.url, "secret", conn_id="race"))
        hook = PlateRecOCRHook("race")
        budget = open_budget(hook, ledger, owner, Limits(daily_limit=100), clock=clock)
        budget.grant(20)
        grant = budget.granted
        if period:
            grant = replace(grant, period=period)
            BudgetBook(budget.store, grant.account, period, clock).reserve(owner, None, lambda _: 20)
        clock.tick(hours * 3600)

        assert release_old(hook, ledger, replace(owner, task_id="ocr.approve"), grant, clock=clock) is is_old
        assert release_budget(hook, ledger, owner) == (0 if is_old else 1)
        assert not release_old(hook, ledger, owner, grant, clock=clock)


def test_a_plan_is_opened_and_released_through_the_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, owner = str(tmp_path / "ledger"), Owner("yard", "one", "ocr.plan")
    with recording_server() as api:  # 55 of 5,000 used
        monkeypatch.setenv(*connection_env(api.url, "secret", conn_id="race"))
        budget = open_budget(PlateRecOCRHook("race"), ledger, owner, Limits(reserve=4940), clock=FakeClock())
        assert budget.grant(20) == (5, "quota, 4,945 calls left, reserve 4,940, 5 allowed.")
        assert release_budget(PlateRecOCRHook("race"), ledger, replace(owner, run_id="other")) == 0
        assert release_budget(PlateRecOCRHook("race"), ledger, replace(owner, task_id="ocr.export")) == 1
        assert release_budget(PlateRecOCRHook("race"), ledger, owner) == 0
    assert "secret" not in "".join(str(path) for path in Path(ledger).rglob("*"))
