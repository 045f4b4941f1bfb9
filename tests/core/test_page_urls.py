from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from airflow_provider_platerec_ocr.core import page_urls as urls


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (urls.account_url(), "platerec-ocr/account"),
        (urls.running_url(), "platerec-ocr/running"),
        (urls.nights_url(), "platerec-ocr/nights"),
        (urls.nights_url("/data/reads"), "platerec-ocr/nights?dataset=/data/reads"),
        (urls.report_url("s3://b/reads", "nightly__x"), "platerec-ocr/report?dataset=s3://b/reads&run=nightly__x"),
        (urls.problems_url("/reads"), "platerec-ocr/problems?dataset=/reads"),
        (urls.reads_url("/reads", code="1HG", check_digit_ok=False, page=2, camera=None, day=""),
         "platerec-ocr/reads?dataset=/reads&code=1HG&check_digit_ok=false&page=2"),
        (urls.image_url("/reads", "/in/a b.jpg", type="vin"),
         "platerec-ocr/image?dataset=/reads&image=/in/a%20b.jpg&type=vin"),
        (urls.review_url("/reads", all=True), "platerec-ocr/review?dataset=/reads&all=true"),
        (urls.view_url("thumbnail", image="x"), "platerec-ocr/thumbnail?image=x"),
        (urls.run_url("a", "scheduled__2026-01-01T00:00:00+00:00"),
         "platerec-ocr/run?dag_id=a&run_id=scheduled__2026-01-01T00:00:00%2B00:00"),
        (urls.airflow_run_url("a b", "m/1+2"), "dags/a%20b/runs/m%2F1%2B2"),
    ],
)  # fmt: skip
def test_an_address_is_relative_to_airflows_own_and_leaves_out_what_is_not_given(url: str, expected: str) -> None:
    assert url == expected


@pytest.mark.parametrize("text", ['"><script>', "a&run=b", "Größe 100 % #1", "x?y=z", "+", "../../etc"])
def test_what_a_person_typed_comes_back_as_it_was_and_stays_in_its_parameter(text: str) -> None:
    query = urlsplit(urls.report_url(text, text)).query

    assert parse_qs(query) == {"dataset": [text], "run": [text]}
    assert not set("<>\"' ") & set(query)


def test_outside_of_airflow_its_own_address_comes_first() -> None:
    assert urls.absolute("https://air.example/af/", urls.account_url()) == "https://air.example/af/platerec-ocr/account"


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("/data/reads/", "/data/reads"),
        ("/", "/"),
        (" /data/reads ", "/data/reads"),
        ("file:///data/reads", "/data/reads"),
        ("file:///", "/"),
        ("s3://bucket/reads/", "s3://bucket/reads"),
        ("S3://conn_id@bucket/reads", "s3://bucket/reads"),
        ("s3://bucket", "s3://bucket"),
    ],
)
def test_one_dataset_has_one_key_however_it_is_written(written: str, key: str) -> None:
    assert urls.dataset_key(written) == key
    assert urls.dataset_key(key) == key
