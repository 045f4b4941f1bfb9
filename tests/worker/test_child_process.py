from __future__ import annotations

import base64
import json
import logging
import os
import pickle
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRDatasetError, OCRDrained, OCRUnauthorized
from airflow_provider_platerec_ocr.core.fingerprint import fingerprint_bytes
from airflow_provider_platerec_ocr.core.models import Owner, PlannedImage
from airflow_provider_platerec_ocr.dataset.layout.lines import to_line
from airflow_provider_platerec_ocr.dataset.table.journal import best_outcomes
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from airflow_provider_platerec_ocr.storage.path import StoragePath
from airflow_provider_platerec_ocr.worker import child
from airflow_provider_platerec_ocr.worker.ended import Ended
from airflow_provider_platerec_ocr.worker.orphan_note import tell_notes
from airflow_provider_platerec_ocr.worker.parent import ChildProcess, parsed
from airflow_provider_platerec_ocr.worker.said_lines import Lines, LinesHandler
from airflow_provider_platerec_ocr.worker.travel import packed
from support.sandbox import running_sandbox
from support.shards import job
from support.stores import age_claims, local_place
from support.waiting import until

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.models import Outcome
    from airflow_provider_platerec_ocr.worker.job import ShardJob
    from support.sandbox import Sandbox

pytestmark = pytest.mark.slow  # each starts the process as the product does

PARENT = """
import pickle, sys
from airflow_provider_platerec_ocr.worker.parent import ChildProcess
with open(sys.argv[1], "rb") as file:
    process = ChildProcess(pickle.load(file))
print(process.pid, flush=True)
process.wait()
"""
"""A task's process, reduced to what it does with its child."""


def outcomes(work: ShardJob) -> list[Outcome]:
    return best_outcomes(work.workspace, 0)


