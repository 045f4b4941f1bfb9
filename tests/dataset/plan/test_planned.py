from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.dataset.plan.planned import places_of
from support.table_stage import TableStage, manifest

if TYPE_CHECKING:
    from pathlib import Path


def test_where_an_image_is_can_be_asked_by_its_row(tmp_path: Path) -> None:
    stage = TableStage.local(tmp_path)
    plan = stage.plan(manifest(tmp_path / "m.csv", 30))

    found = places_of(stage.workspace() / plan.shards[0].path, {1, 12, 99})

    assert found == {1: f"{tmp_path}/0.jpg", 12: f"{tmp_path}/11.jpg"}


def test_an_image_that_the_api_fetches_has_no_place(tmp_path: Path) -> None:
    stage = TableStage.local(tmp_path)
    (tmp_path / "m.csv").write_text("upload_url\nhttps://host/a.jpg\n")
    plan = stage.plan(str(tmp_path / "m.csv"))

    assert places_of(stage.workspace() / plan.shards[0].path, {1}) == {}


def test_a_shard_that_is_gone_has_no_places(tmp_path: Path) -> None:
    assert places_of(TableStage.local(tmp_path).root / "none.jsonl", {1}) == {}
