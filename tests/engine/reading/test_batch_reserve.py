"""Calls that the account must keep: nothing starts before it is known that more are left, and a batch ends at them."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.errors import OCRQuotaExhausted, OCRUnavailable
from airflow_provider_platerec_ocr.engine.ledger.purse import RunPurse, Tools
from airflow_provider_platerec_ocr.engine.ledger.purse_files import PurseFiles
from airflow_provider_platerec_ocr.storage.store import Store
from support.clock import FakeClock
from support.pictures import local
from support.reading import OWNER, Setup, images, read_virtually

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_task_drains_when_the_reserve_is_reached(tmp_path: Path) -> None:
    clock = FakeClock()
    setup = Setup(tmp_path, settings={"rate_per_s": 2.0}, reserve=100)

    found, box = read_virtually(clock, setup, images(tmp_path, 200), quota=160, latency="20")

    reason = found[0].verdict()
    assert isinstance(reason, OCRQuotaExhausted)
    assert (reason.remaining, found[0].reads) == (160 - box.books()["billed"], box.books()["billed"])
    assert 55 <= found[0].reads <= 60 + 5
    assert box.books()["per_status"] == {"200": found[0].reads}


def test_a_run_that_is_cut_exactly_to_its_budget_succeeds(tmp_path: Path) -> None:
    clock = FakeClock()
    setup = Setup(tmp_path, settings={"rate_per_s": 2.0}, reserve=10)

    found, _ = read_virtually(clock, setup, images(tmp_path, 50), quota=60, latency="20", faults=["nth=48:503"])

    assert (found[0].reads, found[0].verdict()) == (50, None)


def test_statistics_that_do_not_answer_stop_nothing_where_nothing_is_to_be_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    setup = Setup(tmp_path, settings={"rate_per_s": 1.0}, reserve=0)

    found, _ = read_virtually(FakeClock(), setup, images(tmp_path, 20), faults=["on=statistics,always:500"])

    assert (found[0].reads, found[0].verdict()) == (20, None)
    assert any("statistics did not answer" in message for message in caplog.messages)


def test_with_a_reserve_nothing_starts_while_the_statistics_do_not_answer(tmp_path: Path) -> None:
    setup = Setup(tmp_path, settings={"rate_per_s": 1.0}, reserve=4000)

    found, box = read_virtually(FakeClock(), setup, images(tmp_path, 5), faults=["on=statistics,always:500"])

    assert (found[0].outcomes, box.books()["posts"]) == ([], 0)
    assert isinstance(found[0].verdict(), OCRUnavailable)  # after a while; another try asks again


def test_calls_go_on_once_the_statistics_answer_again(tmp_path: Path) -> None:
    setup = Setup(tmp_path, settings={"rate_per_s": 0.1}, reserve=10)

    found, box = read_virtually(FakeClock(), setup, images(tmp_path, 20), faults=["on=statistics,nth=2-40:500"])

    assert (found[0].reads, found[0].verdict()) == (20, None)
    arrivals = box.arrivals()
    assert max(later - earlier for earlier, later in itertools.pairwise(arrivals)) > 60  # longer than ten seconds apart


def purse_of(tmp_path: Path, clock: FakeClock, calls: int, images_left: int) -> RunPurse:
    """Return the purse of a run with one shard."""
    store = Store(local(tmp_path / "ledger"))
    store.prepare()

    async def io(function: Any, *given: Any) -> Any:
        return function(*given)

    files = PurseFiles(store, "call-budget/0123/2026-03/000001.purse", calls, OWNER, clock)
    return RunPurse(Tools(io=io, owner=OWNER, wanted=lambda: images_left, files=files, granted=calls))


def test_a_drawn_purse_does_not_pay_below_the_reserve_where_others_spent_meanwhile(tmp_path: Path) -> None:
    clock = FakeClock()
    purse = purse_of(tmp_path, clock, calls=50, images_left=60)
    setup = Setup(tmp_path, settings={"rate_per_s": 2.0}, reserve=100, more={"purse": purse})

    found, box = read_virtually(clock, setup, images(tmp_path, 60), quota=130, latency="5")

    assert isinstance(found[0].reason, OCRQuotaExhausted)
    assert box.books()["billed"] <= 30 + 2
    assert found[0].reads == box.books()["billed"]


def test_where_all_calls_are_spent_images_are_still_looked_up_at_the_reserve(tmp_path: Path) -> None:
    clock = FakeClock()
    purse = purse_of(tmp_path, clock, calls=30, images_left=60)
    setup = Setup(tmp_path, settings={"rate_per_s": 2.0}, reserve=100, more={"purse": purse})

    found, box = read_virtually(clock, setup, images(tmp_path, 60), quota=130, latency="5")

    assert (found[0].statuses, found[0].verdict()) == ({"read": 30, "carried_over": 30}, None)
    assert box.books()["billed"] == 30


def test_no_call_starts_before_it_is_known_that_calls_are_left(tmp_path: Path) -> None:
    setup = Setup(tmp_path, reserve=40)

    found, box = read_virtually(
        FakeClock(), setup, images(tmp_path, 3), quota=40, faults=["on=statistics,always:slow=5"]
    )

    assert isinstance(found[0].reason, OCRQuotaExhausted)
    assert box.books()["posts"] == 0
