"""Turns: one at a time, given back, taken over from the dead, and noticed by who slept through its own."""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRError, OCRRunError
from airflow_provider_platerec_ocr.storage.path import StoragePath
from airflow_provider_platerec_ocr.storage.turn import LEASE_S, Turn
from support.clock import FakeClock
from support.stores import local_place
from support.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from support.stores import S3Stand


def turn(place: StoragePath, who: str = "somebody", clock: Any = None, **more: Any) -> Turn:
    return Turn(place, who, clock or SystemClock(), **{"look_every_s": 0.01, **more})


def turns(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.turn"))


def test_a_turn_is_given_back_and_the_next_one_has_a_higher_number(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "turns"
    for number in (1, 2, 3):
        with turn(local_place(folder)) as mine:
            assert mine.is_held
            mine.check()
            assert turns(folder) == [f"0000000{number}.turn"]
        assert not mine.is_held


def test_only_one_of_many_has_the_turn(tmp_path: Path) -> None:
    inside, most = [0], [0]

    def work() -> None:
        for _ in range(5):
            with turn(local_place(tmp_path / "turns")) as mine:
                mine.check()
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert most == [1]
    assert turns(tmp_path / "turns") == ["00000020.turn"]


def test_an_error_gives_the_turn_back_as_well(tmp_path: Path) -> None:
    def fail() -> None:
        with turn(local_place(tmp_path)):
            raise KeyError

    with pytest.raises(KeyError):
        fail()

    with turn(local_place(tmp_path)) as mine:
        assert mine.is_held


def test_who_waits_says_for_whom_and_takes_over_from_the_dead_after_the_lease(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    (tmp_path / "00000007.turn").write_text('{"who": "run x of nightly", "nonce": "1"}')
    old = time.time() - LEASE_S + 2
    os.utime(tmp_path / "00000007.turn", (old, old))

    class Ageing(FakeClock):
        """Each wait of the waiting makes the dead one's file older."""

        def pause(self, seconds: float) -> None:
            super().pause(seconds)
            os.utime(tmp_path / "00000007.turn", (old - self.elapsed_s * 1000,) * 2)

    with turn(local_place(tmp_path), clock=Ageing()):
        assert turns(tmp_path) == ["00000008.turn"]

    assert "Waiting: run x of nightly is at it" in caplog.text


@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_a_turn_that_cannot_be_read_counts_by_its_age(tmp_path: Path, content: str) -> None:
    (tmp_path / "00000007.turn").write_text(content)
    os.utime(tmp_path / "00000007.turn", (0, 0))

    with turn(local_place(tmp_path)) as mine:
        assert mine.is_held


def test_who_slept_through_its_turn_finds_out_before_it_does_anything(tmp_path: Path) -> None:
    with turn(local_place(tmp_path)) as mine:
        (tmp_path / "00000002.turn").write_text('{"who": "run y"}')

        with pytest.raises(OCRRunError, match="stood still for too long, and run y took its turn") as caught:
            mine.check()

        assert caught.value.retry


def test_a_turn_that_is_alive_is_touched_before_its_lease_is_over(tmp_path: Path) -> None:
    file = tmp_path / "00000001.turn"
    with turn(local_place(tmp_path), lease_s=0.04) as mine:
        first = file.stat().st_ino  # each touch puts a whole file in its place

        until("the turn was touched", lambda: file.stat().st_ino != first)

        mine.check()


def test_a_place_that_takes_no_files_is_warned_about_and_does_not_stop_the_work(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class NoLinks(MemoryFileSystem):  # type: ignore[misc]  # fsspec publishes no types
        def open(self, path: str, mode: str = "rb", **kwargs: Any) -> Any:
            if mode == "xb":
                raise NotImplementedError
            return super().open(path, mode, **kwargs)

    with turn(StoragePath(NoLinks(skip_instance_cache=True), f"{tmp_path}/turns", "odd")) as mine:
        assert not mine.is_held
        mine.check()

    assert "Another publication at the same time would not be noticed" in caplog.text


def test_a_store_that_fails_is_an_error(tmp_path: Path) -> None:
    class Down(MemoryFileSystem):  # type: ignore[misc]  # fsspec publishes no types
        def ls(self, *_: Any, **__: Any) -> Any:
            raise OSError(110, "Connection timed out")

    with (
        pytest.raises(OCRError, match="The folder of publications"),
        turn(StoragePath(Down(skip_instance_cache=True), f"{tmp_path}/turns", "odd")),
    ):
        pass


def test_turns_are_taken_on_an_object_store(s3: S3Stand) -> None:
    place = s3.place("turns")
    for _ in range(2):
        with turn(s3.again(place)) as mine:
            assert mine.is_held
    names = [name for name in place.fs.ls(place.path, detail=False) if name.endswith(".turn")]
    assert [name.rpartition("/")[2] for name in names] == ["00000002.turn"]
