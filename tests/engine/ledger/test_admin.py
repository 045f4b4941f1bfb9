from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.cli.ledger.command import main
from airflow_provider_platerec_ocr.core.claims import Answered, Doubt, End, MayClaim, Rejected
from airflow_provider_platerec_ocr.core.errors import OCRConfigError, OCRLedgerUnwritable
from airflow_provider_platerec_ocr.engine.ledger.admin import LedgerAdmin, LedgerDecision
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from support.clock import FakeClock
from support.ledger_shell import FACTS, OTHER, OWNER, PRINT, RAW, Shell, claimed
from support.simulated_store import SimulatedStore
from support.stores import age_claims

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(tmp_path / "ledger", capsys)


@pytest.fixture
def doubt(shell: Shell) -> Shell:
    claimed(shell.ledger)
    age_claims(shell.root, 300)
    return shell


def test_an_answer_settles_a_doubt_and_says_who_and_why(doubt: Shell, tmp_path: Path) -> None:
    (tmp_path / "answer.json").write_text(json.dumps(RAW))

    code, said = doubt.run(
        "settle", PRINT, "--answer", str(tmp_path / "answer.json"), "--by", "kim", "--why", "webhook mail"
    )

    assert code == 0
    assert "Attempt 1" in said
    assert "no run pays for it again" in said
    made = doubt.decision()
    assert isinstance(made, Answered)
    assert made.attempt.payload is not None
    assert made.attempt.payload["answer"] == RAW
    settled = made.attempt.payload["settled"]
    assert (settled["by"], settled["why"]) == ("kim", "webhook mail")
    assert "settled by kim: webhook mail" in doubt.run("show", PRINT)[1]


def test_a_spilled_answer_settles_too(doubt: Shell, tmp_path: Path) -> None:
    claim = claimed(doubt.ledger, OTHER)
    spiller = Ledger(doubt.ledger.store, lease_s=270, clock=FakeClock(), owner=OWNER, spill_folder=tmp_path / "spill")
    where = spiller.spill_answer(claim, RAW, FACTS)
    age_claims(doubt.root, 300)

    wrong = doubt.run("settle", PRINT, "--answer", where)
    assert (wrong[0], f"is the answer of {OTHER}" in wrong[1]) == (1, True)
    assert doubt.run("settle", OTHER, "--answer", where)[0] == 0
    made = doubt.decision(OTHER)
    assert isinstance(made, Answered)
    assert made.attempt.payload is not None
    assert made.attempt.payload["answer"] == RAW


def test_released_lets_the_next_run_send_it(doubt: Shell) -> None:
    assert doubt.run("settle", PRINT, "--released")[0] == 0
    assert doubt.decision() == MayClaim(2)


def test_rejected_keeps_every_run_from_sending_it(doubt: Shell) -> None:
    assert doubt.run("settle", PRINT, "--rejected", "not ours")[0] == 0
    made = doubt.decision()
    assert isinstance(made, Rejected)
    assert made.attempt.payload is not None
    assert made.attempt.payload["facts"]["message"] == "not ours"
    assert made.attempt.payload["settled"]["why"] == "not ours"


def test_a_torn_answer_can_be_settled_in_each_way(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "answer.json").write_text(json.dumps(RAW))
    for fingerprint, how, end in (
        (PRINT, ("--answer", str(tmp_path / "answer.json")), End.ANSWER),
        (OTHER, ("--released",), End.RELEASED),
        ("ef" * 32, ("--rejected", "broken"), End.REJECTED),
    ):
        shell.ledger.answer(claimed(shell.ledger, fingerprint), RAW, FACTS)
        (shell.root / "vin" / fingerprint[:2] / f"{fingerprint}.1.answer").write_bytes(b"{")

        assert shell.run("settle", fingerprint, *how)[0] == 0
        (attempt,) = shell.ledger.look("vin", fingerprint)
        assert attempt.end is end


def test_two_doubts_need_to_be_told_apart(doubt: Shell) -> None:
    claimed(doubt.ledger, number=2)
    age_claims(doubt.root, 300)
    assert isinstance(doubt.decision(), Doubt)

    code, said = doubt.run("settle", PRINT, "--released")
    assert (code, "Attempts 1, 2 are in doubt" in said) == (1, True)
    assert doubt.run("settle", PRINT, "--released", "--attempt", "2")[0] == 0
    assert "There is no attempt 9" in doubt.run("settle", PRINT, "--released", "--attempt", "9")[1]
    assert isinstance(doubt.decision(), MayClaim)


def test_what_is_not_in_doubt_is_not_settled(shell: Shell) -> None:
    claimed(shell.ledger)
    for arguments in (("--released",), ("--released", "--attempt", "1")):
        code, said = shell.run("settle", PRINT, *arguments)
        assert (code, "may be under way" in said) == (1, True)
    shell.ledger.answer(claimed(shell.ledger, OTHER), RAW, FACTS)
    code, said = shell.run("settle", OTHER, "--released")
    assert (code, "it has ended" in said) == (1, True)
    assert shell.run("settle", "ef" * 32, "--released")[0] == 1


