from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.webhook.app import SECRET_HEADER
from airflow_provider_platerec_ocr.webhook.inbox import InboxError
from airflow_provider_platerec_ocr.webhook.payload import Receipt
from airflow_provider_platerec_ocr.webhook.settings import Limits, ReceiverSettings
from support.clock import FakeClock
from support.inbox_stage import payload
from support.webhook_stage import OTHER_SECRET, PATH, SECRET, receiver

if TYPE_CHECKING:
    from pathlib import Path


JSON = json.dumps(payload(1))
FORMS: dict[str, dict[str, Any]] = {
    "json": {"content": JSON, "headers": {"Content-Type": "application/json"}},
    "multipart": {"data": {"json": JSON}, "files": {"upload": ("../x.jpg", b"\xff\xd8\xff" * 100_000, "image/jpeg")}},
    "urlencoded": {"data": {"json": JSON}},
}


@pytest.mark.parametrize("form", FORMS)
def test_a_delivery_in_any_form_is_kept(tmp_path: Path, form: str) -> None:
    stand = receiver(tmp_path)
    answer = stand.ask(**FORMS[form])

    assert (answer.status_code, answer.json()) == (200, {"id": stand.inbox.put(payload(1)).id})
    assert stand.kept() == [payload(1)["data"]]
    assert len(stand.files()) == 2


def test_the_same_answer_in_every_form_is_one(tmp_path: Path) -> None:
    stand = receiver(tmp_path)
    answers = [stand.ask(**form) for form in FORMS.values()]

    assert {(answer.status_code, answer.text) for answer in answers} == {(200, answers[0].text)}
    assert len(stand.kept()) == 1


def test_the_secret_may_be_in_a_header_and_any_of_several_opens(tmp_path: Path) -> None:
    stand = receiver(tmp_path, ReceiverSettings((SECRET, OTHER_SECRET)))
    requests: list[tuple[str, dict[str, str], int]] = [
        ("/webhook", {SECRET_HEADER: SECRET}, 200),
        ("/webhook", {SECRET_HEADER: OTHER_SECRET}, 200),
        (f"/webhook/{OTHER_SECRET}", {}, 200),
        ("/webhook/wrong", {SECRET_HEADER: SECRET}, 200),
        (PATH, {SECRET_HEADER: "wrong"}, 404),
        ("/webhook", {}, 404),
        (f"/webhook?secret={SECRET}", {}, 404),
    ]

    statuses = [stand.ask(path=path, headers=headers, content=JSON).status_code for path, headers, _ in requests]
    assert statuses == [status for _, _, status in requests]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/webhook/wrong"),
        ("POST", f"{PATH[:-1]}"),
        ("POST", f"{PATH}/"),
        ("POST", f"{PATH}/x"),
        ("POST", "/webhook/"),
        ("POST", "/webhook/%00"),
        ("POST", "/webhook/../health"),
        ("GET", PATH),
        ("PUT", PATH),
        ("DELETE", PATH),
        ("OPTIONS", PATH),
        ("GET", "/"),
        ("GET", "/docs"),
        ("GET", "/redoc"),
        ("GET", "/openapi.json"),
        ("POST", "/health"),
    ],
)
def test_whatever_is_no_delivery_looks_like_a_path_that_is_not_there(tmp_path: Path, method: str, path: str) -> None:
    stand = receiver(tmp_path)
    unknown = stand.ask("POST", "/no/such/path", content=JSON)
    answer = stand.ask(method, path, content=JSON)

    assert (answer.status_code, answer.content, dict(answer.headers)) == (404, unknown.content, dict(unknown.headers))
    assert stand.files() == set()


def test_a_wrong_secret_is_refused_before_the_body_is_read(tmp_path: Path) -> None:
    def body() -> Any:
        raise AssertionError

    async def receive() -> Any:
        return body()

    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/webhook/wrong", "headers": [], "query_string": b"",
        "client": ("127.0.0.1", 1),
    }  # fmt: skip
    asyncio.run(receiver(tmp_path).app(scope, receive, send))

    assert sent[0]["status"] == 404


