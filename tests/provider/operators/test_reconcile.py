"""Who is in the yard, as a task says it: which reads and which list, what is written where, and when it is red."""

from __future__ import annotations

import csv
import json
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet as pq
import pytest
from airflow.sdk import DAG, Asset

from airflow_provider_platerec_ocr.core.errors import OCRConfigError, OCRDatasetError, OCRManifestError, OCRUnitsMissing
from airflow_provider_platerec_ocr.dataset.upkeep.correct import correct
from airflow_provider_platerec_ocr.notifications.notifier import OCRNotifier
from airflow_provider_platerec_ocr.operators.reconcile import OCRReconcileOperator
from support.inbox_stage import task_context
from support.table_stage import RUN
from support.yard_table import yard_table

VIN = "1M8GDM9AXKP042788"
CODES = {"one.jpg": (VIN,), "two.jpg": ("1MBGDM9AXKP042788",), "three.jpg": ("ECHB300417",), "four.jpg": ()}
YARD = Asset("yard")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of four images, none of which names its camera: three with a code, one without."""
    return yard_table(tmp_path_factory.mktemp("yard"), CODES)


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


def test_the_pages_of_the_runs_that_were_looked_at_get_a_section_and_no_others_do(
    table: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    reports = tmp_path / "reports"
    reports.mkdir()
    ours, theirs = next(table.rglob("*.parquet")).relative_to(table).as_posix(), "type=vin/date=2026-03-01/b.parquet"
    cases = {"ours": ("2026-03-01", [theirs, ours]), "empty": ("2026-03-01", []), "theirs": ("2026-03-01", [theirs])}
    cases |= {"whole": ("2026-03-01", [f"{table}/{ours}"]), "others": ("2026-03-01", [f"{table}_of_others/{ours}"])}
    cases["older"] = ("2026-02-28", [ours])
    for name, (day, files) in cases.items():
        report = {"dag_id": "nightly", "run_id": name, "date": day, "result": {"files": files}}
        (reports / f"{name}.json").write_text(json.dumps(report))
        (reports / f"{name}.html").write_text("<main><footer></footer></main>")

    def told() -> set[str]:
        return {name for name in cases if "The yard" in (reports / f"{name}.html").read_text()}

    run(table, tmp_path)
    assert told() == {"ours", "empty", "whole"}
    caplog.clear()
    with caplog.at_level("INFO"):
        run(table, tmp_path, run_id="theirs", until="2026-03-01")
    assert f"{reports} has none of the run theirs that published into {table}" in caplog.text
    run(table, tmp_path, run_id="older", until="2026-03-01")
    assert told() == {"ours", "empty", "whole", "older"}
    (reports / "ours.json").write_text("{")
    assert run(table, tmp_path)["missing"] == 1


def test_a_table_beside_which_nothing_can_be_written_is_reconciled_and_a_warning_says_what_deletion_needs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table = yard_table(tmp_path, CODES)
    (table.parent / f"{table.name}_workspace" / "_analyses").write_text("in the way")
    assert run(table, tmp_path / "far")["missing"] == 1
    assert "name the folders to those who delete, with --results, --sightings and --reports." in caplog.text


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


def test_rows_of_the_list_that_are_no_unit_are_counted_and_named(
    table: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    counts = run(table, tmp_path, expected=[VIN, "4711", VIN.lower(), "1.23457E+12", ""])

    assert [counts[name] for name in ("units", "duplicates", "unusable_rows", "missing")] == [2, 1, 2, 1]
    assert f"1 row of the list repeats a unit and counts once: row 3 ({VIN.lower()}, as row 1)." in caplog.text
    assert "row 4 (1.23457E+12)" in caplog.text


def test_an_empty_list_is_no_error_and_says_so(table: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    counts = run(table, tmp_path, expected=[])
    assert (counts["units"], counts["extra"], counts["missing_share"]) == (0, 2, 0.0)
    assert "The list has no units: whatever was read is extra." in caplog.text


def test_days_without_reads_are_said(table: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    counts = run(table, tmp_path, until="2027-01-01")
    assert (counts["reads"], counts["missing"]) == (0, 2)
    assert "There are no reads of 2027-01-01: no unit can be found there." in caplog.text


def test_what_persons_corrected_is_learned_and_told(table: Path, tmp_path: Path) -> None:
    corrections = str(tmp_path / "corrections")
    correct(str(table), VIN, image=str(table.parent / "two.jpg"), by="kim", why="seen", corrections=corrections)

    counts = run(table, tmp_path, corrections=corrections, confusions="corrections")

    assert counts["confusions"] == {
        "source": "corrections",
        "pairs": 1,
        "learned": [{"truth": "8", "read": "B", "times": 1}],
    }
    assert run(table, tmp_path)["confusions"] == {"source": "default", "pairs": 0, "learned": []}


@pytest.mark.parametrize(("most", "is_told"), [("40%", True), ("50%", False), ("0", True)])
def test_who_wants_to_know_of_missing_units_is_told(table: Path, tmp_path: Path, most: str, *, is_told: bool) -> None:
    told: list[Any] = []
    mine: list[str] = []
    made = operator(
        table,
        tmp_path,
        notify=OCRNotifier(told.append, missing_over=most),
        on_success_callback=lambda _: mine.append("own"),
    )
    context = task_context("run-1", asset=YARD)
    counts = made.execute(context)
    ti = SimpleNamespace(dag_id="d", run_id="run-1", task_id="reconcile", map_index=-1, xcom_pull=lambda **_: counts)
    ended: Any = {"ti": ti, "task": None, "dag": DAG("d", schedule=None)}
    for callback in made.on_success_callback:
        callback(ended)
    assert (bool(told), mine) == (is_told, ["own"])
    missing = [each["ocr"].findings["missing"] for each in told]
    assert all(text.startswith("1 of 2 expected units (50.0 %) was not seen, more than") for text in missing)


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ({}, 3),
        ({"until": "2026-03-01"}, 3),
        ({"since": date(2026, 2, 1), "until": "2026-03-01"}, 3),
        ({"until": "2026-02-28"}, 0),
        ({"type": "vin"}, 3),
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
        ({"type": "trailer_id"}, OCRDatasetError, r"is of the type trailer_id\. The types there are: vin\."),
        ({"expected": ["", "1.23E+12"]}, OCRManifestError, "No row of the expected units is a unit"),
    ],
)
def test_what_cannot_be_meant_says_so(
    table: Path, tmp_path: Path, given: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        run(table, tmp_path, **given)
