"""Webhooks under a whole Airflow on PostgreSQL: sandbox, receiver in the API server, asset events, DAGs, rows."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlalchemy import create_engine, text

from airflow_provider_platerec_ocr.dataset import read_dataset
from airflow_provider_platerec_ocr.sandbox.samples import make_load_images
from support.phone import read_with_phones
from support.sandbox import running_sandbox
from support.waiting import PATIENCE_S, until
from support.webhook_stage import PATH, SECRET

if TYPE_CHECKING:
    from pathlib import Path

    from support.fleet import Fleet

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.scheduler, pytest.mark.xdist_group("one_airflow")]

BURST = 200
until_seen = partial(until, every_s=1.0)
"""Each look reads the table or asks a database: twenty a second would keep one core busy for minutes."""


def unpause(airflow: Fleet, dag_id: str) -> None:
    airflow.wait_for_dag(dag_id)
    airflow.call("PATCH", f"/dags/{dag_id}", {"is_paused": False})
    (airflow.home / "dags" / f"{dag_id}.py").touch()  # a watch begins when the file of an unpaused DAG is parsed


def runs(airflow: Fleet, dag_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = airflow.call("GET", f"/dags/{dag_id}/dagRuns?limit=100")["dag_runs"]
    return found


def rows(airflow: Fleet, table: str) -> list[dict[Any, Any]]:
    """Return what is published; the folders are there before the first file is."""
    folder = airflow.home / "platerec_ocr" / table
    published = any(folder.rglob("[!.]*.parquet"))
    return read_dataset(str(folder)).to_dict("records") if published else []


def ask(airflow: Fleet, query: str) -> list[Any]:
    """Ask Airflow's own database: its API shows no queue, and fails on events whose run has not begun (3.3)."""
    engine = create_engine(airflow.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
    with engine.connect() as connection:
        found = list(connection.execute(text(query)).scalars())
    engine.dispose()
    return found


def events_of(airflow: Fleet, asset: str) -> list[dict[str, Any]]:
    """Return what the events of an asset say, in order."""
    extras = ask(
        airflow,
        f"SELECT e.extra FROM asset_event e JOIN asset a ON a.id = e.asset_id WHERE a.name = '{asset}' ORDER BY e.id",  # noqa: S608
    )
    return [json.loads(extra) if isinstance(extra, str) else extra for extra in extras]


def waiting_events(airflow: Fleet) -> int:
    """Return how many asset events have started nothing yet, in a run or in a queue for one."""
    queued = ask(airflow, "SELECT count(*) FROM asset_dag_run_queue")
    no_run = ask(airflow, "SELECT count(*) FROM asset_partition_dag_run WHERE created_dag_run_id IS NULL")
    unseen = ask(
        airflow,
        "SELECT count(*) FROM asset_event e JOIN asset a ON a.id = e.asset_id WHERE a.name = 'platerec_ocr_inbox' "
        "AND NOT EXISTS (SELECT 1 FROM dagrun_asset_event d WHERE d.event_id = e.id)",
    )
    return int(queued[0] + no_run[0] + unseen[0])


def announced(airflow: Fleet) -> list[int]:
    """Return how many payloads each event of the inbox told of."""
    return [extra["payloads"] for extra in events_of(airflow, "platerec_ocr_inbox")]


def deliver(airflow: Fleet, *names: str) -> None:
    for name in names:
        data = {"results": [], "filename": name, "file_url": f"https://files.example/{name}"}
        answer = httpx.post(f"{airflow.url}/platerec_ocr{PATH}", json={"data": data}, timeout=PATIENCE_S)
        assert answer.status_code == 200


def calm(airflow: Fleet, dag_id: str) -> bool:
    return bool(runs(airflow, dag_id)) and all(run["state"] in {"success", "failed"} for run in runs(airflow, dag_id))


def test_a_burst_of_webhooks_becomes_as_many_rows_and_no_event_is_left_waiting(airflow: Fleet, tmp_path: Path) -> None:
    receiver = f"{airflow.url}/platerec_ocr"
    unpause(airflow, "webhook_ingest")
    images = make_load_images(tmp_path / "images", BURST, 3_000)

    with running_sandbox(webhook=f"{receiver}{PATH}", rename_files=True) as sandbox:
        began = datetime.now(UTC)
        answered = read_with_phones(sandbox, images)
        until_seen("not all was delivered", lambda: len(sandbox.deliveries()) == BURST)
        burst_s = (datetime.now(UTC) - began).total_seconds()
        delivered = [delivery["status"] for delivery in sandbox.deliveries()]
    until_seen("not all became rows", lambda: len(rows(airflow, "reads")) >= BURST)
    until_seen("not all was announced", lambda: sum(announced(airflow)) == BURST)  # the second event comes 30 s later
    until_seen("an event waits", lambda: not waiting_events(airflow) and calm(airflow, "webhook_ingest"))

    ended = [run["state"] for run in runs(airflow, "webhook_ingest")]
    table = rows(airflow, "reads")
    print(  # noqa: T201  # figures
        f"\n{answered} calls of phones in {burst_s:.1f} s, {delivered.count(200)} webhooks answered with 200, "
        f"{len(announced(airflow))} events, {len(ended)} runs ({ended.count('success')} succeeded), "
        f"{len(table)} rows of {len({row['image'] for row in table})} images, {waiting_events(airflow)} events waiting"
    )
    assert delivered == [200] * BURST
    assert len(table) == len({row["image"] for row in table}) == BURST
    assert {row["calls_billed"] for row in table} == {0}
    assert set(ended) == {"success"}
    assert waiting_events(airflow) == 0


def test_the_api_server_has_the_receiver_once_and_tells_nobody_of_the_secret(airflow: Fleet) -> None:
    base = f"{airflow.url}/platerec_ocr"

    wrong = httpx.post(f"{base}/webhook/wrong-secret", json={"data": {}}, timeout=PATIENCE_S)
    unknown = httpx.post(f"{base}/nothing", timeout=PATIENCE_S)
    health = httpx.get(f"{base}/health", timeout=PATIENCE_S)

    assert (health.status_code, health.json()) == (200, {"status": "ok"})
    assert {(answer.status_code, answer.text) for answer in (wrong, unknown)} == {(404, '{"detail":"Not Found"}')}
    assert SECRET not in (airflow.home / "api-server.log").read_text()
    assert "/platerec_ocr/webhook/***" in (airflow.home / "api-server.log").read_text()


def test_an_api_server_that_dies_between_a_payload_and_its_event_makes_up_for_it_when_it_is_back(
    airflow: Fleet,
) -> None:
    def ingested() -> set[str]:
        return {str(row["image"]) for row in rows(airflow, "reads")}

    before = sum(announced(airflow))
    deliver(airflow, "told.jpg")
    until("it was not announced", lambda: sum(announced(airflow)) > before, every_s=0.2)
    deliver(airflow, "untold.jpg")  # its event is due 30 s later

    airflow.kill("api-server", with_children=True)
    airflow.start("api-server")
    airflow.wait_until_healthy()
    until_seen("its payload waits for ever", lambda: "https://files.example/untold.jpg" in ingested())

    assert announced(airflow)[-1] == 0
    assert sum(announced(airflow)) == before + 1


def test_a_watch_goes_on_where_it_was_after_its_triggerer_was_killed(airflow: Fleet) -> None:
    def watched() -> set[str]:
        return {str(row["image"]) for row in rows(airflow, "watched")}

    def told() -> list[int]:
        return [extra["payload"]["payloads"] for extra in events_of(airflow, "platerec_ocr_watched_inbox")]

    unpause(airflow, "webhook_watch")
    deliver(airflow, "before-1.jpg", "before-2.jpg")
    until_seen("the watch found nothing", lambda: "https://files.example/before-2.jpg" in watched())
    until_seen("its run did not end", lambda: calm(airflow, "webhook_watch"))
    before = told()

    airflow.kill("triggerer", with_children=True)
    deliver(airflow, "dead-1.jpg", "dead-2.jpg", "dead-3.jpg")
    airflow.start("triggerer")
    until_seen("what came meanwhile is missing", lambda: "https://files.example/dead-3.jpg" in watched())

    after = told()[len(before) :]
    print(f"\npayloads told before the kill {before}, after it {after}")  # noqa: T201  # figures
    assert sum(after) == 3
    table = rows(airflow, "watched")
    assert len(table) == len({(row["image"], row["image_version"]) for row in table})
    assert {f"https://files.example/dead-{number}.jpg" for number in (1, 2, 3)} <= watched()
