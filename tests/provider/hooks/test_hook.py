from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from requests.adapters import HTTPAdapter

from airflow_provider_platerec_ocr.core import errors
from airflow_provider_platerec_ocr.core.models import Statistics
from airflow_provider_platerec_ocr.core.settings import ClientSettings
from airflow_provider_platerec_ocr.hooks.ocr import PlateRecOCRHook
from support.airflow_home import connection_env
from support.clock import FakeClock
from support.recorder import STATISTICS, recording_server
from support.sandbox import running_sandbox

if TYPE_CHECKING:
    from pathlib import Path

ALL_EXTRAS = {
    "rate_per_s": 8,
    "max_in_flight": 100,
    "max_upload_bytes": 2_000_000,
    "connect_timeout_s": 5,
    "call_timeout_s": 120,
    "statistics_timeout_s": 7,
    "proxy": None,
    "verify": True,
    "cert": None,
    "trust_env": False,
    "allow_plain_http": True,
    "price_per_1000_calls": 12.4,
    "currency": "EUR",
}
MARCH = FakeClock(datetime(2026, 3, 15, tzinfo=UTC))


@pytest.fixture
def hook_for(monkeypatch: pytest.MonkeyPatch) -> Any:
    def make(url: str, *, token: str = "tkn-abc123", **extra: Any) -> PlateRecOCRHook:  # noqa: S107
        monkeypatch.setenv(*connection_env(url, token, conn_id="yard", **extra))
        return PlateRecOCRHook("yard", clock=MARCH)

    return make


def test_the_hook_is_what_provider_info_says() -> None:
    assert (PlateRecOCRHook.conn_type, PlateRecOCRHook.default_conn_name) == ("platerec_ocr", "platerec_ocr_default")
    arguments: dict[str, Any] = {PlateRecOCRHook.conn_name_attr: "x"}  # as Connection.get_hook() makes them
    assert PlateRecOCRHook(**arguments).http_conn_id == "x"


def test_statistics_are_read(hook_for: Any) -> None:
    with recording_server() as server:
        statistics = hook_for(server.url).statistics()

    assert statistics == Statistics(55, 5000, 3, 2026, "2026-04-01T00:00:00Z")
    assert [(method, path) for method, path, _ in server.asked] == [("GET", "/v1/ocr/statistics/")]


def test_none_of_our_settings_becomes_a_request_header(hook_for: Any) -> None:
    assert set(ALL_EXTRAS) == set(ClientSettings.EXTRAS)
    with recording_server() as server:
        hook_for(server.url, **ALL_EXTRAS).statistics()

    headers = server.asked[0][2]
    assert headers.pop("user-agent").startswith("airflow-provider-platerec-ocr/")
    assert headers.pop("authorization") == "Token tkn-abc123"
    assert set(headers) == {"host", "accept", "accept-encoding", "connection"}


