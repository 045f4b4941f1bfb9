"""The API's contract over real HTTP: answers, errors, and what each of them costs."""

from __future__ import annotations

import asyncio
import base64
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import requests

from airflow_provider_platerec_ocr.sandbox.ocr.codes import is_container_checked, is_vin_checked
from airflow_provider_platerec_ocr.sandbox.samples import load_image
from airflow_provider_platerec_ocr.sandbox.state.clock import Clock
from support.sandbox import running_sandbox
from support.waiting import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.sandbox import Sandbox

IMAGE = load_image("contract", 2000)
STOPPED = Clock(monotonic=lambda: 1000.0)
"""For rates: however long a busy machine takes from one call to the next, no time has passed."""


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    """One sandbox for the tests that change nothing in it."""
    with running_sandbox(max_upload_bytes=3000) as sandbox:
        yield sandbox


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve a folder's files on loopback."""

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, directory=str(folder), **kwargs)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def post(sandbox: Sandbox, image: bytes | None = IMAGE, *, token: str | None = None, **data: Any) -> requests.Response:
    return requests.post(
        f"{sandbox.url}/v1/ocr/reader/",
        data={"type": "vin"} | data,
        files=None if image is None else {"upload": ("truck.jpg", image)},
        headers={"Authorization": f"Token {token or sandbox.token}"},
        timeout=PATIENCE_S,
    )


def statistics(sandbox: Sandbox) -> dict[str, Any]:
    response = requests.get(
        f"{sandbox.url}/v1/ocr/statistics/", headers={"Authorization": f"Token {sandbox.token}"}, timeout=PATIENCE_S
    )
    assert response.status_code == 200
    answer: dict[str, Any] = response.json()
    return answer


def test_an_answer_has_the_documented_shape(shared: Sandbox) -> None:
    response = post(shared, camera_id="gate-1", timestamp="2025-03-22T13:26:01.683008Z")
    assert response.status_code == 200
    answer = response.json()
    assert set(answer) == {"processing_time", "results", "filename", "version", "camera_id", "timestamp"}
    assert (answer["filename"], answer["version"], answer["camera_id"]) == ("truck.jpg", 1, "gate-1")
    assert answer["timestamp"] == "2025-03-22T13:26:01.683008Z"
    (result,) = answer["results"]
    assert result["identifier"]["type"] == "text"
    props = result["identifier"]["props"]
    assert is_vin_checked(props["code"][0]["value"])
    assert props["orientation"] == [{"value": "horizontal"}]
    assert 0 < props["confidence"] <= 1


def test_the_same_bytes_give_the_same_code_and_each_type_its_own(shared: Sandbox) -> None:
    def code(image: bytes, type_: str) -> str:
        value: str = post(shared, image, type=type_).json()["results"][0]["identifier"]["props"]["code"][0]["value"]
        return value

    assert code(IMAGE, "vin") == code(IMAGE, "vin") != code(load_image("other", 2000), "vin")
    assert is_container_checked(code(IMAGE, "trailer_id"))


def test_without_a_time_stamp_the_answer_carries_the_present_and_a_naive_one_is_utc(shared: Sandbox) -> None:
    now = datetime.fromisoformat(post(shared).json()["timestamp"])
    assert abs((datetime.now(UTC) - now).total_seconds()) < 60
    assert post(shared, timestamp="2019-08-19T13:11:25").json()["timestamp"] == "2019-08-19T13:11:25Z"
    assert post(shared, timestamp="2019-08-19T13:11:25+02:00").json()["timestamp"] == "2019-08-19T11:11:25Z"


def test_base64_and_a_url_are_read_like_a_file(shared: Sandbox) -> None:
    as_file = post(shared).json()["results"]
    as_text = post(shared, None, upload=base64.b64encode(IMAGE).decode()).json()
    assert as_text["results"] == as_file
    assert as_text["filename"] == "image.jpg"
    as_url = post(shared, None, upload_url="https://www.demo.com/static/your-image.jpg").json()
    assert as_url["filename"] == "your-image.jpg"
    assert len(as_url["results"]) == 1


@pytest.mark.parametrize(
    ("request_", "status", "body"),
    [
        ({"token": "wrong"}, 401, {"detail": "Invalid token."}),
        ({"type": ""}, 400, {"type": ["This field is required."]}),
        ({"type": "odometer"}, 400, {"type": ['"odometer" is not a valid choice.']}),
        ({"image": None}, 400, {"upload": ["No file was submitted."]}),
        ({"image": b"x" * 3001}, 413, {"error": "Request Entity Too Large: the image is over 3000 bytes."}),
    ],
)
def test_a_bad_request_gets_its_documented_error(
    shared: Sandbox, request_: dict[str, Any], status: int, body: dict[str, Any]
) -> None:
    response = post(shared, **request_)
    assert (response.status_code, response.json()) == (status, body)


