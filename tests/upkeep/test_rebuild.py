"""The table is made again from the ledger alone: no photograph, no call, and the next plan finds all of it done."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from airflow_provider_platerec_ocr.cli.dataset.command import main
from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRDatasetError
from airflow_provider_platerec_ocr.dataset.table.reading import read_dataset
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from airflow_provider_platerec_ocr.upkeep.rebuild import rebuild
from support.batch_stage import BatchRun
from support.stores import local_place

if TYPE_CHECKING:
    from pathlib import Path

    from support.batch_stage import BatchStage
    from support.sandbox import Sandbox

FROM_RUN = {"published_at"}
"""What the ledger does not know of a row."""


def rows(dataset: Path) -> list[dict[Any, Any]]:
    frame = read_dataset(str(dataset)).sort_values(["image", "identifier_index"])
    return [
        {name: None if value != value else value for name, value in row.items() if name not in FROM_RUN}  # noqa: PLR0124
        for row in frame.astype(object).where(frame.notna(), None).to_dict("records")
    ]


def test_a_lost_table_is_made_again_without_photographs_or_calls(stage: BatchStage, sandbox: Sandbox) -> None:
    before, billed = rows(stage.dataset), sandbox.books()["posts"]
    shutil.rmtree(stage.dataset)
    shutil.move(stage.images, stage.root / "archived")

    assert main(["rebuild", str(stage.dataset)]) == 0

    assert rows(stage.dataset) == before
    shutil.move(stage.root / "archived", stage.images)
    run = stage.run("scheduled__2026-03-02T22:00:00+00:00")
    assert (run.plan["planned"], run.plan["done"]) == (0, len({row["image"] for row in before}))
    assert sandbox.books()["posts"] == billed


def test_a_table_that_is_there_is_only_replaced_when_that_is_said(
    stage: BatchStage, capsys: pytest.CaptureFixture[str]
) -> None:
    before = rows(stage.dataset)

    assert main(["rebuild", str(stage.dataset)]) == 1
    assert "--replace" in capsys.readouterr().err
    assert main(["rebuild", str(stage.dataset), "--replace"]) == 0

    assert rows(stage.dataset) == before
    names = [path.name for path in stage.dataset.rglob("*.parquet")]
    assert len(names) == len({row["type"] for row in before})
    assert all(name.startswith("reads-rebuilt.") for name in names)


def test_a_replaced_table_keeps_when_its_rows_were_published_and_dates_no_new_one_back(stage: BatchStage) -> None:
    def times() -> dict[str, Any]:
        return dict(read_dataset(str(stage.dataset), columns=["fingerprint", "published_at"]).to_numpy())

    before = times()
    (path,) = stage.dataset.rglob("*.parquet")
    stored = pq.read_table(path, partitioning=None)
    pq.write_table(stored.slice(0, 2), path)
    (stage.dataset / "_format").mkdir()
    (stage.dataset / "_format" / "log.json").write_text("another program's")
    left = times()
    assert main(["rebuild", str(stage.dataset), "--replace"]) == 0

    after = times()
    assert {mark: after[mark] for mark in left} == left
    assert all(after[mark] > before[mark] for mark in before.keys() - left.keys())
    assert after.keys() == before.keys() > left.keys()
    assert (stage.dataset / "_format" / "log.json").exists()


def test_what_the_ledger_does_not_know_stays_when_a_table_is_replaced(stage: BatchStage, tmp_path: Path) -> None:
    before = rows(stage.dataset)
    lost = next((tmp_path / "ledger").rglob("*.answer"))
    lost.unlink()

    assert main(["rebuild", str(stage.dataset), "--replace"]) == 0

    assert rows(stage.dataset) == before


def test_what_was_deleted_for_one_dataset_is_not_taken_over_in_another_one(
    stage: BatchStage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy, ledger = tmp_path / "copy", str(tmp_path / "ledger")
    shutil.copytree(stage.dataset, copy)
    gone = next(row for row in rows(copy) if row["code"])
    left = [row for row in rows(copy) if row["fingerprint"] != gone["fingerprint"]]
    assert main(["forget", str(stage.dataset), "--code", gone["code"], "--yes"]) == 0
    old = ["retain", str(stage.dataset), "--ledger", ledger, "--older-than", "1d", "--only", "ledger", "--yes"]
    assert main(old) == 0
    capsys.readouterr()

    assert main(["rebuild", str(copy), "--ledger", ledger, "--replace"]) == 0

    assert rows(copy) == left
    assert "of the table before left out: `forget` had deleted what they say" in capsys.readouterr().out


def test_a_ledger_that_several_datasets_share_gives_each_its_own(
    stage: BatchStage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "elsewhere"
    arguments = ["rebuild", str(other), "--ledger", str(tmp_path / "ledger")]

    assert main(arguments) == 1
    assert f"--of {stage.dataset}" in capsys.readouterr().out
    assert main([*arguments, "--of", str(stage.dataset)]) == 0

    assert rows(other) == rows(stage.dataset)


@pytest.mark.usefixtures("stage")
def test_a_dry_run_says_what_it_would_make(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "elsewhere"

    words = ["rebuild", str(other), "--ledger", str(tmp_path / "ledger"), "--of", "all", "--dry-run"]

    assert (main(words), other.exists()) == (0, False)
    assert "would be in the table" in capsys.readouterr().out
    assert main([*words, "-o", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["dry_run"], told["files"], told["rows"] > 0) == (True, 0, True)


def test_what_is_deleted_while_the_answers_are_read_does_not_come_back(stage: BatchStage, tmp_path: Path) -> None:
    code = next(row["code"] for row in rows(stage.dataset) if row["code"])
    ledger = Ledger.peek(local_place(tmp_path / "ledger"), lease_s=60, clock=SystemClock())
    asked: list[object] = []

    class AnyDag(frozenset[str]):
        """Takes all answers, and has the code deleted once the last one was read."""

        def __contains__(self, dag_id: object) -> bool:
            asked.append(dag_id)
            if len(asked) == len(list((tmp_path / "ledger").rglob("*.answer"))):
                assert main(["forget", str(stage.dataset), "--code", code, "--yes"]) == 0
            return True

    dataset, workspace = local_place(stage.dataset), local_place(f"{stage.dataset}_workspace")
    with pytest.raises(OCRDatasetError, match="deleted"):
        rebuild(ledger, dataset, workspace, dags=AnyDag(), replace=True)

    assert code not in {row["code"] for row in rows(stage.dataset)}


def test_an_old_run_that_is_exported_again_doubles_nothing(stage: BatchStage) -> None:
    before = rows(stage.dataset)
    assert main(["rebuild", str(stage.dataset), "--replace"]) == 0

    run = BatchRun()
    stage.export(run, "scheduled__2026-03-01T22:00:00+00:00")

    assert run.error is None
    assert rows(stage.dataset) == before
    assert run.counts["already_published"] == len({row["image"] for row in before})