def test_an_entry_in_netrc_does_not_replace_the_token(
    hook_for: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with recording_server() as server:
        hook_for(server.url, trust_env=True).statistics()

    assert server.asked[0][2]["authorization"] == "Token tkn-abc123"


def test_a_redirect_is_never_followed_since_it_would_carry_the_token_away(hook_for: Any) -> None:
    with (
        recording_server() as elsewhere,
        recording_server(status=302, headers={"Location": elsewhere.url}) as server,
        pytest.raises(errors.OCRWrongBaseURL, match="not the OCR API"),
    ):
        hook_for(server.url).statistics()

    assert elsewhere.asked == []
    assert len(server.asked) == 1


def test_the_proxy_of_the_connection_is_used(hook_for: Any) -> None:
    with recording_server() as proxy:
        hook_for("http://ocr.example.com", allow_plain_http=True, proxy=proxy.url).statistics()

    assert proxy.asked[0][1] == "http://ocr.example.com/v1/ocr/statistics/"


def test_the_proxy_of_the_environment_is_used_only_where_the_connection_says_so(
    hook_for: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with recording_server() as proxy, recording_server() as server:
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("http_proxy", proxy.url)

        hook_for(server.url).statistics()
        assert (len(server.asked), len(proxy.asked)) == (1, 0)

        hook_for(server.url, trust_env=True).statistics()
        assert (len(server.asked), len(proxy.asked)) == (1, 1)


def test_tls_options_and_timeouts_reach_the_session(hook_for: Any) -> None:
    hook = hook_for("https://ocr.example.com", verify="/etc/ca.pem", cert="/etc/me.pem", statistics_timeout_s=7)

    session = hook.get_conn({"X-Mine": "1"}, {"check_response": False, "allow_redirects": True})

    assert (session.verify, session.cert, session.trust_env) == ("/etc/ca.pem", "/etc/me.pem", False)
    assert session.headers["X-Mine"] == "1"
    assert hook.merged_extra == {"timeout": (10.0, 7.0), "check_response": False, "allow_redirects": False}


def test_an_adapter_of_the_caller_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(*connection_env("https://ocr.example.com", "tkn-abc123", conn_id="yard"))
    adapter = HTTPAdapter()

    session = PlateRecOCRHook("yard", adapter=adapter).get_conn()

    assert session.get_adapter("https://ocr.example.com") is adapter


def test_the_inherited_run_sends_get_so_that_it_cannot_pay(hook_for: Any) -> None:
    with recording_server() as server:
        response = hook_for(server.url).run("/v1/ocr/statistics/")

    assert response.content == STATISTICS
    assert server.asked[0][0] == "GET"
    assert server.asked[0][2]["authorization"] == "Token tkn-abc123"


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        ({"status": 401, "body": b'{"detail": "Invalid token."}'}, errors.OCRUnauthorized, "password of the conn"),
        ({"status": 403, "body": b'{"detail": "Invalid token."}'}, errors.OCRUnauthorized, "password of the conn"),
        ({"status": 403, "body": b'{"detail": "No."}'}, errors.OCRNotEnabled, r"not enabled .*\(403: No.\)"),
        ({"status": 403, "body": b""}, errors.OCRNotEnabled, "no reason given"),
        ({"status": 403, "body": b"<title>Blocked</title>"}, errors.OCRWrongBaseURL, "not the OCR API: 403: Blocked"),
        ({"status": 404, "body": b"<title>nginx</title>"}, errors.OCRWrongBaseURL, "not the OCR API"),
        ({"body": b"<html><title>Login</title>"}, errors.OCRWrongBaseURL, "no JSON"),
        ({"body": b'{"usage": {}, "total_calls": 5}'}, errors.OCRStop, "usage.calls"),
        ({"status": 502, "body": b"<html>"}, errors.OCRUnavailable, "unavailable"),
        ({"status": 429, "headers": {"Retry-After": "9"}}, errors.OCRRateLimited, "rate limit"),
        ({"promise_bytes": 500}, errors.OCRUnavailable, "no whole answer"),
    ],
)
def test_each_failure_of_the_statistics_says_what_to_do(
    answer: dict[str, Any], error: type[Exception], message: str, hook_for: Any
) -> None:
    with recording_server(**answer) as server, pytest.raises(error, match=message) as caught:
        hook_for(server.url).statistics()

    assert type(caught.value) is error


def test_a_host_that_does_not_listen_names_host_and_what_to_check(hook_for: Any) -> None:
    with recording_server() as server:
        gone = server.url
    with pytest.raises(errors.OCRNotSent, match=rf"{gone} cannot be reached .*host.*network.*proxy"):
        hook_for(gone).statistics()


@pytest.mark.parametrize("host", ["a..b", "https://.a", "https://a..b:8443", "a,b"])
def test_a_host_that_no_client_can_use_is_told_by_the_connection_test(host: str, hook_for: Any) -> None:
    works, message = hook_for(host).test_connection()

    assert works is False
    assert "is not a base URL" in message


