from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.notifications.findings import Alert, Most, Rules, Seen, findings, waiting_doubts

NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)
DAY = timedelta(days=1)
LETTERS = {"image_missing": 30, "api_rejected": 7}


def seen(counts: dict[str, Any] | None = None, **fields: Any) -> Seen:
    return Seen(counts or {}, NOW, **fields)


def counts(**fields: Any) -> dict[str, Any]:
    return {"planned": 500, "calls_billed": 480, "dead_letters": 0, **fields}


@pytest.mark.parametrize(
    ("left", "told"),
    [
        (1200, "1,200 calls are left, fewer than 5,000."),
        (1, "1 call is left, fewer than 5,000."),
        (5000, None),
        (None, None),
    ],
)
def test_a_quota_under_the_reserve_is_told(left: int | None, told: str | None) -> None:
    found = findings(Rules(quota_under=5000), seen({"spend": {"calls_left": left}}))

    assert found.get("quota") == told


@pytest.mark.parametrize(("lasts", "date"), [(False, True), (None, True), (True, False)])
def test_where_the_calls_do_not_last_it_says_until_when(*, lasts: bool | None, date: bool) -> None:
    spend = {"calls_left": 9, "forecast": {"used_up_on": "2026-03-09T10:00:00Z", "lasts_until_reset": lasts}}

    told = findings(Rules(quota_under=10), seen({"spend": spend}))["quota"]

    assert ("used up on 2026-03-09" in told) is date


@pytest.mark.parametrize(
    ("most", "number", "total", "exceeded"),
    [
        ("5%", 25, 500, False),
        ("5%", 26, 500, True),
        ("0%", 1, 500, True),
        ("0%", 0, 0, False),
        (" 2.5 % ", 13, 500, True),
        (20, 20, 500, False),
        (20, 21, 500, True),
        ("0", 1, 1, True),
    ],
)
def test_dead_letters_are_told_over_a_number_or_a_share(
    most: str | int, number: int, total: int, *, exceeded: bool
) -> None:
    rules = Rules(dead_letters_over=Most.of(most))

    found = findings(rules, seen(counts(dead_letters=number, planned=total)))

    assert ("dead_letters" in found) is exceeded


@pytest.mark.parametrize(
    ("most", "counts_", "told"),
    [
        (
            "5%",
            {"units": 100, "missing": 6, "extra": 2, "ambiguous": 1},
            "6 of 100 expected units (6.0 %) were not seen, more than 5 %; 2 extra, 1 ambiguous.",
        ),
        ("5%", {"units": 100, "missing": 5}, None),
        (0, {"units": 1, "missing": 1}, "1 of 1 expected unit (100.0 %) was not seen, more than 0."),
        (0, {"units": 0, "missing": 0}, None),
        (0, {}, None),
    ],
)
def test_missing_units_are_told_over_a_number_or_a_share(
    most: str | int, counts_: dict[str, Any], told: str | None
) -> None:
    assert findings(Rules(missing_over=Most.of(most)), seen(counts_)).get("missing") == told


def test_dead_letters_are_told_with_their_share_and_their_reasons() -> None:
    found = findings(
        Rules(dead_letters_over=Most.of("5%")), seen(counts(dead_letters=37, dead_letters_by_reason=LETTERS))
    )

    assert found["dead_letters"] == (
        "37 of 500 images (7.4 %) could not be read, more than 5 %: 7 api_rejected, 30 image_missing."
    )


@pytest.mark.parametrize("value", ["many", "-1", "101%", "%", "2.5", ""])
def test_a_limit_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(OCRConfigError, match="dead_letters_over is a number"):
        Most.of(value)


@pytest.mark.parametrize(
    ("once", "twice", "policy", "waiting"),
    [
        (2, 0, "resend", 0),
        (2, 1, "resend", 1),
        (2, 1, "hold", 3),
        (2, 0, "fail", 2),
        (2, 0, None, 2),
        (0, 0, None, 0),
    ],
)
def test_a_doubt_waits_for_a_person_where_no_run_sends_it_again(
    once: int, twice: int, policy: str | None, waiting: int
) -> None:
    reasons = {"in_doubt": once, "in_doubt_twice": twice}

    assert waiting_doubts({"dead_letters_by_reason": reasons}, policy) == waiting


@pytest.mark.parametrize(
    ("last", "billed", "inbox", "told"),
    [
        (NOW - DAY, 480, True, None),
        (NOW - DAY * 3, 480, True, "No webhook came since 2026-02-27 04:00 UTC, although 480 calls were billed"),
        (None, 1, True, "No webhook came ever, although 1 call was billed"),
        (NOW - DAY * 3, 0, True, None),
        (None, 480, False, None),
    ],
)
def test_a_webhook_that_is_silent_although_calls_were_made_is_told(
    last: datetime | None, billed: int, told: str | None, *, inbox: bool
) -> None:
    rules = Rules(silent_webhook=DAY * 2)

    found = findings(rules, seen(counts(calls_billed=billed), webhook_at=last, has_inbox=inbox))

    assert found.get("webhook", "").startswith(told or "")
    assert ("webhook" in found) is (told is not None)


def test_only_what_was_asked_for_is_told() -> None:
    bad = counts(
        dead_letters=37, dead_letters_by_reason={"in_doubt_twice": 37}, spend={"calls_left": 0}, calls_billed=1
    )
    everything = Rules(5000, Most.of(0), doubts=True, silent_webhook=DAY, failed=True)

    assert findings(Rules(), seen(bad, has_inbox=True, error="it failed")) == {}
    assert list(findings(everything, seen(bad, has_inbox=True, error="it failed"))) == [
        "failed",
        "quota",
        "dead_letters",
        "doubts",
        "webhook",
    ]
    assert not Rules().any
    assert everything.any


def test_an_alert_reads_as_a_title_a_text_and_a_mail() -> None:
    alert = Alert("nightly", "r1", {"doubts": "2 images wait <now>."}, {}, report="/srv/reads_reports/r1.json")

    assert alert.title == "nightly: 1 thing needs a person"
    assert alert.text.splitlines()[1:] == ["- 2 images wait <now>.", "The report is at /srv/reads_reports/r1.json."]
    assert "<li>2 images wait &lt;now&gt;.</li>" in alert.html
    assert "2 things need" in Alert("a", "r", {"a": "A.", "b": "B."}, {}).title
    paged = Alert("a", "r", {"a": "A."}, {}, page="https://air/platerec-ocr/run?a=1&b=2")
    assert paged.text.endswith("See https://air/platerec-ocr/run?a=1&b=2")
    assert 'href="https://air/platerec-ocr/run?a=1&amp;b=2"' in paged.html
    assert "report" not in Alert("a", "r", {"a": "A."}, {}).html
