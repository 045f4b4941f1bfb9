"""Dead letters: one row a problem while it lasts, closed when it is over, whoever reads the folder."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest

from airflow_provider_platerec_ocr import read_dead_letters
from airflow_provider_platerec_ocr.core.errors import OCRConfigError, OCRDatasetError
from airflow_provider_platerec_ocr.core.models import format_timestamp
from airflow_provider_platerec_ocr.dataset.plan.plan import RunRef, make_plan
from airflow_provider_platerec_ocr.dataset.table.publish import publish
from support.clock import FakeClock
from support.older_tables import as_version_1, files_of
from support.table_stage import outcome_of, read_outcome

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_platerec_ocr.core.models import Outcome, PlannedImage
    from airflow_provider_platerec_ocr.dataset.plan.plan import Plan
    from support.table_stage import TableStage

VIN = "1M8GDM9AXKP042788"
FIRST = datetime(2026, 3, 1, 22, tzinfo=UTC)


def run_of(number: int) -> RunRef:
    return RunRef("nightly", f"night-{number}", f"2026-03-{number:02d}")


def at(number: int) -> datetime:
    """When the night's images ended: an hour after it was planned."""
    return FIRST + timedelta(days=number - 1, hours=1)


def planned(stage: TableStage, manifest: str, number: int, **more: Any) -> Plan:
    clock = FakeClock(FIRST + timedelta(days=number - 1))
    return make_plan(stage.request(manifest, run_of(number), **more), clock=clock)


def go(stage: TableStage, manifest: str, number: int, ends: dict[str, str | None] | None = None, **more: Any) -> Plan:
    """One night: each image ends as ``ends`` says (a reason, ``read`` or nothing at all), else it is missing."""
    plan = planned(stage, manifest, number, **more)

    def end(image: PlannedImage) -> Outcome | None:
        found = (ends or {}).get(image.image.rpartition("/")[2], "image_missing")
        moment = format_timestamp(at(number))
        if found is None:
            return None
        if found == "read":
            return read_outcome(image, VIN, at=moment)
        status = {"in_doubt": "in_doubt", "image_missing": "failed", "held_elsewhere": "held_elsewhere"}
        return outcome_of(image, status.get(found, "rejected"), reason=found, at=moment)

    stage.read(plan, run_of(number), end)
    export(stage, plan, number)
    return plan


def export(stage: TableStage, plan: Plan, number: int) -> None:
    publish(
        plan,
        workspace=stage.workspace(run_of(number)),
        dataset=stage.dataset,
        dead_letters=stage.dead_letters,
        run=run_of(number),
        clock=FakeClock(at(number) + timedelta(hours=1)),
    )


def listed(path: Path, *rows: str) -> str:
    path.write_text("\n".join(["image,image_version,type", *rows, ""]))
    return str(path)


def letters(stage: TableStage) -> list[tuple[Any, ...]]:
    """All letters as any reader sees them: image or row, reason, first, last, times, whether it is over."""
    rows = [row for file in files_of(stage.dead_letters) for row in pq.ParquetFile(file).read().to_pylist()]
    return sorted(
        (
            (row["image"] or str(row["row"])).rpartition("/")[2],
            row["reason"],
            row["first_seen"].day,
            row["last_seen"].day,
            row["times"],
            row["closed_at"] is not None,
        )
        for row in rows
    )


def test_a_problem_that_lasts_is_one_row_however_many_nights_meet_it(stage: TableStage, tmp_path: Path) -> None:
    path = listed(tmp_path / "m.csv", "a.jpg,,vin", ",,vin")
    for number in range(1, 5):
        go(stage, path, number)

    assert letters(stage) == [
        ("2", "row_invalid", 1, 4, 4, False),
        ("a.jpg", "image_missing", 1, 4, 4, False),
    ]
    (file,) = files_of(stage.dead_letters)
    assert run_of(4).slug in file.name
    frame = pd.read_parquet(stage.dead_letters.path)
    assert len(frame) == 2
    with duckdb.connect() as connection:
        sql = f"select reason, ended_at, times from '{stage.dead_letters.path}/*.parquet' where closed_at is null"  # noqa: S608
        assert len(connection.execute(sql).fetchall()) == 2


