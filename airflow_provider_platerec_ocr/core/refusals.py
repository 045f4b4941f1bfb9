"""What an answer that is no success means: one error by its money, one short line of what the API said.

Apart from :mod:`.wire` only so that each can be read in one go; it knows no HTTP client either. Grades as there.
"""

from __future__ import annotations

import html
import json
import re
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core import errors
from airflow_provider_platerec_ocr.core.backoff import header, retry_after_s
from airflow_provider_platerec_ocr.core.redact import redact, redact_url, shorten
from airflow_provider_platerec_ocr.core.settings import DEFAULT_BASE_URL

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_CUT_JSON = re.compile(r'"(?:detail|error|message)"\s*:\s*\[?\s*"((?:[^"\\]|\\.)*)')
_TITLE = re.compile(r"(?is)<title[^>]*>(.*?)(?:</title|$)")
_HIDDEN = re.compile(r"(?is)<(script|style|head)\b.*?(?:</\1\s*>|$)")
_TAG = re.compile(r"(?s)<[^>]*(?:>|$)")
_ABOUT_TOKEN = re.compile(r"(?i)token|credential|authenticat")
_HELP_ON_401 = (
    "Put a valid token into the password of the connection; the account's token is at https://app.platerecognizer.com/."
)
HELP_ON_HOST = f"Set the host of the connection to {DEFAULT_BASE_URL}, or leave it empty."


def call_error(  # noqa: PLR0911  # one return for each meaning
    status: int, headers: Mapping[str, str], body: bytes, *, now: datetime
) -> errors.OCRCallError:
    """Return the error of an answer that is no success.

    400, 401, 403, 429 and 503 are the document's own [doc], 413 is [seen], the rest is [inferred]: 3xx, 404, 405, 410
    and 421 come from a host that is not the API; 402 is about money, so the statistics are asked as for 403; 407 comes
    from a proxy before the API; 425 refuses before work; 408 and 5xx other than 503 leave open whether the image was
    read; any other 4xx speaks of the content.
    """
    detail = error_detail(body, header(headers, "Content-Type"))
    said = f"{status}: {detail}" if detail else str(status)
    facts: dict[str, Any] = {"status": status, "detail": detail}
    if status in {425, 429, 503}:
        facts["retry_after_s"] = retry_after_s(headers, _plain_text(body, detail), now)
        return _refused(status, said, facts)
    if status == 401 or (status == 403 and _ABOUT_TOKEN.search(detail)):  # noqa: PLR2004  # HTTP's own numbers
        return errors.OCRUnauthorized(f"The API refused the token ({said}). {_HELP_ON_401}", **facts)
    if status in {402, 403}:
        message = (
            f"The API forbids the call ({said}): OCR is not enabled for this account, or its calls are used up. "
            "The statistics (airflow connections test) tell which; see https://app.platerecognizer.com/."
        )
        return errors.OCRForbidden(message, **facts)
    if status == 407:  # noqa: PLR2004
        message = f"The proxy wants a user and a password ({said}). Put them into proxy in the connection's extra."
        return errors.OCRStop(message, **facts)
    if 300 <= status < 400 or status in {404, 405, 410, 421}:  # noqa: PLR2004
        target = header(headers, "Location")
        where = f", and points to {shorten(redact_url(target), 120)}" if target else ""
        message = f"The host of the connection is not the OCR API: it answers {said}{where}. {HELP_ON_HOST}"
        return errors.OCRWrongBaseURL(message, **facts)
    if 400 <= status < 500 and status != 408:  # noqa: PLR2004
        message = f"The API rejected the image ({said}). It is not sent again; check the image and its type."
        return errors.OCRRejected(message, **facts)
    message = f"The API answered {said}: the call may have been billed, so it is not repeated by itself."
    return errors.OCROutcomeUnknown(message, **facts)


def _refused(status: int, said: str, facts: dict[str, Any]) -> errors.OCRCallError:
    if status == 429:  # noqa: PLR2004
        message = (
            f"The account's rate limit is reached ({said}). Calls go on more slowly, and never earlier than asked."
        )
        return errors.OCRRateLimited(message, **facts)
    if status == 503:  # noqa: PLR2004
        message = f"The prediction service is unavailable ({said}). The call is tried again after a pause."
        return errors.OCRUnavailable(message, **facts)
    message = f"The API refused the call before work ({said}). It is tried again after a pause."
    return errors.OCRRefused(message, **facts)


def error_detail(body: bytes, content_type: str) -> str:
    """Return what an error's body says, on one short line, without secrets.

    JSON with ``detail``, ``error`` or lists of faults by field ([sibling], Django REST framework), the title of an
    HTML page, or what can be read of a body that was cut off.
    """
    data = parse_json(body)
    if data is not None:
        text = _said(data)
    else:
        text = body[:20_000].decode("utf-8", "replace")
        cut = _CUT_JSON.search(text)
        if "html" in content_type.lower() or text.lstrip()[:1] == "<":
            title = _TITLE.search(text)
            text = html.unescape(_TAG.sub(" ", title.group(1) if title else _HIDDEN.sub(" ", text)))
        elif cut:
            text = cut.group(1)
    return shorten(redact(text))


def _plain_text(body: bytes, detail: str) -> str:
    """Return ``detail`` with the whole body behind it: a wait may stand in a field that ``detail`` leaves out."""
    return f"{detail} {body[:2000].decode('utf-8', 'replace')}"


def _said(data: Any) -> str:
    if isinstance(data, dict):
        for key in ("detail", "error", "message"):
            if data.get(key):
                return _said(data[key])
        return "; ".join(f"{key}: {_said(value)}" for key, value in data.items() if key != "status_code")
    if isinstance(data, list):
        return " ".join(_said(item) for item in data)
    return "" if data is None else str(data)


def parse_json(body: bytes) -> Any:
    """Return the parsed body, ``None`` where it is no JSON; NaN and Infinity, which are no JSON, become null."""
    try:
        return json.loads(body, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None
