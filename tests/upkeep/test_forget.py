"""One code or one image is deleted: it stands nowhere any more, is not paid for again, and does not come back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
from airflow.sdk import Asset

from airflow_provider_platerec_ocr.cli.dataset.command import main
from airflow_provider_platerec_ocr.dataset.upkeep.correct import correct
from airflow_provider_platerec_ocr.operators.reconcile import OCRReconcileOperator
from support.batch_stage import BatchRun, BatchStage
from support.inbox_stage import task_context

if TYPE_CHECKING:
    import pytest

    from support.sandbox import Sandbox


def spelled(root: Path, *needles: str) -> list[str]:
    """Return the files below a folder that spell one of the texts, Parquet files unpacked; photographs are left out."""
    found = []
    for path in sorted(root.rglob("*")):
        if not path.is_file() or "images" in path.parts:
            continue
        data = path.read_bytes()
        if path.suffix == ".parquet":
            data += repr(pq.ParquetFile(path).read().to_pylist()).encode()
        if any(needle.encode() in data or needle in str(path) for needle in needles):
            found.append(str(path.relative_to(root)))
    return found


def forget(stage: BatchStage, *arguments: str) -> int:
    finish_workspaces(stage)
    return main(["forget", str(stage.dataset), *arguments])


def finish_workspaces(stage: BatchStage) -> None:
    assert all((folder / "finished.json").exists() for folder in workspaces(stage))


def workspaces(stage: BatchStage) -> list[Path]:
    return list(Path(f"{stage.dataset}_workspace").glob("[!._]*"))


def one_code(stage: BatchStage) -> dict[str, Any]:
    return next(row for row in stage.rows() if row["code_normalized"])


def test_a_vin_is_deleted_from_every_place_and_does_not_come_back(stage: BatchStage, sandbox: Sandbox) -> None:
    row = one_code(stage)
    others = len({each["image"] for each in stage.rows()}) - 1
    billed = sandbox.books()["billed"]
    correct(stage.dataset, row["code"], image=row["image"], identifier=0, by="jane", why="seen")
    assert {name.split("/")[0] for name in spelled(stage.root, row["code"])} >= {
        "ledger",
        "reads",
        "reads_workspace",
        "reads_corrections",
    }

    assert forget(stage, "--code", row["code"], "--yes") == 0

    assert spelled(stage.root, row["code"], row["image"]) == []
    assert {each["image"] for each in stage.rows()}.isdisjoint({row["image"]})
    again = stage.run("scheduled__2026-03-02T22:00:00+00:00")
    assert again.plan["planned"] == 0
    assert len({each["image"] for each in stage.rows()}) == others
    assert spelled(stage.root, row["code"]) == []
    assert sandbox.books()["billed"] == billed


def test_what_reconciliations_wrote_goes_wherever_it_lies(
    stage: BatchStage, capsys: pytest.CaptureFixture[str]
) -> None:
    row = one_code(stage)
    far = {name: str(stage.root / "far" / name) for name in ("results", "sightings", "reports")}
    shutil.copytree(f"{stage.dataset}_reports", far["reports"])
    every: tuple[dict[str, Any], ...] = ({}, far)
    for more in every:
        made = OCRReconcileOperator(task_id="yard", reads=str(stage.dataset), expected=[row["code"]], **more)
        assert made.execute(task_context("yard-1", asset=Asset("yard")))["matched"] == 1
    for page in stage.root.rglob("*.html"):
        assert f"{row['code']}" in page.read_text().partition("end of yard")[0]
    own = Path(far["results"]) / "date=2026-03-01" / "own.txt"
    own.write_bytes(b"mine")
    capsys.readouterr()

    assert forget(stage, "--code", row["code"], "-o", "json") == 1
    where = json.loads(capsys.readouterr().out)["where"]
    assert len(where["analyses"]) == 2 * 5
    assert not set(where["analyses"]) & set(where["reports"])
    assert forget(stage, "--code", row["code"], "--yes") == 0

    assert spelled(stage.root, row["code"]) == []
    assert not list(stage.root.rglob("*.xlsx"))
    assert own.exists()


def test_a_deletion_is_not_taken_for_a_ledger_that_lost_answers(
    stage: BatchStage, caplog: pytest.LogCaptureFixture
) -> None:
    for row in stage.rows()[:3]:
        assert forget(stage, "--image", row["image"], "--yes") == 0
    caplog.clear()

    stage.run("scheduled__2026-03-02T22:00:00+00:00")

    assert "restored from a backup" not in caplog.text


def test_a_dry_run_says_what_would_go_and_changes_nothing(
    stage: BatchStage, capsys: pytest.CaptureFixture[str]
) -> None:
    row = one_code(stage)
    before = {path: path.read_bytes() for path in stage.root.rglob("*") if path.is_file()}

    assert forget(stage, "--code", row["code"], "-o", "json") == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["done"], told["counts"]["table"], told["contents"], len(told["where"]["table"])) == (False, 1, 1, 1)
    assert forget(stage, "--code", row["code"], "--dry-run") == 0
    assert forget(stage, "--code", row["code"]) == 1

    said = capsys.readouterr()
    assert all(f"\n{place} " in f"\n{said.out}" for place in ("table", "workspace", "ledger"))
    assert "Nothing was done" in said.err
    assert before == {path: path.read_bytes() for path in stage.root.rglob("*") if path.is_file()}


def test_what_was_forgotten_is_neither_paid_for_nor_published_under_another_name(
    stage: BatchStage, sandbox: Sandbox
) -> None:
    row = one_code(stage)
    billed = sandbox.books()["billed"]
    assert forget(stage, "--image", row["image"], "--yes") == 0
    shutil.copy(row["image"], Path(row["image"]).with_name("renamed.jpg"))

    run = stage.run("scheduled__2026-03-02T22:00:00+00:00")

    again = stage.run("scheduled__2026-03-03T22:00:00+00:00")
    assert again.plan["planned"] == 0, "it is known for what it is by now"
    assert (run.plan["planned"], run.counts["reads"], run.counts["missing"]) == (1, 0, 0)
    assert run.counts["dead_letters"] == 0
    assert run.report["result"]["forgotten"] == 1
    assert sandbox.books()["billed"] == billed
    assert spelled(stage.root, row["code"]) == []


def test_a_run_of_another_dataset_that_pays_from_the_same_ledger_is_waited_for(
    stage: BatchStage, capsys: pytest.CaptureFixture[str]
) -> None:
    other = BatchStage(stage.root / "other")
    other.plan(BatchRun(), "at work", manifest=str(stage.images))
    image = one_code(stage)["image"]

    assert main(["forget", str(stage.dataset), "--image", image, "--yes"]) == 1

    assert "A run is at work" in capsys.readouterr().err
    assert image in {row["image"] for row in stage.rows()}


def test_an_old_run_that_is_exported_again_is_whole_and_brings_nothing_back(stage: BatchStage) -> None:
    row = one_code(stage)
    assert forget(stage, "--code", row["code"], "--yes") == 0

    run = BatchRun()
    stage.export(run, "scheduled__2026-03-01T22:00:00+00:00")

    assert run.error is None
    assert spelled(stage.root, row["code"], row["image"]) == []


def test_nothing_is_deleted_while_a_run_is_at_work(stage: BatchStage, capsys: pytest.CaptureFixture[str]) -> None:
    row = one_code(stage)
    workspace = workspaces(stage)[0]
    (workspace / "finished.json").unlink()

    assert main(["forget", str(stage.dataset), "--code", row["code"], "--yes"]) == 1

    assert "A run is at work" in capsys.readouterr().err
    assert row["image"] in {each["image"] for each in stage.rows()}


def test_without_a_ledger_nothing_is_deleted(stage: BatchStage, capsys: pytest.CaptureFixture[str]) -> None:
    Path(f"{stage.dataset}_ledger.json").unlink()

    assert forget(stage, "--code", "1M8GDM9AXKP042788", "--yes") == 1
    assert "which ledger" in capsys.readouterr().err


def test_a_code_that_is_nowhere_is_no_failure(stage: BatchStage, capsys: pytest.CaptureFixture[str]) -> None:
    assert forget(stage, "--code", "WP0ZZZ99ZTS392124", "--yes") == 0
    assert "Nothing of it is there" in capsys.readouterr().out


def test_a_code_that_a_person_corrected_leads_to_the_read(stage: BatchStage) -> None:
    row = one_code(stage)
    right = "WP0ZZZ99ZTS392124"
    correct(stage.dataset, right, image=row["image"], identifier=0, by="jane", why="seen")

    assert forget(stage, "--code", "wp0 zzz99z ts392124", "--yes") == 0

    assert spelled(stage.root, right, row["code"]) == []