def test_a_letter_is_closed_when_its_image_is_read(stage: TableStage, tmp_path: Path) -> None:
    path = listed(tmp_path / "m.csv", "a.jpg,,vin", "b.jpg,,vin")
    go(stage, path, 1)
    go(stage, path, 2, {"a.jpg": "read"})

    assert letters(stage) == [("a.jpg", "image_missing", 1, 1, 1, True), ("b.jpg", "image_missing", 1, 2, 2, False)]
    open_ones = read_dead_letters(stage.dead_letters.uri, open=True)
    assert [image.rpartition("/")[2] for image in open_ones["image"]] == ["b.jpg"]
    closed = read_dead_letters(stage.dead_letters.uri, columns=["image", "closed_at"]).dropna()
    assert list(closed["closed_at"]) == [at(2)]


def test_a_rejected_image_that_was_replaced_and_read_is_closed_and_stays_done(
    stage: TableStage, tmp_path: Path
) -> None:
    path = listed(tmp_path / "m.csv", "a.jpg,1,vin")
    go(stage, path, 1, {"a.jpg": "image_truncated"})
    go(stage, listed(tmp_path / "m.csv", "a.jpg,2,vin"), 2, {"a.jpg": "read"})

    assert letters(stage) == [("a.jpg", "image_truncated", 1, 1, 1, True)]
    assert planned(stage, listed(tmp_path / "m.csv", "a.jpg,1,vin"), 3).done == 1


def test_another_problem_of_the_image_closes_the_one_before(stage: TableStage, tmp_path: Path) -> None:
    path = listed(tmp_path / "m.csv", "a.jpg,,vin")
    go(stage, path, 1)
    go(stage, path, 2, {"a.jpg": "in_doubt"})

    assert letters(stage) == [("a.jpg", "image_missing", 1, 1, 1, True), ("a.jpg", "in_doubt", 2, 2, 1, False)]


def test_a_problem_that_comes_back_after_it_was_over_is_a_new_row(stage: TableStage, tmp_path: Path) -> None:
    path = listed(tmp_path / "m.csv", "a.jpg,,vin", "b.jpg,,vin")
    go(stage, path, 1)
    go(stage, path, 2, {"a.jpg": "read"})
    for number in (3, 4):
        go(stage, listed(tmp_path / "m.csv", f"a.jpg,{number},vin"), number)

    assert [row for row in letters(stage) if row[0] == "a.jpg"] == [
        ("a.jpg", "image_missing", 1, 1, 1, True),
        ("a.jpg", "image_missing", 3, 3, 1, True),  # of another version
        ("a.jpg", "image_missing", 4, 4, 1, False),
    ]


@pytest.mark.parametrize(
    ("second", "closed"),
    [
        ({}, True),
        ({"b.jpg": None}, False),
        ({"b.jpg": "held_elsewhere"}, False),
    ],
    ids=["whole", "not whole", "left to the next run"],
)
def test_a_row_that_was_mended_is_closed_by_the_next_run_that_went_through_the_manifest(
    stage: TableStage, tmp_path: Path, second: dict[str, str | None], *, closed: bool
) -> None:
    go(stage, listed(tmp_path / "m.csv", "b.jpg,,vin", ",,vin", "typo.jgp,,vin"), 1, {"b.jpg": "image_missing"})

    go(stage, listed(tmp_path / "m.csv", "b.jpg,,vin", "c.jpg,,vin"), 2, second)

    found = {row[0]: row[-1] for row in letters(stage)}
    assert (found["2"], found["typo.jgp"]) == (closed, closed)


def test_what_another_manifest_dag_or_type_met_is_not_closed_by_this_one(stage: TableStage, tmp_path: Path) -> None:
    go(stage, listed(tmp_path / "a.csv", "a.jpg,,vin", ",,vin"), 1)
    go(stage, listed(tmp_path / "b.csv", "b.jpg,,vin"), 2)
    go(stage, listed(tmp_path / "a.csv", "a.jpg,,trailer_id", ",,vin"), 3)

    assert not any(row[-1] for row in letters(stage))


@pytest.mark.parametrize("reason", ["api_rejected", "in_doubt"])
def test_a_permanent_letter_and_a_doubt_stay_when_the_manifest_no_longer_names_them(
    stage: TableStage, tmp_path: Path, reason: str
) -> None:
    go(stage, listed(tmp_path / "m.csv", "a.jpg,,vin"), 1, {"a.jpg": reason})
    go(stage, listed(tmp_path / "m.csv", "b.jpg,,vin"), 2, {"b.jpg": "read"})

    assert letters(stage) == [("a.jpg", reason, 1, 1, 1, False)]


