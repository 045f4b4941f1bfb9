from __future__ import annotations

from airflow_provider_platerec_ocr.core.backoff import Backoff
from airflow_provider_platerec_ocr.core.errors import OCRNotSent, OCROutcomeUnknown, OCRRateLimited, OCRUnavailable
from airflow_provider_platerec_ocr.engine.reading.context import ReadOptions
from airflow_provider_platerec_ocr.engine.reading.outage import Outage

DOWN, UNKNOWN, THROTTLED = OCRUnavailable("503"), OCROutcomeUnknown("500"), OCRRateLimited("429")


def outage(**options: float) -> Outage:
    return Outage(Backoff(), ReadOptions(**options))  # type: ignore[arg-type]  # whole numbers where it wants them


def test_two_failures_are_a_stumble_and_the_third_makes_everybody_rest() -> None:
    one = outage()

    rests = [one.failure(DOWN, started_at=at, now=at) for at in (0.0, 1.0, 2.0)]

    assert rests == [0.0, 0.0, 0.75]


def test_rests_grow_to_a_minute_and_no_further() -> None:
    one, now, rests = outage(), 0.0, []
    for _ in range(12):
        now += 1
        rests.append(one.failure(DOWN, started_at=now, now=now))

    assert rests[3:8] == [1.5, 3.0, 6.0, 12.0, 24.0]
    assert rests[-1] == 45.0


def test_calls_that_were_in_flight_together_are_one_step() -> None:
    one = outage()
    for at in (0.0, 1.0, 2.0):
        one.failure(DOWN, started_at=at, now=at)

    together = [one.failure(DOWN, started_at=1.9, now=2.5 + at / 10) for at in range(10)]

    assert together == [0.0] * 10
    assert one.failure(DOWN, started_at=4.0, now=4.1) == 1.5


def test_one_success_ends_an_outage() -> None:
    one = outage(give_up_after_s=10)
    for at in (0.0, 1.0, 2.0, 3.0):
        one.failure(DOWN, started_at=at, now=at)
    one.success()

    assert one.failure(DOWN, started_at=20.0, now=20.0) == 0.0
    assert one.hopeless(20.0) is None


def test_a_429_is_the_limiters_business_but_counts_as_no_success() -> None:
    one = outage(give_up_after_s=10)

    assert [one.failure(THROTTLED, started_at=at, now=at) for at in (0.0, 1.0, 2.0, 3.0)] == [0.0] * 4
    assert one.hopeless(9.9) is None
    assert one.hopeless(10.0) == "no call succeeded for 10 s"


def test_unknown_outcomes_in_a_row_are_hopeless_sooner() -> None:
    one = outage(unknown_in_a_row=3)

    for at in (0.0, 1.0):
        one.failure(UNKNOWN, started_at=at, now=at)
    one.failure(OCRNotSent("refused"), started_at=1.5, now=1.5)
    assert one.hopeless(1.5) is None
    one.failure(UNKNOWN, started_at=2.0, now=2.0)

    assert "each may have been billed" in (one.hopeless(2.0) or "")
    one.success()
    assert one.hopeless(2.0) is None
