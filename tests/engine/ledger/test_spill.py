from __future__ import annotations

import errno
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.core.claims import Answered, MayClaim, decide
from airflow_provider_platerec_ocr.core.errors import OCRLedgerUnwritable
from airflow_provider_platerec_ocr.core.models import Owner
from airflow_provider_platerec_ocr.core.saying.choices import InDoubtPolicy
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from support.clock import FakeClock
from support.simulated_store import SimulatedStore
from support.stores import age_claims, local_place

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.claims import Decision
    from airflow_provider_platerec_ocr.engine.ledger.ledger import Claim

LEASE_S = 270.0
PRINT = "ab" * 32
FACTS = {"image": "/in/a.jpg", "row": 7}
RAW = {"results": [], "version": 1}


def opened(root: Path, spill: Path | None) -> Ledger:
    return Ledger.open(local_place(root), lease_s=LEASE_S, clock=FakeClock(), owner=Owner(run_id="r1"), spill=spill)


def claimed(ledger: Ledger) -> Claim:
    claim = ledger.claim("vin", PRINT, 1, FACTS)
    assert claim is not None
    return claim


def decided(ledger: Ledger) -> Decision:
    return decide(ledger.look("vin", PRINT), owner=Owner(), policy=InDoubtPolicy.RESEND, lease_s=LEASE_S)


def test_an_answer_that_a_full_store_refused_is_adopted_by_the_next_ledger(tmp_path: Path) -> None:
    clock = FakeClock()
    fs = SimulatedStore(clock)
    spill = tmp_path / "spill"
    ledger = Ledger.open(fs.place(), lease_s=LEASE_S, clock=clock, owner=Owner(run_id="r1"), spill=spill)
    claim = claimed(ledger)

    def full(operation: str, _path: str) -> None:
        if operation == "create":
            raise OSError(errno.ENOSPC, "No space left on device")

    fs.before = full
    with pytest.raises(OCRLedgerUnwritable, match="full"):
        ledger.answer(claim, RAW, FACTS)
    where = ledger.spill_answer(claim, RAW, FACTS)
    assert json.loads(Path(where).read_bytes())["answer"] == RAW
    fs.before = lambda _operation, _path: None

    later = Ledger.open(fs.place(), lease_s=LEASE_S, clock=clock, owner=Owner(run_id="r2"), spill=spill)

    assert later.adopted == 1
    assert list(spill.iterdir()) == []
    made = decided(later)
    assert isinstance(made, Answered)
    assert made.attempt.payload is not None
    assert made.attempt.payload["answer"] == RAW
    assert made.attempt.payload["facts"] == FACTS
    assert made.attempt.payload["owner"]["run_id"] == "r1"


def test_opening_without_a_spill_folder_or_with_an_empty_one_adopts_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    assert opened(tmp_path / "ledger", None).adopted == 0
    assert opened(tmp_path / "ledger", tmp_path / "none").adopted == 0
    assert opened(tmp_path / "ledger", tmp_path / "empty").adopted == 0


def test_an_answer_that_did_arrive_after_all_is_dropped_from_the_spill(tmp_path: Path) -> None:
    spill = tmp_path / "spill"
    ledger = opened(tmp_path / "ledger", spill)
    claim = claimed(ledger)
    ledger.spill_answer(claim, RAW, FACTS)
    ledger.answer(claim, RAW, FACTS)

    assert opened(tmp_path / "ledger", spill).adopted == 0
    assert list(spill.iterdir()) == []


def test_an_answer_that_differs_from_the_ledgers_is_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spill = tmp_path / "spill"
    ledger = opened(tmp_path / "ledger", spill)
    claim = claimed(ledger)
    ledger.spill_answer(claim, RAW, FACTS)
    ledger.answer(claim, {**RAW, "version": 2}, FACTS)

    assert opened(tmp_path / "ledger", spill).adopted == 0

    (kept,) = spill.iterdir()
    assert kept.name.endswith(".answer.json.kept")
    assert str(kept) in caplog.text
    assert "ended as answer" in caplog.text
    assert opened(tmp_path / "ledger", spill).adopted == 0
    assert list(spill.iterdir()) == [kept]


def test_an_answer_of_an_attempt_that_ended_otherwise_is_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spill = tmp_path / "spill"
    ledger = opened(tmp_path / "ledger", spill)
    claim = claimed(ledger)
    ledger.spill_answer(claim, RAW, FACTS)
    ledger.release(claim, "a person said so")

    later = opened(tmp_path / "ledger", spill)

    assert later.adopted == 0
    assert [path.suffix for path in spill.iterdir()] == [".kept"]
    assert "ended as released" in caplog.text
    assert decided(later) == MayClaim(2)


