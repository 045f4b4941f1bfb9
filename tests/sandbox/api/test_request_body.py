"""Reading request bodies in all the forms clients send them."""

from __future__ import annotations

import base64
import json
from urllib.parse import urlencode

import pytest

from airflow_provider_platerec_ocr.sandbox.api.request_body import Form, read_form, url_key

IMAGE = b"\xff\xd8\xff\r\n--not-the-boundary\r\n\xff\xd9"


def multipart(*parts: tuple[str, bytes], end: bytes = b"--X--\r\n") -> bytes:
    """A body with boundary X; each part is its Content-Disposition parameters and its data."""
    body = b"".join(
        f"--X\r\nContent-Disposition: form-data; {head}\r\nContent-Type: image/jpeg\r\n\r\n".encode() + data + b"\r\n"
        for head, data in parts
    )
    return body + end


def read_multipart(*parts: tuple[str, bytes]) -> Form:
    return read_form("multipart/form-data; boundary=X", multipart(*parts))


def test_a_multipart_file_comes_back_byte_for_byte() -> None:
    form = read_multipart(
        ('name="upload"; filename="truck 1.jpg"', IMAGE),
        ('name="type"', b"vin"),
        ('name="camera_id"', b"gate-1"),
        ('name="timestamp"', b"2019-08-19T13:11:25"),
    )
    assert (form.image, form.filename, form.type) == (IMAGE, "truck 1.jpg", "vin")
    assert (form.camera_id, form.timestamp, form.errors) == ("gate-1", "2019-08-19T13:11:25", {})


@pytest.mark.parametrize(
    ("head", "filename"),
    [
        ("name=upload; filename=plain.jpg", "plain.jpg"),
        ('name="upload"; filename="a\\"b.jpg"', 'a"b.jpg'),
        ('name="upload"; filename="x.jpg"; filename*=UTF-8\'\'h%C3%B6f.jpg', "höf.jpg"),
        ('name="upload"; filename="höf.jpg"', "höf.jpg"),
        ('name="upload"; filename="C:\\\\photos\\\\a.jpg"', "a.jpg"),
        ('filename="first.jpg"; name="upload"', "first.jpg"),
        ('name="upload"; filename=""', "image.jpg"),
    ],
)
def test_file_names_are_read_however_they_are_quoted(head: str, filename: str) -> None:
    assert read_multipart((head, IMAGE)).filename == filename


def test_an_image_may_come_as_base64_in_every_body_form() -> None:
    text = base64.encodebytes(IMAGE * 40).decode()
    assert read_multipart(('name="upload"', text.encode())).image == IMAGE * 40
    form = read_form("application/x-www-form-urlencoded", urlencode({"upload": text, "type": "vin"}).encode())
    assert (form.image, form.filename, form.errors) == (IMAGE * 40, "image.jpg", {})
    body = json.dumps({"upload": f"data:image/jpeg;base64,{text}", "type": "vin", "camera_id": None})
    assert read_form("application/json", body.encode()).image == IMAGE * 40


def test_a_plus_that_was_not_escaped_is_still_base64() -> None:
    text = base64.b64encode(b"\xfb\xef\xbe" * 10).decode()
    assert "+" in text
    assert read_form("", f"upload={text}&type=vin".encode()).image == b"\xfb\xef\xbe" * 10


def test_a_url_stands_in_for_the_image() -> None:
    form = read_form("", b"upload_url=https://www.demo.com/static/your-image.jpg?w=1&type=vin")
    assert (form.image, form.upload_url) == (None, "https://www.demo.com/static/your-image.jpg?w=1")
    assert (form.filename, form.errors) == ("your-image.jpg", {})


def test_every_wrong_field_is_named() -> None:
    form = read_form("", b"timestamp=yesterday")
    assert form.errors == {
        "upload": ["No file was submitted."],
        "type": ["This field is required."],
        "timestamp": [
            (
                "Datetime has wrong format. Use one of these formats instead: "
                "YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]."
            )
        ],
    }


@pytest.mark.parametrize(
    ("body", "field", "says"),
    [
        (b"upload=%25%25&type=vin", "upload", "neither a file nor base64"),
        (b"upload_url=ftp://host/a.jpg&type=vin", "upload_url", "valid URL"),
        (b"upload_url=https:///a.jpg&type=vin", "upload_url", "valid URL"),
        (b"upload_url=https://h/a.jpg&type=xyz", "type", '"xyz" is not a valid choice.'),
        (b"upload_url=https://h/a.jpg&type=vin&timestamp=2024-01-01", "timestamp", "wrong format"),
    ],
)
def test_a_wrong_value_gets_its_message(body: bytes, field: str, says: str) -> None:
    errors = read_form("application/x-www-form-urlencoded", body).errors
    assert list(errors) == [field]
    assert says in errors[field][0]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", multipart(('name="type"', b"vin"))),
        ("multipart/form-data; boundary=Y", multipart(('name="type"', b"vin"))),
        ("multipart/form-data; boundary=X", b"--X\r\nno gap"),
        ("application/json", b"{"),
        ("application/json", b"[1]"),
        ("text/plain", b"\xff\xfe"),
    ],
)
def test_a_body_that_is_not_what_it_says_has_no_fields(content_type: str, body: bytes) -> None:
    assert set(read_form(content_type, body).errors) == {"upload", "type"}


def test_a_part_without_a_disposition_is_passed_over() -> None:
    body = b"--X\r\nContent-Type: text/plain\r\n\r\nlost\r\n" + multipart(('name="type"', b"vin"))
    assert read_form("multipart/form-data; boundary=X", body).type == "vin"


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://h/a.jpg?id=5", "https://h/a.jpg?id=5"),
        ("https://h/a.jpg?X-Amz-Signature=1&X-Amz-Date=2", "https://h/a.jpg"),
        ("https://h/a.jpg?sv=1&sig=abc", "https://h/a.jpg"),
    ],
)
def test_a_signature_is_not_part_of_an_images_identity(url: str, key: str) -> None:
    assert url_key(url) == key


def test_the_image_key_is_the_hash_the_url_or_nothing() -> None:
    assert Form(image=b"abc").image_key == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert Form(upload_url="https://h/a.jpg").image_key == "https://h/a.jpg"
    assert Form().image_key is None
