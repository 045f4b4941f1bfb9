from __future__ import annotations

import asyncio
import json
import logging
import threading
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from airflow_provider_platerec_ocr.webhook.payload import Receipt
from airflow_provider_platerec_ocr.webhook.settings import Limits, ReceiverSettings
from support.inbox_stage import payload
from support.waiting import PATIENCE_S
from support.webhook_stage import PATH, SECRET, receiver

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_platerec_ocr.webhook.payload import Payload

JSON = json.dumps(payload(1))
FORMS: dict[str, dict[str, Any]] = {
    "json": {"content": JSON, "headers": {"Content-Type": "application/json"}},
    "multipart": {"data": {"json": JSON}, "files": {"upload": ("../x.jpg", b"\xff\xd8\xff" * 100_000, "image/jpeg")}},
    "urlencoded": {"data": {"json": JSON}},
}


def test_more_deliveries_at_once_than_can_wait_are_put_off(tmp_path: Path) -> None:
    go, busy = threading.Event(), threading.Semaphore(0)

    class Slow:
        def put(self, _payload: dict[str, Any]) -> Receipt:
            busy.release()
            go.wait(PATIENCE_S)
            return Receipt("a" * 32, new=False)

    slow: Any = Slow()
    stand = receiver(tmp_path, ReceiverSettings((SECRET,), Limits(max_waiting=2)), open_inbox=lambda: slow)

    async def run() -> list[int]:
        transport = httpx.ASGITransport(stand.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://r") as client:
            first = [asyncio.create_task(client.post(PATH, content=JSON)) for _ in range(2)]
            for _ in first:
                await asyncio.to_thread(busy.acquire)
            third = await client.post(PATH, content=JSON)
            go.set()
            return [third.status_code, *[(await task).status_code for task in first]]

    assert asyncio.run(run()) == [503, 200, 200]


def test_logs_hold_sizes_and_ids_and_nothing_else_of_a_payload(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # the client of this test
    stand = receiver(tmp_path)
    id_ = stand.ask(content=JSON).json()["id"]
    stand.ask(content=JSON)
    stand.ask(content=JSON[:-1])
    stand.ask(path=f"/webhook/{SECRET}x", content=JSON)

    lines = [record.getMessage() for record in caplog.records if "webhook" in record.name]
    assert lines == [
        f"kept payload {id_}, {len(JSON)} bytes",
        f"had payload {id_}, {len(JSON)} bytes",
        f"refused with 400, {len(JSON) - 1} bytes: The body is not JSON.",
    ]
    assert SECRET not in caplog.text


def run_lifespan(app: Any, work: Any) -> None:
    async def run() -> None:
        async with app.router.lifespan_context(app):
            await work()

    asyncio.run(run())


def test_each_new_payload_is_told_once_after_it_is_durable(tmp_path: Path) -> None:
    told: list[tuple[str, bool]] = []
    closed: list[int] = []

    def on_new(new: Payload) -> None:
        told.append((new.data["file_url"].partition("?")[0], stand.inbox.get(new.id) == new))

    stand = receiver(tmp_path, on_new=on_new, on_close=lambda: closed.append(len(told)))

    async def work() -> None:
        for number in (1, 2, 1):
            await asyncio.to_thread(stand.ask, content=json.dumps(payload(number)))

    run_lifespan(stand.app, work)

    assert told == [("https://files.example/u/1.jpg", True), ("https://files.example/u/2.jpg", True)]
    assert closed == [2]


def test_what_listens_to_new_payloads_may_fail(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    told: list[str] = []

    def on_new(new: Payload) -> None:
        told.append(new.id)
        if len(told) == 1:
            message = "WDBEA30D3HA391172"
            raise RuntimeError(message)

    stand = receiver(tmp_path, on_new=on_new)
    answers: list[int] = []

    async def work() -> None:
        for number in (1, 2):
            answer = await asyncio.to_thread(stand.ask, content=json.dumps(payload(number)))
            answers.append(answer.status_code)

    run_lifespan(stand.app, work)

    assert answers == [200, 200]
    assert len(told) == 2
    assert f"no event for payload {told[0]} (RuntimeError)" in caplog.text
    assert "WDBEA" not in caplog.text


def test_an_inbox_that_is_wrong_is_said_when_the_app_starts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def open_inbox() -> Any:
        message = "no such bucket"
        raise OSError(message)

    async def nothing() -> None:
        """Only start and stop."""

    run_lifespan(receiver(tmp_path, open_inbox=open_inbox).app, nothing)

    assert "The inbox cannot be opened: no such bucket" in caplog.text


@pytest.mark.parametrize(("before", "looks"), [(0, 0), (1, 1), (3, 1)])
def test_what_an_earlier_process_kept_is_told_of_once_when_the_app_starts(
    tmp_path: Path, before: int, looks: int
) -> None:
    told: list[int] = []
    for number in range(before):
        receiver(tmp_path).inbox.put(payload(number))

    async def nothing() -> None:
        """Only start and stop."""

    run_lifespan(receiver(tmp_path, on_start=lambda: told.append(1)).app, nothing)

    assert len(told) == looks


def test_an_inbox_that_hangs_does_not_hold_up_the_start(tmp_path: Path) -> None:
    go, started = threading.Event(), threading.Event()

    def open_inbox() -> Any:
        go.wait(PATIENCE_S)
        message = "gone"
        raise OSError(message)

    async def work() -> None:
        started.set()
        go.set()

    run_lifespan(receiver(tmp_path, open_inbox=open_inbox).app, work)

    assert started.is_set()


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (PATH, "/p/webhook/***"),
        (f"/p{PATH}", "/p/webhook/***"),
        ("/p/webhook", "/p/webhook"),
        ("/p/health", "/p/health"),
        (f"/p/{SECRET}", "/p/***"),
        (f"/p/Webhook/{SECRET}", "/p/***"),
    ],
)
def test_the_server_is_left_with_a_path_without_secrets(tmp_path: Path, path: str, shown: str) -> None:
    scope: dict[str, Any] = {
        "type": "http", "method": "POST", "path": path, "root_path": "/p", "raw_path": path.encode(),
        "headers": [], "query_string": SECRET.encode(), "client": ("127.0.0.1", 1),
    }  # fmt: skip
    seen: list[str] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": JSON.encode()}

    async def send(_: Any) -> None:
        seen.append(scope["path"])

    asyncio.run(receiver(tmp_path).app(scope, receive, send))

    assert set(seen) == {shown}
    assert SECRET not in f"{scope['path']}{scope['raw_path']}{scope['query_string']}"


def test_other_protocols_are_turned_away(tmp_path: Path) -> None:
    sent: list[dict[str, Any]] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope: dict[str, Any] = {"type": "websocket", "path": PATH, "headers": [], "query_string": b"", "subprotocols": []}
    asyncio.run(receiver(tmp_path).app(scope, receive, send))

    assert sent[0]["type"] == "websocket.close"