def test_the_spill_heals_a_torn_answer(tmp_path: Path) -> None:
    spill = tmp_path / "spill"
    ledger = opened(tmp_path / "ledger", spill)
    claim = claimed(ledger)
    ledger.answer(claim, RAW, FACTS)
    torn = tmp_path / "ledger" / "vin" / "ab" / f"{PRINT}.1.answer"
    torn.write_bytes(b'{"half')
    ledger.spill_answer(claim, RAW, FACTS)

    later = opened(tmp_path / "ledger", spill)

    assert later.adopted == 1
    assert isinstance(decided(later), Answered)
    assert torn.read_bytes() == b'{"half'


def test_a_spilled_answer_without_its_claim_waits_for_the_right_ledger(tmp_path: Path) -> None:
    spill = tmp_path / "spill"
    ledger = opened(tmp_path / "ledger", spill)
    ledger.spill_answer(claimed(ledger), RAW, FACTS)
    strange = opened(tmp_path / "other", None)
    claimed(strange)

    assert opened(tmp_path / "empty", spill).adopted == 0
    assert opened(tmp_path / "other", spill).adopted == 0
    assert opened(tmp_path / "ledger", spill).adopted == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b'{"schema":1,"nonce":"n","end":"answer","answer":{}}',
        b'{"schema":1,"nonce":"n","end":"answer","answer":{},"type":"vin","fingerprint":"../..","attempt":1}',
        b'{"schema":1,"nonce":"n","end":"answer","answer":{},"type":"vin","fingerprint":"'
        + b"ab" * 32
        + b'","attempt":"x"}',
    ],
)
def test_a_spilled_file_that_cannot_be_read_stays_and_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    spill = tmp_path / "spill"
    spill.mkdir()
    (spill / "x.answer.json").write_bytes(content)

    assert opened(tmp_path / "ledger", spill).adopted == 0

    assert (spill / "x.answer.json").read_bytes() == content
    assert "x.answer.json" in caplog.text


def test_a_spilled_file_that_may_not_be_touched_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spill = tmp_path / "spill"
    (spill / "folder.answer.json").mkdir(parents=True)
    (spill / "gone.answer.json").symlink_to(tmp_path / "nowhere")

    assert opened(tmp_path / "ledger", spill).adopted == 0
    assert "folder.answer.json cannot be handled" in caplog.text


def test_files_of_others_in_the_spill_folder_are_left_alone(tmp_path: Path) -> None:
    spill = tmp_path / "spill"
    spill.mkdir()
    (spill / "notes.txt").write_text("mine")

    assert opened(tmp_path / "ledger", spill).adopted == 0
    assert (spill / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("blocked", [True, False])
def test_where_nothing_takes_an_answer_the_log_has_it_whole(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, *, blocked: bool
) -> None:
    (tmp_path / "file").write_text("no folder")
    ledger = opened(tmp_path / "ledger", tmp_path / "file" / "spill" if blocked else None)

    assert ledger.spill_answer(claimed(ledger), RAW, FACTS) == "log"

    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    line = record.getMessage()
    assert "\n" not in line
    assert json.loads(line[line.index("{") :])["answer"] == RAW


def test_two_workers_of_a_machine_adopt_an_answer_once(tmp_path: Path) -> None:
    spill = tmp_path / "spill"
    ledger = opened(tmp_path / "ledger", spill)
    where = Path(ledger.spill_answer(claimed(ledger), RAW, FACTS))
    content = where.read_bytes()
    first = opened(tmp_path / "ledger", spill)
    where.write_bytes(content)

    second = opened(tmp_path / "ledger", spill)

    assert (first.adopted, second.adopted) == (1, 0)
    assert list(spill.iterdir()) == []


def test_an_adopted_answer_does_not_hide_a_resend_that_was_paid_for(tmp_path: Path) -> None:
    spill = tmp_path / "spill"
    ledger = opened(tmp_path / "ledger", None)
    claim = claimed(ledger)
    opened(tmp_path / "ledger", spill).spill_answer(claim, RAW, FACTS)
    age_claims(tmp_path, 300)
    again = ledger.claim("vin", PRINT, 2, FACTS)
    assert again is not None
    ledger.answer(again, {**RAW, "version": 2}, FACTS)

    later = opened(tmp_path / "ledger", spill)

    assert [attempt.number for attempt in later.look("vin", PRINT)] == [1, 2]
    made = decided(later)
    assert isinstance(made, Answered)
    assert made.attempt.number == 1
