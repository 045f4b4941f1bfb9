"""The identity of a paid call: two calls with the same fingerprint would be paid for the same answer.

The encoding before hashing is injective (each field is preceded by its length), so that (``a``, ``bc``) is never
(``ab``, ``c``). The base URL is part of it: a sandbox's answer never stands in for the API's.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.errors import OCRConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

_TYPE = re.compile(r"[a-z0-9_]{1,40}")
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_CUT = re.compile(r"[0-9a-fA-F]{6,}")


def is_type(value: str) -> bool:
    """Return whether ``value`` can be a type."""
    return _TYPE.fullmatch(value) is not None


def check_type(value: str) -> str:
    """Return ``value`` if it can be a type: it becomes part of a path, so ``[a-z0-9_]{1,40}`` only."""
    if not isinstance(value, str) or not is_type(value):
        message = (
            f"type {value!r} cannot be used: lower-case letters, digits and _ only, at most 40. Use vin or trailer_id."
        )
        raise OCRConfigError(message)
    return value


def is_fingerprint(value: str) -> bool:
    """Return whether ``value`` is 64 lower-case hex digits."""
    return _FINGERPRINT.fullmatch(value) is not None


def why_no_fingerprint(value: str) -> str:
    """Return what is wrong with what should be a fingerprint, as the end of a sentence."""
    rule = "it has 64 digits, lower-case hexadecimal"
    if is_fingerprint(value.strip().lower()):
        return f"{rule}, without blanks or capitals"
    if _CUT.fullmatch(value.strip()):
        return f"{rule}, and this has {len(value.strip())}. Copy all of it"
    return rule


def encode(fields: Iterable[bytes]) -> bytes:
    """Return the fields one after the other, each preceded by its length as 8 bytes, big-endian."""
    return b"".join(len(part).to_bytes(8, "big") + part for part in fields)


def _digest(kind: bytes, base_url: str, type_: str, *rest: bytes) -> str:
    digest = hashlib.sha256()
    for part in (kind, base_url.rstrip("/").encode(), check_type(type_).encode(), *rest):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


def fingerprint_bytes(base_url: str, type_: str, content: bytes) -> str:
    """Return the fingerprint of an upload: SHA-256 as 64 hex digits, of the *original* bytes before any shrinking."""
    return _digest(b"bytes", base_url, type_, content)


def fingerprint_url(base_url: str, type_: str, name: str, image_version: str | None = None) -> str:
    """Return the fingerprint of an ``upload_url``, with the version where known.

    :param name: what the URL is known by, see :func:`..images.identity.web_identity`.
    """
    version = (b"v" + image_version.encode()) if image_version else b""
    return _digest(b"url", base_url, type_, name.encode(), version)
