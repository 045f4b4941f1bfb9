"""The identity of a paid call: two calls with the same fingerprint would be paid for the same answer.

The encoding before hashing is injective (each field is preceded by its length), so that (``a``, ``bc``) is never
(``ab``, ``c``). The base URL is part of it: a sandbox's answer never stands in for the API's.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from airflow_provider_platerec_ocr.core.errors import OCRConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

_TYPE = re.compile(r"[a-z0-9_]{1,40}")
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_SECRET = re.compile(
    r"(?i)(x-(amz|goog|oss|cos)-.*|awsaccesskeyid|googleaccessid|ossaccesskeyid|signature|key-pair-id|sig"
    r"|token|access_token|auth)"
)
_BESIDE_SIGNATURE = re.compile(r"(?i)(expires|policy)")
_BESIDE_SIG = re.compile(r"(?i)(se|sp|sv|sr|st|spr|sip|skoid|sktid|skt|ske|sks|skv)")
"""Parts of an Azure SAS; too short to be taken for that where no ``sig`` stands beside them."""


def check_type(value: str) -> str:
    """Return ``value`` if it can be a type: it becomes part of a path, so ``[a-z0-9_]{1,40}`` only."""
    if not isinstance(value, str) or not _TYPE.fullmatch(value):
        message = (
            f"type {value!r} cannot be used: lower-case letters, digits and _ only, at most 40. Use vin or trailer_id."
        )
        raise OCRConfigError(message)
    return value


def is_fingerprint(value: str) -> bool:
    """Return whether ``value`` is 64 lower-case hex digits."""
    return _FINGERPRINT.fullmatch(value) is not None


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


def fingerprint_url(base_url: str, type_: str, upload_url: str, image_version: str | None = None) -> str:
    """Return the fingerprint of an ``upload_url``: without signature parameters, with the version where known."""
    version = (b"v" + image_version.encode()) if image_version else b""
    return _digest(b"url", base_url, type_, stable_url(upload_url).encode(), version)


def stable_url(url: str) -> str:
    """Return ``url`` without user, fragment and the parameters that signing adds; other parameters keep their order.

    Short names that only belong to a signature beside a signature (``expires``, ``sr``, …) stay where there is none:
    two photographs that differ in ``?sr=`` must not share an answer.
    """
    parts = urlsplit(url)
    given = parse_qsl(parts.query, keep_blank_values=True)
    names = {name.lower() for name, _ in given}
    patterns = [_SECRET]
    patterns += [_BESIDE_SIGNATURE] if "signature" in names else []
    patterns += [_BESIDE_SIG] if "sig" in names else []
    query = [(name, value) for name, value in given if not any(pattern.fullmatch(name) for pattern in patterns)]
    host = parts.netloc.rpartition("@")[2].lower()
    return urlunsplit((parts.scheme.lower(), host, parts.path, urlencode(query), ""))