def test_health_needs_no_secret_and_touches_nothing(tmp_path: Path) -> None:
    stand = receiver(tmp_path, open_inbox=lambda: pytest.fail("opened"))
    answer = stand.ask("GET", "/health")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize(
    "request_",
    [
        {"content": b""},
        {"content": b"{"},
        {"content": b'{"data": 1}'},
        {"content": b"\x00\xff"},
        {"data": {"other": "1"}},
        {"content": b"x", "headers": {"Content-Type": "multipart/form-data"}},
        {"content": JSON, "headers": {"Content-Encoding": "gzip"}},
    ],
)
def test_what_is_malformed_gets_400_and_one_line(tmp_path: Path, request_: dict[str, Any]) -> None:
    answer = receiver(tmp_path).ask(**request_)

    assert answer.status_code == 400
    assert list(answer.json()) == ["detail"]
    assert "\n" not in answer.json()["detail"]


def test_size_is_limited_announced_or_not(tmp_path: Path) -> None:
    stand = receiver(tmp_path, ReceiverSettings((SECRET,), Limits(max_json_bytes=1000)))

    async def stream() -> Any:
        for _ in range(100):
            yield b"x" * 100

    announced = stand.ask(content=b"x" * 1001)
    streamed = stand.ask(content=stream())
    absurd = stand.ask(content=b"{}", headers={"Content-Length": "9" * 5000})

    assert {answer.status_code for answer in (announced, streamed, absurd)} == {413}
    assert stand.ask(content=JSON).status_code == 200


def test_a_source_that_sends_too_often_is_told_so_and_others_are_not(tmp_path: Path) -> None:
    settings = ReceiverSettings((SECRET,), Limits(rate_per_s=1, burst=3))
    stand = receiver(tmp_path, settings, clock=FakeClock())
    mixed: list[tuple[str, str, dict[str, Any]]] = [("POST", "/webhook/wrong", {}), ("GET", "/x", {})]
    deliveries: list[tuple[str, str, dict[str, Any]]] = [("POST", PATH, {"content": JSON})] * 2

    answers = stand.ask_all(mixed + deliveries)
    assert [answer.status_code for answer in answers] == [404, 404, 200, 429]
    assert answers[-1].headers["retry-after"] == "1"
    assert [answer.status_code for answer in stand.ask_all(deliveries, peer="127.0.0.2")] == [200, 200]


def test_a_body_that_does_not_come_is_not_waited_for(tmp_path: Path) -> None:
    stand = receiver(tmp_path, ReceiverSettings((SECRET,), Limits(body_within_s=0.05)))

    async def stream() -> Any:
        yield b"{"
        await asyncio.Event().wait()

    assert stand.ask(content=stream()).status_code == 408


def test_a_sender_that_goes_away_does_no_harm(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    messages = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])
    sent: list[dict[str, Any]] = []

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": PATH,
        "headers": [],
        "query_string": b"",
        "client": None,
    }
    asyncio.run(receiver(tmp_path).app(scope, receive, send))

    assert sent[0]["status"] == 400
    assert "The sender went away" in caplog.text


class Full:
    """An inbox whose disk is full until it is not."""

    def __init__(self, error: Exception) -> None:
        self.error: Exception | None = error

    def put(self, _payload: dict[str, Any]) -> Receipt:
        if self.error:
            raise self.error
        return Receipt("a" * 32, new=False)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (InboxError("its disk is full"), "its disk is full"),
        (RuntimeError("WDBEA30D3HA391172"), "unexpected RuntimeError"),
    ],
)
def test_what_cannot_be_kept_is_to_be_sent_again_and_the_log_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, error: Exception, said: str
) -> None:
    inbox: Any = Full(error)
    stand = receiver(tmp_path, open_inbox=lambda: inbox)
    answer = stand.ask(content=JSON)

    assert (answer.status_code, answer.json()) == (503, {"detail": "Not kept; try again."})
    assert f"not kept, {len(JSON)} bytes: {said}" in caplog.text
    assert "Traceback" not in caplog.text
    assert "WDBEA" not in caplog.text
    inbox.error = None
    assert stand.ask(content=JSON).status_code == 200


@pytest.mark.parametrize(
    "error",
    [OCRConfigError("no such scheme"), OSError("down"), ImportError("s3fs"), Exception("the connection is not there")],
)
def test_an_inbox_that_cannot_be_opened_is_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    good = receiver(tmp_path).inbox
    tries: list[int] = []

    def open_inbox() -> Any:
        tries.append(1)
        if len(tries) == 1:
            raise error
        return good

    stand = receiver(tmp_path, open_inbox=open_inbox)

    assert [stand.ask(content=JSON).status_code for _ in range(3)] == [503, 200, 200]
    assert len(tries) == 2
    assert f"The inbox cannot be opened: {error}" in caplog.text
