from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.core.models import Owner
from airflow_provider_platerec_ocr.engine.kept.steps import ledger_story
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from support.clock import FakeClock
from support.stores import local_place

if TYPE_CHECKING:
    from pathlib import Path

OWNER = Owner("nightly", "night-1", "ocr.read", 3, 2)
MARK = "ab" * 32


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.open(local_place(tmp_path / "ledger"), lease_s=270.0, clock=FakeClock(), owner=OWNER)


def test_each_file_of_a_content_says_when_it_was_made_and_by_whom(ledger: Ledger) -> None:
    first = ledger.claim("vin", MARK, 1, {"image": "/a.jpg", "row": 7})
    assert first is not None
    ledger.release(first, "429: slow down, https://host/x?token=secret")
    second = ledger.claim("vin", MARK, 2, {"image": "/a.jpg", "row": 7})
    assert second is not None
    ledger.answer(second, {"results": []}, {"http_status": 200, "elapsed_s": 25.1, "sent_at": "2026-03-01T22:00:01Z"})

    story = ledger_story(ledger, "vin", MARK)

    assert [(step.attempt, step.kind, step.at, step.owner) for step in story.steps] == [
        (1, "claim", "2026-03-01T22:00:00Z", OWNER),
        (1, "released", "2026-03-01T22:00:00Z", OWNER),
        (2, "claim", "2026-03-01T22:00:00Z", OWNER),
        (2, "answer", "2026-03-01T22:00:00Z", OWNER),
    ]
    assert [step.says for step in story.steps] == [
        "row 7, lease 270.0 s",
        "429: slow down, https://host/x",
        "row 7, lease 270.0 s",
        "200, sent 2026-03-01T22:00:01Z, took 25.1 s",
    ]
    assert story.steps[3].file == f"{ledger.root}/vin/ab/{MARK}.2.answer"
    assert story.words[-1] == "=> Answered: no run pays for it again."
    assert "secret" not in " ".join(story.words)


def test_a_torn_file_is_told_of_as_torn(ledger: Ledger) -> None:
    assert ledger.claim("vin", MARK, 1, {}) is not None
    ledger.store.create(f"vin/ab/{MARK}.1.answer", b'{"half')

    story = ledger_story(ledger, "vin", MARK)

    assert [(step.kind, step.is_torn) for step in story.steps] == [("claim", False), ("answer", True)]
    assert story.steps[1].says == "cannot be read (6 bytes)"
    assert "IN DOUBT" in story.words[0]


def test_what_the_ledger_does_not_know_has_no_steps(ledger: Ledger) -> None:
    story = ledger_story(ledger, "vin", MARK)

    assert (story.steps, story.words) == ((), ())


@pytest.mark.parametrize(("type_", "mark"), [("../x", MARK), ("vin", "../../etc/passwd"), ("vin", MARK.upper())])
def test_no_other_file_is_looked_at(ledger: Ledger, type_: str, mark: str) -> None:
    with pytest.raises(OCRConfigError):
        ledger_story(ledger, type_, mark)