def test_exporting_runs_again_in_any_order_changes_nothing(stage: TableStage, tmp_path: Path) -> None:
    path = listed(tmp_path / "m.csv", "a.jpg,,vin", "b.jpg,,vin", ",,vin")
    plans = {1: go(stage, path, 1), 2: go(stage, path, 2), 3: go(stage, path, 3, {"a.jpg": "read"})}
    before = {file: file.read_bytes() for file in files_of(stage.dead_letters)}

    for number in (1, 3, 2, 1):
        export(stage, plans[number], number)

    assert {file: file.read_bytes() for file in files_of(stage.dead_letters)} == before


def test_a_later_try_of_the_same_run_is_not_counted_twice(stage: TableStage, tmp_path: Path) -> None:
    path = listed(tmp_path / "m.csv", "a.jpg,,vin")
    plan = go(stage, path, 1)
    later = format_timestamp(at(1) + timedelta(minutes=5))
    stage.read(plan, run_of(1), lambda image: outcome_of(image, "failed", reason="image_missing", at=later), 2)

    export(stage, plan, 1)

    assert letters(stage) == [("a.jpg", "image_missing", 1, 1, 1, False)]


def test_an_older_run_that_is_exported_late_takes_nothing_back(stage: TableStage, tmp_path: Path) -> None:
    path = listed(tmp_path / "m.csv", "a.jpg,,vin")
    go(stage, path, 5, {"a.jpg": "in_doubt"})
    go(stage, path, 2, {"a.jpg": "image_missing"})

    assert ("a.jpg", "in_doubt", 5, 5, 1, False) in letters(stage)


def test_a_crash_before_the_older_file_was_written_anew_heals_with_the_next_export(
    stage: TableStage, tmp_path: Path
) -> None:
    path = listed(tmp_path / "m.csv", "a.jpg,,vin")
    go(stage, path, 1)
    (older,) = files_of(stage.dead_letters)
    content = older.read_bytes()
    go(stage, path, 2)
    older.write_bytes(content)  # as if the process had died after its own file had appeared
    assert len(letters(stage)) == 2

    go(stage, path, 3)

    assert letters(stage) == [("a.jpg", "image_missing", 1, 3, 3, False)]


def test_letters_of_version_1_become_one_a_problem_and_are_closed_if_their_image_was_read(
    stage: TableStage, tmp_path: Path
) -> None:
    path = listed(tmp_path / "m.csv", "a.jpg,,vin", "b.jpg,,vin", ",,vin")
    kept: dict[Path, bytes] = {}
    for number in (1, 2):
        go(stage, path, number)
        for file in files_of(stage.dead_letters):
            as_version_1(file)
            kept[file] = file.read_bytes()
    for file, content in kept.items():
        file.write_bytes(content)
    go(stage, path, 3, {"b.jpg": "read"})
    for file in files_of(stage.dead_letters):
        if file not in kept:
            file.unlink()
    for file, content in kept.items():  # version 1 closed nothing
        file.write_bytes(content)
    found = read_dead_letters(stage.dead_letters.uri, open=True)
    assert (len(found), found["times"].tolist()) == (3, [2, 2, 2])

    go(stage, path, 4)

    assert letters(stage) == [
        ("3", "row_invalid", 1, 4, 3, False),
        ("a.jpg", "image_missing", 1, 4, 3, False),
        ("b.jpg", "image_missing", 1, 2, 2, True),
    ]
    assert {
        row for file in files_of(stage.dead_letters) for row in pq.read_table(file)["schema_version"].to_pylist()
    } == {2}


def test_dead_letters_that_are_none_give_no_rows_and_other_tables_say_so(stage: TableStage, tmp_path: Path) -> None:
    assert len(read_dead_letters(stage.dead_letters.uri)) == 0
    go(stage, listed(tmp_path / "m.csv", "a.jpg,,vin"), 1, {"a.jpg": "read"})

    with pytest.raises(OCRDatasetError, match="holds reads, and dead letters were asked for"):
        read_dead_letters(stage.dataset.uri)
    with pytest.raises(OCRConfigError, match="The table of dead letters has no setting 'at'"):
        read_dead_letters(stage.dead_letters.uri, columns=["at"])


def test_a_letter_without_a_time_is_kept(stage: TableStage, tmp_path: Path) -> None:
    path = listed(tmp_path / "m.csv", "a.jpg,,vin")
    for number in (1, 2):
        plan = planned(stage, path, number)
        stage.read(plan, run_of(number), lambda image: outcome_of(image, "failed", reason="image_missing", at=None))
        export(stage, plan, number)

    found = read_dead_letters(stage.dead_letters.uri)
    assert len(found) == 1
    assert found["ended_at"].isna().all()
