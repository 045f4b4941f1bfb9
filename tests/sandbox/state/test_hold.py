"""Calls that a script holds back until it is replaced: how a stage is made to stand still."""

from __future__ import annotations

import http.client
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
import requests

from airflow_provider_platerec_ocr.sandbox.samples import load_image
from support.sandbox import TOKEN, running_sandbox, sandbox_process
from support.waiting import PATIENCE_S, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.sandbox import Sandbox

HEADERS = {"Authorization": f"Token {TOKEN}"}


def post(sandbox: Sandbox, name: str = "truck.jpg") -> int:
    return requests.post(
        f"{sandbox.url}/v1/ocr/reader/",
        data={"type": "vin"},
        files={"upload": (name, load_image(name, 500))},
        headers=HEADERS,
        timeout=PATIENCE_S,
    ).status_code


@pytest.fixture
def callers() -> Iterator[ThreadPoolExecutor]:
    """Clients of their own, since a held call blocks whoever makes it."""
    with ThreadPoolExecutor(8) as pool:
        yield pool


def test_held_calls_do_no_work_until_the_script_is_replaced(callers: ThreadPoolExecutor) -> None:
    with running_sandbox(faults=["always:hold"]) as sandbox:
        answers = [callers.submit(post, sandbox) for _ in range(3)]
        sandbox.wait_held(3)
        held = sandbox.books()

        sandbox.let_go()

        assert [answer.result() for answer in answers] == [200] * 3
        assert (held["in_flight"], held["billed"]) == (3, 0)
        assert (sandbox.state()["held"], sandbox.books()["billed"]) == (0, 3)
        assert post(sandbox) == 200


def test_a_rule_holds_the_calls_that_it_names_and_no_others(callers: ThreadPoolExecutor) -> None:
    with running_sandbox(faults=["image=slowpoke:hold", "nth=2:503"]) as sandbox:
        held = callers.submit(post, sandbox, "slowpoke.jpg")
        sandbox.wait_held(1)

        others = [post(sandbox, f"other-{number}.jpg") for number in range(2)]
        sandbox.control(faults=["always:503"])

        assert others == [503, 200]
        assert held.result() == 200
        assert post(sandbox) == 503


def test_the_latency_of_a_held_call_begins_when_it_is_let_go(callers: ThreadPoolExecutor) -> None:
    with running_sandbox(latency="0.3", faults=["always:hold"]) as sandbox:
        answer = callers.submit(post, sandbox)
        sandbox.wait_held(1)
        let_go_s = sandbox.let_go()["monotonic_s"]

        assert answer.result() == 200
        (call,) = sandbox.calls()
        assert call["started_s"] >= call["arrived_s"]
        assert call["ended_s"] - let_go_s >= 0.29


def test_a_call_whose_client_went_while_it_was_held_is_worked_and_billed_all_the_same() -> None:
    with running_sandbox(faults=["always:hold"]) as sandbox:
        prepared = requests.Request(
            "POST",
            f"{sandbox.url}/v1/ocr/reader/",
            HEADERS,
            {"upload": ("a.jpg", load_image("gone", 500))},
            {"type": "vin"},
        ).prepare()
        with closing(http.client.HTTPConnection(sandbox.url.removeprefix("http://"))) as client:
            client.request("POST", prepared.path_url, prepared.body, dict(prepared.headers))
            sandbox.wait_held(1)

        sandbox.let_go()

        until("it was never billed", lambda: sandbox.books()["billed"] == 1)


def test_a_held_call_of_the_statistics_tells_what_is_true_when_it_is_let_go(callers: ThreadPoolExecutor) -> None:
    def ask() -> int:
        answer = requests.get(f"{sandbox.url}/v1/ocr/statistics/", headers=HEADERS, timeout=PATIENCE_S)
        return int(answer.json()["usage"]["calls"])

    with running_sandbox(faults=["on=statistics,nth=1:hold"]) as sandbox:
        answer = callers.submit(ask)
        sandbox.wait_held(1)
        assert post(sandbox) == 200
        assert ask() == 1

        sandbox.control(used=7, faults=[])

        assert answer.result() == 7


def test_a_reset_lets_go_what_is_held(callers: ThreadPoolExecutor) -> None:
    with running_sandbox() as sandbox:
        sandbox.control(faults=["always:hold"])
        answer = callers.submit(post, sandbox)
        sandbox.wait_held(1)

        sandbox.reset()

        assert answer.result() == 200
        assert sandbox.state()["faults"] == []


def test_a_sandbox_that_holds_calls_can_be_stopped(callers: ThreadPoolExecutor) -> None:
    with sandbox_process("--fault", "always:hold") as sandbox:
        answer = callers.submit(post, sandbox)
        sandbox.wait_held(1)

    assert sandbox.process is not None
    assert sandbox.process.returncode == 0
    assert isinstance(answer.exception(), requests.ConnectionError)
