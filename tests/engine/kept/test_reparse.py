"""Answers that an earlier version could not read, once this one can."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.core.answer.body import UNREAD, as_object, packed
from airflow_provider_platerec_ocr.core.claims import End
from airflow_provider_platerec_ocr.core.models import Owner
from airflow_provider_platerec_ocr.engine.kept.reparse import reopened, reparse
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from support.clock import FakeClock
from support.stores import local_place

if TYPE_CHECKING:
    from pathlib import Path

READ = b'{"results": [{"identifier": {"code": "1M8GDM9AXKP042788"}}]}'
ODD = b'{"data": {"results": []}}'


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.open(local_place(tmp_path / "ledger"), lease_s=270.0, clock=FakeClock(), owner=Owner("d", "r", "t"))


def keep(ledger: Ledger, mark: str, body: bytes, *, rejected: bool = False, **facts: Any) -> str:
    fingerprint = mark * 64
    claim = ledger.claim("vin", fingerprint, 1, {"image": f"/{mark}.jpg", "row": 1})
    assert claim is not None
    if rejected:
        ledger.reject(claim, {**facts, **packed(body)})
    else:
        ledger.answer(claim, as_object(body), {**facts, **packed(body)})
    return fingerprint


def test_an_answer_that_this_version_reads_is_found_once_and_the_rest_stays_unread(ledger: Ledger) -> None:
    keep(ledger, "a", READ)  # read from the first
    now, never = keep(ledger, "b", READ, **{UNREAD: True}), keep(ledger, "c", ODD, **{UNREAD: True})

    first, second = reparse(ledger, by="me", clock=FakeClock()), reparse(ledger, by="me", clock=FakeClock())

    assert [[found.fingerprint for found in each.new] for each in (first, second)] == [[now], []]
    assert [found.fingerprint for found in second.understood] == [now]
    assert [found.fingerprint for found in first.unread] == [never]
    assert reopened(ledger.root) == {now}


def test_a_rejection_that_was_a_read_becomes_an_answer_and_is_not_paid_again(ledger: Ledger) -> None:
    fingerprint = keep(ledger, "d", READ, rejected=True)

    done = reparse(ledger, by="me", clock=FakeClock())

    (attempt,) = ledger.look("vin", fingerprint)
    assert [found.fingerprint for found in done.new] == [fingerprint]
    assert attempt.end is End.ANSWER
    assert (attempt.payload or {})["settled"]["by"] == "me"


def test_a_rejection_that_is_none_of_a_read_stays(ledger: Ledger) -> None:
    fingerprint = keep(ledger, "e", b'{"error": "too blurry"}', rejected=True)

    done = reparse(ledger, by="me", clock=FakeClock())

    assert (done.new, done.unread) == ([], [])
    assert ledger.look("vin", fingerprint)[0].end is End.REJECTED


def test_a_ledger_without_any_such_answer_gets_no_file(ledger: Ledger, tmp_path: Path) -> None:
    keep(ledger, "f", READ)

    assert reparse(ledger, by="me", clock=FakeClock()).new == []
    assert reopened(ledger.root) == frozenset()
    assert not (tmp_path / "ledger" / "reparsed-answers").exists()
    assert reopened(local_place(tmp_path / "none")) == frozenset()
