"""kill -9 with fifty calls in flight: with webhooks on nothing is sent again and nothing is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.models import Owner, PlannedImage
from airflow_provider_platerec_ocr.dataset.journal import best_outcomes
from airflow_provider_platerec_ocr.dataset.lines import to_line
from airflow_provider_platerec_ocr.engine.ledger import Ledger
from airflow_provider_platerec_ocr.sandbox.samples import make_load_images
from support.airflow_home import connection_env
from support.receiver import receiving
from support.sandbox import TOKEN, running_sandbox
from support.stores import age_claims, local_place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_platerec_ocr.core.claims import Attempt
    from airflow_provider_platerec_ocr.core.models import Outcome
    from support.sandbox import Sandbox

pytestmark = [pytest.mark.slow]

IN_FLIGHT = 50
OVER_S = 200
"""More than the lease of a call: 30 s to send it, 20 s for the call, 60 s to save its answer."""
TASK = """
import json, sys
from types import SimpleNamespace
from airflow_provider_platerec_ocr.operators.read_batch import OCRReadBatchOperator
shard, try_number = json.loads(sys.argv[1]), int(sys.argv[2])
ti = SimpleNamespace(
    dag_id="nightly", run_id="night", task_id="read", map_index=0, try_number=try_number, max_tries=3
)
print(json.dumps(OCRReadBatchOperator(task_id="read", shard=shard).execute({"ti": ti})), flush=True)
"""
"""A task's process: the operator's own execute()."""


class Yard:
    """One shard of fifty images, and the tries of its task, each in a process of its own."""

    def __init__(self, folder: Path, sandbox: Sandbox, inbox: Path | None) -> None:
        self.folder = folder
        self.sandbox = sandbox
        self.inbox = inbox
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
        name, connection = connection_env(self.sandbox.url, TOKEN, rate_per_s=200, call_timeout_s=20)
        environment = os.environ | {
            name: connection,
            "AIRFLOW_HOME": str(self.folder / "home"),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.folder}/none.db",
            "AIRFLOW__PLATEREC_OCR__LEDGER": str(self.folder / "ledger"),
            "AIRFLOW__PLATEREC_OCR__INBOX": str(self.inbox or ""),
        }
        command = [sys.executable, "-c", TASK, json.dumps(shard), str(try_number)]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)  # noqa: S603  # our own

    def finish(self, try_number: int) -> dict[str, Any]:
        """Let a try run to its end, and return its counts."""
        process = self.start(try_number)
        said, _ = process.communicate(timeout=120)
        assert process.returncode == 0, said
        counts: dict[str, Any] = json.loads(said.splitlines()[-1])
        return counts

    def attempts(self) -> list[tuple[Attempt, ...]]:
        ledger = Ledger.peek(local_place(self.folder / "ledger"), lease_s=110, clock=SystemClock(), owner=Owner())
        prints = {path.name.partition(".")[0] for path in (self.folder / "ledger" / "vin").rglob("*.claim")}
        return [ledger.look("vin", fingerprint) for fingerprint in sorted(prints)]

    def outcomes(self) -> list[Outcome]:
        return best_outcomes(self.workspace, 0)


def kill(process: subprocess.Popen[str]) -> None:
    """Take the machine away: the task's process and the one that makes its calls, at once."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    for pid in (process.pid, *map(int, children)):
        os.kill(pid, signal.SIGKILL)
    process.communicate()


def until(done: Callable[[], bool], within_s: float = 60) -> None:
    end = time.monotonic() + within_s
    while not done():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture
def yard(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Yard]:
    """The yard, with webhooks or without them."""
    with ExitStack() as stack:
        inbox = tmp_path / "inbox" if request.param else None
        webhook = stack.enter_context(receiving(inbox)) if inbox else None
        sandbox = stack.enter_context(running_sandbox(latency="5", webhook=webhook, rename_files=True))
        yield Yard(tmp_path, sandbox, inbox)


@pytest.mark.parametrize("yard", [True], indirect=True)
def test_kill_9_with_fifty_calls_in_flight_resends_nothing_and_loses_nothing(yard: Yard) -> None:
    first = yard.start(1)
    until(lambda: len(yard.sandbox.calls()) == IN_FLIGHT)
    kill(first)
    assert not any(attempt.end for history in yard.attempts() for attempt in history)
    until(lambda: len(list((yard.folder / "inbox" / "payloads").rglob("*.json"))) == IN_FLIGHT)
    age_claims(yard.folder / "ledger", OVER_S)

    counts = yard.finish(2)

    books = yard.sandbox.books()
    print(f"\nsecond try: {counts}\nbooks: {books['posts']} calls, {books['billed']} billed")  # noqa: T201
    assert (books["posts"], books["billed"], books["billed_more_than_once"]) == (IN_FLIGHT, IN_FLIGHT, {})
    assert (counts["read"], counts["from_ledger"], counts["calls"], counts["resent"]) == (IN_FLIGHT, IN_FLIGHT, 0, 0)
    outcomes = yard.outcomes()
    assert [outcome.status for outcome in outcomes] == ["read"] * IN_FLIGHT
    assert sum(outcome.calls_billed for outcome in outcomes) == IN_FLIGHT
    histories = yard.attempts()
    assert [len(history) for history in histories] == [1] * IN_FLIGHT
    assert {(history[0].payload or {})["settled"]["by"] for history in histories} == {"webhook"}


@pytest.mark.parametrize("yard", [False], indirect=True)
def test_without_webhooks_the_same_kill_sends_each_call_once_more(yard: Yard) -> None:
    first = yard.start(1)
    until(lambda: len(yard.sandbox.calls()) == IN_FLIGHT)
    kill(first)
    age_claims(yard.folder / "ledger", OVER_S)

    counts = yard.finish(2)

    assert (counts["calls"], counts["resent"]) == (IN_FLIGHT, IN_FLIGHT)
    assert yard.sandbox.books()["posts"] == 2 * IN_FLIGHT