@pytest.mark.parametrize("image", [b"", b"just text", IMAGE[:1000]])
def test_what_is_no_whole_image_gets_400_and_costs_nothing(shared: Sandbox, image: bytes) -> None:
    before = statistics(shared)["usage"]["calls"]
    response = post(shared, image)
    assert response.status_code == 400
    assert "Upload a valid image" in response.json()["upload"][0]
    assert statistics(shared)["usage"]["calls"] == before


def test_without_a_token_both_calls_get_401(shared: Sandbox) -> None:
    reader = requests.post(f"{shared.url}/v1/ocr/reader/", data={"type": "vin"}, timeout=PATIENCE_S)
    stats = requests.get(f"{shared.url}/v1/ocr/statistics/", timeout=PATIENCE_S)
    assert reader.status_code == stats.status_code == 401
    assert reader.json() == {"detail": "Authentication credentials were not provided."}
    assert reader.headers["WWW-Authenticate"] == "Token"


def test_wrong_paths_and_methods_get_404_405_and_301(shared: Sandbox) -> None:
    missing = requests.get(f"{shared.url}/v2/ocr/reader/", timeout=PATIENCE_S)
    assert (missing.status_code, missing.json()) == (404, {"detail": "Not found."})
    wrong = requests.get(f"{shared.url}/v1/ocr/reader/", timeout=PATIENCE_S)
    assert (wrong.status_code, wrong.json()) == (405, {"detail": 'Method "GET" not allowed.'})
    assert requests.post(f"{shared.url}/v1/ocr/statistics/", timeout=PATIENCE_S).status_code == 405
    bare = requests.post(f"{shared.url}/v1/ocr/reader?a=1", allow_redirects=False, timeout=PATIENCE_S)
    assert (bare.status_code, bare.headers["Location"]) == (301, "/v1/ocr/reader/?a=1")


def test_all_origins_are_allowed(shared: Sandbox) -> None:
    preflight = requests.options(f"{shared.url}/v1/ocr/reader/", timeout=PATIENCE_S)
    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == "*"
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    assert post(shared).headers["Access-Control-Allow-Origin"] == "*"


def test_statistics_count_what_was_billed() -> None:
    with running_sandbox(quota=5, used=1, resets_on=datetime(2099, 3, 20, tzinfo=UTC)) as sandbox:
        post(sandbox)
        post(sandbox, b"no image")
        answer = statistics(sandbox)
        assert set(answer) == {"usage", "total_calls"}
        assert set(answer["usage"]) == {"month", "calls", "year", "resets_on"}
        assert (answer["usage"]["calls"], answer["total_calls"]) == (2, 5)
        assert answer["usage"]["resets_on"] == "2099-03-20T00:00:00Z"
        assert sandbox.state()["statistics_calls"] == 1


def test_the_quota_is_a_hard_stop_and_statistics_still_answer() -> None:
    with running_sandbox(quota=1) as sandbox:
        assert [post(sandbox).status_code for _ in range(2)] == [200, 403]
        assert statistics(sandbox)["usage"]["calls"] == 1


def test_an_account_that_is_not_enabled_gets_the_same_403_and_none_from_statistics() -> None:
    with running_sandbox(enabled=False) as sandbox:
        refused = post(sandbox)
        assert refused.status_code == 403
        assert "not enabled for your account or API call limit reached" in refused.json()["detail"]
        headers = {"Authorization": f"Token {sandbox.token}"}
        assert requests.get(f"{sandbox.url}/v1/ocr/statistics/", headers=headers, timeout=PATIENCE_S).status_code == 403


def test_over_the_rate_429_names_the_wait_and_bills_nothing() -> None:
    with running_sandbox(rate=0.1, burst=1, clock=STOPPED) as sandbox:
        assert post(sandbox).status_code == 200
        refused = post(sandbox)
        assert refused.status_code == 429
        assert refused.headers["Retry-After"] == "10"
        assert refused.json() == {
            "detail": "Request was throttled. Expected available in 10 seconds.",
            "status_code": 429,
        }
        assert sandbox.books()["billed"] == 1
        assert sandbox.calls()[1]["retry_after_s"] == 10


def test_retry_after_can_be_left_out() -> None:
    with running_sandbox(rate=0.1, burst=1, retry_after_header=False, clock=STOPPED) as sandbox:
        post(sandbox)
        refused = post(sandbox)
        assert (refused.status_code, "Retry-After" in refused.headers) == (429, False)


