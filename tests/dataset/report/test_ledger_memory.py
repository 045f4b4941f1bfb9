"""Which ledger fits a dataset: the rule as a table, and the file that remembers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.dataset.report.ledger_memory import (
    EARLIER,
    LedgerRecord,
    Match,
    has_reads,
    match,
    remember_ledger,
    remembered_ledger,
    shrunk,
)
from support.stores import local_place

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.storage.path import StoragePath

A, B = "a" * 12, "b" * 12
SAME = LedgerRecord("/l", A, answers=5)


def now(*ids: str, claims: bool = True) -> LedgerRecord:
    return LedgerRecord("/l", ids[0] if ids else "", ids=frozenset(ids), has_claims=claims, answers=5 if claims else 0)


@pytest.mark.parametrize(
    ("ledger", "remembered", "reads", "fits"),
    [
        (now(A), SAME, True, Match.FINE),
        (now(B, A), SAME, True, Match.FINE),
        (now(B), SAME, True, Match.OTHER),
        (now(), SAME, True, Match.OTHER),
        (now(B, claims=False), SAME, True, Match.NEW),
        (now(claims=False), SAME, True, Match.NEW),
        (now(A, claims=False), SAME, True, Match.EMPTIED),
        (now(A, claims=False), LedgerRecord("/l", A), True, Match.FINE),
        (now(A), None, True, Match.FINE),
        (now(), None, True, Match.FINE),
        (now(claims=False), None, True, Match.NEW),
        (now(B, claims=False), None, True, Match.NEW),
        (now(), LedgerRecord("/l"), True, Match.FINE),
        (now(claims=False), LedgerRecord("/l"), True, Match.NEW),
        (now(B), SAME, False, Match.FINE),
        (now(claims=False), SAME, False, Match.FINE),
        (now(claims=False), None, False, Match.FINE),
    ],
)
def test_a_ledger_fits_if_it_is_known_or_could_be_the_one(
    ledger: LedgerRecord, remembered: LedgerRecord | None, *, reads: bool, fits: Match
) -> None:
    assert match(ledger, remembered, has_reads=reads) is fits


@pytest.fixture
def file(tmp_path: Path) -> StoragePath:
    return local_place(tmp_path) / "reads_ledger.json"


def test_the_last_ledger_is_remembered_and_earlier_ones_are_kept_for_people(file: StoragePath) -> None:
    assert remembered_ledger(file) is None
    for index in range(EARLIER + 3):
        remember_ledger(file, LedgerRecord(f"/l{index}", f"{index:012x}", answers=index, run="r", at="2026-03-01"))
        remember_ledger(file, LedgerRecord(f"/l{index}", f"{index:012x}", answers=index + 1, run="r", at="2026-03-02"))

    last = remembered_ledger(file)

    assert last is not None
    assert (last.place, last.answers, last.at) == (f"/l{EARLIER + 2}", EARLIER + 3, "2026-03-02")
    earlier = [record["id"] for record in json.loads(Path(file.path).read_text())["earlier"]]
    assert earlier == [f"{index:012x}" for index in range(EARLIER + 1, 1, -1)]


@pytest.mark.parametrize("torn", [b"", b"{", b"[]", b'{"ledger": 1}', b'{"ledger": {"id": "x"}}'])
def test_a_file_that_cannot_be_read_counts_as_none(file: StoragePath, torn: bytes) -> None:
    Path(file.path).write_bytes(torn)

    assert remembered_ledger(file) is None
    remember_ledger(file, SAME)
    assert remembered_ledger(file) == SAME


def test_a_place_that_takes_no_file_holds_up_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("not a folder")

    remember_ledger(local_place(tmp_path / "file") / "reads_ledger.json", SAME)

    assert "cannot be written" in caplog.text


def test_reads_are_published_ones_or_those_of_the_last_run_but_not_others_calls(tmp_path: Path) -> None:
    dataset, workspaces = local_place(tmp_path / "reads"), local_place(tmp_path / "reads_workspace")
    folder = tmp_path / "reads" / "type=vin" / "date=2026-03-01"
    folder.mkdir(parents=True)
    last = LedgerRecord("/l", A, run="yard__night-1__00")
    assert not has_reads(dataset, workspaces, last)

    (folder / "reads-ingest.inbox-0000000001__r__ff-00000.parquet").write_bytes(b"")
    assert not has_reads(dataset, workspaces, last)
    (tmp_path / "reads_workspace" / last.run / "outcomes" / "00000").mkdir(parents=True)
    assert not has_reads(dataset, workspaces, last)
    (tmp_path / "reads_workspace" / last.run / "outcomes" / "00000" / "001-aaaaaaaa-00000.jsonl").write_bytes(b"{}\n")
    assert has_reads(dataset, workspaces, last)
    assert not has_reads(dataset, workspaces, None)
    (folder / "reads-yard__night-1__00-00000.parquet").write_bytes(b"")
    assert has_reads(dataset, workspaces, None)


def test_a_ledger_has_shrunk_if_it_clearly_lacks_answers() -> None:
    before = LedgerRecord("/l", A, answers=100)

    assert shrunk(LedgerRecord("/l", A, answers=50, ids=frozenset({A})), before)
    assert not shrunk(LedgerRecord("/l", A, answers=95, ids=frozenset({A})), before)
    assert not shrunk(LedgerRecord("/l", B, answers=50, ids=frozenset({B})), before)
    assert not shrunk(LedgerRecord("/l", A, answers=50), None)
    deleted = LedgerRecord("/l", A, answers=50, rejected=45, ids=frozenset({A}))
    assert not shrunk(deleted, before), "what was deleted is still there by name"


def test_a_ledger_in_a_sentence_says_what_is_known() -> None:
    assert str(LedgerRecord("/l", A, "made 2026", 3, "3 answers")) == f"/l (id {A}, 3 answers, made 2026)"
    assert str(LedgerRecord("/l")) == "/l (nothing is there)"
