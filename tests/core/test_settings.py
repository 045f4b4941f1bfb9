from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.money import Price
from airflow_provider_platerec_ocr.core.saying.places import as_text
from airflow_provider_platerec_ocr.core.settings import (
    ClientSettings,
    Timeouts,
    flag,
    is_loopback,
    normalize_base_url,
    number,
    refuse_unknown,
)

SECRET = "abcdef123456"
NEEDS: dict[str, dict[str, Any]] = {
    "price_per_1000_calls": {"currency": "EUR"},
    "currency": {"price_per_1000_calls": 1},
}
"""What a setting has no effect without."""


def settings(**extra: Any) -> ClientSettings:
    return ClientSettings.from_connection(token=SECRET, host=None, port=None, extra=extra)


@pytest.mark.parametrize("name", ["rate_per_sec", "rate"])
def test_an_unknown_setting_is_refused_with_the_nearest_name(name: str) -> None:
    with pytest.raises(OCRConfigError, match=rf"no setting '{name}'\. Did you mean 'rate_per_s'\?"):
        settings(**{name: 8})


def test_an_unknown_setting_like_no_other_gets_all_the_names() -> None:
    with pytest.raises(OCRConfigError, match="Known names: one, two"):
        refuse_unknown(["zzzzzz"], ["two", "one", "__airflows_own__"], "It")


@pytest.mark.parametrize(
    ("key", "value", "attribute", "expected"),
    [
        ("rate_per_s", "8", "rate_per_s", 8.0),
        ("max_in_flight", 20, "max_in_flight", 20),
        ("max_upload_bytes", 100_000, "max_upload_bytes", 100_000),
        ("proxy", "http://user:pw@proxy:3128", "proxy", "http://user:pw@proxy:3128"),
        ("verify", "false", "verify", False),
        ("verify", "/etc/ca.pem", "verify", "/etc/ca.pem"),
        ("verify", True, "verify", True),
        ("cert", "/etc/client.pem", "cert", "/etc/client.pem"),
        ("trust_env", "yes", "trust_env", True),
        ("connect_timeout_s", 3, "timeouts", Timeouts(connect_s=3)),
        ("call_timeout_s", 300, "timeouts", Timeouts(call_s=300)),
        ("statistics_timeout_s", 5, "timeouts", Timeouts(statistics_s=5)),
        ("price_per_1000_calls", 12.4, "price", Price(Decimal("12.4"), "EUR")),
        ("currency", "USD", "price", Price(Decimal(1), "USD")),
    ],
)
def test_each_setting_of_the_connection_changes_something(
    key: str, value: Any, attribute: str, expected: object
) -> None:
    assert getattr(settings(), attribute) != expected or key == "verify"
    assert getattr(settings(**NEEDS.get(key, {}) | {key: value}), attribute) == expected


def test_every_setting_of_the_connection_is_tried_above() -> None:
    assert len(ClientSettings.EXTRAS) == 13


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("rate_per_s", 0),
        ("rate_per_s", "fast"),
        ("rate_per_s", "nan"),
        ("rate_per_s", True),
        ("max_in_flight", 0),
        ("max_upload_bytes", 1),
        ("call_timeout_s", -1),
        ("connect_timeout_s", "inf"),
        ("trust_env", "perhaps"),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(key: str, value: object) -> None:
    with pytest.raises(OCRConfigError, match=f"{key} must be"):
        settings(**{key: value})


def test_empty_values_mean_the_default() -> None:
    assert settings(rate_per_s="", proxy=None, __extra__="x") == settings()


@pytest.mark.parametrize("token", [None, "", "  "])
def test_a_missing_token_says_where_it_belongs(token: str | None) -> None:
    with pytest.raises(OCRConfigError, match="into its password"):
        ClientSettings.from_connection(token=token, host=None, port=None, extra={})


@pytest.mark.parametrize("token", ["Token abcdef123456", "abcdef\n123456", "abcdéf123456"])
def test_a_token_no_header_can_carry_is_refused_without_showing_it(token: str) -> None:
    with pytest.raises(OCRConfigError, match="without the word Token") as caught:
        ClientSettings.from_connection(token=token, host=None, port=None, extra={})

    assert "123456" not in str(caught.value)


def test_the_token_is_stripped() -> None:
    assert ClientSettings.from_connection(token=" t0ken\n", host=None, port=None, extra={}).token == "t0ken"


def test_neither_token_nor_proxy_is_ever_shown() -> None:
    shown = repr(settings(proxy="http://user:hush@proxy:3128"))

    assert SECRET not in shown
    assert "hush" not in shown