def test_an_answer_that_turns_up_late_settles_what_was_released(shell: Shell, tmp_path: Path) -> None:
    shell.ledger.release(claimed(shell.ledger), "429")
    (tmp_path / "answer.json").write_text(json.dumps(RAW))

    assert shell.run("settle", PRINT, "--answer", str(tmp_path / "answer.json"), "--attempt", "1")[0] == 0
    assert isinstance(shell.decision(), Answered)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"results": 3}', '{"nonce": "n", "answer": {}}'])
def test_what_is_no_answer_settles_nothing(doubt: Shell, tmp_path: Path, content: str) -> None:
    (tmp_path / "answer.json").write_text(content)

    assert doubt.run("settle", PRINT, "--answer", str(tmp_path / "answer.json"))[0] == 1
    assert isinstance(doubt.decision(), MayClaim)


def test_a_missing_answer_file_is_told(doubt: Shell, tmp_path: Path) -> None:
    code, said = doubt.run("settle", PRINT, "--answer", str(tmp_path / "none.json"))

    assert (code, "none.json" in said) == (1, True)


def test_settling_needs_exactly_one_end(doubt: Shell) -> None:
    for arguments in ((), ("--released", "--rejected", "both")):
        with pytest.raises(SystemExit) as caught:
            main([str(doubt.root), "settle", PRINT, *arguments])
        assert caught.value.code == 2


def test_a_fingerprint_of_two_types_needs_the_type(doubt: Shell) -> None:
    claimed(doubt.ledger, type_="trailer_id")
    age_claims(doubt.root, 300)

    code, said = doubt.run("settle", PRINT, "--released")
    assert (code, "trailer_id, vin: say which with --type" in said) == (1, True)
    assert doubt.run("settle", PRINT, "--released", "--type", "vin")[0] == 0


def test_somebody_who_settles_at_the_same_moment_is_not_overruled() -> None:
    clock = FakeClock()
    fs = SimulatedStore(clock)
    ledger = Ledger.open(fs.place(), lease_s=270, clock=clock, owner=OWNER)
    claimed(ledger)
    clock.tick(300)
    first, second = LedgerAdmin(ledger, clock), LedgerAdmin(ledger, clock)
    (found,) = second.find(PRINT)
    first.settle(found, LedgerDecision(End.RELEASED, by="kim", why="log"))

    with pytest.raises(OCRConfigError, match="somebody else just now"):
        second.settle(found, LedgerDecision(End.RELEASED, by="sam", why="log"))


def test_forgetting_moves_everything_aside_and_deletes_nothing(doubt: Shell) -> None:
    doubt.ledger.answer(claimed(doubt.ledger, number=2), RAW, FACTS)
    before = {path.name: path.read_bytes() for path in doubt.root.rglob(f"{PRINT}*")}

    code, said = doubt.run("forget", PRINT)
    assert (code, "Nothing was done" in said, "/in/4711.jpg" in said) == (1, True, True)
    assert isinstance(doubt.decision(), Answered)
    code, said = doubt.run("forget", PRINT, "--yes")

    assert (code, "nothing was deleted" in said) == (0, True)
    assert doubt.decision() == MayClaim(1)
    assert {path.name: path.read_bytes() for path in (doubt.root / "forgotten-claims").rglob(f"{PRINT}*")} == before
    assert not list((doubt.root / "vin").rglob(f"{PRINT}*"))


def test_what_is_under_way_is_not_forgotten(shell: Shell) -> None:
    claimed(shell.ledger)

    code, said = shell.run("forget", PRINT, "--yes")

    assert (code, "may be under way" in said) == (1, True)
    assert shell.run("forget", OTHER, "--yes")[0] == 1


def test_forgetting_that_is_cut_short_leaves_doubt_and_not_a_free_claim() -> None:
    clock = FakeClock()
    fs = SimulatedStore(clock)
    ledger = Ledger.open(fs.place(), lease_s=270, clock=clock, owner=OWNER)
    claim = claimed(ledger)
    ledger.answer(claim, RAW, FACTS)
    clock.tick(300)
    (found,) = LedgerAdmin(ledger, clock).find(PRINT)

    moved: list[str] = []

    def cut(operation: str, path: str) -> None:
        if operation == "move":
            moved.append(path)
            if len(moved) == 2:
                raise ConnectionError

    fs.before = cut
    with pytest.raises(OCRLedgerUnwritable):
        LedgerAdmin(ledger, clock).forget(found)

    assert len(moved) == 2
    (attempt,) = ledger.look("vin", PRINT)
    assert attempt.is_in_doubt(270)
