"""Who is in the yard, as a task says it: which reads and which list, what is written where, and when it is red."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from airflow.sdk import Asset

from airflow_provider_platerec_ocr.core.errors import OCRConfigError, OCRManifestError, OCRUnitsMissing
from airflow_provider_platerec_ocr.dataset.upkeep.correct import correct
from airflow_provider_platerec_ocr.operators.reconcile import OCRReconcileOperator
from support.inbox_stage import task_context
from support.table_stage import RUN, TableStage, read_outcome

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.models import Outcome, PlannedImage

VIN = "1M8GDM9AXKP042788"
CODES = {"one.jpg": (VIN,), "two.jpg": ("1MBGDM9AXKP042788",), "three.jpg": ("ECHB300417",), "four.jpg": ()}
YARD = Asset("yard")


def how(image: PlannedImage) -> Outcome:
    return read_outcome(image, *CODES[Path(image.image).name])


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of four images, none of which names its camera: three with a code, one without."""
    root = tmp_path_factory.mktemp("yard")
    stage = TableStage.local(root)
    (root / "list.csv").write_text("image,timestamp\n" + "".join(f"{name},2026-03-01T22:15:00Z\n" for name in CODES))
    plan = stage.plan(str(root / "list.csv"))
    stage.read(plan, RUN, how)
    stage.publish(plan)
    return root / "table"


def operator(table: Path, tmp_path: Path, **more: Any) -> OCRReconcileOperator:
    places = {name: str(tmp_path / name) for name in ("results", "sightings", "reports")}
    given: dict[str, Any] = {"reads": str(table), "expected": [VIN, "4711"], **places, **more}
    return OCRReconcileOperator(task_id="reconcile", **given)


def run(table: Path, tmp_path: Path, **more: Any) -> dict[str, Any]:
    return operator(table, tmp_path, **more).execute(task_context("run-1", asset=YARD))


def test_photographs_of_one_unit_are_one_sighting_and_one_row(table: Path, tmp_path: Path) -> None:
    counts = run(table, tmp_path)

    shown = ("units", "matched", "matched_confusable", "missing", "extra", "unreadable", "sightings", "missing_share")
    assert [counts[name] for name in shown] == [2, 1, 0, 1, 1, 1, 2, 0.5]
    [result] = (tmp_path / "results").rglob("*.parquet")
    assert result.parent.name == "date=2026-03-01"
    unit = pq.read_table(result, partitioning=None).to_pylist()[0]
    assert (unit["status"], unit["reads"], len(unit["images"])) == ("matched", 2, 2)
    [seen] = (tmp_path / "sightings").rglob("*.parquet")
    rows = pq.read_table(seen, partitioning=None).to_pylist()
    assert [(row["code"], row["agreeing"], row["reads"]) for row in rows] == [(VIN, 1, 2), ("ECHB300417", 1, 1)]


def test_people_get_their_own_columns_in_a_csv_and_an_excel_file(table: Path, tmp_path: Path) -> None:
    listed = tmp_path / "units.csv"
    listed.write_text(f"code,bay,reads\n{VIN},=B4,x\n4711,B5,y\n")

    files = run(table, tmp_path, expected=str(listed))["files"]

    assert [Path(name).suffix for name in files] == [".parquet", ".parquet", ".parquet", ".csv", ".xlsx"]
    rows = list(csv.DictReader(Path(files[3]).read_text("utf-8-sig").splitlines()))
    assert [(row["status"], row["bay"], row["expected_reads"]) for row in rows[:2]] == [
        ("matched", "'=B4", "x"),
        ("missing", "B5", "y"),
    ]


def test_the_same_run_writes_the_same_files(table: Path, tmp_path: Path) -> None:
    first, second = run(table, tmp_path), run(table, tmp_path)
    assert first == second
    assert sorted(str(path) for path in tmp_path.rglob("*.*") if path.is_file()) == sorted(set(first["files"]))


def test_the_asset_learns_the_counts_and_a_failure_does_not_hide_the_files(table: Path, tmp_path: Path) -> None:
    context = task_context("run-1", asset=YARD)
    told = operator(table, tmp_path, outlets=[YARD], max_missing="10%")

    with pytest.raises(
        OCRUnitsMissing, match=r"1 of 2 expected units are missing, .* lets 10% pass: 4711\. All of"
    ) as e:
        told.execute(context)

    assert not e.value.retry
    assert e.value.counts["missing"] == 1
    assert list((tmp_path / "results").rglob("*.parquet"))
    assert context["outlet_events"][YARD].extra["missing_share"] == 0.5
    assert run(table, tmp_path, max_missing="50%")["missing"] == run(table, tmp_path, max_missing="1")["missing"] == 1


def test_a_correction_counts_unless_it_is_not_to(table: Path, tmp_path: Path) -> None:
    corrections = str(tmp_path / "corrections")
    image = str(table.parent / "three.jpg")
    correct(str(table), "4711", image=image, by="kim", why="seen", corrections=corrections)

    assert run(table, tmp_path, corrections=corrections)["missing"] == 0
    assert run(table, tmp_path, corrections=corrections, corrected=False)["missing"] == 1


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ({}, 3),
        ({"until": "2026-03-01"}, 3),
        ({"since": date(2026, 2, 1), "until": "2026-03-01"}, 3),
        ({"until": "2026-02-28"}, 0),
        ({"type": "trailer_id"}, 0),
        ({"run_id": RUN.run_id}, 3),
        ({"run_id": "another"}, 0),
        ({"expected": f'["{VIN}"]'}, 3),
        ({"expected": [{"Unit": VIN}], "code_column": "unit"}, 3),
        ({"window_minutes": "0", "neighbours": '{"gate-1": "gate-2"}', "last_characters": "6", "max_edits": "2"}, 3),
    ],
)
def test_which_reads_count(table: Path, tmp_path: Path, given: dict[str, Any], seen: int) -> None:
    counts = run(table, tmp_path, **given)
    rows = pq.read_table(counts["files"][1], partitioning=None).to_pylist()
    assert sum(row["reads"] for row in rows) == seen


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"since": "2026-03-02", "until": "2026-03-01"}, OCRConfigError, "nothing lies between"),
        ({"until": "tonight"}, OCRConfigError, "until must be a day"),
        ({"max_edits": 3}, OCRConfigError, "max_edits must be 0, 1 or 2"),
        ({"max_missing": "many"}, OCRConfigError, "max_missing must be a number, such as 20, or a share"),
        ({"expected": ""}, OCRConfigError, "expected is empty"),
        ({"expected": None}, OCRConfigError, "must be a file or a list"),
        ({"expected": "/nowhere/units.csv"}, OCRManifestError, "units.csv"),
        ({"neighbours": "gate-1"}, OCRConfigError, "neighbours must be an object"),
    ],
)
def test_what_cannot_be_meant_says_so(
    table: Path, tmp_path: Path, given: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        run(table, tmp_path, **given)
