"""What is news to an asset, and the counts of several plans as those of one."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_platerec_ocr.tasks.telling.counts import is_news, summed

NOTHING = {"planned": 0, "files": 0, "carried_over": 0, "held_elsewhere": 0, "missing": 0, "already_published": 0}
PRICE = {"per_1000_calls": "5.5", "currency": "EUR"}


@pytest.mark.parametrize(
    ("counts", "news"),
    [
        ({"plan_only": True}, False),
        (NOTHING, False),
        (NOTHING | {"dead_letters": 3}, False),  # bad rows of the manifest, each night the same
        (NOTHING | {"planned": 5, "files": 1}, True),
        (NOTHING | {"planned": 5}, True),  # all became dead letters
        (NOTHING | {"planned": 5, "carried_over": 3, "held_elsewhere": 1, "missing": 1}, False),
        (NOTHING | {"planned": 5, "already_published": 5}, False),
        (NOTHING | {"planned": 5, "already_published": 4}, True),
    ],
)
def test_what_is_news(counts: dict[str, Any], *, news: bool) -> None:
    assert is_news(counts) is news


def counts(number: int) -> dict[str, Any]:
    spend = {"billed": number, "calls_left": 90 - number, "account": None, "refused": {"OCRUnavailable": number}}
    paid = {"calls_billed": number, "from_ledger": 0, "price": PRICE, "cost": {"billed": "x"}}
    return paid | {
        "planned": number,
        "dead_letters_by_reason": {str(number): 1},
        "report": f"r{number}",
        "spend": spend,
    }


def test_the_counts_of_several_plans_are_added_up_and_the_account_is_as_it_was_last() -> None:
    assert summed([counts(1)]) == counts(1)
    assert summed([counts(1), counts(2)]) == {
        "planned": 3,
        "calls_billed": 3,
        "from_ledger": 0,
        "price": PRICE,
        "cost": {"billed": "0.02", "saved": "0.00", "currency": "EUR"},  # 0.0165, and not twice 0.01
        "dead_letters_by_reason": {"1": 1, "2": 1},
        "report": "r1",
        "spend": {"billed": 3, "calls_left": 88, "account": None, "refused": {"OCRUnavailable": 3}},
        "plans": 2,
        "reports": ["r1", "r2"],
        "report_pages": [None, None],
    }
