from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

import pytest

from airflow_provider_platerec_ocr.webhook.payload import PayloadError
from airflow_provider_platerec_ocr.webhook.request_body import BodyTooLargeError, most_bytes, read_body
from airflow_provider_platerec_ocr.webhook.settings import Limits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

JSON = '{"data": {"filename": "a+b é&=.jpg"}}'
LIMITS = Limits(max_json_bytes=1000, max_body_bytes=5000)
URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=xyz"
TWO_PARTS = (
    f'--xyz\r\nContent-Disposition: form-data; name="json"\r\n\r\n{JSON}\r\n'
    '--xyz\r\nContent-Disposition: form-data; name="upload"; filename="../x.jpg"\r\n'
    "Content-Type: image/jpeg\r\n\r\n"
).encode() + b"\xff\xd8\xff\r\n--not the end\r\n--xyz--\r\n"


def read(body: bytes, content_type: str = "", *, size: int = 10_000, limits: Limits = LIMITS) -> bytes:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), size):
            yield body[start : start + size]

    return asyncio.run(read_body(chunks(), content_type, limits))


def part(name: str, value: str = "{}", disposition: str = "Content-Disposition") -> bytes:
    return f'--xyz\r\n{disposition}: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (JSON.encode(), "application/json"),
        (JSON.encode(), "application/json; charset=utf-8"),
        (JSON.encode(), ""),
        (JSON.encode(), "text/plain"),
        (f"json={quote_plus(JSON)}".encode(), URLENCODED),
        (f"x=1&json={quote_plus(JSON)}&y=".encode(), f"{URLENCODED}; charset=utf-8"),
        (TWO_PARTS, MULTIPART),
        (TWO_PARTS, 'Multipart/Form-Data; charset=utf-8; boundary="xyz"'),
        (TWO_PARTS, "MULTIPART/FORM-DATA;BOUNDARY=xyz"),
        (f"json={quote_plus(JSON)}".encode(), "Application/X-WWW-Form-Urlencoded; Charset=UTF-8"),
        (f"json={quote_plus(JSON)}".encode(), "APPLICATION/X-WWW-FORM-URLENCODED"),
        (JSON.encode(), "Application/JSON; Charset=UTF-8"),
    ],
)
def test_all_forms_give_the_same_json_in_pieces_of_any_size(body: bytes, content_type: str, size: int) -> None:
    assert read(body, content_type, size=size).decode() == JSON


def test_the_name_of_a_header_may_be_written_in_any_case() -> None:
    assert read(part("json", JSON, "content-DISPOSITION") + b"--xyz--\r\n", MULTIPART).decode() == JSON


@pytest.mark.parametrize(
    "body",
    [
        b"",
        TWO_PARTS[:-6],
        TWO_PARTS.replace(b"--xyz", b"--abc"),
        b"--xyz\r\nno header\r\n\r\n{}\r\n--xyz--\r\n",
        part("json") * 21 + b"--xyz--\r\n",
        b"--xyz\r\n" + b"A: b\r\n" * 50 + b"\r\n{}\r\n--xyz--\r\n",
        b"--xyz\r\nA: " + b"b" * 4500 + b"\r\n\r\n{}\r\n--xyz--\r\n",
        b"--xyz\r\n" + b"A" * 4500 + b": b\r\n\r\n{}\r\n--xyz--\r\n",
    ],
    ids=["empty", "cut", "other boundary", "no header", "many parts", "many headers", "long header", "long name"],
)
def test_a_broken_form_is_refused(body: bytes) -> None:
    with pytest.raises(PayloadError, match=r"^The body is no whole multipart form\.$"):
        read(body, MULTIPART)


@pytest.mark.parametrize("content_type", ["multipart/form-data", f"multipart/form-data; boundary={'x' * 300}"])
def test_a_form_without_a_usable_boundary_is_refused(content_type: str) -> None:
    with pytest.raises(PayloadError, match="multipart form"):
        read(TWO_PARTS, content_type)


@pytest.mark.parametrize(
    ("body", "content_type", "number"),
    [
        (part("upload") + b"--xyz--\r\n", MULTIPART, 0),
        (part("json") * 2 + b"--xyz--\r\n", MULTIPART, 2),
        (b"a=1", URLENCODED, 0),
        (b"json={}&json={}", URLENCODED, 2),
        (b"", URLENCODED, 0),
    ],
)
def test_a_form_has_one_field_json(body: bytes, content_type: str, number: int) -> None:
    with pytest.raises(PayloadError, match=f'one field "json"; it has {number}'):
        read(body, content_type)


def test_two_names_in_one_part_are_one_field() -> None:
    header = b'Content-Disposition: form-data; name="json"\r\n'

    assert read(b"--xyz\r\n" + header * 2 + b"\r\n{}\r\n--xyz--\r\n", MULTIPART) == b"{}"


@pytest.mark.parametrize("body", [b"json=%ff%fe", b"\xff=1", b"&".join([b"a=1"] * 30)])
def test_a_broken_urlencoded_form_is_refused(body: bytes) -> None:
    with pytest.raises(PayloadError, match="no urlencoded form"):
        read(body, URLENCODED)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"x" * 1001, "application/json"),
        (b"json=" + b"x" * 1000, URLENCODED),
        (part("json", "x" * 1001) + b"--xyz--\r\n", MULTIPART),
        (part("upload", "x" * 5000) + b"--xyz--\r\n", MULTIPART),
    ],
)
def test_what_is_too_large_is_not_read_to_its_end(body: bytes, content_type: str) -> None:
    endless = body + b"x" * 100_000
    taken = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal taken
        for start in range(0, len(endless), 100):
            taken = start
            yield endless[start : start + 100]

    with pytest.raises(BodyTooLargeError, match=r"larger than (1,000|5,000) bytes"):
        asyncio.run(read_body(chunks(), content_type, LIMITS))
    assert taken < 6000


def test_a_form_may_be_larger_than_json_by_its_image() -> None:
    body = part("upload", "x" * 4000) + part("json", JSON) + b"--xyz--\r\n"

    assert read(body, MULTIPART).decode() == JSON
    assert (most_bytes(MULTIPART, LIMITS), most_bytes("application/json", LIMITS)) == (5000, 1000)
    assert most_bytes("Multipart/Form-DATA; boundary=xyz", LIMITS) == 5000


@pytest.mark.parametrize("content_type", ["é", "\x00", ";;;=", 'a/b; x="', "multipart/form-data;boundary=\udcff"])
def test_any_content_type_is_survived(content_type: str) -> None:
    try:
        assert json.loads(read(b"{}", content_type)) == {}
    except PayloadError:
        assert content_type.startswith("multipart")


def test_the_parser_of_forms_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        for cut in range(1, len(TWO_PARTS), 3):
            for body in (TWO_PARTS[:cut], TWO_PARTS[cut:], TWO_PARTS + TWO_PARTS[:cut]):
                try:
                    read(body, MULTIPART)
                except PayloadError:
                    continue

    assert [record.getMessage() for record in caplog.records if record.name != "asyncio"] == []


def test_a_part_may_have_as_many_headers_as_clients_send_and_the_next_one_begins_anew() -> None:
    headers = b"".join(b"X-Of-A-Client-%d: 1\r\n" % number for number in range(7))
    upload = b"--xyz\r\n" + headers + b'Content-Disposition: form-data; name="upload"\r\n\r\nimage\r\n'

    assert read(upload * 3 + part("json", JSON) + b"--xyz--\r\n", MULTIPART, size=5).decode() == JSON
