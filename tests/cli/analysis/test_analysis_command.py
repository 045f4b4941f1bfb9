"""The analyses' commands: what they print, what they give programs, and their exit codes."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.cli.analysis.command import main
from airflow_provider_platerec_ocr.dataset.upkeep.correct import correct
from support.yard_table import yard_table

if TYPE_CHECKING:
    from pathlib import Path

VIN = "1M8GDM9AXKP042788"
CODES = {"one.jpg": (VIN,), "two.jpg": ("MSKU90703Z3",), "three.jpg": ("ECHB300417",), "four.jpg": ()}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("yard")
    (root / "units.csv").write_text(f"code,bay\n{VIN},B1\nMSKU9070323,B2\n4711,B3\n")
    (root / "truth.csv").write_text(f"image,truth\none.jpg,{VIN}\ntwo.jpg,MSKU9070323\nfour.jpg,4711\nx.jpg,1\n")
    return yard_table(root, CODES, "")


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
    assert (told["since"], told["until"], told["reads"]) == ("2026-03-01", "2026-03-01", 4)
    assert told["rows"][1]["container_owner"] == "Maersk"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "Reads of 2026-03-01: 4 rows."),
        (("--until", "2026-03-01"), "Reads of 2026-03-01: 4 rows."),
        (("--since", "2026-02-01"), "Reads of 2026-02-01 to 2026-03-01: 4 rows."),
        (("--until", "2026-03-02"), "There are no reads of 2026-03-02: no unit can be found there."),
        (("--since", "2026-02-01", "--until", "2027-01-01"), "Reads of 2026-02-01 to 2027-01-01: 4 rows."),
    ],
)
def test_reconcile_looks_at_one_day_unless_a_span_is_named_and_says_which(
    table: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], says: str
) -> None:
    assert says in run(capsys, "reconcile", table, table.parent / "units.csv", *words)[1]


def test_a_list_that_names_no_unit_says_so(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (table.parent / "empty.csv").write_text("code,bay\n")
    code, out, _ = run(capsys, "reconcile", table, table.parent / "empty.csv")
    assert (code, "The list has no units" in out, "0 of 0" in out) == (0, True, False)


def test_what_cameras_confuse_is_learned_from_a_truth_file_and_told(
    table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("reconcile", table, table.parent / "units.csv", "--confusions", table.parent / "truth.csv")
    _, out, _ = run(capsys, *words)
    assert "truth.csv, 2 codes whose truth is known: 2 read as Z (1)." in out

    _, out, _ = run(capsys, *words, "--output", "json")
    assert json.loads(out)["confusions"]["learned"] == [{"truth": "2", "read": "Z", "times": 1}]


def test_presence_says_what_came_and_what_left(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "presence", table)
    assert code == 0
    assert [line.split()[:3] for line in out.splitlines()[1:]][:1] == [[VIN, "came", "2026-03-01"]]
    assert "1 night, the last of them 2026-03-01: 3 came, 0 left, 0 stayed, 0 away." in out

    _, out, _ = run(capsys, "presence", table, "--output", "json")
    assert json.loads(out)["units"][0] == {
        "code": VIN,
        "change": "came",
        "first_seen": "2026-03-01",
        "last_seen": "2026-03-01",
        "here_since": "2026-03-01",
        "nights": 1,
        "gaps": 0,
    }


def test_accuracy_says_how_many_are_right_and_what_was_confused(
    table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, "accuracy", table, table.parent / "truth.csv", "--target", "100%")

    assert code == 0
    assert out.splitlines()[1].split()[:2] == ["all", "3"]
    assert "Not among these reads: 1 code of the truth" in out
    assert "Confused: 2 read as Z (1)" in out
    assert "For 100% wrong: at 0.00 review 33.3 % and let 50.0 % wrong through." in out


def test_accuracy_says_what_of_the_truth_counts_for_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = yard_table(tmp_path, {"x.jpg": (VIN,), "one.jpg": (VIN,)}, "", folders=("a", "b"))
    (tmp_path / "truth.csv").write_text(f"image,truth\nx.jpg,{VIN}\na/one.jpg,{VIN}\nb/x.jpg,\nelse.jpg,{VIN}\n")
    code, out, _ = run(capsys, "accuracy", table, tmp_path / "truth.csv")
    told = json.loads(run(capsys, "accuracy", table, tmp_path / "truth.csv", "-o", "json")[1])

    assert code == 0
    assert "Names that may mean several images, which count for nothing: x.jpg" in out
    assert "Images whose truth is empty, which count for nothing: 1." in out
    names = ("images", "not_among_reads", "without_truth")
    assert [told[name] for name in names] == [1, 1, 1]


def test_accuracy_gives_programs_the_curve(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "accuracy", table, table.parent / "truth.csv", "-o", "json")

    told = json.loads(out)
    assert (code, told["images"], len(told["curve"]), told["suggested"]) == (0, 3, 101, None)
    assert told["confusions"] == [{"truth": "2", "read": "Z", "times": 1}]
    assert told["groups"][0]["exact"]["number"] == 1
    assert told["not_among_reads"] == 1
    assert told["whole"]


def test_accuracy_holds_reads_against_corrections(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image, corrections = str(table.parent / "two.jpg"), tmp_path / "corrections"
    correct(table, "MSKU9070323", image=image, by="kim", why="seen", corrections=corrections)

    code, out, _ = run(capsys, "accuracy", table, "--corrections", "--corrections-at", corrections)

    assert code == 0
    assert "Confused: 2 read as Z (1)" in out


def test_accuracy_counts_what_was_taken_back_and_keeps_to_the_days_that_are_asked_about(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image, corrections = str(table.parent / "two.jpg"), tmp_path / "corrections"
    correct(table, None, image=image, by="kim", why="a sign, no unit", kind="take_back", corrections=corrections)
    where = ("--corrections", "--corrections-at", corrections, "-o", "json")

    code, out, _ = run(capsys, "accuracy", table, *where)
    other_day = run(capsys, "accuracy", table, *where, "--until", "2020-01-01")

    told = json.loads(out)
    assert (code, told["images"], told["groups"][0]["off_by_more"]["number"]) == (0, 1, 1)
    assert (other_day[0], "Nobody has corrected" in other_day[2]) == (1, True)


def test_decode_says_what_a_code_stands_for_and_of_which_nothing_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    codes = ("1HGCM82633A004352", "MSKU 907032 3 45G1", "4711")
    code, out, _ = run(capsys, "decode", *codes)
    _, for_programs, _ = run(capsys, "decode", *codes, "--output", "json")

    rows = [line.split(maxsplit=2) for line in out.splitlines()[1:]]
    assert code == 0
    assert ["1HGCM82633A004352", "vin_year", "2003"] in rows
    assert "container_size       40 ft, 9 ft 6 in high" in out
    assert out.splitlines()[-1] == "Nothing is known of 4711."
    told = json.loads(for_programs)["codes"]
    assert [(each["code"], each["vin_year"], each["container_owner"]) for each in told] == [
        *(("1HGCM82633A004352", 2003, None), ("MSKU 907032 3 45G1", None, "Maersk"), ("4711", None, None))
    ]


def test_a_container_without_its_check_digit_is_decoded_as_a_list_has_it(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "decode", "MSKU907032")
    assert "MSKU907032 is MSKU9070323 without its check digit." in out
    assert "Maersk" in out


def test_decode_says_what_to_install(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ultravin", None)
    code, out, _ = run(capsys, "decode", "1HGCM82633A004352")

    assert code == 0
    assert "install airflow-provider-platerec-ocr[vin]" in out


def test_an_empty_code_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "decode", VIN, " ")
    assert (code, out, "A code is empty" in err) == (1, "", True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("accuracy",), "Give a truth file, or --corrections."),
        (("accuracy", "truth.csv", "--target", "often"), "--target must be a share"),
        (("accuracy", "truth.csv", "--target", "1"), "--target 1 may mean 1% or 100%: say 1%, or 0.01."),
        (("reconcile", "units.csv", "--corrections-at", "/nowhere"), "There is no folder /nowhere. Check --corr"),
        (("reconcile", "units.csv", "--corrections-at", ""), "--corrections-at is empty"),
        (("reconcile", "units.csv", "--since", "2027-01-01"), "the table's last day is 2026-03-01"),
        (("reconcile", "book.xlsx"), "book.xlsx is a workbook, which cannot be read. Save its sheet as CSV"),
        (("reconcile", "units.csv", "--into", "units.csv"), "units.csv is a file"),
        (("reconcile", "units.csv", "--into", "units.csv/yard"), "then try again"),
        (("accuracy", "other.csv"), "No image of the truth is among these reads"),
        (("reconcile", "nowhere.csv"), "nowhere.csv"),
        (("reconcile", "units.csv", "--since", "2026-03-02", "--until", "2026-03-01"), "nothing lies between"),
        (("accuracy", "--corrections"), "Nobody has corrected"),
        (("reconcile", "units.csv", "--until", "2020-01-01"), None),
        (("reconcile", "units.csv", "--type", "bogus"), "is of the type bogus. The types there are: vin."),
        (("accuracy", "truth.csv", "--type", "bogus"), "is of the type bogus. The types there are: vin."),
        (("reconcile", "truth.csv"), "Name the one with the codes in --code-column."),
        (("reconcile", "blank.csv"), "No row of"),
        (
            ("accuracy", "units.csv"),
            "units.csv has no column truth; it has: code, bay. Name the one with the codes in --truth-column.",
        ),
        (("reconcile", "units.csv", "--confusions", "other.csv"), "confusions: no image of"),
        (("reconcile", "units.csv", "--confusions", "units.csv"), "has no column truth"),
    ],
)
def test_what_cannot_be_done_says_so(
    table: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str | None
) -> None:
    (table.parent / "other.csv").write_text("image,truth\nelsewhere.jpg,1\n")
    (table.parent / "blank.csv").write_text("code,bay\n1.23457E+12,B1\n,B2\n")
    name, *rest = words
    rest = [str(table.parent / word) if ".csv" in word or word.endswith(".xlsx") else word for word in rest]
    code, out, err = run(capsys, name, table, *rest)
    assert (code, message is None or message in err) == (1 if message else 3, True)
    assert not (message and out)
