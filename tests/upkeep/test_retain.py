"""What is older than a day goes from every place, and does not come back with the next run."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.cli.dataset.command import main
from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.dataset.report.analysis_memory import Elsewhere, remember
from airflow_provider_platerec_ocr.dataset.upkeep.correct import correct
from airflow_provider_platerec_ocr.upkeep.places import Places
from airflow_provider_platerec_ocr.upkeep.retain import Retention
from airflow_provider_platerec_ocr.webhook.inbox import Inbox
from support.clock import FakeClock
from support.inbox_stage import payload
from support.stores import local_place

if TYPE_CHECKING:
    from support.batch_stage import BatchStage
    from support.sandbox import Sandbox

LATER = datetime.now(UTC) + timedelta(days=401)


def retain(stage: BatchStage, *arguments: str, now: datetime = LATER) -> int:
    return main(["retain", str(stage.dataset), "--older-than", "400d", *arguments], clock=FakeClock(start=now))


def code_of(stage: BatchStage) -> str:
    return str(next(row["code"] for row in stage.rows() if row["code"]))


def left(root: Path, needle: str) -> list[str]:
    files = (path for path in root.rglob("*") if path.is_file() and "images" not in path.parts)
    return [str(path) for path in files if needle.encode() in path.read_bytes()]


def test_everything_old_goes_and_nothing_is_paid_for_again(stage: BatchStage, sandbox: Sandbox) -> None:
    code, billed = code_of(stage), sandbox.books()["billed"]
    row = next(row for row in stage.rows() if row["code"] == code)
    correct(stage.dataset, "WP0ZZZ99ZTS392124", image=row["image"], identifier=0, by="jane", why="seen")
    Inbox(local_place(stage.root / "inbox"), clock=FakeClock(start=datetime.now(UTC))).put(payload())

    assert retain(stage, "--yes") == 0

    assert left(stage.root, code) == []
    assert left(stage.root, "1M8GDM9AXKP042788") == []
    assert list(stage.dataset.rglob("*.parquet")) == []
    assert list(Path(f"{stage.dataset}_reports").iterdir()) == []
    run = stage.run("scheduled__2026-03-02T22:00:00+00:00")
    assert run.plan["planned"] == 0
    assert sandbox.books()["billed"] == billed


def test_analyses_that_lie_elsewhere_go_too_and_are_named_up_to_a_bound(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    remember(local_place(tmp_path / "reads"), Elsewhere(results=str(tmp_path / "a"), reports=str(tmp_path / "r")))
    names = [f"{place}/date=2026-03-0{day}" for place in ("a", "b") for day in (1, 2)]
    for folder in map(tmp_path.joinpath, names):
        folder.mkdir(parents=True)
        for number in range(26):
            (folder / f"reconciliation-{folder.parent.name}{number}.parquet").touch()
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "reconciliation-a1.xlsx").touch()
    told = ["retain", str(tmp_path / "reads"), "--older-than", "400d", "--only", "analyses"]
    told += ["--results", str(tmp_path / "b")]

    assert main([*told, "--dry-run", "-o", "json"], clock=FakeClock(start=LATER)) == 0
    assert len(json.loads(capsys.readouterr().out)["where"]["analyses"]) == 4 * 26 + 1
    assert main([*told, "--yes"], clock=FakeClock(start=LATER)) == 0
    out = capsys.readouterr().out
    assert (out.count("reconciliation-"), "… and 5 more: --output json names all" in out) == (100, True)
    assert list(tmp_path.rglob("reconciliation-*")) == []
    assert main([*told, "--sightings", " "], clock=FakeClock(start=LATER)) == 1


def test_what_is_younger_stays(stage: BatchStage) -> None:
    before = stage.rows()

    assert retain(stage, "--yes", "--only", "ledger", "--only", "workspace", now=datetime.now(UTC)) == 0

    assert stage.rows() == before
    assert left(stage.root / "ledger", code_of(stage)) != []


def test_it_is_only_listed_until_it_is_meant(stage: BatchStage, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in stage.root.rglob("*") if path.is_file()}

    assert retain(stage, "-o", "json") == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["done"], told["in_doubt"], told["counts"]["table"] > 0) == (False, 0, True)
    assert retain(stage) == 1
    assert retain(stage, "--dry-run") == 0

    said = capsys.readouterr()
    assert "add --yes" in said.err
    assert "to be deleted" in said.out
    assert before == {path: path.read_bytes() for path in stage.root.rglob("*") if path.is_file()}


def test_one_thing_alone_can_be_chosen(stage: BatchStage) -> None:
    assert retain(stage, "--yes", "--only", "reports") == 0

    assert list(Path(f"{stage.dataset}_reports").iterdir()) == []
    assert stage.rows() != []


def test_a_call_in_doubt_stays_until_somebody_settles_it(stage: BatchStage, capsys: pytest.CaptureFixture[str]) -> None:
    answer = next((stage.root / "ledger").rglob("*.answer"))
    claim = answer.with_suffix(".claim")
    record = json.loads(claim.read_text())
    answer.unlink()

    assert retain(stage, "--yes", "--only", "ledger") == 3

    assert "in doubt" in capsys.readouterr().err
    assert json.loads(claim.read_text()) == record


def test_the_table_is_not_cut_without_its_ledger(tmp_path: Path) -> None:
    folder = local_place(tmp_path)
    places = Places(folder, folder, folder, folder, folder, folder, folder)

    with pytest.raises(OCRConfigError, match="say which ledger"):
        Retention(places, LATER, only=["table"])
    with pytest.raises(OCRConfigError, match="Nothing is called everything"):
        Retention(places, LATER, only=["everything"])


def test_what_has_gone_from_the_table_alone_no_rebuild_brings_back(
    stage: BatchStage, capsys: pytest.CaptureFixture[str]
) -> None:
    assert retain(stage, "--yes", "--only", "table") == 0
    assert left(stage.root / "ledger", "1") != []
    capsys.readouterr()

    assert main(["rebuild", str(stage.dataset), "--replace"]) == 1

    said = capsys.readouterr()
    assert "6 answers left out: `retain` or `forget` had taken their rows" in said.out
    assert list(stage.dataset.rglob("*.parquet")) == []


def test_a_workspace_of_which_a_killed_retention_left_a_part_goes_with_the_next(stage: BatchStage) -> None:
    (run,) = Path(f"{stage.dataset}_workspace").glob("[!._]*")
    for name in ("plan.json", "finished.json"):
        (run / name).unlink()
    assert retain(stage, "--yes", "--only", "workspace", now=datetime.now(UTC)) == 0
    assert run.exists(), "it may be one that is being planned"

    assert retain(stage, "--yes", "--only", "workspace") == 0

    assert not run.exists()


@pytest.mark.parametrize("age", ["", "0d", "-1d", "soon", "9999y", "9999999999d"])
def test_an_age_that_is_none_is_refused(stage: BatchStage, age: str) -> None:
    assert main(["retain", str(stage.dataset), f"--older-than={age}", "--yes"]) == 1
    assert stage.rows() != []
