"""Where an analysis wrote what does not lie beside its table is known to those who delete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.dataset.report.analysis_memory import Elsewhere, remember, remembered
from support.stores import local_place

if TYPE_CHECKING:
    from pathlib import Path


def test_each_set_of_places_is_written_down_once_and_a_broken_file_says_nothing(tmp_path: Path) -> None:
    dataset, folder = local_place(tmp_path / "reads"), tmp_path / "reads_workspace" / "_analyses"
    remember(dataset, Elsewhere())
    assert (remembered(dataset), folder.exists()) == ([], False)
    places = [Elsewhere(results="s3://conn@bucket/höfe"), Elsewhere(sightings="/far", reports="/reports")]
    for one in [*places, *places]:
        remember(dataset, one)
    (folder / "torn.json").write_text('{"resul')
    (folder / "list.json").write_text("[]")
    assert len(list(folder.iterdir())) == 4
    assert set(remembered(dataset)) == {*places, Elsewhere()}
