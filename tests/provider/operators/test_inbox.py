"""The operator: where things are, what it returns, and what it tells the assets."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from airflow.sdk import Asset

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.operators.inbox import OCRInboxOperator
from airflow_provider_platerec_ocr.runtime.inbox_access import inbox_uri, open_inbox
from airflow_provider_platerec_ocr.webhook.asset_events import ASSET
from airflow_provider_platerec_ocr.webhook.inbox import Inbox
from support.clock import FakeClock
from support.inbox_stage import payload, task_context
from support.stores import local_place

READS = Asset("reads")
DAGS = Path(__file__).parents[3] / "dags"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AIRFLOW__PLATEREC_OCR__LEDGER", str(tmp_path / "ledger"))
    monkeypatch.setenv("AIRFLOW__PLATEREC_OCR__INBOX", "")
    return tmp_path / "home"


def long_ago(folder: Path, count: int = 1) -> None:
    """Put payloads into an inbox in the past, so that nothing has to be waited for."""
    clock = FakeClock(SystemClock().now() - timedelta(days=365))
    for number in range(count):
        Inbox(local_place(folder), clock=clock).put(payload(number))


def test_the_task_returns_counts_and_tells_its_assets_what_is_new(home: Path, tmp_path: Path) -> None:
    long_ago(home / "platerec_ocr" / "inbox", 2)
    context = task_context("run-1", asset=READS)
    operator = OCRInboxOperator(task_id="ingest", dataset=str(tmp_path / "reads"), outlets=[READS])

    counts = operator.execute(context)

    assert (counts["payloads"], counts["rows"], counts["calls_billed"]) == (2, 2, 0)
    assert context["outlet_events"][READS].extra == counts | {
        "dataset": str(tmp_path / "reads"),
        "date": "2026-03-01",
        "partition": "date=2026-03-01",
        "run_id": "run-1",
        "run_ids": ["run-1"],
    }


def test_a_sweep_that_finds_nothing_new_sends_no_event(home: Path, tmp_path: Path) -> None:
    long_ago(home / "platerec_ocr" / "inbox")
    operators = [OCRInboxOperator(task_id="ingest", dataset=str(tmp_path / "reads"), outlets=[READS]) for _ in range(2)]

    rows = [operator.execute(task_context("run-1", asset=READS))["rows"] for operator in operators]

    assert rows == [1, 0]
    assert [operator.outlets for operator in operators] == [[READS], []]  # what Airflow goes by when the task ends


def test_every_place_can_be_named(home: Path, tmp_path: Path) -> None:
    long_ago(tmp_path / "in")
    operator = OCRInboxOperator(
        task_id="ingest",
        dataset=str(tmp_path / "reads"),
        type="trailer_id",
        type_by_camera={"gate": "vin"},
        inbox=str(tmp_path / "in"),
        dead_letters=str(tmp_path / "dead"),
        sweeps=str(tmp_path / "sweeps"),
        ledger=str(tmp_path / "other ledger"),
    )

    assert operator.execute(task_context())["rows"] == 1

    assert (tmp_path / "reads" / "type=trailer_id").is_dir()
    assert len(list((tmp_path / "sweeps").iterdir())) == 2
    assert not home.exists()


@pytest.mark.parametrize("spelled", ["{'gate': 'vin'}", '{"gate": "vin"}', "{}", "None", ""])
def test_types_by_camera_may_come_out_of_a_template(home: Path, tmp_path: Path, spelled: str) -> None:
    long_ago(home / "platerec_ocr" / "inbox")
    operator = OCRInboxOperator(task_id="ingest", dataset=tmp_path / "reads", type_by_camera=spelled)

    assert operator.execute(task_context())["rows"] == 1


def test_without_an_inbox_the_task_says_which_option_to_set(home: Path, tmp_path: Path) -> None:
    operator = OCRInboxOperator(task_id="ingest", dataset=str(tmp_path / "reads"))

    with pytest.raises(OCRConfigError, match="AIRFLOW__PLATEREC_OCR__INBOX"):
        operator.execute(task_context())

    assert not home.exists()


@pytest.mark.parametrize("more", [{"type": "../vin"}, {"type_by_camera": {"gate": "VIN"}}])
def test_a_type_that_cannot_be_a_folder_is_refused(home: Path, tmp_path: Path, more: dict[str, str]) -> None:
    long_ago(home / "platerec_ocr" / "inbox")
    operator = OCRInboxOperator(task_id="ingest", dataset=str(tmp_path / "reads"), **more)

    with pytest.raises(OCRConfigError, match="cannot be used"):
        operator.execute(task_context())


def test_the_inbox_is_the_argument_else_the_option_else_the_default_folder_if_it_is_there(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert inbox_uri() is None
    assert open_inbox() is None
    (home / "platerec_ocr" / "inbox").mkdir(parents=True)
    assert inbox_uri() == str(home / "platerec_ocr" / "inbox")
    monkeypatch.setenv("AIRFLOW__PLATEREC_OCR__INBOX", str(tmp_path / "b"))
    assert inbox_uri() == str(tmp_path / "b")
    assert inbox_uri(tmp_path / "c") == str(tmp_path / "c")
    opened = open_inbox(tmp_path / "c")
    assert opened is not None
    assert opened.place.path == str(tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_the_example_runs_on_the_asset_that_the_receiver_announces() -> None:
    text = (DAGS / "webhook_ingest.py").read_text()

    assert "schedule=each_partition(OCR_INBOX)" in text
    assert f'OCR_INBOX = Asset("{ASSET}")' in text
