"""Webhooks, delivered to a real receiver on loopback."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs
from urllib.request import urlopen

import pytest
import requests

from airflow_provider_platerec_ocr.sandbox.api.request_body import read_form
from airflow_provider_platerec_ocr.sandbox.samples import load_image
from airflow_provider_platerec_ocr.sandbox.state.webhooks import WebhookForm, WebhookSettings
from support.sandbox import running_sandbox
from support.waiting import PATIENCE_S, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.sandbox import Sandbox

IMAGE = load_image("webhook", 800)


class Receiver:
    """What came in, and the statuses to answer with."""

    def __init__(self) -> None:
        self.url = ""
        self.got: list[tuple[str, bytes]] = []
        self.statuses: list[int] = []


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.got.append((self.headers["Content-Type"], body))
            self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook/secret"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def post(sandbox: Sandbox, image: bytes = IMAGE) -> requests.Response:
    return requests.post(
        f"{sandbox.url}/v1/ocr/reader/",
        data={"type": "vin", "camera_id": "gate-1"},
        files={"upload": ("truck 1.jpg", image)},
        headers={"Authorization": f"Token {sandbox.token}"},
        timeout=PATIENCE_S,
    )


def delivered(sandbox: Sandbox, count: int) -> list[dict[str, Any]]:
    """Wait for that many attempts."""
    until(f"fewer than {count} attempts", lambda: len(sandbox.deliveries()) >= count)
    return sandbox.deliveries()


def test_a_processed_call_is_sent_as_documented() -> None:
    with receiving() as receiver, running_sandbox(webhook=receiver.url) as sandbox:
        answer = post(sandbox).json()
        (delivery,) = delivered(sandbox, 1)
        ((content_type, body),) = receiver.got
        payload = json.loads(body)
        assert content_type == "application/json"
        assert payload["hook"] == {"target": receiver.url, "id": 123}
        file_url = payload["data"].pop("file_url")
        assert payload["data"] == answer
        with urlopen(file_url) as file:  # noqa: S310 - the sandbox's own address
            assert file.read() == IMAGE
        assert (delivery["seq"], delivery["status"], delivery["attempt"], delivery["error"]) == (1, 200, 1, None)


def test_the_other_two_forms_carry_the_same_payload() -> None:
    with receiving() as receiver:
        for form in (WebhookForm.MULTIPART, WebhookForm.URLENCODED):
            with running_sandbox(webhooks=WebhookSettings((receiver.url,), form)) as sandbox:
                post(sandbox)
                delivered(sandbox, 1)
        (multipart_type, multipart), (encoded_type, encoded) = receiver.got
        upload = read_form(multipart_type, multipart)
        assert (upload.image, upload.filename) == (IMAGE, "truck 1.jpg")
        assert b'name="json"' in multipart
        assert encoded_type == "application/x-www-form-urlencoded"
        assert json.loads(parse_qs(encoded.decode())["json"][0])["data"]["camera_id"] == "gate-1"


def test_an_answer_that_never_arrived_is_still_sent_and_a_refused_call_is_not() -> None:
    with receiving() as receiver, running_sandbox(webhook=receiver.url, faults=["nth=2:cut-after"]) as sandbox:
        assert post(sandbox, b"no image").status_code == 400
        with pytest.raises(requests.ConnectionError):
            post(sandbox)
        assert delivered(sandbox, 1)[0]["seq"] == 2
        assert len(receiver.got) == 1


def test_an_attempt_that_fails_is_noted_and_not_repeated_by_default() -> None:
    with receiving() as receiver, running_sandbox(webhook=receiver.url) as sandbox:
        receiver.statuses = [500]
        post(sandbox)
        post(sandbox)
        assert [delivery["status"] for delivery in delivered(sandbox, 2)] == [500, 200]


def test_retries_go_on_until_200() -> None:
    with receiving() as receiver:
        receiver.statuses = [500, 404]
        settings = WebhookSettings((receiver.url,), retries=3, pause_s=0.01)
        with running_sandbox(webhooks=settings) as sandbox:
            post(sandbox)
            attempts = [(delivery["attempt"], delivery["status"]) for delivery in delivered(sandbox, 3)]
            assert attempts == [(1, 500), (2, 404), (3, 200)]


def test_a_target_that_is_not_there_is_noted_with_its_error() -> None:
    with running_sandbox(webhook="http://127.0.0.1:1/hook") as sandbox:
        assert post(sandbox).status_code == 200
        (delivery,) = delivered(sandbox, 1)
        assert delivery["status"] == 0
        assert "Cannot connect" in delivery["error"]


def test_targets_can_be_set_while_it_runs_and_only_the_latest_files_are_kept() -> None:
    with receiving() as receiver, running_sandbox() as sandbox:
        post(sandbox)
        sandbox.control(webhooks=[receiver.url], webhook_form="json", webhook_retries=0)
        for _ in range(101):
            post(sandbox)
        delivered(sandbox, 101)
        urls = sorted((json.loads(body)["data"]["file_url"] for _, body in receiver.got), key=sequence)
        assert requests.get(urls[0], timeout=PATIENCE_S).status_code == 404
        assert requests.get(urls[-1], timeout=PATIENCE_S).content == IMAGE


def sequence(url: str) -> int:
    return int(url.rpartition("/")[2].partition("-")[0])


def test_a_delivery_that_hangs_does_not_keep_the_sandbox_from_stopping() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began_s = time.monotonic()
        with running_sandbox(webhook=f"http://127.0.0.1:{silent.getsockname()[1]}/hook") as sandbox:
            post(sandbox)
        assert time.monotonic() - began_s < PATIENCE_S / 2  # else it waited until the delivery was given up


def test_a_delivery_that_hangs_is_given_up_after_its_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hooks = WebhookSettings((f"http://127.0.0.1:{silent.getsockname()[1]}/hook",), timeout_s=0.05)
        with running_sandbox(webhooks=hooks) as sandbox:
            post(sandbox)
            (delivery,) = delivered(sandbox, 1)

    assert (delivery["status"], delivery["error"].partition(":")[0]) == (0, "TimeoutError")
