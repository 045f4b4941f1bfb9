from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
from typing import TYPE_CHECKING, Any, Self

import pytest

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRConfigError, OCRNotSent, OCROutcomeUnknown
from airflow_provider_platerec_ocr.core.settings import Timeouts
from airflow_provider_platerec_ocr.core.wire import Request
from airflow_provider_platerec_ocr.engine.client.session import KEEPALIVE_S
from airflow_provider_platerec_ocr.engine.client.transport import MAX_ANSWER_BYTES, Answer, Sending, Transport
from support.clock import FakeClock
from support.rawserver import answer, raw_server, response
from support.transport import LARGE, TOKEN, against, exchange, post, settings, unused_port

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from support.rawserver import Connection


def test_the_answer_comes_as_it_is() -> None:
    found, whole = against(answer(418, b"tea", {"X-Kind": "pot"}))
    assert isinstance(found, Answer)
    assert (found.status, found.body, found.headers["x-kind"], found.cut_off) == (418, b"tea", "pot", "")
    assert whole


def test_the_body_arrives_whole_with_its_length_and_nothing_else_changes_it() -> None:
    async def run() -> None:
        async with raw_server(answer(200)) as server:
            body = bytes(range(256)) * 1000
            await exchange(server.url, Sending(post(server.url, body)))
            line, headers, arrived = server.requests[0]
            assert line == "POST /v1/ocr/reader/ HTTP/1.1"
            assert arrived == body
            assert headers["content-length"] == "256000"
            assert headers["authorization"] == f"Token {TOKEN}"
            assert not {"transfer-encoding", "expect", "cookie"} & headers.keys()

    asyncio.run(run())


def test_no_cookie_is_kept() -> None:
    async def run() -> None:
        async with raw_server(answer(200, b"", {"Set-Cookie": "session=1"})) as server:
            async with Transport(settings(server.url), SystemClock()) as transport:
                for _ in range(2):
                    await transport.send(Sending(post(server.url)), total_s=10)
            assert "cookie" not in server.requests[1][1]
            assert server.connections == 1

    asyncio.run(run())


def test_no_redirect_is_followed() -> None:
    async def run() -> None:
        async with raw_server(answer(307, b"", {"Location": "/elsewhere"})) as server:
            assert (await exchange(server.url)).status == 307
            assert len(server.requests) == 1

    asyncio.run(run())


@pytest.mark.parametrize(("keepalive_s", "connections"), [(KEEPALIVE_S, 1), (1e-9, 3)])
def test_an_idle_connection_is_reused_for_a_short_time_only(keepalive_s: float, connections: int) -> None:
    async def run() -> int:
        async with raw_server(answer(200)) as server:
            async with Transport(settings(server.url), SystemClock(), keepalive_s=keepalive_s) as transport:
                for _ in range(3):
                    await transport.send(Sending(post(server.url)), total_s=180)
            return server.connections

    assert asyncio.run(run()) == connections
    assert KEEPALIVE_S < 5  # the shortest that common servers and load balancers grant


async def cut_in_the_body(connection: Connection) -> None:
    await connection.head()
    await connection.reader.readexactly(1000)
    connection.reset()


async def cut_after_the_body(connection: Connection) -> None:
    await connection.request()
    connection.reset()


async def close_after_the_body(connection: Connection) -> None:
    await connection.request()


async def stall_after_the_body(connection: Connection) -> None:
    await connection.request()
    await connection.stall()


async def stall_without_reading(connection: Connection) -> None:
    await asyncio.sleep(1e6)
    await connection.stall()


def test_a_connection_cut_in_the_body_sent_nothing() -> None:
    found, whole = against(cut_in_the_body, body=b"x" * LARGE)
    assert isinstance(found, OCRNotSent)
    assert not whole
    assert "Nothing was billed" in found.message


@pytest.mark.parametrize("behave", [cut_after_the_body, close_after_the_body])
def test_a_connection_cut_after_the_body_leaves_the_outcome_unknown(
    behave: Callable[[Connection], Awaitable[None]],
) -> None:
    found, whole = against(behave)
    assert isinstance(found, OCROutcomeUnknown)
    assert whole
    assert "may have been billed" in found.message


