from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_platerec_ocr.core.answer.nesting import DEEPEST
from airflow_provider_platerec_ocr.webhook.payload import (
    Payload,
    PayloadError,
    check_payload,
    fingerprint_of,
    hook_of,
    is_payload_id,
    parse_payload,
    payload_id,
)

DOCUMENTED = b"""{"hook": {"target": "https://your-webhook-url.com/endpoint", "id": 123}, "data": {
    "processing_time": 128.758, "results": [{"identifier": {"type": "text", "props": {"code": [{"value": "12345"}],
    "orientation": [{"value": "horizontal"}], "confidence": 0.8}}}], "filename": "image.jpg", "version": 1,
    "camera_id": null, "timestamp": "2025-03-22T13:26:01.683008Z",
    "file_url": "https://example.com/path-to-uploaded-image.jpg"}}"""
PRINT = "0123456789abcdef" * 4


def nested(levels: int) -> dict[str, Any]:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return {"data": {"x": value}}


def test_the_documents_own_payload_is_one() -> None:
    payload = parse_payload(DOCUMENTED)

    assert payload["hook"]["id"] == 123
    assert payload["data"]["filename"] == "image.jpg"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe\xfd",
        b'{"data": {"x": NaN}}',
        b'{"data": {"x": -Infinity}}',
        b'{"data": {"x": 1e999}}',
        b'{"data": {"x": ' + b"9" * 5000 + b"}}",
        b"[" * 100_000,
        b'{"data":' * 50_000,
    ],
    ids=["empty", "cut", "no text", "nan", "infinity", "infinite", "too many digits", "deep list", "deep object"],
)
def test_what_is_no_json_is_refused_in_one_line(body: bytes) -> None:
    with pytest.raises(PayloadError, match=r"^The body is not JSON\.$"):
        parse_payload(body)


@pytest.mark.parametrize("body", [b"1", b"null", b'"x"', b"[]", b"{}", b'{"data": null}', b'{"data": []}'])
def test_json_without_an_answer_is_no_payload(body: bytes) -> None:
    with pytest.raises(PayloadError, match="no webhook payload"):
        parse_payload(body)


def test_a_refusal_quotes_nothing_of_the_body() -> None:
    for body in (b'{"data": "WDBEA30D3HA391172"}', b"WDBEA30D3HA391172", json.dumps(nested(90)).encode()):
        with pytest.raises(PayloadError) as refused:
            parse_payload(body)
        assert "WDBEA" not in str(refused.value)
        assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_nesting_is_accepted_to_a_depth() -> None:
    assert check_payload(nested(DEEPEST - 2)) == nested(DEEPEST - 2)
    with pytest.raises(PayloadError, match="nested more than 64"):
        check_payload(nested(DEEPEST - 1))


def test_the_id_is_of_the_answer_whoever_delivers_it_and_however_it_is_written() -> None:
    first = {"a": 1, "b": [1.5, None], "file_url": "https://h/x.jpg?sig=1"}
    again = {"file_url": "https://h/x.jpg?sig=2", "b": [1.5, None], "a": 1}

    assert payload_id(first) == payload_id(again)
    assert is_payload_id(payload_id(first))


@pytest.mark.parametrize(
    "other", [{"a": 2}, {"a": "1"}, {"a": 1, "b": None}, {"a": 1, "file_url": "https://h/y.jpg"}, {"a": True}]
)
def test_another_answer_has_another_id(other: dict[str, Any]) -> None:
    assert payload_id(other) != payload_id({"a": 1})
    assert payload_id(other | {"file_url": "https://h/z.jpg"}) != payload_id(other)


@pytest.mark.no_cover
@given(st.dictionaries(st.text(), st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=5)))
def test_whatever_json_can_hold_has_an_id_that_survives_json(data: dict[str, Any]) -> None:
    assert payload_id(json.loads(json.dumps(data))) == payload_id(data)


def test_half_a_character_has_an_id() -> None:
    assert is_payload_id(payload_id(parse_payload(b'{"data": {"filename": "\\ud800"}}')["data"]))


@pytest.mark.parametrize(
    "name", [f"x-{PRINT}.jpg", f"1617_7M83K_x-{PRINT}.jpeg", f"-{PRINT}", f"a/b-{PRINT}.webp", f"é-{PRINT}.x"]
)
def test_our_uploads_are_known_by_the_end_of_their_name(name: str) -> None:
    assert fingerprint_of(name) == PRINT


@pytest.mark.parametrize(
    "name",
    [None, "", f"{PRINT}.jpg", f"x-{PRINT}0.jpg", f"x-{PRINT.upper()}.jpg", f"x-{PRINT}.jpg\n", f"x-{PRINT}.tar.gz"],
)
def test_other_names_carry_no_fingerprint(name: str | None) -> None:
    assert fingerprint_of(name) is None


@pytest.mark.parametrize("id_", ["", "x" * 32, "../" * 10 + "ab", "A" * 32, "a" * 31, "a" * 33, "a" * 32 + "\n"])
def test_only_hex_digits_become_part_of_a_path(id_: str) -> None:
    assert not is_payload_id(id_)


def test_the_secret_in_the_hooks_target_is_not_kept() -> None:
    payload = {"hook": {"target": "https://user:pw@yard.example:8443/webhook/SECRET?token=SECRET", "id": 7}}

    assert hook_of(payload) == {"target": "https://yard.example:8443", "id": 7}


@pytest.mark.parametrize(
    ("hook", "kept"),
    [
        ({"id": 1}, {"id": 1}),
        ({"target": 5}, {"target": 5}),
        ("x", {}),
        (None, {}),
        ({"target": "SECRET"}, {"target": ""}),
    ],
)
def test_a_hook_of_another_shape_is_no_obstacle(hook: Any, kept: dict[str, Any]) -> None:
    assert hook_of({"hook": hook}) == kept


def test_a_payload_says_what_it_is_of() -> None:
    payload = Payload("a" * 32, "c", "t", {"filename": f"x-{PRINT}.jpg", "file_url": "https://h/x"}, {})
    odd = Payload("a" * 32, "c", "t", {"filename": 5, "file_url": ""}, {})

    assert (payload.filename, payload.file_url, payload.fingerprint) == (f"x-{PRINT}.jpg", "https://h/x", PRINT)
    assert (odd.filename, odd.file_url, odd.fingerprint) == (None, None, None)
