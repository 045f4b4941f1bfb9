from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.core.backoff import Backoff
from airflow_provider_platerec_ocr.core.errors import (
    OCRCallError,
    OCRConfigError,
    OCRForbidden,
    OCRNotEnabled,
    OCRNotSent,
    OCROutcomeUnknown,
    OCRQuotaExhausted,
    OCRRateLimited,
    OCRRejected,
    OCRUnauthorized,
    OCRUnavailable,
    OCRWrongBaseURL,
)
from airflow_provider_platerec_ocr.core.settings import ClientSettings
from airflow_provider_platerec_ocr.engine.client.client import OCRClient
from support.clock import FakeClock
from support.rawserver import answer, raw_server, response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from airflow_provider_platerec_ocr.core.models import Read, Statistics
    from support.rawserver import Connection, RawServer

    Behaviour = Callable[[Connection], Awaitable[None]]

TOKEN = "s3cret-t0ken"
READ = b'{"results": [], "filename": "a.jpg"}'
FORBIDDEN = b'{"detail": "API call limit reached or OCR not enabled."}'


def usage(calls: int = 55, total: int = 5000) -> bytes:
    counted = {"month": 3, "calls": calls, "year": 2025, "resets_on": "2025-03-20T00:00:00Z"}
    return json.dumps({"usage": counted, "total_calls": total}).encode()


def api(*reads: bytes, statistics: tuple[bytes, ...] = (response(200, usage()),)) -> Behaviour:
    """Answer POSTs and GETs by their lists; the last of each list stays."""
    posts, gets = list(reads), list(statistics)

    async def behave(connection: Connection) -> None:
        while True:
            await connection.request()
            waiting = posts if connection.server.requests[-1][0].startswith("POST") else gets
            await connection.send(waiting.pop(0) if len(waiting) > 1 else waiting[0])

    return behave


def run(
    behave: Behaviour, what: Callable[[OCRClient], Awaitable[Any]], clock: FakeClock | None = None
) -> tuple[Any, RawServer]:
    """Return what the client gave, an error included, and the server with what it got."""
    clock = clock or FakeClock()

    async def main() -> tuple[Any, RawServer]:
        async with raw_server(behave) as server:
            settings = ClientSettings(token=TOKEN, base_url=server.url)
            async with OCRClient(settings, clock=clock, jitter=lambda: 1.0, backoff=Backoff()) as client:
                try:
                    return await what(client), server
                except (OCRCallError, OCRConfigError) as error:
                    return error, server

    return clock.run(main())


async def one(client: OCRClient) -> Read:
    return await client.read(type="vin", content=b"\xff\xd8\xffimage", filename="a.jpg")


async def asked(client: OCRClient) -> Statistics:
    return await client.statistics()


def test_an_image_is_sent_once_and_read() -> None:
    read, server = run(api(response(200, READ)), one)
    assert read.raw == {"results": [], "filename": "a.jpg"}
    (line, headers, body), *more = server.requests
    assert line == "POST /v1/ocr/reader/ HTTP/1.1"
    assert headers["authorization"] == f"Token {TOKEN}"
    assert headers["content-type"].startswith("multipart/form-data; boundary=")
    assert b"\xff\xd8\xffimage" in body
    assert not more


def test_all_parameters_reach_the_api() -> None:
    async def call(client: OCRClient) -> Read:
        return await client.read(
            type="trailer_id",
            upload_url="https://host/a.jpg?sig=1",
            camera_id="gate 7",
            timestamp="2026-03-01T23:00:00+01:00",
        )

    _, server = run(api(response(200, READ)), call)
    body = server.requests[0][2]
    for part in (b"trailer_id", b"https://host/a.jpg?sig=1", b"gate 7", b"2026-03-01T22:00:00Z"):
        assert part in body


def test_base64_reaches_the_api() -> None:
    async def call(client: OCRClient) -> Read:
        return await client.read(type="vin", content=b"image", as_base64=True)

    _, server = run(api(response(200, READ)), call)
    assert b"aW1hZ2U=" in server.requests[0][2]


def test_arguments_that_make_no_call_send_nothing() -> None:
    async def call(client: OCRClient) -> Read:
        return await client.read(type="vin")

    error, server = run(api(response(200, READ)), call)
    assert isinstance(error, OCRConfigError)
    assert server.connections == 0


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, OCRRejected),
        (401, OCRUnauthorized),
        (429, OCRRateLimited),
        (503, OCRUnavailable),
        (500, OCROutcomeUnknown),
    ],
)
def test_no_failure_is_ever_sent_again(status: int, expected: type[OCRCallError]) -> None:
    error, server = run(api(response(status, b'{"detail": "no"}')), one)
    assert type(error) is expected
    assert error.status == status
    assert error.elapsed_s is not None
    assert len(server.requests) == 1


def test_the_pause_that_the_api_asks_for_is_handed_on() -> None:
    error, _ = run(api(response(429, b"{}", {"Retry-After": "90"})), one)
    assert error.retry_after_s == 90


