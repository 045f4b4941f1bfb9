"""The proxy of the environment is the one that requests would take, for whoever makes the call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from requests.utils import get_environ_proxies, select_proxy

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.engine.client.trust import proxy_of
from support.transport import settings

if TYPE_CHECKING:
    from collections.abc import Mapping

PROXY = {"https_proxy": "http://p:3128", "HTTP_PROXY": "http://q:3128"}
ALL = {"ALL_PROXY": "http://a:3128"}
HOST, ADDRESS, PORT = "https://ocr.example.com", "https://10.1.2.3", "https://ocr.example.com:8443"
CASES: list[tuple[str, Mapping[str, str]]] = [
    (HOST, {}),
    (HOST, PROXY),
    ("http://ocr.example.com", PROXY),
    (HOST, {"HTTPS_PROXY": "http://upper:1", "https_proxy": "http://lower:1"}),
    (HOST, ALL),
    (HOST, {"all_proxy": "http://a:3128"}),
    (HOST, ALL | PROXY),
    (HOST, ALL | {"HTTP_PROXY": "http://q:3128"}),
    (HOST, {"HTTPS_PROXY": "p:3128"}),
    (HOST, {"HTTPS_PROXY": ""}),
    *[
        (target, ALL | {name: exempt})
        for name in ("NO_PROXY", "no_proxy")
        for target in (HOST, ADDRESS, PORT, "http://ocr.example.com:80", "https://[fd00::1]:8443", "http://10.1.2.3:81")
        for exempt in (
            "ocr.example.com",
            ".example.com",
            "example.com",
            "*",
            "ocr.example.com:8443",
            "ocr.example.com:443",
            "10.0.0.0/8",
            "10.0/8",
            "10.1.2.0/24",
            "10.1.3.0/24",
            "10.1.2.3/32",
            "10.1.2.3",
            "10.1.2.3:81",
            "0.0.0.0/0",
            "10.0.0.0/33",
            "10.0.0.0/x",
            "fd00::1",
            "fd00::/8",
            " other.example , ocr.example.com ",
            "other.example",
            "OCR.EXAMPLE.COM",
            ",",
        )
    ],
    (HOST, ALL | {"no_proxy": "other", "NO_PROXY": "ocr.example.com"}),
]


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http", "https", "all", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name}_PROXY".upper(), raising=False)


@pytest.mark.parametrize(("url", "environment"), CASES)
def test_the_environments_proxy_is_the_one_that_requests_takes(
    url: str, environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    theirs = select_proxy(url, get_environ_proxies(url, no_proxy=None)) or None
    if theirs and "://" not in theirs:
        theirs = f"http://{theirs}"  # which requests adds later

    assert proxy_of(settings(url, trust_env=True)) == theirs
    assert proxy_of(settings(url)) is None


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize("proxy", ["socks5://me:pa55@proxy:1080", "socks5h://me:pa55@proxy"])
def test_a_socks_proxy_is_refused_by_its_variables_name_and_not_shown(
    name: str, proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, proxy)

    with pytest.raises(OCRConfigError, match=f"{name} in the environment .*SOCKS proxies are not supported") as caught:
        proxy_of(settings(HOST, trust_env=True))

    assert "pa55" not in str(caught.value)


@pytest.mark.parametrize("exempt", ["ample.com", ":8443", "com:8443x"])
def test_half_a_name_exempts_nobody(exempt: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://a:3128")
    monkeypatch.setenv("NO_PROXY", exempt)

    assert proxy_of(settings(PORT, trust_env=True)) == "http://a:3128"
