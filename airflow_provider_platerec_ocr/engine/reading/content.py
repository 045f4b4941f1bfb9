"""The bytes of one image, kept in memory only while they are needed.

A call takes 20 to 30 s and hundreds are in flight; if each kept its image, a shard would need gigabytes. The bytes go
when the last of them has left for the API, and are loaded again in the rare case that the call was refused.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from airflow_provider_platerec_ocr.core.errors import OCRImageError, OCRLedgerError
from airflow_provider_platerec_ocr.core.fingerprint import fingerprint_bytes
from airflow_provider_platerec_ocr.core.models import Reason
from airflow_provider_platerec_ocr.engine.images.loader import upload_name

if TYPE_CHECKING:
    import asyncio

    from airflow_provider_platerec_ocr.core.claims import History
    from airflow_provider_platerec_ocr.core.models import PlannedImage
    from airflow_provider_platerec_ocr.engine.images.loader import LoadedImage
    from airflow_provider_platerec_ocr.engine.reading.context import ReadContext


class Content:
    """Loads and drops; holds one place of ``loading`` while it has bytes."""

    def __init__(self, context: ReadContext, loading: asyncio.Semaphore, image: PlannedImage) -> None:
        self._context = context
        self._loading = loading
        self._image = image
        self._loaded: LoadedImage | None = None
        self._fingerprint = ""
        self._history: History | None = None
        self.former_fingerprint: str | None = None
        """What version 0.1 took the bytes for, where that was something else; known with the fingerprint."""

    @property
    def upload(self) -> bytes | None:
        """What goes over the wire; ``None`` for an ``upload_url``. Callers must not keep it."""
        return None if self._loaded is None else self._loaded.upload

    @property
    def upload_bytes(self) -> int | None:
        """How much goes over the wire."""
        return None if self._loaded is None else len(self._loaded.upload)

    async def fingerprint(self) -> str:
        """Return the fingerprint of the image's bytes, which are in memory then.

        :raises OCRImageError: they cannot be had.
        """
        await self._get()
        return self._fingerprint

    async def _get(self) -> LoadedImage:
        if self._loaded is not None:
            return self._loaded
        uri = self._image.uri
        if uri is None:
            message = "the planned row has neither an image nor an upload_url; plan the run again."
            raise OCRImageError(message, reason=Reason.ROW_INVALID, permanent=True)
        await self._loading.acquire()
        first = not self._fingerprint
        try:
            loaded, fingerprint, history = await self._context.io(self._load, uri, look=first)
        except BaseException:
            self._loading.release()
            raise
        self._loaded, self._fingerprint, self._history = loaded, fingerprint, history
        return loaded

    def _load(self, uri: str, *, look: bool) -> tuple[LoadedImage, str, History | None]:
        """Read, fingerprint and ask the ledger in one turn of a thread: a turn costs more than hashing 50 KB."""
        loaded = self._context.loader.load(uri)
        settings = self._context.settings
        if settings.former_base_url is not None:
            former = fingerprint_bytes(settings.former_base_url, self._image.type, loaded.content)
            self.former_fingerprint = former
        fingerprint = fingerprint_bytes(settings.base_url, self._image.type, loaded.content)
        history = None
        if look:
            with suppress(OCRLedgerError):  # it is asked again, and named then
                history = self._context.ledger.look(self._image.type, fingerprint)
        return loaded, fingerprint, history

    def take_history(self, fingerprint: str) -> History | None:
        """Return, once, what the ledger knew of ``fingerprint`` when the bytes were read; ``None``: ask it."""
        history, self._history = self._history, None
        return history if fingerprint == self._fingerprint else None

    async def ready(self, fingerprint: str) -> str:
        """Have in memory what is to be sent, and return the name under which it goes out: it carries the fingerprint.

        :raises OCRImageError: it cannot be had, or it is not what the fingerprint was made of.
        """
        image = self._image
        if image.upload_url is not None:
            self.url()
            return urlsplit(image.upload_url).path.rpartition("/")[2]
        loaded = await self._get()
        if fingerprint not in (self._fingerprint, self.former_fingerprint):
            message = f"{image.image} changed while it was waiting to be sent; the next run reads it."
            raise OCRImageError(message, reason=Reason.IMAGE_UNREADABLE, permanent=False)
        return upload_name(loaded.filename, fingerprint, loaded.upload)

    def url(self) -> str | None:
        """Return the ``upload_url`` to send, with what of it is a secret; ``None`` for bytes.

        :raises OCRImageError: the manifest says it no more, or says it of another version of the image.
        """
        image = self._image
        if not image.signed:
            return image.upload_url
        url = self._context.signed_urls.get(image.identity)
        if url is None:
            message = (
                f"{image.image}: its signed URL is no longer in the manifest, or stands for another version there. "
                "It was not sent; the next run plans it anew."
            )
            raise OCRImageError(message, reason=Reason.ROW_INVALID, permanent=False)
        return url

    def drop(self) -> None:
        """Let the bytes go, and the next image in."""
        self._history = None
        if self._loaded is not None:
            self._loaded = None
            self._loading.release()
