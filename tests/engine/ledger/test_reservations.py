"""Several runs plan at once: what they may spend together is never more than what is left."""

from __future__ import annotations

import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.models import Owner, Statistics
from airflow_provider_platerec_ocr.core.settings import ClientSettings
from airflow_provider_platerec_ocr.engine.ledger.reservations import FOLDER, BudgetBook, account_id
from airflow_provider_platerec_ocr.storage.store import Store
from support.clock import FakeClock
from support.pictures import local
from support.simulated_store import SimulatedStore

SEEN = Statistics(calls=0, total_calls=1000)
RUN = Owner(dag_id="yard", run_id="run-1", task_id="batch.plan")
OTHER = replace(RUN, run_id="run-2")


class Stage:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = Store(SimulatedStore(self.clock).place())

    def book(self, period: str = "2026-03", account: str = "account") -> BudgetBook:
        return BudgetBook(self.store, account, period, self.clock)


@pytest.fixture
def stage() -> Stage:
    return Stage()


def reserve(book: BudgetBook, owner: Owner, left: int, wanted: int) -> int:
    return book.reserve(owner, SEEN, lambda others: max(0, min(wanted, left - others))).calls


def test_what_one_run_reserves_another_does_not_get(stage: Stage) -> None:
    book = stage.book()

    assert reserve(book, RUN, 100, 70) == 70
    assert reserve(book, OTHER, 100, 70) == 30
    assert reserve(book, replace(RUN, run_id="run-3"), 100, 70) == 0
    assert book.reserved_by_others(RUN) == 30


def test_a_plan_that_is_made_again_takes_back_what_it_had_reserved(stage: Stage) -> None:
    book = stage.book()
    reserve(book, RUN, 100, 70)

    assert reserve(book, RUN, 100, 90) == 90
    assert book.reserved_by_others(OTHER) == 90


def test_two_batches_of_one_run_reserve_apart(stage: Stage) -> None:
    book, second = stage.book(), replace(RUN, task_id="trailers.plan")
    reserve(book, RUN, 100, 60)

    assert reserve(book, second, 100, 60) == 40
    assert book.release(second) == 1
    assert book.reserved_by_others(second) == 60


def test_what_a_run_releases_is_free_for_others(stage: Stage) -> None:
    book = stage.book()
    reserve(book, RUN, 100, 70)

    assert [book.release(RUN), book.release(RUN)] == [1, 0]
    assert reserve(book, OTHER, 100, 100) == 100


def test_a_run_releases_what_it_holds_in_every_period(stage: Stage) -> None:
    for period in ("2026-03", "until-2026-04-01"):
        reserve(stage.book(period), RUN, 100, 10)
    stage.book().spent_today("2026-03-01", 5)

    assert BudgetBook.release_all(stage.store, "account", RUN, stage.clock) == 2
    assert [stage.book(period).reserved_by_others(OTHER) for period in ("2026-03", "until-2026-04-01")] == [0, 0]


def test_periods_and_accounts_do_not_know_each_other(stage: Stage) -> None:
    reserve(stage.book(), RUN, 100, 70)

    assert stage.book("2026-04").reserved_by_others(OTHER) == 0
    assert stage.book(account="another").reserved_by_others(OTHER) == 0


def test_nothing_granted_is_nothing_written(stage: Stage) -> None:
    assert reserve(stage.book(), RUN, 0, 50) == 0
    assert stage.store.names(f"{FOLDER}/account/2026-03") == []


def test_a_reservation_says_whose_it_is_and_since_when(stage: Stage) -> None:
    reserve(stage.book(), RUN, 100, 70)

    held = stage.book().of_others(OTHER)[0]

    assert (held.calls, held.dag_id, held.run_id, held.group) == (70, "yard", "run-1", "batch")
    assert held.at.startswith("2026-03-01T22:00")


def test_the_first_plan_of_a_day_marks_what_was_spent_before(stage: Stage) -> None:
    book = stage.book()

    assert book.spent_today("2026-03-01", 500) == 0
    assert book.spent_today("2026-03-01", 620) == 120
    assert book.spent_today("2026-03-02", 620) == 0
    assert book.spent_today("2026-03-02", 40) == 40  # the quota started anew during the day


def test_looking_is_not_the_first_plan_of_a_day(stage: Stage) -> None:
    book = stage.book()

    assert book.spent_today("2026-03-01", 500, look_only=True) == 0
    assert book.spent_today("2026-03-01", 600) == 0


def test_the_account_is_named_without_its_token() -> None:
    one = ClientSettings(token="first-secret")

    assert len(account_id(one)) == 16
    assert account_id(one) == account_id(ClientSettings(token="first-secret"))
    assert account_id(one) != account_id(ClientSettings(token="second-secret"))
    assert account_id(one) != account_id(ClientSettings(token="first-secret", base_url="http://localhost:1"))


def race(folder: str, number: int) -> int:
    book = BudgetBook(Store(local(Path(folder))), "account", "2026-03", SystemClock())
    return reserve(book, Owner(dag_id="yard", run_id=f"run-{number}"), 1000, 150)


def test_runs_that_race_in_threads_are_never_granted_more_than_is_left(tmp_path: Path) -> None:
    begin = threading.Barrier(12)

    def one(number: int) -> int:
        begin.wait()
        return race(str(tmp_path), number)

    with ThreadPoolExecutor(12) as threads:
        granted = list(threads.map(one, range(12)))

    assert sum(granted) == 1000
    assert sorted(granted)[-6:] == [150] * 6


@pytest.mark.slow
def test_runs_that_race_in_processes_are_never_granted_more_than_is_left(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as processes:
        granted = processes.starmap(race, [(str(tmp_path), number) for number in range(12)], chunksize=1)

    assert sum(granted) == 1000


def test_a_run_that_is_quicker_leaves_less_to_who_was_about_to_reserve(stage: Stage) -> None:
    book, asked = stage.book(), []

    def grant(others: int) -> int:
        asked.append(others)
        if len(asked) == 1:
            reserve(stage.book(), OTHER, 100, 80)
        return 100 - others

    assert book.reserve(RUN, SEEN, grant).calls == 20
    assert asked == [0, 80]


def test_shards_that_reserve_for_themselves_leave_each_other_what_the_limits_say(stage: Stage) -> None:
    book, shards = stage.book(), [replace(RUN, task_id="batch.read", map_index=index) for index in range(4)]

    def more(shard: Owner, left: int, in_hand: int = 0) -> int:
        return book.reserve_more(shard, SEEN, lambda others: max(0, min(50, left - in_hand - others)), in_hand)

    assert [more(shard, left=60) for shard in shards] == [50, 10, 0, 0]
    assert more(shards[0], left=40, in_hand=20) == 10  # thirty were counted; what it had before is used up
    assert {each.shard: each.calls for each in book.of_run(RUN)} == {0: 30, 1: 10}
    assert reserve(book, OTHER, 60, 60) == 20


def test_read_tasks_that_are_not_mapped_are_not_taken_for_one_shard(stage: Stage) -> None:
    book, tasks = stage.book(), [replace(RUN, task_id=f"batch.read_{number}") for number in range(3)]

    got = [book.reserve_more(task, SEEN, lambda others: max(0, min(50, 60 - others))) for task in tasks]

    assert got == [50, 10, 0]
    assert [each.calls for each in book.of_run(RUN)] == [50, 10]
