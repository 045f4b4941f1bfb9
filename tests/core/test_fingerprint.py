from __future__ import annotations

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
)

API = "https://api.platerecognizer.com"
FIELDS = st.lists(st.binary(max_size=12), max_size=5)


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
