"""The project's own images: drawn from a seed, believable in number and size, and the committed ones complete."""

from __future__ import annotations

import csv
import hashlib
from datetime import datetime
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from airflow_provider_platerec_ocr.sandbox import samples
from airflow_provider_platerec_ocr.sandbox.ocr.codes import is_container_checked
from airflow_provider_platerec_ocr.sandbox.samples import load_image, main, make_load_images, make_samples

COMMITTED = Path(__file__).parents[2] / "dags" / "sample_images"


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_a_round_of_all_scenes_gives_images_with_manifest_and_truth(tmp_path: Path) -> None:
    paths = make_samples(tmp_path / "new", count=12, seed=3)
    manifest, truth = table(tmp_path / "new" / "manifest.csv"), table(tmp_path / "new" / "truth.csv")
    assert [row["image"] for row in manifest] == [row["image"] for row in truth] == [path.name for path in paths]
    assert {row["type"] for row in truth} == {"vin", "trailer_id"}
    assert {row["orientation"] for row in truth} == {"horizontal", "vertical"}
    assert all(path.stat().st_size <= samples.MAX_SAMPLE_BYTES for path in paths)
    assert len({row["truth"] for row in truth}) == 12


def test_samples_are_marked_as_such(tmp_path: Path) -> None:
    make_samples(tmp_path, count=1)
    (mark,) = tmp_path.glob("*.txt")
    assert mark.read_text() == (COMMITTED / mark.name).read_text()


def test_a_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    def first(seed: int) -> bytes:
        return make_samples(tmp_path / str(seed), count=1, seed=seed)[0].read_bytes()

    assert first(5) == first(5) != first(6)


def test_the_committed_images_are_complete() -> None:
    manifest, truth = table(COMMITTED / "manifest.csv"), table(COMMITTED / "truth.csv")
    assert [row["image"] for row in manifest] == [row["image"] for row in truth]
    assert sorted(path.name for path in COMMITTED.glob("*.jpg")) == sorted(row["image"] for row in manifest)
    assert len(manifest) == 24
    for row in manifest:
        assert (COMMITTED / row["image"]).stat().st_size <= 60_000
        assert row["timestamp"].endswith("Z")
        assert datetime.fromisoformat(row["timestamp"])
        assert row["camera_id"]
    for row in truth:
        assert len(row["truth"]) == 17 or row["type"] == "trailer_id"
        assert not row["image"].startswith("container") or is_container_checked(row["truth"])


@pytest.mark.parametrize("size_bytes", [170, 2000, 50_000, 65_700, 65_712, 131_300, 2_400_001])
def test_a_load_image_is_a_valid_jpeg_of_exactly_its_size(size_bytes: int) -> None:
    data = load_image("0-1", size_bytes)
    assert len(data) == size_bytes
    with Image.open(BytesIO(data)) as image:
        image.load()
        assert image.format == "JPEG"


@pytest.mark.parametrize("size_bytes", [0, 100, 160, 166])
def test_a_load_image_too_small_for_its_name_is_refused(size_bytes: int) -> None:
    with pytest.raises(ValueError, match="the least is 167"):
        load_image("0-1", size_bytes)


def test_load_images_are_all_distinct(tmp_path: Path) -> None:
    paths = make_load_images(tmp_path, 300, 1000) + make_load_images(tmp_path / "other", 300, 1000, seed=1)
    assert len({hashlib.sha256(path.read_bytes()).digest() for path in paths}) == 600


def test_the_command_line_makes_either_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "a"), "--load", "3", "--size-bytes", "500"]) == 0
    assert [path.stat().st_size for path in sorted((tmp_path / "a").iterdir())] == [500, 500, 500]
    assert main([str(tmp_path / "b"), "--count", "1", "--seed", "2"]) == 0
    assert len(list((tmp_path / "b").glob("*.jpg"))) == 1
    assert "3 images in" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main([str(tmp_path / "c"), "--load", "1", "--size-bytes", "10"])
