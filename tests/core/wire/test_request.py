from __future__ import annotations

import base64
from email import policy
from email.parser import BytesParser
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_platerec_ocr import __version__
from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.settings import ClientSettings
from airflow_provider_platerec_ocr.core.wire import read_request, safe_filename, statistics_request

if TYPE_CHECKING:
    from email.message import EmailMessage

    from airflow_provider_platerec_ocr.core.wire import Request

SETTINGS = ClientSettings(token="abcdef123456", base_url="http://localhost:8080")


def parts(request: Request) -> dict[str, EmailMessage]:
    """Read the body with the standard library's MIME parser, which shares nothing with ours."""
    head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
    message = BytesParser(policy=policy.HTTP).parsebytes(head + (request.body or b""))
    return {part.get_param("name", header="content-disposition"): part for part in message.iter_parts()}  # type: ignore[misc]  # names are text here


def values(request: Request) -> dict[str, object]:
    return {name: part.get_payload(decode=True) for name, part in parts(request).items()}


def test_bytes_go_out_as_a_file_in_a_form() -> None:
    request = read_request(
        SETTINGS,
        type="vin",
        content=b"\xff\xd8 image \x00\r\n--",
        filename="/yard/lot 7/a.JPG",
        camera_id="gate-3",
        timestamp="2026-03-01T22:15:00+02:00",
    )

    assert (request.method, request.url) == ("POST", "http://localhost:8080/v1/ocr/reader/")
    assert values(request) == {
        "type": b"vin",
        "camera_id": b"gate-3",
        "timestamp": b"2026-03-01T20:15:00Z",
        "upload": b"\xff\xd8 image \x00\r\n--",
    }
    assert parts(request)["upload"].get_filename() == "a.JPG"
    assert parts(request)["upload"].get_content_type() == "image/jpeg"
    assert parts(request)["type"].get_filename() is None


def test_base64_goes_out_as_text() -> None:
    request = read_request(SETTINGS, type="trailer_id", content=b"image", filename="a.jpg", as_base64=True)

    assert values(request) == {"type": b"trailer_id", "upload": base64.b64encode(b"image")}
    assert parts(request)["upload"].get_filename() is None


def test_a_url_goes_out_as_it_is() -> None:
    url = "https://x.example/a.jpg?sig=a%3D&b=ü"

    assert values(read_request(SETTINGS, type="vin", upload_url=url)) == {"type": b"vin", "upload_url": url.encode()}


def test_headers_carry_token_and_version() -> None:
    request = statistics_request(SETTINGS)

    assert (request.method, request.url) == ("GET", "http://localhost:8080/v1/ocr/statistics/")
    assert request.body is None
    assert request.headers == {
        "Authorization": "Token abcdef123456",
        "Accept": "application/json",
        "User-Agent": f"airflow-provider-platerec-ocr/{__version__}",
    }


def test_a_request_shows_neither_token_nor_body() -> None:
    shown = repr(read_request(SETTINGS, type="vin", content=b"secret image"))

    assert "abcdef123456" not in shown
    assert "secret" not in shown
    assert "POST http://localhost:8080/v1/ocr/reader/" in shown


@pytest.mark.parametrize("image", [{}, {"content": b"x", "upload_url": "https://x.example/a.jpg"}])
def test_exactly_one_image_is_sent(image: dict[str, object]) -> None:
    with pytest.raises(OCRConfigError, match="either as content"):
        read_request(SETTINGS, type="vin", **image)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize("url", ["", "a.jpg", "file:///etc/passwd", "s3://b/a.jpg", "https:///a.jpg"])
def test_a_url_the_api_cannot_fetch_is_refused(url: str) -> None:
    with pytest.raises(OCRConfigError, match="no http or https URL"):
        read_request(SETTINGS, type="vin", upload_url=url)


def test_a_refused_url_shows_no_signature() -> None:
    with pytest.raises(OCRConfigError) as caught:
        read_request(SETTINGS, type="vin", upload_url="s3://b/a.jpg?X-Amz-Signature=hush")

    assert "hush" not in str(caught.value)


def test_a_naive_timestamp_never_goes_out() -> None:
    with pytest.raises(OCRConfigError, match="has no time zone"):
        read_request(SETTINGS, type="vin", content=b"x", timestamp="2019-08-19T13:11:25")


def test_a_type_that_cannot_be_a_path_never_goes_out() -> None:
    with pytest.raises(OCRConfigError, match="cannot be used"):
        read_request(SETTINGS, type="../vin", content=b"x")


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (None, "image.jpg"),
        ("", "image.jpg"),
        ("yard/", "image.jpg"),
        ("a.jpg", "a.jpg"),
        (r"C:\yard\a.jpg", "a.jpg"),
        ('a".jpg', "a%22.jpg"),
        ("a\r\nX-Evil: 1.jpg", "a%0D%0AX-Evil: 1.jpg"),
        ("100%.jpg", "100%25.jpg"),
        ("größe.jpg", "größe.jpg"),
    ],
)
def test_a_file_name_cannot_break_out_of_its_header(given: str | None, sent: str) -> None:
    assert safe_filename(given) == sent


def test_a_long_file_name_keeps_its_end() -> None:
    name = safe_filename("x" * 300 + "-" + "f" * 64 + ".jpg")

    assert len(name) == 200
    assert name.endswith("-" + "f" * 64 + ".jpg")


def test_a_name_the_disk_cannot_spell_is_still_sent() -> None:
    request = read_request(SETTINGS, type="vin", content=b"x", filename="a\udcff.bin", camera_id="c\udcff")

    assert b'filename="a?.bin"\r\nContent-Type: application/octet-stream\r\n' in (request.body or b"")


@given(
    st.lists(st.sampled_from([b"--ocr-0-boundary", b"--ocr-1-", b"\r\n", b"--", b"x"]), max_size=8).map(b"".join),
    st.text(st.characters(codec="ascii", min_codepoint=32, exclude_characters="\\"), max_size=12),
)
def test_nothing_in_an_image_can_end_it_early(content: bytes, camera_id: str) -> None:
    request = read_request(SETTINGS, type="vin", content=content, camera_id=camera_id)
    boundary = request.headers["Content-Type"].partition("boundary=")[2].encode()

    assert boundary not in content
    sections = (request.body or b"").split(b"--" + boundary)
    assert len(sections) == 5  # nothing before, three parts, the end
    assert sections[3].partition(b"\r\n\r\n")[2] == content + b"\r\n"
