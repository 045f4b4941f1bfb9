"""What an answer that is no success means: one error by its money, one short line of what the API said.

Apart from :mod:`.wire` only so that each can be read in one go; it knows no HTTP client either. Grades as there.
"""

from __future__ import annotations

import html
import json
import re
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core import errors
from airflow_provider_platerec_ocr.core.answer.nesting import is_shallow
from airflow_provider_platerec_ocr.core.answer.retry_after import header, retry_after_s
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
_OF_THE_IMAGE = frozenset({400, 413, 415, 422})
"""The statuses with which the API speaks of the image, where the body is the API's as well."""
_FIELDS = frozenset({"type", "upload", "upload_url", "camera_id", "timestamp", "non_field_errors"})
"""Names under which the API may say what is wrong with a request [doc]."""
_HELP_ON_401 = (
    "Put a valid token into the password of the connection; the account's token is at https://app.platerecognizer.com/."
)
HELP_ON_HOST = f"Set the host of the connection to {DEFAULT_BASE_URL}, or leave it empty."


def call_error(  # noqa: PLR0911  # one return for each meaning
    status: int, headers: Mapping[str, str], body: bytes, *, now: datetime
) -> errors.OCRCallError:
    """Return the error of an answer that is no success.

    400, 401, 403, 429 and 503 are the document's own [doc], 413 is [seen], the rest is [inferred]. 400, 413, 415 and
    422 speak of the image, and 401 of the token, only in the API's own words (:func:`is_api_json`): a proxy, a gateway
    or a firewall on the way has the same statuses, and must not burn a manifest. 402 and 403 are about money or about
    the token: the statistics tell which. 407 comes from a proxy before the API; 425 refuses before work; 408 and 5xx
    other than 503 leave open whether the image was read. Every other 3xx and 4xx is not the API's.
    """
    content_type = header(headers, "Content-Type")
    detail = error_detail(body, content_type)
    said = f"{status}: {detail}" if detail else str(status)
    from_api = is_api_json(body, content_type)
    facts: dict[str, Any] = {"status": status, "detail": detail, "from_api": from_api}
    facts["retry_after_s"] = retry_after_s(headers, _plain_text(body, detail), now, data=parse_json(body))
    if status in {425, 429, 503}:
        return _refused(status, said, facts)
    if status == 401 and not is_page(body, content_type):  # noqa: PLR2004  # HTTP's own numbers
        return errors.OCRUnauthorized(f"The API refused the token ({said}). {_HELP_ON_401}", **facts)
    if status in {402, 403}:
        message = (
            f"The API forbids the call ({said}): OCR is not enabled for this account, or its calls are used up, or the "
            "token is not good. The statistics (airflow connections test) tell which; see "
            "https://app.platerecognizer.com/."
        )
        return errors.OCRForbidden(message, **facts)
    if status == 407:  # noqa: PLR2004
        message = f"The proxy wants a user and a password ({said}). Put them into proxy in the connection's extra."
        return errors.OCRStop(message, **facts)
    if status in _OF_THE_IMAGE and from_api:
        message = f"The API rejected the image ({said}). It is not sent again; check the image and its type."
        return errors.OCRRejected(message, **facts)
    if 300 <= status < 500 and status != 408:  # noqa: PLR2004
        return _not_the_api(headers, said, facts)
    message = f"The API answered {said}: the call may have been billed, so it is not repeated by itself."
    return errors.OCROutcomeUnknown(message, **facts)


def _not_the_api(headers: Mapping[str, str], said: str, facts: dict[str, Any]) -> errors.OCRWrongBaseURL:
    """Return the stop for an answer that is not the API's: its host, or whatever stands on the way to it."""
    status = facts["status"]
    if status < 400 or status in {404, 405, 410, 421}:  # noqa: PLR2004
        target = header(headers, "Location")
        where = f", and points to {shorten(redact_url(target), 120)}" if target else ""
        message = f"The host of the connection is not the OCR API: it answers {said}{where}. {HELP_ON_HOST}"
        return errors.OCRWrongBaseURL(message, **facts)
    message = (
        f"What answers is not the OCR API: {said}. It may be a proxy, a gateway or a firewall on the way. Nothing more "
        f"is sent, and nothing was rejected: ask who runs it. {HELP_ON_HOST}"
    )
    return errors.OCRWrongBaseURL(message, **facts)


