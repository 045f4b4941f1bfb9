"""An answer that echoes the token is kept without it; one that merely has the same letters is kept as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.core.settings import ClientSettings
from airflow_provider_platerec_ocr.engine.client.client import OCRClient
from support.clock import FakeClock
from support.rawserver import raw_server, response

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.models import Read
    from support.rawserver import Connection

TOKEN = "0123456789abcdef0123456789abcdef01234567"  # nobody's


def read(said: bytes, token: str = TOKEN) -> Read:
    clock = FakeClock()

    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.send(response(200, said))

    async def main() -> Read:
        async with raw_server(behave) as server:
            settings = ClientSettings(token=token, base_url=server.url)
            async with OCRClient(settings, clock=clock) as client:
                return await client.read(type="vin", content=b"\xff\xd8\xffimage", filename="a.jpg")

    return clock.run(main())


def test_a_token_that_an_answer_echoes_is_not_kept() -> None:
    assert read(f'{{"results": [], "filename": "{TOKEN}.jpg"}}'.encode()).raw["filename"] == "***.jpg"


@pytest.mark.parametrize("token", ["t", "results", "code", "1HGCM82633A"])
def test_a_token_that_is_a_word_of_the_answer_breaks_no_answer(token: str) -> None:
    said = b'{"results": [{"identifier": {"type": "text", "props": {"code": [{"value": "1HGCM82633A004352"}]}}}]}'

    found = read(said, token)

    assert found.understood
    assert [identifier.code for identifier in found.identifiers] == ["1HGCM82633A004352"]
