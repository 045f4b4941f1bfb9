"""What the command says of a ledger as a whole, and of an image that it does not find where it looked first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.cli.ledger.command import main
from airflow_provider_platerec_ocr.core.fingerprint import fingerprint_bytes
from airflow_provider_platerec_ocr.core.settings import DEFAULT_BASE_URL
from support.ledger_shell import FACTS, OTHER, PRINT, RAW, Shell, claimed

if TYPE_CHECKING:
    from pathlib import Path

ELSEWHERE = "https://ocr.example.com"
CONTENT = b"jpeg bytes"


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(tmp_path / "ledger", capsys)


@pytest.fixture
def image(tmp_path: Path) -> str:
    path = tmp_path / "4711.jpg"
    path.write_bytes(CONTENT)
    return str(path)


def paid(shell: Shell, base_url: str) -> str:
    fingerprint = fingerprint_bytes(base_url, "vin", CONTENT)
    shell.ledger.answer(claimed(shell.ledger, fingerprint), RAW, FACTS)
    return fingerprint


def test_info_tells_which_ledger_it_is_how_old_and_how_large(shell: Shell) -> None:
    shell.ledger.answer(claimed(shell.ledger), RAW, FACTS)
    shell.ledger.answer(claimed(shell.ledger, OTHER, type_="trailer_id"), RAW, FACTS)
    shell.ledger.paid_under(ELSEWHERE)

    code, said = shell.run("info")

    assert code == 0
    lines = {line[:9].strip(): line[10:] for line in said.splitlines()}
    assert lines["place"] == str(shell.root)
    assert lines["id"] == f"{shell.ledger.identity.id}, made 2026-03-01T22:00:00Z"
    assert lines["answers"] == "2 (trailer_id 1, vin 1)"
    assert lines["size"].endswith("MB in files")
    assert "ago" in lines["written"]
    assert lines["paid at"] == ELSEWHERE


def test_info_of_an_older_ledger_gives_it_no_id(shell: Shell) -> None:
    claimed(shell.ledger)
    for path in (shell.root / "ledger-identity").iterdir():
        path.unlink()

    code, said = shell.run("info")

    assert code == 0
    assert "none yet: the next run gives it one" in said
    assert list((shell.root / "ledger-identity").iterdir()) == []


def test_info_of_a_place_without_a_ledger_fails_and_makes_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "typo"), "info"]) == 1
    assert "There is no ledger" in capsys.readouterr().err
    assert not (tmp_path / "typo").exists()


@pytest.mark.parametrize("known", [True, False])
def test_an_image_that_was_paid_under_another_base_url_is_never_called_unsent(
    shell: Shell, image: str, *, known: bool
) -> None:
    paid(shell, ELSEWHERE)
    if known:
        shell.ledger.paid_under(ELSEWHERE)

    code, said = shell.run("show", image, "--type", "vin")

    assert "never sent" not in said
    if known:
        assert code == 0
        assert f"sent under {ELSEWHERE}" in said
        assert "no run pays for it again" in said
    else:
        assert code == 1
        assert f"no claim of it under {DEFAULT_BASE_URL}" in said
        assert "--base-url" in said
    assert shell.run("show", image, "--type", "vin", "--base-url", ELSEWHERE)[0] == 0


def test_what_was_sent_under_two_base_urls_has_to_be_named_before_it_is_changed(shell: Shell, image: str) -> None:
    paid(shell, ELSEWHERE)
    paid(shell, DEFAULT_BASE_URL)
    shell.ledger.paid_under(ELSEWHERE)

    assert shell.run("show", image, "--type", "vin")[1].count("sent under") == 2
    code, said = shell.run("forget", image, "--type", "vin", "--yes")
    assert code == 1
    assert "several base URLs" in said
    assert shell.run("forget", image, "--type", "vin", "--base-url", ELSEWHERE, "--yes")[0] == 0


def test_a_fingerprint_that_is_not_there_says_no_more_than_that(shell: Shell) -> None:
    code, said = shell.run("show", PRINT)

    assert code == 1
    assert "no claim of this fingerprint" in said
    assert "another base URL or type" in said


def test_what_was_forgotten_is_told(shell: Shell, image: str) -> None:
    fingerprint = paid(shell, DEFAULT_BASE_URL)
    assert shell.run("forget", fingerprint, "--yes")[0] == 0

    for what in ([fingerprint], [image, "--type", "vin"]):
        code, said = shell.run("show", *what)
        assert code == 1
        assert "sent before and then forgotten" in said
        assert f"{shell.root}/forgotten-claims/" in said
        assert "may send it once more" in said
