"""Undoing many entries at once: listed first, done with --yes, and never for want of a value."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.core.claims import MayClaim, Rejected
from support.ledger_shell import FACTS, RAW, Shell, claimed
from support.stores import age_claims

if TYPE_CHECKING:
    from pathlib import Path

WRONG, RIGHT, READ, OPEN = ("aa" * 32, "bb" * 32, "cc" * 32, "dd" * 32)


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    """A ledger with two rejections, an answer and a doubt."""
    shell = Shell(tmp_path / "ledger", capsys)
    for fingerprint, message in ((WRONG, "422: Unknown Type"), (RIGHT, "400: not an image")):
        shell.ledger.reject(claimed(shell.ledger, fingerprint), {"http_status": 400, "message": message})
    shell.ledger.answer(claimed(shell.ledger, READ), RAW, FACTS)
    claimed(shell.ledger, OPEN)
    age_claims(shell.root, 300)
    return shell


def files(shell: Shell) -> set[str]:
    found = {os.path.relpath(path, shell.root) for path in shell.root.rglob("*") if path.is_file()}
    return {name for name in found if not name.startswith("store-probe")}


def test_rejections_are_listed_until_somebody_says_yes(shell: Shell) -> None:
    before = files(shell)

    code, said = shell.run("forget", "--rejected")

    assert code == 1
    assert f"{WRONG}  type vin  /in/4711.jpg  rejected 2026-03-01T22:00:00Z  422: Unknown Type" in said
    assert RIGHT in said
    assert READ not in said
    assert OPEN not in said
    assert "Nothing was done: the next run may pay again for 2 images" in said
    assert files(shell) == before


def test_rejections_are_forgotten_together_and_nothing_is_deleted(shell: Shell) -> None:
    before = files(shell)

    code, said = shell.run("forget", "--rejected", "--yes")

    assert code == 0
    assert "2 images forgotten" in said
    assert len(list((shell.root / "forgotten-claims").iterdir())) == 1
    assert len(files(shell)) == len(before)
    assert all(isinstance(shell.decision(fingerprint), MayClaim) for fingerprint in (WRONG, RIGHT))
    assert shell.run("forget", "--rejected", "--yes") == (0, "No rejection fits.\n")


@pytest.mark.parametrize(
    ("choice", "chosen"),
    [
        (["--message", "unknown type"], {WRONG}),
        (["--message", "4"], {WRONG, RIGHT}),
        (["--message", "maintenance"], set()),
        (["--since", "2026-03-01"], {WRONG, RIGHT}),
        (["--since", "2026-03-01T22:00:00Z"], {WRONG, RIGHT}),
        (["--since", "2026-03-01T22:00:01"], set()),
        (["--since", "2026-03-02T00:00:00+02:00"], {WRONG, RIGHT}),
        (["--type", "vin"], {WRONG, RIGHT}),
        (["--type", "trailer_id"], set()),
        (["--since", "2026-03-01", "--message", "not an image"], {RIGHT}),
    ],
)
def test_time_words_and_type_choose_among_rejections(shell: Shell, choice: list[str], chosen: set[str]) -> None:
    shell.run("forget", "--rejected", *choice, "--yes")

    gone = {fingerprint for fingerprint in (WRONG, RIGHT) if not isinstance(shell.decision(fingerprint), Rejected)}
    assert gone == chosen
    assert READ in "".join(files(shell))


def test_what_a_person_rejected_is_found_by_its_reason(shell: Shell) -> None:
    shell.run("settle", OPEN, "--rejected", "no plate in it")

    assert OPEN in shell.run("forget", "--rejected", "--message", "no plate")[1]


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["forget", "--rejected", "--message", "", "--yes"], "--message is empty"),
        (["forget", "--rejected", "--since", " ", "--yes"], "--since is empty"),
        (["forget", "--rejected", "--type", "", "--yes"], "--type is empty"),
        (["forget", "", "--yes"], "The fingerprint or image is empty"),
        (["forget", "--yes"], "Give either a fingerprint"),
        (["forget", WRONG, "--rejected", "--yes"], "Give either a fingerprint"),
        (["forget", WRONG, "--since", "2026-03-01", "--yes"], "goes with --rejected"),
        (["forget", WRONG, "--message", "422", "--yes"], "goes with --rejected"),
        (["forget", "--rejected", "--since", "yesterday", "--yes"], "--since is a day or a time"),
        (["forget", "--rejected", "--since", "0001-01-01T00:00+14:00", "--yes"], "--since is a day or a time"),
        (["settle", "--doubts", "--rejected", "", "--yes"], "--rejected is empty"),
        (["settle", "--doubts", "--since", "", "--released", "--yes"], "--since is empty"),
        (["settle", "--released", "--yes"], "Give either a fingerprint"),
        (["settle", OPEN, "--doubts", "--released", "--yes"], "Give either a fingerprint"),
        (["settle", "--doubts", "--answer", "x.json", "--yes"], "speak of one call"),
        (["settle", "--doubts", "--released", "--attempt", "1", "--yes"], "speak of one call"),
        (["settle", "--doubts", "--released", "--why", "", "--yes"], "--why is empty"),
    ],
)
def test_a_value_that_is_missing_or_means_nothing_changes_nothing(shell: Shell, command: list[str], says: str) -> None:
    before = files(shell)

    code, said = shell.run(*command)

    assert code == 1
    assert says in said
    assert files(shell) == before


def test_doubts_are_listed_until_somebody_says_yes(shell: Shell) -> None:
    before = files(shell)

    code, said = shell.run("settle", "--doubts", "--released", "--why", "maintenance")

    assert code == 1
    assert OPEN in said
    assert "To settle 1 doubt as released, add --yes" in said
    assert files(shell) == before


@pytest.mark.parametrize(("how", "kind"), [(["--released"], MayClaim), (["--rejected", "blurred"], Rejected)])
def test_a_nights_doubts_are_settled_together(shell: Shell, how: list[str], kind: type) -> None:
    claimed(shell.ledger, "ee" * 32)
    age_claims(shell.root, 300)

    code, said = shell.run("settle", "--doubts", *how, "--why", "the vendor's log", "--by", "kim", "--yes")

    assert code == 0
    assert "2 doubts settled as" in said
    assert all(isinstance(shell.decision(each), kind) for each in (OPEN, "ee" * 32))
    assert "settled by kim: the vendor's log" in shell.run("show", OPEN)[1]
    assert shell.run("settle", "--doubts", "--released", "--yes") == (0, "No doubt fits.\n")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["forget", "--rejected"], 1, {"done": False, "forgotten": 0, "folder": None}),
        (["forget", "--rejected", "--yes"], 0, {"done": True, "forgotten": 2, "left": 0}),
        (["forget", WRONG], 1, {"done": False, "forgotten": 0}),
        (["forget", WRONG, "--yes"], 0, {"done": True, "forgotten": 1}),
        (["settle", "--doubts", "--released"], 1, {"done": False, "settled": 0, "end": "released"}),
        (["settle", "--doubts", "--released", "--yes"], 0, {"done": True, "settled": 1}),
        (["settle", OPEN, "--rejected", "blurred"], 0, {"done": True, "settled": 1, "why": "blurred"}),
    ],
)
def test_programs_are_told_what_was_done_and_to_what(
    shell: Shell, words: list[str], code: int, told: dict[str, Any]
) -> None:
    found, said = shell.run(*words, "-o", "json")

    answer = json.loads(said[: said.rindex("}") + 1])  # what went wrong comes after it
    meant = {"forget": {WRONG, RIGHT}, "settle": {OPEN}}[words[0]] if words[1].startswith("--") else {words[1]}
    assert found == code
    assert told.items() <= answer.items()
    assert {each["fingerprint"] for each in answer["entries"]} == meant


def test_a_time_chooses_among_doubts(shell: Shell) -> None:
    assert shell.run("settle", "--doubts", "--since", "2099-01-01", "--released", "--yes") == (0, "No doubt fits.\n")
    assert "1 doubt settled" in shell.run("settle", "--doubts", "--since", "2020-01-01", "--released", "--yes")[1]
