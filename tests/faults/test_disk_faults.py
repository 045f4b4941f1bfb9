"""A ledger whose disk is full, and one whose files are torn: detected, said, healed or named, never paid again."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from airflow_provider_platerec_ocr.core.fingerprint import fingerprint_bytes
from support.fault_books import age, table_of
from support.fault_plays import COUNT, Play
from support.fault_stage import READ, wait_gone
from support.stores import mounted

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from support.fault_plays import Facts, Found
    from support.fault_stage import Stage

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.scheduler, pytest.mark.faults]

IN_FLIGHT = 10
FULL = "its disk or quota is full"


def _small_disk(stage: Stage) -> AbstractContextManager[None]:
    return mounted(stage.ledger, "-o", "size=4m")


def _fill(folder: Path) -> Path:
    """Leave no room on the folder's disk; whoever removes the returned file gives it back."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (65_536, 1):
            with suppress(OSError):
                while True:
                    file.write(b"\0" * size)
    return ballast


def _filled_mid_run(stage: Stage) -> tuple[str, Path]:
    """Start a run and fill its ledger's disk; return when every call was answered and no answer could be saved."""
    run_id = stage.trigger()
    stage.wait_held()
    ballast = _fill(stage.ledger)
    stage.let_go()
    stage.until("nobody noticed the full disk", lambda: FULL in stage.logs())
    stage.until("calls that never end", lambda: stage.sandbox.books()["in_flight"] == 0)
    return run_id, ballast


def _full_for_a_while(stage: Stage) -> Facts:
    run_id, ballast = _filled_mid_run(stage)
    unsaved = _unsaved(stage)
    ballast.unlink()
    return {"run": stage.wait(run_id), "unsaved": unsaved}


def _full_until_killed(stage: Stage) -> Facts:
    """Mark the task failed, and kill the process that holds unsaved answers as soon as the spill has them.

    A heartbeat that is renewed or taken away leaves a block to an answer, so what is unsaved is counted anew.
    """
    run_id, ballast = _filled_mid_run(stage)
    child = stage.processes(run_id).child
    task = next(ti for ti in stage.airflow.tasks(stage.dag_id, run_id) if ti["task_id"] == READ)
    stage.airflow.set_state(stage.dag_id, run_id, task, "failed")
    stage.until("the spill misses answers", lambda: len(_spilled(stage)) >= _unsaved(stage))
    with suppress(psutil.NoSuchProcess):  # it is an orphan by now, which does not stay for ever
        child.kill()
    wait_gone(child)
    unsaved = _unsaved(stage)
    first = stage.wait(run_id)
    spilled = len(_spilled(stage))
    ballast.unlink()
    stage.airflow.clear(stage.dag_id, run_id)
    return {
        "run": f"{first}, cleared {stage.wait(run_id)}",
        "unsaved": unsaved,
        "spilled": spilled,
        "left in the spill": len(_spilled(stage)),
    }


def _unsaved(stage: Stage) -> int:
    return int(stage.sandbox.books()["billed"]) - len(list(stage.ledger.rglob("*.answer")))


def _fingerprints(stage: Stage) -> list[str]:
    return [fingerprint_bytes(stage.base_url, "vin", path.read_bytes()) for path in stage.images]


def _spilled(stage: Stage) -> list[Path]:
    mine = set(_fingerprints(stage))
    spill = stage.airflow.home / "platerec_ocr" / "spill"
    return [path for path in spill.glob("*.answer.json") if path.name.partition(".")[0] in mine]


