from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk import Connection

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.runtime.connection import aload_settings, load_settings, settings_of
from support.airflow_home import connection_env
from support.airflow_versions import AirflowNotFoundException, redact, since_3_2

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.settings import ClientSettings


def connection(**parts: Any) -> Connection:
    return Connection(**{"conn_id": "yard", "conn_type": "platerec_ocr", "password": "token-1234", **parts})


@pytest.mark.parametrize(
    ("host", "port", "base_url"),
    [
        (None, None, "https://api.platerecognizer.com"),
        ("api.platerecognizer.com", None, "https://api.platerecognizer.com"),
        ("ocr.example.com", 8443, "https://ocr.example.com:8443"),
        ("http://localhost", 8642, "http://localhost:8642"),
        ("https://api.platerecognizer.com/v1/ocr/reader/", None, "https://api.platerecognizer.com"),
    ],
)
def test_the_base_url_comes_from_host_and_port(host: str | None, port: int | None, base_url: str) -> None:
    assert settings_of(connection(host=host, port=port)).base_url == base_url


@pytest.mark.parametrize(
    ("uri", "base_url"),
    [
        ("platerec-ocr://:token-1234@[::1]:8080", "https://[::1]:8080"),
        ("platerec-ocr://:token-1234@[2001:DB8::7]", "https://[2001:db8::7]"),
    ],
)
def test_an_ipv6_host_of_a_connections_uri_is_understood(
    uri: str, base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_YARD", uri)

    assert load_settings("yard").base_url == base_url


@pytest.mark.parametrize("uri", ["platerec_ocr://:token-1234@/", "platerec_ocr://:token-1234@ocr.example.com"])
def test_a_uri_with_an_underscore_is_named_as_the_cause_of_the_missing_token(
    uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_YARD", uri)

    with pytest.raises(OCRConfigError, match=r"no token.*underscore.*platerec-ocr://:TOKEN@/") as caught:
        load_settings("yard")

    assert "1234" not in str(caught.value)
    with pytest.raises(OCRConfigError) as other:
        settings_of(connection(password=None))
    assert "underscore" not in str(other.value)


def test_the_extra_becomes_settings_and_empty_values_mean_the_default() -> None:
    extra = json.dumps({"rate_per_s": 8, "max_in_flight": None, "proxy": "", "call_timeout_s": 200, "verify": "false"})

    settings = settings_of(connection(extra=extra))

    assert (settings.rate_per_s, settings.max_in_flight, settings.proxy) == (8.0, 512, None)
    assert settings.timeouts.call_s == 200.0
    assert settings.verify is False


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"password": None}, r"Connection 'yard': The connection has no token.*password"),
        ({"host": "http://ocr.example.com"}, r"Connection 'yard': host .*clear text"),
        ({"extra": '{"rate_per_sec": 8}'}, r"'rate_per_sec'. Did you mean 'rate_per_s'"),
        ({"extra": '{"rate_per_s": "fast"}'}, r"rate_per_s must be a number from 0.01 to 1000, not 'fast'"),
        ({"extra": "[1]"}, r"Connection 'yard': The extra is no JSON object"),
        ({"extra": "{cut"}, r"Connection 'yard': The extra is no JSON object"),
    ],
)
def test_each_wrong_part_is_named_with_its_connection(parts: dict[str, Any], message: str) -> None:
    with pytest.raises(OCRConfigError, match=message):
        settings_of(connection(**parts))


def _load(conn_id: str, how: str) -> ClientSettings:
    return asyncio.run(aload_settings(conn_id)) if how == "async" else load_settings(conn_id)


@pytest.mark.parametrize("how", ["sync", "async"])
def test_settings_are_loaded_by_connection_id_and_secrets_are_masked_in_logs(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = f"http://user:geh%20eim-{how}@proxy:3128"
    monkeypatch.setenv(*connection_env("https://ocr.example.com", f"tkn-5ecret-{how}", conn_id="yard", proxy=proxy))

    settings = _load("yard", how)

    assert settings.base_url == "https://ocr.example.com"
    assert settings.token == f"tkn-5ecret-{how}"
    assert redact(f"sent tkn-5ecret-{how}") == "sent ***"
    assert "geh" not in redact(f"a proxy error: {proxy}, geh eim-{how}")


@pytest.mark.parametrize(
    "extra",
    [
        "",
        pytest.param("[1]", marks=since_3_2("it does not take the connection for one")),
        '{"proxy": "http://[oops"}',
    ],
)
def test_the_token_is_masked_even_if_the_rest_cannot_be_used(extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    value = {"conn_type": "platerec_ocr", "host": "ftp://x", "password": "tkn-0ther-wise", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_BROKEN", json.dumps(value))

    with pytest.raises(OCRConfigError):
        load_settings("broken")

    assert redact("tkn-0ther-wise") == "***"


@pytest.mark.airflow
@pytest.mark.usefixtures("airflow_home")
def test_a_missing_connection_is_airflows_own_clear_error() -> None:
    with pytest.raises(AirflowNotFoundException, match="nowhere"):
        load_settings("nowhere")
