from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.core.errors import OCRConfigError, OCRDatasetError
from airflow_provider_platerec_ocr.dataset import find_reads, read_dataset
from airflow_provider_platerec_ocr.dataset.corrections.overlay import ADDED
from support.search_stage import SearchStage, Shot, files
from support.table_stage import VIN, TableStage

if TYPE_CHECKING:
    from pathlib import Path

    from support.stores import S3Stand


@pytest.fixture
def stage(tmp_path: Path) -> SearchStage:
    made = SearchStage.local(tmp_path / "stage")
    made.night(1, [Shot("a.jpg"), Shot("none.jpg", ())])
    made.night(2, [Shot("b.jpg", confidence=0.4)])
    return made


def test_the_newest_reads_that_fit_come_as_a_frame(stage: SearchStage) -> None:
    frame = find_reads(stage.dataset.uri, code="xkp042788", limit=1)

    assert list(frame["filename"]) == ["b.jpg"]
    assert frame.attrs == {"total": 2, "exact": True}
    assert list(find_reads(stage.dataset.uri, code=VIN, offset=1)["filename"]) == ["a.jpg"]
    assert "raw" not in frame.columns
    assert list(frame.columns[-3:]) == list(ADDED)


def test_it_shows_what_read_dataset_shows_corrected(stage: SearchStage) -> None:
    stage.correct("a.jpg", "WP0ZZZ99ZTS392124")
    stage.correct("none.jpg", "ADDED", kind="add")
    stage.correct("b.jpg", kind="take_back")
    names = ["filename", "identifier_index", "code", "code_as_read", "corrected_by", "confidence"]

    frame = find_reads(stage.dataset.uri, columns=names)

    assert frame.equals(read_dataset(stage.dataset.uri, columns=names, corrected=True))
    assert frame.attrs["total"] == len(frame)
    marked = find_reads(stage.dataset.uri, taken_back=True)
    assert (list(marked.columns)[-1], int(marked["taken_back"].sum())) == ("taken_back", 1)
    assert marked.attrs["total"] == len(marked) == len(frame) + 1
    assert list(find_reads(stage.dataset.uri, corrected=False, columns="code")["code"].dropna()) == [VIN, VIN]
    assert list(find_reads(f"{stage.dataset.uri}/type=vin/date=2026-03-01", status="corrected")["code"]) == [
        "WP0ZZZ99ZTS392124",
        "ADDED",
    ]


def test_a_filter_and_a_column_may_be_named_as_elsewhere(stage: SearchStage) -> None:
    frame = find_reads(
        stage.dataset.uri, type=["vin"], since="2026-03-02", max_confidence=0.5, columns=["image", "raw"]
    )

    assert [row for row in frame.to_numpy().tolist() if '"results"' in row[1]] == frame.to_numpy().tolist()
    assert len(frame) == 1


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"columns": "cod"}, OCRConfigError, "no setting 'cod'. Did you mean 'code'"),
        ({"status": "corrected", "corrected": False}, OCRConfigError, "lets none count"),
        ({"since": "x"}, OCRConfigError, "since must be a day"),
        ({"uri": "/nowhere/at/all"}, OCRDatasetError, "There is no dataset at /nowhere"),
    ],
)
def test_what_makes_no_sense_is_an_error(
    stage: SearchStage, given: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        find_reads(**({"uri": stage.dataset.uri} | given))


def test_a_file_that_cannot_be_read_is_an_error(stage: SearchStage) -> None:
    next(files(stage.dataset)).write_bytes(b"nothing")

    with pytest.raises(OCRDatasetError, match="cannot be read as Parquet"):
        find_reads(stage.dataset.uri)


def test_a_table_on_object_storage_is_looked_through_as_any(s3: S3Stand) -> None:
    root = s3.place("ocr")
    stage = SearchStage(TableStage(root, opener=lambda uri: type(root)(root.fs, uri.removeprefix("s3://"), "s3")))
    stage.night(1, [Shot("a.jpg")])
    stage.night(2, [Shot("b.jpg")])
    stage.correct("a.jpg", "WP0ZZZ99ZTS392124", image=stage.image("a.jpg"))
    options = {"endpoint_url": s3.endpoint, "key": "test", "secret": "test"}

    assert list(find_reads(stage.dataset.uri, storage_options=options)["filename"]) == ["b.jpg", "a.jpg"]
    assert list(find_reads(stage.dataset.uri, code="wp0", storage_options=options)["image"]) == [stage.image("a.jpg")]
    stage.night(2, [Shot("b.jpg"), Shot("c.jpg")], again="-again")
    assert list(find_reads(stage.dataset.uri, storage_options=options)["filename"]) == ["c.jpg", "b.jpg", "a.jpg"]