def test_no_answer_in_time_leaves_the_outcome_unknown() -> None:
    clock = FakeClock()
    found, _ = against(stall_after_the_body, clock=clock)
    assert isinstance(found, OCROutcomeUnknown)
    assert "no answer came within 180 s" in found.message
    assert found.elapsed_s == pytest.approx(180, abs=1)


def test_running_out_of_time_in_the_body_sent_nothing() -> None:
    clock = FakeClock()
    found, whole = against(stall_without_reading, body=b"x" * LARGE, clock=clock)
    assert isinstance(found, OCRNotSent)
    assert not whole
    assert "ran out of time" in found.message


def test_an_answer_that_is_no_http_leaves_the_outcome_unknown() -> None:
    async def nonsense(connection: Connection) -> None:
        await connection.request()
        await connection.send(b"220 smtp.example.com ESMTP\r\n\r\n")

    found, _ = against(nonsense)
    assert isinstance(found, OCROutcomeUnknown)
    assert found.status is None


def test_an_answer_before_the_end_of_the_body_is_delivered() -> None:
    async def too_large(connection: Connection) -> None:
        await connection.head()
        await connection.send(response(413, b'{"error": "too large"}', {"Connection": "close"}))
        await connection.stall()

    found, whole = against(too_large, body=b"x" * LARGE)
    assert isinstance(found, Answer)
    assert (found.status, found.body) == (413, b'{"error": "too large"}')
    assert not whole


def test_an_early_answer_that_leaves_the_connection_open_does_not_wait_for_the_body() -> None:
    async def unauthorized(connection: Connection) -> None:
        await connection.head()
        await connection.send(response(401, b"{}"))
        await asyncio.sleep(1e6)

    clock = FakeClock()
    found, whole = against(unauthorized, body=b"x" * LARGE, clock=clock)
    assert isinstance(found, Answer)
    assert found.status == 401
    assert not whole
    assert clock.elapsed_s < 1


def test_a_status_that_arrived_counts_though_the_body_is_cut() -> None:
    async def half(connection: Connection) -> None:
        await connection.request()
        await connection.send(response(429, b'{"detail": "Request was thr', length=500))

    found, _ = against(half)
    assert isinstance(found, Answer)
    assert (found.status, found.body) == (429, b'{"detail": "Request was thr')
    assert "ClientPayloadError" in found.cut_off


def test_an_answer_that_stops_in_the_middle_is_cut_off_when_time_is_up() -> None:
    async def half(connection: Connection) -> None:
        await connection.request()
        await connection.send(response(200, b'{"results": [', length=500))
        await connection.stall()

    found, _ = against(half, clock=FakeClock())
    assert isinstance(found, Answer)
    assert (found.body, found.cut_off) == (b'{"results": [', "TimeoutError")


def test_an_endless_answer_does_not_fill_the_memory() -> None:
    async def endless(connection: Connection) -> None:
        await connection.request()
        await connection.send(response(200, length=10**12))
        with contextlib.suppress(ConnectionError):
            while True:
                await connection.send(b"x" * 65536)

    found, _ = against(endless)
    assert isinstance(found, Answer)
    assert len(found.body) == MAX_ANSWER_BYTES
    assert "longer than" in found.cut_off


def test_a_compressed_answer_is_read_and_one_that_explodes_is_cut() -> None:
    packed = {"Content-Encoding": "gzip"}
    found, _ = against(answer(200, gzip.compress(b"{}"), packed))
    assert isinstance(found, Answer)
    assert found.body == b"{}"
    bomb, _ = against(answer(200, gzip.compress(bytes(40_000_000)), packed))
    assert isinstance(bomb, Answer)
    assert len(bomb.body) <= MAX_ANSWER_BYTES
    assert bomb.cut_off


def test_a_refused_connection_sent_nothing() -> None:
    url = f"http://127.0.0.1:{unused_port()}"
    with pytest.raises(OCRNotSent, match=r"No connection to 127.0.0.1:\d+ \(ConnectionRefusedError"):
        asyncio.run(exchange(url))


def test_an_unknown_host_sent_nothing() -> None:
    with pytest.raises(OCRNotSent, match=r"nowhere\.invalid"):
        asyncio.run(exchange("http://nowhere.invalid"))


