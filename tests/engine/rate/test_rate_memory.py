from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import fsspec
import pytest

from airflow_provider_platerec_ocr.core.rate.pacing import FoundRate
from airflow_provider_platerec_ocr.engine.rate.board import PaceBoard
from airflow_provider_platerec_ocr.engine.rate.rate_memory import FILE, RateMemory, pack, unpack
from support.clock import START, FakeClock
from support.pictures import local, opened

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_platerec_ocr.storage.path import StoragePath

NOW_S = START.timestamp()
FOUND = FoundRate(19.85, 0.9, NOW_S)


@pytest.fixture(params=["local", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> StoragePath:
    if request.param == "local":
        return local(tmp_path) / "pace" / "account"
    fsspec.filesystem("memory").rm("/pace", recursive=True) if fsspec.filesystem("memory").exists("/pace") else None
    return opened("memory://pace/account")


def board(place: StoragePath) -> PaceBoard:
    found = PaceBoard(place, clock=FakeClock())
    found.beat(0.5)
    return found


def test_what_was_found_is_there_for_the_next_night(place: StoragePath) -> None:
    assert board(place).memory.read() is None

    board(place).memory.keep(FOUND, NOW_S)

    assert board(place).memory.read() == FOUND


def test_it_says_what_was_found_when_and_how_sure_it_is() -> None:
    assert json.loads(pack(FOUND)) == {
        "schema": 1,
        "rate_per_s": 19.85,
        "sure": 0.9,
        "found_at": "2026-03-01T22:00:00Z",
    }


def test_keys_of_a_later_version_are_left_aside() -> None:
    data = json.dumps({**json.loads(pack(FOUND)), "more": [1]}).encode()

    assert unpack(data, NOW_S) == FOUND


def test_another_account_has_a_memory_of_its_own(tmp_path: Path) -> None:
    board(local(tmp_path) / "one").memory.keep(FOUND, NOW_S)

    assert board(local(tmp_path) / "two").memory.read() is None


def test_of_shards_that_write_beside_each_other_the_surest_is_kept(place: StoragePath) -> None:
    boards = [board(place) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            list(pool.map(lambda one: boards[one].memory.keep(FoundRate(10.0 + one, 0.5, NOW_S), 0.0), range(8)))

    found = boards[0].memory.read()
    assert found is not None
    assert found.sure == 0.5
    boards[1].memory.keep(FoundRate(7.0, 0.9, NOW_S), 0.0)
    boards[2].memory.keep(FoundRate(5.0, 0.6, NOW_S), 0.0)
    assert boards[3].memory.read() == FoundRate(7.0, 0.9, NOW_S)


HOSTILE = [
    b"",
    b"{",
    b"null",
    b"[]",
    b"{}",
    b"\xff\xfe\x00",
    b"[" * 1900,
    b" " * 100_000,
    *(
        json.dumps({"schema": 1, "rate_per_s": 8, "sure": 1, "found_at": "2026-03-01T21:00:00Z", **wrong}).encode()
        for wrong in (
            {"schema": 2},
            {"schema": None},
            {"rate_per_s": None},
            {"rate_per_s": "8"},
            {"rate_per_s": True},
            {"rate_per_s": 0},
            {"rate_per_s": -1},
            {"rate_per_s": 1001},
            {"rate_per_s": 10**400},
            {"rate_per_s": float("nan")},
            {"rate_per_s": float("inf")},
            {"sure": 0},
            {"sure": 1.01},
            {"sure": [1]},
            {"found_at": None},
            {"found_at": 1e300},
            {"found_at": "yesterday"},
            {"found_at": "2026-03-01T21:00:00"},
            {"found_at": "9999-12-31T23:59:59-12:00"},
            {"found_at": "2026-03-03T21:00:00Z"},
        )
    ),
]


@pytest.mark.parametrize("data", HOSTILE, ids=lambda data: repr(data[:90]))
def test_a_memory_that_cannot_be_used_is_ignored_with_one_line_in_the_log(
    tmp_path: Path, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE).write_bytes(data)
    memory = board(local(tmp_path)).memory

    assert memory.read() is None
    assert memory.read() is None
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "found anew" in caplog.text


def test_a_memory_that_cannot_be_used_is_written_anew(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"{")
    memory = board(local(tmp_path)).memory

    memory.keep(FOUND, 0.0)

    assert memory.read() == FOUND


def test_a_clock_that_is_a_little_ahead_is_believed(tmp_path: Path) -> None:
    ahead = FoundRate(8.0, 1.0, (START + timedelta(minutes=10)).timestamp())
    (tmp_path / FILE).write_bytes(pack(ahead))

    assert board(local(tmp_path)).memory.read() == ahead


def test_a_memory_that_cannot_be_written_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").touch()
    memory = RateMemory(local(tmp_path / "file") / "account", FakeClock())

    memory.keep(FOUND, 0.0)
    memory.keep(FOUND, 0.0)

    assert [record.levelname for record in caplog.records] == ["WARNING"]
