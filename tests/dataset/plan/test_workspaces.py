"""A run that is planned again: a folder of its own, the newest counts, and nothing of an earlier one gets into it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from airflow_provider_platerec_ocr.core.errors import OCRRunError
from airflow_provider_platerec_ocr.core.models import ReadStatus
from airflow_provider_platerec_ocr.dataset.plan.model import RunRef
from airflow_provider_platerec_ocr.dataset.plan.plan import load_plan
from airflow_provider_platerec_ocr.dataset.plan.workspaces import close_earlier, newest_planning, next_planning
from airflow_provider_platerec_ocr.dataset.table.cleanup import remove_old_workspaces
from airflow_provider_platerec_ocr.dataset.table.outcome_table import calls_of_unread
from support.clock import FakeClock
from support.table_stage import RUN, TableStage, granting, manifest, names, read_vin

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_platerec_ocr.core.models import Outcome, PlannedImage
    from airflow_provider_platerec_ocr.dataset.table.export_model import ExportResult
    from airflow_provider_platerec_ocr.storage.path import StoragePath


NEXT = RunRef("nightly", "scheduled__2026-03-02T22:00:00+00:00", "2026-03-02")


@pytest.fixture
def stage(tmp_path: Path) -> TableStage:
    return TableStage.local(tmp_path)


def again(stage: TableStage, run: RunRef = RUN) -> RunRef:
    """Return the run as it is planned next."""
    return replace(run, planning=next_planning(stage.root / "work", run))


def test_the_first_planning_has_the_name_that_it_always_had(stage: TableStage) -> None:
    assert (next_planning(stage.root / "work", RUN), newest_planning(stage.root / "work", RUN)) == (1, 0)
    assert again(stage).workspace == RUN.slug
    assert replace(RUN, planning=3).workspace == f"{RUN.slug}.3"
    assert replace(RUN, planning=3).slug == RUN.slug


def test_each_planning_has_a_folder_of_its_own_and_the_newest_finished_one_counts(
    stage: TableStage, tmp_path: Path
) -> None:
    stage.plan(manifest(tmp_path / "m.csv", 2))
    second = again(stage)
    stage.plan(manifest(tmp_path / "m.csv", 3), second)
    stage.plan(manifest(tmp_path / "m.csv", 1), NEXT)
    (tmp_path / "work" / f"{RUN.slug}.3").mkdir()  # one that was never finished
    (tmp_path / "work" / f"{RUN.slug}.x").mkdir()

    assert second.planning == 2
    assert newest_planning(stage.root / "work", RUN) == 2
    assert next_planning(stage.root / "work", RUN) == 3
    assert newest_planning(stage.root / "work", NEXT) == 1


def test_the_tenth_planning_comes_after_the_ninth(stage: TableStage, tmp_path: Path) -> None:
    for number in range(1, 11):
        stage.plan(manifest(tmp_path / "m.csv", 1), replace(RUN, planning=number))

    assert newest_planning(stage.root / "work", RUN) == 10
    assert next_planning(stage.root / "work", RUN) == 11


def test_a_plan_that_was_never_finished_gives_its_folder_to_the_next(stage: TableStage, tmp_path: Path) -> None:
    stage.plan(manifest(tmp_path / "m.csv", 2))
    (tmp_path / "work" / RUN.slug / "plan.json").unlink()

    assert again(stage) == RUN


def test_a_run_that_is_planned_again_plans_what_is_not_done_and_keeps_its_rows(
    stage: TableStage, tmp_path: Path
) -> None:
    plan = stage.plan(manifest(tmp_path / "m.csv", 3))
    stage.read(plan)
    first = stage.publish(plan)
    second = again(stage)

    later = stage.plan(manifest(tmp_path / "m.csv", 5), second)

    assert (later.rows, later.done, later.planned, later.kept) == (5, 3, 2, first.files)
    stage.read(later, second)
    result = stage.publish(later, second)
    assert (result.removed, result.reads) == ((), 2)
    assert pq.read_table(stage.dataset.path).num_rows == 5
    assert load_plan(stage.workspace()) == plan


def test_what_a_process_of_the_earlier_plan_still_writes_is_no_outcome_of_the_new_one(
    stage: TableStage, tmp_path: Path
) -> None:
    plan = stage.plan(manifest(tmp_path / "m.csv", 3))
    second = again(stage)
    later = stage.plan(manifest(tmp_path / "m.csv", 3, start=50), second)

    stage.read(plan)  # by row numbers that mean other images by now

    result = stage.publish(later, second)
    assert (result.reads, result.missing) == (0, 3)
    assert names(stage.images(later, second)) == ["50.jpg", "51.jpg", "52.jpg"]


def test_what_the_earlier_plan_publishes_while_the_run_is_planned_again_stays(
    stage: TableStage, tmp_path: Path
) -> None:
    plan = stage.plan(manifest(tmp_path / "m.csv", 3))
    stage.read(plan)
    second = again(stage)
    published: list[ExportResult] = []

    def opening(uri: str) -> StoragePath:
        if not published:  # its export was not stopped yet when the plan was cleared
            published.append(stage.publish(plan))
        return stage.opener(uri)

    later = replace(stage, opener=opening).plan(manifest(tmp_path / "m.csv", 3), second, grant=granting(1))
    stage.read(later, second)
    result = stage.publish(later, second)

    assert (later.kept, result.removed) == (published[0].files, ())
    images = pq.read_table(stage.dataset.path).column("image").to_pylist()
    assert [image.rpartition("/")[2] for image in images] == ["0.jpg", "1.jpg", "2.jpg"]


def test_a_task_that_was_given_up_does_not_publish_the_earlier_plan_over_the_new_one(
    stage: TableStage, tmp_path: Path
) -> None:
    plan = stage.plan(manifest(tmp_path / "m.csv", 2))
    stage.read(plan)
    second = again(stage)
    later = stage.plan(manifest(tmp_path / "m.csv", 3), second)
    stage.read(later, second)
    stage.publish(later, second)

    with pytest.raises(OCRRunError, match="planned again"):
        stage.publish(plan)

    assert pq.read_table(stage.dataset.path).num_rows == 3


def test_workspaces_of_earlier_plannings_go_once_they_are_old_and_the_newest_stays(
    stage: TableStage, tmp_path: Path
) -> None:
    clock = FakeClock()
    stage.plan(manifest(tmp_path / "m.csv", 3))
    second = again(stage)
    stage.plan(manifest(tmp_path / "m.csv", 3), second)

    close_earlier(stage.root / "work", second, clock=clock)

    marked = json.loads((tmp_path / "work" / RUN.slug / "finished.json").read_text())
    assert marked == {"finished_at": "2026-03-01T22:00:00Z", "planned_again": True}
    later = clock.now() + timedelta(days=31)
    assert [place.name for place in remove_old_workspaces(stage.root / "work", 30, later)] == [RUN.slug]
    assert newest_planning(stage.root / "work", RUN) == 2


def test_a_mark_that_is_there_stays_as_it_is(stage: TableStage, tmp_path: Path) -> None:
    plan = stage.plan(manifest(tmp_path / "m.csv", 1))
    stage.read(plan)
    stage.publish(plan)
    before = (tmp_path / "work" / RUN.slug / "finished.json").read_bytes()
    second = again(stage)
    stage.plan(manifest(tmp_path / "m.csv", 2), second)

    close_earlier(stage.root / "work", second)

    assert (tmp_path / "work" / RUN.slug / "finished.json").read_bytes() == before


def test_calls_of_what_is_planned_again_are_those_of_doubts_and_not_of_reads(stage: TableStage, tmp_path: Path) -> None:
    plan = stage.plan(manifest(tmp_path / "m.csv", 4), images_per_shard=2)

    def how(image: PlannedImage) -> Outcome:
        status = {1: ReadStatus.READ, 2: ReadStatus.IN_DOUBT, 3: ReadStatus.REJECTED, 4: ReadStatus.IN_DOUBT}[image.row]
        return replace(read_vin(image), status=status.value, calls_billed=1)

    stage.read(plan, how=how)

    assert calls_of_unread(stage.workspace(), range(2)) == 2
    assert calls_of_unread(stage.workspace(NEXT), range(2)) == 0
