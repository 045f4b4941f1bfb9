"""What servers and gateways do to an answer's head and frame, and the body that is had all the same."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCROutcomeUnknown
from airflow_provider_platerec_ocr.engine.client.framing import LONGEST_HEAD, Framing, HeadTooLongError
from airflow_provider_platerec_ocr.engine.client.transport import Answer, Sending, Transport
from support.rawserver import raw_server
from support.transport import against, post, settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from support.rawserver import Connection

BODY = b'{"results": []}'
LENGTH = b"Content-Length: 15\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"f\r\n" + BODY + b"\r\n0\r\n\r\n"
HEADS = {
    "a line of 64 KB": (b"X-Policy: " + b"p" * 65_536 + b"\r\n" + LENGTH, BODY),
    "a line of 900 KB": (b"X-Policy: " + b"p" * 900_000 + b"\r\n" + LENGTH, BODY),
    "5,000 lines": (b"".join(b"X-%d: 1\r\n" % number for number in range(5000)) + LENGTH, BODY),
    "two lengths": (LENGTH + LENGTH, BODY),
    "two lengths in a line": (b"Content-Length: 15, 15\r\n", BODY),
    "two lengths that differ": (LENGTH + b"Content-Length: 4\r\n", BODY),
    "a length that is none": (b"Content-Length: many\r\n", BODY),
    "a length beside chunks": (LENGTH + CHUNKED, CHUNKS),
    "a length beside chunks that are none": (LENGTH + CHUNKED, BODY),
    "chunks that are none": (CHUNKED, BODY),
    "chunks that are none, and few": (CHUNKED, b"12"),
    "sloppy chunks": (CHUNKED, b" 00F ; name=x\n" + BODY + b"\n0\n"),
    "bytes after the end": (LENGTH + b"Connection: close\r\n", BODY + b"x"),
    "bytes after the last chunk": (CHUNKED, CHUNKS + b"HTTP/1.1 500"),
    "a space before a colon": (b"X-Policy : 1\r\nContent-Length : 15\r\n", BODY),
    "lines that are none": (b"nonsense\r\n folded\r\nX\x00: 1\r\nX-Y: \xff\xfe\x01\r\n: 1\r\n" + LENGTH, BODY),
    "no length": (b"", BODY),
    "line ends of one byte": (b"X-Policy: 1\nContent-Length: 15\n", BODY),
    "a lie about its packing": (LENGTH + b"Content-Encoding: gzip\r\n", BODY),
}


def sends(data: bytes, *, piece: int = 1 << 20) -> Callable[[Connection], Awaitable[None]]:
    async def behave(connection: Connection) -> None:
        await connection.request()
        for start in range(0, len(data), piece):
            await connection.send(data[start : start + piece])

    return behave


@pytest.mark.parametrize("name", HEADS)
def test_a_body_that_can_be_had_is_had(name: str) -> None:
    head, body = HEADS[name]

    found, _ = against(sends(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n" + body))

    assert isinstance(found, Answer)
    assert (found.status, found.body) == (200, b"12" if body == b"12" else BODY)


@pytest.mark.parametrize(
    "start",
    [
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n",
        b"\r\nHTTP/1.1 200 OK\r\n",
        b"HTTP/1.0 200 OK\r\n",
        b"http/1.1 200\r\n",
        b"HTTP/2 200 " + b"s3cret" * 20_000 + b"\r\n",
    ],
)
@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
def test_a_status_is_known_however_it_is_written_and_cut_into_pieces(start: bytes, piece: int) -> None:
    data = start + LENGTH + b"\r\n" + BODY
    framing = Framing()
    pieces = [data[at : at + piece] for at in range(0, len(data), piece)] if len(data) < 1000 or piece > 7 else [data]

    out = b"".join(map(framing.feed, pieces))

    assert out.startswith((b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 200 OK\r\n"))
    assert out.endswith(b"\r\n\r\n" + BODY)
    assert (framing.over, framing.spoiled, b"s3cret" in out) == (True, False, False)


@given(st.sampled_from(sorted(HEADS)), st.lists(st.integers(1, 40), max_size=30))
def test_where_the_network_cuts_an_answer_makes_no_difference(name: str, cuts: list[int]) -> None:
    head, body = HEADS[name]
    data = b"HTTP/1.1 200 OK\r\n" + head[-300:].lstrip(b"p0123456789-: X\r\n") + b"\r\n" + body
    whole, parts, at, out = Framing(), Framing(), 0, b""
    for cut in cuts:
        out += parts.feed(data[at : at + cut])
        at += cut

    out += parts.feed(data[at:]) + parts.end()

    assert unframed(out) == unframed(whole.feed(data) + whole.end())


def unframed(data: bytes) -> bytes:
    """Return an answer with its chunks put together: how they are cut is nobody's business."""
    head, _, rest = data.partition(b"\r\n\r\n")
    if b"chunked" not in head:
        return data
    body = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return head + body


def test_a_head_without_an_end_is_not_waited_for() -> None:
    with pytest.raises(HeadTooLongError):
        Framing().feed(b"HTTP/1.1 200 OK\r\nX-Policy: " + b"p" * LONGEST_HEAD)

    found, _ = against(sends(b"HTTP/1.1 200 OK\r\nX-Policy: " + b"s3cret" * LONGEST_HEAD))

    assert isinstance(found, OCROutcomeUnknown)
    assert "the head of the answer is longer than" in found.message
    assert "s3cret" not in found.message + found.detail


@pytest.mark.parametrize("data", [b"220 smtp.example.com s3cret\r\n\r\n", b"HTTP/1.1 abc s3cret\r\n\r\n", b"s3cret"])
def test_what_is_no_http_is_a_doubt_without_a_word_of_it(data: bytes) -> None:
    found, _ = against(sends(data))

    assert isinstance(found, OCROutcomeUnknown)
    assert "s3cret" not in found.message + found.detail


def test_a_connection_with_bytes_after_the_end_is_not_used_again_and_one_without_is() -> None:
    async def run(extra: bytes) -> int:
        async def behave(connection: Connection) -> None:
            while True:
                await connection.request()
                await connection.send(b"HTTP/1.1 200 OK\r\n" + LENGTH + b"\r\n" + BODY + extra)

        async with raw_server(behave) as server, Transport(settings(server.url), SystemClock()) as transport:
            for _ in range(3):
                assert (await transport.send(Sending(post(server.url)), total_s=10)).body == BODY
            return server.connections

    assert asyncio.run(run(b"")) == 1
    assert asyncio.run(run(b"more")) == 3
