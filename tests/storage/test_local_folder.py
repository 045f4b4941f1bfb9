"""Folders of this machine in which something waits or is kept for a while."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.storage.local_folder import kept_in, remove, set_aside, trim

if TYPE_CHECKING:
    from pathlib import Path


def written(path: Path, at_s: float, size: int = 10) -> Path:
    path.write_bytes(b"x" * size)
    os.utime(path, (at_s, at_s))
    return path


def test_what_is_kept_is_sorted_and_nothing_where_there_is_no_folder(tmp_path: Path) -> None:
    b, a = written(tmp_path / "b", 1.0), written(tmp_path / "a", 2.0)

    assert kept_in(tmp_path) == [a, b]
    assert kept_in(tmp_path / "none") == []


def test_a_file_that_is_gone_is_removed(tmp_path: Path) -> None:
    path = written(tmp_path / "a", 1.0)

    remove(path)
    remove(path)

    assert kept_in(tmp_path) == []


def test_what_is_set_aside_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    written(tmp_path / "a.json.kept", 1.0, size=3)

    aside = set_aside(written(tmp_path / "a.json", 1.0, size=5), ".kept")

    assert kept_in(tmp_path) == [aside]
    assert (aside.name, aside.stat().st_size) == ("a.json.kept", 5)


def test_what_is_old_goes_and_then_the_oldest_of_what_is_too_much(tmp_path: Path) -> None:
    for name, at_s in (("old", 10.0), ("first", 100.0), ("second", 200.0), ("third", 300.0)):
        written(tmp_path / name, at_s)

    trim(tmp_path, before_s=50.0, most_bytes=20)

    assert [path.name for path in kept_in(tmp_path)] == ["second", "third"]
