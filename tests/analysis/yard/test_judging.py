"""Reads joined with the truth: by image, whatever it is called, and by what persons say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from airflow_provider_platerec_ocr.analysis.rules.accuracy import Verdict
from airflow_provider_platerec_ocr.analysis.yard.judging import judged, read_truth, said
from airflow_provider_platerec_ocr.core.errors import OCRManifestError
from airflow_provider_platerec_ocr.dataset.layout.schema import reads_schema

if TYPE_CHECKING:
    from pathlib import Path


def reads(*rows: dict[str, object]) -> pa.Table:
    table = pa.Table.from_pylist([{"code_normalized": row.get("code")} | row for row in rows], schema=reads_schema())
    return table.append_column("code_as_read", pa.array([row.get("as_read") for row in rows], pa.string()))


def test_an_image_is_known_by_its_whole_name_its_own_or_its_last_part(tmp_path: Path) -> None:
    (tmp_path / "truth.csv").write_text("file,truth\n/yard/1.jpg,4711\nb/2.jpg,4712\n3.jpg,4713\n4.jpg,4714\n5.jpg,\n")
    truth = read_truth(str(tmp_path / "truth.csv"))
    table = reads(
        {"image": "/yard/1.jpg", "code": "4711", "read_type": "trailer_id"},
        {"image": "/yard/b/2.jpg", "image_name": "b/2.jpg", "code": "471Z"},
        {"image": "/yard/3.jpg"},
        {"image": "/north/4.jpg", "code": "4714"},
        {"image": "/south/4.jpg", "code": "9999"},
        {"image": "/yard/5.jpg"},
    )
    found = judged(table, truth)
    assert [(each.image, each.verdict) for each in found] == [
        ("/yard/1.jpg", Verdict.EXACT),
        ("b/2.jpg", Verdict.OFF_BY_ONE),
        ("3.jpg", Verdict.NOTHING),
    ]
    assert said(found) == "3 images: 1 exact, 1 off_by_one, 0 off_by_more, 1 nothing_read"


def test_of_several_codes_of_one_image_the_nearest_to_each_truth_counts() -> None:
    table = reads({"image": "a.jpg", "code": "4711"}, {"image": "a.jpg", "code": "AB99"})
    assert [each.read for each in judged(table, {"a.jpg": ["AB90", "4711"]})] == ["AB99", "4711"]


def test_a_truth_file_names_its_images(tmp_path: Path) -> None:
    (tmp_path / "truth.csv").write_text("picture,truth\n1.jpg,4711\n")
    with pytest.raises(OCRManifestError, match=r"Row 1 of .* names no image"):
        read_truth(str(tmp_path / "truth.csv"))