def test_a_proxy_without_a_scheme_is_refused_without_showing_it() -> None:
    with pytest.raises(OCRConfigError, match="proxy must be a URL") as caught:
        settings(proxy="user:hush@proxy:3128")

    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "port", "expected"),
    [
        (None, None, "https://api.platerecognizer.com"),
        ("  ", None, "https://api.platerecognizer.com"),
        ("api.example.com", None, "https://api.example.com"),
        ("api.example.com/", 8443, "https://api.example.com:8443"),
        ("https://api.example.com:1", 2, "https://api.example.com:1"),
        ("https://api.example.com/v1/ocr/reader/", None, "https://api.example.com"),
        ("https://api.example.com/proxy/v1", None, "https://api.example.com/proxy"),
        ("http://localhost:8080", None, "http://localhost:8080"),
        ("http://127.0.0.1", 9, "http://127.0.0.1:9"),
        ("http://[::1]:9", None, "http://[::1]:9"),
        # One account is one account, however its port, its dot and its letters are spelled.
        ("api.example.com", 443, "https://api.example.com"),
        ("https://API.example.com:443/", None, "https://api.example.com"),
        ("https://api.example.com.", None, "https://api.example.com"),
        ("https://api.example.com.:8443", None, "https://api.example.com:8443"),
        ("http://127.0.0.1:80", None, "http://127.0.0.1"),
        ("http://127.0.0.1", 80, "http://127.0.0.1"),
        ("http://127.0.0.1:443", None, "http://127.0.0.1:443"),
        ("http://[::1]:80", None, "http://[::1]"),
        # A connection's URI loses the brackets of an IPv6 address.
        ("::1", 8080, "https://[::1]:8080"),
        ("http://::1", 8080, "http://[::1]:8080"),
        ("2001:DB8::1", None, "https://[2001:db8::1]"),
        ("http://::1/", None, "http://[::1]"),
        ("https://[2001:db8:0:0::1]:443", None, "https://[2001:db8::1]"),
        ("http://[0:0:0:0:0:0:0:1]:9", None, "http://[::1]:9"),
        # A name is what DNS is asked for.
        ("münchen.example", None, "https://xn--mnchen-3ya.example"),
        ("https://MÜNCHEN.example.:443/", None, "https://xn--mnchen-3ya.example"),
        ("xn--mnchen-3ya.example", None, "https://xn--mnchen-3ya.example"),
        ("mu\u0308nchen.example", None, "https://xn--mnchen-3ya.example"),
        ("straße.example", None, "https://straße.example"),  # strasse.example may be somebody else's
        ("http://１２７.０.０.１:80", None, "http://127.0.0.1"),  # noqa: RUF001  # a full-width keyboard
        ("under_score.example", None, "https://under_score.example"),
    ],
)
def test_a_host_becomes_a_base_url(host: str | None, port: int | None, expected: str) -> None:
    assert normalize_base_url(host, port=port) == expected


def test_plain_http_is_for_loopback_or_where_the_connection_says_so() -> None:
    with pytest.raises(OCRConfigError, match="allow_plain_http"):
        ClientSettings.from_connection(token="t", host="http://ocr.internal", port=None, extra={})

    allowed = ClientSettings.from_connection(
        token="t", host="http://ocr.internal", port=None, extra={"allow_plain_http": "true"}
    )
    assert allowed.base_url == "http://ocr.internal"


@pytest.mark.parametrize(
    "host",
    [
        "ftp://api.example.com",
        "https://",
        "https://a b.example",
        "https://h:port",
        "https://h/?a=1",
        "a..b",
        "https://.a",
        "a..",
        "ü..",
        ".",
        "-a.example",
        "a,b",
        "a%20b",
        'a"b',
        "{host}",
        "[::1",
        "[::g]",
        f"{'a' * 64}.example",
        "abc." * 80,
    ],
)
def test_a_host_that_is_no_base_url_is_refused(host: str) -> None:
    with pytest.raises(OCRConfigError, match="is not a base URL"):
        normalize_base_url(host)


def test_a_password_in_the_host_is_refused_and_not_shown() -> None:
    with pytest.raises(OCRConfigError, match="holds a user or a password") as caught:
        normalize_base_url("https://user:hush@api.example.com")

    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://localhost:8080", True),
        ("http://127.0.0.1:8642/x", True),
        ("http://[::1]:8080", True),
        ("https://api.platerecognizer.com", False),
        ("https://localhost.example.com", False),
    ],
)
def test_this_machine_is_told_from_other_hosts(url: str, here: bool) -> None:  # noqa: FBT001  # expected value
    assert is_loopback(url) is here


@pytest.mark.parametrize(("text", "value"), [("TRUE", True), ("on", True), (1, True), ("no", False), (0, False)])
def test_flags_are_read_from_text(text: object, value: bool) -> None:  # noqa: FBT001  # expected value
    assert flag(text, "x") is value


def test_numbers_are_read_from_text_with_both_ends_included() -> None:
    assert [number("1", "x", low=1, high=2), number(2, "x", low=1, high=2)] == [1.0, 2.0]


def test_a_lease_covers_the_way_to_the_call_the_call_and_the_saving() -> None:
    assert ClientSettings(timeouts=Timeouts(call_s=100, save_s=20)).lease_s == 150


@pytest.mark.parametrize(
    ("host", "port", "former"),
    [
        ("https://api.example.com", None, None),
        ("", None, None),
        ("https://api.example.com", 443, "https://api.example.com:443"),
        ("https://api.example.com:443/v1/", None, "https://api.example.com:443"),
        ("api.example.com.", None, "https://api.example.com."),
        ("http://localhost:80/ocr", None, "http://localhost:80/ocr"),
        ("http://[::1]:80", None, "http://[::1]:80"),
        ("http://localhost", 8080, None),
        ("::1", 8443, None),
        ("münchen.example", None, "https://münchen.example"),
        ("https://[2001:db8:0::1]", None, "https://[2001:db8:0::1]"),
    ],
)
def test_the_base_url_of_an_older_version_is_known_where_it_was_another(
    host: str, port: int | None, former: str | None
) -> None:
    """It is part of each fingerprint: what was paid for under it is found."""
    settings = ClientSettings.from_connection(token="t", host=host, port=port, extra={})

    assert settings.former_base_url == former


def test_a_path_is_text_and_anything_else_is_left_as_it_is() -> None:
    marker = object()

    assert as_text(Path("/a/{{ ds }}")) == "/a/{{ ds }}"
    assert (as_text("/a"), as_text(None), as_text(marker)) == ("/a", None, marker)
