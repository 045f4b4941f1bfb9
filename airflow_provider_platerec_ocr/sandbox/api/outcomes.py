"""Turns a scripted fault into the reply that is sent in its place.

Knows nothing of when a fault fires (``faults``) or how a reply is put on the wire (``server``).
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.sandbox.state import replies
from airflow_provider_platerec_ocr.sandbox.state.faults import Kind
from airflow_provider_platerec_ocr.sandbox.state.replies import Delivery, Reply

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.sandbox.state.faults import Fault

DEFAULT_RETRY_AFTER_S = 1.0


def refusal(fault: Fault, limit_bytes: int) -> Reply:
    """Give the reply of a fault that leaves the API's answer out, whether or not work was done."""
    wait_s = DEFAULT_RETRY_AFTER_S if fault.retry_after_s is None else fault.retry_after_s
    return {
        Kind.BAD_REQUEST: replies.not_an_image(),
        Kind.BLOCKED_HTML: Reply(400, replies.HTML_BLOCKED, "text/html"),
        Kind.UNAUTHORIZED: replies.invalid_token(),
        Kind.FORBIDDEN: replies.forbidden(),
        Kind.FORBIDDEN_HTML: Reply(403, replies.HTML_BLOCKED, "text/html"),
        Kind.MISSING_HTML: Reply(404, replies.HTML_404, "text/html"),
        Kind.TOO_LARGE: replies.too_large(limit_bytes),
        Kind.THROTTLED: replies.throttled(wait_s, header=fault.header, text=fault.header or fault.text),
        Kind.SERVER_ERROR: Reply(500, "<h1>Server Error (500)</h1>", "text/html"),
        Kind.BAD_GATEWAY_HTML: Reply(502, replies.HTML_502, "text/html"),
        Kind.UNAVAILABLE: _unavailable(fault),
        Kind.GATEWAY_TIMEOUT: Reply(504, replies.HTML_504, "text/html"),
        Kind.HANG: Reply(0, delivery=Delivery.HANG),
        Kind.CUT_BEFORE: Reply(0, delivery=Delivery.CUT),
    }[fault.kind]


def _unavailable(fault: Fault) -> Reply:
    reply = replies.reply_json(503, {"detail": "Prediction service error."})
    if fault.retry_after_s is None or not fault.header:
        return reply
    headers = {"Retry-After": f"{fault.retry_after_s:g}"}
    return replace(reply, headers=headers, retry_after_s=fault.retry_after_s)


def spoil(fault: Fault, answer: Reply) -> Reply:
    """Give what becomes of a finished answer."""
    spoiled = answer
    match fault.kind:
        case Kind.CUT_AFTER:
            spoiled = replace(answer, status=0, delivery=Delivery.CUT)
        case Kind.CUT_JSON:
            spoiled = replace(answer, delivery=Delivery.CUT_IN_BODY)
        case Kind.BAD_JSON:
            spoiled = replace(answer, body=answer.body[: len(answer.body) // 2])
        case Kind.ERROR_200:
            spoiled = replace(answer, body=json.dumps({"error": "Prediction failed."}))
        case Kind.DIALECT:
            spoiled = replace(answer, body=json.dumps({"status": "ok", "data": json.loads(answer.body)}))
        case Kind.LONG_HEAD:
            spoiled = replace(answer, headers={**answer.headers, **replies.LONG_HEAD})
    return spoiled
