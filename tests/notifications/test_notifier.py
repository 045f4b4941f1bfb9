"""Who is told what, by which notifier, and that none of them changes anything of the task."""

from __future__ import annotations

import email
import json
import logging
import threading
from datetime import timedelta
from email.policy import default
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from airflow.providers.smtp.notifications.smtp import SmtpNotifier
from airflow.sdk import DAG

from airflow_provider_platerec_ocr.core.errors import OCRConfigError, OCRIncomplete
from airflow_provider_platerec_ocr.notifications.notifier import OCRNotifier, counts_of, last_webhook, policy_of
from airflow_provider_platerec_ocr.operators.export import OCRExportOperator
from airflow_provider_platerec_ocr.task_group import OCRManifestTaskGroup
from airflow_provider_platerec_ocr.webhook.inbox import Inbox
from support.clock import FakeClock
from support.mail import mail_server, slack
from support.stores import local_place
from support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from airflow.sdk import Context

COUNTS = {
    "planned": 500,
    "calls_billed": 480,
    "dead_letters": 37,
    "dead_letters_by_reason": {"in_doubt_twice": 2, "image_missing": 35},
    "spend": {"calls_left": 1200},
    "report": "/srv/reads_reports/r1.json",
}


def context_of(counts: dict[str, Any] | None = None, *, error: Exception | None = None) -> Context:
    """Return what a callback is given when an export has ended."""
    task = SimpleNamespace(task_id="ocr.export", upstream_list=[])
    executed = SimpleNamespace(lineage=SimpleNamespace(counts=counts or {}))  # Airflow's copy of the task
    ti = SimpleNamespace(
        dag_id="nightly", run_id="r1", task_id="ocr.export", map_index=-1, xcom_pull=lambda **_: None, task=executed
    )
    found: dict[str, Any] = {"ti": ti, "task": task, "dag": DAG("nightly", schedule=None), "run_id": "r1"}
    return cast("Context", found if error is None else found | {"exception": error})


@pytest.fixture
def told() -> list[Any]:
    return []


def test_where_nothing_needs_a_person_nobody_is_told(told: list[Any]) -> None:
    OCRNotifier(told.append, quota_under=1000, dead_letters_over="10%")(context_of(COUNTS))

    assert told == []


def test_what_needs_a_person_is_handed_on_to_everybody(told: list[Any]) -> None:
    OCRNotifier(told.append, told.append, quota_under=5000, doubts=True)(context_of(COUNTS))

    alert = told[0]["ocr"]
    assert told[1]["ocr"] == alert
    assert set(alert.findings) == {"quota", "doubts"}
    assert (alert.dag_id, alert.run_id, alert.report) == ("nightly", "r1", COUNTS["report"])


@pytest.mark.parametrize(
    ("more", "report"),
    [
        ({"report_page": "/r/r1.html"}, "/r/r1.html"),
        ({"report_page": None}, COUNTS["report"]),
        ({"reports": ["/r/1.json", "/r/2.json"], "report_pages": ["/r/1.html", None]}, "/r/1.html, /r/2.json"),
    ],
)
def test_an_alert_leads_to_what_people_read(told: list[Any], more: dict[str, Any], report: str) -> None:
    OCRNotifier(told.append, quota_under=5000)(context_of(COUNTS | more))

    assert told[0]["ocr"].report == report


def test_a_failed_export_tells_with_the_counts_of_its_error(told: list[Any]) -> None:
    error = OCRIncomplete("3 images have no outcome; see https://host/a?token=abc", counts=COUNTS)

    OCRNotifier(told.append, failed=True, doubts=True)(context_of(error=error))

    found = told[0]["ocr"].findings
    assert found["failed"] == "ocr.export failed: OCRIncomplete: 3 images have no outcome; see https://host/a"
    assert "2 images are in doubt" in found["doubts"]


def test_slack_is_told_by_airflows_own_notifier(monkeypatch: pytest.MonkeyPatch) -> None:
    module = pytest.importorskip(
        "airflow.providers.slack.notifications.slack_webhook", reason="the slack provider is not installed here"
    )
    with slack() as (port, taken):
        connection = {"conn_type": "slackwebhook", "host": f"http://127.0.0.1:{port}", "password": "T0/B0/x"}
        monkeypatch.setenv("AIRFLOW_CONN_YARD_SLACK", json.dumps(connection))
        notifier = module.SlackWebhookNotifier(slack_webhook_conn_id="yard_slack", text="{{ ocr.text }}")

        OCRNotifier(notifier, dead_letters_over="5%")(context_of(COUNTS))

    (message,) = taken
    assert message["text"].startswith("nightly: 1 thing needs a person (r1)\n- 37 of 500 images (7.4 %)")


