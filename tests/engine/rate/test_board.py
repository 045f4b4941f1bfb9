from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import fsspec
import pytest

from airflow_provider_platerec_ocr.core.errors import OCRLedgerError
from airflow_provider_platerec_ocr.core.rate.pacing import RateState
from airflow_provider_platerec_ocr.engine.rate.board import Hold, PaceBoard, SharedPace
from airflow_provider_platerec_ocr.storage.path import StoragePath
from support.clock import FakeClock
from support.pictures import local, opened

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=["local", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> StoragePath:
    if request.param == "local":
        return local(tmp_path) / "pace" / "account"
    fsspec.filesystem("memory").rm("/pace", recursive=True) if fsspec.filesystem("memory").exists("/pace") else None
    return opened("memory://pace/account")


def age(folder: Path, shard: str, seconds: float) -> None:
    (file,) = folder.glob(f"*-{shard}.*.beat")
    moment = file.stat().st_mtime - seconds
    os.utime(file, (moment, moment))


def test_shards_see_each_others_shares_and_not_their_own(place: StoragePath) -> None:
    one, two, three = (PaceBoard(place, shard=name) for name in ("one", "two", "three"))
    assert one.beat(0.5) == []
    assert two.beat(0.25) == [0.5]
    assert sorted(three.beat(0.0)) == [0.25, 0.5]
    assert sorted(one.beat(0.5)) == [0.0, 0.25]


def test_a_changed_share_replaces_the_old_one(place: StoragePath) -> None:
    one, two = PaceBoard(place), PaceBoard(place)
    one.beat(1.0)
    one.beat(1 / 3)
    assert two.beat(0.0) == [0.333333]


def test_a_shard_that_leaves_is_gone_at_once(place: StoragePath) -> None:
    one, two = PaceBoard(place), PaceBoard(place)
    one.beat(1.0)
    one.leave()
    one.leave()
    assert two.beat(0.0) == []


def test_while_a_shard_changes_its_share_the_larger_one_counts(tmp_path: Path) -> None:
    clock = FakeClock()
    PaceBoard(local(tmp_path), shard="one", clock=clock).beat(0.5)
    PaceBoard(local(tmp_path), shard="one", clock=clock).beat(0.25)  # as if killed before it took the old file away
    assert PaceBoard(local(tmp_path)).beat(0.0) == [0.5]


@pytest.mark.parametrize(("seconds", "live"), [(9, [0.5]), (11, [])])
def test_a_shard_that_stops_beating_is_gone_after_ten_seconds(
    tmp_path: Path, seconds: float, live: list[float]
) -> None:
    PaceBoard(local(tmp_path), shard="one").beat(0.5)
    age(tmp_path, "one", seconds)
    assert PaceBoard(local(tmp_path)).beat(0.0) == live


def test_heartbeats_of_killed_shards_are_swept_away(tmp_path: Path) -> None:
    PaceBoard(local(tmp_path), shard="one").beat(0.5)
    age(tmp_path, "one", 4000)
    PaceBoard(local(tmp_path), shard="two", clock=FakeClock()).beat(0.5)
    assert [file.name for file in tmp_path.glob("*.beat")] == [f"{ME.replace('me', 'two')}.500000.beat"]


def test_other_files_on_the_board_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "x.beat").write_text("")
    assert PaceBoard(local(tmp_path)).beat(0.5) == []


ME = f"{round(FakeClock().now().timestamp() * 1000):013}-me"
"""How the shard is called that joined when the fake clock began."""


class Listing:
    """A store whose listings look like those of a certain kind."""

    def __init__(self, key: str, old: Any, new: Any) -> None:
        self.entries = [
            {"name": "b/p/old.400000.beat", "type": "file", "size": 0, key: old},
            {"name": "b/p/new.300000.beat", "type": "file", "size": 0, key: new},
            {"name": f"b/p/{ME}.0.beat", "type": "file", "size": 0, key: new},
        ]

    def pipe_file(self, path: str, data: bytes) -> None:
        pass

    def cat_file(self, path: str) -> bytes:
        raise FileNotFoundError(path)

    def invalidate_cache(self, path: str) -> None:
        pass

    def ls(self, _path: str, *, detail: bool) -> list[dict[str, Any]]:
        assert detail
        return self.entries


@pytest.mark.parametrize(
    ("key", "old", "new"),
    [
        ("mtime", 1000.0, 1011.0),
        ("LastModified", datetime(2026, 3, 1, 22, 0, 0, tzinfo=UTC), datetime(2026, 3, 1, 22, 0, 11, tzinfo=UTC)),
        ("last_modified", datetime(2026, 3, 1, 22, 0, 0, tzinfo=UTC), datetime(2026, 3, 1, 22, 0, 11, tzinfo=UTC)),
        ("updated", "2026-03-01T22:00:00.000Z", "2026-03-01T22:00:11.000Z"),
    ],
)
def test_the_stores_own_time_tells_who_lives(key: str, old: object, new: object) -> None:
    board = PaceBoard(StoragePath(Listing(key, old, new), "b/p", "s3"), shard="me", clock=FakeClock())
    assert board.beat(0.0) == [0.3]
    assert not board.is_local


