from __future__ import annotations

from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from airflow_provider_platerec_ocr.storage.files import files_below
from airflow_provider_platerec_ocr.storage.path import StoragePath


def test_a_place_on_the_disk_is_written_as_a_path() -> None:
    place = StoragePath(None, "/data/ledger") / "vin/ab"

    assert place.is_local
    assert (place.path, place.name, place.uri) == ("/data/ledger/vin/ab", "ab", "/data/ledger/vin/ab")
    assert place.parent == StoragePath(None, "/data/ledger/vin")


def test_a_place_in_a_bucket_is_written_as_a_uri() -> None:
    place = StoragePath(None, "bucket/ledger", "s3")

    assert not place.is_local
    assert str(place / "x.json") == "s3://bucket/ledger/x.json"
    assert (place / "x.json").parent == place


class KnowsNoDepth(MemoryFileSystem):  # type: ignore[misc]  # fsspec publishes no types
    """As Azure's library: whatever depth is asked for, everything comes."""

    cachable = False

    def find(self, path: str, maxdepth: int | None = None, **more: Any) -> Any:  # noqa: ARG002  # as it is
        return super().find(path, **more)


@pytest.mark.parametrize("kind", [MemoryFileSystem, KnowsNoDepth])
def test_what_lies_in_subfolders_is_not_taken_where_they_do_not_count(kind: type[MemoryFileSystem]) -> None:
    fs = kind()
    folder = StoragePath(fs, f"/{kind.__name__}/yard", "memory")
    for name in ("a.jpg", "gate/b.jpg", "gate/old/c.jpg"):
        fs.pipe_file(f"{folder.path}/{name}", b"x")

    assert [path.rpartition("/")[2] for path in files_below(folder, deep=False)] == ["a.jpg"]
    assert len(files_below(folder)) == 3
