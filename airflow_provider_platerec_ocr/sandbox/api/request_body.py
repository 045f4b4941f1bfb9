"""Reading the request's body: multipart, urlencoded or JSON, with the image as a file, as base64 or as a URL.

Errors are collected per field, as Django REST framework does, and not raised. The multipart reader works on the whole
body at once, since a spooled file per upload would cost more than everything else under load. Knows no accounts.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from airflow_provider_platerec_ocr.sandbox.state.clock import parse_iso

TYPES = ("vin", "trailer_id")
DEFAULT_FILENAME = "image.jpg"

_REQUIRED = "This field is required."
_NO_FILE = "No file was submitted."
_BAD_BASE64 = "Upload a valid image: the field is neither a file nor base64."
_BAD_URL = "Enter a valid URL."
_BAD_TIME = (
    "Datetime has wrong format. Use one of these formats instead: YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]."
)
_PARAMETER = re.compile(rb';\s*(name|filename|filename\*)=(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))', re.IGNORECASE)
_SIGNED = re.compile(r"signature|x-amz-|sig=", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """One field of a form."""

    data: bytes
    """The value as sent."""
    filename: str | None = None
    """The file's name, if the field is a file."""


@dataclass(slots=True)
class Form:
    """The fields of one request to the reader, as far as they could be read."""

    image: bytes | None = None
    """The image's bytes; None for a URL or nothing."""
    upload_url: str | None = None
    """The URL the image is to be fetched from."""
    filename: str = DEFAULT_FILENAME
    """The file's name as the client gave it, or the last part of the URL's path."""
    type: str | None = None
    """``vin`` or ``trailer_id``, or what the client sent instead."""
    camera_id: str | None = None
    """The client's camera, or None."""
    timestamp: str | None = None
    """The client's time stamp as sent, or None."""
    errors: dict[str, list[str]] = field(default_factory=dict)
    """Messages by field; empty for a good form."""

    @property
    def image_key(self) -> str | None:
        """What makes two calls calls for the same image: the bytes' SHA-256, or the URL without its signature."""
        if self.image is not None:
            return hashlib.sha256(self.image).hexdigest()
        return url_key(self.upload_url) if self.upload_url else None


def url_key(url: str) -> str:
    """Drop the query of a presigned URL; other queries are part of the image's identity and stay."""
    parts = urlsplit(url)
    return parts._replace(query="", fragment="").geturl() if _SIGNED.search(parts.query) else url


def read_form(content_type: str, body: bytes) -> Form:
    """Read a request body.

    :param content_type: the request's Content-Type header; multipart/form-data, application/json, anything else counts
        as urlencoded.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return _form(_multipart(content_type, body))
    if kind == "application/json":
        return _form(_json(body))
    pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    return _form({name: Part(value.encode()) for name, value in pairs})


def _multipart(content_type: str, body: bytes) -> dict[str, Part]:
    match = re.search(r'boundary="?([^";]+)"?', content_type)
    if match is None:
        return {}
    fields: dict[str, Part] = {}
    for chunk in (b"\r\n" + body).split(b"\r\n--" + match[1].encode())[1:]:
        head, gap, data = chunk.partition(b"\r\n\r\n")
        if chunk.startswith(b"--") or not gap:
            continue
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-disposition:"):
                name, filename = _disposition(line)
                fields[name] = Part(data, filename)
    return fields


def _disposition(line: bytes) -> tuple[str, str | None]:
    """Name and file name of a part, from quoted, plain and RFC 5987 parameters."""
    found = {key.lower().decode(): (quoted or plain) for key, quoted, plain in _PARAMETER.findall(line)}
    texts = {key: re.sub(r"\\(.)", r"\1", value.decode("utf-8", "replace")) for key, value in found.items()}
    extended = texts.get("filename*")
    filename = unquote(extended.rpartition("'")[2]) if extended else texts.get("filename")
    return texts.get("name", ""), filename


def _json(body: bytes) -> dict[str, Part]:
    try:
        values = json.loads(body)
    except ValueError:
        return {}
    if not isinstance(values, dict):
        return {}
    return {name: Part(str(value).encode()) for name, value in values.items() if value is not None}


def _text(fields: dict[str, Part], name: str) -> str | None:
    part = fields.get(name)
    return (part.data.decode("utf-8", "replace").strip() or None) if part else None


def _form(fields: dict[str, Part]) -> Form:
    form = Form(camera_id=_text(fields, "camera_id"), type=_text(fields, "type"))
    _read_image(form, fields)
    if form.type is None:
        form.errors["type"] = [_REQUIRED]
    elif form.type not in TYPES:
        form.errors["type"] = [f'"{form.type}" is not a valid choice.']
    form.timestamp = _text(fields, "timestamp")
    if form.timestamp is not None:
        try:
            parse_iso(form.timestamp)
        except ValueError:
            form.errors["timestamp"] = [_BAD_TIME]
    return form


def _read_image(form: Form, fields: dict[str, Part]) -> None:
    part = fields.get("upload")
    if part is not None and part.filename is not None:
        form.image, form.filename = part.data, re.split(r"[/\\]", part.filename)[-1] or DEFAULT_FILENAME
    elif part is not None and part.data:
        text = part.data.partition(b",")[2] if part.data.startswith(b"data:") else part.data
        # "+" arrives as a blank from clients that do not escape it in an urlencoded body.
        text = b"".join(text.splitlines()).replace(b" ", b"+")
        try:
            form.image = base64.b64decode(text, validate=True)
        except binascii.Error:
            form.errors["upload"] = [_BAD_BASE64]
    else:
        _read_url(form, _text(fields, "upload_url"))


def _read_url(form: Form, url: str | None) -> None:
    if url is None:
        form.errors["upload"] = [_NO_FILE]
    elif not url.startswith(("http://", "https://")) or not urlsplit(url).netloc:
        form.errors["upload_url"] = [_BAD_URL]
    else:
        form.upload_url = url
        form.filename = urlsplit(url).path.rpartition("/")[2] or DEFAULT_FILENAME
