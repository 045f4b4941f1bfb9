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


@pytest.mark.parametrize("status", [200, 201, 202, 203, 206, 299])
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


@pytest.mark.parametrize("confidence", [True, "high", None, [], {}, "nan", 10**400, 95, -0.1, 1.0001, "95"])
def test_a_confidence_that_is_no_share_of_one_is_unknown(confidence: Any) -> None:
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
        {"identifier": {"props": {"code": [{"value": "  \t"}]}}},
        {"identifier": {"props": {"code": [{"value": "\u200b\u0000\ufeff"}]}}},
        {"identifier": {"props": {"code": [{"value": [1]}]}}},
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


WHOLE = [
    b'{"results": {}}',
    b'{"results": null}',
    b'{"results": null, "error": null}',
    b'{"data": {"results": []}}',
    b"{}",
    b"[]",
    b'[{"results": []}]',
    b"null",
    b"12",
    b'"text"',
    b"OK",
    b"<html><title>Welcome</title>",
    b"\xff\xfe\xfa",
    b"caf\xe9",
    b'{"results": nonsense}',
    b"\xef\xbb\xbf{}",
    b'{"a": ' + b"9" * 5000 + b"}",
    b'{"a": "\\ud83d"}',
    *(b'{"a": ' + b"[" * depth + b"]" * depth + b"}" for depth in (65, 300, 600, 5000)),
    *(b'{"detail": ' * depth + b"1" + b"}" * depth for depth in (300, 600, 5000)),
]


@pytest.mark.parametrize("status", [200, 201, 202, 203, 206, 226, 299])
@pytest.mark.parametrize("body", WHOLE, ids=lambda body: f"{len(body)}-{body[:20]!r}")
def test_a_whole_success_that_is_no_read_is_an_answer_that_is_kept(status: int, body: bytes) -> None:
    read = parse(body, status)

    assert (read.understood, read.identifiers, read.body) == (False, (), body)
    assert isinstance(json.loads(json.dumps(read.raw, allow_nan=False)), dict)


@pytest.mark.parametrize("status", [200, 202, 204])
@pytest.mark.parametrize(
    "body",
    [b"", b" \r\n", b"{", b'{"results": [', b"[" * 100_000, b'{"a": "b', json.dumps(DOCUMENTED).encode()[:-30]],
)
def test_an_empty_success_or_one_that_stops_in_the_middle_may_have_been_billed(status: int, body: bytes) -> None:
    with pytest.raises(OCROutcomeUnknown, match="may have been billed") as caught:
        parse(body, status)

    assert caught.value.status == status
    assert "empty" in caught.value.message or "stops in the middle" in caught.value.message


def test_a_closed_object_is_whole_whatever_its_connection_says() -> None:
    for body in (b'{"results": []}', b'{"results": null}'):
        assert parse_read(200, {}, body, now=NOW, cut_off="shorter than announced").body == body
    for body in (b"12", b"<html>", b'{"results": nonsense}'):
        with pytest.raises(OCROutcomeUnknown, match="stops in the middle"):
            parse_read(200, {}, body, now=NOW, cut_off="shorter than announced")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'\xef\xbb\xbf{"results": [{"identifier": {"code": "A1"}}]}', "A1"),
        ('{"results": [{"identifier": {"code": "A1"}}]}'.encode("utf-16"), "A1"),
        (b'{"results": [{"identifier": {"code": "A1"}}], "gate": "caf\xe9"}', "A1"),
        (b'{"results": [{"identifier": {"code": "A\xe91"}}]}', "A\ufffd1"),
        (b'{"results": [{"identifier": {"code": "A1"}}], "n": ' + b"9" * 5000 + b"}", "A1"),
        (b'{"results": [{"identifier": {"code": "A1", "confidence": 1e999}}]}', "A1"),
        (b'{"results": [{"identifier": {"code": "A1"}}], "n": Infinity}', "A1"),
        (b'{"results": [{"identifier": {"code": "A\n1"}}]}', "A\n1"),
    ],
)
def test_a_list_of_results_is_a_read_whatever_stands_around_it(body: bytes, code: str) -> None:
    read = parse(body)

    assert (read.understood, read.body, [found.code for found in read.identifiers]) == (True, body, [code])


@pytest.mark.parametrize(
    ("value", "code"),
    [(12345, "12345"), (12345.0, "12345"), (12.5, "12.5"), (1e300, "1e+300"), (10**20, "1" + "0" * 20)],
)
def test_a_number_is_the_code_that_a_person_would_write(value: float, code: str) -> None:
    assert [found.code for found in identifiers({"identifier": {"code": [{"value": value}]}})] == [code]


def test_a_confidence_beside_a_code_is_that_codes() -> None:
    codes = [{"value": "A", "confidence": 0.9}, {"value": "B", "confidence": "0.7"}, {"value": "C"}]

    found = identifiers({"identifier": {"props": {"code": codes, "confidence": 0.5}}})

    assert [each.confidence for each in found] == [0.9, 0.7, 0.5]


def test_a_time_that_is_a_number_is_none() -> None:
    assert parse({"results": [], "timestamp": 1_700_000_000}).timestamp is None
