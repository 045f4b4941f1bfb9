from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.core.claims import Answered, End, Held, MayClaim, decide
from airflow_provider_platerec_ocr.core.models import Owner
from airflow_provider_platerec_ocr.core.saying.choices import InDoubtPolicy
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from support.clock import FakeClock
from support.stores import age_claims, local_place

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_platerec_ocr.core.claims import Decision
    from airflow_provider_platerec_ocr.engine.ledger.ledger import Claim
    from airflow_provider_platerec_ocr.storage.path import StoragePath

LEASE_S = 270.0
MINE = Owner(dag_id="nightly", run_id="r1", task_id="read", map_index=0, try_number=1)
THEIRS = replace(MINE, map_index=1)
PRINT = "ab" * 32
OTHER = "cd" * 32
FACTS = {"image": "/in/a.jpg", "row": 7}
RAW = {"results": [], "version": 1}


def opened(
    place: StoragePath, *, owner: Owner = MINE, clock: FakeClock | None = None, spill: Path | None = None
) -> Ledger:
    return Ledger.open(place, lease_s=LEASE_S, clock=clock or FakeClock(), owner=owner, spill=spill)


def claimed(ledger: Ledger, number: int = 1, fingerprint: str = PRINT) -> Claim:
    claim = ledger.claim("vin", fingerprint, number, FACTS)
    assert claim is not None
    return claim


def decided(ledger: Ledger, owner: Owner = THEIRS) -> Decision:
    return decide(ledger.look("vin", PRINT), owner=owner, policy=InDoubtPolicy.RESEND, lease_s=LEASE_S)


@pytest.mark.parametrize("content", [b"", b'{"schema":1,"no', b"[]", b'{"schema":1}'])
def test_an_empty_or_torn_claim_lives_by_its_time(tmp_path: Path, content: bytes) -> None:
    ledger = opened(local_place(tmp_path))
    claimed(ledger)
    path = tmp_path / "vin" / "ab" / f"{PRINT}.1.claim"
    path.write_bytes(content)

    assert isinstance(decided(ledger), Held)
    age_claims(tmp_path, 300)
    assert isinstance(decided(ledger), MayClaim)


@pytest.mark.parametrize("content", [b"", b'{"schema":1,"nonce":"n","end":"answer","ans', b'{"schema":1,"nonce":"n"}'])
def test_a_torn_answer_is_named_and_in_doubt(tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes) -> None:
    ledger = opened(local_place(tmp_path))
    ledger.answer(claimed(ledger), RAW, FACTS)
    path = tmp_path / "vin" / "ab" / f"{PRINT}.1.answer"
    path.write_bytes(content)

    made = decided(ledger)

    assert isinstance(made, MayClaim)
    assert [attempt.end for attempt in made.doubts] == [End.TORN]
    assert f"{path} ({len(content)} bytes) is torn" in caplog.text


def test_a_later_answer_heals_a_torn_one(tmp_path: Path) -> None:
    ledger = opened(local_place(tmp_path))
    ledger.answer(claimed(ledger), RAW, FACTS)
    (tmp_path / "vin" / "ab" / f"{PRINT}.1.answer").write_bytes(b"")

    ledger.answer(claimed(ledger, 2), {**RAW, "version": 2}, FACTS)

    made = decided(ledger)
    assert isinstance(made, Answered)
    assert made.attempt.number == 2


def test_saving_an_answer_again_heals_what_the_first_save_tore(tmp_path: Path) -> None:
    ledger = opened(local_place(tmp_path))
    claim = claimed(ledger)
    ledger.answer(claim, RAW, FACTS)
    torn = tmp_path / "vin" / "ab" / f"{PRINT}.1.answer"
    torn.write_bytes(b"{")

    ledger.answer(claim, RAW, FACTS)

    made = decided(ledger)
    assert isinstance(made, Answered)
    assert made.attempt.payload is not None
    assert made.attempt.payload["answer"] == RAW
    assert torn.read_bytes() == b"{"


def test_keys_of_later_versions_are_left_aside(tmp_path: Path) -> None:
    ledger = opened(local_place(tmp_path))
    ledger.answer(claimed(ledger), RAW, FACTS)
    for path in (tmp_path / "vin" / "ab").iterdir():
        record = json.loads(path.read_bytes())
        record["owner"]["team"] = "later"
        path.write_text(json.dumps({**record, "schema": 2, "later": True}))

    (attempt,) = ledger.look("vin", PRINT)

    assert attempt.owner == MINE
    assert attempt.end is End.ANSWER


def test_a_claim_with_odd_values_is_still_a_claim(tmp_path: Path) -> None:
    ledger = opened(local_place(tmp_path))
    claimed(ledger)
    odd = {"schema": 1, "nonce": "n", "owner": "me", "facts": None, "lease_s": "long"}
    (tmp_path / "vin" / "ab" / f"{PRINT}.1.claim").write_text(json.dumps(odd))

    (attempt,) = ledger.look("vin", PRINT)

    assert (attempt.owner, attempt.facts, attempt.lease_s) == (Owner(), {}, None)
