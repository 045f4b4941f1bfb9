from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import fsspec
import pytest

from airflow_provider_platerec_ocr.core.errors import OCRLedgerError
from airflow_provider_platerec_ocr.core.storage import Place
from airflow_provider_platerec_ocr.engine.board import Hold, Pace, PaceBoard
from support.pictures import local, opened

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=["local", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "local":
        return local(tmp_path) / "pace" / "account"
    fsspec.filesystem("memory").rm("/pace", recursive=True) if fsspec.filesystem("memory").exists("/pace") else None
    return opened("memory://pace/account")


def age(folder: Path, shard: str, seconds: float) -> None:
    (file,) = folder.glob(f"{shard}.*.beat")
    moment = file.stat().st_mtime - seconds
    os.utime(file, (moment, moment))


def test_shards_see_each_others_shares_and_not_their_own(place: Place) -> None:
    one, two, three = (PaceBoard(place, shard=name) for name in ("one", "two", "three"))
    assert one.beat(0.5) == []
    assert two.beat(0.25) == [0.5]
    assert sorted(three.beat(0.0)) == [0.25, 0.5]
    assert sorted(one.beat(0.5)) == [0.0, 0.25]


def test_a_changed_share_replaces_the_old_one(place: Place) -> None:
    one, two = PaceBoard(place), PaceBoard(place)
    one.beat(1.0)
    one.beat(1 / 3)
    assert two.beat(0.0) == [0.333333]


def test_a_shard_that_leaves_is_gone_at_once(place: Place) -> None:
    one, two = PaceBoard(place), PaceBoard(place)
    one.beat(1.0)
    one.leave()
    one.leave()
    assert two.beat(0.0) == []


def test_while_a_shard_changes_its_share_the_larger_one_counts(tmp_path: Path) -> None:
    PaceBoard(local(tmp_path), shard="one").beat(0.5)
    PaceBoard(local(tmp_path), shard="one").beat(0.25)  # as if killed before it took the old file away
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
    PaceBoard(local(tmp_path), shard="two").beat(0.5)
    assert [file.name for file in tmp_path.glob("*.beat")] == ["two.500000.beat"]


def test_other_files_on_the_board_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "x.beat").write_text("")
    assert PaceBoard(local(tmp_path)).beat(0.5) == []


class Listing:
    """A store whose listings look like those of a certain kind."""

    def __init__(self, key: str, old: Any, new: Any) -> None:
        self.entries = [
            {"name": "b/p/old.400000.beat", "type": "file", "size": 0, key: old},
            {"name": "b/p/new.300000.beat", "type": "file", "size": 0, key: new},
            {"name": "b/p/me.0.beat", "type": "file", "size": 0, key: new},
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
    board = PaceBoard(Place(Listing(key, old, new), "b/p", "s3"), shard="me")
    assert board.beat(0.0) == [0.3]
    assert not board.is_local


def test_a_listing_without_times_takes_everybody_for_live() -> None:
    assert PaceBoard(Place(Listing("x", 0, 0), "b/p", "s3"), shard="me").beat(0.0) == [0.4, 0.3]


def test_a_hold_is_seen_by_all(place: Place) -> None:
    one, two = PaceBoard(place), PaceBoard(place)
    one.beat(0.5)
    assert two.held_until() == 0.0
    one.hold(2000.0, throttled_at_s=1990.0)
    assert two.posted() == Hold(2000.0, 1990.0)
    assert two.held_until() == 2000.0


def test_a_longer_hold_stays(place: Place) -> None:
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
        PaceBoard(Place(Broken("mtime", 1, 1), "b/p", "s3")).beat(0.0)


def test_who_joins_learns_the_rate_that_the_first_of_those_who_send_sees(place: Place) -> None:
    one, two, three = (PaceBoard(place, shard=name) for name in ("one", "two", "three"))
    one.beat(0.0, Pace(0.5))
    three.beat(0.5, Pace(8.0, found=True))
    two.beat(0.5, Pace(4.0))
    one.beat(0.0, Pace(0.5))

    assert one.leader is not None
    assert one.leader.rate_per_s == pytest.approx(8.0, rel=0.02)
    assert one.leader.found
    assert one.leads


def test_one_of_the_shards_leads(place: Place) -> None:
    one, two = PaceBoard(place, shard="one"), PaceBoard(place, shard="two")
    one.beat(0.5, Pace(8.0))
    assert one.leader is None
    two.beat(0.5, Pace(4.0))
    one.beat(0.5, Pace(8.0))

    assert (one.leads, two.leads) == (True, False)
    assert two.leader is not None
    assert not two.leader.found


@pytest.mark.parametrize("rate_per_s", [1e-9, 0.05, 1.0, 8.0, 1000.0])
def test_any_rate_fits_into_a_name_within_two_percent(tmp_path: Path, rate_per_s: float) -> None:
    PaceBoard(local(tmp_path), shard="one").beat(1.0, Pace(rate_per_s))
    two = PaceBoard(local(tmp_path))
    two.beat(0.0)

    assert two.leader is not None
    assert two.leader.rate_per_s == pytest.approx(max(rate_per_s, 1.02**-1000), rel=0.011)
