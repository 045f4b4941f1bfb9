from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRConfigError, OCRError, OCRNotSent, OCROutcomeUnknown
from airflow_provider_platerec_ocr.core.settings import ClientSettings
from airflow_provider_platerec_ocr.core.wire import Request
from airflow_provider_platerec_ocr.engine.client.transport import Sending, Transport
from support.certificates import self_signed, server_context
from support.rawserver import answer, raw_server, response

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

    from support.rawserver import Connection


async def post(url: str, **more: Any) -> int:
    async with Transport(ClientSettings(token="s3cret-t0ken", base_url=url, **more), SystemClock()) as transport:
        return (await transport.send(Sending(Request("POST", url, {}, b"x" * 100_000)), total_s=20)).status


def call(tls: ssl.SSLContext, **more: Any) -> int:
    async def run() -> int:
        async with raw_server(answer(200), tls=tls) as server:
            return await post(server.url, **more)

    return asyncio.run(run())


def test_an_unknown_certificate_sends_nothing_and_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(OCRNotSent, match="Set verify in the connection's extra") as caught:
        call(server_context(self_signed(tmp_path)))
    assert "self-signed certificate" in caught.value.message


def test_a_bundle_that_holds_the_certificate_is_trusted(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    assert call(server_context(certificate), verify=str(certificate)) == 200


def test_a_bundle_is_trusted_instead_of_the_systems_authorities(tmp_path: Path) -> None:
    server, other = self_signed(tmp_path), self_signed(tmp_path, name="other")
    with pytest.raises(OCRNotSent, match="not trusted"):
        call(server_context(server), verify=str(other))


def test_a_folder_of_authorities_will_do(tmp_path: Path) -> None:
    with pytest.raises(OCRNotSent, match="not trusted"):
        call(server_context(self_signed(tmp_path)), verify=str(tmp_path))  # no hashed names in it


def test_without_verification_anybody_is_trusted(tmp_path: Path) -> None:
    assert call(server_context(self_signed(tmp_path)), verify=False) == 200


def test_the_certificate_of_another_host_is_not_trusted(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path, host="192.0.2.1")
    with pytest.raises(OCRNotSent, match="mismatch"):
        call(server_context(certificate), verify=str(certificate))


def test_a_client_certificate_is_shown(tmp_path: Path) -> None:
    server, client = self_signed(tmp_path), self_signed(tmp_path, name="client")
    tls = server_context(server, clients=client)
    assert call(tls, verify=str(server), cert=str(client)) == 200


def test_a_server_that_wants_a_client_certificate_refuses_without_one(tmp_path: Path) -> None:
    server, client = self_signed(tmp_path), self_signed(tmp_path, name="client")
    with pytest.raises(OCRError) as caught:
        call(server_context(server, clients=client), verify=str(server))
    assert isinstance(caught.value, OCRNotSent | OCROutcomeUnknown)  # TLS 1.3 says so only after the first bytes


def test_plain_http_where_tls_is_expected_sends_nothing() -> None:
    async def bad_request(connection: Connection) -> None:
        await connection.send(response(400))

    async def run() -> None:
        async with raw_server(bad_request) as server:
            await post(server.url.replace("http://", "https://"))

    with pytest.raises(OCRNotSent, match="TLS with"):
        asyncio.run(run())


def test_a_tls_connection_cut_after_the_body_leaves_the_outcome_unknown(tmp_path: Path) -> None:
    async def cut(connection: Connection) -> None:
        await connection.request()
        connection.reset()

    async def run() -> None:
        async with raw_server(cut, tls=server_context(self_signed(tmp_path))) as server:
            await post(server.url, verify=False)

    with pytest.raises(OCROutcomeUnknown):
        asyncio.run(run())


@pytest.mark.parametrize("name", ["none.pem", "text.pem"])
@pytest.mark.parametrize("setting", ["verify", "cert"])
def test_a_certificate_file_that_cannot_be_loaded_is_named(tmp_path: Path, setting: str, name: str) -> None:
    (tmp_path / "text.pem").write_text("hello")
    with pytest.raises(OCRConfigError, match=f"{setting} '.*{name}'"):
        asyncio.run(post("https://127.0.0.1:1", **{setting: str(tmp_path / name)}))
