from __future__ import annotations

import json
import runpy
import sys
from typing import TYPE_CHECKING
from unittest.mock import ANY

import pytest

from airflow_provider_platerec_ocr.cli.ledger.command import main
from airflow_provider_platerec_ocr.cli.shared.places import open_place
from airflow_provider_platerec_ocr.core.fingerprint import fingerprint_bytes
from airflow_provider_platerec_ocr.core.settings import DEFAULT_BASE_URL
from support.ledger_shell import FACTS, OTHER, PRINT, RAW, Shell, claimed, opened
from support.stores import age_claims

if TYPE_CHECKING:
    from pathlib import Path

    from support.stores import S3Stand


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(tmp_path / "ledger", capsys)


@pytest.fixture
def doubt(shell: Shell) -> Shell:
    claimed(shell.ledger)
    age_claims(shell.root, 300)
    return shell


def test_show_tells_who_when_and_what_was_read(shell: Shell) -> None:
    shell.ledger.answer(claimed(shell.ledger), RAW, FACTS)

    code, said = shell.run("show", PRINT)

    assert code == 0
    assert f"{PRINT}  type vin  /in/4711.jpg" in said
    assert "attempt 1: answer at 2026-03-01T22:00:00Z" in said
    assert "by nightly / r1 / read[3] try 1, row 7" in said
    assert "codes: 1HGCM82633A004352" in said
    assert "no run pays for it again" in said
    assert '"results"' not in said
    assert '"results"' in shell.run("show", PRINT, "--raw")[1]


def test_show_finds_an_image_by_its_content(shell: Shell, tmp_path: Path) -> None:
    image = tmp_path / "renamed.jpg"
    image.write_bytes(b"jpeg bytes")
    shell.ledger.reject(
        claimed(shell.ledger, fingerprint_bytes(DEFAULT_BASE_URL, "vin", b"jpeg bytes")), {"http_status": 400}
    )

    assert "Rejected: no run sends it again" in shell.run("show", str(image), "--type", "vin")[1]
    assert shell.run("show", str(image), "--type", "trailer_id")[0] == 1
    elsewhere = shell.run("show", str(image), "--type", "vin", "--base-url", "http://localhost:8080")
    assert (elsewhere[0], "no claim of it" in elsewhere[1]) == (1, True)
    assert "--type vin" in shell.run("show", str(image))[1]
    assert "neither a fingerprint" in shell.run("show", str(tmp_path / "missing.jpg"), "--type", "vin")[1]


def test_show_tells_each_way_an_image_can_stand(shell: Shell) -> None:
    shell.ledger.release(claimed(shell.ledger), "429: Rate limit")
    assert "released at 2026-03-01T22:00:00Z: 429: Rate limit" in shell.run("show", PRINT)[1]
    assert "Nothing was billed" in shell.run("show", PRINT)[1]
    claimed(shell.ledger, number=2)
    assert "attempt 2: under way" in shell.run("show", PRINT)[1]
    assert "its lease ends in" in shell.run("show", PRINT)[1]
    age_claims(shell.root, 300)
    assert "attempt 2: IN DOUBT, claimed 300 s ago" in shell.run("show", PRINT)[1]
    assert "In doubt once" in shell.run("show", PRINT)[1]
    claimed(shell.ledger, number=3)
    age_claims(shell.root, 300)
    assert "In doubt twice" in shell.run("show", PRINT)[1]


def test_show_tells_of_answers_it_does_not_know_and_of_none(shell: Shell) -> None:
    shell.ledger.answer(claimed(shell.ledger), {"results": []}, FACTS)
    shell.ledger.answer(claimed(shell.ledger, OTHER), {"later": "form"}, FACTS)

    assert "no code found" in shell.run("show", PRINT)[1]
    assert "a form that this version does not know" in shell.run("show", OTHER)[1]


def test_show_tells_of_claims_that_nobody_can_read(doubt: Shell) -> None:
    (doubt.root / "vin" / "ab" / f"{PRINT}.1.claim").write_bytes(b"")

    assert "nobody knows who made it" in doubt.run("show", PRINT)[1]


def test_doubts_names_each_with_owner_age_and_image(doubt: Shell) -> None:
    doubt.ledger.answer(claimed(doubt.ledger, OTHER), RAW, FACTS)
    claimed(doubt.ledger, "ef" * 32)

    code, said = doubt.run("doubts")

    assert code == 3
    assert f"{PRINT}  type vin  /in/4711.jpg" in said
    assert "attempt 1: IN DOUBT, claimed 300 s ago; by nightly / r1 / read[3] try 1, row 7" in said
    assert "1 image in doubt" in said
    assert OTHER not in said
    assert "ef" * 32 not in said


def test_programs_are_told_the_same_as_json(doubt: Shell) -> None:
    told = {
        name: json.loads(doubt.run(*name.split(), "-o", "json")[1])
        for name in ("doubts", f"show {PRINT}", "check", "info")
    }

    (entry,) = told["doubts"]["doubts"]
    assert (entry["fingerprint"], entry["type"], entry["image"]) == (PRINT, "vin", "/in/4711.jpg")
    attempt = entry["attempts"][0]
    assert (attempt["number"], attempt["state"], attempt["dag_id"], attempt["row"]) == (1, "in_doubt", "nightly", 7)
    assert told[f"show {PRINT}"]["entries"] == [entry | {"base_url": None, "attempts": [ANY]}]
    assert (told["check"]["exclusive"], told["check"]["counts"]["in doubt"], told["check"]["torn"]) == (True, 1, [])
    assert (told["info"]["place"], told["info"]["answers"]) == (str(doubt.root), {"vin": 0})


