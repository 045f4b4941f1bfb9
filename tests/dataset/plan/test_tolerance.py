"""How many bad rows are let pass, as a table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.dataset.manifest.manifest import BadRow
from airflow_provider_platerec_ocr.dataset.plan.tolerance import Tolerance, too_many_bad_rows

GIVEN = [
    (None, "10%"), ("", "10%"), (" ", "10%"), ("None", "10%"), (float("nan"), "10%"),
    (0, "0"), ("0", "0"), (20, "20"), (" 20 ", "20"), (np.int64(3), "3"), (1, "1"),
    (0.1, "10%"), ("0.1", "10%"), ("10%", "10%"), ("10 %", "10%"), ("12.5%", "12.5%"), (np.float64(0.25), "25%"),
    ("0%", "0%"), (0.0, "0%"), ("100%", "100%"), (1.0, "100%"), ("1.0", "100%"), (".5", "50%"), ("1e-1", "10%"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "meant"), GIVEN)
def test_a_number_is_one_of_rows_and_what_has_a_point_or_a_percent_sign_is_a_share(value: Any, meant: str) -> None:
    assert str(Tolerance.of(value)) == meant


@pytest.mark.parametrize(
    "value", ["many", -1, "-1", "-5%", 1.5, "1.5", "101%", 20.0, True, False, "inf", "nan", "10 rows", "%", [1], "²"]
)
def test_anything_else_is_refused(value: Any) -> None:
    with pytest.raises(OCRConfigError, match=r"max_bad_rows must be a number, such as 20, or a share"):
        Tolerance.of(value)


PASSES = [
    ("10%", 0, 0, True), ("10%", 0, 3, True), ("10%", 1, 3, False), ("10%", 1, 9, False), ("10%", 1, 10, True),
    ("10%", 2, 19, False), ("10%", 100_000, 1_000_000, True), ("10%", 100_001, 1_000_000, False),
    ("29%", 29, 100, True), ("0%", 1, 100, False), ("100%", 7, 7, True), (2, 2, 2, True), (2, 3, 1000, False),
    (0, 0, 5, True), (0, 1, 5, False),
]  # fmt: skip


@pytest.mark.parametrize(("given", "bad", "rows", "passes"), PASSES)
def test_a_share_binds_as_it_is_computed(given: Any, bad: int, rows: int, *, passes: bool) -> None:
    assert Tolerance.of(given).lets_pass(bad, rows) is passes


def test_the_error_names_the_first_rows_with_their_reasons_and_the_way_out() -> None:
    bad = [BadRow(row, "a.jpg" if row == 2 else None, "The row has no type.") for row in range(1, 8)]

    said = str(too_many_bad_rows("/m.csv", 7, 30, Tolerance.of("10%"), bad))

    assert said == (
        "7 of 30 rows of /m.csv cannot be used, and max_bad_rows lets 10% pass: nothing is planned. "
        "Row 1: The row has no type. Row 2 (a.jpg): The row has no type. Row 3: The row has no type. "
        "Row 4: The row has no type. Row 5: The row has no type. … Correct the manifest; or let more pass with "
        "max_bad_rows, a number of rows or a share such as '50%': then they become dead letters."
    )
