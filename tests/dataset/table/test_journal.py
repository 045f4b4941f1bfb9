"""Outcomes on their way from the read tasks to the export."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.core.models import Outcome
from airflow_provider_platerec_ocr.dataset.table.journal import (
    OutcomeWriter,
    best_outcomes,
    read_outcomes,
    settled_rows,
)
from airflow_provider_platerec_ocr.dataset.table.outcome_table import best_table, to_table
from support.clock import FakeClock
from support.stores import local_place

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_platerec_ocr.storage.path import StoragePath


@pytest.fixture
def workspace(tmp_path: Path) -> StoragePath:
    return local_place(tmp_path / "work")


def outcome(row: int, status: str, at: str | None = None, message: str | None = None) -> Outcome:
    return Outcome(row, f"/{row}.jpg", "vin", status, at=at, message=message)


def write(workspace: StoragePath, *outcomes: Outcome, try_number: int = 1) -> None:
    with OutcomeWriter(workspace, 0, try_number) as writer:
        for item in outcomes:
            writer.append(item)


def parts(workspace: StoragePath) -> list[str]:
    folder = f"{workspace.path}/outcomes/00000"
    return sorted(workspace.fs.ls(folder, detail=False)) if workspace.fs.exists(folder) else []


def test_outcomes_come_back_as_they_were_written(workspace: StoragePath) -> None:
    given = [
        Outcome(1, "/ä.jpg", "vin", "read", "v", "c", "2026-03-01T22:00:00Z", "f" * 64, '{"a": 1}', "x", 1, at="y"),
        Outcome(2, "/b.jpg", "vin", "failed", reason="api_unavailable", message="a\nb", http_status=503),
    ]

    write(workspace, *given)

    assert list(read_outcomes(workspace, 0)) == given
    assert best_outcomes(workspace, 0) == given
    assert best_table(workspace, 0) == to_table(given)


def test_a_part_file_is_written_when_enough_have_come_together(workspace: StoragePath) -> None:
    writer = OutcomeWriter(workspace, 0, 1, flush_every=3)

    for row in range(1, 8):
        writer.append(outcome(row, "read"))

    assert len(parts(workspace)) == 2
    writer.close()
    writer.close()
    assert len(parts(workspace)) == 3
    assert [item.row for item in read_outcomes(workspace, 0)] == [1, 2, 3, 4, 5, 6, 7]


def test_taking_says_when_a_part_is_due_and_writes_nothing_itself(workspace: StoragePath) -> None:
    writer = OutcomeWriter(workspace, 0, 1, flush_every=2)

    due = [writer.take(outcome(1, "read")), writer.take(outcome(2, "read"))]

    assert due == [False, True]
    assert parts(workspace) == []
    writer.flush()
    assert [item.row for item in read_outcomes(workspace, 0)] == [1, 2]


def test_what_waits_is_written_when_it_is_old(workspace: StoragePath) -> None:
    clock = FakeClock()
    writer = OutcomeWriter(workspace, 0, 1, max_age_s=30, clock=clock)

    writer.append(outcome(1, "read"))
    clock.tick(29)
    writer.append(outcome(2, "read"))
    assert parts(workspace) == []
    clock.tick(1)
    writer.append(outcome(3, "read"))

    assert [item.row for item in read_outcomes(workspace, 0)] == [1, 2, 3]


def test_an_error_of_the_task_loses_no_outcome(workspace: StoragePath) -> None:
    def task() -> None:
        with OutcomeWriter(workspace, 0, 1) as writer:
            writer.append(outcome(1, "read"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        task()

    assert settled_rows(workspace, 0) == {1: "read"}


def test_what_cannot_be_written_waits_for_the_next_flush(tmp_path: Path) -> None:
    (tmp_path / "work").write_text("a file where a folder should be")
    workspace = local_place(tmp_path / "work")
    writer = OutcomeWriter(workspace, 0, 1)
    writer.append(outcome(1, "read"))

    with pytest.raises(OSError, match=r"cannot write .* free space or grant the right to write.*outcomes/00000"):
        writer.flush()
    (tmp_path / "work").unlink()
    writer.flush()

    assert settled_rows(workspace, 0) == {1: "read"}


def test_many_threads_lose_nothing(workspace: StoragePath) -> None:
    writer = OutcomeWriter(workspace, 0, 1, flush_every=7)

    def work(start: int) -> None:
        for row in range(start, start + 100):
            writer.append(outcome(row, "read"))

    threads = [threading.Thread(target=work, args=(start,)) for start in range(0, 800, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()

    assert sorted(item.row for item in read_outcomes(workspace, 0)) == list(range(800))


def test_only_final_outcomes_need_no_further_try(workspace: StoragePath) -> None:
    statuses = ["read", "rejected", "failed", "in_doubt", "held_elsewhere"]

    write(workspace, *(outcome(row, status) for row, status in enumerate(statuses)))

    assert settled_rows(workspace, 0) == {0: "read", 1: "rejected"}


def test_shards_keep_apart(workspace: StoragePath) -> None:
    write(workspace, outcome(1, "read"))

    assert settled_rows(workspace, 1) == {}
    assert best_outcomes(workspace, 1) == []
    assert best_table(workspace, 1).num_rows == 0


@pytest.mark.parametrize(
    ("first", "second", "wins"),
    [
        ("read", "failed", "read"),
        ("failed", "read", "read"),
        ("rejected", "in_doubt", "rejected"),
        ("in_doubt", "rejected", "rejected"),
        ("rejected", "read", "read"),
        ("read", "rejected", "read"),
        ("failed", "in_doubt", "in_doubt"),
        ("failed", "held_elsewhere", "held_elsewhere"),
        ("in_doubt", "held_elsewhere", "in_doubt"),
        ("in_doubt", "failed", "in_doubt"),
        ("in_doubt", "carried_over", "in_doubt"),
        ("failed", "carried_over", "failed"),
        ("carried_over", "held_elsewhere", "held_elsewhere"),
        ("carried_over", "read", "read"),
    ],
)
def test_a_final_outcome_wins_else_the_latest(workspace: StoragePath, first: str, second: str, wins: str) -> None:
    write(workspace, outcome(1, first, "2026-03-01T22:00:00Z"))
    write(workspace, outcome(1, second, "2026-03-01T23:00:00Z"), try_number=2)

    assert [item.status for item in best_outcomes(workspace, 0)] == [wins]
    assert best_table(workspace, 0).column("status").to_pylist() == [wins]
    assert settled_rows(workspace, 0) == ({1: wins} if wins in {"read", "rejected"} else {})


def test_the_latest_is_told_by_its_time_and_then_by_its_place(workspace: StoragePath) -> None:
    write(workspace, outcome(1, "failed", "2026-03-01T23:00:00Z", "late"), outcome(2, "failed", None, "first"))
    write(workspace, outcome(1, "failed", "2026-03-01T22:00:00Z", "early"), try_number=2)
    write(workspace, outcome(2, "failed", None, "second"), try_number=2)

    assert [item.message for item in best_outcomes(workspace, 0)] == ["late", "second"]


def test_the_tenth_try_comes_after_the_ninth(workspace: StoragePath) -> None:
    for number in (9, 10, 1000):
        write(workspace, outcome(1, "failed", None, str(number)), try_number=number)

    assert [item.message for item in read_outcomes(workspace, 0)] == ["9", "10", "1000"]


@pytest.mark.parametrize(
    "damage", [b"half a li", b'{"row": 1}\n', b"[1]\n", b'{"row": "x", "status": 7}\n{}\n', b"\xff\n"]
)
def test_a_damaged_line_is_named_and_the_others_count(
    workspace: StoragePath, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    write(workspace, outcome(2, "read"))
    workspace.fs.pipe_file(f"{workspace.path}/outcomes/00000/001-0000aaaa-00000.jsonl", damage)

    assert [row for row in best_table(workspace, 0).column("row").to_pylist() if row == 2] == [2]
    assert "001-0000aaaa-00000.jsonl is no outcome and is left out" in caplog.text


def test_half_written_files_are_not_read(workspace: StoragePath) -> None:
    write(workspace, outcome(2, "read"))
    workspace.fs.pipe_file(f"{workspace.path}/outcomes/00000/.001-0000aaaa-00000.jsonl.01234567.tmp", b"half")

    assert [item.row for item in read_outcomes(workspace, 0)] == [2]