def is_page(body: bytes, content_type: str) -> bool:
    """Return whether an answer is made for a browser: it calls itself HTML or XML, or begins like it.

    :param content_type: the header as it came, or empty.
    """
    media_type = content_type.partition(";")[0].lower()
    return "html" in media_type or "xml" in media_type or body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<"


def is_api_json(body: bytes, content_type: str) -> bool:
    """Return whether an error's body is JSON as the API writes it; what it calls itself is not enough.

    That is an object with a ``detail`` or a text as ``error``, or one with a list of texts for each field. An empty
    body, a page, a bare value, a list, or another service's object (``{"message": …}``, ``{"code": 12}``) is not.

    :param content_type: the header as it came, or empty.
    """
    data = None if is_page(body, content_type) or "problem+" in content_type.lower() else parse_json(body)
    if not isinstance(data, dict):
        return False
    detail, error = data.get("detail"), data.get("error")
    if (detail and isinstance(detail, str | list | dict)) or (error and _is_text(error)):
        return True
    fields = {name: value for name, value in data.items() if name != "status_code"}
    return bool(fields) and all(
        bool(value) and _is_text(value) and (isinstance(value, list) or name in _FIELDS)
        for name, value in fields.items()
    )


def why_forbidden(refused: errors.OCRCallError, found: errors.OCRCallError | None = None) -> errors.OCRStop | None:
    """Return what a 402 or 403 means as far as refusals tell, or ``None`` where the account's numbers have to.

    "API call limit reached for this token." speaks of a quota: what says that a token is bad is that the free call is
    refused with it, too. And a firewall's page says nothing about the account.

    :param refused: the 402 or 403.
    :param found: how the statistics, which are free, were refused; ``None`` where they answered.
    """
    said = f"{refused.status}: {refused.detail}" if refused.detail else str(refused.status)
    facts = refused.attributes
    if found is None:
        foreign = not refused.from_api and bool(refused.detail)
        return _on_the_way(said, "the statistics answer as ever", facts) if foreign else None
    also = f"{found.status}: {found.detail}" if found.detail else str(found.status)
    about_token = any(_ABOUT_TOKEN.search(each.detail) for each in (refused, found) if each.from_api)
    if isinstance(found, errors.OCRUnauthorized) or (isinstance(found, errors.OCRForbidden) and about_token):
        both = said if refused is found else f"{said}; the statistics: {also}"
        return errors.OCRUnauthorized(f"The API refused the token ({both}). {_HELP_ON_401}", **facts)
    foreign = not found.from_api and bool(found.detail)
    if foreign and isinstance(found, errors.OCRForbidden | errors.OCRWrongBaseURL):
        return _on_the_way(said, f"the statistics: {also}", facts)
    return None


def _on_the_way(said: str, also: str, facts: Mapping[str, Any]) -> errors.OCRWrongBaseURL:
    message = (
        f"What answers is not the OCR API: {said}; {also}. A proxy, a gateway or a firewall on the way refuses the "
        "call; nothing was billed. Ask who runs it, or set proxy in the connection's extra."
    )
    return errors.OCRWrongBaseURL(message, **facts)


def _is_text(value: Any) -> bool:
    """Return whether ``value`` is a text or a list of texts."""
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(item, str) for item in value))


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
    """Return the parsed body, ``None`` where it is no JSON, or none that anybody writes: it is nested too deeply.

    NaN and Infinity, which are no JSON, become null.
    """
    try:
        data = json.loads(body, parse_constant=lambda _: None)
    except (ValueError, RecursionError):  # how deep it may be nested depends on the Python
        return None
    return data if is_shallow(data) else None
