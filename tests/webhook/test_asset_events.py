"""Few events, and none too few."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.webhook.asset_events import (
    Announcer,
    RestAnnouncement,
    RestError,
    announcer_from,
    partition_key,
)
from support.waiting import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EVERY_S = 0.2
"""Seconds between two events of a burst."""


class Ear:
    """Hears events; may fail first."""

    def __init__(self, failures: int = 0) -> None:
        self.events: list[tuple[str, int]] = []
        self.failures = failures
        self._changed = threading.Condition()

    def __call__(self, key: str, payloads: int) -> None:
        with self._changed:
            if self.failures:
                self.failures -= 1
                raise ConnectionError
            self.events.append((key, payloads))
            self._changed.notify_all()

    @property
    def payloads(self) -> int:
        return sum(count for _, count in self.events)

    def wait(self, enough: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(enough, PATIENCE_S), self.events


def test_a_key_is_the_minute_in_utc_and_short_enough_for_airflow() -> None:
    key = partition_key(datetime(2026, 3, 1, 22, 15, 59, tzinfo=UTC))

    assert key == "2026-03-01T22:15Z"
    assert len(key) <= 250


def test_a_burst_becomes_few_events_and_the_last_payload_is_announced_too() -> None:
    ear = Ear()
    announce = Announcer(ear, every_s=EVERY_S)

    begun = time.monotonic()
    for number in range(200):
        announce(number)
    ear.wait(lambda: ear.payloads == 200)

    assert len(ear.events) <= 2 + (time.monotonic() - begun) / EVERY_S
    announce.close()


def test_the_first_payload_is_announced_at_once() -> None:
    ear = Ear()
    announce = Announcer(ear, every_s=3600)

    announce()
    ear.wait(lambda: ear.payloads == 1)

    announce.close()


def test_what_could_not_be_announced_is_announced_again(caplog: pytest.LogCaptureFixture) -> None:
    ear = Ear(failures=1)
    announce = Announcer(ear, every_s=0.01)

    announce()
    announce()
    ear.wait(lambda: ear.payloads == 2)

    assert "Trying again" in caplog.text
    announce.close()


def test_what_a_killed_process_owed_is_one_event_without_a_payload() -> None:
    ear = Ear()
    announce = Announcer(ear, every_s=0.01)

    announce.look()
    ear.wait(lambda: len(ear.events) == 1)
    announce()
    ear.wait(lambda: len(ear.events) == 2)

    assert [count for _, count in ear.events] == [0, 1]
    announce.close()


def test_closing_announces_what_still_waits() -> None:
    ear = Ear()
    announce = Announcer(ear, every_s=3600)
    announce()
    ear.wait(lambda: ear.payloads == 1)
    announce()

    announce.close(PATIENCE_S)

    assert ear.payloads == 2


def test_closing_does_not_wait_for_an_airflow_that_is_away() -> None:
    ear = Ear(failures=10**6)
    announce = Announcer(ear)
    announce()

    announce.close()

    assert ear.events == []


def test_one_that_was_never_used_can_be_closed() -> None:
    Announcer(Ear()).close()


def test_a_process_that_ends_in_good_order_announces_what_still_waits() -> None:
    code = (
        "from airflow_provider_platerec_ocr.webhook.asset_events import Announcer\n"
        "announce = Announcer(lambda key, count: print(count, flush=True), every_s=3600)\n"
        "for _ in range(100): announce()\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=PATIENCE_S)  # noqa: S603

    assert sum(map(int, done.stdout.split())) == 100


class Airflow:
    """The two calls of Airflow's API that matter here."""

    def __init__(self, url: str = "") -> None:
        self.url = url
        self.assets = [{"id": 7, "name": "the_inbox"}, {"id": 8, "name": "the_inbox_2"}]
        self.tokens = {"good"}
        self.events: list[dict[str, Any]] = []
        self.sign_ins = 0
        self.broken = False
        self.refused: set[str] = set()
        self.refusals = 0
        self.asset = "the_inbox"

    def answer(self, method: str, path: str, token: str, body: Any) -> tuple[int, Any]:
        if self.broken:
            return 502, None
        if path == "/airflow/auth/token":
            self.sign_ins += 1
            return (201, {"access_token": "good"}) if body == {"username": "u", "password": "p"} else (401, {})
        if token.removeprefix("Bearer ") not in self.tokens:
            return 401, {"detail": "no"}
        if method == "GET":
            assert path == f"/airflow/api/v2/assets?name_pattern={self.asset}&limit=100"
            return 200, {"assets": self.assets}
        if self.refused & set(body):
            self.refusals += 1
            return 422, {"detail": [{"type": "extra_forbidden"}]}
        self.events.append(body)
        return 200, {"id": 1}