def test_a_slow_answer_ends_at_the_statistics_timeout(hook_for: Any) -> None:
    with recording_server(silent=True) as server, pytest.raises(errors.OCRUnavailable, match="no whole answer"):
        hook_for(server.url, statistics_timeout_s=0.1).statistics()


def test_a_certificate_that_cannot_be_used_is_named(hook_for: Any) -> None:
    with pytest.raises(errors.OCRConfigError, match=r"'/no/such/ca\.pem' in the connection's extra cannot be loaded"):
        hook_for("https://ocr.example.com", verify="/no/such/ca.pem").statistics()


def test_a_proxy_of_the_environment_that_is_no_url_is_named(hook_for: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http:///oops")

    with pytest.raises(errors.OCRConfigError, match="HTTPS_PROXY in the environment cannot be used"):
        hook_for("https://ocr.example.com", trust_env=True).statistics()


def test_the_password_of_a_proxy_is_in_no_message(hook_for: Any) -> None:
    hook = hook_for("https://ocr.example.com", proxy="http://me:geheim77@127.0.0.1:1")

    with pytest.raises(errors.OCRNotSent) as caught:
        hook.statistics()

    assert "geheim77" not in str(caught.value)


def test_the_connection_is_tested_without_paying(hook_for: Any) -> None:
    with running_sandbox(quota=5000, used=55, resets_on=datetime(2026, 4, 1, tzinfo=UTC), auto_reset=False) as sandbox:
        works, message = hook_for(sandbox.url, token=sandbox.token).test_connection()
        billed = sandbox.books()["billed"]

    assert works is True
    assert message == (
        "The connection works: 55 of 5,000 calls of this period used, 4,945 left; "
        "the count starts anew on 2026-04-01 00:00 UTC."
    )
    assert billed == 0


@pytest.mark.parametrize(
    ("options", "token", "works", "message"),
    [
        ({}, "wrong", False, "The API refused the token (401: Invalid token.). Put a valid token into the password"),
        ({"enabled": False}, None, False, "OCR is not enabled for this account (403: "),
        ({"quota": 10, "used": 10}, None, True, "The connection works, but the quota is used up: 10 of 10 calls"),
        ({"quota": 0}, None, False, "The token is good, but the account's plan has no OCR calls: OCR is not enabled"),
    ],
)
def test_bad_token_not_enabled_and_quota_are_told_apart(
    options: dict[str, Any],
    token: str | None,
    works: bool,  # noqa: FBT001  # a truth table's column
    message: str,
    hook_for: Any,
) -> None:
    with running_sandbox(**options) as sandbox:
        result = hook_for(sandbox.url, token=token or sandbox.token).test_connection()

    assert result[0] is works
    assert result[1].startswith(message)


@pytest.mark.parametrize(
    ("resets_on", "expected"),
    [
        ("2026-03-01T00:00:00Z", "the reset announced for 2026-03-01 00:00 UTC is past, so the next one is not known"),
        ("soon", "the API does not say when the count starts anew"),
    ],
)
def test_a_reset_that_is_past_or_unknown_is_said_to_be_so(resets_on: str, expected: str, hook_for: Any) -> None:
    body = STATISTICS.replace(b"2026-04-01T00:00:00Z", resets_on.encode())
    with recording_server(body=body) as server:
        works, message = hook_for(server.url).test_connection()

    assert works is True
    assert expected in message


def test_a_wrong_host_is_told_by_the_connection_test(hook_for: Any) -> None:
    with recording_server(status=404, body=b"<title>404</title>") as server:
        works, message = hook_for(server.url).test_connection()

    assert works is False
    assert "The host of the connection is not the OCR API" in message


def test_an_unusable_connection_is_told_by_the_connection_test(hook_for: Any) -> None:
    works, message = hook_for("https://ocr.example.com", token="").test_connection()

    assert works is False
    assert message.startswith("Connection 'yard': The connection has no token: put the API token into its password")
