"""What waits at the page's door: nobody's form keeps a turn while it comes, and none is large."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from starlette.responses import PlainTextResponse

from airflow_provider_platerec_ocr.web.frame.turnstile import LARGEST_BODY, Turnstile
from support.clock import FakeClock

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

END: dict[str, Any] = {"type": "http.request", "body": b"", "more_body": False}


def part(size: int) -> dict[str, Any]:
    return {"type": "http.request", "body": b"x" * size, "more_body": True}


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with how long the body was, and with what comes after it."""
    size, message = 0, await receive()
    while True:
        size += len(message["body"])
        if not message["more_body"]:
            break
        message = await receive()
    await PlainTextResponse(f"{size} then {(await receive())['type']}")(scope, receive, send)


async def ask(
    door: Turnstile, *messages: dict[str, Any], length: str | None = None, hangs: bool = False
) -> list[Message]:
    """Return what is answered to somebody who sends messages, and then leaves or says nothing any more."""
    left, sent = list(messages), []
    headers = [(b"content-length", length.encode())] if length else []

    async def receive() -> Message:
        if left:
            return left.pop(0)
        if hangs:
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await door({"type": "http", "path": "/account/lift", "method": "POST", "headers": headers}, receive, send)
    return sent


@pytest.mark.parametrize(
    ("messages", "length", "status", "said"),
    [
        ((END,), None, 200, b"0 then http.disconnect"),
        ((part(10), END), "10", 200, b"10 then http.disconnect"),
        ((part(LARGEST_BODY), END), str(LARGEST_BODY), 200, b"65536 then http.disconnect"),
        ((part(1),), str(LARGEST_BODY + 1), 413, b"more than any form"),
        ((part(1),), "9" * 4000, 413, b"more than any form"),
        ((part(LARGEST_BODY), part(1), END), None, 413, b"more than any form"),
        ((part(LARGEST_BODY), part(1), END), "5", 413, b"more than any form"),
    ],
)
def test_a_form_is_small_whatever_it_says_of_its_size(
    messages: tuple[dict[str, Any], ...], length: str | None, status: int, said: bytes
) -> None:
    start, body = FakeClock().run(ask(Turnstile(echo), *messages, length=length))

    assert start["status"] == status
    assert said in body["body"]
    assert ((b"connection", b"close") in start["headers"]) is (status != 200)


def test_who_sends_slowly_takes_no_turn_and_is_refused_in_time() -> None:
    door = Turnstile(echo, at_once=1)

    async def siege() -> tuple[list[Message], list[list[Message]]]:
        slow = [asyncio.create_task(ask(door, part(1), length="10", hangs=True)) for _ in range(20)]
        await asyncio.sleep(1.0)
        return await ask(door, END), await asyncio.gather(*slow)

    clock = FakeClock()
    (start, _), slow = clock.run(siege())

    assert start["status"] == 200
    assert {answer[0]["status"] for answer in slow} == {408}
    assert clock.elapsed_s == pytest.approx(10.0)
