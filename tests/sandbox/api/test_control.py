"""Changing a running sandbox, and beginning anew."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
import requests

from airflow_provider_platerec_ocr.sandbox.samples import load_image
from airflow_provider_platerec_ocr.sandbox.state.clock import Clock
from support.sandbox import running_sandbox
from support.waiting import PATIENCE_S, until

if TYPE_CHECKING:
    from support.sandbox import Sandbox

IMAGE = load_image("control", 500)


def post(sandbox: Sandbox, token: str | None = None) -> int:
    return requests.post(
        f"{sandbox.url}/v1/ocr/reader/",
        data={"type": "vin"},
        files={"upload": ("truck.jpg", IMAGE)},
        headers={"Authorization": f"Token {token or sandbox.token}"},
        timeout=PATIENCE_S,
    ).status_code


def test_settings_change_while_it_runs_and_a_reset_takes_them_back() -> None:
    with running_sandbox(quota=7) as sandbox:
        started = sandbox.state()
        changed = sandbox.control(
            faults=["every=2:503"],
            latency="0.001-0.002",
            rate=50,
            burst=60,
            quota=9,
            used=3,
            resets_on="2099-01-01T00:00:00Z",
            auto_reset=False,
            success_status=201,
            retry_after_header=False,
            rename_files=True,
            max_upload_bytes=600,
        )
        assert (changed["faults"], changed["latency_s"]) == (["every=2:503"], [0.001, 0.002])
        account = changed["accounts"][0]
        assert (account["rate"], account["burst"], account["quota"], account["used"]) == (50, 60, 9, 3)
        assert (account["resets_on"], account["auto_reset"]) == ("2099-01-01T00:00:00Z", False)
        assert [post(sandbox), post(sandbox)] == [201, 503]
        reset = sandbox.reset()
        assert {**reset, "monotonic_s": 0, "statistics_calls": 0} == {**started, "monotonic_s": 0}
        assert sandbox.calls() == []
        assert post(sandbox) == 200


def test_a_token_can_be_revoked_and_changed() -> None:
    with running_sandbox() as sandbox:
        sandbox.control(tokens=[])
        assert post(sandbox) == 401
        sandbox.control(tokens=["fresh"])
        assert [post(sandbox), post(sandbox, "fresh")] == [401, 200]


def test_a_new_period_gives_a_used_up_quota_back() -> None:
    with running_sandbox(quota=1) as sandbox:
        assert [post(sandbox), post(sandbox)] == [200, 403]
        assert sandbox.control(new_period=True)["accounts"][0]["used"] == 0
        assert post(sandbox) == 200


def test_an_account_can_be_disabled_by_name() -> None:
    with running_sandbox(tokens=("north=n", "south=s")) as sandbox:
        sandbox.control(account="south", enabled=False)
        assert [post(sandbox, "n"), post(sandbox, "s")] == [200, 403]


def test_a_burst_alone_keeps_the_rate_and_null_takes_the_limit_away() -> None:
    with running_sandbox(rate=0.1) as sandbox:
        account = sandbox.control(burst=4)["accounts"][0]
        assert (account["rate"], account["burst"]) == (0.1, 4)
        assert sandbox.control(rate=None)["accounts"][0]["rate"] is None
        assert [post(sandbox) for _ in range(6)] == [200] * 6


@pytest.mark.parametrize(
    ("wishes", "says"),
    [
        ({"fault": []}, "unknown key 'fault'; known: faults, latency"),
        ({"faults": "every=7:503"}, "faults needs a list of texts"),
        ({"faults": ["every=7:teapot"]}, "unknown kind 'teapot'"),
        ({"latency": 5}, "latency needs a text"),
        ({"latency": "soon"}, "latency is fast, api"),
        ({"rate": "8"}, "rate needs a number or null"),
        ({"rate": True}, "rate needs a number or null"),
        ({"rate": 0}, "rate must be above 0"),
        ({"quota": -1}, "quota is at least 0"),
        ({"used": 1.5}, "used needs a whole number"),
        ({"enabled": 1}, "enabled needs true or false"),
        ({"success_status": 204}, "200 or 201"),
        ({"resets_on": "soon"}, "soon"),
        ({"account": "west", "quota": 1}, "unknown account 'west'"),
        ({"webhook_form": "xml"}, "xml"),
    ],
)
def test_a_wish_that_cannot_be_met_is_named_and_nothing_changes(wishes: dict[str, Any], says: str) -> None:
    with running_sandbox() as sandbox:
        before = sandbox.state() | {"monotonic_s": 0}
        response = requests.post(
            f"{sandbox.url}/_sandbox/control", json=wishes | {"rename_files": True}, timeout=PATIENCE_S
        )
        assert response.status_code == 400
        assert says in response.json()["error"]
        assert sandbox.state() | {"monotonic_s": 0} == before


@pytest.mark.parametrize("body", ["{", "[1]"])
def test_a_wish_must_be_an_object(body: str) -> None:
    with running_sandbox() as sandbox:
        response = requests.post(f"{sandbox.url}/_sandbox/control", data=body, timeout=PATIENCE_S)
        assert response.status_code == 400
        assert response.json()["error"]


def test_calls_can_be_asked_for_from_a_point_on_and_a_bad_number_is_refused() -> None:
    with running_sandbox() as sandbox:
        for _ in range(3):
            post(sandbox)
        assert [call["seq"] for call in sandbox.calls(since=2)] == [3]
        assert requests.get(f"{sandbox.url}/_sandbox/books?grace_s=x", timeout=PATIENCE_S).status_code == 400


def test_an_error_of_the_sandbox_calls_reaches_the_test_that_made_it() -> None:
    with running_sandbox() as sandbox, pytest.raises(AssertionError, match="unknown key 'nonsense'"):
        sandbox.control(nonsense=1)


def test_a_port_can_be_away_for_a_while_and_calls_in_flight_go_on() -> None:
    answer, back = threading.Event(), threading.Event()

    async def sleep(seconds: float) -> None:
        await asyncio.to_thread((back if seconds > 30 else answer).wait, PATIENCE_S)

    def there() -> bool:
        with suppress(requests.ConnectionError):
            return idle.get(f"{sandbox.url}/_sandbox/state", timeout=PATIENCE_S).ok
        return False

    with (
        running_sandbox(latency="9", clock=Clock(sleep=sleep)) as sandbox,
        ThreadPoolExecutor(1) as pool,
        requests.Session() as idle,
    ):
        assert there()
        in_flight = pool.submit(post, sandbox)
        until("it never came", lambda: sandbox.state()["accounts"][0]["in_work"])

        sandbox.control(away=60)
        until("the port is still there", lambda: not there())
        answer.set()
        assert in_flight.result() == 200
        assert not there()

        back.set()
        until("the port never came back", there)
        assert post(sandbox) == 200
        assert sandbox.books()["posts"] == 2
