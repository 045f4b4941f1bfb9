"""One image to read, as a person names it: a path or URI, bytes, or a URL that the API fetches itself."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.fingerprint import check_type, stable_url
from airflow_provider_platerec_ocr.core.models import (
    InDoubtPolicy,
    PlannedImage,
    format_timestamp,
    parse_timestamp,
)
from airflow_provider_platerec_ocr.core.redact import redact_url
from airflow_provider_platerec_ocr.runtime.places import open_place
from airflow_provider_platerec_ocr.storage.path import StoragePath

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_platerec_ocr.storage.path import Opener

_WEB = ("http://", "https://")


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """What to read and how; exactly one of ``image`` and ``upload_url``."""

    type: str
    """``vin``, ``trailer_id`` or another type that the API knows."""
    image: str | os.PathLike[str] | bytes | None = field(default=None, repr=False)
    """Absolute path, URI (``s3://conn_id@bucket/key``), or the bytes themselves."""
    upload_url: str | None = field(default=None, repr=False)
    """http or https URL that the API fetches; its signature is a secret."""
    filename: str | None = None
    """Name for bytes; no effect otherwise."""
    image_version: str | None = None
    """Tells two contents of one ``upload_url`` apart, such as an ETag; no effect for bytes that we read ourselves."""
    camera_id: str | None = None
    """Passed to the API."""
    timestamp: str | datetime | None = None
    """When the image was taken; with a time zone."""
    as_base64: bool = False
    """Send bytes as base64 text."""
    shrink: bool = False
    """Shrink an image over the upload limit instead of refusing it."""
    allowed_roots: Sequence[str] = ()
    """Folders that the image may lie in; empty: its own folder. No effect for bytes and ``upload_url``."""
    in_doubt: InDoubtPolicy = InDoubtPolicy.RESEND
    """What to do with a call that may have been billed without an answer."""

    def __post_init__(self) -> None:
        """Refuse what cannot be read before anything is opened."""
        check_type(self.type)
        if (self.image in (None, "", b"")) == (not self.upload_url):
            message = "Give either image (a path, a URI or bytes) or upload_url, not both and not neither."
            raise OCRConfigError(message)
        if isinstance(self.image, str) and self.image.lower().startswith(_WEB):
            message = f"image {redact_url(self.image)} is a URL: give it as upload_url, so that the API fetches it."
            raise OCRConfigError(message)
        if self.upload_url:
            _check_url(self.upload_url)
        self.utc_timestamp()

    def utc_timestamp(self) -> str | None:
        """Return the time as the API wants it.

        :raises OCRConfigError: it has no time zone or is no time.
        """
        if isinstance(self.timestamp, datetime):
            return format_timestamp(self.timestamp)
        return format_timestamp(parse_timestamp(self.timestamp)) if self.timestamp else None

    def planned(self, row: int) -> PlannedImage:
        """Return the image as the engine takes it.

        :param row: number that tells this image from others of the same run, from 1.
        """
        stable = stable_url(self.upload_url) if self.upload_url else None
        return PlannedImage(
            row=row,
            image=stable or self._identity(),
            type=self.type,
            uri=None if stable else self._uri(),
            upload_url=stable,
            signed=stable is not None and stable != self.upload_url,
            image_version=self.image_version or None,
            camera_id=self.camera_id or None,
            timestamp=self.utc_timestamp(),
        )

    def signed_urls(self, row: int) -> dict[int, str]:
        """Return the whole ``upload_url`` by row, for memory only."""
        return {row: self.upload_url} if self.upload_url else {}

    def secrets(self) -> list[str]:
        """Return the parts of ``upload_url`` that no log may show."""
        parts = urlsplit(self.upload_url or "")
        return [secret for secret in (parts.query, parts.password) if secret]

    def source(self) -> tuple[list[StoragePath], Opener]:
        """Return the roots that may be read, and what opens the image."""
        if isinstance(self.image, bytes) or self.upload_url:
            held = StoragePath(_Held(self.image if isinstance(self.image, bytes) else b""), self._uri(), "memory")
            return [held.parent], lambda _: held
        return [open_place(root) for root in self.allowed_roots] or [open_place(self._uri()).parent], open_place

    def _uri(self) -> str:
        if self.image is None or isinstance(self.image, bytes):
            return f"bytes/{PurePath(self.filename or 'image.jpg').name}"
        return os.fspath(self.image).strip()

    def _identity(self) -> str:
        if isinstance(self.image, bytes):
            return self._uri()
        scheme, found, rest = self._uri().partition("://")
        if not found or scheme in {"file", "local"}:
            return open_place(self._uri()).path
        netloc, slash, path = rest.partition("/")
        return f"{scheme}://{netloc.rpartition('@')[2]}{slash}{path}"


class _Held:
    """The one "file" of bytes that are already in memory, with as much of fsspec as the image loader asks for."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def cat_file(self, _path: str, start: int | None = None, end: int | None = None) -> bytes:
        """Return the bytes between ``start`` and ``end``."""
        return self._content[start:end]

    def info(self, _path: str) -> dict[str, Any]:
        """Return what they are."""
        return {"type": "file", "size": len(self._content)}


def _check_url(url: str) -> None:
    try:
        good = urlsplit(url).scheme.lower() in {"http", "https"} and bool(urlsplit(url).hostname)
    except ValueError:
        good = False
    if not good or any(character.isspace() for character in url):
        message = f"upload_url {redact_url(url)!r} is no http or https URL that the API could fetch."
        raise OCRConfigError(message)