def test_a_shard_is_read_in_a_child_that_tells_how_it_ended(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with running_sandbox() as sandbox, caplog.at_level("INFO"):
        work = job(tmp_path, sandbox, 20)

        ended = ChildProcess(work).wait()

        assert ended.error is None
        assert ended.counts["read"] == 20
        assert sandbox.books()["billed"] == 20
    assert len(outcomes(work)) == 20
    assert "20/20 done" in caplog.text


def test_an_error_travels_from_the_child_with_its_attributes(tmp_path: Path) -> None:
    with running_sandbox() as sandbox:
        ended = ChildProcess(job(tmp_path, sandbox, 3, token="wrong-token-000")).wait()

    assert isinstance(ended.error, OCRUnauthorized)
    assert ended.error.status == 401
    assert "wrong-token-000" not in repr(ended.error.__dict__)


def test_the_token_is_in_no_argument_and_no_variable_of_the_child(tmp_path: Path) -> None:
    with running_sandbox(faults=["always:hold"], tokens=("very-secret-token",)) as sandbox:
        process = ChildProcess(job(tmp_path, sandbox, 3, token="very-secret-token"))
        sandbox.wait_held(3)
        shown = b"".join(Path(f"/proc/{process.pid}/{name}").read_bytes() for name in ("cmdline", "environ"))
        process.stop()
        sandbox.let_go()
        process.wait()

    assert b"very-secret-token" not in shown


def test_a_stopped_child_finishes_what_is_in_flight_and_starts_nothing_new(tmp_path: Path) -> None:
    with running_sandbox(latency="2", faults=["always:hold"]) as sandbox:
        work = job(tmp_path, sandbox, 40, at_once=10)
        process = ChildProcess(
            pickle.loads(pickle.dumps(work))  # noqa: S301  # as it travels
        )
        sandbox.wait_held(10)

        process.stop()
        sandbox.let_go()
        ended = process.wait()

        assert isinstance(ended.error, OCRDrained)
        assert sandbox.books()["billed"] == len(outcomes(work)) == ended.counts["read"] >= 10


def test_a_child_whose_parent_is_killed_saves_every_call_in_flight_and_ends(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with running_sandbox(latency="2", faults=["always:hold"]) as sandbox:
        work = job(tmp_path, sandbox, 200, at_once=50)
        (tmp_path / "job").write_bytes(pickle.dumps(work))
        parent = subprocess.Popen(  # noqa: S603  # our own text
            [sys.executable, "-c", PARENT, str(tmp_path / "job")], stdout=subprocess.PIPE
        )
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        sandbox.wait_held(50)

        parent.send_signal(signal.SIGKILL)
        parent.wait()
        parent.stdout.close()
        sandbox.let_go()
        until("the child never ended", lambda: not _alive(child))

        books = sandbox.books()
        assert books["in_flight"] == 0
        assert 50 <= books["billed"] < 200
        assert len(outcomes(work)) == books["billed"]

        again = job(tmp_path, sandbox, 200, try_number=2)
        with caplog.at_level("INFO"):
            tell_notes(again)
        ended = ChildProcess(again).wait()

        assert ended.error is None
        assert sandbox.books()["billed"] == 200
        assert sandbox.books()["billed_more_than_once"] == {}
    assert "Try 1 was ended from outside" in caplog.text


def test_a_child_that_is_killed_while_rejections_wait_leaves_each_in_doubt_named_and_sent_once_more(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with running_sandbox(faults=["nth=1-6:400", "nth=7:hold"]) as sandbox:
        work = job(tmp_path, sandbox, 7)
        process = ChildProcess(work)
        sandbox.wait_held(1)
        until("six were not rejected", lambda: len([each for each in sandbox.calls() if each["status"] == 400]) == 6)
        os.kill(process.pid, signal.SIGKILL)
        with pytest.raises(OCRDrained, match="without a word"):
            process.wait()
        sandbox.let_go()
        assert not list(Path(work.ledger.path).rglob("*.rejected"))

        age_claims(Path(work.ledger.path), work.settings.lease_s + 1.0)
        with caplog.at_level("INFO"):
            ended = ChildProcess(job(tmp_path, sandbox, 7, try_number=2)).wait()

        assert (ended.error, ended.counts["read"], ended.counts["resent"]) == (None, 7, 7)
        assert sandbox.books()["posts"] == 14
    assert caplog.text.count("may have been billed, and its answer is lost") == 7


def test_urls_that_the_api_could_not_fetch_are_no_doubt_and_are_read_by_the_next_night(tmp_path: Path) -> None:
    with running_sandbox(faults=["nth=1-3:400"]) as sandbox:
        nights = [url_job(tmp_path, sandbox, f"night-{number}") for number in (1, 1, 2)]
        found = [ChildProcess(work).wait() for work in nights[:1]]
        found += [ChildProcess(replace(nights[1], owner=replace(nights[1].owner, try_number=2))).wait()]
        posts = sandbox.books()["posts"]
        found += [ChildProcess(nights[2]).wait()]

        assert [(each.error, each.counts["failed"], each.counts["read"]) for each in found] == [
            (None, 3, 0),
            (None, 3, 0),
            (None, 0, 3),
        ]
        assert (posts, sandbox.books()["posts"]) == (3, 6), "once in each run"
        assert sandbox.books()["billed"] == 3


def url_job(tmp_path: Path, sandbox: Sandbox, night: str) -> ShardJob:
    work = job(tmp_path, sandbox, 3)
    urls = [f"{sandbox.url}/nowhere/{row}.jpg" for row in range(1, 4)]
    rows = [PlannedImage(row=row, image=url, type="vin", upload_url=url) for row, url in enumerate(urls, start=1)]
    workspace = local_place(tmp_path / night)
    (tmp_path / night / "shards").mkdir(parents=True, exist_ok=True)
    (tmp_path / night / "shards" / "00000.jsonl").write_text("".join(map(to_line, rows)))
    return replace(work, workspace=workspace, owner=Owner("dag", night, "read", 0))


def test_a_child_that_dies_without_a_word_is_a_typed_error(tmp_path: Path) -> None:
    with running_sandbox(faults=["always:hold"]) as sandbox:
        process = ChildProcess(job(tmp_path, sandbox, 5))
        sandbox.wait_held(5)
        os.kill(process.pid, signal.SIGKILL)

        with pytest.raises(OCRDrained, match="without a word"):
            process.wait()


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Sink:
    """A parent's end of the pipe, in this process."""

    def __init__(self, *, broken: bool = False) -> None:
        self.lines: list[bytes] = []
        self._broken = broken

    def write(self, data: bytes) -> int:
        if self._broken:
            raise BrokenPipeError
        self.lines.append(data)
        return len(data)

    def flush(self) -> None:
        pass


def run_here(work: ShardJob, sink: Sink, *, stop: bool = False, orphan: bool = False) -> int:
    """Run the child's main in this process, where its lines are measured."""
    source, ours = os.pipe()
    data = packed(work)
    os.write(ours, len(data).to_bytes(8, "big") + data + (child.STOP if stop else b""))
    if orphan:
        os.close(ours)
    try:
        return child.main(source, Lines(cast("BinaryIO", sink)))
    finally:
        if not orphan:
            os.close(ours)


@pytest.mark.parametrize("how", ["stop", "orphan"])
def test_a_child_that_is_told_to_stop_or_orphaned_starts_nothing_new(tmp_path: Path, how: str) -> None:
    with running_sandbox(latency="0.5") as sandbox:
        work = job(tmp_path, sandbox, 300)
        work = replace(work, settings=replace(work.settings, rate_per_s=5))

        run_here(work, Sink(), stop=how == "stop", orphan=how == "orphan")

        assert sandbox.books()["posts"] < 300
        assert sandbox.books()["billed"] == len(outcomes(work))


@pytest.mark.parametrize("line", [b'{"ended": "gASV', b"[1]\n", b"\n"])
def test_a_line_that_the_childs_death_cut_off_says_nothing(line: bytes) -> None:
    assert parsed(line) == {}


def test_notes_of_other_shards_are_not_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with running_sandbox() as sandbox:
        work = job(tmp_path, sandbox, 1)
        run_here(work, Sink(broken=True))

    with caplog.at_level("INFO"):
        tell_notes(replace(work, index=1))

    assert "ended from outside" not in caplog.text


def test_spilled_answers_are_taken_in_before_anything_is_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with running_sandbox() as sandbox, caplog.at_level("INFO"):
        work = job(tmp_path, sandbox, 1)
        fingerprint = fingerprint_bytes(sandbox.url, "vin", (tmp_path / "images" / "load_000001.jpg").read_bytes())
        earlier = Ledger.open(
            work.ledger, lease_s=95, clock=SystemClock(), owner=Owner("dag", "old"), spill=tmp_path / "spill"
        )
        claim = earlier.claim("vin", fingerprint, 1, {})
        assert claim is not None
        earlier.spill_answer(claim, {"results": []}, {})

        run_here(work, Sink())

        assert sandbox.books()["posts"] == 0
    assert "1 spilled answer moved into the ledger" in caplog.text


def test_the_child_says_how_it_ended_on_its_last_line(tmp_path: Path) -> None:
    with running_sandbox() as sandbox:
        sink = Sink()

        code = run_here(job(tmp_path, sandbox, 5), sink)

    assert code == 0
    ended = pickle.loads(base64.b64decode(json.loads(sink.lines[-1])["ended"]))  # noqa: S301  # just written
    assert ended.counts["read"] == 5


def test_a_child_without_a_listener_leaves_a_note(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with running_sandbox() as sandbox:
        work = job(tmp_path, sandbox, 5)

        run_here(work, Sink(broken=True))

    with caplog.at_level("INFO"):
        tell_notes(work)
    assert "5 read in all" in caplog.text


def test_a_shard_that_is_not_there_ends_with_its_error(tmp_path: Path) -> None:
    with running_sandbox() as sandbox:
        sink = Sink()

        run_here(replace(job(tmp_path, sandbox, 1), path="shards/00009.jsonl"), sink)

    ended = pickle.loads(base64.b64decode(json.loads(sink.lines[-1])["ended"]))  # noqa: S301  # just written
    assert isinstance(ended.error, OCRDatasetError)


def test_an_error_that_cannot_travel_goes_as_its_text() -> None:
    class LocalError(Exception):
        """Lives in a function, so that no other process can find it."""

    error = LocalError("odd")
    error.add_note("1 of 2 images is done and saved")

    ended = pickle.loads(child.pickled(Ended({"read": 1}, error)))  # noqa: S301  # just written

    assert (ended.counts, str(ended.error)) == ({"read": 1}, "LocalError: odd")
    assert ended.error.__notes__ == ["1 of 2 images is done and saved"]


def test_a_parent_that_dies_before_the_job_is_sent_begins_nothing() -> None:
    source, ours = os.pipe()
    os.write(ours, (100).to_bytes(8, "big") + b"half a job")
    os.close(ours)

    with pytest.raises(EOFError):
        child.main(source, Lines(cast("BinaryIO", Sink())))


def test_log_records_travel_with_their_traceback() -> None:
    sink = Sink()
    logger = logging.getLogger("platerec.test")
    handler = LinesHandler(Lines(cast("BinaryIO", sink)))
    logger.addHandler(handler)

    try:
        raise ValueError("why")  # noqa: EM101, TRY301
    except ValueError:
        logger.exception("what happened")
    handler.handle(logging.makeLogRecord({"msg": "%d of them", "args": ("two",), "levelno": logging.WARNING}))
    handler.drain(5)

    record = json.loads(sink.lines[0])
    assert (record["log"], record["level"]) == ("platerec.test", logging.ERROR)
    assert "ValueError: why" in record["text"]
    assert "'%d of them' could not be formatted: TypeError" in json.loads(sink.lines[1])["text"]


def test_images_on_a_store_are_read_on_the_file_system_of_their_root(tmp_path: Path) -> None:
    with running_sandbox() as sandbox:
        work = job(tmp_path, sandbox, 1)
    bucket = StoragePath(MemoryFileSystem(), "/bucket/yard", "memory")
    on_store = replace(work, roots=(bucket,))

    assert on_store.place_of("memory://conn@bucket/yard/a.jpg").path == "/bucket/yard/a.jpg"
    assert on_store.place_of("s3://other/a.jpg").path == "other/a.jpg"
    assert on_store.place_of("/data/a.jpg") == StoragePath(None, "/data/a.jpg", "file")
