from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.core.errors import OCRConfigError, OCRNotSent
from airflow_provider_platerec_ocr.engine.client.trust import proxy_of
from support.rawserver import answer, raw_server
from support.transport import TOKEN, exchange, settings, unused_port

if TYPE_CHECKING:
    from pathlib import Path


def test_the_settings_proxy_wins_over_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://env:1")
    assert proxy_of(settings("http://host", proxy="http://own:2", trust_env=True)) == "http://own:2"


def test_the_environments_proxy_needs_leave_and_respects_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://env:1")
    monkeypatch.setenv("no_proxy", "inside")
    assert proxy_of(settings("http://host")) is None
    assert proxy_of(settings("http://host", trust_env=True)) == "http://env:1"
    assert proxy_of(settings("http://inside", trust_env=True)) is None


@pytest.mark.parametrize("proxy", ["user:pa55@proxy:3128", "socks5://user:pa55@proxy", "http://[user:pa55", "http://"])
def test_a_proxy_that_is_none_is_a_mistake_and_is_not_shown(proxy: str) -> None:
    with pytest.raises(OCRConfigError, match="proxy") as caught:
        proxy_of(settings("http://host", proxy=proxy))
    assert "pa55" not in str(caught.value)


def test_a_call_goes_through_the_proxy() -> None:
    async def run() -> None:
        async with raw_server(answer(200)) as proxy:
            await exchange("http://api.invalid", proxy=proxy.url.replace("//", "//user:pa55@"))
            line, headers, _ = proxy.requests[0]
            assert line == "POST http://api.invalid/v1/ocr/reader/ HTTP/1.1"
            assert headers["proxy-authorization"].startswith("Basic ")
            assert headers["authorization"] == f"Token {TOKEN}"

    asyncio.run(run())


def test_a_proxy_that_refuses_sent_nothing_and_its_password_is_not_shown() -> None:
    async def run() -> None:
        async with raw_server(answer(407, b"", {"Proxy-Authenticate": "Basic"})) as proxy:
            await exchange("https://api.invalid", proxy=proxy.url.replace("//", "//user:pa55@"))

    with pytest.raises(OCRNotSent, match=r"proxy does not let the call through \(407") as caught:
        asyncio.run(run())
    assert "pa55" not in str(caught.value) + repr(caught.value) + caught.value.detail


def test_a_proxy_that_is_not_there_sent_nothing() -> None:
    proxy = f"http://user:pa55@127.0.0.1:{unused_port()}"
    with pytest.raises(OCRNotSent, match="proxy") as caught:
        asyncio.run(exchange("http://api.invalid", proxy=proxy))
    assert "pa55" not in str(caught.value)


def test_a_netrc_entry_does_not_fight_with_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    async def run() -> None:
        async with raw_server(answer(200)) as server:
            await exchange(server.url, trust_env=True)
            assert server.requests[0][1]["authorization"] == f"Token {TOKEN}"

    asyncio.run(run())
