from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_platerec_ocr.core import errors
from airflow_provider_platerec_ocr.core.models import Statistics
from airflow_provider_platerec_ocr.core.wire import parse_statistics

NOW = datetime(2026, 3, 1, 22, tzinfo=UTC)
USAGE = {"month": 3, "calls": 55, "year": 2025, "resets_on": "2025-03-20T00:00:00Z"}


def parse(data: Any, status: int = 200, **headers: str) -> Statistics:
    body = data if isinstance(data, bytes) else json.dumps(data).encode()
    return parse_statistics(status, headers, body, now=NOW)


def test_the_documented_answer_is_read_whole() -> None:
    assert parse({"usage": USAGE, "total_calls": 5000}) == Statistics(
        calls=55, total_calls=5000, month=3, year=2025, resets_on="2025-03-20T00:00:00Z"
    )


def test_only_the_two_counts_are_needed() -> None:
    assert parse({"usage": {"calls": 0}, "total_calls": "100"}) == Statistics(calls=0, total_calls=100)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({}, "usage.calls"),
        ({"usage": None, "total_calls": 1}, "usage.calls"),
        ({"usage": {"calls": None}, "total_calls": 1}, "usage.calls"),
        ({"usage": {"calls": -1}, "total_calls": 1}, "usage.calls"),
        ({"usage": {"calls": 1.5}, "total_calls": 1}, "usage.calls"),
        ({"usage": {"calls": True}, "total_calls": 1}, "usage.calls"),
        ({"usage": {"calls": 1}}, "total_calls"),
        ({"usage": {"calls": 1}, "total_calls": "many"}, "total_calls"),
    ],
)
def test_an_answer_without_the_fields_stops_and_names_the_field(data: Any, field: str) -> None:
    with pytest.raises(errors.OCRStop, match=f"no usable {field}") as caught:
        parse(data)

    assert type(caught.value) is errors.OCRStop


@pytest.mark.parametrize("body", [b"<html><title>Router</title>", b"", b"[1]"])
def test_a_page_instead_of_statistics_means_the_wrong_host(body: bytes) -> None:
    with pytest.raises(errors.OCRWrongBaseURL, match="Set the host of the connection"):
        parse(body)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (204, errors.OCRStop),
        (301, errors.OCRWrongBaseURL),
        (400, errors.OCRStop),
        (401, errors.OCRUnauthorized),
        (403, errors.OCRForbidden),
        (404, errors.OCRWrongBaseURL),
        (408, errors.OCRUnavailable),
        (422, errors.OCRStop),
        (429, errors.OCRRateLimited),
        (500, errors.OCRUnavailable),
        (502, errors.OCRUnavailable),
        (503, errors.OCRUnavailable),
    ],
)
def test_a_failure_of_the_free_call_is_another_try_or_a_stop(status: int, kind: type[errors.OCRCallError]) -> None:
    with pytest.raises(errors.OCRCallError) as caught:
        parse({"detail": "no"}, status)

    assert type(caught.value) is kind
    assert (caught.value.status, caught.value.detail) == (status, "no")


def test_the_wait_of_a_throttled_call_is_kept() -> None:
    with pytest.raises(errors.OCRRateLimited) as caught:
        parse({}, 429, **{"Retry-After": "7"})

    assert caught.value.retry_after_s == 7.0
