"""From a path or URI to the bytes of one image, or to the reason why there are none.

The bytes are read once: what is fingerprinted, checked and uploaded is the same even if the file changes meanwhile.
Nothing here knows the API, the ledger or the plan.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NoReturn

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRError
from airflow_provider_platerec_ocr.core.models import Reason
from airflow_provider_platerec_ocr.core.redact import shorten
from airflow_provider_platerec_ocr.core.saying.counts import count_of
from airflow_provider_platerec_ocr.engine.images.file import read_file, refuse, refuse_unreadable
from airflow_provider_platerec_ocr.engine.images.format import KNOWN_FORMATS, image_format, is_truncated
from airflow_provider_platerec_ocr.engine.images.roots import AllowedRoots
from airflow_provider_platerec_ocr.engine.images.shrink import CannotShrinkError, shrink_image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.storage.path import Opener, StoragePath

MAX_ORIGINAL_BYTES = 200_000_000
"""An original that is to be shrunk is read whole, up to here."""
_NAME_LENGTH = 89
"""Characters of an upload's name. Servers like the API's hold 100 at most, and put some of their own before it."""


@dataclass(frozen=True, slots=True)
class LoadedImage:
    """One image, ready to be fingerprinted and sent."""

    content: bytes = field(repr=False)
    """The original bytes: the fingerprint is theirs."""
    upload: bytes = field(repr=False)
    """What to send: the same object as ``content``, unless it was shrunk."""
    filename: str
    """The user's own name of the file."""


class ImageLoader:
    """Loads images below the allowed roots; any thread may use it.

    :param roots: folders and prefixes that may be read; at least one.
    :param opener: turns a URI or path into a place.
    :param max_bytes: most bytes of an upload.
    :param shrink: whether a larger image is shrunk as far as needed (needs Pillow), instead of refused.
    :param clock: pauses between tries on a storage that hiccups.
    """

    def __init__(
        self,
        *,
        roots: Sequence[StoragePath],
        opener: Opener,
        max_bytes: int,
        shrink: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self._roots = AllowedRoots(roots)
        self._opener = opener
        self._max_bytes = max_bytes
        self._shrink = shrink
        self._clock = clock or SystemClock()
        self._read_limit = max(max_bytes, MAX_ORIGINAL_BYTES) if shrink else max_bytes

    def load(self, uri: str) -> LoadedImage:
        """Return the image at ``uri``.

        Raises :class:`OCRImageError` with the dead letter's ``reason``, and ``permanent=False`` where a later run may
        succeed with the same image: it was missing, access was denied, or the storage failed.
        """
        place = self._roots.admit(self._opened(uri))
        content = read_file(place, self._read_limit + 1, self._clock)
        if not content:
            refuse(Reason.IMAGE_EMPTY, "The file is empty (0 bytes). Replace it with the whole image.")
        if image_format(content) is None:
            message = f"The file begins like no image ({KNOWN_FORMATS}). Replace it, or take it out of the manifest."
            refuse(Reason.IMAGE_NOT_AN_IMAGE, message)
        if len(content) > self._read_limit:
            self._refuse_too_large()
        if is_truncated(content):
            message = (
                f"The image stops in the middle, after {count_of(len(content), 'byte')}. Copy it again from its source."
            )
            refuse(Reason.IMAGE_TRUNCATED, message)
        return LoadedImage(content, self._upload(content), place.name)

    def _opened(self, uri: str) -> StoragePath:
        try:
            return self._opener(uri)
        except OCRError:
            raise
        except Exception as error:  # noqa: BLE001  # each file system and each connection has errors of its own
            refuse_unreadable(error)

    def _upload(self, content: bytes) -> bytes:
        if len(content) <= self._max_bytes:
            return content
        try:
            return shrink_image(content, self._max_bytes)
        except CannotShrinkError as error:
            self._refuse_too_large(f"Shrinking it did not work: {shorten(str(error))}.")

    def _refuse_too_large(self, advice: str = "") -> NoReturn:
        if not self._shrink:
            advice = "Set shrink=True (it needs Pillow) to send it smaller, and plan again with retry_rejected=True."
        elif not advice:
            advice = (
                f"Above {count_of(self._read_limit, 'byte')} it is not shrunk, either: replace it with a smaller one."
            )
        message = f"The image is larger than an upload may be ({count_of(self._max_bytes, 'byte')}). {advice}"
        refuse(Reason.IMAGE_TOO_LARGE, message)


def upload_name(filename: str, fingerprint: str, upload: bytes = b"") -> str:
    """Return the name an upload gets, ``<stem>-<fingerprint>.<extension>``, so that a webhook can be matched to it.

    It has at most 89 characters, and what is cut is the stem.

    :param filename: the user's own name; some 20 ASCII letters, digits, ``.``, ``_`` and ``-`` of it are kept.
    :param fingerprint: 64 hex digits.
    :param upload: the bytes that are sent; the extension is that of their real format, else the file name's own.
    """
    path = PurePosixPath(filename)
    ascii_stem = unicodedata.normalize("NFKD", path.stem).encode("ascii", "ignore").decode()
    real = image_format(upload)
    extension = real.value if real else re.sub(r"[^a-z0-9]", "", path.suffix.lower())[:5] or "jpg"
    end = f"-{fingerprint}.{extension}"
    stem = re.sub(r"[^A-Za-z0-9._-]+", "_", ascii_stem)[: _NAME_LENGTH - len(end)].strip("._-") or "image"
    return f"{stem}{end}"