def test_a_connection_that_nobody_accepts_sent_nothing() -> None:
    async def run() -> None:
        with socket.socket() as full:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            fillers = [socket.socket() for _ in range(3)]
            for filler in fillers:
                filler.setblocking(False)  # noqa: FBT003  # the socket module's own
                filler.connect_ex(full.getsockname())
            url = f"http://127.0.0.1:{full.getsockname()[1]}"
            try:
                await exchange(url, timeouts=Timeouts(connect_s=0.2))
            finally:
                for filler in fillers:
                    filler.close()

    with pytest.raises(OCRNotSent, match=r"within 0\.2 s"):
        asyncio.run(run())


def test_a_call_that_waits_for_a_place_in_the_pool_sent_nothing() -> None:
    clock = FakeClock()

    async def run() -> list[type[BaseException]]:
        async with (
            raw_server(stall_after_the_body) as server,
            Transport(settings(server.url, max_in_flight=1), clock) as transport,
        ):
            calls = (transport.send(Sending(post(server.url)), total_s=60) for _ in range(20))
            ended = await asyncio.gather(*calls, return_exceptions=True)
            return [type(end) for end in ended if isinstance(end, BaseException)]

    ended = clock.run(run())
    assert (ended.count(OCROutcomeUnknown), ended.count(OCRNotSent)) == (17, 3)


@pytest.mark.parametrize("url", ["http://host:99999", "ftp://host", f"http://{'a' * 70}.com"])
def test_a_url_that_cannot_be_called_is_a_mistake_of_the_connection(url: str) -> None:
    with pytest.raises(OCRConfigError, match="host"):
        asyncio.run(exchange(url))


def test_a_token_that_makes_no_header_is_a_mistake_and_is_not_shown() -> None:
    async def run() -> None:
        async with raw_server(answer(200)) as server:
            request = Request("POST", server.url, {"Authorization": "Token s3cret\r\nX-Evil: 1"}, b"x")
            async with Transport(settings(server.url), SystemClock()) as transport:
                await transport.send(Sending(request), total_s=10)

    with pytest.raises(OCRConfigError, match="token") as caught:
        asyncio.run(run())
    assert "s3cret" not in str(caught.value)


def test_a_cancelled_call_stays_cancelled() -> None:
    async def run() -> None:
        async with raw_server(stall_after_the_body) as server:
            call = asyncio.ensure_future(exchange(server.url))
            await server.arrived.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call

    asyncio.run(run())


def test_a_closed_client_says_how_to_open_it() -> None:
    transport = Transport(settings("http://127.0.0.1"), SystemClock())
    with pytest.raises(RuntimeError, match="async with"):
        asyncio.run(transport.send(Sending(post("http://127.0.0.1")), total_s=1))
    asyncio.run(transport.__aexit__(None, None, None))


def test_the_body_is_let_go_when_its_last_byte_has_left() -> None:
    class Body(bytes):
        """Counts how many of its kind live."""

        alive = 0

        def __new__(cls, *args: Any) -> Self:
            cls.alive += 1
            return super().__new__(cls, *args)

        def __del__(self) -> None:
            type(self).alive -= 1

    sent: list[int] = []

    async def run() -> int:
        async with raw_server(stall_after_the_body) as server:
            sending = Sending(post(server.url, Body(b"x" * 1_000_000)), lambda: sent.append(Body.alive))
            call = asyncio.ensure_future(exchange(server.url, sending))
            await server.arrived.wait()
            alive = Body.alive
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
            return alive

    assert asyncio.run(run()) == 0
    assert len(sent) == 1


def test_whoever_asks_is_told_once_when_the_last_byte_has_left() -> None:
    moments: list[int] = []

    async def run() -> None:
        async with raw_server(answer(200)) as server:
            await exchange(server.url, Sending(post(server.url), lambda: moments.append(len(server.requests))))

    asyncio.run(run())
    assert moments == [0]


def test_a_callback_that_fails_does_not_hide_that_the_call_was_sent() -> None:
    def broken() -> None:
        raise ZeroDivisionError

    async def run() -> None:
        async with raw_server(stall_after_the_body) as server:
            await exchange(server.url, Sending(post(server.url), broken))

    with pytest.raises(OCROutcomeUnknown, match="ZeroDivisionError"):
        asyncio.run(run())


def test_a_call_without_a_body_is_never_in_doubt() -> None:
    async def run() -> None:
        async with raw_server(close_after_the_body) as server:
            await exchange(server.url, Sending(Request("GET", server.url)))

    with pytest.raises(OCRNotSent):
        asyncio.run(run())
