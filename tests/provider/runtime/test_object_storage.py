"""Places on S3 through Airflow's own connections, with the real Amazon provider and a real S3 protocol."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.models.connection import Connection
from airflow.utils.session import create_session

from airflow_provider_platerec_ocr.hooks.ocr import PlateRecOCRHook
from airflow_provider_platerec_ocr.runtime.handed_over import HandedOver, hand_over
from airflow_provider_platerec_ocr.runtime.places import open_place
from airflow_provider_platerec_ocr.sandbox.samples import make_load_images
from airflow_provider_platerec_ocr.worker.parent import ChildProcess
from airflow_provider_platerec_ocr.worker.travel import packed, unpacked
from support.airflow_home import connection_env
from support.remote_night import API, SECRET, STORE, aws_connection, remote_night
from support.sandbox import TOKEN, running_sandbox
from support.shards import job

if TYPE_CHECKING:
    from support.airflow_home import AirflowHome
    from support.stores import S3Stand

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.usefixtures("own_environment")]


@pytest.fixture
def task_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Airflow's supervisor does to a task, so that nothing which the task starts opens the database."""
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "airflow-db-not-allowed:///")
    monkeypatch.setenv("AIRFLOW__CORE__SQL_ALCHEMY_CONN", "airflow-db-not-allowed:///")


def as_variable(s3: S3Stand, conn_id: str = STORE) -> tuple[str, str]:
    """Return name and value of the variable that defines the connection."""
    value = {name: part for name, part in aws_connection(s3).items() if name != "connection_id"}
    return f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(value)


def test_the_amazon_providers_file_system_cannot_travel_and_is_opened_anew(
    s3: S3Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = s3.place("ledger")
    monkeypatch.setenv(*as_variable(s3))
    place = open_place(f"s3://{STORE}@{bucket.path}")

    arrived = unpacked(packed(place / "vin", hand_over))
    arrived.fs.pipe_file(f"{arrived.path}/a", b"here")

    assert type(arrived.fs).__module__ == "s3fs.core"
    assert (arrived.protocol, arrived.conn_id) == ("s3", STORE)
    assert bucket.fs.cat_file(f"{bucket.path}/vin/a") == b"here"


@pytest.mark.parametrize(
    "field",
    [{"extra": {"endpoint_url": "http://s3.example"}}, {"extra": "{}"}, {"schema": "x", "host": "h", "port": 9}],
)
def test_a_connection_arrives_as_it_was(field: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    value = {"conn_type": "aws", "login": "key:/@ü", "password": 'p/"w+%', **field}
    monkeypatch.setenv("AIRFLOW_CONN_STRANGE", json.dumps(value))

    sent = json.loads(hand_over({("s3", "strange")}).connections["strange"])

    extra = json.loads(sent.pop("extra", None) or "{}")
    given = value.pop("extra", "{}")
    assert sent == value
    assert extra == (given if isinstance(given, dict) else json.loads(str(given)))


def test_what_a_provider_would_ask_for_by_itself_goes_along_where_it_is_defined(
    s3: S3Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(*as_variable(s3, "aws_default"))

    assert set(hand_over({("s3", ""), ("gs", "")}).connections) == {"aws_default"}


@pytest.mark.usefixtures("task_environment")
def test_the_childs_places_are_opened_by_connections_that_are_in_no_argument_and_no_variable_of_it(
    s3: S3Stand, tmp_path: Path
) -> None:
    ledger = s3.place("ledger")
    with running_sandbox(faults=["always:hold"]) as sandbox:
        work = replace(job(tmp_path, sandbox, 3), ledger=replace(ledger, conn_id=STORE))
        name, value = as_variable(s3)
        assert name not in os.environ

        process = ChildProcess(work, lambda _: HandedOver({STORE: value}))
        sandbox.wait_held(3)
        shown = b"".join(Path(f"/proc/{process.pid}/{name}").read_bytes() for name in ("cmdline", "environ"))
        sandbox.let_go()
        ended = process.wait()

    assert SECRET.encode() not in shown
    assert STORE.encode() not in shown
    assert (ended.error, ended.counts["read"]) == (None, 3)
    assert len([file for file in ledger.fs.find(ledger.path) if file.endswith(".answer")]) == 3


def test_what_the_child_logs_is_heard_though_airflow_sets_up_its_own_logging(
    s3: S3Stand, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with running_sandbox() as sandbox, caplog.at_level("INFO"):
        work = replace(job(tmp_path, sandbox, 3), ledger=replace(s3.place("ledger"), conn_id=STORE))

        ChildProcess(work, lambda _: HandedOver({STORE: as_variable(s3)[1]})).wait()

    assert "3/3 done" in caplog.text
    assert "credentials retrieved" not in caplog.text  # Amazon's own log, of each process
    assert SECRET not in caplog.text


def test_a_single_read_whose_image_ledger_and_inbox_are_on_s3_through_a_connection(
    s3: S3Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    yard = s3.place("yard")
    (photo,) = make_load_images(tmp_path, 1, 2_000)
    yard.fs.pipe_file(f"{yard.path}/door.jpg", photo.read_bytes())
    monkeypatch.setenv("AIRFLOW__PLATEREC_OCR__INBOX", f"s3://{STORE}@{yard.path}/inbox")
    monkeypatch.setenv(*as_variable(s3))
    with running_sandbox() as sandbox:
        monkeypatch.setenv(*connection_env(sandbox.url, TOKEN, conn_id=API))
        hook = PlateRecOCRHook(API)
        places: dict[str, Any] = {
            "image": f"s3://{STORE}@{yard.path}/door.jpg",
            "ledger": f"s3://{STORE}@{yard.path}/ledger",
        }

        reads = [hook.read(type="vin", **places) for _ in range(2)]

        assert sandbox.books()["billed"] == 1
    assert [read["from_ledger"] for read in reads] == [False, True]
    assert reads[0]["image"] == f"s3://{yard.path}/door.jpg"


def test_a_night_whose_every_place_is_on_s3_through_a_connection(
    airflow_home: AirflowHome, s3: S3Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__PLATEREC_OCR__INBOX", "")  # the DAG file sets it
    with create_session() as session:
        fields = aws_connection(s3)
        conn_id = fields.pop("connection_id")
        session.query(Connection).filter(Connection.conn_id == conn_id).delete()  # another test's, of the same worker
        session.add(Connection(conn_id=conn_id, **fields))
    with remote_night(s3.place("yard"), tmp_path / "images") as night:
        monkeypatch.setenv(*connection_env(night.sandbox.url, TOKEN, conn_id=API, rate_per_s=50))
        file = airflow_home.add_dag("on_s3.py", night.dag("on_s3"))

        run = airflow_home.run_dag("on_s3")
        file.unlink()  # it sets an option in whatever process imports it

        assert run.state == "success"
        night.hold()
