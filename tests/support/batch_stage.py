"""One manifest run without a scheduler: plan, read and export as their operators, executed one after the other.

::

    stage = BatchStage.over(tmp_path, images=30)
    run = stage.run("night-1", daily_limit=20)
    assert run.counts["reads"] == 20
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from airflow_provider_platerec_ocr.dataset.table.reading import read_dataset
from airflow_provider_platerec_ocr.operators.export import OCRExportOperator
from airflow_provider_platerec_ocr.operators.plan import OCRPlanOperator
from airflow_provider_platerec_ocr.operators.read_batch import OCRReadBatchOperator
from airflow_provider_platerec_ocr.sandbox.samples import make_load_images
from support.airflow_home import connection_env

if TYPE_CHECKING:
    import pytest
    from airflow.sdk import Context

    from support.sandbox import Sandbox

CONN_ID = "batch"


@dataclass
class BatchRun:
    """What one run did."""

    plan: dict[str, Any] = field(default_factory=dict)
    """Counts of the plan, as XCom has them."""
    shards: list[dict[str, Any]] = field(default_factory=list)
    reads: list[dict[str, int] | Exception] = field(default_factory=list)
    """What each shard's task returned or raised."""
    counts: dict[str, Any] = field(default_factory=dict)
    """What the export returned."""
    error: Exception | None = None
    """What the export raised."""

    @property
    def report(self) -> dict[str, Any]:
        """The report, read back."""
        counts = self.counts or cast("Any", self.error).counts
        report: dict[str, Any] = json.loads(Path(counts["report"].removeprefix("file://")).read_text())
        return report


@dataclass
class BatchStage:
    """A folder of images, a ledger and a dataset."""

    root: Path
    conn_id: str = CONN_ID
    dag_id: str = "yard"

    @classmethod
    def over(cls, root: Path, images: int, *, seed: int = 7) -> BatchStage:
        """A stage with that many generated images."""
        make_load_images(root / "images", images, 2_000, seed=seed)
        return cls(root)

    @staticmethod
    def connect(monkeypatch: pytest.MonkeyPatch, root: Path, url: str, token: str, **extra: Any) -> None:
        """Point the connection, the ledger and the spill folder at this test's own."""
        monkeypatch.setenv(*connection_env(url, token, conn_id=CONN_ID, **({"rate_per_s": 500} | extra)))
        monkeypatch.setenv("AIRFLOW__PLATEREC_OCR__LEDGER", str(root / "ledger"))
        monkeypatch.setenv("AIRFLOW__PLATEREC_OCR__SPILL_FOLDER", str(root / "spill"))

    @property
    def images(self) -> Path:
        return self.root / "images"

    @property
    def dataset(self) -> Path:
        return self.root / "reads"

    def context(self, run_id: str, task: str, *, pushed: dict[str, Any] | None = None, **more: int) -> Context:
        """What Airflow hands to a task, as far as the operators look at it."""
        ti = SimpleNamespace(
            dag_id=self.dag_id,
            run_id=run_id,
            task_id=f"ocr.{task}",
            **({"map_index": -1, "try_number": 1, "max_tries": 0} | more),
            xcom_push=lambda key, value: None if pushed is None else pushed.update({key: value}),
        )
        night = datetime(2026, 3, 1, 22, tzinfo=UTC)
        run = SimpleNamespace(dag_id=self.dag_id, run_id=run_id, data_interval_start=night, run_after=night)
        return cast("Context", {"ti": ti, "dag_run": run, "outlet_events": {}})

    def plan(self, run: BatchRun, run_id: str, **given: Any) -> None:
        """Run the plan task."""
        pushed: dict[str, Any] = {}
        arguments = {"manifest": str(self.images)} | _of(given, OCRPlanOperator)
        task = OCRPlanOperator(task_id="plan", dataset=str(self.dataset), conn_id=self.conn_id, **arguments)
        run.shards = task.execute(self.context(run_id, "plan", pushed=pushed))
        run.plan = pushed["plan"]

    def read(self, run: BatchRun, run_id: str, *, try_number: int = 1, max_tries: int = 0, **given: Any) -> None:
        """Run the read tasks, one after the other."""
        run.reads = []
        for shard in run.shards:
            task = OCRReadBatchOperator(
                task_id="read", shard=shard, conn_id=self.conn_id, **_of(given, OCRReadBatchOperator)
            )
            context = self.context(run_id, "read", map_index=shard["index"], try_number=try_number, max_tries=max_tries)
            try:
                run.reads.append(task.execute(context))
            except Exception as error:  # noqa: BLE001  # the test looks at it
                run.reads.append(error)

    def export(self, run: BatchRun, run_id: str, **given: Any) -> None:
        """Run the export task."""
        task = OCRExportOperator(
            task_id="export", dataset=str(self.dataset), conn_id=self.conn_id, **_of(given, OCRExportOperator)
        )
        run.counts, run.error = {}, None
        try:
            run.counts = task.execute(self.context(run_id, "export"))
        except Exception as error:  # noqa: BLE001  # as above
            run.error = error

    def run(self, run_id: str, *, try_number: int = 1, **given: Any) -> BatchRun:
        """Run all three."""
        known = {
            name for kind in (OCRPlanOperator, OCRReadBatchOperator, OCRExportOperator) for name in kind.template_fields
        }
        assert set(given) <= known, set(given) - known
        run = BatchRun()
        self.plan(run, run_id, **given)
        self.read(run, run_id, try_number=try_number, **given)
        self.export(run, run_id, **given)
        return run

    def rows(self) -> list[dict[Any, Any]]:
        """The table, in a fixed order."""
        table = read_dataset(str(self.dataset))
        return table.sort_values(["image", "run_id", "identifier_index"]).to_dict("records")

    def table_files(self) -> dict[str, bytes]:
        """The table's files, byte for byte."""
        return {path.name: path.read_bytes() for path in sorted(self.dataset.rglob("*.parquet"))}


def connected(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sandbox: Sandbox, images: int, **extra: Any
) -> BatchStage:
    """A stage whose connection is the sandbox's."""
    BatchStage.connect(monkeypatch, tmp_path, sandbox.url, sandbox.token, **extra)
    return BatchStage.over(tmp_path, images)


def _of(
    given: dict[str, Any], kind: type[OCRPlanOperator | OCRReadBatchOperator | OCRExportOperator]
) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name in kind.template_fields}
