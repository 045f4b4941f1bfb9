"""A shard draws what its images may still need and no call more: what it has too much, another shard does not find."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.core.spending.purse import Inherited
from airflow_provider_platerec_ocr.engine.ledger.purse import RunPurse, Tools
from airflow_provider_platerec_ocr.engine.ledger.purse_files import PurseFiles
from airflow_provider_platerec_ocr.engine.reading.batch import Batch
from airflow_provider_platerec_ocr.storage.store import Store
from support.clock import FakeClock
from support.pictures import local
from support.reading import OWNER, Setup, context, images, sandbox_here

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_platerec_ocr.core.models import Outcome


@pytest.fixture
def files(tmp_path: Path) -> PurseFiles:
    """The purse of a run of many shards, of which this one has a hundred images."""
    store = Store(local(tmp_path / "ledger"))
    store.prepare()
    return PurseFiles(store, "call-budget/0123/2026-03/000001.purse", 800, OWNER, FakeClock())


async def _io(function: Any, *given: Any) -> Any:
    return function(*given)


def _purse(files: PurseFiles, wanted: Callable[[], int], inherited: Inherited | None = None) -> RunPurse:
    inherited = inherited or Inherited()
    return RunPurse(Tools(io=_io, owner=OWNER, shards=16, wanted=wanted, files=files, inherited=inherited, granted=800))


@pytest.mark.no_cover
def test_a_shard_whose_outcomes_are_written_slowly_draws_no_more_than_it_has_images(
    tmp_path: Path, files: PurseFiles
) -> None:
    clock, faults = FakeClock(), ["image=load_000003:400", "every=7:503", "every=9:500"]

    async def write(_outcome: Outcome) -> None:
        await clock.sleep(3.0)

    async def main() -> tuple[int, int]:
        async with sandbox_here(clock, faults=faults, latency="1") as box:
            setup = Setup(tmp_path, box.url, settings={"rate_per_s": 20.0, "max_in_flight": 60})
            async with context(setup, 100, clock) as tools:
                progress = tools.progress
                purse = _purse(files, lambda: progress.total - progress.done)
                await Batch(replace(tools, purse=purse), write).run(images(tmp_path, 100))
                return progress.done, box.books()["posts"]

    done, posts = clock.run(main())

    assert (done, posts >= 100) == (100, True)
    assert files.left == 700


def test_an_image_that_is_paid_for_wants_no_other_call(files: PurseFiles) -> None:
    async def main() -> list[int]:
        purse, left = _purse(files, lambda: 100), []
        for row in range(1, 101):
            coin = await purse.take(row)
            assert coin is not None
            coin.spent = True
            purse.done(coin)
            left.append(files.left)
        return left

    assert asyncio.run(main())[-1] == 700


def test_what_may_have_been_left_by_a_killed_try_is_not_drawn_again_beside_it(files: PurseFiles) -> None:
    """The try before drew 60 and spent none of them, which shows when the ledger is asked about each image."""
    inherited = Inherited(60, tries=1, rows=range(1, 101))
    assert files.draw(60, 1) == 60

    async def main() -> None:
        purse = _purse(files, lambda: 100, inherited)
        for row in range(1, 101):
            inherited.looked(row, 0)
            assert await purse.take(row) is not None

    asyncio.run(main())

    assert files.left == 700


class More:
    """Reserves one call at a time, and notes how many calls it was told are under way."""

    def __init__(self) -> None:
        self.under_way: list[int] = []

    def reserve(self, _wanted: int, under_way: int) -> int:
        self.under_way.append(under_way)
        return 1


def test_a_call_that_has_ended_is_not_held_back_from_what_the_account_has_left() -> None:
    more: Any = More()

    async def main() -> None:
        purse = RunPurse(Tools(io=_io, owner=OWNER, wanted=lambda: 10, more=more))
        for row in (1, 2, 3):
            coin = await purse.take(row)
            assert coin is not None
            coin.spent = True
            if row != 1:
                purse.done(coin)

    asyncio.run(main())

    assert more.under_way == [0, 1, 1]
