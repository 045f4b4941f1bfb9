"""A night over a dataset that somebody registered as a Delta table long ago, whose log has Parquet files of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.dataset import read_dataset
from airflow_provider_platerec_ocr.sandbox.samples import make_load_images
from support.batch_stage import connected
from support.lake import needs, ran, recipe

if TYPE_CHECKING:
    from pathlib import Path

    from support.sandbox import Sandbox

pytestmark = pytest.mark.slow

COMMITS = """
while DeltaTable(str(DATASET)).version() < 101:
    night = str(DeltaTable(str(DATASET)).version())
    DeltaTable(str(DATASET)).alter.set_table_properties({"delta.userMetadata.night": night}, raise_if_not_exists=False)
"""
"""A commit a night: delta-rs writes a checkpoint, a Parquet file, after every hundredth."""
VERSION = "[DeltaTable(str(DATASET)).version(), DeltaTable(str(DATASET)).to_pyarrow_table().num_rows]"


@pytest.mark.readers
@needs("deltalake")
def test_a_delta_log_of_101_commits_with_its_checkpoint_does_not_stop_the_night(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It did, with the advice to move the log away, which would have destroyed the Delta table."""
    stage = connected(monkeypatch, tmp_path, sandbox, 6)
    first = stage.run("first")
    delta = recipe("as_delta", tmp_path).replace(f"{tmp_path}/table", str(stage.dataset))
    ran(delta + COMMITS, VERSION)
    log = stage.dataset / "_delta_log"
    assert list(log.glob("*.checkpoint*.parquet")) != []
    kept = {path.name: path.read_bytes() for path in log.iterdir()}
    make_load_images(stage.images, 4, 2_000, seed=11)

    second = stage.run("second")

    assert (first.counts["reads"], second.error) == (6, None)
    assert (second.plan["planned"], second.counts["calls_billed"]) == (second.counts["reads"], second.counts["reads"])
    assert second.plan["done"] + second.plan["planned"] == len(list(stage.images.iterdir()))
    assert {path.name: path.read_bytes() for path in log.iterdir()} == kept
    rows = len(read_dataset(str(stage.dataset)))
    assert rows == 6 + second.counts["rows"]
    assert ran(delta, VERSION)[1] == rows
