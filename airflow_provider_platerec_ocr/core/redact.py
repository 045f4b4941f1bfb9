"""Cutting secrets out of anything that is written down."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

_URL = re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://[^\s'\"<>]+", re.IGNORECASE)
_OPAQUE = r"(?=[A-Za-z._~+/=-]*[0-9])[A-Za-z0-9._~+/=-]{6,}|[A-Za-z0-9._~+/=-]{16,}"
_TOKEN = re.compile(rf"(?i)\b(token|bearer|basic)([\s:=\"']+)(?:{_OPAQUE})")
"""A word with a digit, or a long one: "Invalid token header" is left as it is."""
MASK = "***"


def redact_url(url: str) -> str:
    """Return ``url`` without user, password, query and fragment: a presigned URL's query *is* its secret."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
    except ValueError:
        return MASK
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def redact(text: str, *secrets: str | None) -> str:
    """Return ``text`` with the given secrets, ``Authorization`` values and the queries of URLs cut out."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, MASK)
    text = _URL.sub(lambda match: redact_url(match.group(0)), text)
    return _TOKEN.sub(lambda match: f"{match.group(1)}{match.group(2)}{MASK}", text)


def whole_text(text: str) -> str:
    """Return ``text`` as UTF-8 can have it: JSON can hold half of a character, which no file takes."""
    return text.encode("utf-8", "replace").decode()


def shorten(text: str, limit: int = 300) -> str:
    """Return ``text`` on one line, at most ``limit`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
