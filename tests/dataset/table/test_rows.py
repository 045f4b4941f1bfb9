"""What each column of a read and of a dead letter means."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from airflow_provider_platerec_ocr.core.models import PlannedImage
from airflow_provider_platerec_ocr.dataset.layout.schema import dead_letters_schema, reads_schema
from airflow_provider_platerec_ocr.dataset.manifest.manifest import BadRow
from airflow_provider_platerec_ocr.dataset.table.rows import dead_letter_of, dead_letter_of_row, file_name_of, rows_of
from support.table_stage import READ_AT, RUN, VIN, answer, fingerprint_of, outcome_of, read_outcome

IMAGE = PlannedImage(3, "/yard/a.jpg", "vin", "/yard/a.jpg", image_version="v1", camera_id="gate", timestamp=READ_AT)
BARE = PlannedImage(3, "/yard/a.jpg", "vin")


@pytest.mark.parametrize("timestamp", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_a_time_beyond_the_calendar_is_no_time_and_stops_no_export(timestamp: str) -> None:
    (row,) = rows_of(replace(read_outcome(IMAGE, VIN), timestamp=timestamp), RUN)

    assert row["timestamp"] == datetime(2026, 3, 1, 22, 15, 0, 500000, tzinfo=UTC)  # the answer's own


def test_one_identifier_gives_one_row_with_every_column() -> None:
    (row,) = rows_of(read_outcome(IMAGE, "1m8gdm9axkpO42788"), RUN)

    assert row == {
        "image": "/yard/a.jpg",
        "image_version": "v1",
        "fingerprint": fingerprint_of(IMAGE),
        "status": "read",
        "identifier_index": 0,
        "identifier_count": 1,
        "code": "1m8gdm9axkpO42788",
        "code_normalized": "1M8GDM9AXKP042788",
        "orientation": "horizontal",
        "confidence": 0.8,
        "code_system": "vin",
        "check_digit_ok": True,
        "repaired": True,
        "camera_id": "gate",
        "timestamp": datetime(2026, 3, 1, 23, 15, tzinfo=UTC),
        "filename": "a.jpg",
        "processing_time": 128.758,
        "read_at": datetime(2026, 3, 1, 23, 15, tzinfo=UTC),
        "published_at": None,
        "calls_billed": 1,
        "read_type": "vin",
        "run_date": date(2026, 3, 1),
        "manifest": None,
        "manifest_row": None,
        "image_name": "/yard/a.jpg",
        "manifest_columns": None,
        "schema_version": 2,
        "dag_id": "nightly",
        "run_id": RUN.run_id,
        "raw": answer("1m8gdm9axkpO42788"),
    }
    assert list(row) == reads_schema().names


def test_nothing_found_gives_one_row_with_nulls_that_still_was_billed() -> None:
    (row,) = rows_of(read_outcome(IMAGE), RUN)

    assert row["status"] == "read"
    assert row["identifier_count"] == 0
    assert row["calls_billed"] == 1
    for name in ("identifier_index", "code", "code_normalized", "orientation", "confidence", "code_system"):
        assert row[name] is None
    assert row["check_digit_ok"] is None
    assert row["repaired"] is None


def test_several_identifiers_give_as_many_rows_and_the_calls_are_counted_once() -> None:
    rows = rows_of(read_outcome(IMAGE, VIN, "ABC 123", calls_billed=2), RUN)

    assert [(row["identifier_index"], row["identifier_count"], row["code"]) for row in rows] == [
        (0, 2, VIN),
        (1, 2, "ABC 123"),
    ]
    assert [row["calls_billed"] for row in rows] == [2, 0]
    assert [row["check_digit_ok"] for row in rows] == [True, None]


def test_the_answer_fills_in_what_the_manifest_did_not_say() -> None:
    (row,) = rows_of(read_outcome(BARE, VIN, answer=answer(VIN, camera_id="cam")), RUN)

    assert row["camera_id"] == "cam"
    assert row["timestamp"] == datetime(2026, 3, 1, 22, 15, 0, 500_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-01T22:15:00", datetime(2026, 3, 1, 22, 15, tzinfo=UTC)),
        ("2026-03-01T23:15:00+01:00", datetime(2026, 3, 1, 22, 15, tzinfo=UTC)),
        ("2026-03-01T22:15:00.123456Z", datetime(2026, 3, 1, 22, 15, 0, 123456, tzinfo=UTC)),
        ("2026-03-01T22:15:00.123456789Z", datetime(2026, 3, 1, 22, 15, 0, 123456, tzinfo=UTC)),
        ("tomorrow", None),
        ("", None),
        (None, None),
    ],
)
def test_times_of_the_answer_are_utc_or_null(text: str | None, moment: datetime | None) -> None:
    (row,) = rows_of(read_outcome(BARE, VIN, answer=answer(VIN, timestamp=text)), RUN)

    assert row["timestamp"] == moment


@pytest.mark.parametrize("saved", [None, "", "no json", "[]", "{}", '{"error": "x"}'])
def test_an_answer_that_cannot_be_understood_keeps_its_text_and_its_row(
    saved: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    (row,) = rows_of(read_outcome(IMAGE, answer=saved), RUN)

    assert (row["raw"], row["identifier_count"], row["calls_billed"]) == (saved, None, 1)
    assert "/yard/a.jpg cannot be understood" in caplog.text


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("/yard/a.jpg", "a.jpg"),
        ("s3://bucket/x/a b?.jpg", "a b?.jpg"),
        ("https://x.example/y/a.jpg?v=/2", "a.jpg"),
        ("https://x.example/", ""),
    ],
)
def test_the_file_name_is_the_users_own(image: str, name: str) -> None:
    assert file_name_of(image) == name


def test_a_rejected_image_is_a_permanent_dead_letter_with_all_that_is_known() -> None:
    letter = dead_letter_of(
        outcome_of(IMAGE, "rejected", reason="api_rejected", message="no image", http_status=400, fingerprint="f"),
        RUN,
        "/yard/m.csv",
    )

    assert letter == {
        "row": 3,
        "image": "/yard/a.jpg",
        "type": "vin",
        "image_version": "v1",
        "reason": "api_rejected",
        "message": "no image",
        "http_status": 400,
        "permanent": True,
        "fingerprint": "f",
        "ended_at": datetime(2026, 3, 1, 23, 15, tzinfo=UTC),
        "first_seen": datetime(2026, 3, 1, 23, 15, tzinfo=UTC),
        "last_seen": datetime(2026, 3, 1, 23, 15, tzinfo=UTC),
        "times": 1,
        "closed_at": None,
        "manifest": "/yard/m.csv",
        "dag_id": "nightly",
        "run_id": RUN.run_id,
        "schema_version": 2,
    }
    assert list(letter) == dead_letters_schema().names


@pytest.mark.parametrize(
    ("status", "reason", "permanent"),
    [("failed", "api_unavailable", False), ("in_doubt", "in_doubt", False), ("rejected", "api_rejected", True)],
)
def test_only_a_rejection_is_permanent(status: str, reason: str, *, permanent: bool) -> None:
    letter = dead_letter_of(outcome_of(IMAGE, status), RUN)

    assert (letter["reason"], letter["permanent"]) == (reason, permanent)


def test_a_bad_row_is_a_dead_letter_that_is_looked_at_again() -> None:
    letter = dead_letter_of_row(BadRow(7, "a.jpg", "has no type"), RUN, READ_AT)

    assert (letter["row"], letter["image"], letter["reason"], letter["permanent"]) == (7, "a.jpg", "row_invalid", False)
    assert set(letter) <= set(dead_letters_schema().names)


def test_the_raw_answer_is_kept_to_the_letter() -> None:
    text = json.dumps({"results": [], "unknown": {"ä": "\ud83d\ude00", "n": 1e-9}}, indent=2)

    (row,) = rows_of(read_outcome(IMAGE, answer=text), RUN)

    assert row["raw"] == text
