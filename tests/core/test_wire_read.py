from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_platerec_ocr.core.errors import OCROutcomeUnknown, OCRRejected
from airflow_provider_platerec_ocr.core.models import Identifier, Read
from airflow_provider_platerec_ocr.core.wire import parse_read, read_from_json

NOW = datetime(2026, 3, 1, 22, tzinfo=UTC)
DOCUMENTED = {
    "processing_time": 128.758,
    "results": [
        {
            "identifier": {
                "type": "text",
                "props": {
                    "code": [{"value": "12345"}],
                    "orientation": [{"value": "horizontal"}],
                    "confidence": 0.8,
                },
            }
        }
    ],
    "filename": "image.jpg",
    "version": 1,
    "camera_id": None,
    "timestamp": "2025-03-22T13:26:01.683008Z",
}


def parse(data: Any, status: int = 200) -> Read:
    body = data if isinstance(data, bytes) else json.dumps(data).encode()
    return parse_read(status, {"Content-Type": "application/json"}, body, now=NOW)


def identifiers(*results: Any) -> tuple[Identifier, ...]:
    return parse({"results": list(results)}).identifiers


@pytest.mark.parametrize("status", [200, 201])
def test_the_documented_answer_is_read_whole(status: int) -> None:
    read = parse(DOCUMENTED, status)

    assert read == Read(
        identifiers=(Identifier("12345", "horizontal", 0.8),),
        processing_time=128.758,
        filename="image.jpg",
        version=1,
        camera_id=None,
        timestamp="2025-03-22T13:26:01.683008Z",
        raw=DOCUMENTED,
    )


def test_nothing_found_is_a_normal_answer() -> None:
    assert parse({**DOCUMENTED, "results": []}).identifiers == ()


def test_many_identifiers_keep_the_order_of_the_api() -> None:
    second = {"identifier": {"props": {"code": [{"value": "TRAILER 2"}], "orientation": [{"value": "vertical"}]}}}

    assert identifiers(DOCUMENTED["results"][0], second) == (  # type: ignore[index]  # a list, as written above
        Identifier("12345", "horizontal", 0.8),
        Identifier("TRAILER 2", "vertical", None),
    )


@pytest.mark.parametrize(
    "identifier",
    [
        {"props": {"code": [{"value": "A"}], "confidence": 0.8}},
        {"props": {"code": [{"value": "A"}]}, "confidence": 0.8},
        {"props": {"code": [{"value": "A"}], "confidence": [{"value": 0.8}]}},
        {"props": {"code": "A", "confidence": "0.8"}},
        {"props": {"code": {"value": "A"}, "confidence": None}, "confidence": 0.8},
        {"code": [{"value": "A"}], "confidence": 0.8},
    ],
)
def test_confidence_is_read_in_both_documented_places(identifier: dict[str, Any]) -> None:
    assert identifiers({"identifier": identifier}) == (Identifier("A", None, 0.8),)


@pytest.mark.parametrize("confidence", [True, "high", None, [], {}, "nan", 10**400])
def test_a_confidence_that_is_no_number_is_unknown(confidence: Any) -> None:
    assert identifiers({"identifier": {"props": {"code": "A", "confidence": confidence}}})[0].confidence is None


def test_several_codes_of_one_identifier_each_count() -> None:
    props = {"code": [{"value": "A"}, {"value": 7}], "orientation": [{"value": "vertical"}, {"value": "horizontal"}]}
    one_orientation = {"code": [{"value": "A"}, {"value": "B"}], "orientation": [{"value": "vertical"}]}

    assert identifiers({"identifier": {"props": props}}) == (
        Identifier("A", "vertical", None),
        Identifier("7", "horizontal", None),
    )
    assert [found.orientation for found in identifiers({"identifier": {"props": one_orientation}})] == ["vertical"] * 2


@pytest.mark.parametrize(
    "result",
    [
        None,
        "text",
        {},
        {"identifier": None},
        {"identifier": {"props": {}}},
        {"identifier": {"props": {"code": []}}},
        {"identifier": {"props": {"code": [{"value": ""}]}}},
        {"identifier": {"props": {"code": [{"value": None}]}}},
        {"identifier": {"props": {"code": [{"value": True}]}}},
    ],
)
def test_a_result_without_a_code_is_no_identifier_and_no_crash(result: Any) -> None:
    assert identifiers(result) == ()


def test_unknown_keys_are_kept() -> None:
    data = {**DOCUMENTED, "added_later": {"deep": [1]}}

    assert parse(data).raw == data


def test_fields_of_another_type_are_unknown_and_stay_in_the_raw_answer() -> None:
    data = {"results": [], "processing_time": "fast", "filename": [1], "version": "1", "camera_id": 5, "timestamp": {}}
    read = parse(data)

    assert (read.processing_time, read.filename, read.version) == (None, None, None)
    assert (read.camera_id, read.timestamp, read.raw) == ("5", None, data)
    assert parse({"results": [], "version": True}).version is None


def test_what_is_no_json_number_becomes_null_so_that_the_raw_answer_can_be_written() -> None:
    read = parse(b'{"results": [], "processing_time": NaN}')

    assert json.dumps(read.raw, allow_nan=False) == '{"results": [], "processing_time": null}'


def test_a_saved_answer_reads_like_a_new_one() -> None:
    assert read_from_json(DOCUMENTED) == parse(DOCUMENTED)


def test_a_saved_answer_without_results_is_no_read() -> None:
    with pytest.raises(OCROutcomeUnknown, match="no list of results"):
        read_from_json({"detail": "x"})


@pytest.mark.parametrize("body", [{"error": "File too blurry"}, {"error": {"upload": ["bad"]}, "results": None}])
def test_a_success_with_an_error_body_is_a_rejection(body: dict[str, Any]) -> None:
    with pytest.raises(OCRRejected, match="with an error") as caught:
        parse(body, 200)

    assert caught.value.status == 200
    assert caught.value.detail in {"File too blurry", "upload: bad"}


def test_an_answer_with_results_counts_even_beside_an_error() -> None:
    assert parse({"results": [], "error": "slow"}).identifiers == ()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"{"),
        (200, b"<html><title>Welcome</title>"),
        (200, b"[]"),
        (200, b"null"),
        (200, b"\xff\xfe\xfa"),
        (200, b"[" * 100_000),
        (200, b'{"results": {}}'),
        (200, b'{"results": null, "error": null}'),
        (200, json.dumps(DOCUMENTED).encode()[:-30]),
        (202, b'{"results": []}'),
        (204, b""),
    ],
)
def test_a_success_that_cannot_be_read_may_have_been_billed(status: int, body: bytes) -> None:
    with pytest.raises(OCROutcomeUnknown, match="may have been billed") as caught:
        parse(body, status)

    assert caught.value.status == status
