"""What the API says when it does not answer with a read: statuses and bodies, in the words of its framework.

The document lists the statuses; the texts are those of Django REST framework, which the vendor's other products show.
Knows nothing of when they are sent.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

HTML_502 = (
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n"
    "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)
HTML_404 = HTML_502.replace("502 Bad Gateway", "404 Not Found")
HTML_BLOCKED = "<!doctype html>\n<title>Blocked by your company policy</title>\n<h1>This page is blocked</h1>\n"
"""What stands in the API's place behind some proxies and firewalls; the status differs."""
HTML_504 = HTML_502.replace("502 Bad Gateway", "504 Gateway Time-out")
LONG_HEAD = {"X-Policy": "p" * 60_000, **{f"X-Trace-{number}": "1" for number in range(200)}}
"""What gateways of companies put on top of an answer: one line of 60 KB, and 200 lines more."""


class Delivery(Enum):
    """How a reply reaches the client."""

    WHOLE = "whole"
    """Status, headers and the whole body."""
    CUT = "cut"
    """Nothing: the connection is closed."""
    CUT_IN_BODY = "cut in body"
    """The headers promise the whole body, half of it arrives, then the connection is closed."""
    HANG = "hang"
    """Nothing, while the connection stays open."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer, before it is put on the wire."""

    status: int
    """HTTP status; 0 where none is sent."""
    body: str = ""
    """The body's text."""
    content_type: str = "application/json"
    """The body's media type."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Further headers, such as Retry-After."""
    delivery: Delivery = Delivery.WHOLE
    """How it is sent."""
    retry_after_s: float | None = None
    """Seconds the client was asked to stay away, by header or text."""


class Refusal(Exception):
    """Raised where the API refuses a request; carries the reply."""

    def __init__(self, reply: Reply) -> None:
        """Keep the reply that is to be sent."""
        super().__init__(f"{reply.status}: {reply.body}")
        self.reply = reply


def reply_json(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Reply:
    """Wrap a JSON body."""
    return Reply(status, json.dumps(body), headers=headers or {})


def missing_token() -> Reply:
    """401: the request carries no token."""
    body = {"detail": "Authentication credentials were not provided."}
    return reply_json(401, body, {"WWW-Authenticate": "Token"})


def invalid_token() -> Reply:
    """401: the token is unknown or was revoked."""
    return reply_json(401, {"detail": "Invalid token."}, {"WWW-Authenticate": "Token"})


def forbidden() -> Reply:
    """403, one text for both reasons: which of the two it is, only the statistics call tells."""
    return reply_json(403, {"detail": "OCR is not enabled for your account or API call limit reached."})


def too_large(limit_bytes: int) -> Reply:
    """413, with ``error`` instead of ``detail``, as third parties have seen it."""
    return reply_json(413, {"error": f"Request Entity Too Large: the image is over {limit_bytes} bytes."})


def throttled(wait_s: float, *, header: bool = True, text: bool = True) -> Reply:
    """429 with the wait in whole seconds (at least one) in the text, and in Retry-After, unless one is off."""
    seconds = max(1, math.ceil(wait_s))
    if not (header or text):
        return reply_json(429, {"detail": "Request was throttled.", "status_code": 429})
    unit = "second" if seconds == 1 else "seconds"
    detail = f"Request was throttled. Expected available in {seconds} {unit}."
    headers = {"Retry-After": str(seconds)} if header else {}
    body = json.dumps({"detail": detail, "status_code": 429})
    return Reply(429, body, headers=headers, retry_after_s=float(seconds))


def bad_fields(errors: Mapping[str, list[str]]) -> Reply:
    """400 with a list of messages per field."""
    return reply_json(400, errors)


def not_an_image() -> Reply:
    """400 for bytes that are no image, or an image cut off."""
    text = "Upload a valid image. The file you uploaded was either not an image or a corrupted image."
    return bad_fields({"upload": [text]})


def not_found() -> Reply:
    """404 for a path that is not the API's."""
    return reply_json(404, {"detail": "Not found."})


def method_not_allowed(method: str, allowed: str) -> Reply:
    """405 for the wrong verb."""
    return reply_json(405, {"detail": f'Method "{method}" not allowed.'}, {"Allow": allowed})
