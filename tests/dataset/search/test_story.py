from __future__ import annotations

import json
from pathlib import Path

import pytest

from airflow_provider_platerec_ocr.dataset.layout.names import beside
from airflow_provider_platerec_ocr.dataset.search.story import ImageStory, image_story
from support.search_stage import SearchStage, Shot, files
from support.table_stage import VIN


def story(stage: SearchStage, image: str = "", fingerprint: str = "") -> ImageStory:
    return image_story(
        stage.dataset,
        image=image,
        fingerprint=fingerprint,
        dead_letters=stage.stage.dead_letters,
        repeats=beside(stage.dataset, "repeats"),
        corrections=stage.corrections,
    )


@pytest.fixture
def stage(tmp_path: Path) -> SearchStage:
    made = SearchStage.local(tmp_path / "stage")
    made.night(1, [Shot("a.jpg", status="failed"), Shot("b.jpg")])
    made.night(2, [Shot("a.jpg", (VIN, "SECOND"))])
    made.correct("a.jpg", "MENDED", identifier=1)
    made.correct("a.jpg", kind="take_back", identifier=0)
    return made


def test_an_image_is_told_from_its_row_of_the_manifest_to_its_corrections(stage: SearchStage) -> None:
    found = story(stage, image=stage.image("a.jpg"))

    assert [(row["code"], row["code_as_read"], row["taken_back"]) for row in found.rows] == [
        (VIN, None, True),
        ("MENDED", "SECOND", False),
    ]
    first = found.rows[0]
    assert (first["manifest"], first["manifest_row"]) == (str(Path(stage.stage.root.path) / "vin-2.csv"), 1)
    assert json.loads(first["raw"])["results"]
    assert [(row["reason"], row["times"], row["closed_at"] is None) for row in found.dead_letters] == [
        ("image_missing", 1, False)
    ]
    assert [row["kind"] for row in found.corrections] == ["take_back", "correct"]
    assert found.fingerprints == (("vin", first["fingerprint"]),)
    assert (found.total, found.broken) == (2, ())


def test_a_content_leads_to_the_image_and_to_all_its_reads(stage: SearchStage) -> None:
    image = stage.image("a.jpg")
    fingerprint = story(stage, image=image).rows[0]["fingerprint"]

    assert story(stage, fingerprint=fingerprint) == story(stage, image=image, fingerprint=fingerprint)
    assert {row["image"] for row in story(stage, fingerprint=fingerprint).rows} == {image}


def test_what_is_not_known_has_an_empty_story(stage: SearchStage) -> None:
    assert story(stage, image="/etc/passwd") == ImageStory()
    assert story(stage, fingerprint="0" * 64) == ImageStory()
    assert story(stage) == ImageStory()


def test_a_table_that_cannot_be_read_leaves_the_rest_of_the_story(stage: SearchStage) -> None:
    for file in files(stage.stage.dead_letters):
        file.write_bytes(b"nothing")
    found = story(stage, image=stage.image("a.jpg"))

    assert len(found.rows) == 2
    assert ["cannot be read as Parquet" in text for text in found.broken] == [True]