def test_doubts_finds_an_empty_answer(shell: Shell) -> None:
    shell.ledger.answer(claimed(shell.ledger), RAW, FACTS)
    (shell.root / "vin" / "ab" / f"{PRINT}.1.answer").write_bytes(b"")

    code, said = shell.run("doubts")

    assert code == 3
    assert "the file of its end is torn" in said


@pytest.mark.parametrize("option", ["--answer", "--rejected"])
@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_value_settles_nothing(doubt: Shell, option: str, empty: str) -> None:
    code, said = doubt.run("settle", PRINT, option, empty)

    assert code != 0
    assert f"{option} is empty" in said
    assert "IN DOUBT" in doubt.run("show", PRINT)[1]


def test_no_doubts_is_a_good_end(shell: Shell) -> None:
    shell.ledger.release(claimed(shell.ledger), "429")

    assert shell.run("doubts") == (0, "Nothing is in doubt.\n")


def test_check_counts_and_names_what_is_torn(doubt: Shell) -> None:
    doubt.ledger.answer(claimed(doubt.ledger, number=2), RAW, FACTS)
    doubt.ledger.reject(claimed(doubt.ledger, "01" * 32), {})
    doubt.ledger.release(claimed(doubt.ledger, "02" * 32), "429")
    claimed(doubt.ledger, "03" * 32)
    doubt.ledger.answer(claimed(doubt.ledger, "04" * 32), RAW, FACTS)
    (doubt.root / "vin" / "04" / f"{'04' * 32}.1.answer").write_bytes(b'{"half')
    (doubt.root / "vin" / "05").mkdir()
    (doubt.root / "vin" / "05" / "notes.txt").write_text("mine")
    (doubt.root / "vin" / "05" / f"{'05' * 32}.1.answer").write_text("{}")
    (doubt.root / "readme.md").write_text("mine")

    code, said = doubt.run("check")

    assert code == 3
    counts = {line[12:]: int(line[:10]) for line in said.splitlines() if line[:10].strip().isdigit()}
    assert counts == {
        "answered": 1,
        "in doubt": 1,
        "rejected": 1,
        "released": 1,
        "under way": 1,
        "calls beyond the first for the same content, answered or in doubt": 1,
    }
    assert f"torn: {'04' * 32}" in said
    assert "notes.txt" in said
    assert f"{'05' * 32}.1.answer" in said
    assert "creates exclusively" in said


def test_check_of_a_sound_ledger_ends_well(shell: Shell) -> None:
    shell.ledger.answer(claimed(shell.ledger), RAW, FACTS)

    assert shell.run("check")[0] == 0


def test_check_says_where_a_store_is_not_fit(capsys: pytest.CaptureFixture[str]) -> None:
    place = open_place("memory://ledger-to-check")
    place.fs.pipe_file(f"{place.path}/vin/ab/{PRINT}.1.claim", b"")

    assert main(["memory://ledger-to-check", "check"]) == 1
    said = capsys.readouterr()
    assert "own memory" in said.err
    assert "under way" in said.out


@pytest.mark.parametrize("command", [["doubts"], ["check"], ["show", PRINT], ["settle", PRINT, "--released"]])
def test_a_ledger_that_is_not_there_is_not_created(shell: Shell, tmp_path: Path, command: list[str]) -> None:
    assert main([str(tmp_path / "typo"), *command]) == 1
    assert not (tmp_path / "typo").exists()
    assert shell.run("doubts")[0] == 0


def test_the_command_works_on_s3(
    s3: S3Stand, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (
        ("AWS_ENDPOINT_URL", s3.endpoint),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ):
        monkeypatch.setenv(name, value)
    place = s3.place()
    ledger = opened(place)
    ledger.answer(claimed(ledger), RAW, FACTS)

    assert main([place.uri, "show", PRINT]) == 0
    assert "codes: 1HGCM82633A004352" in capsys.readouterr().out
    assert main([place.uri, "forget", PRINT, "--yes"]) == 0
    assert ledger.look("vin", PRINT) == ()
    assert main([f"{place.uri}-typo", "doubts"]) == 1


def test_uris_become_places(tmp_path: Path) -> None:
    assert open_place(str(tmp_path)).uri == str(tmp_path)
    assert open_place(f"file://{tmp_path}").is_local
    assert open_place(f"local://{tmp_path}").is_local
    assert open_place("memory://a/b").protocol == "memory"


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("nonsense://x/y", "cannot be opened"),
        ("", "LEDGER is empty"),
        (" ", "LEDGER is empty"),
    ],
)
def test_uris_that_cannot_be_opened_are_told(uri: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([uri, "doubts"]) == 1
    assert says in capsys.readouterr().err


def test_the_help_teaches_what_doubt_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])

    said = capsys.readouterr().out
    for word in ("in doubt", "show", "doubts", "settle", "forget", "check", "exit codes"):
        assert word in said


def test_it_runs_as_a_module(doubt: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["ledger", str(doubt.root), "doubts"])
    monkeypatch.delitem(sys.modules, "airflow_provider_platerec_ocr.cli.ledger.command")

    with pytest.raises(SystemExit) as caught:
        runpy.run_module("airflow_provider_platerec_ocr.cli.ledger.command", run_name="__main__")
    assert caught.value.code == 3