@contextmanager
def running(airflow: Airflow) -> Iterator[Airflow]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, answer = airflow.answer(
                self.command, self.path, self.headers.get("Authorization", ""), json.loads(body or b"null")
            )
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"<html>" if answer is None else json.dumps(answer).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    airflow.url = f"http://127.0.0.1:{server.server_address[1]}/airflow/"
    try:
        yield airflow
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def airflow() -> Iterator[Airflow]:
    with running(Airflow()) as ready:
        yield ready


def test_an_event_goes_to_the_asset_of_that_very_name(airflow: Airflow) -> None:
    assert RestAnnouncement(airflow.url, "the_inbox", token="good")("2026-03-01T22:15Z", 12)

    assert airflow.events == [{"asset_id": 7, "partition_key": "2026-03-01T22:15Z", "extra": {"payloads": 12}}]


def test_an_airflow_without_partitions_gets_events_without_one_and_is_asked_once(
    airflow: Airflow, caplog: pytest.LogCaptureFixture
) -> None:
    airflow.refused = {"partition_key"}
    announce = RestAnnouncement(airflow.url, "the_inbox", token="good")

    with caplog.at_level(logging.INFO):
        assert announce("a", 1)
        assert announce("b", 2)

    assert airflow.events == [{"asset_id": 7, "extra": {"payloads": 1}}, {"asset_id": 7, "extra": {"payloads": 2}}]
    assert airflow.refusals == 1
    assert caplog.text.count("it is older than 3.2") == 1


def test_an_event_that_is_refused_for_another_reason_is_an_error_and_keeps_its_key(airflow: Airflow) -> None:
    airflow.refused = {"extra"}
    announce = RestAnnouncement(airflow.url, "the_inbox", token="good")

    with pytest.raises(RestError, match="422"):
        announce("a", 1)
    airflow.refused = set()
    announce("a", 1)

    assert [event["partition_key"] for event in airflow.events] == ["a"]


def test_where_no_dag_has_the_asset_nothing_is_sent(airflow: Airflow) -> None:
    airflow.assets = airflow.assets[1:]

    assert not RestAnnouncement(airflow.url, "the_inbox", token="good")("k", 1)
    assert airflow.events == []


def test_an_expired_token_is_fetched_anew(airflow: Airflow) -> None:
    announce = RestAnnouncement(airflow.url, "the_inbox", username="u", password="p")

    announce("a", 1)
    airflow.tokens = set()
    with pytest.raises(RestError, match="401"):
        announce("b", 1)
    airflow.tokens = {"good"}
    announce("c", 1)

    assert [event["partition_key"] for event in airflow.events] == ["a", "c"]
    assert airflow.sign_ins == 2


@pytest.mark.parametrize("login", [{"token": "bad-token"}, {"username": "u", "password": "wrong"}])
def test_who_may_not_is_told_so_without_the_secret(airflow: Airflow, login: dict[str, str]) -> None:
    with pytest.raises(RestError, match="401") as caught:
        RestAnnouncement(airflow.url, "the_inbox", **login)("k", 1)

    assert "bad-token" not in str(caught.value)
    assert "wrong" not in str(caught.value)


def test_a_broken_answer_is_an_error(airflow: Airflow) -> None:
    airflow.broken = True

    with pytest.raises(RestError, match="502"):
        RestAnnouncement(airflow.url, "the_inbox", token="good")("k", 1)


def test_https_is_spoken_where_the_address_says_so(airflow: Airflow) -> None:
    with pytest.raises(OSError, match=r"(?i)ssl|tls"):
        RestAnnouncement(airflow.url.replace("http:", "https:"), "the_inbox", token="good")("k", 1)


def test_a_standalone_receiver_announces_to_the_airflow_that_its_environment_names(airflow: Airflow) -> None:
    airflow.assets = [{"id": 9, "name": "platerec_ocr_inbox"}]
    environment = {"PLATEREC_OCR_AIRFLOW_URL": airflow.url, "PLATEREC_OCR_AIRFLOW_TOKEN": "good"}
    airflow.asset = "platerec_ocr_inbox"

    announce = announcer_from(environment)
    assert announce is not None
    announce()
    announce.close()

    assert [event["asset_id"] for event in airflow.events] == [9]


def test_without_an_address_it_announces_nothing() -> None:
    assert announcer_from({"PLATEREC_OCR_AIRFLOW_TOKEN": "good"}) is None


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"URL": "airflow.example", "TOKEN": "t"}, "no address"),
        ({"URL": "https://airflow.example"}, "_TOKEN"),
        ({"URL": "https://airflow.example", "USERNAME": "u"}, "_PASSWORD"),
    ],
)
def test_an_environment_that_cannot_work_is_refused_at_the_start(environment: dict[str, str], said: str) -> None:
    with pytest.raises(OCRConfigError, match=said):
        announcer_from({f"PLATEREC_OCR_AIRFLOW_{name}": value for name, value in environment.items()})
