"""Photographs that were on their way in one night are read in the next, by the real plan, loader and export."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

from support.batch_stage import connected
from support.pictures import noise
from support.sandbox import running_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.batch_stage import BatchStage
    from support.sandbox import Sandbox

pytestmark = pytest.mark.airflow

PARTS = {"image_empty": 0, "image_truncated": 900, "image_not_an_image": 2, "image_missing": None}
"""How much of a file is there in the first night, by what it is called then."""


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox() as running:
        yield running


@pytest.fixture
def stage(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BatchStage:
    return connected(monkeypatch, tmp_path, sandbox, 1)


def written(stage: BatchStage, kind: str) -> str:
    """Write a manifest of the one image, and return it."""
    if kind == "folder":
        return str(stage.images)
    path = stage.images / f"m.{kind.partition(' ')[0]}"
    path.write_text(
        {"txt": "{}\n", "csv": "image\n{}\n", "csv with version": "image,image_version\n{},v1\n"}[kind].format(
            next(stage.images.glob("*.jpg")).name
        )
    )
    return str(path)


def letters(stage: BatchStage) -> list[tuple[str, bool]]:
    found = pd.read_parquet(f"{stage.dataset}_dead_letters")
    return list(zip(found["reason"], found["permanent"], strict=True))


@pytest.mark.parametrize("reason", PARTS)
@pytest.mark.parametrize("kind", ["txt", "csv", "folder"])
def test_a_photo_that_was_half_written_in_one_night_is_read_in_the_next(
    stage: BatchStage, sandbox: Sandbox, kind: str, reason: str
) -> None:
    manifest, size = written(stage, kind), PARTS[reason]
    (photo,) = stage.images.glob("*.jpg")
    whole = photo.read_bytes()
    if size is None:
        photo.unlink()
        photo.symlink_to(photo.parent / "gone")
    else:
        photo.write_bytes(whole[:size])

    first = stage.run("night-1", manifest=manifest)
    found = letters(stage)
    photo.unlink()
    photo.write_bytes(whole)
    second = stage.run("night-2", manifest=manifest)

    assert (first.counts["dead_letters_by_reason"], found) == (
        {reason: 1},
        [(reason, kind == "folder" and size is not None)],
    )
    assert (second.counts["reads"], second.counts["already_done"]) == (1, 0)
    assert sandbox.books()["posts"] == 1


def test_where_a_version_says_that_it_is_the_same_file_it_is_not_looked_at_again(stage: BatchStage) -> None:
    manifest = written(stage, "csv with version")
    (photo,) = stage.images.glob("*.jpg")
    photo.write_bytes(photo.read_bytes()[:900])

    stage.run("night-1", manifest=manifest)
    second = stage.run("night-2", manifest=manifest)

    assert letters(stage) == [("image_truncated", True)]
    assert (second.counts["planned"], second.counts["already_done"]) == (0, 1)


def test_a_photo_without_its_end_marker_is_read(stage: BatchStage, sandbox: Sandbox) -> None:
    (photo,) = stage.images.glob("*.jpg")
    photo.write_bytes(noise()[:-2] + bytes(512))

    assert stage.run("night-1").counts["reads"] == 1
    assert sandbox.books()["posts"] == 1