def test_a_listing_without_times_takes_everybody_for_live() -> None:
    board = PaceBoard(StoragePath(Listing("x", 0, 0), "b/p", "s3"), shard="me", clock=FakeClock())
    assert board.beat(0.0) == [0.4, 0.3]


def test_a_hold_is_seen_by_all(place: StoragePath) -> None:
    one, two = PaceBoard(place), PaceBoard(place)
    one.beat(0.5)
    assert two.held_until() == 0.0
    one.hold(2000.0, throttled_at_s=1990.0)
    assert two.posted() == Hold(2000.0, 1990.0)
    assert two.held_until() == 2000.0


def test_a_longer_hold_stays(place: StoragePath) -> None:
    one, two = PaceBoard(place), PaceBoard(place)
    one.beat(0.5)
    one.hold(2000.0)
    two.hold(1500.0, throttled_at_s=1400.0)
    assert one.posted() == Hold(2000.0, 1400.0)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"until_s": 1}', '{"until_s": null, "throttled_at_s": 0}'])
def test_a_half_written_hold_does_not_end_the_one_before(tmp_path: Path, text: str) -> None:
    board = PaceBoard(local(tmp_path))
    board.hold(2000.0)
    assert board.held_until() == 2000.0
    (tmp_path / "hold.json").write_text(text)
    assert board.held_until() == 2000.0


def test_a_board_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    board = PaceBoard(local(tmp_path / "file") / "account")
    with pytest.raises(OCRLedgerError, match=str(tmp_path)):
        board.beat(0.5)
    with pytest.raises(OCRLedgerError):
        board.hold(2000.0)


def test_a_board_that_cannot_be_listed_says_so() -> None:
    class Broken(Listing):
        def ls(self, _path: str, *, detail: bool) -> list[dict[str, Any]]:
            raise TimeoutError(detail)

    with pytest.raises(OCRLedgerError, match="TimeoutError"):
        PaceBoard(StoragePath(Broken("mtime", 1, 1), "b/p", "s3")).beat(0.0)


def joined(place: StoragePath, *names: str) -> list[PaceBoard]:
    """Return boards whose shards join one second after the other."""
    clock, boards = FakeClock(), []
    for name in names:
        boards.append(PaceBoard(place, shard=name, clock=clock))
        boards[-1].beat(0.0)
        clock.tick(1.0)
    return boards


FOUND = SharedPace(RateState(8.0, top=8.1, bottom=7.9, climb_s=31.5, climbed_s=12.5), row_s=1000.5, at_s=1001.5)


def test_the_first_to_join_leads_and_the_others_have_ranks(place: StoragePath) -> None:
    late, later, latest = joined(place, "z", "y", "x")
    for board in (late, later, latest):
        board.beat(0.25, FOUND)

    assert (late.rank, later.rank, latest.rank) == (0, 1, 2)


def test_who_joins_learns_all_that_the_leader_knows_of_the_rate(place: StoragePath) -> None:
    one, two, three = joined(place, "one", "two", "three")
    one.beat(0.5, FOUND)
    two.beat(0.5, SharedPace(RateState(4.0)))
    three.beat(0.0, SharedPace(RateState(0.5)))

    assert three.leader == FOUND


def test_who_sends_nothing_tells_nothing(place: StoragePath) -> None:
    one, two = joined(place, "one", "two")
    one.beat(0.0, FOUND)
    two.beat(0.5, FOUND)

    assert two.leader is None


def test_a_shard_that_left_and_comes_back_is_the_last(place: StoragePath) -> None:
    clock = FakeClock()
    one, two = PaceBoard(place, shard="one", clock=clock), PaceBoard(place, shard="two", clock=clock)
    one.beat(0.5)
    clock.tick(1.0)
    two.beat(0.5)
    clock.tick(1.0)
    one.leave()
    one.beat(0.5)
    two.beat(0.5)

    assert (one.rank, two.rank) == (1, 0)


@pytest.mark.parametrize(
    "data",
    [
        None,
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"rate": null, "row_s": 0, "at_s": 0, "throttled_at_s": 0}',
        b'{"rate": {"rate_per_s": 8, "top": null, "speed": 1}, "row_s": 0, "at_s": 0, "throttled_at_s": 0}',
        b'{"rate": {"rate_per_s": 0, "top": null}, "row_s": 0, "at_s": 0, "throttled_at_s": 0}',
        b'{"rate": {"rate_per_s": 8, "top": null}, "row_s": 0, "at_s": 0}',
    ],
)
def test_a_heartbeat_that_says_nothing_usable_leads_nobody(data: bytes | None) -> None:
    assert SharedPace.unpack(data) is None


@pytest.mark.parametrize("pace", [FOUND, SharedPace(RateState(0.05), 1.0, 2.0, 3.0)])
def test_what_a_heartbeat_says_is_read_as_it_was_written(pace: SharedPace) -> None:
    assert SharedPace.unpack(pace.pack()) == pace
