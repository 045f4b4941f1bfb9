"""Two folders take each other's place in one step, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.storage.exchange import exchange
from airflow_provider_platerec_ocr.storage.path import StoragePath
from support.stores import local_place

if TYPE_CHECKING:
    from pathlib import Path


def test_two_folders_take_each_others_place(tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)

    assert exchange(local_place(tmp_path / "old"), local_place(tmp_path / "new"))

    assert [(tmp_path / name / "file").read_text() for name in ("old", "new")] == ["new", "old"]


def test_what_is_not_there_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()

    with pytest.raises(FileNotFoundError):
        exchange(local_place(tmp_path / "old"), local_place(tmp_path / "new"))
    assert (tmp_path / "old").is_dir()


def test_an_object_store_says_that_it_cannot(tmp_path: Path) -> None:
    place = local_place(tmp_path)

    assert not exchange(place, StoragePath(place.fs, "bucket/new", "s3"))
