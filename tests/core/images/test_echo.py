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


@pytest.mark.parametrize("query", ["1", "M8", "1M8GDM9AXKP042788", "sig=M8", "vin=1M8GDM9AXKP042788&token=AXKP04"])
def test_no_code_is_touched(query: str) -> None:
    answer = b'{"results": [{"identifier": {"props": {"code": [{"value": "1M8GDM9AXKP042788"}]}}}]}'

    assert without_echo(answer, secrets_of(f"https://x.example/a.jpg?{query}")) == answer


def test_users_and_secret_places_are_cut_and_plain_urls_have_none() -> None:
    url = "https://me:pw@x.example/hdnts=exp=1~hmac=geheim77/a.jpg?sig=x"

    kept = without_echo(f"{url} pw x sig".encode(), secrets_of(url)).decode()

    assert kept == "https://***x.example***?*** pw x sig".replace("?***", "***")
    assert secrets_of("https://x.example/a.jpg") == ()
