from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.core.errors import (
    OCRCallError,
    OCRNotEnabled,
    OCROutcomeUnknown,
    OCRQuotaExhausted,
    OCRRateLimited,
    OCRRejected,
    OCRUnauthorized,
    OCRUnavailable,
)
from airflow_provider_platerec_ocr.engine.client.client import OCRClient
from support.contract import Situation
from support.pictures import picture

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.models import Read, Statistics
    from support.contract import Api


def read(api: Api, situation: Situation = Situation.FINE, **parameters: Any) -> Read:
    async def run() -> Read:
        async with api.meet(situation) as settings, OCRClient(settings) as client:
            given = {"type": "vin", "content": picture(), "filename": "image.jpg", **parameters}
            return await client.read(**given)

    return asyncio.run(run())


def failure(api: Api, situation: Situation) -> OCRCallError:
    with pytest.raises(OCRCallError) as caught:
        read(api, situation)
    return caught.value


def statistics(api: Api, situation: Situation = Situation.FINE) -> Statistics:
    async def run() -> Statistics:
        async with api.meet(situation) as settings, OCRClient(settings) as client:
            return await client.statistics()

    return asyncio.run(run())


def test_a_read_has_what_the_document_promises(api: Api) -> None:
    found = read(api)
    (identifier,) = found.identifiers
    assert identifier.code
    assert identifier.orientation in {"horizontal", "vertical"}
    assert 0 <= (identifier.confidence or -1) <= 1
    assert (found.processing_time or 0) > 0
    assert found.filename == "image.jpg"
    assert found.version == 1
    assert found.camera_id is None
    assert datetime.fromisoformat(found.timestamp or "").tzinfo is not None
    assert set(found.raw) == {"processing_time", "results", "filename", "version", "camera_id", "timestamp"}


@pytest.mark.parametrize(
    "parameters",
    [
        {"type": "trailer_id"},
        {"as_base64": True},
        {"camera_id": "gate 7", "timestamp": "2026-03-01T22:15:00Z"},
        {"content": None, "filename": None, "upload_url": "https://www.example.com/static/image.jpg"},
    ],
)
def test_every_documented_form_of_the_call_is_answered(api: Api, parameters: dict[str, Any]) -> None:
    assert len(read(api, **parameters).identifiers) == 1


def test_201_is_a_success_as_well(api: Api) -> None:
    assert len(read(api, Situation.CREATED).identifiers) == 1


def test_nothing_found_is_a_normal_answer(api: Api) -> None:
    assert read(api, Situation.NOTHING_FOUND).identifiers == ()


def test_the_statistics_have_what_the_document_promises(api: Api) -> None:
    found = statistics(api)
    assert 0 <= found.calls <= found.total_calls
    assert 1 <= (found.month or 0) <= 12
    assert (found.year or 0) > 2000
    assert datetime.fromisoformat(found.resets_on or "").tzinfo is not None


@pytest.mark.parametrize(
    ("situation", "expected", "status"),
    [
        (Situation.BAD_REQUEST, OCRRejected, 400),
        (Situation.BAD_TOKEN, OCRUnauthorized, 401),
        (Situation.NOT_ENABLED, OCRNotEnabled, 403),
        (Situation.QUOTA, OCRQuotaExhausted, 403),
        (Situation.TOO_LARGE, OCRRejected, 413),
        (Situation.THROTTLED, OCRRateLimited, 429),
        (Situation.GATEWAY, OCROutcomeUnknown, 502),
        (Situation.UNAVAILABLE, OCRUnavailable, 503),
        (Situation.ERROR_IN_200, OCRRejected, 200),
        (Situation.CUT, OCROutcomeUnknown, None),
    ],
)
def test_every_failure_becomes_the_error_of_its_meaning(
    api: Api, situation: Situation, expected: type[OCRCallError], status: int | None
) -> None:
    error = failure(api, situation)
    assert type(error) is expected
    assert error.status == status
    assert error.detail


def test_a_429_says_how_long_to_wait(api: Api) -> None:
    assert failure(api, Situation.THROTTLED).retry_after_s == 2


def test_a_bad_token_is_seen_by_the_free_call_too(api: Api) -> None:
    with pytest.raises(OCRUnauthorized):
        statistics(api, Situation.BAD_TOKEN)


def test_a_used_up_quota_is_seen_by_the_free_call(api: Api) -> None:
    assert statistics(api, Situation.QUOTA).remaining == 0
