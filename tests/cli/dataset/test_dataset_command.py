"""The dataset's command line: what it says, what it refuses, and with which exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import duckdb
import pytest

from airflow_provider_platerec_ocr.cli.dataset.command import main
from airflow_provider_platerec_ocr.cli.shared.places import any_place, names_connection, with_connection_of
from airflow_provider_platerec_ocr.core.errors import OCRInputError
from airflow_provider_platerec_ocr.dataset.table.reading import read_dataset
from airflow_provider_platerec_ocr.storage.path import beside
from support.corrected_stage import ONE, OTHER, RIGHT, TWO, CorrectedStage
from support.older_tables import as_version_1
from support.table_stage import VIN

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def table(tmp_path: Path) -> CorrectedStage:
    return CorrectedStage.make(tmp_path / "stage")


@pytest.fixture
def run(table: CorrectedStage, capsys: pytest.CaptureFixture[str]) -> Run:
    def command(name: str, *arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([name, str(table.dataset), *arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


def test_a_correction_is_kept_and_said_back(run: Run, table: CorrectedStage) -> None:
    image = table.image(TWO)

    code, said, _ = run("correct", RIGHT, "--image", image, "--identifier", OTHER, "--by", "jane", "--why", "seen")

    assert code == 0
    assert f"identifier 1 is {RIGHT}, says jane: seen" in said
    assert (TWO, 1, RIGHT, OTHER, "jane") in table.seen()


def test_a_read_is_taken_back_and_a_code_added(run: Run, table: CorrectedStage) -> None:
    assert run("correct", "--image", table.image(TWO), "--take-back", "--why", "no VIN")[0] == 0
    assert (
        run(
            "correct", RIGHT, "--image", table.image(ONE), "--add", "--why", "second plate", "--at", "2026-03-02T08:00Z"
        )[0]
        == 0
    )

    assert {row[0]: row[2] for row in table.seen() if row[3] is None and row[4] is not None} == {ONE: RIGHT}
    assert TWO not in {row[0] for row in table.seen()}


def test_a_code_is_accepted_as_it_was_read(run: Run, table: CorrectedStage) -> None:
    code, said, _ = run("correct", "--image", table.image(ONE), "--accept", "--by", "jane", "--why", "looked")

    assert code == 0
    assert "identifier 0 is right as it was read, says jane: looked" in said
    assert (ONE, 0, VIN, VIN, "jane") in table.seen()


def test_a_check_digit_that_does_not_fit_is_said(run: Run, table: CorrectedStage) -> None:
    wrong = f"{VIN[:8]}0{VIN[9:]}"

    code, _, warned = run("correct", wrong, "--image", table.image(ONE), "--why", "seen")

    assert code == 0
    assert "check digit" in warned


def test_what_cannot_be_corrected_fails_and_says_why(run: Run, table: CorrectedStage) -> None:
    code, _, warned = run("correct", RIGHT, "--image", table.image(TWO), "--why", "seen")

    assert code == 1
    assert f"1 ({OTHER})" in warned


def test_the_view_is_sql_that_duckdb_takes_as_it_is_printed(run: Run, table: CorrectedStage) -> None:
    table.correct(ONE, RIGHT)

    code, sql, warned = run("view", "--for", "duckdb", "--name", "mine")

    connection = duckdb.connect()
    connection.execute(sql)
    assert (code, warned) == (0, "")
    assert connection.execute("select code from mine where corrected_by = 'jane'").fetchall() == [(RIGHT,)]
    connection.close()


def test_a_view_before_any_correction_says_that_it_needs_one(run: Run) -> None:
    code, sql, warned = run("view", "--for", "spark")

    assert code == 0
    assert "create or replace temporary view corrected_reads" in sql
    assert "no correction yet" in warned


def test_info_tells_what_is_there(run: Run, table: CorrectedStage) -> None:
    table.correct(ONE, RIGHT)

    code, said, _ = run("info")

    lines = {line[:14].strip(): line[14:] for line in said.splitlines()}
    assert code == 0
    assert lines["rows"].startswith("4 in 1 file")
    assert lines["types"] == "vin 4"
    assert lines["days"] == "1, 2026-03-01 to 2026-03-01"
    assert lines["corrections"] == "1"
    assert lines["ledger"] == "nobody wrote down which"


def test_info_recommends_compact_where_it_would_help(run: Run, table: CorrectedStage) -> None:
    path = next(table.dataset.rglob("*.parquet"))
    path.with_name("reads-other-00000.parquet").write_bytes(path.read_bytes())
    as_version_1(path)

    assert "`compact`" in run("info")[1]


def test_compact_says_what_it_did(run: Run, table: CorrectedStage) -> None:
    path = next(table.dataset.rglob("*.parquet"))
    path.with_name("reads-other-00000.parquet").write_bytes(path.read_bytes())
    as_version_1(path)

    assert "2 files would be 1" in run("compact", "--dry-run")[1]
    code, said, _ = run("compact", "--until", "2026-03-01")

    assert code == 0
    assert "2 files are 1" in said
    assert "1 of an older version" in said
    assert "4 rows were there twice" in said
    assert len(read_dataset(str(table.dataset))) == 4


def test_the_order_of_the_ledgers_command_is_taken_too(
    table: CorrectedStage, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(table.dataset), "info"]) == 0
    assert "rows" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("info", "/nowhere"), "There is no dataset"),
        (("info", ""), "is empty"),
        (("compact", "/nowhere"), "There is no dataset at /nowhere"),
        (("view", "/nowhere", "--for", "duckdb"), "There is no dataset at /nowhere"),
        (("correct", "/nowhere", "X", "--image", "a.jpg", "--why", "w"), "There is no dataset at /nowhere"),
        (("forget", "/nowhere", "--code", "1M8GDM9AXKP042788", "--ledger", "TABLE"), "There is no dataset at /nowhere"),
        (("retain", "/nowhere", "--older-than", "1d", "--ledger", "TABLE"), "There is no dataset at /nowhere"),
        (("compact", "TABLE", "--until", "soon"), "--until is a day"),
        (("compact", "TABLE", "--workspace", " "), "--workspace is empty"),
        (("correct", "TABLE", "X", "--image", "", "--why", "w"), "--image is empty"),
        (("rebuild", "/nowhere"), "which ledger"),
        (("rebuild", "/nowhere", "--ledger", "/nowhere"), "There is no ledger"),
        (("forget", "TABLE", "--code", "***", "--ledger", "L"), "neither a letter nor a digit"),
        (("forget", "TABLE", "--code", "1M8GDM9AXKP042788", "--ledger", "/nowhere"), "There is no ledger"),
        (("info", "nosuch://bucket"), "cannot be opened"),
    ],
)
def test_what_cannot_be_done_fails_with_1_and_says_why(
    table: CorrectedStage, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], says: str
) -> None:
    assert main([str(table.dataset) if word == "TABLE" else word for word in arguments]) == 1
    assert says in capsys.readouterr().err


def test_programs_are_told_the_same_as_json(run: Run, table: CorrectedStage) -> None:
    told = json.loads(run("info", "--output", "json")[1])

    assert (told["place"], told["rows"], told["files"], told["types"]) == (str(table.dataset), 4, 1, {"vin": 4})
    assert (told["days"], told["ledger"], told["worth_compacting"]) == (1, None, False)


def test_programs_are_told_what_was_changed(run: Run, table: CorrectedStage) -> None:
    said = json.loads(
        run("correct", RIGHT, "--image", table.image(ONE), "--by", "jane", "--why", "seen", "-o", "json")[1]
    )
    made = json.loads(run("compact", "--dry-run", "-o", "json")[1])

    assert (said["image"], said["code_normalized"], said["kind"]) == (table.image(ONE), RIGHT, "correct")
    assert (said["corrected_by"], said["corrected_at"][-1]) == ("jane", "Z")
    assert (made["dataset"], made["dry_run"]) == (str(table.dataset), True)
    assert [(each["table"], each["files_before"], each["left"]) for each in made["tables"]] == [
        ("reads", 1, []),
        ("repeats", 0, []),
        ("dead_letters", 0, []),
    ]


def test_what_lies_beside_a_lost_table_is_enough_of_a_dataset(run: Run, table: CorrectedStage) -> None:
    for path in table.dataset.rglob("*.parquet"):
        path.unlink()
    table.dataset.with_name(f"{table.dataset.name}_dead_letters").mkdir(exist_ok=True)
    table.dataset.with_name(f"{table.dataset.name}_dead_letters").joinpath("x").write_bytes(b"")

    assert run("compact", "--dry-run")[0] == 0


def test_what_is_not_understood_fails_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["mend", "/srv/reads"])
    assert caught.value.code == 2
    assert "invalid choice" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["view", "--for", "duckdb", "--name", "my view"], "'my view' is no name of a view"),
        (["view", "--for", "duckdb", "--name", "x; drop table y"], "letters, digits and _"),
        (["view", "--for", "spark", "--name", "1st"], "no digit first"),
        (["forget", "--fingerprint", "AB" * 32], "without blanks or capitals"),
        (["forget", "--fingerprint", "ab" * 6], "64 digits, lower-case hexadecimal, and this has 12"),
        (["correct", RIGHT, "--why", "x", "--fingerprint", "4711.jpg"], "64 digits"),
        (["retain", "--older-than", "1d", "--wait", "nan"], "must be a number of minutes such as 10"),
        (["retain", "--older-than", "1d", "--wait=-1"], "must be a number of minutes such as 10"),
    ],
)
def test_a_value_that_can_be_none_fails_with_2_and_says_what_it_must_be(
    table: CorrectedStage, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    name, *more = arguments
    with pytest.raises(SystemExit) as ended:
        main([name, str(table.dataset), *more])

    assert ended.value.code == 2
    assert says in capsys.readouterr().err


def test_a_view_may_have_a_schema(run: Run, table: CorrectedStage) -> None:
    table.correct(ONE, RIGHT)

    assert "view yard.reads_2 as" in run("view", "--for", "duckdb", "--name", "yard.reads_2")[1]


def test_it_runs_as_a_module(table: CorrectedStage) -> None:
    command = [sys.executable, "-m", "airflow_provider_platerec_ocr.dataset", "info", str(table.dataset)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # ours

    assert done.returncode == 0, done.stderr
    assert "rows          4 in 1 file" in done.stdout


def test_a_uri_with_a_connection_is_opened_by_airflow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_YARD", "file:///")

    assert any_place(f"file://{tmp_path}").path == str(tmp_path)
    with pytest.raises(OCRInputError, match="is empty"):
        any_place(" ")


@pytest.mark.parametrize(
    ("uri", "names"),
    [
        ("/srv/a@b/reads", False),
        ("s3://lake/a@b", False),
        ("s3://conn@lake/reads", True),
        ("abfs://conn@container/reads", True),
        ("abfs://container/reads", False),
        ("abfss://container@account.dfs.core.windows.net/reads", False),
    ],
)
def test_a_connection_is_told_from_a_container_of_azure(uri: str, *, names: bool) -> None:
    assert names_connection(uri) is names


@pytest.mark.parametrize(
    ("dataset", "ledger", "opened"),
    [
        ("s3://conn@lake/reads", "s3://lake/ledger", "s3://conn@lake/ledger"),
        ("abfs://conn@lake/reads", "abfs://other/ledger", "abfs://conn@other/ledger"),
        ("s3://conn@lake/reads", "s3://own@lake/ledger", "s3://own@lake/ledger"),
        ("s3://conn@lake/reads", "gs://lake/ledger", "gs://lake/ledger"),
        ("s3://conn@lake/reads", "/srv/ledger", "/srv/ledger"),
        ("s3://lake/reads", "s3://lake/ledger", "s3://lake/ledger"),
        ("abfs://conn@lake/reads", "abfs://lake@acc.dfs.core.windows.net/l", "abfs://lake@acc.dfs.core.windows.net/l"),
        ("/srv/reads", "s3://lake/ledger", "s3://lake/ledger"),
    ],
)
def test_a_ledger_that_a_dataset_remembers_is_opened_as_the_dataset_is(dataset: str, ledger: str, opened: str) -> None:
    assert with_connection_of(dataset, ledger) == opened


@pytest.mark.parametrize(
    ("dataset", "place"),
    [
        ("/srv/reads", "/srv/reads_corrections"),
        ("s3://lake/reads/", "s3://lake/reads_corrections"),
        ("s3://conn@lake/reads", "s3://conn@lake/reads_corrections"),
        ("s3://lake", "s3://lake/_platerec_corrections"),
        ("s3://conn@lake/", "s3://conn@lake/_platerec_corrections"),
    ],
)
def test_what_is_beside_a_dataset_stays_in_its_bucket(dataset: str, place: str) -> None:
    assert beside(dataset, "corrections") == place
