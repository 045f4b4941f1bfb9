"""A shard says how far it is, and a store that fails or hangs holds up nobody."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.dataset.report.live import FOLDER, LiveFolder, ShardProgress, forget_live
from airflow_provider_platerec_ocr.worker.live_progress import LatestWriter
from support.stores import local_place
from support.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

FIRST = ShardProgress("nightly__1", 0, 2, dag_id="nightly", total=10, refused={"OCRRateLimited": 2}, eta_s=2.5)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    folder = LiveFolder(local_place(tmp_path))
    second = ShardProgress("nightly__1", 1, 2)

    folder.write(second)
    folder.write(FIRST)

    assert folder.read() == [FIRST, second]


def test_a_run_that_is_published_is_forgotten_and_so_are_leftovers_of_a_day(tmp_path: Path) -> None:
    folder = LiveFolder(local_place(tmp_path))
    for run in ("a", "b"):
        folder.write(ShardProgress(run, 0, 1))
    written_s = (tmp_path / FOLDER / "b.00000.json").stat().st_mtime

    forget_live(local_place(tmp_path), "a", written_s + 60.0)
    assert [each.run for each in folder.read()] == ["b"]
    forget_live(local_place(tmp_path), "c", written_s + 90_000.0)
    assert folder.read() == []
    forget_live(local_place(tmp_path / "nothing"), "c", written_s)


def test_a_store_that_hangs_holds_up_nobody_and_the_last_word_counts() -> None:
    begun, go_on, written = threading.Event(), threading.Event(), []

    def slow(progress: ShardProgress) -> None:
        begun.set()
        go_on.wait()
        written.append(progress.shard)

    writer = LatestWriter(slow)
    writer.put(ShardProgress("a", 0, 9))
    begun.wait()
    for shard in range(1, 9):
        writer.put(ShardProgress("a", shard, 9))
    writer.close(within_s=0.0)
    assert written == []

    go_on.set()
    until("the last was not written", lambda: len(written) == 2)
    assert written == [0, 8]


def has(tried: list[int], shard: int) -> bool:
    return shard in tried


def test_a_store_that_fails_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    tried: list[int] = []

    def broken(progress: ShardProgress) -> None:
        tried.append(progress.shard)
        message = "the disk is full"
        raise OSError(message)

    writer = LatestWriter(broken)
    for shard in range(3):
        writer.put(ShardProgress("a", shard, 3))
        until("it was not tried", partial(has, tried, shard))
    writer.close()

    assert caplog.text.count("the disk is full") == 1
