from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.money import Price, costs

EUR = Price(Decimal("12.40"), "EUR")


@pytest.mark.parametrize(
    ("per_1000", "currency", "calls", "said"),
    [
        ("12.40", "EUR", 1000, "12.40 EUR"),
        ("12.40", "EUR", 0, "0.00 EUR"),
        ("12.40", "EUR", 1, "0.01 EUR"),
        ("12.50", "EUR", 1, "0.01 EUR"),
        ("0.10", "USD", 50, "0.01 USD"),  # half a cent goes up
        ("0.10", "USD", 49, "under 0.01 USD"),  # and is never said to be nothing
        ("0", "USD", 10_000, "0.00 USD"),
        ("12.40", "EUR", 100_000, "1,240.00 EUR"),
        ("1500", "JPY", 333, "500 JPY"),
        ("1", "JPY", 1, "under 1 JPY"),
        ("4.5", "KWD", 1, "0.005 KWD"),
        ("4.5", "CLF", 1, "0.0045 CLF"),
        ("0.1", "EUR", 30, "under 0.01 EUR"),  # 0.1 as a binary fraction would add up to a little more
        ("1e1", "EUR", 1, "0.01 EUR"),
    ],
)
def test_a_cost_is_exact_and_rounded_once_to_the_smallest_unit(
    per_1000: str, currency: str, calls: int, said: str
) -> None:
    price = Price.of(per_1000, currency)

    assert price is not None
    assert price.say(calls) == said


def test_a_cost_is_a_decimal_number() -> None:
    assert EUR.cost(1001) == Decimal("12.41")


@pytest.mark.parametrize(
    ("per_1000", "currency", "expected"),
    [
        (12.4, "eur", Price(Decimal("12.4"), "EUR")),
        (" 12.40 ", " EUR ", EUR),
        (12, "USD", Price(Decimal(12), "USD")),
        (0, "USD", Price(Decimal(0), "USD")),
        (None, None, None),
        ("", "", None),
        (None, "EUR", None),  # a currency alone is no price
    ],
)
def test_a_price_is_what_the_connection_says(per_1000: Any, currency: Any, expected: Price | None) -> None:
    assert Price.of(per_1000, currency) == expected


@pytest.mark.parametrize(
    ("per_1000", "currency", "what"),
    [
        ("12,40", "EUR", r"from 0 to 1,000,000, such as 12\.40 \(with a point\), not '12,40'"),
        ("cheap", "EUR", "price_per_1000_calls must be"),
        (True, "EUR", "price_per_1000_calls must be"),
        ("nan", "EUR", "price_per_1000_calls must be"),
        ("inf", "EUR", "price_per_1000_calls must be"),
        (-1, "EUR", "price_per_1000_calls must be"),
        (1_000_001, "EUR", "price_per_1000_calls must be"),
        (12.4, None, 'has no currency: add one .* "currency": "EUR"'),
        (12.4, "€", r"currency must be a code of three letters \(ISO 4217\) such as EUR"),
        (None, "EURO", "not 'EURO'"),
    ],
)
def test_a_price_that_cannot_be_used_says_what_to_write(per_1000: Any, currency: Any, what: str) -> None:
    with pytest.raises(OCRConfigError, match=what):
        Price.of(per_1000, currency)


def test_a_price_comes_back_from_json_as_it_was() -> None:
    assert EUR.to_json() == {"per_1000_calls": "12.40", "currency": "EUR"}
    assert Price.from_json(EUR.to_json()) == EUR
    assert Price(Decimal("1E+3"), "EUR").to_json()["per_1000_calls"] == "1000"
    assert Price.from_json(None) is None


def test_costs_are_texts_and_there_are_none_without_a_price() -> None:
    assert costs(EUR, billed=100, saved=3) == {"billed": "1.24", "saved": "0.04", "currency": "EUR"}
    assert costs(None, billed=100) is None