def test_each_account_has_its_own_quota_and_rate() -> None:
    with running_sandbox(tokens=("north=n", "south=s"), quota=1, rate=0.1, burst=1, clock=STOPPED) as sandbox:
        assert post(sandbox, token="n").status_code == 200
        assert post(sandbox, token="s").status_code == 200
        assert post(sandbox, token="n").status_code == 403
        assert [call["account"] for call in sandbox.calls()] == ["north", "south", "north"]


def test_success_may_be_201_and_file_names_may_come_back_with_a_prefix() -> None:
    with running_sandbox(success_status=201, rename_files=True) as sandbox:
        response = post(sandbox)
        assert response.status_code == 201
        digits, code, name = response.json()["filename"].split("_")
        assert (len(digits), len(code), name) == (4, 5, "truck.jpg")


def test_latency_delays_the_answer_and_is_told_in_milliseconds() -> None:
    with running_sandbox(latency="0.05-0.06") as sandbox:
        told_ms = post(sandbox).json()["processing_time"]
        (call,) = sandbox.calls()
        assert 50 <= told_ms <= 1000 * (call["ended_s"] - call["started_s"]) + 0.001


def test_a_url_is_fetched_when_asked_for(shared: Sandbox) -> None:
    with running_sandbox(fetch_urls=True, max_upload_bytes=3000) as sandbox:
        assert post(sandbox).status_code == 200
        good = post(sandbox, None, upload_url=f"{shared.url}/v1/ocr/reader/")
        assert good.status_code == 400
        assert good.json() == {"upload_url": ["The file could not be downloaded (ClientResponseError)."]}
        nobody = post(sandbox, None, upload_url="http://127.0.0.1:1/a.jpg")
        assert nobody.json() == {"upload_url": ["The file could not be downloaded (ClientConnectorError)."]}
        first, second, _ = sandbox.calls()
        assert (first["upload_url"], second["image"]) == (None, f"{shared.url}/v1/ocr/reader/")


def test_a_fetched_image_is_read_like_an_uploaded_one_and_one_over_the_limit_gets_413(tmp_path: Path) -> None:
    (tmp_path / "good.jpg").write_bytes(IMAGE)
    (tmp_path / "large.jpg").write_bytes(load_image("large", 200_000))
    with serving(tmp_path) as url, running_sandbox(fetch_urls=True, max_upload_bytes=3000) as sandbox:
        fetched = post(sandbox, None, upload_url=f"{url}/good.jpg")
        assert fetched.json()["results"] == post(sandbox).json()["results"]
        assert post(sandbox, None, upload_url=f"{url}/large.jpg").status_code == 413


def test_a_body_beyond_all_bounds_gets_413() -> None:
    with running_sandbox() as sandbox:
        response = post(sandbox, b"\x00" * (64 * 1024 * 1024 + 1))
        assert response.status_code == 413
        assert "error" in response.json()
        assert sandbox.calls()[0]["status"] == 413


def test_the_call_log_names_the_image_and_never_the_token() -> None:
    with running_sandbox(tokens=("north=very-secret",)) as sandbox:
        post(sandbox, camera_id="gate-1")
        (call,) = sandbox.calls()
        assert (call["seq"], call["account"], call["status"], call["billed"]) == (1, "north", 200, True)
        assert (call["filename"], call["type"], call["camera_id"]) == ("truck.jpg", "vin", "gate-1")
        assert (call["size_bytes"], len(call["sha256"]), call["image"]) == (2000, 64, call["sha256"])
        assert call["user_agent"].startswith("python-requests/")
        assert call["arrived_s"] <= call["started_s"] <= call["ended_s"]
        assert len(call["codes"][0]) == 17
        assert "very-secret" not in str(sandbox.calls()) + str(sandbox.state()) + str(sandbox.books())


def test_a_thousand_calls_can_be_in_flight_at_once() -> None:
    async def burst(url: str, token: str) -> list[int]:
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector, headers={"Authorization": f"Token {token}"}) as session:

            async def one(number: int) -> int:
                form = aiohttp.FormData({"type": "vin"})
                form.add_field("upload", load_image(str(number), 500), filename=f"{number}.jpg")
                async with session.post(f"{url}/v1/ocr/reader/", data=form) as response:
                    return response.status

            return await asyncio.gather(*(one(number) for number in range(1000)))

    with running_sandbox(faults=["always:hold"]) as sandbox, ThreadPoolExecutor(1) as pool:
        answers = pool.submit(asyncio.run, burst(sandbox.url, sandbox.token))
        sandbox.wait_held(1000)
        sandbox.let_go()
        assert set(answers.result()) == {200}
        sums = sandbox.books()
        assert (sums["peak_in_flight"], sums["unique_billed"], sums["billed_more_than_once"]) == (1000, 1000, {})
