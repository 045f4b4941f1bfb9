from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_platerec_ocr.core import errors
from airflow_provider_platerec_ocr.core.errors import OCRCallError
from airflow_provider_platerec_ocr.core.refusals import why_forbidden
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
    402: errors.OCRForbidden,
    403: errors.OCRForbidden,
    404: errors.OCRWrongBaseURL,
    405: errors.OCRWrongBaseURL,
    407: errors.OCRStop,
    408: errors.OCROutcomeUnknown,
    409: errors.OCRWrongBaseURL,
    410: errors.OCRWrongBaseURL,
    418: errors.OCRWrongBaseURL,
    421: errors.OCRWrongBaseURL,
    425: errors.OCRRefused,
    429: errors.OCRRateLimited,
    431: errors.OCRWrongBaseURL,
    451: errors.OCRWrongBaseURL,
    499: errors.OCRWrongBaseURL,
    500: errors.OCROutcomeUnknown,
    501: errors.OCROutcomeUnknown,
    502: errors.OCROutcomeUnknown,
    503: errors.OCRUnavailable,
    504: errors.OCROutcomeUnknown,
    600: errors.OCROutcomeUnknown,
}
PAGE = b"<!doctype html><title>Blocked by your company policy</title>"
JSON, HTML = "application/json", "text/html; charset=utf-8"


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("status", CLASSES)
def test_other_statuses_mean_the_same_whatever_the_body(status: int, kind: str) -> None:
    content_type, body, detail = BODIES[kind]

    with pytest.raises(OCRCallError) as caught:
        parse_read(status, {"content-type": content_type}, body, now=NOW)

    assert type(caught.value) is CLASSES[status]
    assert (caught.value.status, caught.value.detail) == (status, detail)
    assert str(status) in str(caught.value)
    assert detail in str(caught.value)


@pytest.mark.parametrize("status", [400, 413, 415, 422])
@pytest.mark.parametrize(
    ("content_type", "body", "of_the_image"),
    [
        (JSON, b'{"detail": "Invalid image."}', True),
        ("application/json; charset=utf-8", b'{"detail": ["Invalid image."], "status_code": 400}', True),
        (JSON, b'\xef\xbb\xbf{"detail": {"upload": ["too large", "too old"]}}', True),
        (JSON, b'{"error": "Request Entity Too Large"}', True),
        (JSON, b'{"type": ["\\"vin\\" is not a valid choice."]}', True),
        (JSON, b'{"type": "is not a valid choice", "status_code": 400}', True),
        (JSON, b'{"something_new": ["This field is required."]}', True),
        ("", b'{"detail": "Invalid image."}', True),
        ("text/plain", b'{"detail": "Invalid image."}', True),
        (HTML, PAGE, False),
        (JSON, PAGE, False),
        ("", PAGE, False),
        (HTML, b'{"detail": "Invalid image."}', False),
        ("application/xml", b"<Error><Code>AccessDenied</Code></Error>", False),
        ("application/problem+json", b'{"type": "about:blank", "title": "Bad Request", "detail": "no"}', False),
        ("text/plain", b"Blocked", False),
        (JSON, b"", False),
        (JSON, b"Bad Request", False),
        (JSON, b'{"detail": "Invalid im', False),
        (JSON, b"null", False),
        (JSON, b"3", False),
        (JSON, b'"Bad Request"', False),
        (JSON, b"[]", False),
        (JSON, b'["Invalid image."]', False),
        (JSON, b"{}", False),
        (JSON, b'{"status_code": 400}', False),
        (JSON, b'{"detail": null}', False),
        (JSON, b'{"detail": 7}', False),
        (JSON, b'{"detail": ""}', False),
        (JSON, b'{"message": "Forbidden"}', False),
        (JSON, b'{"code": 12, "blocked": true}', False),
        (JSON, b'{"url": "https://blocked.example"}', False),
        (JSON, b'{"success": false, "errors": [{"code": 1015}]}', False),
        (JSON, b'{"error": {"code": 400, "message": "Your client has issued a malformed request"}}', False),
        (JSON, b'{"type": []}', False),
    ],
)
def test_only_the_apis_own_json_speaks_of_the_image(
    status: int,
    content_type: str,
    body: bytes,
    of_the_image: bool,  # noqa: FBT001  # a truth table's column
) -> None:
    error = call_error(status, {"Content-Type": content_type}, body, now=NOW)

    assert type(error) is (errors.OCRRejected if of_the_image else errors.OCRWrongBaseURL)
    assert error.from_api is of_the_image
    assert str(status) in str(error)


def test_what_is_not_the_api_says_what_answered() -> None:
    error = call_error(451, {"Set-Cookie": "session=geheim"}, PAGE, now=NOW)

    assert str(error).startswith("What answers is not the OCR API: 451: Blocked by your company policy. It may be a")
    assert "geheim" not in str(error)


@pytest.mark.parametrize(
    ("content_type", "body", "kind"),
    [
        (JSON, b'{"detail": "Invalid token."}', errors.OCRUnauthorized),
        ("", b"", errors.OCRUnauthorized),
        (HTML, b"<title>Log in to the proxy</title>", errors.OCRWrongBaseURL),
    ],
)
def test_a_401_is_about_the_token_unless_it_is_a_page(content_type: str, body: bytes, kind: type[OCRCallError]) -> None:
    assert type(call_error(401, {"Content-Type": content_type}, body, now=NOW)) is kind


@pytest.mark.parametrize(
    ("body", "statistics", "kind"),
    [
        (b'{"detail": "API call limit reached for this token."}', None, None),
        (b'{"detail": "Invalid token."}', None, None),
        (b"", None, None),
        (PAGE, None, errors.OCRWrongBaseURL),
        (b"RBAC: access denied", None, errors.OCRWrongBaseURL),
        (b'{"detail": "Invalid token."}', (403, b'{"detail": "No."}'), errors.OCRUnauthorized),
        (b'{"detail": "No."}', (403, b'{"detail": "Invalid token."}'), errors.OCRUnauthorized),
        (b'{"detail": "No."}', (401, b'{"detail": "No."}'), errors.OCRUnauthorized),
        (b'{"detail": "No."}', (403, b'{"detail": "No."}'), None),
        (b'{"detail": "No."}', (403, b""), None),
        (b'{"detail": "No."}', (403, PAGE), errors.OCRWrongBaseURL),
        (PAGE, (403, PAGE), errors.OCRWrongBaseURL),
        (PAGE, (404, PAGE), errors.OCRWrongBaseURL),
        (b'{"detail": "No."}', (503, PAGE), None),
        (b'{"detail": "Invalid token."}', (500, b'{"detail": "token"}'), None),
    ],
)
def test_a_403_means_what_the_free_call_makes_of_it(
    body: bytes, statistics: tuple[int, bytes] | None, kind: type[OCRCallError] | None
) -> None:
    refused = call_error(403, {}, body, now=NOW)
    found = None if statistics is None else call_error(statistics[0], {}, statistics[1], now=NOW)

    meaning = why_forbidden(refused, found)

    assert type(refused) is errors.OCRForbidden
    assert (None if meaning is None else type(meaning)) is kind
    assert meaning is None or meaning.status == 403


@pytest.mark.parametrize("status", [404, 302, 429, 503])
def test_a_refusal_that_passes_carries_the_wait_in_its_json(status: int) -> None:
    assert call_error(status, {}, b'{"retry_after": 30}', now=NOW).retry_after_s == 30.0


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
