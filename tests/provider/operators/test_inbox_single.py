"""One image, too, is asked for in the inbox before it is sent again."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from PIL import Image

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRInDoubt
from airflow_provider_platerec_ocr.core.fingerprint import fingerprint_bytes
from airflow_provider_platerec_ocr.operators.read import OCRReadOperator
from airflow_provider_platerec_ocr.webhook.inbox import Inbox
from support.airflow_home import connection_env
from support.inbox_stage import payload
from support.sandbox import running_sandbox
from support.stores import age_claims, local_place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from airflow.sdk import Context

    from support.sandbox import Sandbox


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    monkeypatch.setenv("AIRFLOW__PLATEREC_OCR__LEDGER", str(tmp_path / "ledger"))
    monkeypatch.setenv("AIRFLOW__PLATEREC_OCR__SPILL_FOLDER", str(tmp_path / "spill"))
    monkeypatch.setenv("AIRFLOW__PLATEREC_OCR__INBOX", str(tmp_path / "inbox"))
    with running_sandbox(faults=["nth=1:cut-after"]) as running:
        monkeypatch.setenv(*connection_env(running.url, running.token, conn_id="yard"))
        yield running


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    file = io.BytesIO()
    Image.new("L", (64, 32), 200).save(file, "JPEG")
    path = tmp_path / "door.jpg"
    path.write_bytes(file.getvalue())
    return path


def context(try_number: int) -> Context:
    ti = SimpleNamespace(
        dag_id="yard", run_id="run-1", task_id="read", map_index=-1, try_number=try_number, max_tries=2
    )
    return cast("Context", {"ti": ti})


def deliver(tmp_path: Path, photo: Path, sandbox: Sandbox) -> None:
    fingerprint = fingerprint_bytes(sandbox.url, "vin", photo.read_bytes())
    inbox = Inbox(local_place(tmp_path / "inbox"), clock=SystemClock())
    inbox.put(payload(1, "11111111111111111", filename=f"1617_7M83K_door-{fingerprint}.jpg"))


def read(photo: Path) -> OCRReadOperator:
    return OCRReadOperator(task_id="read", image=str(photo), type="vin", conn_id="yard")


def test_a_later_try_takes_the_answer_from_the_inbox(sandbox: Sandbox, photo: Path, tmp_path: Path) -> None:
    with pytest.raises(OCRInDoubt):
        read(photo).execute(context(1))
    deliver(tmp_path, photo, sandbox)
    age_claims(tmp_path / "ledger", 300)

    result = read(photo).execute(context(2))

    assert (result["from_ledger"], result["calls_billed"]) == (True, 1)
    assert [found["code"] for found in result["identifiers"]] == ["11111111111111111"]
    assert sandbox.books()["posts"] == 1


def test_an_answer_that_is_there_by_the_end_of_the_try_is_taken_at_once(
    sandbox: Sandbox, photo: Path, tmp_path: Path
) -> None:
    deliver(tmp_path, photo, sandbox)

    result = read(photo).execute(context(1))

    assert (result["from_ledger"], result["calls_billed"]) == (True, 1)
    assert sandbox.books()["posts"] == 1
