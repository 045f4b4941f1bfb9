"""The free calls and the paid ones trust the same authorities and take the same proxy, whatever says which."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRConfigError, OCRError, OCRNotSent
from airflow_provider_platerec_ocr.core.wire import Request
from airflow_provider_platerec_ocr.engine.client.transport import Sending, Transport
from airflow_provider_platerec_ocr.hooks.ocr import PlateRecOCRHook
from support.airflow_home import connection_env
from support.certificates import self_signed, server_context
from support.rawserver import answer, raw_server
from support.transport import unused_port

if TYPE_CHECKING:
    import ssl
    from pathlib import Path


async def both(hook: PlateRecOCRHook) -> list[str]:
    """Return how the free call and the paid one went: trusted, not trusted, or refused settings."""

    async def paid() -> None:
        url = hook.settings().base_url
        async with Transport(hook.settings(), SystemClock()) as transport:
            await transport.send(Sending(Request("POST", url, {}, b"x")), total_s=20)

    async def free() -> None:
        await asyncio.to_thread(hook.statistics)

    ways = []
    for call in (free, paid):
        try:
            await call()
        except OCRNotSent:
            ways.append("no")
        except OCRConfigError as error:
            ways.append(str(error).partition(" cannot be loaded")[0])
        except OCRError:  # an answer that is no statistics
            ways.append("yes")
        else:
            ways.append("yes")
    return ways


def tried(tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, **extra: Any) -> list[str]:
    async def run() -> list[str]:
        async with raw_server(answer(200), answer(200), tls=tls) as server:
            monkeypatch.setenv(*connection_env(server.url, "tkn-abc123", conn_id="yard", **extra))
            return await both(PlateRecOCRHook("yard"))

    return asyncio.run(run())


CASES: list[tuple[dict[str, Any], dict[str, str], str]] = [
    ({}, {}, "no"),
    ({"verify": "ca"}, {}, "yes"),
    ({"verify": "other"}, {}, "no"),
    ({"verify": False}, {}, "yes"),
    ({}, {"SSL_CERT_FILE": "ca"}, "yes"),
    ({}, {"SSL_CERT_FILE": "other"}, "no"),
    ({}, {"REQUESTS_CA_BUNDLE": "ca"}, "no"),
    ({"trust_env": True}, {"REQUESTS_CA_BUNDLE": "ca"}, "yes"),
    ({"trust_env": True}, {"CURL_CA_BUNDLE": "ca"}, "yes"),
    ({"trust_env": True}, {"REQUESTS_CA_BUNDLE": "other", "CURL_CA_BUNDLE": "ca"}, "no"),
    ({"trust_env": True}, {"REQUESTS_CA_BUNDLE": "other", "SSL_CERT_FILE": "ca"}, "yes"),
    ({"trust_env": True, "verify": "other"}, {"REQUESTS_CA_BUNDLE": "ca"}, "no"),
    ({"trust_env": True, "verify": False}, {"REQUESTS_CA_BUNDLE": "other"}, "yes"),
    ({"trust_env": True}, {"REQUESTS_CA_BUNDLE": "gone"}, "REQUESTS_CA_BUNDLE 'gone'"),
    ({"verify": "gone"}, {}, "verify 'gone' in the connection's extra"),
]


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")  # which is what verify=false asks for
@pytest.mark.parametrize(("extra", "environment", "expected"), CASES)
def test_both_faces_trust_the_same_authorities(
    extra: dict[str, Any],
    environment: dict[str, str],
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = {name: str(self_signed(tmp_path, name=name)) for name in ("ca", "other")}
    files["gone"] = str(tmp_path / "gone.pem")
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, files[value])
    if isinstance(extra.get("verify"), str):
        extra = extra | {"verify": files[extra["verify"]]}

    ways = tried(server_context(tmp_path / "ca.pem"), monkeypatch, **extra)

    assert [way.replace(files["gone"], "gone") for way in ways] == [expected, expected]


def test_both_faces_show_the_client_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server, client = self_signed(tmp_path), self_signed(tmp_path, name="client")

    ways = tried(server_context(server, clients=client), monkeypatch, verify=str(server), cert=str(client))

    assert ways == ["yes", "yes"]


@pytest.mark.parametrize(("exempt", "through"), [("", 2), ("127.0.0.0/8", 0), ("127.0.0.1", 0), ("10.0.0.0/8", 2)])
def test_both_faces_take_the_same_proxy(exempt: str, through: int, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> int:
        async with raw_server(answer(200), answer(200)) as proxy:
            monkeypatch.setenv("ALL_PROXY", proxy.url)
            settings = {"trust_env": True}
            monkeypatch.setenv(
                *connection_env(f"http://127.0.0.1:{unused_port()}", "tkn-abc123", conn_id="yard", **settings)
            )
            await both(PlateRecOCRHook("yard"))
            return len(proxy.requests)

    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", exempt)

    assert asyncio.run(run()) == through
