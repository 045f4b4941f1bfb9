"""What came by webhook, and what a worker could not put into the ledger, is deleted like everything else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from airflow_provider_platerec_ocr.core.images.wanted import Wanted
from airflow_provider_platerec_ocr.engine.kept.tombstones import RETENTION, bury, search
from airflow_provider_platerec_ocr.upkeep.forget import Forgetting
from airflow_provider_platerec_ocr.upkeep.places import Places
from support.inbox_stage import VIN, InboxStage, payload
from support.ledger_shell import FACTS, PRINT, claimed
from support.stores import local_place

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_platerec_ocr.upkeep.forget import Forgotten

OTHER = "1HGCM82633A004352"


@pytest.fixture
def stage(tmp_path: Path) -> InboxStage:
    """Two payloads of other people's calls, swept into the table."""
    stage = InboxStage(tmp_path)
    assert stage.ledger.root.path == str(tmp_path / "ledger")
    for number, code in enumerate((VIN, OTHER)):
        stage.inbox.put(payload(number, code))
    stage.clock.tick(120)
    stage.sweep()
    assert {row["code"] for row in stage.rows()} == {VIN, OTHER}
    return stage


def forget(stage: InboxStage, code: str = VIN) -> Forgotten:
    root = local_place(stage.folder)
    places = Places(
        dataset=root / "reads",
        repeats=root / "reads_repeats",
        dead_letters=root / "reads_dead_letters",
        corrections=root / "reads_corrections",
        workspace=root / "reads_workspace",
        reports=root / "reads_reports",
        sweeps=root / "reads_inbox",
        ledger=root / "ledger",
        inbox=root / "inbox",
        spill=stage.folder / "spill",
    )
    return Forgetting(places, Wanted.of(code=code), clock=stage.clock).erase()


def spelled(folder: Path, code: str = VIN) -> list[Path]:
    found = []
    for path in folder.rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        if path.suffix == ".parquet":
            data += repr(pq.ParquetFile(path).read().to_pylist()).encode()
        found += [path] if code.encode() in data else []
    return found


def test_a_code_of_somebody_elses_call_is_deleted_and_no_sweep_brings_it_back(stage: InboxStage) -> None:
    found = forget(stage)

    assert {"table", "inbox", "log of sweeps"} <= set(found.counts)
    assert spelled(stage.folder) == []
    assert not stage.inbox.put(payload(0, VIN)).new
    stage.clock.tick(120)
    stage.sweep("run-2")
    assert {row["code"] for row in stage.rows()} == {OTHER}
    assert spelled(stage.folder) == []


def test_a_webhook_of_a_call_of_ours_does_not_bring_back_what_was_deleted(stage: InboxStage) -> None:
    answer = {"results": [{"identifier": {"props": {"code": [{"value": VIN}]}}}]}
    stage.ledger.answer(claimed(stage.ledger), answer, FACTS)
    forget(stage)

    stage.inbox.put(payload(9, VIN, filename=f"x-{PRINT}.jpg"))
    stage.clock.tick(120)
    counts = stage.sweep("run-2")

    assert (counts["ours"], counts["settled"], counts["reads"]) == (1, 0, 0)
    assert {row["code"] for row in stage.rows()} == {OTHER}
    assert spelled(stage.folder) == [], "what came after the deletion went with the sweep"
    assert not stage.inbox.put(payload(9, VIN, filename=f"x-{PRINT}.jpg")).new


def test_a_webhook_of_what_was_merely_old_stays_where_it_is(stage: InboxStage) -> None:
    answer = {"results": [{"identifier": {"props": {"code": [{"value": VIN}]}}}]}
    stage.ledger.answer(claimed(stage.ledger), answer, FACTS)
    for entry in search(stage.ledger.store, lambda *_: True):
        bury(stage.ledger.store, entry, why=RETENTION, clock=stage.clock)

    stage.inbox.put(payload(9, VIN, filename=f"x-{PRINT}.jpg"))
    stage.clock.tick(120)

    assert stage.sweep("run-2")["ours"] == 1
    assert [each.fingerprint for each in stage.inbox.scan()].count(PRINT) == 1


def test_an_answer_that_waits_on_the_worker_is_deleted_too(stage: InboxStage) -> None:
    spill = stage.folder / "spill"
    spill.mkdir()
    record = {"schema": 1, "nonce": "n", "fingerprint": PRINT, "answer": {"results": []}, "facts": {"image": VIN}}
    (spill / f"{PRINT}.1.n.answer.json").write_text(json.dumps(record))
    (spill / "other.answer.json").write_text(json.dumps(record | {"facts": {}}))

    assert forget(stage).counts["spill"] == 2, "what has the same fingerprint goes with it"
    assert list(spill.iterdir()) == []