def _tear(stage: Stage) -> Facts:
    """Let a run end, tear files of its ledger as a crash of the disk would, and read the images into another table."""
    first = stage.wait(stage.trigger())
    empty_answer, half_answer, empty_claim, half_claim, spilled, both, claim_alone = (
        next(stage.ledger.rglob(f"{fingerprint}.1.answer")) for fingerprint in _fingerprints(stage)[:7]
    )
    spill = stage.airflow.home / "platerec_ocr" / "spill"
    spill.mkdir(parents=True, exist_ok=True)
    nonce = json.loads(spilled.read_bytes())["nonce"]
    (spill / f"{spilled.name.removesuffix('.answer')}.{nonce}.answer.json").write_bytes(spilled.read_bytes())
    for path in (empty_answer, empty_claim.with_suffix(".claim"), both.with_suffix(".claim")):
        path.write_bytes(b"")
    for path in (half_answer, half_claim.with_suffix(".claim"), spilled, both, claim_alone.with_suffix(".claim")):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    claim_alone.unlink()
    age([claim_alone.with_suffix(".claim")])
    second = stage.wait(stage.trigger(dataset=str(stage.root / "again")))
    return {
        "run": f"{first}, read again {second}",
        "table": table_of(stage.root / "again"),
        "named": [str(path) for path in (empty_answer, half_answer, both)],
        "doubts": [path.name.partition(".")[0] for path in (empty_answer, half_answer, both, claim_alone)],
        "calls of the spilled": sum(spilled.name[:64] in call["filename"] for call in stage.sandbox.calls()),
    }


DISK = [
    Play(
        "disk full for a while",
        "ledger",
        act=_full_for_a_while,
        around=_small_disk,
        faults=("always:hold",),
        rate_per_s=8,
        at_once=IN_FLIGHT,
        takes_s=60,
    ),
    Play(
        "disk full until killed",
        "ledger",
        act=_full_until_killed,
        around=_small_disk,
        faults=("always:hold",),
        rate_per_s=8,
        at_once=IN_FLIGHT,
        takes_s=60,
    ),
]
TORN = Play("7 images with torn files", "ledger", act=_tear)


def _line(line: Callable[..., None], play: Play, found: Found) -> None:
    line(1, play.name, {"class": play.meaning}, found.cells())


@pytest.mark.parametrize("play", DISK[:1], ids=str)
def test_a_disk_that_is_full_for_a_while_loses_no_answer_and_costs_no_call_twice(
    played: Callable[[Play], Found], undisturbed: list[dict[Any, Any]], line: Callable[..., None], play: Play
) -> None:
    found = played(play)

    _line(line, play, found)
    found.books.hold()
    assert found.facts["run"] == "success"
    assert found.facts["unsaved"] >= 5
    assert found.books.billed == COUNT == found.tally.arrived
    assert found.table == undisturbed[:COUNT]


@pytest.mark.parametrize("play", DISK[1:], ids=str)
def test_answers_that_a_full_disk_refused_until_their_process_was_killed_are_taken_in_from_the_spill(
    played: Callable[[Play], Found], undisturbed: list[dict[Any, Any]], line: Callable[..., None], play: Play
) -> None:
    found = played(play)

    _line(line, play, found)
    found.books.hold()
    assert found.facts["run"] == "failed, cleared success"
    assert found.facts["spilled"] >= found.facts["unsaved"] >= 5
    assert found.facts["left in the spill"] == 0
    assert found.log.count("Took the spilled answer") == found.facts["unsaved"]
    assert found.books.billed == COUNT == found.tally.arrived
    assert found.table == undisturbed[:COUNT]


@pytest.mark.parametrize("play", [TORN], ids=str)
def test_torn_files_are_named_healed_where_an_answer_is_left_and_else_sent_again_once(
    played: Callable[[Play], Found], undisturbed: list[dict[Any, Any]], line: Callable[..., None], play: Play
) -> None:
    found = played(play)

    _line(line, play, found)
    assert found.facts["run"] == "success, read again success"
    assert [path for path in found.facts["named"] if f"{path} (" not in found.log] == []
    assert "is torn: it cannot be read, so the call is in doubt" in found.log
    assert [name for name in found.facts["doubts"] if f"attempt 1 of {name} (run " not in found.log] == []
    assert found.facts["calls of the spilled"] == 1
    found.books.hold(resent_at_most=4)
    assert (found.books.resent, found.books.billed) == (4, COUNT + 4)
    assert found.facts["table"] == undisturbed[:COUNT]
