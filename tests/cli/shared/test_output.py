from __future__ import annotations

import argparse
import io
import json
from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.cli.shared.common import guarded
from airflow_provider_platerec_ocr.cli.shared.output import Output, lines_of, takes_output
from airflow_provider_platerec_ocr.cli.shared.progress import working
from airflow_provider_platerec_ocr.core.errors import OCRInputError

if TYPE_CHECKING:
    from collections.abc import Callable


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_table_has_columns_as_wide_as_they_need_and_numbers_to_the_right() -> None:
    assert lines_of(("RUN", "CALLS", "WHOLE"), [("r1", 12000, "yes"), ("a-long-id", None, "NO")]) == [
        "RUN         CALLS  WHOLE",
        "r1         12,000  yes",
        "a-long-id       -  NO",
    ]
    assert lines_of(("RUN",), []) == ["RUN"]


def test_people_read_lines_and_programs_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    for form in ("table", "json"):
        with Output(form) as out:
            out.say("one line")
            out.facts((("left", "7 calls"), ("reserve", None), ("a", "b")))
            out.table(("X",), [(1,)])
            out.put(left=7)
            out.add("runs", {"id": "r1"})
            out.add("runs", {"id": "r2"})
        said = capsys.readouterr().out
        if form == "table":
            assert said.splitlines() == ["one line", "left  7 calls", "a     b", "X", "1"]
        else:
            assert json.loads(said) == {"left": 7, "runs": [{"id": "r1"}, {"id": "r2"}]}


def half_an_answer() -> None:
    with Output("json") as out:
        out.put(left=7)
        message = "it broke"
        raise OCRInputError(message)


def test_an_answer_that_broke_off_is_no_json(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(OCRInputError):
        half_an_answer()

    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("words", "form"), [([], "table"), (["-o", "json"], "json"), (["--output", "table"], "table")])
def test_the_form_is_an_option(words: list[str], form: str) -> None:
    parser = argparse.ArgumentParser()
    takes_output(parser)

    assert parser.parse_args(words).output == form


def test_a_bar_is_shown_on_a_terminal_alone() -> None:
    pipe, terminal = io.StringIO(), Terminal()
    for stream in (pipe, terminal):
        with working("Reading the ledger", stream) as tell:
            tell(1)
            tell(2, 4)

    assert pipe.getvalue() == ""
    assert "Reading the ledger" in terminal.getvalue()


def raises(error: BaseException) -> Callable[[], int]:
    def command() -> int:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (OCRInputError("That is wrong."), 1, "That is wrong.\n"),
        (OSError("disk full"), 1, "The store refuses: disk full\n"),
        (KeyboardInterrupt(), 130, "Stopped.\n"),
        (BrokenPipeError(), 0, ""),
    ],
)
def test_what_goes_wrong_is_one_sentence_and_an_exit_code(
    error: BaseException, code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert guarded(raises(error)) == code
    assert capsys.readouterr().err == says


def test_what_others_print_while_a_command_runs_is_no_part_of_its_answer(capsys: pytest.CaptureFixture[str]) -> None:
    def command() -> int:
        print("a line of Airflow's log")  # noqa: T201  # as a logger of its own does
        with Output("json") as out:
            out.put(left=7)
        return 0

    assert guarded(command) == 0

    said = capsys.readouterr()
    assert json.loads(said.out) == {"left": 7}
    assert said.err == "a line of Airflow's log\n"
