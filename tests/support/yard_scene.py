"""The sample photographs as the demo reads them, held night by night against the sample list by the operator itself."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from airflow_provider_platerec_ocr.dataset.corrections.table import CorrectionKind
from airflow_provider_platerec_ocr.dataset.report_page.page import page_of
from airflow_provider_platerec_ocr.operators.reconcile import OCRReconcileOperator
from airflow_provider_platerec_ocr.storage.path import beside
from support import report_scene
from support.search_stage import Shot

if TYPE_CHECKING:
    from airflow.sdk import Context

    from support.search_stage import SearchStage

SAMPLES = Path(__file__).parents[2] / "dags" / "sample_images"
DAG_ID = "yard_reconciliation"


def shots() -> dict[str, list[Shot]]:
    """The samples by type, each with the code that it shows and a camera."""
    found: dict[str, list[Shot]] = {}
    with (SAMPLES / "truth.csv").open() as file:
        for number, row in enumerate(csv.DictReader(file)):
            shot = Shot(row["image"], (row["truth"],), 0.97 - number % 5 * 0.03, f"gate-{number % 3 + 1}")
            found.setdefault(row["type"], []).append(shot)
    return found


def named(day: int, name: str) -> str:
    """What a sample is called on a night: what was read under one name is not read again."""
    return f"{day:02}-{name}"


def night(search: SearchStage, day: int, leaves_out: tuple[str, ...] = ()) -> None:
    """Publish a night of March of all samples but some, with a run's report and its page."""
    for kind, some in shots().items():
        seen = [replace(shot, name=named(day, shot.name)) for shot in some if shot.name not in leaves_out]
        search.night(day, seen, kind=kind)
    reports = Path(beside(search.dataset.uri, "reports"))
    reports.mkdir(exist_ok=True)
    material = report_scene.material()
    facts = {**material.report, "date": f"2026-03-{day:02}", "dag_id": "nightly", "run_id": f"night-{day:02}"}
    (reports / f"nightly__{day:02}.json").write_text(json.dumps(facts))
    (reports / f"nightly__{day:02}.html").write_bytes(page_of(material))


def copy_samples(search: SearchStage, day: int) -> None:
    """Put the photographs of a night where the table says that they are."""
    for path in SAMPLES.glob("*.jpg"):
        shutil.copy(path, Path(search.dataset.path).parent / named(day, path.name))


def reconcile(search: SearchStage, day: int, **more: Any) -> dict[str, Any]:
    """Hold a night against the sample list, as the example DAG does, and return what the task returns."""
    given: dict[str, Any] = {"expected": str(SAMPLES / "expected.csv"), "until": f"2026-03-{day:02}"} | more
    operator = OCRReconcileOperator(task_id="reconcile", reads=search.dataset.uri, **given)
    ti = SimpleNamespace(dag_id=DAG_ID, run_id=f"run-{day:02}", task_id="reconcile", map_index=-1)
    run = SimpleNamespace(
        dag_id=DAG_ID,
        run_id=f"run-{day:02}",
        data_interval_start=None,
        run_after=datetime(2026, 3, day, 23, tzinfo=UTC),
    )
    counts: dict[str, Any] = operator.execute(cast("Context", {"ti": ti, "dag_run": run, "outlet_events": {}}))
    return counts


def furnish_yard(search: SearchStage) -> Path:
    """Publish eight nights, hold each against the list, have some reads decided on, and return the last page."""
    names = sorted(path.name for path in SAMPLES.glob("*.jpg"))
    copy_samples(search, 8)
    for day in range(1, 9):
        gone = tuple(names[(day * 5 + 6 + step) % len(names)] for step in range(day * 3 % 5))
        night(search, day, gone)
        reconcile(search, day, expected=str(shutil.copy(SAMPLES / "expected.csv", Path(search.dataset.path).parent)))
    wrong = {"vin_plate_01.jpg": "1WHEYKVM4G9DW8665", "vin_plate_13.jpg": "SJSZZZP5ZFH287058"}
    for name in (name for name in names[::2] if name not in {*wrong, *gone}):
        search.correct(named(8, name), kind=CorrectionKind.ACCEPT)
    for name, code in wrong.items():
        search.correct(named(8, name), code)
    return Path(beside(search.dataset.uri, "reports")) / "nightly__08.html"