def test_a_mail_is_sent_by_airflows_own_notifier(monkeypatch: pytest.MonkeyPatch) -> None:
    with mail_server() as (port, taken):
        extra = {"disable_ssl": True, "disable_tls": True, "retry_limit": 1, "timeout": 10}
        connection = {"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_YARD_MAIL", json.dumps(connection))
        notifier = SmtpNotifier(
            smtp_conn_id="yard_mail",
            from_email="airflow@example.com",
            to="yard@example.com",
            subject="{{ ocr.title }}",
            html_content="{{ ocr.html }}",
        )

        OCRNotifier(notifier, doubts=True)(context_of(COUNTS))

    (message,) = (email.message_from_string(text, policy=default) for text in taken)
    body = message.get_body()
    assert message["Subject"] == "nightly: 1 thing needs a person"
    assert body is not None
    assert "<li>2 images are in doubt" in body.get_content()


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Holds a notifier until the test is over."""
    opened = threading.Event()
    yield opened
    opened.set()


def test_a_notifier_that_raises_or_hangs_is_logged_and_the_next_one_tells(
    told: list[Any], gate: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(_: Any) -> None:
        raise SystemExit(1)

    def hangs(_: Any) -> None:
        gate.wait()

    OCRNotifier(breaks, told.append, doubts=True)(context_of(COUNTS))
    OCRNotifier(hangs, told.append, doubts=True, within=timedelta())(context_of(COUNTS))

    until("the one after the one that hangs did not tell", lambda: len(told) == 2)
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert errors[:2] == [
        "breaks could not tell anybody.",
        "hangs did not end within 0:00:00; nobody waits for it any longer.",
    ]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "needs something to tell of"),
        ({"dead_letters_over": "much"}, "dead_letters_over is a number"),
    ],
)
def test_a_notifier_that_could_never_tell_anything_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(OCRConfigError, match=says):
        OCRNotifier(print, **given)


def test_a_notifier_without_anybody_to_tell_is_refused() -> None:
    with pytest.raises(OCRConfigError, match="needs a notifier"):
        OCRNotifier(doubts=True)


def test_counts_come_from_xcom_where_the_task_itself_has_none() -> None:
    found = context_of()
    found["ti"].xcom_pull = lambda **asked: COUNTS if asked == {"task_ids": "ocr.export", "map_indexes": -1} else None  # type: ignore[method-assign]

    assert counts_of(found) == COUNTS
    assert counts_of(context_of()) == {}
    assert counts_of(context_of(error=ValueError())) == {}


@pytest.mark.parametrize(("base", "page"), [("https://air.example.com/", True), ("", False)])
def test_an_alert_leads_to_the_page_where_airflow_knows_its_address(
    base: str, told: list[Any], monkeypatch: pytest.MonkeyPatch, *, page: bool
) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", base)

    OCRNotifier(told.append, doubts=True)(context_of(COUNTS))

    assert told[0]["ocr"].page.startswith("https://air.example.com/platerec-ocr/run?") is page


@pytest.mark.parametrize("policy", ["resend", "hold"])
def test_the_policy_is_that_of_the_read_tasks_above(policy: str) -> None:
    with DAG("d", schedule=None):
        group = OCRManifestTaskGroup("ocr", manifest="/m.csv", dataset="/reads", in_doubt=policy)

    assert policy_of(group.export) == policy
    assert policy_of(group.plan) is None
    assert policy_of(None) is None


def test_the_task_group_gives_its_notifier_to_the_export_for_either_end() -> None:
    notifier = OCRNotifier(print, doubts=True)
    with DAG("d", schedule=None):
        group = OCRManifestTaskGroup("ocr", manifest="/m.csv", dataset="/reads", notify=notifier)
        plain = OCRManifestTaskGroup("plain", manifest="/m.csv", dataset="/reads2")

    assert isinstance(group.export, OCRExportOperator)
    assert list(group.export.on_success_callback) == list(group.export.on_failure_callback) == [notifier]
    assert not plain.export.on_success_callback


def test_the_last_webhook_is_that_of_the_inbox(tmp_path: Path) -> None:
    clock = FakeClock()
    place = local_place(tmp_path / "inbox")
    assert last_webhook(str(tmp_path / "inbox"), clock) == (True, None)

    for number in range(3):
        clock.tick(3600.0)
        Inbox(place, clock=clock).put({"data": {"results": [], "filename": f"{number}.jpg"}})

    there, at = last_webhook(str(tmp_path / "inbox"), clock)
    assert there
    assert at is not None
    assert abs((at - clock.now()).total_seconds()) < 1.0


def test_an_inbox_that_cannot_be_opened_hides_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    assert last_webhook("nosuch://place", FakeClock()) == (False, None)
    assert "cannot be looked at" in caplog.text
