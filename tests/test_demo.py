"""What `make demo` promises a newcomer, run as the newcomer runs it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = "airflow_provider_platerec_ocr"

pytestmark = [pytest.mark.airflow, pytest.mark.ocr, pytest.mark.slow]


def demo(clone: Path) -> str:
    done = subprocess.run(  # noqa: S603  # our own module
        [sys.executable, "-m", f"{PACKAGE}.demo", "run"], cwd=clone, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_demo_reads_all_samples_pays_once_and_finds_its_answers_again(tmp_path: Path) -> None:
    for folder in (PACKAGE, "dags"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))

    first, second = demo(tmp_path), demo(tmp_path)
    shutil.rmtree(tmp_path / ".demo" / "data" / "reads")
    third = demo(tmp_path)

    assert "24 of 24 sample images are in the table" in first
    assert first.count("  =\n") >= 20
    assert "24 images to read in 4 shards" in first
    assert "24 calls billed" in first
    assert "Nothing to read" in second
    assert "0 calls billed" in second
    assert "24 images to read in 4 shards, up to 0 calls" in third
    assert "0 calls billed" in third
