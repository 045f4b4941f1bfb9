"""The three ways to ask whether a row fits agree, over rows and queries in all combinations."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from airflow_provider_platerec_ocr.dataset.layout.schema import reads_schema
from airflow_provider_platerec_ocr.dataset.search.matching import (
    CODE_COLUMNS,
    code_columns,
    code_fits,
    code_mask,
    may_hold,
    plain_columns,
    plain_mask,
)
from airflow_provider_platerec_ocr.dataset.search.query import CheckDigit, ReadQuery, SearchStatus

if TYPE_CHECKING:
    Row = dict[str, Any]

ROWS: list[Row] = [
    {"code": code, "code_normalized": normal, "check_digit_ok": digit, "identifier_index": index, "identifier_count": n}
    for code, normal, digit, index, n in [
        ("1M8GDM9AXKP042788", "1M8GDM9AXKP042788", True, 0, 1),
        ("1m8gdm9axkpO42788", "1M8GDM9AXKP042788", False, 1, 2),
        ("TRL-53 0042", "TRL530042", None, 0, 1),
        ("<b>.*</b>", "<B>.*</B>", None, 0, 1),
        (None, None, None, None, 0),
        (None, None, None, None, None),
    ]
]
QUERIES = [
    ReadQuery(code=code, check_digit=digit, status=status)
    for code, digit, status in product(
        ("", "1M8", "po42", "trl530042", "53 00", ".*", "</B>", "x"), (None, *CheckDigit), (None, *SearchStatus)
    )
]
PLAIN: list[Row] = [
    {
        "image": "/yard/Gate7/1.jpg",
        "image_name": "Gate7/1.jpg",
        "camera_id": "a",
        "confidence": 0.5,
        "fingerprint": "f",
    },
    {"image": "/yard/%_x.jpg", "image_name": None, "camera_id": None, "confidence": None, "fingerprint": None},
    {"image": "4711", "image_name": "/yard/ä/2.jpg", "camera_id": "A", "confidence": 1.0, "fingerprint": "g"},
]


def table(rows: list[Row]) -> Any:
    schema = reads_schema()
    return pa.Table.from_pylist(rows, schema=pa.schema([schema.field(name) for name in rows[0]]))


def test_a_column_of_codes_fits_as_each_of_its_rows_does() -> None:
    asked = [query for query in QUERIES if query.asks_code]
    wrong = [q for q in asked if code_mask(table(ROWS), q).to_pylist() != [code_fits(row, q) for row in ROWS]]

    assert wrong == []
    assert [code_mask(table(ROWS), query) for query in QUERIES if not query.asks_code] == [None]


def test_the_columns_that_are_read_are_enough() -> None:
    for query in QUERIES:
        names = code_columns(query) or ["identifier_index"]
        mask = code_mask(table(ROWS).select(names), query)
        assert mask == code_mask(table(ROWS), query)
        assert set(names) <= set(CODE_COLUMNS)


def test_each_filter_lets_through_what_it_names() -> None:
    asked = {
        "gate7": ReadQuery(image="GATE7"),
        "ä": ReadQuery(image="ä/2"),
        "signs": ReadQuery(image="%_X"),
        "whole": ReadQuery(whole_image="4711"),
        "camera": ReadQuery(camera="a"),
        "content": ReadQuery(fingerprint="g"),
        "sure": ReadQuery(min_confidence=0.5),
        "unsure": ReadQuery(max_confidence=0.5),
        "both": ReadQuery(min_confidence=0.5, camera="A"),
    }
    found = {
        name: plain_mask(table(PLAIN).select(plain_columns(query)), query).to_pylist() for name, query in asked.items()
    }

    assert {name: [place for place, fits in enumerate(mask) if fits] for name, mask in found.items()} == {
        "gate7": [0],
        "ä": [2],
        "signs": [1],
        "whole": [2],
        "camera": [0],
        "content": [2],
        "sure": [0, 2],
        "unsure": [0],
        "both": [2],
    }
    assert plain_mask(table(PLAIN), ReadQuery()) is None


def test_a_corrected_code_is_found_by_both_and_one_that_was_taken_back_by_itself() -> None:
    row = ROWS[0] | {"code": "NEW", "code_normalized": "NEW", "code_as_read": "OLD", "corrected_by": "jane"}
    gone = ROWS[0] | {"taken_back": True, "corrected_by": "jane"}

    assert [code_fits(row, ReadQuery(code=code)) for code in ("new", "old", "1M8")] == [True, True, False]
    assert code_fits(row, ReadQuery(status=SearchStatus.CORRECTED))
    assert [
        code_fits(gone, ReadQuery(code="1M8")),
        code_fits(gone, ReadQuery(status=SearchStatus.CORRECTED)),
        code_fits(gone, ReadQuery(status=SearchStatus.CODE)),
        code_fits(gone, ReadQuery(check_digit=CheckDigit.OK)),
    ] == [True, True, False, False]


def test_what_the_statistics_rule_out_holds_no_row_that_fits() -> None:
    spans = {
        "camera_id": ("b", "d"),
        "fingerprint": ("00", "7f"),
        "image": ("/yard/a", "/yard/z"),
        "confidence": (0.4, 0.6),
        "check_digit_ok": (True, True),
    }
    cases = [
        (ReadQuery(camera="a"), False),
        (ReadQuery(camera="b"), True),
        (ReadQuery(camera="e"), False),
        (ReadQuery(fingerprint="80"), False),
        (ReadQuery(whole_image="/yard/b"), True),
        (ReadQuery(whole_image="/zard"), False),
        (ReadQuery(image="nothing"), True),
        (ReadQuery(min_confidence=0.6), True),
        (ReadQuery(min_confidence=0.7), False),
        (ReadQuery(max_confidence=0.4), True),
        (ReadQuery(max_confidence=0.3), False),
        (ReadQuery(check_digit=CheckDigit.OK), True),
        (ReadQuery(check_digit=CheckDigit.FAILED), False),
        (ReadQuery(check_digit=CheckDigit.NONE), True),
    ]

    assert [may_hold(spans, query, as_read=True) for query, _ in cases] == [expected for _, expected in cases]
    assert may_hold(spans, ReadQuery(check_digit=CheckDigit.FAILED), as_read=False)
    assert all(may_hold({}, query, as_read=True) for query, _ in cases)
    assert may_hold({"camera_id": (b"x", b"y")}, ReadQuery(camera="a"), as_read=True)
