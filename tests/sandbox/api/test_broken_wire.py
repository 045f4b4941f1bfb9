"""Faults as a client sees them: cut connections, hanging calls, broken bodies, seen through a raw socket."""

from __future__ import annotations

import json
import socket
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from airflow_provider_platerec_ocr.sandbox.samples import load_image
from support.sandbox import running_sandbox
from support.waiting import PATIENCE_S, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.sandbox import Sandbox

BODY = (
    b'--X\r\nContent-Disposition: form-data; name="type"\r\n\r\nvin\r\n'
    b'--X\r\nContent-Disposition: form-data; name="upload"; filename="truck.jpg"\r\n\r\n'
    + load_image("wire", 1000)
    + b"\r\n--X--\r\n"
)
HEAD = (
    "POST /v1/ocr/reader/ HTTP/1.1\r\nHost: x\r\nAuthorization: Token YOUR_API_TOKEN\r\n"
    f"Content-Type: multipart/form-data; boundary=X\r\nContent-Length: {len(BODY)}\r\nConnection: close\r\n\r\n"
).encode()


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    """One sandbox; each test sets its own faults."""
    with running_sandbox() as sandbox:
        yield sandbox


def connect(sandbox: Sandbox) -> socket.socket:
    parts = urlsplit(sandbox.url)
    return socket.create_connection((parts.hostname, parts.port or 0), timeout=PATIENCE_S)


def exchange(sandbox: Sandbox, sent: bytes = HEAD + BODY) -> bytes:
    """Send bytes and give all that comes back until the connection ends."""
    received = b""
    with connect(sandbox) as client:
        client.sendall(sent)
        try:
            while chunk := client.recv(65_536):
                received += chunk
        except ConnectionResetError:
            pass
    return received


def with_fault(sandbox: Sandbox, fault: str) -> Sandbox:
    sandbox.reset()
    sandbox.control(faults=[fault])
    return sandbox


def test_cut_before_the_work_sends_nothing_and_bills_nothing(shared: Sandbox) -> None:
    assert exchange(with_fault(shared, "nth=1:cut-before")) == b""
    (call,) = shared.calls()
    assert (call["status"], call["billed"], call["started_s"]) == (0, False, None)
    assert (call["fault"], call["sha256"] is not None) == ("nth=1:cut-before", True)


def test_cut_after_the_work_sends_nothing_and_bills(shared: Sandbox) -> None:
    assert exchange(with_fault(shared, "nth=1:cut-after")) == b""
    (call,) = shared.calls()
    assert (call["status"], call["billed"]) == (0, True)
    assert shared.state()["accounts"][0]["used"] == 1


def test_a_cut_body_promises_more_than_it_sends(shared: Sandbox) -> None:
    head, _, body = exchange(with_fault(shared, "nth=1:cut-json")).partition(b"\r\n\r\n")
    promised = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    assert head.startswith(b"HTTP/1.1 200")
    assert len(body) == promised // 2
    assert shared.calls()[0]["billed"]


def test_bad_json_arrives_whole_and_cannot_be_read(shared: Sandbox) -> None:
    head, _, body = exchange(with_fault(shared, "nth=1:bad-json")).partition(b"\r\n\r\n")
    assert int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]) == len(body)
    with pytest.raises(json.JSONDecodeError):
        json.loads(body)


@pytest.mark.parametrize(
    ("kind", "status", "content", "billed"),
    [
        ("502-html", b"502", b"<h1>502 Bad Gateway</h1>", False),
        ("502-html;billed=yes", b"502", b"<h1>502 Bad Gateway</h1>", True),
        ("504", b"504", b"504 Gateway Time-out", False),
        ("500", b"500", b"Server Error", False),
        ("503;retry_after=2", b"503", b"Retry-After: 2", False),
        ("error-200", b"200", b'{"error": "Prediction failed."}', True),
        ("dialect", b"200", b'{"status": "ok", "data": {"processing_time": ', True),
        ("long-head", b"200", b"X-Policy: ppp", True),
        ("empty", b"200", b'"results": []', True),
    ],
)
def test_an_error_arrives_as_written_and_only_done_work_is_billed(
    shared: Sandbox, kind: str, status: bytes, content: bytes, *, billed: bool
) -> None:
    answer = exchange(with_fault(shared, f"nth=1:{kind}"))
    assert answer.split(b" ")[1] == status
    assert content in answer
    assert shared.calls()[0]["billed"] is billed


def test_a_hang_says_nothing_for_its_time_and_then_cuts(shared: Sandbox) -> None:
    began_s = time.monotonic()
    assert exchange(with_fault(shared, "nth=1:hang;seconds=0.3")) == b""
    assert time.monotonic() - began_s >= 0.3
    assert (shared.calls()[0]["status"], shared.calls()[0]["billed"]) == (0, False)


def test_a_hang_ends_when_the_client_goes(shared: Sandbox) -> None:
    with_fault(shared, "nth=1:hang")
    with connect(shared) as client:
        client.sendall(HEAD + BODY)
        until("it did not happen", lambda: shared.state()["in_flight"] == 1)
    until("it did not happen", lambda: shared.state()["in_flight"] == 0)
    assert shared.calls()[0]["status"] == 0


def test_a_slow_call_takes_its_seconds_longer(shared: Sandbox) -> None:
    began_s = time.monotonic()
    assert b" 200 " in exchange(with_fault(shared, "nth=1:slow=0.2"))
    assert time.monotonic() - began_s >= 0.2


def test_a_client_that_goes_before_its_body_was_sent_is_not_billed(shared: Sandbox) -> None:
    with_fault(shared, "nth=99:503")
    with connect(shared) as client:
        client.sendall(HEAD + BODY[:100])
        until("it did not happen", lambda: shared.state()["in_flight"] == 1)
    until("it did not happen", lambda: shared.state()["in_flight"] == 0)
    (call,) = shared.calls()
    assert (call["status"], call["billed"], call["sha256"]) == (0, False, None)


def test_work_goes_on_and_is_billed_when_the_client_goes_after_sending(shared: Sandbox) -> None:
    with_fault(shared, "nth=1:slow=0.3")
    with connect(shared) as client:
        client.sendall(HEAD + BODY)
        until("it did not happen", lambda: shared.state()["accounts"][0]["in_work"] == 1)
    until("it did not happen", lambda: shared.state()["in_flight"] == 0)
    assert shared.calls()[0]["billed"]


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        ("on=statistics,always:503", b" 503 "),
        ("on=statistics,always:bad-json", b'{"usage": '),
        ("on=statistics,always:slow=0.1", b"total_calls"),
        ("on=statistics,always:hang;seconds=0.1", b""),
        ("on=statistics,always:cut-before", b""),
    ],
)
def test_the_statistics_call_has_faults_of_its_own(shared: Sandbox, fault: str, answer: bytes) -> None:
    with_fault(shared, fault)
    request = b"GET /v1/ocr/statistics/ HTTP/1.1\r\nHost: x\r\nAuthorization: Token YOUR_API_TOKEN\r\n"
    received = exchange(shared, request + b"Connection: close\r\n\r\n")
    assert answer in received
    assert bool(received) is bool(answer)
