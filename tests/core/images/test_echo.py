"""What an answer repeats of a signed URL is cut, and no code is touched."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from airflow_provider_platerec_ocr.core.images.echo import secrets_of, without_echo

URL = "https://x.example/a.jpg?w=8&vin=1M8GDM9AXKP042788&X-Amz-Signature=geheim77%2Fgeheim88"


@pytest.mark.parametrize(
    "said",
    [
        URL,
        quote(URL),
        quote(URL, safe=""),
        f"cannot fetch '{URL}'.",
        "the signature geheim77/geheim88 is no good",
        "geheim77%2Fgeheim88",
        URL.replace("%2F", "/"),
        {"upload_url": URL},
        [{"deep": [URL]}],
    ],
)
@pytest.mark.parametrize("spell", [json.dumps, lambda said: json.dumps(said).replace("/", "\\/")])
@pytest.mark.parametrize("marks", [False, True])
def test_a_signature_is_cut_however_it_is_spelled(said: object, spell: object, *, marks: bool) -> None:
    body = spell(said)  # type: ignore[operator]  # one of two functions
    if marks:
        body = body.replace("&", "\\u0026").replace("=", "\\u003d")

    kept = without_echo(body.encode(), secrets_of(URL)).decode()

    assert "geheim" not in kept
    assert json.loads(kept)


CODE = "1M8GDM9AXKP042788"
NAMED_BY_CODE = [f"{name}={CODE}" for name in ("key", "hash", "verify", "token", "sig", "auth", "id", "vin")]


@pytest.mark.parametrize(
    "query",
    ["1", "M8", "1M8GDM9AXKP042788", "sig=M8", "vin=1M8GDM9AXKP042788&token=AXKP04", *NAMED_BY_CODE],
)
@pytest.mark.parametrize(
    "code", ["1M8GDM9AXKP042788", {"value": "1M8GDM9AXKP042788"}, [{"value": "1M8GDM9AXKP042788"}]]
)
def test_no_code_is_touched(query: str, code: object) -> None:
    answer = json.dumps({"results": [{"identifier": {"props": {"code": code}}}]}).encode()

    assert without_echo(answer, secrets_of(f"https://x.example/a.jpg?{query}")) == answer


@pytest.mark.parametrize("query", NAMED_BY_CODE)
def test_what_stands_beside_a_code_is_cut_all_the_same(query: str) -> None:
    url = f"https://x.example/get?{query}&X-Amz-Signature=geheim77geheim88"
    answer = {"upload_url": url, "code": CODE, "codes": [{"code": url}]}

    kept = json.loads(without_echo(json.dumps(answer).encode(), secrets_of(url)))

    shown = "https://x.example/get?***"
    assert kept == {"upload_url": shown, "code": CODE, "codes": [{"code": shown}]}


def test_a_number_stays_one_so_that_a_read_stays_a_read() -> None:
    answer = b'{"results": [{"identifier": {"code": 202603011234}}], "n": 20260301123456, "said": "no 202603011234"}'

    kept = without_echo(answer, secrets_of("https://x.example/a.jpg?key=202603011234"))

    assert kept == answer.replace(b"no 202603011234", b"no ***")


@pytest.mark.parametrize("before", [b"{1: ", b'{"results": []} ', b'{"code": "7"}\n<!-- "'])
def test_what_is_no_json_is_cut_wherever_it_says_it(before: bytes) -> None:
    assert without_echo(before + URL.encode(), secrets_of(URL)) == before + b"https://x.example/a.jpg?***"


def test_users_and_secret_places_are_cut_and_plain_urls_have_none() -> None:
    url = "https://me:pw@x.example/hdnts=exp=1~hmac=geheim77/a.jpg?sig=x"

    kept = without_echo(f"{url} pw x sig".encode(), secrets_of(url)).decode()

    assert kept == "https://***x.example***?*** pw x sig".replace("?***", "***")
    assert secrets_of("https://x.example/a.jpg") == ()
