"""The files of a purse: nothing is drawn twice, whoever draws when, and what was drawn can be read back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.core.errors import OCRLedgerError
from airflow_provider_platerec_ocr.core.models import Owner, Statistics
from airflow_provider_platerec_ocr.engine.ledger.purse_files import PurseFiles
from airflow_provider_platerec_ocr.engine.ledger.reservations import BudgetBook
from airflow_provider_platerec_ocr.storage.store import Store
from support.clock import FakeClock
from support.stores import local_place

if TYPE_CHECKING:
    from pathlib import Path

PLAN = Owner("yard", "night-1", "ocr.plan")
READ = Owner("yard", "night-1", "ocr.read", 0, 1)
FOLDER = "call-budget/0123/2026-03/000001.purse"


class Counting(Store):
    """Counts its requests; may hide files from its listings."""

    requests = 0
    hides = False

    def create(self, name: str, data: bytes) -> bool:
        self.requests += 1
        return super().create(name, data)

    def read(self, name: str) -> bytes | None:
        self.requests += 1
        return super().read(name)

    def bare_names(self, folder: str = "") -> list[str]:
        self.requests += 1
        return [] if self.hides else super().bare_names(folder)


@pytest.fixture
def store(tmp_path: Path) -> Counting:
    made = Counting(local_place(tmp_path / "ledger"))
    made.prepare()
    return made


def purse(store: Store, calls: int, shard: int = 0, *, try_number: int = 1) -> PurseFiles:
    return PurseFiles(store, FOLDER, calls, replace(READ, map_index=shard, try_number=try_number), FakeClock())


def emptied(files: PurseFiles, wanted: int, shards: int) -> int:
    drawn = 0
    while calls := files.draw(wanted, shards):
        drawn += calls
    return drawn


def test_no_call_is_drawn_twice_by_shards_that_draw_at_once(store: Counting) -> None:
    shards = [purse(store, 500, shard) for shard in range(8)]

    with ThreadPoolExecutor(8) as pool:
        drawn = list(pool.map(lambda files: emptied(files, 500, 8), shards))

    assert sum(drawn) == 500
    assert all(files.left == 0 for files in shards)


def test_two_thousand_calls_take_a_handful_of_requests(store: Counting) -> None:
    assert emptied(purse(store, 2000), 2000, 1) == 2000
    assert store.requests <= 2000 / 50


def test_shards_that_take_turns_ask_the_store_once_for_fifty_calls(store: Counting) -> None:
    shards = [purse(store, 16_000, shard) for shard in range(8)]
    left = dict.fromkeys(range(8), 2000)
    while any(left.values()):
        for shard, files in enumerate(shards):
            left[shard] -= files.draw(left[shard], 8) if left[shard] else 0

    assert store.requests <= 16_000 / 50


def test_what_is_given_back_is_there_for_the_others(store: Counting) -> None:
    one, two = purse(store, 60, 0), purse(store, 60, 1)
    assert emptied(one, 60, 1) == 60
    assert two.draw(10, 2) == 0
    one.give_back(25)

    assert emptied(two, 60, 1) == 25
    assert emptied(one, 60, 1) == 0


def test_a_closed_purse_gives_and_takes_nothing(store: Counting) -> None:
    one, two = purse(store, 60, 0), purse(store, 60, 1)
    one.draw(10, 1)
    assert two.close() == 50
    assert (two.close(), two.draw(5, 1), two.closed) == (0, 0, True)
    assert one.draw(5, 1) == 0  # it meets the end in its way
    one.give_back(10)

    assert purse(store, 60).close() == 0


def test_a_later_try_reads_what_earlier_ones_drew_and_did_not_give_back(store: Counting) -> None:
    first, other = purse(store, 1000, 3), purse(store, 1000, 4)
    first.draw(100, 1)
    other.draw(50, 1)
    first.draw(30, 1)
    first.give_back(20)
    third = purse(store, 1000, 3, try_number=3)

    assert third.drawn_before(3) == {1: 110}
    assert third.left == 1000 - 110 - 50
    assert purse(store, 1000, 5, try_number=2).drawn_before(5) == {}


def test_what_a_later_try_gave_back_of_an_earlier_ones_calls_is_not_there_a_second_time(store: Counting) -> None:
    purse(store, 100, 3).draw(10, 1)
    purse(store, 100, 3, try_number=2).give_back(6)

    drawn = purse(store, 100, 3, try_number=3).drawn_before(3)

    assert sum(drawn.values()) == 4


def test_a_torn_file_gives_no_calls_away(store: Counting) -> None:
    purse(store, 100).draw(10, 1)
    store.overwrite(f"{FOLDER}/000001.drawn", b"")

    assert purse(store, 100, 1).draw(10, 1) == 0


def test_a_store_that_shows_its_files_late_gives_no_call_twice(store: Counting) -> None:
    one, two = purse(store, 100, 0), purse(store, 100, 1)
    one.draw(60, 1)
    store.hides = True

    assert emptied(two, 60, 1) == 40


def test_a_file_that_is_there_and_cannot_be_read_draws_nothing(store: Counting) -> None:
    class Flickers(Counting):
        shown = False

        def read(self, name: str) -> bytes | None:
            self.shown = not self.shown
            return super().read(name) if self.shown else None

    purse(store, 100).draw(10, 1)
    files = purse(Flickers(store.place), 100, 1)

    with pytest.raises(OCRLedgerError, match="does not show its last file"):
        files.draw(10, 1)


def test_the_end_of_a_reservation_closes_its_purse(store: Counting) -> None:
    book = BudgetBook(store, "0123", "2026-03", FakeClock())
    made = book.reserve(PLAN, Statistics(0, 1000), lambda _: 80)
    files = book.purse(made.number, made.calls, READ)
    assert files.draw(30, 1) == 30

    assert book.release(replace(PLAN, task_id="ocr.export")) == 1

    assert (files.draw(10, 1), files.closed) == (0, True)


def test_what_a_shard_reserves_for_itself_ends_with_its_run_and_not_with_another_shards(store: Counting) -> None:
    book = BudgetBook(store, "0123", "2026-03", FakeClock())
    book.reserve(PLAN, Statistics(0, 1000), lambda _: 80)
    more = book.reserve_more(READ, Statistics(0, 1000), lambda _: 5)

    assert (more, [(each.shard, each.calls) for each in book.of_run(READ)]) == (5, [(None, 80), (0, 5)])
    assert book.reserved_by_others(replace(READ, run_id="night-2")) == 85
    assert book.release(PLAN) == 2


def test_what_another_task_of_the_run_drew_is_not_left_by_an_earlier_try(store: Counting) -> None:
    PurseFiles(store, FOLDER, 100, replace(READ, task_id="ocr.read_more"), FakeClock()).draw(30, 2)

    assert purse(store, 100, try_number=2).drawn_before(0) == {}
