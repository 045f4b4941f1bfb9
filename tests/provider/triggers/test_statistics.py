from __future__ import annotations

import asyncio
import json
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.triggers.statistics import OCRStatsTrigger
from support.airflow_home import connection_env
from support.clock import START, FakeClock
from support.recorder import recording_server
from support.sandbox import running_sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.recorder import Recorder

RESET = "2026-03-02T00:00:00Z"
"""Two hours after the fake clock's start."""


class QuickClock(FakeClock):
    """A fake clock whose sleepers wake at once, with the time moved on; the server answers on real time."""

    def __init__(self, *, on_sleep: Callable[[int], object] = lambda _: None) -> None:
        super().__init__(START)
        self._on_sleep = on_sleep

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.tick(seconds)
        self._on_sleep(len(self.slept))


def usage(calls: int, resets_on: str = RESET) -> bytes:
    return json.dumps({"usage": {"calls": calls, "resets_on": resets_on}, "total_calls": 100}).encode()


def fire(trigger: OCRStatsTrigger) -> list[Any]:
    async def collect() -> list[Any]:
        return [event.payload async for event in trigger.run()]

    return asyncio.run(collect())


@pytest.fixture
def trigger_for(monkeypatch: pytest.MonkeyPatch) -> Any:
    def make(url: str, clock: FakeClock | None = None, **arguments: Any) -> OCRStatsTrigger:
        monkeypatch.setenv(*connection_env(url, "tkn-abc123", conn_id="yard"))
        return OCRStatsTrigger(conn_id="yard", clock=clock or QuickClock(), **arguments)

    return make


def then(server: Recorder, **changes: Any) -> Callable[[int], None]:
    """After the first sleep, let the server answer differently."""

    def change(_count: int) -> None:
        for name, value in changes.items():
            setattr(server, name, value)

    return change


def test_an_open_gate_fires_once_with_the_statistics(trigger_for: Any) -> None:
    with recording_server(body=usage(40)) as server:
        events = fire(trigger_for(server.url, min_remaining=60))

    assert events == [
        {
            "version": 1,
            "status": "success",
            "statistics": {
                "calls": 40,
                "total_calls": 100,
                "month": None,
                "year": None,
                "resets_on": RESET,
                "remaining": 60,
            },
            "message": "The gate is open: 40 of 100 calls used, 60 left, 60 needed.",
        }
    ]
    assert [method for method, _, _ in server.asked] == ["GET"]


def test_a_closed_gate_sleeps_until_the_reset_and_asks_again(trigger_for: Any) -> None:
    with recording_server(body=usage(100)) as server:
        clock = QuickClock(on_sleep=then(server, body=usage(0)))
        events = fire(trigger_for(server.url, clock))

    assert events[0]["status"] == "success"
    assert clock.slept == [2 * 3600 + 2]
    assert len(server.asked) == 2


def test_a_restarted_trigger_goes_on_from_what_was_stored(trigger_for: Any) -> None:
    with recording_server(body=usage(100)) as server:
        path, stored = trigger_for(server.url, min_remaining=3, reserve=2, poll_s=900.0).serialize()
        server.body = usage(0)
        again = OCRStatsTrigger(**json.loads(json.dumps(stored)))
        events = fire(again)

    assert path.endswith(".OCRStatsTrigger")
    assert again.serialize() == (path, stored)
    assert events[0]["status"] == "success"


def test_a_task_that_was_deferred_under_the_old_name_resumes(trigger_for: Any) -> None:
    with recording_server(body=usage(0)) as server:
        _, stored = trigger_for(server.url, min_remaining=3).serialize()
        with pytest.warns(DeprecationWarning, match="OCRStatsTrigger"):
            found = import_module(OCRStatsTrigger.__module__).OCRStatisticsTrigger  # as the triggerer does
        events = fire(found(**stored))

    assert events[0]["status"] == "success"


def test_neither_what_is_stored_nor_the_event_holds_the_token(trigger_for: Any) -> None:
    with recording_server(status=401, body=b'{"detail": "Invalid token: tkn-abc123"}') as server:
        trigger = trigger_for(server.url)
        events = fire(trigger)

    assert "tkn-abc123" not in json.dumps([trigger.serialize(), events])


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"status": 401, "body": b'{"detail": "Invalid token."}'}, "OCRUnauthorized"),
        ({"status": 403, "body": b'{"detail": "OCR is not enabled."}'}, "OCRNotEnabled"),
        ({"status": 404}, "OCRWrongBaseURL"),
        ({"body": b"{}"}, "OCRStop"),
        ({"body": usage(0).replace(b"100", b"0")}, "OCRStop"),
    ],
)
def test_what_no_waiting_can_help_fires_an_error(answer: dict[str, Any], error: str, trigger_for: Any) -> None:
    with recording_server(**answer) as server:
        events = fire(trigger_for(server.url))

    assert [(event["version"], event["status"], event["error"]) for event in events] == [(1, "error", error)]
    assert len(server.asked) == 1


def test_an_unusable_connection_fires_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(*connection_env("https://ocr.example.com", "", conn_id="yard"))

    events = fire(OCRStatsTrigger(conn_id="yard"))

    assert events[0]["error"] == "OCRConfigError"
    assert events[0]["message"].startswith("Connection 'yard': The connection has no token")


def test_a_passing_failure_is_waited_out(trigger_for: Any, caplog: pytest.LogCaptureFixture) -> None:
    with recording_server(status=502, body=b"<html>") as server:
        clock = QuickClock(on_sleep=lambda count: vars(server).update(status=502 if count < 5 else 200))
        server.body = usage(0)
        events = fire(trigger_for(server.url, clock))

    assert events[0]["status"] == "success"
    assert 60 in clock.slept
    assert "Next look in 60 s" in caplog.text


def test_waiting_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with running_sandbox(quota=10, used=10, auto_reset=False) as sandbox:
        monkeypatch.setenv(*connection_env(sandbox.url, sandbox.token, conn_id="yard"))
        clock = QuickClock(on_sleep=lambda _: sandbox.control(used=0))
        events = fire(OCRStatsTrigger(conn_id="yard", clock=clock))
        books, asked = sandbox.books(), sandbox.state()["statistics_calls"]

    assert events[0]["status"] == "success"
    assert asked == 2
    assert books["billed"] == 0
