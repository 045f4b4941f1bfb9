from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_platerec_ocr.core import errors
from airflow_provider_platerec_ocr.core.errors import OCRCallError
from airflow_provider_platerec_ocr.core.wire import call_error, error_detail, parse_read

NOW = datetime(2026, 3, 1, 22, tzinfo=UTC)
BODIES = {
    "detail": ("application/json", b'{"detail": "It is so.", "status_code": 400}', "It is so."),
    "error": ("application/json", b'{"error": "It is so."}', "It is so."),
    "fields": ("application/json", b'{"type": ["This field is required."]}', "type: This field is required."),
    "html": ("text/html", b"<html><head><title>502 &amp; more</title></head><body>x</body></html>", "502 & more"),
    "cut": ("application/json", b'{"detail": "It is s', "It is s"),
    "empty": ("", b"", ""),
}
CLASSES: dict[int, type[OCRCallError]] = {
    301: errors.OCRWrongBaseURL,
    302: errors.OCRWrongBaseURL,
    308: errors.OCRWrongBaseURL,
    400: errors.OCRRejected,
    401: errors.OCRUnauthorized,
    402: errors.OCRForbidden,
    403: errors.OCRForbidden,
    404: errors.OCRWrongBaseURL,
    405: errors.OCRWrongBaseURL,
    407: errors.OCRStop,
    408: errors.OCROutcomeUnknown,
    409: errors.OCRRejected,
    410: errors.OCRWrongBaseURL,
    413: errors.OCRRejected,
    415: errors.OCRRejected,
    421: errors.OCRWrongBaseURL,
    422: errors.OCRRejected,
    425: errors.OCRRefused,
    429: errors.OCRRateLimited,
    500: errors.OCROutcomeUnknown,
    501: errors.OCROutcomeUnknown,
    502: errors.OCROutcomeUnknown,
    503: errors.OCRUnavailable,
    504: errors.OCROutcomeUnknown,
    600: errors.OCROutcomeUnknown,
}


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("status", CLASSES)
def test_a_status_means_the_same_whatever_the_body(status: int, kind: str) -> None:
    content_type, body, detail = BODIES[kind]

    with pytest.raises(OCRCallError) as caught:
        parse_read(status, {"content-type": content_type}, body, now=NOW)

    assert type(caught.value) is CLASSES[status]
    assert (caught.value.status, caught.value.detail) == (status, detail)
    assert str(status) in str(caught.value)
    assert detail in str(caught.value)


@pytest.mark.parametrize(
    "detail",
    ["Invalid token.", "Authentication credentials were not provided.", "Invalid Token header"],
)
def test_a_403_that_speaks_of_the_token_is_about_the_token(detail: str) -> None:
    error = call_error(403, {}, f'{{"detail": "{detail}"}}'.encode(), now=NOW)

    assert type(error) is errors.OCRUnauthorized
    assert "into the password of the connection" in str(error)


@pytest.mark.parametrize("status", [425, 429, 503])
def test_a_refusal_carries_the_wait(status: int) -> None:
    in_body = b'{"detail": "Request was throttled. Expected available in 2 seconds."}'

    assert call_error(status, {"Retry-After": "90"}, in_body, now=NOW).retry_after_s == 90.0
    assert call_error(status, {}, in_body, now=NOW).retry_after_s == 2.0
    assert call_error(status, {}, b'{"detail": "no", "hint": "available in 3 seconds"}', now=NOW).retry_after_s == 3.0
    assert call_error(status, {}, b"", now=NOW).retry_after_s is None


def test_a_redirect_is_not_followed_but_named_without_its_query() -> None:
    error = call_error(302, {"Location": "https://login.example/?next=secret"}, b"", now=NOW)

    assert "points to https://login.example/" in str(error)
    assert "secret" not in str(error)
    assert "Set the host of the connection" in str(error)


@pytest.mark.parametrize(
    ("content_type", "body", "detail"),
    [
        ("", b'{"message": "It is so."}', "It is so."),
        ("", b'{"detail": {"upload": ["too large", "too old"]}}', "upload: too large too old"),
        ("", b'{"detail": null, "error": "", "upload": "bad"}', "detail: ; error: ; upload: bad"),
        ("", b'{"status_code": 400}', ""),
        ("", b'["one", "two"]', "one two"),
        ("", b"3", "3"),
        ("", b'"text"', "text"),
        ("", b"  <!doctype html><h1>Bad <b>Gateway</b></h1><script>x()</script>", "Bad Gateway"),
        ("text/html", b"<head><style>b{}</style></head>Sorry", "Sorry"),
        ("text/html", b"<title>cut o", "cut o"),
        ("text/plain", b"upstream\n\nconnect   error", "upstream connect error"),
        ("", b'{"type": ["This field', '{"type": ["This field'),
        ("", b"\xff\xfe broken", "�� broken"),
        ("", b'{"detail": "Token abcdef123456 is wrong"}', "Token *** is wrong"),
        ("", b'{"error": "cannot fetch https://x.example/a.jpg?sig=1"}', "cannot fetch https://x.example/a.jpg"),
    ],
)
def test_what_a_body_says_becomes_one_line_without_secrets(content_type: str, body: bytes, detail: str) -> None:
    assert error_detail(body, content_type) == detail


@given(st.integers(202, 599), st.binary(max_size=80), st.sampled_from(["", "text/html", "application/json"]))
def test_every_answer_has_a_meaning_and_a_short_message(status: int, body: bytes, content_type: str) -> None:
    error = call_error(status, {"Content-Type": content_type}, body, now=NOW)

    assert error.status == status
    assert len(error.detail) <= 300
    assert "\n" not in str(error)
