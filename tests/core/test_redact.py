from __future__ import annotations

import pytest

from airflow_provider_platerec_ocr.core.redact import MASK, holds_secret, redact, redact_url, shorten


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://x.example/a.jpg?X-Amz-Signature=abc#top", "https://x.example/a.jpg"),
        ("https://user:pw@x.example:8443/a.jpg", "https://x.example:8443/a.jpg"),
        ("s3://bucket/a.jpg", "s3://bucket/a.jpg"),
        ("https://[broken", MASK),
    ],
)
def test_a_url_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert redact_url(url) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Authorization: Token abcdef123456", f"Authorization: Token {MASK}"),
        ('{"token": "abcdef123456"}', f'{{"token": "{MASK}"}}'),
        ("Bearer abcdefghijklmnopqrstuvwxyz", f"Bearer {MASK}"),
        ("GET https://x.example/a.jpg?sig=abc failed", "GET https://x.example/a.jpg failed"),
        ("Invalid token header. No credentials provided.", "Invalid token header. No credentials provided."),
        ("Invalid token.", "Invalid token."),
    ],
)
def test_text_is_shown_without_its_secrets(text: str, shown: str) -> None:
    assert redact(text) == shown


def test_named_secrets_are_cut_wherever_they_stand() -> None:
    assert redact("it said hush twice: hush", "hush", None, "") == f"it said {MASK} twice: {MASK}"


def test_a_long_text_becomes_one_short_line() -> None:
    assert shorten("a\n  b") == "a b"
    assert shorten("abcdef", 4) == "abc…"
    assert len(shorten("x" * 1000)) == 300


@pytest.mark.parametrize(
    ("query", "found"),
    [("token=abc.def", True), ("key=a%2Ejpg", False), ("key=a.jpg&sig=x.y", True), ("a=1&b", False), ("", False)],
)
def test_a_query_holds_a_secret_if_any_part_is_one(query: str, *, found: bool) -> None:
    assert holds_secret(query) is found
