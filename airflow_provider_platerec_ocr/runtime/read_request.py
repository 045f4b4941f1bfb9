"""One image to read, as a person names it: a path or URI, bytes, or a URL that the API fetches itself."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Self

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.images.facts import content, image_facts, text, web_url
from airflow_provider_platerec_ocr.core.images.identity import web_identity
from airflow_provider_platerec_ocr.core.images.planned import planned_url
from airflow_provider_platerec_ocr.core.models import PlannedImage
from airflow_provider_platerec_ocr.core.redact import redact_url
from airflow_provider_platerec_ocr.core.saying.choices import InDoubtPolicy
from airflow_provider_platerec_ocr.runtime.places import open_place
from airflow_provider_platerec_ocr.runtime.task import doubt_policy, roots, texts, truth

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from airflow_provider_platerec_ocr.core.images.facts import ImageFacts
    from airflow_provider_platerec_ocr.storage.path import StoragePath

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
    identity_params: Sequence[str] = ()
    """Parameters of ``upload_url`` that say which image it is."""
    image_id: str | None = None
    """What the image is known by, instead of its place or its URL."""
    allowed_roots: Sequence[str] = ()
    """Folders that the image may lie in; empty: its own folder. No effect for bytes and ``upload_url``."""
    in_doubt: InDoubtPolicy = InDoubtPolicy.RESEND
    """What to do with a call that may have been billed without an answer."""

    def __post_init__(self) -> None:
        """Convert what was given, and refuse what cannot be read before anything is opened."""
        set_field = partial(object.__setattr__, self)  # a frozen object, while it is made
        facts = self.facts()
        for name in ("type", "camera_id", "timestamp", "image_version", "image_id"):
            set_field(name, getattr(facts, name))
        set_field("image", _image(self.image))
        set_field("upload_url", web_url(self.upload_url))
        set_field("filename", text(_spelled(self.filename), "filename"))
        set_field("identity_params", tuple(texts(self.identity_params)))
        set_field("allowed_roots", tuple(roots(self.allowed_roots)))
        set_field("in_doubt", doubt_policy(self.in_doubt))
        set_field("as_base64", truth(self.as_base64, "as_base64"))
        set_field("shrink", truth(self.shrink, "shrink"))
        if (self.image is None) == (self.upload_url is None):
            message = "Give either image (a path, a URI or bytes) or upload_url, not both and not neither."
            raise OCRConfigError(message)
        if isinstance(self.image, str) and self.image.lower().startswith(_WEB):
            message = f"image {redact_url(self.image)} is a URL: give it as upload_url, so that the API fetches it."
            raise OCRConfigError(message)
        if self.upload_url is not None:
            planned_url(1, self.upload_url, facts, self.identity_params)

    @classmethod
    def given(cls, **arguments: Any) -> Self:
        """Return the request of arguments as people give them, such as a number for a camera."""
        return cls(**arguments)

    def facts(self) -> ImageFacts:
        """Return what is said of the image, checked and converted as a manifest's row is."""
        return image_facts(
            self.type,
            camera_id=self.camera_id,
            timestamp=self.timestamp,
            image_version=self.image_version,
            image_id=self.image_id,
        )

    def planned(self, row: int) -> PlannedImage:
        """Return the image as the engine takes it.

        :param row: number that tells this image from others of the same run, from 1.
        """
        facts = self.facts()
        if self.upload_url is not None:
            return planned_url(row, self.upload_url, facts, self.identity_params)[0]
        return PlannedImage(
            row=row,
            image=facts.image_id or self._identity(),
            type=facts.type,
            uri=self._uri(),
            image_version=facts.image_version,
            camera_id=facts.camera_id,
            timestamp=facts.timestamp,
        )

    def signed_urls(self, row: int) -> dict[tuple[str, str | None], str]:
        """Return the whole ``upload_url`` by the image's identity, for memory only."""
        return {self.planned(row).identity: self.upload_url} if self.upload_url else {}

    def secrets(self) -> list[str]:
        """Return the parts of ``upload_url`` that no log may show."""
        return list(web_identity(self.upload_url, self.identity_params).secrets) if self.upload_url else []

    @property
    def content(self) -> bytes | None:
        """The image itself, where it was given as bytes."""
        return self.image if isinstance(self.image, bytes) else None

    def roots(self) -> list[StoragePath]:
        """Return the opened folders that the image may lie in; none where it is no file of ours."""
        if self.content is not None or self.upload_url:
            return []
        return [open_place(root) for root in self.allowed_roots] or [open_place(self._uri()).parent]

    def resolved_uri(self) -> str | None:
        """Return the image's path or URI, as a process needs it that knows neither Airflow nor this one's home."""
        if self.content is not None or self.upload_url:
            return self._uri() if self.content is not None else None
        place = open_place(self._uri())
        return place.path if place.is_local else self._uri()

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


def _spelled(value: Any) -> Any:
    """Return a path-like object as its text, everything else as it is."""
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _image(value: Any) -> str | bytes | None:
    """Return an image's bytes, whatever holds them, or its place as text."""
    held = content(value)
    return (held or None) if held is not None else text(_spelled(value), "image")
