"""A run whose plan is cleared, or that is made again under its id: planned anew, nothing paid twice, nothing lost."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, ClassVar, cast

import pytest
from airflow.sdk import DAG, TaskGroup

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.operators.export import OCRExportOperator
from airflow_provider_platerec_ocr.operators.plan import OCRPlanOperator
from airflow_provider_platerec_ocr.sandbox.samples import make_load_images
from support.batch_stage import BatchRun, BatchStage, connected
from support.stores import age_claims

if TYPE_CHECKING:
    from pathlib import Path

    from airflow.sdk import Context

    from support.sandbox import Sandbox

DAY = "2026-03-01"


@pytest.fixture
def stage(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BatchStage:
    """A folder of five images for one day."""
    made = connected(monkeypatch, tmp_path, sandbox, images=0)
    make_load_images(tmp_path / DAY, 5, 2_000)
    return made


def days(stage: BatchStage) -> list[str]:
    return [str(row["date"])[:10] for row in stage.rows()]


def test_clearing_the_plan_reads_what_was_left_over_and_what_came_late(
    stage: BatchStage, sandbox: Sandbox, tmp_path: Path
) -> None:
    first = stage.run("night", manifest=str(tmp_path / DAY), daily_limit=3)
    (tmp_path / DAY / "late.jpg").write_bytes((tmp_path / DAY / "load_000001.jpg").read_bytes() + b"late")

    cleared = stage.run("night", manifest=str(tmp_path / DAY), try_number=2)

    assert (first.plan["left_over"], first.counts["reads"]) == (2, 3)
    assert (cleared.plan["done"], cleared.plan["planned"], cleared.plan["left_over"]) == (3, 3, 0)
    assert days(stage) == [DAY] * 6
    assert sandbox.books()["billed"] == 6


def test_clearing_the_plan_reads_a_row_that_was_mended(stage: BatchStage, sandbox: Sandbox, tmp_path: Path) -> None:
    listed = tmp_path / DAY / "m.csv"
    listed.write_text("image,type\nload_000001.jpg,vin\nload_000002.jpg,VIN!\n")
    first = stage.run("night", manifest=str(listed), max_bad_rows=1)
    listed.write_text("image,type\nload_000001.jpg,vin\nload_000002.jpg,vin\n")

    cleared = stage.run("night", manifest=str(listed), try_number=2)

    assert first.counts["dead_letters_by_reason"] == {"row_invalid": 1}
    assert (cleared.plan["done"], cleared.counts["reads"]) == (1, 1)
    assert sandbox.books()["billed"] == 2


def test_clearing_reads_or_export_goes_on_with_the_plan_that_is_there(
    stage: BatchStage, sandbox: Sandbox, tmp_path: Path
) -> None:
    run = stage.run("night", manifest=str(tmp_path / DAY))
    before = stage.table_files()
    (tmp_path / DAY / "late.jpg").write_bytes((tmp_path / DAY / "load_000001.jpg").read_bytes() + b"late")

    stage.read(run, "night", try_number=2)
    stage.export(run, "night")

    assert (run.counts["planned"], run.counts["reads"]) == (5, 5)
    assert stage.table_files() == before
    assert sandbox.books()["billed"] == 5


def test_a_run_that_was_not_exported_yet_is_planned_again_and_reads_the_ledger(
    stage: BatchStage, sandbox: Sandbox, tmp_path: Path
) -> None:
    half = BatchRun()
    stage.plan(half, "night", manifest=str(tmp_path / DAY))
    stage.read(half, "night")

    again = stage.run("night", manifest=str(tmp_path / DAY), try_number=2)

    assert (again.plan["planned"], again.counts["reads"], again.counts["from_ledger"]) == (5, 5, 5)
    assert again.report["spend"]["account"]["difference"] == 0  # from the first plan on
    assert again.report["spend"]["account"]["made"] == again.counts["calls_billed"] == 5
    assert sandbox.books()["billed"] == 5


def test_a_call_in_doubt_of_the_earlier_plan_is_counted_once(
    stage: BatchStage, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.control(faults=["nth=3:cut-after"])
    stage.run("night", manifest=str(tmp_path / DAY))
    age_claims(tmp_path / "ledger", 3600)

    again = stage.run("night", manifest=str(tmp_path / DAY), try_number=2)

    assert (again.plan["done"], again.counts["reads"], again.counts["in_doubt"]) == (4, 1, 0)
    assert (again.report["spend"]["account"]["made"], again.report["spend"]["account"]["billed"]) == (1, 1)
    assert len(stage.rows()) == 5


def test_what_the_reads_of_a_plan_that_was_replaced_still_write_reaches_no_table(
    stage: BatchStage, sandbox: Sandbox, tmp_path: Path
) -> None:
    replaced, again = BatchRun(), BatchRun()
    listed = tmp_path / DAY / "m.csv"
    listed.write_text("image\nload_000001.jpg\nload_000002.jpg\n")
    stage.plan(replaced, "night", manifest=str(listed))
    listed.write_text("image\nload_000003.jpg\n")
    stage.plan(again, "night", manifest=str(listed))

    stage.read(replaced, "night")
    stage.read(again, "night", try_number=2)
    stage.export(again, "night")

    assert again.error is None
    assert [row["image"].rpartition("/")[2] for row in stage.rows()] == ["load_000003.jpg"]
    assert sandbox.books()["billed"] == 3  # kept in the ledger, for whoever plans the two again


def test_a_workspace_of_an_earlier_version_is_exported_and_its_run_is_planned_again(
    stage: BatchStage, sandbox: Sandbox, tmp_path: Path
) -> None:
    run = BatchRun()
    stage.plan(run, "night", manifest=str(tmp_path / DAY))
    stage.read(run, "night")
    (place,) = (tmp_path / "reads_workspace").glob("*/plan.json")
    plan = json.loads(place.read_text())
    place.write_text(json.dumps({key: plan[key] for key in plan if key not in {"partition_date", "own_manifest"}}))

    stage.export(run, "night")
    before = stage.table_files()
    again = stage.run("night", manifest=str(tmp_path / DAY), try_number=2)

    assert len(before) == 1
    assert stage.table_files() == before
    assert again.plan["done"] == 5
    assert list(again.plan["kept"]) == [f"type=vin/date={DAY}/{next(iter(before))}"]
    assert sandbox.books()["billed"] == 5


def test_a_manifest_of_one_day_says_that_no_later_run_finds_what_it_leaves_over(
    stage: BatchStage, sandbox: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = stage.run("night", manifest=str(tmp_path / DAY), daily_limit=3)
    whole = stage.run("other", manifest=str(tmp_path / DAY))

    said = [record for record in caplog.records if "No later run will find" in record.getMessage()]
    assert [record.levelno for record in said] == [logging.WARNING, logging.INFO]  # by the plan; in the report
    assert "its manifest has the run's day 2026-03-01 in its name" in said[0].getMessage()
    assert any("clear its plan task" in line for line in run.report["summary"])
    assert not any("No later run" in line for line in whole.report["summary"])
    assert sandbox.books()["billed"] == 5


def test_rows_go_to_the_day_that_was_asked_for(stage: BatchStage, sandbox: Sandbox, tmp_path: Path) -> None:
    run = stage.run("by-hand", manifest=str(tmp_path / DAY), partition_date="2026-01-05")

    assert days(stage) == ["2026-01-05"] * 5
    assert run.report["date"] == "2026-01-05"
    stage.export(run, "by-hand")  # told nothing: the plan knows
    assert days(stage) == ["2026-01-05"] * 5
    stage.export(run, "by-hand", partition_date="2026-01-06")
    assert days(stage) == ["2026-01-06"] * 5
    stage.export(run, "by-hand", partition_date="")
    assert days(stage) == ["2026-01-05"] * 5
    assert sandbox.books()["billed"] == 5


@pytest.mark.parametrize("asked", ["", "None", None])
def test_without_a_day_they_go_to_the_runs_own(stage: BatchStage, tmp_path: Path, asked: str | None) -> None:
    stage.run("night", manifest=str(tmp_path / DAY), partition_date=asked)

    assert days(stage) == [DAY] * 5


def test_what_is_no_day_fails_the_plan_before_any_call(stage: BatchStage, sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(OCRConfigError, match="partition_date must be a day"):
        stage.plan(BatchRun(), "night", manifest=str(tmp_path / DAY), partition_date="yesterday")

    assert sandbox.books()["posts"] == 0


class InADag(BatchStage):
    """A stage whose tasks stand in a DAG, of which Airflow tells the states."""

    states: ClassVar[dict[str, str | None]] = {}

    def context(self, run_id: str, task: str, *, pushed: dict[str, Any] | None = None, **more: int) -> Context:
        found = super().context(run_id, task, pushed=pushed, **more)
        ti: Any = found["ti"]
        ti.get_task_states = lambda **_: {run_id: self.states}
        with DAG(self.dag_id, schedule=None), TaskGroup("ocr"):
            plan = OCRPlanOperator(task_id="plan", manifest="/m", dataset="/reads")
            plan >> OCRExportOperator(task_id="export", dataset="/reads")
        return cast("Context", {**found, "task": plan})


@pytest.mark.parametrize(("export", "held"), [("success", 0), (None, 2)])
def test_calls_that_a_plan_reserved_which_nobody_will_read_are_given_back(
    stage: BatchStage, tmp_path: Path, caplog: pytest.LogCaptureFixture, export: str | None, held: int
) -> None:
    stage.run("night", manifest=str(tmp_path / DAY), daily_limit=3)
    alone = InADag(stage.root)
    alone.states["ocr.export"] = export

    for _ in range(2):  # the second one ends what the first reserved, too
        alone.plan(BatchRun(), "night", manifest=str(tmp_path / DAY))

    other = BatchRun()
    with caplog.at_level(logging.INFO):
        caplog.clear()
        stage.plan(other, "next", manifest=str(tmp_path / DAY), daily_limit=5)
    assert other.plan["to_pay"] == 5 - 3 - held
    assert ("holds 2 calls" in caplog.text) is bool(held)

    late = alone.run("night", manifest=str(tmp_path / DAY))
    assert late.counts["reads"] == 2, "whoever clears the rest after all has it read"
