"""Which files a manifest may name: only those below the allowed roots, wherever its paths and symlinks lead.

A manifest often comes from somebody else than the DAG. Without this check, a row naming ``/etc/ssl/private/key.pem``
or another bucket would make a worker read that and upload it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import unquote

from airflow_provider_platerec_ocr.core.errors import OCRConfigError, OCRImageError
from airflow_provider_platerec_ocr.core.models import Reason
from airflow_provider_platerec_ocr.storage.path import StoragePath

if TYPE_CHECKING:
    from collections.abc import Sequence

_ALIASES = {"s3a": "s3", "s3n": "s3", "gcs": "gs", "local": "file", "abfss": "abfs", "wasb": "abfs", "wasbs": "abfs"}
"""Protocols that name the same store."""
_ENCODED = frozenset({"http", "https"})
"""Protocols whose servers decode ``%2e%2e`` before they look at the path."""


class AllowedRoots:
    """Folders and prefixes whose images may be read.

    :param roots: at least one; ``bucket/photos`` allows ``bucket/photos/a.jpg``, not ``bucket/photos-private/a.jpg``.
    """

    def __init__(self, roots: Sequence[StoragePath]) -> None:
        if not roots:
            message = "No allowed root is given: name at least one folder or prefix that holds the images."
            raise OCRConfigError(message)
        self._roots = tuple((_family(root.protocol), _resolved(root) or "\0", root) for root in roots)

    def admit(self, place: StoragePath) -> StoragePath:
        """Return where to read ``place``, or raise :class:`OCRImageError` (``image_outside_roots``).

        A local path comes back with its symlinks resolved. An object comes back on the *root's* file system, so that
        a manifest can choose neither the connection nor the credentials it is read with.
        """
        family = _family(place.protocol)
        path = None if _climbs(place) else _resolved(place)
        below = [(len(top), root) for of, top, root in self._roots if of == family and path and _is_below(path, top)]
        if path is None or not below:
            allowed = ", ".join(str(root) for _, _, root in self._roots)
            message = (
                f"The path leads out of the allowed roots ({allowed}). Move the image there, or add its folder to the "
                "roots, and plan again with retry_rejected=True."
            )
            raise OCRImageError(message, reason=Reason.IMAGE_OUTSIDE_ROOTS, permanent=True)
        _, root = max(below, key=lambda each: each[0])
        return StoragePath(root.fs, path, root.protocol, root.conn_id)


def _family(protocol: str) -> str:
    return _ALIASES.get(protocol, protocol)


def _climbs(place: StoragePath) -> bool:
    """Return whether a path of an object store has ``..``: it has no folders to go up to, but servers may think so."""
    if place.is_local:
        return False  # realpath resolves it, and the result is what counts
    path = unquote(place.path) if place.protocol in _ENCODED else place.path
    return ".." in path.split("/")


def _resolved(place: StoragePath) -> str | None:
    """Return the path to compare and to read, or ``None`` where there can be no such file."""
    if place.is_local:
        try:
            return os.path.realpath(place.path)
        except ValueError:  # a zero byte in the path
            return None
    return place.path  # as it is: ``a//b`` and ``a/b`` are two objects


def _is_below(path: str, top: str) -> bool:
    return path.startswith(top.rstrip("/") + "/")