def test_a_token_that_the_api_echoes_is_not_shown() -> None:
    error, _ = run(api(response(401, f'{{"detail": "Bad value {TOKEN} here"}}'.encode())), one)
    assert TOKEN not in f"{error}{error!r}{error.detail}{error.attributes}"
    assert "Bad value *** here" in error.message


def test_the_caller_is_told_when_the_image_has_left() -> None:
    moments: list[float] = []
    clock = FakeClock()

    async def call(client: OCRClient) -> Read:
        return await client.read(type="vin", content=b"x", on_sent=lambda: moments.append(clock.elapsed_s))

    async def slow(connection: Connection) -> None:
        await connection.request()
        await clock.sleep(30)
        await connection.send(response(200, READ))

    run(slow, call, clock)
    assert len(moments) == 1
    assert moments[0] < 1


def test_nothing_keeps_the_image_while_the_answer_is_awaited() -> None:
    class Image(bytes):
        """Counts how many of its kind live."""

        alive = 0

        def __init__(self, *_: Any) -> None:
            type(self).alive += 1

        def __del__(self) -> None:
            type(self).alive -= 1

    seen: list[int] = []

    async def watching(connection: Connection) -> None:
        await connection.request()
        seen.append(Image.alive)
        await connection.send(response(200, READ))

    async def call(client: OCRClient) -> Read:
        return await client.read(type="vin", content=Image(b"x" * 300_000))

    run(watching, call)
    assert seen == [0]


def test_an_answer_of_unknown_meaning_before_the_image_was_whole_billed_nothing() -> None:
    async def early(connection: Connection) -> None:
        await connection.head()
        await connection.send(response(502, b"<title>Bad Gateway</title>"))
        await connection.server.arrived.wait()

    async def call(client: OCRClient) -> Read:
        return await client.read(type="vin", content=b"x" * 20_000_000)

    error, _ = run(early, call)
    assert isinstance(error, OCRNotSent)
    assert (error.status, error.detail) == (502, "Bad Gateway")


def test_half_an_answer_leaves_the_outcome_unknown_and_says_that_its_end_is_missing() -> None:
    async def half(connection: Connection) -> None:
        await connection.request()
        await connection.send(response(200, READ[:12], length=len(READ)))

    error, _ = run(half, one)
    assert isinstance(error, OCROutcomeUnknown)
    assert "Its end is missing" in error.message


def test_a_whole_read_in_a_connection_cut_too_early_is_not_lost() -> None:
    async def cut(connection: Connection) -> None:
        await connection.request()
        await connection.send(response(200, READ, length=len(READ) + 10))

    read, _ = run(cut, one)
    assert read.filename == "a.jpg"


def test_a_403_with_calls_left_means_not_enabled() -> None:
    error, server = run(api(response(403, FORBIDDEN)), one)
    assert type(error) is OCRNotEnabled
    assert error.status == 403
    assert "55 of 5,000 calls" in error.message
    assert [line.split()[0] for line, _, _ in server.requests] == ["POST", "GET"]


def test_a_403_with_no_calls_left_means_quota_and_names_the_reset() -> None:
    error, _ = run(api(response(403, FORBIDDEN), statistics=(response(200, usage(5000)),)), one)
    assert type(error) is OCRQuotaExhausted
    assert (error.remaining, error.resets_on) == (0, "2025-03-20T00:00:00Z")
    assert "5,000 of 5,000 calls of this period used; reset: 2025-03-20T00:00:00Z" in error.message


def test_a_403_beside_a_call_that_takes_the_last_place_means_quota() -> None:
    answered = asyncio.Event()

    async def behave(connection: Connection) -> None:
        while True:
            await connection.request()
            if connection.server.requests[-1][0].startswith("GET"):
                await connection.send(response(200, usage(4999)))
                answered.set()
            elif sum(line.startswith("POST") for line, *_ in connection.server.requests) == 1:
                await answered.wait()
                await connection.send(response(200, READ))
            else:
                await connection.send(response(403, FORBIDDEN))

    async def two(client: OCRClient) -> list[Any]:
        return list(await asyncio.gather(one(client), one(client), return_exceptions=True))

    (read, error), _ = run(behave, two)

    assert read.filename == "a.jpg"
    assert type(error) is OCRQuotaExhausted
    assert error.remaining == 1
    assert "4,999 of 5,000 calls of this period used, and calls in flight take the rest" in error.message


@pytest.mark.parametrize(("left", "expected"), [(512, OCRQuotaExhausted), (513, OCRNotEnabled)])
def test_after_an_answer_a_403_means_quota_where_other_tasks_may_have_the_rest_in_flight(
    left: int, expected: type[OCRCallError]
) -> None:
    async def twice(client: OCRClient) -> Read:
        await one(client)
        return await one(client)

    reads = (response(200, READ), response(403, FORBIDDEN))
    error, _ = run(api(*reads, statistics=(response(200, usage(5000 - left)),)), twice)

    assert type(error) is expected


