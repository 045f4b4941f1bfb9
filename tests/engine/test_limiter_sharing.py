from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.engine.board import Hold, PaceBoard
from airflow_provider_platerec_ocr.engine.sharing import Sharing
from support.pictures import local

if TYPE_CHECKING:
    from pathlib import Path


class ScriptedBoard(PaceBoard):
    """A board on which others announce shares by a script."""

    def __init__(self, place: Path, *others: list[float]) -> None:
        super().__init__(local(place))
        self.others = list(others)
        self.announced: list[float] = []

    def beat(self, share: float) -> list[float]:
        self.announced.append(share)
        return self.others.pop(0)


def nothing() -> None:
    pass


def test_who_takes_more_says_so_first_and_gives_back_what_another_took_meanwhile(tmp_path: Path) -> None:
    board = ScriptedBoard(tmp_path, [], [0.5], [0.5])
    sharing = Sharing(board, planned=1)
    asyncio.run(sharing.beat(nothing))
    assert board.announced == [0.0, 1.0, 0.0]
    assert sharing.share == 0.0
    assert sharing.pause_s == 1.0


def test_who_takes_less_does_so_before_saying_so(tmp_path: Path) -> None:
    board = ScriptedBoard(tmp_path, [], [], [0.0], [0.0])
    sharing = Sharing(board, planned=1)
    announced_when_lowered: list[list[float]] = []

    async def run() -> None:
        await sharing.beat(nothing)
        assert sharing.share == 1.0
        await sharing.beat(lambda: announced_when_lowered.append(list(board.announced)))

    asyncio.run(run())
    assert announced_when_lowered == [[0.0, 1.0, 1.0]]
    assert board.announced == [0.0, 1.0, 1.0, 0.5]
    assert sharing.share == 0.5


def test_however_the_beats_interleave_the_shares_in_use_never_exceed_the_whole(tmp_path: Path) -> None:
    async def run() -> list[float]:
        shards = [Sharing(PaceBoard(local(tmp_path)), planned=1) for _ in range(6)]
        sums = []

        async def beat(shard: Sharing) -> None:
            for _ in range(8):
                await shard.beat(nothing)
                sums.append(sum(each.share for each in shards))

        await asyncio.gather(*(beat(shard) for shard in shards))
        assert [round(shard.share, 4) for shard in shards] == [0.1667] * 6
        return sums

    assert max(asyncio.run(run())) <= 1.0


def test_without_a_board_there_is_nothing_to_hear_or_to_say() -> None:
    async def run() -> None:
        sharing = Sharing(None, planned=4)
        assert await sharing.beat(nothing) == Hold()
        assert await sharing.look() == Hold()
        await sharing.post(1.0, 1.0)
        await sharing.leave()
        assert sharing.share == 0.25

    asyncio.run(run())
