"""What a webhook says, as a value: pure rules on the payload's JSON, without files and without HTTP.

The shape is ``{"hook": {"target", "id"}, "data": {…the answer…, "file_url"}}`` (the API's document, "Webhooks").
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any, NoReturn

from airflow_provider_platerec_ocr.core.answer.nesting import DEEPEST, is_shallow
from airflow_provider_platerec_ocr.core.errors import OCRInputError
from airflow_provider_platerec_ocr.core.redact import redact_url

ID_DIGITS = 32
"""Hex digits of a payload's id."""
_ID = re.compile(rf"[0-9a-f]{{{ID_DIGITS}}}")
_SENT_BY_US = re.compile(r"-([0-9a-f]{64})(?:\.[A-Za-z0-9]{1,8})?\Z")
"""The end of a file name that we gave an upload; siblings of the API put something before a name, never after it."""


class PayloadError(OCRInputError):
    """A body that is no payload. The text never quotes the body."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a delivery."""

    id: str
    """32 hex digits that stand for the answer: the same answer has the same id, however often it is delivered."""
    new: bool
    """Whether this delivery was the first."""


@dataclass(frozen=True, slots=True)
class Payload:
    """One payload of the inbox."""

    id: str
    """32 hex digits, as in :class:`Receipt`."""
    cursor: str
    """Its position in the order of receipt, for :meth:`.inbox.Inbox.scan`; grows as text."""
    received_at: str
    """When it was received, ISO 8601 in UTC with microseconds."""
    data: dict[str, Any]
    """The API's answer, as it came."""
    hook: dict[str, Any]
    """``target`` and ``id`` of the webhook; the target without what may be a secret. Empty where it said nothing."""

    @property
    def file_url(self) -> str | None:
        """Where the API keeps the image, if it said."""
        return _text(self.data, "file_url")

    @property
    def filename(self) -> str | None:
        """The file's name as the API gives it back, which may have a prefix."""
        return _text(self.data, "filename")

    @property
    def fingerprint(self) -> str | None:
        """The fingerprint (64 hex digits) in the file name of an upload of ours; ``None`` for everybody else's."""
        return fingerprint_of(self.filename)


def parse_payload(text: str | bytes) -> dict[str, Any]:
    """Return the payload of a body's JSON, checked.

    :raises PayloadError: it is not JSON, holds what JSON does not have, is nested too deep, or has no object ``data``.
    """
    try:
        payload = json.loads(text, parse_constant=_refuse_constant)
        json.dumps(payload, allow_nan=False)  # 1e999 is read as infinity
    except (ValueError, RecursionError):
        message = "The body is not JSON."
        raise PayloadError(message) from None
    return check_payload(payload)


def check_payload(payload: Any) -> dict[str, Any]:
    """Return ``payload`` if it can be one.

    :raises PayloadError: it is no object, has no object ``data``, or is nested too deep.
    """
    if not isinstance(payload, dict) or not isinstance(payload.get("data"), dict):
        message = 'The body is no webhook payload: it must be an object with an object "data".'
        raise PayloadError(message)
    if not is_shallow(payload):
        message = f"The body is nested more than {DEEPEST} levels deep."
        raise PayloadError(message)
    return payload


def payload_id(data: dict[str, Any]) -> str:
    """Return the id of an answer: the start of SHA-256 over its canonical JSON.

    Who delivered it (``hook``) is not part of it, since two hooks of one account bring the same answer; neither is the
    query of ``file_url``, a signature that may differ from one delivery to the next.
    """
    url = data.get("file_url")
    same = data | {"file_url": redact_url(url)} if isinstance(url, str) else data
    canonical = json.dumps(same, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:ID_DIGITS]


def is_payload_id(text: str) -> bool:
    """Return whether ``text`` can be the id of a payload; nothing else may become part of a path."""
    return _ID.fullmatch(text) is not None


def fingerprint_of(filename: str | None) -> str | None:
    """Return the fingerprint at the end of a file name, whatever stands before it."""
    found = _SENT_BY_US.search(filename or "")
    return found.group(1) if found else None


def hook_of(payload: dict[str, Any]) -> dict[str, Any]:
    """Return the payload's ``hook`` without the path of its target, where the secret may be."""
    hook = payload.get("hook")
    if not isinstance(hook, dict):
        return {}
    target = hook.get("target")
    return hook | {"target": _origin(target)} if isinstance(target, str) else hook


def _origin(url: str) -> str:
    scheme, found, rest = redact_url(url).partition("://")
    return f"{scheme}://{rest.partition('/')[0]}" if found else ""


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _text(data: dict[str, Any], key: str) -> str | None:
    value = data.get(key)
    return value if isinstance(value, str) and value else None
