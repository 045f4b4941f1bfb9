"""Images whose kept answers a later version can read are planned once more, and then done."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.dataset import read_dataset
from airflow_provider_platerec_ocr.dataset.plan.plan import RunRef
from support.table_stage import RUN, VIN, fingerprint_of, manifest, names, outcome_of, read_outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_platerec_ocr.core.models import Outcome, PlannedImage
    from airflow_provider_platerec_ocr.dataset.plan.plan import Plan
    from support.table_stage import TableStage

NEXT = RunRef("nightly", "scheduled__2026-03-02T22:00:00+00:00", "2026-03-02")
LATER = RunRef("nightly", "scheduled__2026-03-03T22:00:00+00:00", "2026-03-03")


def night(stage: TableStage, source: str, run: RunRef, how: Callable[[PlannedImage], Outcome], **more: Any) -> Plan:
    plan = stage.plan(source, run, **more)
    stage.read(plan, run, how)
    stage.publish(plan, run)
    return plan


def test_an_image_whose_kept_answer_can_be_read_now_is_planned_once_more_and_then_done(
    stage: TableStage, tmp_path: Path
) -> None:
    source, odd = manifest(tmp_path / "m.csv", 3), "{}"
    first = night(
        stage,
        source,
        RUN,
        lambda image: read_outcome(image, VIN, **({"answer": odd} if image.row == 2 else {})),
    )
    reopened = {fingerprint_of(image) for image in stage.images(first)[1:]}

    assert stage.plan(source, LATER, dry_run=True).planned == 0
    again = night(stage, source, NEXT, lambda image: read_outcome(image, VIN), reopened=reopened)

    assert names(stage.images(again, NEXT)) == ["1.jpg"]  # the third has a code
    assert stage.plan(source, LATER, reopened=reopened).planned == 0
    assert read_dataset(stage.dataset.uri, latest_only=True)["identifier_count"].tolist() == [1, 1, 1]


def test_a_repeat_of_an_answer_that_can_be_read_now_is_planned_until_that_is_published(
    stage: TableStage, tmp_path: Path
) -> None:
    source = tmp_path / "m.csv"
    source.write_text("image,image_version\na.jpg,1\n")
    mark = "a" * 64
    night(stage, str(source), RUN, lambda image: read_outcome(image, answer="{}", fingerprint=mark))
    source.write_text("image,image_version\na.jpg,2\n")  # touched
    night(stage, str(source), NEXT, lambda image: read_outcome(image, answer="{}", fingerprint=mark))

    assert stage.plan(str(source), LATER, dry_run=True).done == 1
    again = night(stage, str(source), LATER, lambda image: read_outcome(image, VIN, fingerprint=mark), reopened={mark})

    assert again.planned == 1
    last = replace(LATER, run_id="last")
    assert stage.plan(str(source), last, reopened={mark}).planned == 0
    assert read_dataset(stage.dataset.uri)["identifier_count"].fillna(-1).tolist() == [-1, 1]


def test_a_rejected_image_whose_kept_answer_can_be_read_now_is_planned_once_more(
    stage: TableStage, tmp_path: Path
) -> None:
    source = manifest(tmp_path / "m.csv", 2)
    night(stage, source, RUN, lambda image: outcome_of(image, "rejected", fingerprint=f"{image.row:064x}"))

    assert stage.plan(source, NEXT, dry_run=True).planned == 0
    assert stage.plan(source, NEXT, dry_run=True, reopened={f"{2:064x}"}).planned == 1
