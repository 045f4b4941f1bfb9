"""The command that shows and lifts what holds an account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.engine.rate.hold_file import HoldFile
from airflow_provider_platerec_ocr.storage.store import Store
from support.ledger_shell import Shell, claimed

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    made = Shell(tmp_path / "ledger", capsys)
    claimed(made.ledger)
    return made


def hold(shell: Shell, account: str, seconds: float, *, ask_first: bool = False) -> HoldFile:
    store = Store(shell.ledger.board(account))
    store.prepare()
    file = HoldFile(store, SystemClock())
    file.post(SystemClock().now().timestamp() + seconds, ask_first=ask_first)
    return file


def test_where_nothing_is_held_it_says_so(shell: Shell) -> None:
    hold(shell, "past", -5.0)

    assert shell.run("holds") == (0, "No account is held.\n")


def test_a_hold_is_shown_with_what_is_left_and_what_follows(shell: Shell) -> None:
    hold(shell, "one", 900.0)
    hold(shell, "two", 3600.0, ask_first=True)
    hold(shell, "three", -5.0, ask_first=True)

    code, said = shell.run("holds")

    assert code == 0
    one, three, two = said.splitlines()
    assert one.startswith("one  nothing starts for another 0:")
    assert one.endswith("then calls start again")
    assert two.endswith("then one call asks before the others start")
    assert three == "three  the next call asks alone before the others start"


@pytest.mark.parametrize(("wanted", "left"), [("one", ["two"]), ("all", [])])
def test_a_hold_is_lifted(shell: Shell, wanted: str, left: list[str]) -> None:
    files = {name: hold(shell, name, 3600.0, ask_first=True) for name in ("one", "two")}

    code, said = shell.run("holds", "--lift", wanted)

    assert code == 0
    assert "lifted: calls start again" in said
    assert [name for name, file in files.items() if file.posted().ask_first] == left
    assert all(file.posted().lifted for name, file in files.items() if name not in left)


@pytest.mark.parametrize("wanted", ["", " ", "nobody", "all"])
def test_what_is_not_held_is_not_lifted(shell: Shell, wanted: str) -> None:
    code, said = shell.run("holds", "--lift", wanted)

    assert code == 1
    assert "lifted" not in said
