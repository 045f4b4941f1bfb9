"""A yard to take pictures of: an account with a run at it, thirty nights, and a few things that wait for a person."""

from __future__ import annotations

import csv
import json
import random
import shutil
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from airflow_provider_platerec_ocr.core.models import Owner, Statistics
from airflow_provider_platerec_ocr.core.money import Price
from airflow_provider_platerec_ocr.core.settings import ClientSettings
from airflow_provider_platerec_ocr.core.spending.budget import period_key
from airflow_provider_platerec_ocr.dataset.layout.schema import dead_letters_schema
from airflow_provider_platerec_ocr.dataset.report.live import LiveFolder, ShardProgress
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from airflow_provider_platerec_ocr.engine.ledger.reservations import BudgetBook, account_id
from airflow_provider_platerec_ocr.engine.rate.hold_file import HoldFile
from airflow_provider_platerec_ocr.runtime.places import open_place
from airflow_provider_platerec_ocr.storage.path import beside
from airflow_provider_platerec_ocr.storage.store import Store
from support.search_stage import SearchStage, Shot

if TYPE_CHECKING:
    from support.page_stage import PageStage

SETTINGS = ClientSettings(token="of-the-pictures", rate_per_s=8.0, price=Price(Decimal("9.90"), "EUR"))
DAG_ID = "nightly_ocr_batch"
RUN_ID = "scheduled__2026-03-02T22:00:00+00:00"
NIGHTS = 30
SAMPLES = Path(__file__).parents[2] / "dags" / "sample_images"


def furnish(stage: PageStage) -> str:
    """Fill a stage, and return the dataset's URI."""
    now = stage.clock.now()
    stage.connections["platerec_ocr_default"] = SETTINGS
    stage.statistics = Statistics(14_212, 25_000, resets_on=(now + timedelta(days=11)).isoformat())
    uri = _reads(stage)
    facts: dict[str, Any] = {"dag_id": DAG_ID, "conn_id": "platerec_ocr_default", "reserve": 1_000}
    stage.note(dataset=uri, ledger="/data/ocr/ledger", **facts)
    _running(stage, uri)
    _account(stage)
    _letters(stage, uri)
    for night in range(NIGHTS):
        _report(stage, uri, night)
    return uri


def _reads(stage: PageStage) -> str:
    """Publish two nights of the sample photographs, with the codes that are on them, and two that are doubtful."""
    search = SearchStage.local(stage.root / "photos")
    with (SAMPLES / "truth.csv").open() as file:
        truth = {row["image"]: row["truth"] for row in csv.DictReader(file)}
    names = [path.name for path in sorted(SAMPLES.glob("*.jpg"))]
    for name in names:
        shutil.copy(SAMPLES / name, stage.root / "photos" / name)
    shots: dict[str, list[Shot]] = {"vin": [], "trailer_id": []}
    for number, name in enumerate(names):
        kind = "vin" if name.startswith(("vin", "door_label")) else "trailer_id"
        codes = tuple(filter(None, truth.get(name, "").split("|")))
        shots[kind].append(
            Shot(name, codes, 0.41 if number % 7 == 3 else 0.86 + number % 5 * 0.03, f"gate-{number % 3 + 1}")
        )
    for day, kind in enumerate(shots, 1):
        search.night(day, shots[kind], kind=kind)
    return search.dataset.uri


def _running(stage: PageStage, uri: str) -> None:
    at = stage.clock.now().isoformat()
    root = beside(uri, "workspace")
    Path(root).mkdir(exist_ok=True)
    folder = LiveFolder(open_place(root))
    first = ShardProgress("now", 0, 3, DAG_ID, RUN_ID, total=2_000, rate_per_s=2.67, rate_given=True, at=at)
    folder.write(replace(first, done=1_240, images_per_s=2.6, in_flight=71, from_ledger=38, dead_letters=2, eta_s=292))
    folder.write(replace(first, shard=1, done=2_000, images_per_s=2.7, ended=True, from_ledger=12, dead_letters=5))
    third = replace(first, shard=2, total=1_114, done=310, images_per_s=2.5, in_flight=68, eta_s=322)
    folder.write(replace(third, refused={"OCRRateLimited": 4}))


