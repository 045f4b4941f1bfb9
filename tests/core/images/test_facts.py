"""What a person says of an image: the same values mean the same wherever they are said."""

from __future__ import annotations

import math
import uuid
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.images.facts import content, image_facts, is_missing, moment, text, web_url

NO_LETTER = "gate \ud83d"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("gate 7", "gate 7"),
        ("  007 ", "007"),
        ("", None),
        ("  ", None),
        (None, None),
        (7, "7"),
        (7.0, "7"),
        (7.5, "7.5"),
        (-3, "-3"),
        (1e300, "1e+300"),
        (math.inf, "inf"),
        (math.nan, None),
        (Decimal("7.0"), "7"),
        (Decimal("7.25"), "7.25"),
        (Fraction(1, 3), "1/3"),
        (np.int64(7), "7"),
        (np.float32(7), "7"),
        (np.float64("nan"), None),
        (pd.NA, None),
        (pd.NaT, None),
        (uuid.UUID(int=7), "00000000-0000-0000-0000-000000000007"),
    ],
)
def test_numbers_are_names_and_nothing_is_nothing(value: Any, said: str | None) -> None:
    assert text(value, "camera_id") == said
    assert image_facts("vin", camera_id=value, image_id=value) == image_facts("vin", camera_id=said, image_id=said)


@pytest.mark.parametrize(
    ("value", "said"), [("v", "v"), (7, "7"), (7.0, "7.0"), (0.5, "0.5"), (math.nan, None), (None, None), (" ", None)]
)
def test_a_version_is_written_as_it_always_was(value: Any, said: str | None) -> None:
    """What is paid for is known by it: another spelling would be paid for again."""
    assert image_facts("vin", image_version=value).image_version == said


@pytest.mark.parametrize("value", [True, b"7", [7], {"id": 7}, 7j, object(), NO_LETTER])
def test_what_is_no_name_is_refused_by_name(value: Any) -> None:
    with pytest.raises(OCRConfigError, match="camera_id"):
        image_facts("vin", camera_id=value)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("2026-03-01T22:00:00Z", "2026-03-01T22:00:00Z"),
        ("2026-03-01T23:00:00+01:00", "2026-03-01T22:00:00Z"),
        (datetime(2026, 3, 1, 22, tzinfo=UTC), "2026-03-01T22:00:00Z"),
        (datetime(2026, 3, 1, 23, tzinfo=timezone(timedelta(hours=1))), "2026-03-01T22:00:00Z"),
        (pd.Timestamp("2026-03-01T22:00:00Z"), "2026-03-01T22:00:00Z"),
        (None, None),
        ("", None),
        ("  ", None),
        (pd.NaT, None),
        (math.nan, None),
    ],
)
def test_times_are_utc(value: Any, said: str | None) -> None:
    assert moment(value) == said
    assert image_facts("vin", timestamp=value).timestamp == said


@pytest.mark.parametrize(
    "value",
    [
        "yesterday",
        "2026-03-01T22:00:00",
        "2026-13-01T22:00:00Z",
        datetime(2026, 3, 1, 22),  # noqa: DTZ001  # without a zone on purpose
        date(2026, 3, 1),
        1_772_000_000,
        np.datetime64("2026-03-01"),
        [],
    ],
)
def test_what_is_no_moment_is_refused_by_name(value: Any) -> None:
    with pytest.raises(OCRConfigError, match="timestamp"):
        image_facts("vin", timestamp=value)


@pytest.mark.parametrize("value", [None, "", "V I N", 7.5, "vin/../x"])
def test_a_type_that_cannot_be_a_path_is_refused(value: Any) -> None:
    with pytest.raises(OCRConfigError, match="type"):
        image_facts(value)


@pytest.mark.parametrize(
    ("value", "held"),
    [
        (b"abc", b"abc"),
        (bytearray(b"abc"), b"abc"),
        (memoryview(b"abc"), b"abc"),
        (memoryview(b"a-b-c")[::2], b"abc"),
        (b"", b""),
        ("abc", None),
        (None, None),
    ],
)
def test_whatever_holds_bytes_is_bytes(value: Any, held: bytes | None) -> None:
    assert content(value) == held


def test_a_url_that_the_api_cannot_fetch_is_refused_without_its_secrets() -> None:
    assert web_url(" https://x.example/a.jpg ") == "https://x.example/a.jpg"
    assert web_url("") is None
    with pytest.raises(OCRConfigError, match="no http or https URL") as caught:
        web_url("ftp://x.example/a.jpg?sig=geheim77")
    assert "geheim77" not in str(caught.value)


@pytest.mark.parametrize("value", ["a\nb", "x" * 1001, "https://x.example/a.jpg?sig=geheim77", "https://me:pw@x/a.jpg"])
def test_an_image_id_that_cannot_be_written_down_is_refused(value: str) -> None:
    with pytest.raises(OCRConfigError, match="image_id") as caught:
        image_facts("vin", image_id=value)
    assert "geheim77" not in str(caught.value)


def test_an_image_id_may_be_a_url_that_holds_no_secret() -> None:
    assert image_facts("vin", image_id="https://x.example/a.jpg?n=1").image_id == "https://x.example/a.jpg?n=1"


def test_only_what_says_nothing_is_missing() -> None:
    nothing: list[Any] = [None, math.nan, pd.NA, pd.NaT]
    something: list[Any] = [0, "", [], False]

    assert all(map(is_missing, nothing))
    assert not any(map(is_missing, something))
