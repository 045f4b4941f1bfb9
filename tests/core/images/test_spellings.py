"""A person who names an image finds it, however they came by its name."""

from __future__ import annotations

import pytest

from airflow_provider_platerec_ocr.core.images.spellings import spellings
from airflow_provider_platerec_ocr.core.images.wanted import Wanted


@pytest.mark.parametrize(
    ("said", "known"),
    [
        ("/yard/a.jpg", "/yard/a.jpg"),
        ("/yard/tu\u0308r.jpg", "/yard/t\u00fcr.jpg"),
        ("/yard/t\u00fcr.jpg", "/yard/tu\u0308r.jpg"),
        ("file:///yard/a%20b.jpg", "/yard/a b.jpg"),
        ("s3://conn@lake/yard/a.jpg", "s3://lake/yard/a.jpg"),
        ("abfs://conn@lake/t\u00fcr.jpg", "abfs://lake/tu\u0308r.jpg"),
        ("HTTPS://Photos.example:443/a.jpg?X-Amz-Signature=abc&X-Amz-Expires=60", "https://photos.example/a.jpg"),
        ("gate-7", "gate-7"),
    ],
)
def test_an_image_is_known_however_it_is_spelled(said: str, known: str) -> None:
    assert {said, known} <= spellings(said)
    assert Wanted.of(image=said).has_image(known)


@pytest.mark.parametrize("other", ["/yard/b.jpg", "/yard/A.jpg", "s3://lake/yard/a.jpg", "/yard/a.jpg.old"])
def test_another_image_is_not_it(other: str) -> None:
    assert other not in spellings("/yard/a.jpg")