@pytest.mark.parametrize(("status", "expected"), [(403, OCRNotEnabled), (500, OCRForbidden), (401, OCRUnauthorized)])
def test_a_403_whose_statistics_fail_keeps_both_facts(status: int, expected: type[OCRCallError]) -> None:
    error, _ = run(api(response(403, FORBIDDEN), statistics=(response(status, b'{"detail": "also no"}'),)), one)
    assert type(error) is expected
    assert error.status == 403
    assert "API call limit reached" in error.message
    assert "also no" in error.message


def test_a_403_that_speaks_of_the_token_asks_the_statistics_before_it_means_that() -> None:
    used_up = (response(200, usage(5000)),)
    error, server = run(api(response(403, b'{"detail": "Limit reached for this token."}'), statistics=used_up), one)
    assert type(error) is OCRQuotaExhausted
    assert len(server.requests) == 2

    invalid = b'{"detail": "Invalid token."}'
    error, _ = run(api(response(403, invalid), statistics=(response(403, invalid),)), one)
    assert type(error) is OCRUnauthorized
    assert "into the password of the connection" in error.message


@pytest.mark.parametrize("body", [b"<html><title>Request blocked</title></html>", b"Request blocked"])
def test_a_firewalls_403_says_nothing_about_the_account(body: bytes) -> None:
    error, server = run(api(response(403, body)), one)
    assert type(error) is OCRWrongBaseURL
    assert "not the OCR API: 403: Request blocked; the statistics answer as ever" in error.message
    assert len(server.requests) == 2


def test_a_page_with_403_while_the_calls_are_used_up_means_quota() -> None:
    error, _ = run(api(response(403, b"<title>no</title>"), statistics=(response(200, usage(5000)),)), one)
    assert type(error) is OCRQuotaExhausted


def test_hundreds_of_403s_ask_the_statistics_once() -> None:
    async def many(client: OCRClient) -> list[Any]:
        return await asyncio.gather(*(one(client) for _ in range(100)), return_exceptions=True)

    errors, server = run(api(response(403, FORBIDDEN)), many)
    assert {type(error) for error in errors} == {OCRNotEnabled}
    assert [line.split()[0] for line, _, _ in server.requests].count("GET") == 1


def test_a_later_403_asks_the_statistics_anew() -> None:
    clock = FakeClock()

    async def twice(client: OCRClient) -> list[type]:
        kinds = []
        for _ in range(2):
            with pytest.raises(OCRForbidden) as caught:
                await one(client)
            kinds.append(caught.type)
            await clock.sleep(6)
        return kinds

    kinds, _ = run(
        api(response(403, FORBIDDEN), statistics=(response(200, usage()), response(200, usage(5000)))), twice, clock
    )
    assert kinds == [OCRNotEnabled, OCRQuotaExhausted]


def test_the_statistics_are_what_the_api_says() -> None:
    statistics, server = run(api(b"", statistics=(response(200, usage()),)), asked)
    assert (statistics.calls, statistics.total_calls, statistics.remaining) == (55, 5000, 4945)
    assert server.requests[0][0] == "GET /v1/ocr/statistics/ HTTP/1.1"


def test_the_statistics_are_asked_again_after_growing_pauses() -> None:
    clock = FakeClock()
    failing = (response(503), response(429), response(500), response(200, usage()))
    statistics, server = run(api(b"", statistics=failing), asked, clock)
    assert statistics.calls == 55
    assert len(server.requests) == 4
    assert clock.slept == [1, 2, 4]


def test_the_statistics_are_not_asked_for_ever() -> None:
    error, server = run(api(b"", statistics=(response(503),)), asked)
    assert isinstance(error, OCRUnavailable)
    assert len(server.requests) == 4


def test_a_lost_connection_does_not_lose_the_statistics() -> None:
    async def flaky(connection: Connection) -> None:
        await connection.request()
        if len(connection.server.requests) > 2:
            await connection.send(response(200, usage()))

    statistics, _ = run(flaky, asked)
    assert statistics.calls == 55


def test_the_statistics_are_never_asked_earlier_than_allowed() -> None:
    clock = FakeClock()
    run(api(b"", statistics=(response(429, b"", {"Retry-After": "20"}), response(200, usage()))), asked, clock)
    assert clock.slept == [20]


def test_a_long_pause_before_the_statistics_is_left_to_the_caller() -> None:
    clock = FakeClock()
    error, server = run(api(b"", statistics=(response(429, b"", {"Retry-After": "3600"}),)), asked, clock)
    assert (type(error), error.retry_after_s) == (OCRRateLimited, 3600)
    assert len(server.requests) == 1
    assert clock.slept == []


def test_statistics_that_no_other_try_would_change_are_asked_once() -> None:
    error, server = run(answer(401, b'{"detail": "Invalid token."}'), asked)
    assert isinstance(error, OCRUnauthorized)
    assert len(server.requests) == 1
