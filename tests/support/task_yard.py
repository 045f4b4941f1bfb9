"""One shard and the tries of its task, each in a process of its own that runs the operator's own execute().

For what a scheduler adds nothing to: kills, and ledgers that break, with the child that makes the calls.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.models import Owner, PlannedImage
from airflow_provider_platerec_ocr.dataset.layout.lines import to_line
from airflow_provider_platerec_ocr.dataset.table.journal import best_outcomes
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from airflow_provider_platerec_ocr.sandbox.samples import make_load_images
from support.airflow_home import connection_env
from support.sandbox import TOKEN
from support.stores import local_place
from support.waiting import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_platerec_ocr.core.claims import Attempt
    from airflow_provider_platerec_ocr.core.models import Outcome
    from support.sandbox import Sandbox

IN_FLIGHT = 50
"""Images of the shard, all of which may be in flight."""
TASK = """
import json, logging, sys
from types import SimpleNamespace
from airflow_provider_platerec_ocr.operators.read_batch import OCRReadBatchOperator
logging.basicConfig(level=logging.INFO, force=True)
shard, try_number = json.loads(sys.argv[1]), int(sys.argv[2])
ti = SimpleNamespace(
    dag_id="nightly", run_id="night", task_id="read", map_index=0, try_number=try_number, max_tries=3
)
print(json.dumps(OCRReadBatchOperator(task_id="read", shard=shard).execute({"ti": ti})), flush=True)
"""
"""A task's process: the operator's own execute()."""


class Yard:
    """One shard of fifty images, and the tries of its task, each in a process of its own."""

    def __init__(  # noqa: PLR0913  # by name only
        self,
        folder: Path,
        sandbox: Sandbox,
        *,
        inbox: Path | None = None,
        ledger: str = "",
        at_once: int = IN_FLIGHT,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.sandbox = sandbox
        self.inbox = inbox
        self.ledger = ledger or str(folder / "ledger")
        self.at_once = at_once
        self.environment = environment or {}
        self.workspace = local_place(folder / "workspace")
        images = make_load_images(folder / "images", IN_FLIGHT, 2_000)
        (folder / "workspace" / "shards").mkdir(parents=True)
        planned = [PlannedImage(row, str(path), "vin", uri=str(path)) for row, path in enumerate(images, start=1)]
        (folder / "workspace" / "shards" / "00000.jsonl").write_text("".join(map(to_line, planned)))

    def start(self, try_number: int) -> subprocess.Popen[str]:
        shard = {
            "workspace": str(self.folder / "workspace"),
            "path": "shards/00000.jsonl",
            "index": 0,
            "images": IN_FLIGHT,
            "shards": 1,
            "roots": [str(self.folder / "images")],
            "manifest": str(self.folder / "images"),
        }
        name, connection = connection_env(
            self.sandbox.url, TOKEN, rate_per_s=200, max_in_flight=self.at_once, call_timeout_s=60
        )
        environment = {**os.environ, **self.environment} | {
            name: connection,
            "AIRFLOW_HOME": str(self.folder / "home"),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.folder}/none.db",
            "AIRFLOW__PLATEREC_OCR__LEDGER": self.ledger,
            "AIRFLOW__PLATEREC_OCR__INBOX": str(self.inbox or ""),
        }
        command = [sys.executable, "-c", TASK, json.dumps(shard), str(try_number)]
        with self._log(try_number).open("w") as log:
            return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)  # noqa: S603  # our own

    def _log(self, try_number: int) -> Path:
        return self.folder / f"try-{try_number}.log"

    def log(self, try_number: int) -> str:
        """Return what a try has logged so far."""
        return self._log(try_number).read_text()

    def end(self, process: subprocess.Popen[str]) -> dict[str, Any] | None:
        """Wait for a try's end, and return its counts, or nothing where it failed."""
        said, _ = process.communicate(timeout=PATIENCE_S)
        counts: dict[str, Any] | None = json.loads(said.splitlines()[-1]) if process.returncode == 0 else None
        return counts

    def finish(self, try_number: int) -> dict[str, Any]:
        """Let a try run to its end, and return its counts."""
        counts = self.end(self.start(try_number))
        assert counts is not None, self.log(try_number)
        return counts

    def attempts(self) -> list[tuple[Attempt, ...]]:
        """Return the history of each fingerprint in a ledger on the disk."""
        ledger = Ledger.peek(local_place(self.folder / "ledger"), lease_s=150, clock=SystemClock(), owner=Owner())
        prints = {path.name.partition(".")[0] for path in (self.folder / "ledger" / "vin").rglob("*.claim")}
        return [ledger.look("vin", fingerprint) for fingerprint in sorted(prints)]

    def outcomes(self) -> list[Outcome]:
        """Return how the images ended."""
        return best_outcomes(self.workspace, 0)


def kill(process: subprocess.Popen[str]) -> None:
    """Take the machine away: the task's process and the one that makes its calls, at once."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    for pid in (process.pid, *map(int, children)):
        os.kill(pid, signal.SIGKILL)
    process.communicate()
