from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.dataset.search.query import (
    LONGEST,
    CheckDigit,
    ReadQuery,
    SearchStatus,
    code_needles,
    query_from,
    query_of,
)

WHOLE = ReadQuery(
    code="1M8 GDM",
    image="gate 7/4711.jpg",
    camera="cam,1",
    fingerprint="ab",
    types=("vin", "trailer_id"),
    since=date(2026, 3, 1),
    until=date(2026, 3, 2),
    min_confidence=0.0,
    max_confidence=0.85,
    check_digit=CheckDigit.FAILED,
    status=SearchStatus.CORRECTED,
)


def test_a_query_comes_back_out_of_its_address() -> None:
    assert query_of(WHOLE.to_params()) == (WHOLE, [])
    assert query_of(ReadQuery().to_params()) == (ReadQuery(), [])


@pytest.mark.parametrize(
    ("params", "query", "said"),
    [
        ({"code": "  "}, ReadQuery(), ""),
        ({"code": " a\0b "}, ReadQuery(code="ab"), ""),
        ({"code": "\ud800x"}, ReadQuery(code="?x"), ""),
        (
            {"since": "yesterday", "code": "x"},
            ReadQuery(code="x"),
            "since: 'yesterday' is not understood; a day such as",
        ),
        ({"min_confidence": "80 %"}, ReadQuery(min_confidence=0.8), ""),
        ({"min_confidence": "0,8"}, ReadQuery(min_confidence=0.8), ""),
        (
            {"min_confidence": "80"},
            ReadQuery(),
            "min_confidence must be a number from 0 to 1, not 80.0. It is left out.",
        ),
        ({"max_confidence": "nan"}, ReadQuery(), "max_confidence must be a number from 0 to 1"),
        ({"max_confidence": "x"}, ReadQuery(), "max_confidence: 'x' is not understood"),
        ({"check_digit": "<b>"}, ReadQuery(), "check_digit: '<b>' is not understood; one of ok, failed, none is."),
        ({"status": "read"}, ReadQuery(), "one of code, no_code, unreadable, corrected is"),
        ({"type": "VIN, ,vin"}, ReadQuery(types=("vin",)), ""),
        ({"since": "2026-03-02", "until": "2026-03-01"}, ReadQuery(until=date(2026, 3, 1)), "since (2026-03-02) comes"),
        ({"code": "x" * (LONGEST + 1)}, ReadQuery(), "code has 501 characters; 500 at most can be looked for."),
        ({"nothing": "x", "offset": "1"}, ReadQuery(), ""),
    ],
)
def test_a_form_is_understood_as_far_as_it_makes_sense(params: dict[str, str], query: ReadQuery, said: str) -> None:
    found, words = query_of(params)

    assert found == query
    assert [said in word for word in words] == ([True] if said else [])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"since": "1 March"}, "since must be a day such as 2026-03-01, not '1 March'"),
        ({"check_digit": "bad"}, "check_digit must be one of ok, failed, none, not 'bad'"),
        ({"check_digit": "ok", "status": "bad"}, "status must be one of code, no_code"),
        ({"min_confidence": 2}, "min_confidence must be a number from 0 to 1"),
        ({"min_confidence": 0.9, "max_confidence": 0.1}, "min_confidence .0.9. comes after max_confidence"),
    ],
)
def test_an_argument_that_makes_no_sense_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(OCRConfigError, match=message):
        query_from(given)


@pytest.mark.parametrize(
    ("typed", "as_read", "normalized"),
    [
        ("1m8gdm", "1M8GDM", ("1M8GDM",)),
        ("csqu 305438-3", "CSQU 305438-3", ("CSQU3054383",)),
        ("1M8GDM9AXKPO42788", "1M8GDM9AXKPO42788", ("1M8GDM9AXKP042788", "1M8GDM9AXKPO42788")),
        (".*", ".*", ()),
        ("ß-7", "ß-7", ("7",)),
    ],
)
def test_a_code_is_looked_for_as_typed_and_as_it_would_be_normalized(
    typed: str, as_read: str, normalized: tuple[str, ...]
) -> None:
    needles = code_needles(typed)

    assert (needles.as_read, needles.normalized) == (as_read, normalized)


def test_only_what_asks_something_of_rows_needs_them() -> None:
    assert not ReadQuery(types=("vin",), since=date(2026, 3, 1)).asks_rows
    assert [ReadQuery(min_confidence=0.0).asks_rows, ReadQuery(camera="c").asks_rows] == [True, True]
    assert [ReadQuery(camera="c").asks_code, ReadQuery(check_digit=CheckDigit.OK).asks_code] == [False, True]
