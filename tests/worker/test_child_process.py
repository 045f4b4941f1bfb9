from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.core.errors import OCRDrained, OCRUnauthorized
from airflow_provider_platerec_ocr.core.models import Owner, PlannedImage
from airflow_provider_platerec_ocr.core.settings import ClientSettings, Timeouts
from airflow_provider_platerec_ocr.dataset.journal import best_outcomes
from airflow_provider_platerec_ocr.dataset.lines import to_line
from airflow_provider_platerec_ocr.sandbox.samples import make_load_images
from airflow_provider_platerec_ocr.worker.job import ShardJob
from airflow_provider_platerec_ocr.worker.note import tell_notes
from airflow_provider_platerec_ocr.worker.parent import ShardProcess
from support.sandbox import running_sandbox
from support.stores import local_place

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_platerec_ocr.core.models import Outcome
    from support.sandbox import Sandbox

PARENT = """
import pickle, sys
from airflow_provider_platerec_ocr.worker.parent import ShardProcess
with open(sys.argv[1], "rb") as file:
    process = ShardProcess(pickle.load(file))
print(process.pid, flush=True)
process.wait()
"""
"""A task's process, reduced to what it does with its child."""


def job(tmp_path: Path, sandbox: Sandbox, count: int, *, try_number: int = 1, token: str | None = None) -> ShardJob:
    images = tmp_path / "images"
    if not images.exists():
        make_load_images(images, count, 2_000)
    workspace = tmp_path / "workspace"
    (workspace / "shards").mkdir(parents=True, exist_ok=True)
    planned = [
        PlannedImage(row=row, image=str(path), type="vin", uri=str(path))
        for row, path in enumerate(sorted(images.glob("*.jpg")), 1)
    ]
    (workspace / "shards" / "00000.jsonl").write_text("".join(to_line(image) for image in planned))
    return ShardJob(
        settings=ClientSettings(
            token=token or sandbox.token, base_url=sandbox.url, rate_per_s=500, timeouts=Timeouts(call_s=30, save_s=5)
        ),
        owner=Owner("dag", "run", "read", 0, try_number),
        ledger=local_place(tmp_path / "ledger"),
        spill=tmp_path / "spill",
        workspace=local_place(workspace),
        path="shards/00000.jsonl",
        index=0,
        images=count,
        shards=1,
        roots=(local_place(images),),
    )


def outcomes(work: ShardJob) -> list[Outcome]:
    return best_outcomes(work.workspace, 0)


def until(what: str, check: object, within_s: float = 20.0) -> None:
    end = time.monotonic() + within_s
    while not check():  # type: ignore[operator]  # any callable
        assert time.monotonic() < end, what
        time.sleep(0.05)


def test_a_shard_is_read_in_a_child_that_tells_how_it_ended(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with running_sandbox() as sandbox, caplog.at_level("INFO"):
        work = job(tmp_path, sandbox, 20)

        ended = ShardProcess(work).wait()

        assert ended.error is None
        assert ended.counts["read"] == 20
        assert sandbox.books()["billed"] == 20
    assert len(outcomes(work)) == 20
    assert "20/20 done" in caplog.text


def test_an_error_travels_from_the_child_with_its_attributes(tmp_path: Path) -> None:
    with running_sandbox() as sandbox:
        ended = ShardProcess(job(tmp_path, sandbox, 3, token="wrong-token-000")).wait()

    assert isinstance(ended.error, OCRUnauthorized)
    assert ended.error.status == 401
    assert "wrong-token-000" not in repr(ended.error.__dict__)


def test_the_token_is_in_no_argument_and_no_variable_of_the_child(tmp_path: Path) -> None:
    with running_sandbox(latency="1", tokens=("very-secret-token",)) as sandbox:
        process = ShardProcess(job(tmp_path, sandbox, 3, token="very-secret-token"))
        shown = b"".join(
            (open(f"/proc/{process.pid}/{name}", "rb")).read()  # noqa: PTH123, SIM115  # procfs
            for name in ("cmdline", "environ")
        )
        process.stop()
        process.wait()

    assert b"very-secret-token" not in shown


def test_a_stopped_child_finishes_what_is_in_flight_and_starts_nothing_new(tmp_path: Path) -> None:
    with running_sandbox(latency="2") as sandbox:
        work = job(tmp_path, sandbox, 40)
        process = ShardProcess(
            pickle.loads(pickle.dumps(work))  # noqa: S301  # as it travels
        )
        until("nothing in flight", lambda: sandbox.books()["in_flight"] >= 10)

        process.stop()
        ended = process.wait()

        assert isinstance(ended.error, OCRDrained)
        assert sandbox.books()["billed"] == len(outcomes(work)) == ended.counts["read"]


def test_a_child_whose_parent_is_killed_saves_every_call_in_flight_and_ends(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with running_sandbox(latency="3") as sandbox:
        work = job(tmp_path, sandbox, 200)
        (tmp_path / "job").write_bytes(pickle.dumps(work))
        parent = subprocess.Popen(  # noqa: S603  # our own text
            [sys.executable, "-c", PARENT, str(tmp_path / "job")], stdout=subprocess.PIPE
        )
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        until("too few in flight", lambda: sandbox.books()["in_flight"] >= 50)

        parent.send_signal(signal.SIGKILL)
        parent.wait()
        until("the child never ended", lambda: not _alive(child))

        books = sandbox.books()
        assert books["in_flight"] == 0
        assert 50 <= books["billed"] < 200
        assert len(outcomes(work)) == books["billed"]

        again = job(tmp_path, sandbox, 200, try_number=2)
        with caplog.at_level("INFO"):
            tell_notes(again)
        ended = ShardProcess(again).wait()

        assert ended.error is None
        assert sandbox.books()["billed"] == 200
        assert sandbox.books()["billed_more_than_once"] == {}
    assert "Try 1 was ended from outside" in caplog.text


def test_a_child_that_dies_without_a_word_is_a_typed_error(tmp_path: Path) -> None:
    with running_sandbox(latency="5") as sandbox:
        process = ShardProcess(job(tmp_path, sandbox, 5))
        until("nothing in flight", lambda: sandbox.books()["in_flight"] >= 1)
        os.kill(process.pid, signal.SIGKILL)

        with pytest.raises(OCRDrained, match="without a word"):
            process.wait()


def _alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123  # procfs
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
