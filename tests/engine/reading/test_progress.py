from __future__ import annotations

from decimal import Decimal

import pytest

from airflow_provider_platerec_ocr.core.models import Outcome, ReadStatus, Reason
from airflow_provider_platerec_ocr.core.money import Price
from airflow_provider_platerec_ocr.engine.reading.progress import Progress


def outcome(status: ReadStatus, reason: str | None = None, *, from_ledger: bool = False) -> Outcome:
    return Outcome(1, "a.jpg", "vin", status, reason=reason, from_ledger=from_ledger)


def filled() -> Progress:
    progress = Progress(total=20, started_at=100.0, settled_before=4)
    for _ in range(3):
        progress.add(outcome(ReadStatus.READ))
    progress.add(outcome(ReadStatus.READ, from_ledger=True))
    progress.add(outcome(ReadStatus.REJECTED, Reason.API_REJECTED, from_ledger=True))
    progress.add(outcome(ReadStatus.IN_DOUBT, Reason.IN_DOUBT))
    progress.add(outcome(ReadStatus.IN_DOUBT, Reason.IN_DOUBT_TWICE))
    progress.add(outcome(ReadStatus.HELD_ELSEWHERE))
    return progress


def test_the_counts_are_plain_and_whole() -> None:
    progress = filled()
    progress.calls, progress.unknown, progress.resent = 9, 2, 1
    progress.refused.update({"OCRRateLimited": 2, "OCRUnavailable": 1})

    counts = progress.counts()

    assert {key: counts[key] for key in ("images", "settled_before", "from_ledger", "calls", "refused")} == {
        "images": 20,
        "settled_before": 4,
        "from_ledger": 1,
        "calls": 9,
        "refused": 3,
    }
    assert (counts["read"], counts["rejected"], counts["in_doubt"], counts["held_elsewhere"]) == (4, 1, 2, 1)
    assert (counts["unknown"], counts["resent"]) == (2, 1)
    assert all(type(value) is int for value in counts.values())


def test_what_is_done_includes_earlier_tries_and_what_is_dead_does_not_include_what_is_held() -> None:
    progress = filled()

    assert (progress.done, progress.dead_letters, progress.in_doubt_once) == (12, 3, 1)


def test_the_line_says_how_far_how_fast_and_how_long_still() -> None:
    line = filled().line(102.0, rate_per_s=8.0, in_flight=31)

    assert line == (
        "12/20 done (60.0 %) · 4.0 images/s (limit 8 starts/s) · 31 in flight · 1 from the ledger · 3 dead letters"
        " · ETA 0:00:02"
    )


def test_with_a_price_the_line_says_what_was_spent_and_saved_and_of_which_tries() -> None:
    price = Price(Decimal("12.40"), "EUR")
    first, later = Progress(total=400, calls=302, from_ledger=50), filled()
    first.refused.update({"OCRRateLimited": 2})
    later.calls = 5

    assert "· 50 from the ledger (0.62 EUR saved) · 0 dead letters · up to 3.72 EUR · refused" in first.line(
        1.0, rate_per_s=8.0, in_flight=1, price=price
    )
    assert "· up to 0.06 EUR in this try · ETA" in later.line(102.0, rate_per_s=8.0, in_flight=1, price=price)


def test_refusals_are_named_once_there_are_some() -> None:
    progress = Progress(total=2)
    progress.refused.update({"OCRUnavailable": 1, "OCRRateLimited": 2})

    assert "refused OCRRateLimited 2, OCRUnavailable 1" in progress.line(1.0, rate_per_s=1.0, in_flight=0)


def test_nobody_knows_how_long_before_the_first_image_and_all_is_over_after_the_last() -> None:
    assert Progress(total=2).line(5.0, rate_per_s=1.0, in_flight=0).endswith("ETA -")
    assert Progress(total=0).line(0.0, rate_per_s=1.0, in_flight=0).startswith("0/0 done (100.0 %)")
    assert Progress(total=0).line(0.0, rate_per_s=1.0, in_flight=0).endswith("ETA 0:00:00")


@pytest.mark.parametrize(
    ("per_s", "given", "says"),
    [
        (8.0, True, "(limit 8 starts/s)"),
        (7.92, True, "(limit 7.92 starts/s)"),
        (0.6, True, "(limit 0.6 starts/s)"),
        (120.0, True, "(limit 120 starts/s)"),
        (0.004, True, "(limit under 0.01 starts/s)"),
        (0.0, True, "(waiting for a share of the rate)"),
        (0.6, False, "(rate still being found: 0.6/s)"),
        (20.0, False, "(rate still being found: 20/s)"),
        (0.0, False, "(rate still being found)"),
    ],
)
def test_the_line_never_says_that_the_limit_is_nothing(per_s: float, *, given: bool, says: str) -> None:
    line = filled().line(102.0, rate_per_s=per_s, in_flight=0, rate_given=given)

    assert f"images/s {says} ·" in line
    assert "limit 0 " not in line
