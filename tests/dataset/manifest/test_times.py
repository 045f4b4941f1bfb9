"""Times of a manifest that cannot be understood: their images are read all the same, and a person is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.dataset.manifest.notes import ManifestNotes
from support.manifests import planned, rows

if TYPE_CHECKING:
    from pathlib import Path

MIXED = (
    "image,timestamp\n"
    "a.jpg,2026-03-01 22:15\n"
    "b.jpg,2026-03-01T22:15:00Z\n"
    "c.jpg,yesterday\n"
    "d.jpg,2026-03-01\n"
    "e.jpg,\n"
    "f.jpg,2026-13-01T22:15:00Z\n"
)


def test_without_a_zone_a_time_is_null_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    notes = ManifestNotes()

    found = planned(tmp_path / "m.csv", MIXED, notes=notes)

    assert [item.timestamp for item in found] == [None, "2026-03-01T22:15:00Z", None, None, None, None]
    assert (notes.times_without_zone, notes.times_not_understood, notes.times_unknown) == (2, 2, 4)
    assert "2 rows have a time without a zone, such as '2026-03-01 22:15'" in caplog.text
    assert "2 rows have a time that cannot be understood, such as 'yesterday'" in caplog.text


def test_with_a_zone_it_is_utc(tmp_path: Path) -> None:
    found = planned(tmp_path / "m.csv", MIXED, timezone=" Europe/Berlin ")

    assert [item.timestamp for item in found][:4] == [
        "2026-03-01T21:15:00Z",
        "2026-03-01T22:15:00Z",
        None,
        "2026-02-28T23:00:00Z",
    ]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Europe/Berln", "Did you mean 'Europe/Berlin'?"),
        ("+01:00", "Give an IANA name such as 'Europe/Berlin', or 'UTC'."),
        ("../../etc/passwd", "is not known"),
        ("Europe", "is not known"),
        ("\0", "is not known"),
    ],
)
def test_a_zone_that_is_none_is_refused_with_the_nearest(tmp_path: Path, name: str, hint: str) -> None:
    with pytest.raises(OCRConfigError, match="timezone") as caught:
        rows(tmp_path / "m.csv", MIXED, timezone=name)

    assert hint in str(caught.value)
