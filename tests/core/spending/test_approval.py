from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.money import Price
from airflow_provider_platerec_ocr.core.spending.approval import SpendFigures, Threshold

EUR = Price(Decimal("12.40"), "EUR")
PLAN: dict[str, Any] = {"to_pay": 1200, "planned": 1300, "done": 40, "left_over": 7, "manifest": "s3://yard/day/"}


@pytest.mark.parametrize(
    ("calls", "cost", "of_plan", "price", "asked"),
    [
        (500, None, 500, None, ""),  # above, and not from
        (500, None, 501, None, "more than 500 calls (approve_above_calls)"),
        (0, None, 1, None, "more than 0 calls (approve_above_calls)"),
        (0, None, 0, None, ""),
        (None, 6.2, 500, EUR, ""),
        (None, 6.2, 501, EUR, "more than 6.2 EUR (approve_above_cost)"),
        (1000, "6.20", 501, EUR, "more than 6.20 EUR (approve_above_cost)"),  # one of the two is enough
        (500, 1000, 501, EUR, "more than 500 calls (approve_above_calls)"),
        (None, None, 10_000, EUR, ""),
        ("", "None", 10_000, None, ""),  # what a template makes of nothing
        (" 500 ", "", 501, None, "more than 500 calls (approve_above_calls)"),
    ],
)
def test_a_person_is_asked_where_one_limit_is_passed(  # the plan's figures and the words
    calls: Any, cost: Any, of_plan: int, price: Price | None, asked: str
) -> None:
    assert Threshold.of(calls, cost).reason(of_plan, price) == asked


@pytest.mark.parametrize(
    ("calls", "cost", "what"),
    [
        ("many", None, "approve_above_calls must be a number of 0 or more, not 'many'"),
        (-1, None, "approve_above_calls must be"),
        (1.5, None, "approve_above_calls must be a whole number"),
        (True, None, "approve_above_calls must be"),
        (None, "12 EUR", "approve_above_cost must be a number of 0 or more, not '12 EUR'"),
        (None, "nan", "approve_above_cost must be"),
    ],
)
def test_a_limit_that_is_no_number_is_refused_by_name(calls: Any, cost: Any, what: str) -> None:
    with pytest.raises(OCRConfigError, match=what):
        Threshold.of(calls, cost)


def test_a_limit_of_costs_without_a_price_lets_nothing_pass_and_says_what_to_do() -> None:
    with pytest.raises(OCRConfigError, match="add price_per_1000_calls and currency to its extra"):
        Threshold.of(None, 5).reason(1, None)


def test_the_question_has_the_figures_of_the_plan() -> None:
    figures = SpendFigures.of([PLAN])

    assert figures.subject(EUR) == "Pay for up to 1,200 calls, up to 14.88 EUR?"
    assert figures.subject(None) == "Pay for up to 1,200 calls?"
    body = figures.body(EUR, "more than 500 calls (approve_above_calls)", "2026-03-02 22:00 UTC")
    assert "| images to read | 1,300 |" in body
    assert "| calls, at most | 1,200 |\n| cost, at most | 14.88 EUR |" in body
    assert "| manifest | `s3://yard/day/` |" in body
    assert "| asked because it is | more than 500 calls (approve_above_calls) |" in body
    assert "*Reject*, or no answer until 2026-03-02 22:00 UTC: nothing is read" in body


def test_without_a_price_and_a_deadline_the_question_speaks_of_neither() -> None:
    body = SpendFigures.of([PLAN]).body(None, "more than 500 calls (approve_above_calls)", "")

    assert "cost, at most" not in body
    assert "*Reject*: nothing is read" in body


def test_plans_of_one_run_are_one_question_that_shows_no_secret_and_breaks_no_table() -> None:
    other = PLAN | {"manifest": "https://x.example/m|`.csv?X-Amz-Signature=abcdef0123456789"}

    figures = SpendFigures.of([PLAN, other, PLAN])

    assert (figures.calls, figures.images, figures.done, figures.left_over) == (3600, 3900, 120, 21)
    body = figures.body(None, "", "")
    assert body.count("| manifest |") == 2
    assert "abcdef0123456789" not in body
    assert all(line.count("|") == 3 for line in body.splitlines() if line.startswith("| "))
