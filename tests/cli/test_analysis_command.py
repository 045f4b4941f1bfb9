"""The analyses' commands: what they print, what they give programs, and their exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.cli.analysis.command import main
from airflow_provider_platerec_ocr.dataset.upkeep.correct import correct
from support.table_stage import RUN, TableStage, read_outcome

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.models import Outcome, PlannedImage

VIN = "1M8GDM9AXKP042788"
CODES = {"one.jpg": (VIN,), "two.jpg": ("MSKU90703Z3",), "three.jpg": ("ECHB300417",), "four.jpg": ()}


def how(image: PlannedImage) -> Outcome:
    return read_outcome(image, *CODES[Path(image.image).name])


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("yard")
    stage = TableStage.local(root)
    (root / "list.csv").write_text("image\n" + "".join(f"{name}\n" for name in CODES))
    plan = stage.plan(str(root / "list.csv"))
    stage.read(plan, RUN, how)
    stage.publish(plan)
    (root / "units.csv").write_text(f"code,bay\n{VIN},B1\nMSKU9070323,B2\n4711,B3\n")
    (root / "truth.csv").write_text("image,truth\none.jpg,1M8GDM9AXKP042788\ntwo.jpg,MSKU9070323\nfour.jpg,4711\n")
    return root / "table"


def run(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_reconcile_shows_what_is_not_as_expected_and_says_so_in_its_exit_code(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, "reconcile", table, table.parent / "units.csv", "--into", tmp_path / "yard")

    assert code == 3
    assert [line.split()[:2] for line in out.splitlines()[1:5]] == [
        ["matched_confusable", "MSKU9070323"],
        ["missing", "4711"],
        ["extra", "ECHB300417"],
        ["unreadable", "-"],
    ]
    assert "2 of 3 expected units were seen (1 exactly, 1 by a confusion" in out
    assert sorted(path.suffix for path in (tmp_path / "yard").iterdir()) == [".csv", ".parquet", ".xlsx"]


def test_reconcile_gives_programs_the_counts_and_all_rows(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("reconcile", table, table.parent / "units.csv", "--all", "--output", "json", "--until", "2026-03-01")
    code, out, _ = run(capsys, *words)

    told = json.loads(out)
    assert code == 3
    assert (told["counts"]["missing"], len(told["rows"])) == (1, 5)
    assert (told["rows"][0]["expected"], told["rows"][0]["images"]) == ({"bay": "B1"}, [str(table.parent / "one.jpg")])
    assert told["rows"][0]["first_seen"].endswith("Z")


def test_accuracy_says_how_many_are_right_and_what_was_confused(
    table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, "accuracy", table, table.parent / "truth.csv", "--target", "100%")

    assert code == 0
    assert out.splitlines()[1].split()[:2] == ["all", "3"]
    assert "Confused: 2 read as Z (1)" in out
    assert "For 100% wrong: at 0.00 review 33.3 % and let 50.0 % wrong through." in out


def test_accuracy_gives_programs_the_curve(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "accuracy", table, table.parent / "truth.csv", "-o", "json")

    told = json.loads(out)
    assert (code, told["images"], len(told["curve"]), told["suggested"]) == (0, 3, 101, None)
    assert told["confusions"] == [{"truth": "2", "read": "Z", "times": 1}]
    assert told["groups"][0]["exact"]["number"] == 1


def test_accuracy_holds_reads_against_corrections(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image, corrections = str(table.parent / "two.jpg"), tmp_path / "corrections"
    correct(table, "MSKU9070323", image=image, by="kim", why="seen", corrections=corrections)

    code, out, _ = run(capsys, "accuracy", table, "--corrections", "--corrections-at", corrections)

    assert code == 0
    assert "Confused: 2 read as Z (1)" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("accuracy",), "Give a truth file, or --corrections."),
        (("accuracy", "truth.csv", "--target", "often"), "--target must be a share"),
        (("accuracy", "other.csv"), "No image of the truth is among these reads"),
        (("reconcile", "nowhere.csv"), "nowhere.csv"),
        (("reconcile", "units.csv", "--since", "2026-03-02", "--until", "2026-03-01"), "nothing lies between"),
        (("accuracy", "--corrections"), "Nobody has corrected"),
        (("reconcile", "units.csv", "--until", "2020-01-01"), None),
    ],
)
def test_what_cannot_be_done_says_so(
    table: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str | None
) -> None:
    (table.parent / "other.csv").write_text("image,truth\nelsewhere.jpg,1\n")
    name, *rest = words
    rest = [str(table.parent / word) if word.endswith(".csv") else word for word in rest]
    code, _, err = run(capsys, name, table, *rest)
    assert (code, message is None or message in err) == (1 if message else 3, True)
