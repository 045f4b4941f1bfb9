"""The bytes of one image, kept in memory only while they are needed.

A call takes 20 to 30 s and hundreds are in flight; if each kept its image, a shard would need gigabytes. The bytes go
when the last of them has left for the API, and are loaded again in the rare case that the call was refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.errors import OCRImageError
from airflow_provider_platerec_ocr.core.models import Reason

if TYPE_CHECKING:
    import asyncio

    from airflow_provider_platerec_ocr.core.models import PlannedImage
    from airflow_provider_platerec_ocr.engine.context import ReadContext
    from airflow_provider_platerec_ocr.engine.images import LoadedImage


class Content:
    """Loads and drops; holds one place of ``loading`` while it has bytes."""

    def __init__(self, context: ReadContext, loading: asyncio.Semaphore, image: PlannedImage) -> None:
        self._context = context
        self._loading = loading
        self._uri = image.uri
        self._loaded: LoadedImage | None = None

    @property
    def loaded(self) -> bool:
        """Whether the bytes are in memory."""
        return self._loaded is not None

    @property
    def upload(self) -> bytes | None:
        """What goes over the wire; ``None`` for an ``upload_url``. Callers must not keep it."""
        return None if self._loaded is None else self._loaded.upload

    @property
    def upload_bytes(self) -> int | None:
        """How much goes over the wire."""
        return None if self._loaded is None else len(self._loaded.upload)

    async def get(self) -> LoadedImage:
        """Return the image's bytes; raises :class:`OCRImageError` where they cannot be had."""
        if self._loaded is None:
            if self._uri is None:
                message = "the planned row has neither an image nor an upload_url; plan the run again."
                raise OCRImageError(message, reason=Reason.ROW_INVALID, permanent=True)
            await self._loading.acquire()
            try:
                self._loaded = await self._context.io(self._context.loader.load, self._uri)
            except BaseException:
                self._loading.release()
                raise
        return self._loaded

    def drop(self) -> None:
        """Let the bytes go, and the next image in."""
        if self._loaded is not None:
            self._loaded = None
            self._loading.release()
