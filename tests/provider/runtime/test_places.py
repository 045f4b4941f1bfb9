from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from airflow.sdk.io import attach
from fsspec.implementations.memory import MemoryFileSystem

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.runtime import places

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("prefix", ["", "file://", "local://", "file://localhost"])
def test_a_path_and_a_file_uri_are_the_same_local_place(prefix: str, tmp_path: Path) -> None:
    place = places.open_place(f"{prefix}{tmp_path}/a b/../c#1/")

    assert place.is_local
    assert place.path == f"{tmp_path}/c#1"
    assert place.uri == f"{tmp_path}/c#1"


def test_a_local_place_can_be_written_and_read(tmp_path: Path) -> None:
    place = places.open_place(tmp_path / "x.txt")

    with place.fs.open(place.path, "xb") as file:
        file.write(b"here")

    assert (tmp_path / "x.txt").read_bytes() == b"here"


def test_a_home_folder_is_expanded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    assert places.open_place("~/ledger").path == f"{tmp_path}/ledger"


def test_a_relative_path_is_refused_since_a_task_runs_in_any_folder() -> None:
    with pytest.raises(OCRConfigError, match=r"'photos/in' is a relative path.*absolute path or a URI"):
        places.open_place("photos/in")


def test_a_connection_in_the_uri_opens_the_file_system_that_airflow_attached() -> None:
    ours = MemoryFileSystem()
    attach("memory", "yard_store", fs=ours)

    place = places.open_place("memory://yard_store@bucket/ledger/")

    assert place.fs is ours
    assert place.path == "/bucket/ledger"
    assert (place.protocol, place.conn_id) == ("memory", "yard_store")


def test_a_scheme_that_no_provider_knows_is_opened_by_fsspec() -> None:
    place = places.open_place("memory://bucket/ledger/")

    assert type(place.fs).__name__ == "MemoryFileSystem"
    assert place.path == "/bucket/ledger"
    assert place.uri == "memory://bucket/ledger"
    assert place.conn_id is None  # so that another process opens it without Airflow


def test_a_connection_for_a_scheme_without_provider_names_the_provider_to_install() -> None:
    with pytest.raises(OCRConfigError, match="Install apache-airflow-providers-google on the workers"):
        places.open_place("gs://yard_store@bucket/ledger")


@pytest.mark.parametrize("uri", ["nosuch://bucket/x", "nosuch://conn@bucket/x"])
def test_an_unknown_scheme_says_what_to_do(uri: str) -> None:
    with pytest.raises(OCRConfigError, match=r"nosuch://bucket/x cannot be opened: .*Install the provider that knows"):
        places.open_place(uri)


def test_the_query_of_a_uri_never_reaches_the_message() -> None:
    with pytest.raises(OCRConfigError) as caught:
        places.open_place("nosuch://bucket/x?X-Amz-Signature=geheim")

    assert "geheim" not in str(caught.value)


def test_the_argument_comes_before_the_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__PLATEREC_OCR__LEDGER", "s3://bucket/from-option")

    assert places.ledger_uri("/data/ledger") == "/data/ledger"
    assert places.ledger_uri() == "s3://bucket/from-option"
    assert places.ledger_uri("  ") == "s3://bucket/from-option"


@pytest.mark.parametrize(("executor", "warned"), [("LocalExecutor", False), ("CeleryExecutor", True)])
def test_the_default_ledger_is_under_airflow_home_and_warns_where_several_machines_may_run(
    executor: str,
    warned: bool,  # noqa: FBT001  # a truth table's column
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    monkeypatch.delenv("AIRFLOW__PLATEREC_OCR__LEDGER", raising=False)
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", executor)

    with caplog.at_level(logging.WARNING):
        uri = places.ledger_uri()

    assert uri == f"{tmp_path}/platerec_ocr/ledger"
    assert ("AIRFLOW__PLATEREC_OCR__LEDGER" in caplog.text) is warned


def test_the_ledger_place_is_opened(tmp_path: Path) -> None:
    assert places.open_ledger_place(tmp_path / "ledger").path == f"{tmp_path}/ledger"


@pytest.mark.parametrize(
    ("executor", "expected"),
    [
        ("LocalExecutor", True),
        ("SequentialExecutor", True),
        ("airflow.executors.local_executor.LocalExecutor", True),
        ("CeleryExecutor", False),
        ("LocalExecutor,KubernetesExecutor", False),
        ("LocalExecutor,here:my_company.executors.LocalExecutor", True),
        ("here:my_company.executors.SpotExecutor", False),
        ("LocalExecutor;team_a=CeleryExecutor", False),
        ("LocalExecutor;team_a=LocalExecutor", True),
    ],
)
def test_one_machine_is_known_in_every_way_of_writing_an_executor(executor: str, expected: bool) -> None:  # noqa: FBT001
    assert places.runs_on_one_machine(executor) is expected


def test_the_spill_folder_is_the_option_else_under_airflow_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    assert str(places.spill_folder()) == f"{tmp_path}/platerec_ocr/spill"

    monkeypatch.setenv("AIRFLOW__PLATEREC_OCR__SPILL_FOLDER", "/var/spill")
    assert str(places.spill_folder()) == "/var/spill"
