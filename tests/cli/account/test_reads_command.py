"""``reads``: the search of the page in a shell, in three forms."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.cli.command import main
from airflow_provider_platerec_ocr.dataset.search.find import find_reads
from airflow_provider_platerec_ocr.dataset.search.query import FILTERS
from support.search_stage import BAD_VIN, SearchStage, Shot
from support.table_stage import VIN

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[..., tuple[int, str, str]]


SHOWN = Path(__file__).parents[1] / "shown" / "reads.txt"
"""What the reference quotes."""


@pytest.fixture
def stage(tmp_path: Path) -> SearchStage:
    stage = SearchStage.local(tmp_path / "stage")
    stage.night(1, [Shot("a.jpg", camera="gate-7", confidence=0.91), Shot("=b.jpg", codes=())])
    stage.night(2, [Shot("c.jpg", codes=(BAD_VIN,), confidence=0.5)])
    return stage


@pytest.fixture
def run(stage: SearchStage, capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*options: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["reads", stage.dataset.uri, *options])
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


def test_people_read_a_table_the_newest_first(run: Run, stage: SearchStage) -> None:
    code, said, _ = run()

    head, *lines, last = said.splitlines()
    assert code == 0
    assert head.split()[:3] == ["DAY", "CODE", "CONFIDENCE"]
    assert [line.split()[-1] for line in lines] == [stage.image(name) for name in ("c.jpg", "a.jpg", "=b.jpg")]
    assert (lines[0].split()[2:4], last) == (["0.50", "FAILED"], "3 rows")


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (("--code", "xkp042788"), ["a.jpg"]),
        (("--image", "C.JPG"), ["c.jpg"]),
        (("--camera", "gate-7"), ["a.jpg"]),
        (("--day", "2026-03-02"), ["c.jpg"]),
        (("--until", "2026-03-01", "--type", "vin, trailer_id"), ["a.jpg", "=b.jpg"]),
        (("--min-confidence", "80%"), ["a.jpg"]),
        (("--check-digit", "failed"), ["c.jpg"]),
        (("--status", "no_code"), ["=b.jpg"]),
        (("--limit", "1", "--offset", "1"), ["a.jpg"]),
        (("--camera", "nobody"), []),
    ],
)
def test_each_filter_chooses(run: Run, stage: SearchStage, options: tuple[str, ...], names: list[str]) -> None:
    code, said, _ = run(*options, "-o", "json")

    told = json.loads(said)
    assert code == 0
    assert [each["image"] for each in told["reads"]] == [stage.image(name) for name in names]
    assert told["exact"] is True


def test_a_correction_counts_unless_what_was_read_is_asked_for(run: Run, stage: SearchStage) -> None:
    stage.correct("c.jpg", VIN)

    (read,) = json.loads(run("--status", "corrected", "-o", "json")[1])["reads"]
    as_read = json.loads(run("--day", "2026-03-02", "--as-read", "-o", "json")[1])["reads"]

    assert (read["code"], read["code_as_read"], read["corrected_by"]) == (VIN, BAD_VIN, "jane")
    assert [(each["code"], "corrected_by" in each) for each in as_read] == [(BAD_VIN, False)]


def test_a_code_that_was_taken_back_is_shown_marked_and_counted(run: Run, stage: SearchStage) -> None:
    stage.correct("c.jpg", kind="take_back")

    for options in (("--status", "corrected"), ("--image", "c.jpg")):
        (line, last) = run(*options)[1].splitlines()[1:]
        told = json.loads(run(*options, "-o", "json")[1])
        assert ("jane (taken back)" in line, last) == (True, "1 row")
        assert ([read["taken_back"] for read in told["reads"]], told["total"]) == ([True], 1)


def test_what_is_no_fingerprint_is_not_looked_for(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("--fingerprint", "abc")
    assert "'abc' is no fingerprint" in capsys.readouterr().err


def test_a_csv_is_the_one_of_the_page(run: Run, stage: SearchStage) -> None:
    code, said, _ = run("--output", "csv")

    rows = list(csv.DictReader(io.StringIO(said.removeprefix("\ufeff"))))
    assert (code, said[0]) == (0, "\ufeff")
    assert [row["image"] for row in rows] == [stage.image(name) for name in ("c.jpg", "a.jpg", "=b.jpg")]
    assert rows[1]["read_at"].endswith("Z")
    assert rows[2]["filename"].startswith("'=")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--day", "2026-03-01", "--since", "2026-03-01"), "--day is one day"),
        (("--code", ""), "--code is empty"),
        (("--type", "vinn"), "is of the type vinn. The types there are: vin."),
        (("--corrections", "/nowhere"), "There is no folder /nowhere. Check --corrections."),
        (("--since", "2026-03-02", "--until", "2026-03-01"), "since (2026-03-02) comes after until"),
        (("--as-read", "--status", "corrected"), "lets none count"),
    ],
)
def test_what_makes_no_sense_fails_with_1_and_says_why(run: Run, options: tuple[str, ...], says: str) -> None:
    code, said, warned = run(*options)

    assert (code, said) == (1, "")
    assert says in warned


def test_a_dataset_that_is_not_there_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reads", "/nowhere"]) == 1
    assert "There is no dataset at /nowhere" in capsys.readouterr().err


def test_the_function_the_command_and_the_page_have_the_same_filters() -> None:
    assert set(FILTERS) <= set(find_reads.__kwdefaults__ or ())


def test_the_reference_quotes_what_the_command_says(run: Run, stage: SearchStage) -> None:
    code, said, _ = run("--since", "2026-03-01", "--status", "code")

    shown = f"$ airflow platerec-ocr reads /srv/reads --since 2026-03-01 --status code\n{said}"
    assert code == 0
    assert shown.replace(stage.stage.root.uri, "/srv/yard") == SHOWN.read_text()