def _account(stage: PageStage) -> None:
    store, account = Store(open_place(str(stage.ledger))), account_id(SETTINGS)
    assert stage.statistics is not None
    book = BudgetBook(store, account, period_key(stage.statistics, stage.clock.now()), stage.clock)
    owner = Owner(dag_id=DAG_ID, run_id=RUN_ID, task_id="ocr.plan")
    made = book.reserve(owner, stage.statistics, lambda _others: 5_114)
    book.purse(made.number, made.calls, owner).draw(3_200, 1)
    board = Ledger.peek(open_place(str(stage.ledger)), lease_s=1.0, clock=stage.clock).board(account)
    HoldFile(Store(board, makes_root=True), stage.clock).post(stage.clock.now().timestamp() + 754.0, throttled_at_s=1.0)


def _letters(stage: PageStage, uri: str) -> None:
    seen = stage.clock.now() - timedelta(hours=9)
    blank: dict[str, Any] = dict.fromkeys(dead_letters_schema().names)
    blank |= {"type": "vin", "schema_version": 2, "permanent": False, "times": 1, "dag_id": DAG_ID, "row": 1}
    blank |= {"first_seen": seen, "last_seen": seen, "ended_at": seen}
    rows = [
        {
            "image": f"/data/yard/gate7/{number:04}.jpg",
            "reason": "image_missing",
            "message": "There is no such file.",
            "times": 3,
        }
        for number in range(811, 818)
    ]
    rows += [
        {
            "image": "/data/yard/gate2/0042.jpg",
            "reason": "in_doubt_twice",
            "fingerprint": "9f86d081" * 8,
            "message": "Two calls with unknown outcome; it may have been billed.",
        }
    ]
    rows += [
        {
            "image": "/data/yard/gate4/0007.jpg",
            "reason": "api_rejected",
            "fingerprint": "1b4f0e98" * 8,
            "permanent": True,
            "message": "400: Unable to read the image.",
        }
    ]
    folder = Path(beside(uri, "dead_letters"))
    folder.mkdir(exist_ok=True)
    pq.write_table(
        pa.Table.from_pylist([blank | row for row in rows], dead_letters_schema()),
        folder / "dead_letters-a-00000.parquet",
    )


def _report(stage: PageStage, uri: str, night: int) -> None:
    chance = random.Random(night)  # noqa: S311  # a picture, not a secret
    day = (stage.clock.now() - timedelta(days=night + 1)).date()
    planned = chance.randint(380, 620) if day.weekday() < 5 else chance.randint(60, 120)
    letters, doubt, known = chance.choice([0, 0, 1, 2, 7]), chance.choice([0, 0, 0, 0, 3]), chance.randint(10, 60)
    limit = (planned - known) / 8 + 31
    report = {
        "dag_id": DAG_ID,
        "run_id": f"scheduled__{day}T22:00:00+00:00",
        "date": f"{day}",
        "written_at": f"{day}T22:30:00Z",
        "whole": True,
        "plan": {"planned": planned},
        "result": {
            "reads": planned - letters,
            "calls_billed": planned - known,
            "from_ledger": known,
            "in_doubt": doubt,
            "dead_letters": {"image_missing": letters},
            "carried_over": 0,
        },
        "took": {"seconds": limit * chance.uniform(1.01, 1.06), "limit_s": limit},
        "price": SETTINGS.price.to_json() if SETTINGS.price else None,
    }
    folder = Path(beside(uri, "reports"))
    folder.mkdir(exist_ok=True)
    (folder / f"{DAG_ID}__{day}.json").write_text(json.dumps(report))
