from __future__ import annotations

import gzip
import zlib

import pytest

from airflow_provider_platerec_ocr.core.answer.compression import inflated

BODY = b'{"results": []}' * 1000
GZIPPED = gzip.compress(BODY, mtime=0)  # its bytes are in the names of tests, which each worker makes for itself
RAW = zlib.compressobj(wbits=-15)
DEFLATED = RAW.compress(BODY) + RAW.flush()


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (GZIPPED, "gzip"),
        (GZIPPED, "X-GZIP"),
        (GZIPPED, ""),
        (GZIPPED, "utf-8"),
        (GZIPPED + b"more", "gzip"),
        (gzip.compress(GZIPPED, mtime=0), "gzip, gzip"),
        (gzip.compress(GZIPPED, mtime=0), "gzip"),
        (GZIPPED, "br"),
        (b"".join(gzip.compress(BODY[at : at + 4000], mtime=0) for at in range(0, len(BODY), 4000)), "gzip"),
        (zlib.compress(BODY), "deflate"),
        (DEFLATED, "deflate"),
        (BODY, "gzip"),
        (BODY, "deflate"),
        (BODY, ""),
    ],
)
def test_a_body_is_unpacked_whatever_its_header_says(data: bytes, encoding: str) -> None:
    assert inflated(data, encoding, 1_000_000) == (BODY, "")


def test_a_form_that_is_not_known_stays_as_it_came() -> None:
    assert inflated(b"\x8b\x03\x80", "br", 100) == (b"\x8b\x03\x80", "")
    assert inflated(b"", "gzip", 100) == (b"", "")


def test_a_damaged_form_gives_what_is_there_and_says_so() -> None:
    packed = GZIPPED
    wrong_sum = packed[:-8] + b"\0" * 8
    second_cut = packed + packed[:-4]

    assert inflated(packed[:-4], "gzip", 1_000_000) == (BODY, "its packed form stops in the middle")
    assert inflated(second_cut, "gzip", 1_000_000) == (BODY * 2, "its packed form stops in the middle")
    assert inflated(wrong_sum, "gzip", 1_000_000) == (BODY, "its packed form is damaged")


def test_what_unpacks_to_too_much_is_cut() -> None:
    assert inflated(gzip.compress(bytes(1000)), "gzip", 100) == (bytes(100), "longer than 100 bytes")
    assert inflated(gzip.compress(bytes(60)) * 2, "gzip", 100) == (bytes(100), "longer than 100 bytes")


def test_what_is_packed_more_often_than_any_gateway_packs_stays_packed() -> None:
    packed = b'{"results": []}'
    for _ in range(9):
        packed = gzip.compress(packed)

    content, problem = inflated(packed, "gzip", 10_000)

    assert (content[:2], problem) == (b"\x1f\x8b", "")
