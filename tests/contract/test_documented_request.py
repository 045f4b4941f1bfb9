from __future__ import annotations

import asyncio
from email.parser import BytesParser
from email.policy import HTTP
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.settings import ClientSettings
from airflow_provider_platerec_ocr.engine.client.client import OCRClient
from support.contract import TOKEN, recorded
from support.rawserver import answer, raw_server

if TYPE_CHECKING:
    from email.message import MIMEPart


def sent(**parameters: Any) -> tuple[str, dict[str, str], dict[str, tuple[str | None, bytes]]]:
    """Return what a call puts on the wire: first line, headers, and form fields as (file name, value)."""

    async def run() -> tuple[str, dict[str, str], bytes]:
        async with raw_server(answer(200, recorded("read.json"))) as server:
            async with OCRClient(ClientSettings(token=TOKEN, base_url=server.url)) as client:
                await client.read(**parameters)
            return server.requests[0]

    line, headers, body = asyncio.run(run())
    form = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {headers['content-type']}\r\n\r\n".encode() + body)
    fields = {
        str(part.get_param("name", header="content-disposition")): (part.get_filename(), _value(part))
        for part in form.iter_parts()
    }
    return line, headers, fields


def _value(part: MIMEPart) -> bytes:
    value = part.get_payload(decode=True)
    assert isinstance(value, bytes)
    return value


def test_a_file_goes_out_as_the_documents_curl_command_sends_it() -> None:
    line, headers, fields = sent(type="trailer_id", content=b"\xff\xd8\xff\r\n--bytes", filename="your-image.jpg")
    assert line == "POST /v1/ocr/reader/ HTTP/1.1"
    assert headers["authorization"] == "Token YOUR_API_TOKEN"
    assert fields == {"upload": ("your-image.jpg", b"\xff\xd8\xff\r\n--bytes"), "type": (None, b"trailer_id")}


def test_a_url_goes_out_as_the_documents_curl_command_sends_it() -> None:
    url = "https://www.demo.com/static/your-image.jpg"
    _, _, fields = sent(type="vin", upload_url=url)
    assert fields == {"upload_url": (None, url.encode()), "type": (None, b"vin")}


def test_optional_parameters_go_out_under_their_documented_names() -> None:
    _, _, fields = sent(type="vin", content=b"x", camera_id="gate 7", timestamp="2019-08-19T15:11:25+02:00")
    assert fields["camera_id"] == (None, b"gate 7")
    assert fields["timestamp"] == (None, b"2019-08-19T13:11:25Z")
