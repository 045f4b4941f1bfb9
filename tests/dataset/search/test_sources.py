from __future__ import annotations

import pytest

from airflow_provider_platerec_ocr.dataset.search.remembered import Remembered
from airflow_provider_platerec_ocr.dataset.search.sources import images_root


@pytest.mark.parametrize(
    ("manifest", "root"),
    [
        ("/yard/list.csv", "/yard"),
        ("/yard/LIST.CSV.gz", "/yard"),
        ("/yard/photos", "/yard/photos"),
        ("/yard/photos/", "/yard/photos"),
        ("/yard/2026-*/gate/*.jpg", "/yard"),
        ("/yard/a?/x.csv", "/yard"),
        ("s3://bucket/night/list.parquet", "s3://bucket/night"),
        ("s3://bucket/list.jsonl", "s3://bucket"),
        ("s3://bucket", "s3://bucket"),
        ("s3://bucket/x/*.jpg", "s3://bucket/x"),
        ("https://example.com/list.csv", ""),
        ("/yard/../etc/list.csv", ""),
        ("/list.csv", ""),
        ("/*.jpg", ""),
        ("s3://*", ""),
        ("/", ""),
        ("", ""),
    ],
)
def test_a_manifest_says_where_its_images_may_lie(manifest: str, root: str) -> None:
    assert images_root(manifest) == root


def test_what_is_remembered_is_bounded_and_goes_with_its_mark() -> None:
    known: Remembered[str] = Remembered(2)
    for key in "abac":
        known.get(key, (1,), lambda key=key: key)  # type: ignore[misc]  # a default argument of a lambda
    asked: list[str] = []

    def load() -> str:
        asked.append("asked")
        return "new"

    assert [known.get("a", (1,), load), known.get("c", (1,), load)] == ["a", "c"]
    assert [known.get("b", (1,), load), known.get("b", (2,), load)] == ["new", "new"]
    assert len(asked) == 2
