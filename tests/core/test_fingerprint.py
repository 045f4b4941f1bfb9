from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.fingerprint import (
    check_type,
    encode,
    fingerprint_bytes,
    fingerprint_url,
    is_fingerprint,
    stable_url,
)

API = "https://api.platerecognizer.com"
FIELDS = st.lists(st.binary(max_size=12), max_size=5)
AZURE = "sv=2022-11-02&se=2026-03-02T00%3A00%3A00Z&sr=b&sp=r&sig=abc%3D"
AMAZON = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20260301T000000Z&X-Amz-Signature=abc"


@given(FIELDS, FIELDS)
def test_the_encoding_is_injective(one: list[bytes], other: list[bytes]) -> None:
    assert (encode(one) == encode(other)) == (one == other)


def test_a_boundary_between_fields_matters() -> None:
    assert encode([b"a", b"bc"]) != encode([b"ab", b"c"])


def test_a_fingerprint_is_64_hex_digits_and_stays_the_same_forever() -> None:
    fingerprint = fingerprint_bytes(API, "vin", b"abc")

    assert is_fingerprint(fingerprint)
    assert fingerprint == "69eb55ac116cc93dd56a421d5b0f57ac31af8e05b2e0396bb3ca12e65b6e7658"
    assert fingerprint == fingerprint_bytes(API + "/", "vin", b"abc")


@pytest.mark.parametrize("text", ["", "0" * 63, "0" * 65, "G" * 64, "A" * 64, "0" * 64 + "\n"])
def test_nothing_else_is_a_fingerprint(text: str) -> None:
    assert not is_fingerprint(text)


def test_every_part_of_a_call_changes_its_fingerprint() -> None:
    found = {
        fingerprint_bytes(API, "vin", b"abc"),
        fingerprint_bytes(API, "vin", b"abd"),
        fingerprint_bytes(API, "trailer_id", b"abc"),
        fingerprint_bytes("http://localhost:8080", "vin", b"abc"),
        fingerprint_url(API, "vin", "https://x.example/a.jpg"),
        fingerprint_url(API, "vin", "https://x.example/a.jpg", "etag-1"),
        fingerprint_url(API, "vin", "https://x.example/a.jpg", "etag-2"),
    }

    assert len(found) == 7


@pytest.mark.parametrize("type_", ["", "VIN", "vin/..", "a" * 41, "vin ", "vin\n", None, 3])
def test_a_type_that_cannot_be_a_path_is_refused(type_: str) -> None:
    with pytest.raises(OCRConfigError, match="lower-case letters, digits and _ only"):
        check_type(type_)


def test_known_and_unknown_types_pass() -> None:
    assert [check_type(name) for name in ("vin", "trailer_id", "odometer")] == ["vin", "trailer_id", "odometer"]


@pytest.mark.parametrize(
    "signature",
    [
        AMAZON,
        AZURE,
        "X-Goog-Signature=abc&X-Goog-Expires=60",
        "Expires=1&Signature=abc&Key-Pair-Id=K",
        "Policy=p&Signature=abc&Key-Pair-Id=K",
        "AWSAccessKeyId=A&Signature=abc&Expires=1",
        "token=abc",
    ],
)
def test_a_url_signed_anew_is_the_same_image(signature: str) -> None:
    plain = "https://x.example/a.jpg?w=800"

    assert stable_url(f"{plain}&{signature}") == plain
    assert fingerprint_url(API, "vin", f"{plain}&{signature}") == fingerprint_url(API, "vin", plain)


@pytest.mark.parametrize("query", ["sr=1", "st=5", "expires=never", "policy=small", "signed=1", "sp=r&se=1"])
def test_short_names_without_a_signature_tell_images_apart(query: str) -> None:
    assert stable_url(f"https://x.example/a.jpg?{query}") == f"https://x.example/a.jpg?{query}"


def test_user_fragment_and_the_case_of_the_host_do_not_count() -> None:
    assert stable_url("HTTPS://user:pw@X.Example/A.jpg?b=2&a=#top") == "https://x.example/A.jpg?b=2&a="


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["w", "image", "id", "page", "größe"]),
            st.text(st.characters(codec="utf-8"), max_size=6),
        ),
        max_size=4,
    ),
    st.sampled_from([AMAZON, AZURE, "access_token=abc"]),
)
def test_signatures_go_and_every_other_parameter_stays_in_order(params: list[tuple[str, str]], signature: str) -> None:

    query = "&".join(part for part in (urlencode(params), signature) if part)

    url = stable_url(f"https://x.example/a.jpg?{query}")

    assert parse_qsl(urlsplit(url).query, keep_blank_values=True) == params
    assert stable_url(url) == url
