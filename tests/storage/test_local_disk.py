from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.storage.local_disk import LocalFolder

if TYPE_CHECKING:
    from pathlib import Path


def test_more_folders_than_are_remembered_are_no_obstacle(tmp_path: Path) -> None:
    folder = LocalFolder(str(tmp_path), remembered=10)
    for number in range(50):
        folder.mark(str(tmp_path / f"{number}/x"), b".")

    assert len(list(tmp_path.iterdir())) == 50
    assert len(folder._ready) <= 10  # noqa: SLF001  # memory stays flat


def test_a_folder_that_a_person_removed_is_made_again(tmp_path: Path) -> None:
    folder = LocalFolder(str(tmp_path / "root"))
    folder.prepare()
    folder.create(str(tmp_path / "root/vin/a"), b"1")
    (tmp_path / "root/vin").rename(tmp_path / "aside")
    folder.create(str(tmp_path / "root/vin/b"), b"2")

    assert (tmp_path / "root/vin/b").read_bytes() == b"2"


def test_a_root_that_went_away_does_not_come_back_empty(tmp_path: Path) -> None:
    folder = LocalFolder(str(tmp_path / "root"))
    folder.prepare()
    folder.create(str(tmp_path / "root/vin/a"), b"1")
    (tmp_path / "root").rename(tmp_path / "unmounted")

    with pytest.raises(FileNotFoundError):
        folder.create(str(tmp_path / "root/vin/b"), b"2")
    assert not (tmp_path / "root").exists()


@pytest.mark.parametrize("name", ["vin/b", "vin/bb/c", "trailer_id/d"])
def test_an_empty_mount_point_is_not_taken_for_the_volume_that_was_there(tmp_path: Path, name: str) -> None:
    folder = LocalFolder(str(tmp_path / "root"))
    folder.prepare()
    folder.create(str(tmp_path / "root/vin/a"), b"1")
    (tmp_path / "root").rename(tmp_path / "unmounted")
    (tmp_path / "root").mkdir()

    with pytest.raises(FileNotFoundError, match="is the volume mounted"):
        folder.create(str(tmp_path / "root" / name), b"2")
    assert list((tmp_path / "root").iterdir()) == []
    (tmp_path / "root").rmdir()
    (tmp_path / "unmounted").rename(tmp_path / "root")
    folder.create(str(tmp_path / "root" / name), b"2")
