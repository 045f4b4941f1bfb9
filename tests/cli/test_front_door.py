"""The commands as Airflow and a shell reach them: one program behind two doors, loaded when it is called."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from airflow.cli import cli_parser

from airflow_provider_platerec_ocr.cli import definition
from airflow_provider_platerec_ocr.cli.command import main
from airflow_provider_platerec_ocr.cli.definition import COMMANDS, get_commands
from airflow_provider_platerec_ocr.provider_info import get_provider_info
from support.ledger_shell import Shell, claimed
from support.rooms import imports_of

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    made = Shell(tmp_path / "ledger", capsys)
    claimed(made.ledger)
    return made


def airflow(*words: str) -> int:
    """Run a command as ``airflow`` does, and return its exit code."""
    parser = argparse.ArgumentParser(prog="airflow")
    commands = parser.add_subparsers(dest="subcommand")
    for command in get_commands():
        cli_parser._add_command(commands, command)  # noqa: SLF001  # how Airflow makes its parser of them
    given = parser.parse_args(words)
    with pytest.raises(SystemExit) as ended:
        given.func(given)
    return int(ended.value.code or 0)


def test_airflow_finds_the_commands_in_the_provider_info() -> None:
    assert get_provider_info()["cli"] == [f"{definition.__name__}.get_commands"]


def test_telling_airflow_of_the_commands_loads_none_of_them() -> None:
    first = {name.partition(".")[0] for name in imports_of(Path(definition.__file__))}

    assert first - set(sys.stdlib_module_names) == {"airflow"}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_tells_its_help_examples_and_exit_codes_at_both_doors(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    ours = capsys.readouterr().out
    assert ended.value.code == 0
    for words in ("examples:", "exit codes: 0 fine", f"python -m airflow_provider_platerec_ocr {name}"):
        assert words in ours

    assert airflow("platerec-ocr", name, "--help") == 0
    assert f"airflow platerec-ocr {name}" in capsys.readouterr().out


def leaves() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every command with its parser: of one that has commands of its own, those."""
    for name, (module, _) in COMMANDS.items():
        made = import_module(module).parser()
        below = [each.choices for each in made._actions if isinstance(each.choices, dict)]  # noqa: SLF001  # no other way
        yield from ((f"{name} {each}", parser) for choices in below for each, parser in choices.items())
        if not below:
            yield name, made


def test_every_command_answers_programs_but_the_one_whose_answer_is_sql() -> None:
    without = [name for name, parser in leaves() if "--output" not in parser.format_help()]

    assert without == ["dataset view"]


def test_both_doors_run_the_same_program_and_give_its_exit_code(
    shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["ledger", str(shell.root), "show", "ef" * 32, "--type", "vin"]

    assert main(words) == 1
    ours = capsys.readouterr()
    assert airflow("platerec-ocr", *words) == 1
    again = capsys.readouterr()
    assert again.err == ours.err
    assert again.out == "\n".join(line for line in ours.out.splitlines() if "WARNING" not in line)  # an older Airflow's


def test_the_ledger_may_be_left_out_where_airflow_knows_it(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__PLATEREC_OCR__LEDGER", str(shell.root))

    assert main(["ledger", "info"]) == 0
    assert main(["holds"]) == 0


def test_a_command_of_the_ledger_says_where_no_ledger_is_configured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    monkeypatch.delenv("AIRFLOW__PLATEREC_OCR__LEDGER", raising=False)

    assert main(["ledger", "info"]) == 1
    assert "Name it first: python -m airflow_provider_platerec_ocr ledger LEDGER COMMAND." in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main(["ledger", "info", "--help"])
    assert ended.value.code == 0


@pytest.mark.parametrize(
    "words",
    [
        *([], ["mend"], ["quota", "--nothing"], ["plan"], ["runs"], ["ledger"]),
        *(["runs", "/srv/reads", "--last", "0"], ["quota", "--reserve=-1"]),
        *(
            ["reads", "/srv/reads", "--day", "soon"],
            ["reads", "/srv/reads", "--type", ","],
            ["reads", "/x", "--limit", "0"],
        ),
    ],
)
def test_what_is_not_understood_fails_with_2(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "usage: python -m airflow_provider_platerec_ocr" in capsys.readouterr().err


def test_the_reference_has_every_command() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "commands.md").read_text()

    assert [name for name in COMMANDS if f"`{name}`" not in page] == []


def test_the_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])

    said = capsys.readouterr().out
    assert [name for name in COMMANDS if name not in said] == []
    assert "No command makes a paid call" in said
