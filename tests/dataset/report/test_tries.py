"""Counts of the tries of a run, one file each."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fsspec.implementations.local import LocalFileSystem

from airflow_provider_platerec_ocr.dataset.report.tries import TryCounts, TryFile, TrySums, read_tries, sum_tries
from airflow_provider_platerec_ocr.storage.path import StoragePath
from support.stores import local_place

if TYPE_CHECKING:
    from support.stores import S3Stand


@pytest.fixture
def workspace(tmp_path: Path) -> StoragePath:
    return local_place(tmp_path / "work")


def write(workspace: StoragePath, *counts: TryCounts) -> None:
    for item in counts:
        TryFile(workspace, item.shard, item.try_number).write(item)


def test_a_run_without_tries_comes_to_nothing(workspace: StoragePath) -> None:
    assert sum_tries(read_tries(workspace)) == TrySums()


def test_the_counts_of_all_tries_are_summed(workspace: StoragePath) -> None:
    write(
        workspace,
        TryCounts(0, 1, calls=10, refused={"OCRRateLimited": 2}, unknown=1, ended=True, error="OCRInDoubt: 1 in doubt"),
        TryCounts(0, 2, calls=1, refused={"OCRUnavailable": 1, "OCRRateLimited": 1}, resent=1, ended=True),
        TryCounts(1, 1, calls=7, ended=True),
    )

    assert sum_tries(read_tries(workspace)) == TrySums(
        tries=3, calls=18, refused={"OCRRateLimited": 3, "OCRUnavailable": 1}, unknown=1, resent=1
    )


def test_a_try_replaces_its_own_file_and_never_that_of_a_twin(workspace: StoragePath) -> None:
    one, twin = TryFile(workspace, 3, 1), TryFile(workspace, 3, 1)  # the first outlives its task and drains
    one.write(TryCounts(3, 1, calls=4))
    twin.write(TryCounts(3, 1, calls=2, ended=True))
    one.write(TryCounts(3, 1, calls=5, ended=True))

    assert sum_tries(read_tries(workspace)).calls == 7
    assert len(read_tries(workspace)) == 2


def test_killed_and_failed_tries_are_named_by_shard_where_no_later_one_mended_it(workspace: StoragePath) -> None:
    write(
        workspace,
        TryCounts(0, 1, calls=3),
        TryCounts(1, 1, ended=True, error="OCRUnauthorized: 401"),
        TryCounts(1, 2, ended=True),
        TryCounts(2, 1, ended=True, error="OCRQuotaExhausted: used up"),
    )

    sums = sum_tries(read_tries(workspace))

    assert sums.cut_off == 1
    assert sums.errors == {0: "its process was killed", 2: "OCRQuotaExhausted: used up"}


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"other": 1}'])
def test_a_broken_file_is_named_and_left_out(
    workspace: StoragePath, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    write(workspace, TryCounts(0, 1, calls=3, ended=True))
    broken = Path(workspace.path) / "outcomes" / "00000" / "002-0123abcd.json"
    broken.write_bytes(content)

    assert sum_tries(read_tries(workspace)).calls == 3
    assert f"{broken} holds no counts and is left out" in caplog.text


def test_counts_that_cannot_be_written_do_not_end_the_task(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Full(LocalFileSystem):  # type: ignore[misc]  # fsspec publishes no types
        """An object store without room."""

        def pipe_file(self, path: str, *_args: object, **_kwargs: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device", path)

    TryFile(StoragePath(Full(skip_instance_cache=True), str(tmp_path), "full"), 0, 1).write(TryCounts(0, 1))

    assert "The counts of this try are missing in the run's report" in caplog.text


def test_tries_are_found_on_an_object_store(s3: S3Stand) -> None:
    place = s3.place("work")
    write(place, TryCounts(1, 1, calls=2, ended=True), TryCounts(0, 1, calls=3, ended=True))

    assert [item.shard for item in read_tries(s3.again(place))] == [0, 1]
