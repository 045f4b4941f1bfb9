"""What a run says of its spending."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from airflow_provider_platerec_ocr.core.models import Statistics
from airflow_provider_platerec_ocr.dataset.report.account import Span
from airflow_provider_platerec_ocr.dataset.report.spend import Spend
from airflow_provider_platerec_ocr.dataset.report.tries import TrySums
from airflow_provider_platerec_ocr.dataset.table.export_model import ExportResult

NOW = datetime(2026, 3, 11, tzinfo=UTC)
STATISTICS = Statistics(500, 1000, resets_on="2026-04-01T00:00:00Z")
SPAN = Span("22:00", 400, calls_now=500, billed=88)


def test_all_of_it_is_plain_counts() -> None:
    result = ExportResult(planned=100, reads=90, calls_billed=88, from_ledger=3, carried_over=7, in_doubt=1)
    tries = TrySums(tries=4, calls=99, refused={"OCRUnavailable": 5}, resent=2, cut_off=1)

    assert Spend.of(result, tries, STATISTICS, SPAN, NOW).to_json() == {
        "billed": 88,
        "from_ledger": 3,
        "in_doubt": 1,
        "resent": 2,
        "refused": {"OCRUnavailable": 5},
        "dead_letters": {},
        "held_elsewhere": 0,
        "carried_over": 7,
        "missing": 0,
        "tries": 4,
        "tries_cut_off": 1,
        "calls_left": 500,
        "total_calls": 1000,
        "resets_on": "2026-04-01T00:00:00Z",
        "forecast": {
            "calls_per_day": 50.0,
            "used_up_on": "2026-03-21T00:00:00Z",
            "resets_on": "2026-04-01T00:00:00Z",
            "lasts_until_reset": False,
        },
        "account": SPAN.to_json(),
    }


def test_all_of_it_is_said_in_sentences() -> None:
    result = ExportResult(in_doubt=1, dead_letters={"api_rejected": 2, "in_doubt": 1})
    tries = TrySums(tries=4, refused={"OCRRateLimited": 1_200, "OCRUnavailable": 5}, resent=2, cut_off=1)

    assert Spend.of(result, tries, STATISTICS, SPAN, NOW).describe() == [
        "2 calls in doubt sent once more: the bill may show them twice.",
        "1 image still in doubt: see the dead letters.",
        "Refused or not sent, and tried again: 1,200 OCRRateLimited, 5 OCRUnavailable.",
        "1 try of a read task was cut off by a kill: last counts are missing.",
        (
            "Left of this period: 500 of 1,000 calls. At 50 calls a day, as in this period so far, what is left "
            "is used up on 2026-03-21, 11 days before the reset on 2026-04-01."
        ),
        (
            "The account made 12 calls more than this run's ledger shows (100 calls since 22:00, 88 by this run's "
            "ledger): other runs or programs with the same token, or some of this run's own (5 refused with 503, "
            "2 rejected, 1 killed with calls in flight)."
        ),
    ]


@pytest.mark.parametrize(
    ("statistics", "said"),
    [
        (None, "The account could not be asked what is left."),
        (STATISTICS, "The account's count at the start is not known, so it is not held against this run's ledger."),
    ],
)
def test_what_is_not_known_is_said(statistics: Statistics | None, said: str) -> None:
    spend = Spend.of(ExportResult(), TrySums(), statistics, None, NOW)

    assert said in spend.describe()
    assert spend.to_json()["account"] is None
