"""Listings that are never stale, and what they say."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.storage.listing import child_names, children, written_at_s
from airflow_provider_platerec_ocr.storage.path import StoragePath, local_path

if TYPE_CHECKING:
    from pathlib import Path


class Remembering:
    """A file system that answers from its memory until it is told not to, as those of object stores do."""

    def __init__(self) -> None:
        self.there = ["bucket/runs/a"]
        self.requests = 0
        self._remembered: dict[str, list[str]] = {}

    def invalidate_cache(self, path: str) -> None:
        self._remembered.pop(path, None)

    def ls(self, path: str, *, detail: bool) -> list[Any]:
        if path not in self._remembered:
            self.requests += 1
            self._remembered[path] = list(self.there)
        return [{"name": name, "type": "directory"} if detail else name for name in self._remembered[path]]


def test_what_came_since_the_last_look_is_seen_with_one_request_a_look() -> None:
    fs = Remembering()
    folder = StoragePath(fs, "bucket/runs", "s3")
    assert child_names(folder) == ["a"]

    fs.there.append("bucket/runs/b/")

    assert child_names(folder) == ["a", "b"]
    assert [entry["name"] for entry in children(folder)] == ["bucket/runs/a", "bucket/runs/b/"]
    assert fs.requests == 3


def test_a_folder_that_is_not_there_is_told_from_an_empty_one(tmp_path: Path) -> None:
    assert child_names(local_path(str(tmp_path))) == []
    for look in (children, child_names):
        with pytest.raises(FileNotFoundError):
            look(local_path(str(tmp_path / "none")))


@pytest.mark.parametrize(
    ("entry", "at_s"),
    [
        ({"mtime": 12.5}, 12.5),
        ({"LastModified": datetime(1970, 1, 1, 0, 1, tzinfo=UTC)}, 60.0),
        ({"updated": "1970-01-01T00:02:00+00:00"}, 120.0),
        ({"mtime": "yesterday", "modified": 9}, 9.0),
        ({"name": "a", "size": 3}, None),
    ],
)
def test_each_store_has_its_own_word_for_when_a_file_was_written(entry: dict[str, Any], at_s: float | None) -> None:
    assert written_at_s(entry) == at_s
