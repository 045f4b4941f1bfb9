"""What `make demo` promises a newcomer, run as the newcomer runs it; the engine behind it has to read the samples."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_provider_platerec_ocr.dataset import read_dataset

ROOT = Path(__file__).parents[1]
PACKAGE = "airflow_provider_platerec_ocr"
SAMPLES = ROOT / "dags" / "sample_images"

pytestmark = [pytest.mark.airflow, pytest.mark.ocr, pytest.mark.slow, pytest.mark.xdist_group("demo")]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clone")
    for name in (PACKAGE, "dags"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def demo(clone: Path) -> str:
    done = subprocess.run(  # noqa: S603  # our own module
        [sys.executable, "-m", f"{PACKAGE}.demo", "run"], cwd=clone, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def first(clone: Path) -> str:
    """What the first run said; its table is in the clone."""
    return demo(clone)


def test_at_least_22_of_the_24_committed_images_are_read_exactly(clone: Path, first: str) -> None:
    rows = read_dataset(str(clone / ".demo" / "data" / "reads")).to_dict("records")
    with (SAMPLES / "truth.csv").open(newline="", encoding="utf-8") as file:
        truths = list(csv.DictReader(file))

    wrong = []
    for truth in truths:
        read = [(row["code"], row["orientation"]) for row in rows if row["filename"] == truth["image"]]
        if read != [(truth["truth"], truth["orientation"])]:
            wrong.append((truth, read))
    assert len(truths) - len(wrong) >= 22, wrong
    assert f"{len(truths) - len(wrong)} read exactly" in first


def test_the_demo_reads_all_samples_pays_once_and_finds_its_answers_again(clone: Path, first: str) -> None:
    shutil.rmtree(clone / ".demo" / "data" / "reads")
    second = demo(clone)

    assert "24 of 24 sample images are in the table" in first
    assert first.count("  =\n") >= 20
    assert re.search(r"\nall +24 +\d+\.\d % \(", first)
    assert re.search(r"\norientation +vertical ", first)
    assert "For 1% wrong: at 0." in first
    assert "24 images to read in 4 shards" in first
    assert "24 calls billed" in first
    assert "24 images to read in 4 shards, up to 24 calls" in second
    assert "0 calls billed" in second
