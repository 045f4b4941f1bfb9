from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_platerec_ocr.core.answer import body

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters()), inner, max_size=4),
    max_leaves=12,
)
ANY = st.binary(max_size=200) | st.text().map(str.encode) | JSON.map(lambda value: json.dumps(value).encode())


@given(ANY)
def test_a_body_is_kept_to_the_byte_in_a_record_of_json(content: bytes) -> None:
    record = json.loads(json.dumps(body.packed(content)))

    assert body.unpacked(record) == content


@given(ANY)
def test_any_body_gives_json_that_any_file_takes(content: bytes) -> None:
    text = body.as_json(content)

    assert text.encode()
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    json.dumps(body.as_object(content), allow_nan=False)
    assert isinstance(body.as_object(content), dict)


@given(JSON)
def test_what_is_json_by_the_letter_stays_as_it_came(value: object) -> None:
    content = json.dumps(value).encode()
    if b"NaN" not in content and b"Infinity" not in content:
        assert body.as_json(content) == content.decode()


@given(JSON)
def test_json_is_whole_and_without_its_end_it_is_not(value: object) -> None:
    content = json.dumps({"results": value}).encode()

    assert body.whole(content)
    assert not body.whole(content[:-1])
    assert not body.whole(content[: len(content) // 2])


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b'{"a": 1e999}', '{"a": 1e999}'),
        (b'{"a": Infinity, "b": 1}', '{"a": null, "b": 1}'),
        (b'{"a": "\\ud83d"}', '{"a": "\\ud83d"}'),
        (b'{"a": "\\ud83d", "b": NaN}', '{"a": "\\ud83d", "b": null}'),
        (b"\xef\xbb\xbf{}", "{}"),
        (b"OK", '{"body": "OK"}'),
        (b"", '{"body": ""}'),
        (b"\xff\xfe\xfa", '{"body_base64": "//76"}'),
        (b'{"a": "caf\xe9"}', '{"a": "caf\ufffd"}'),
        (b"[1, NaN]", "[1, null]"),
        (b'{"a": 1}\0\0', '{"a": 1}'),
        (b' {"a": 1}\n{"a": 2}', '{"a": 1}'),
        (b'{"a": 1} is all', '{"a": 1}'),
        (b"[1] is all", '{"body": "[1] is all"}'),
        (b"200 OK", '{"body": "200 OK"}'),
        (b" 200 ", " 200 "),
    ],
)
def test_raw_is_the_original_where_that_is_json_and_else_the_nearest_that_is(content: bytes, text: str) -> None:
    assert body.as_json(content) == text


def test_what_is_nested_deeper_than_anybody_writes_is_kept_as_text() -> None:
    content = b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}"

    assert body.as_object(content) == {"body": content.decode()}
    assert body.as_json(content) == content.decode()


@pytest.mark.parametrize("record", [{}, {"body": 5}, {"body_base64": "!"}, {"body_base64": 5}])
def test_a_record_without_a_body_has_none(record: dict[str, object]) -> None:
    assert body.unpacked(record) is None


def test_an_answer_of_an_earlier_version_is_the_json_of_its_object() -> None:
    assert body.raw_json({"a": "\u00e4"}, None) == '{"a": "\u00e4"}'
    assert body.raw_json({"a": "\ud83d"}, None) == '{"a": "\\ud83d"}'
    assert body.raw_json({"a": 1}, b'{"a":1}') == '{"a":1}'
