"""An inbox of webhooks, a dataset and a ledger on the local disk, with a clock that a test moves."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from airflow_provider_platerec_ocr.core.models import Owner
from airflow_provider_platerec_ocr.dataset.plan.model import RunRef
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from airflow_provider_platerec_ocr.runtime.inbox_sweep import Sweeper
from airflow_provider_platerec_ocr.runtime.received_call import OurCalls
from airflow_provider_platerec_ocr.runtime.sweep_log import SweepLog
from airflow_provider_platerec_ocr.webhook.inbox import Inbox
from support.clock import FakeClock
from support.stores import local_place

if TYPE_CHECKING:
    from pathlib import Path

    from airflow.sdk import Asset, Context

VIN = "1M8GDM9AXKP042788"
LEASE_S = 270.0


def answer(code: str | None = VIN, **more: Any) -> dict[str, Any]:
    """Return an answer as the API sends it; without a code, nothing was found."""
    props = {"code": [{"value": code}], "orientation": [{"value": "horizontal"}], "confidence": 0.8}
    results = [{"identifier": {"type": "text", "props": props}}] if code else []
    return {
        "processing_time": 128.758,
        "results": results,
        "filename": "1617_7M83K_image.jpg",
        "version": 1,
        "camera_id": None,
        "timestamp": "2026-03-01T13:26:01.683008Z",
        **more,
    }


def payload(number: int = 0, code: str | None = VIN, **more: Any) -> dict[str, Any]:
    """Return a webhook's payload; each number is another call."""
    url = f"https://files.example/u/{number}.jpg?X-Amz-Signature=SECRET"
    data = answer(code, file_url=url) | more
    return {"hook": {"target": "https://yard.example/x", "id": 123}, "data": data}


@dataclass
class InboxStage:
    """Everything a sweep needs, in one folder."""

    folder: Path
    clock: FakeClock = field(default_factory=FakeClock)

    @property
    def inbox(self) -> Inbox:
        return Inbox(local_place(self.folder / "inbox"), clock=self.clock)

    @property
    def ledger(self) -> Ledger:
        place = local_place(self.folder / "ledger")
        return Ledger.open(place, lease_s=LEASE_S, clock=self.clock, owner=Owner("nightly", "r1", "read"))

    def sweeper(self, run_id: str = "run-1", **more: Any) -> Sweeper:
        ours = OurCalls(local_place(self.folder / "ledger"), lease_s=LEASE_S, clock=self.clock)
        return Sweeper(
            **{
                "inbox": self.inbox,
                "log": SweepLog(local_place(self.folder / "reads_inbox")),
                "ours": ours,
                "dataset": local_place(self.folder / "reads"),
                "dead_letters": local_place(self.folder / "reads_dead_letters"),
                "run": RunRef("webhook_ingest", run_id, "2026-03-01"),
                "types": {None: "vin"},
                "clock": self.clock,
                **more,
            }
        )

    def sweep(self, run_id: str = "run-1", **more: Any) -> dict[str, int]:
        """Sweep once and return the counts."""
        sweeper = self.sweeper(run_id, **more)
        sweeper.sweep()
        return sweeper.counts()

    def rows(self, table: str = "reads") -> list[dict[str, Any]]:
        """Return the rows of a table that a reader of the folder sees."""
        files = sorted((self.folder / table).rglob("[!._]*.parquet"))
        tables = [pq.ParquetFile(file).read() for file in files]
        return pa.concat_tables(tables).to_pylist() if tables else []


def task_context(run_id: str = "run-1", *, asset: Asset | None = None) -> Context:
    """Return the little of a task's context that the operator looks at."""
    ti = SimpleNamespace(
        dag_id="webhook_ingest", run_id=run_id, task_id="ingest", map_index=-1, try_number=1, max_tries=2
    )
    run = SimpleNamespace(
        dag_id="webhook_ingest",
        run_id=run_id,
        data_interval_start=None,
        run_after=datetime(2026, 3, 1, 22, 15, tzinfo=UTC),
    )
    events = OutletEvents([asset.name] if asset else [])
    return cast("Context", {"ti": ti, "dag_run": run, "outlet_events": events})


class OutletEvents:
    """One event an outlet; by name, since Airflow 3.0 has assets that no dict takes as a key."""

    def __init__(self, names: list[str]) -> None:
        self._events = {name: SimpleNamespace(extra=None) for name in names}

    def __getitem__(self, asset: Asset) -> SimpleNamespace:
        return self._events[asset.name]
