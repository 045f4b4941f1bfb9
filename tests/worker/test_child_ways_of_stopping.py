"""Signals, pipes and limits: whatever happens to the child, calls in flight are finished and their answers saved."""

from __future__ import annotations

import logging
import os
import pickle
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from airflow_provider_platerec_ocr.core.errors import OCRDrained, OCRIncomplete
from airflow_provider_platerec_ocr.core.settings import ClientSettings
from airflow_provider_platerec_ocr.worker import child
from airflow_provider_platerec_ocr.worker.drain_signals import DRAINS, DrainSignals
from airflow_provider_platerec_ocr.worker.parent import ChildProcess, without_working_directory
from airflow_provider_platerec_ocr.worker.said_lines import MOST_LINES, Lines, LinesHandler
from support.alarms import TimesUp, alarm
from support.odd_jobs import Chatty, Fails, Prints
from support.sandbox import running_sandbox
from support.shards import answers_in, job
from support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

pytestmark = pytest.mark.slow  # each starts the process as the product does

TESTS = Path(__file__).parents[1]


@pytest.fixture
def own_handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in DRAINS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", DRAINS, ids=lambda number: signal.Signals(number).name)
def test_a_signal_to_the_child_drains_it(tmp_path: Path, number: int) -> None:
    with running_sandbox(latency="2", faults=["always:hold"]) as sandbox:
        work = job(tmp_path, sandbox, 200, at_once=10)
        process = ChildProcess(work)
        sandbox.wait_held(10)
        os.kill(process.pid, number)
        sandbox.let_go()
        ended = process.wait()

        billed = sandbox.books()["billed"]
    assert isinstance(ended.error, OCRDrained)
    assert signal.Signals(number).name in str(ended.error)
    assert ended.error.__notes__ == [f"{billed} of 200 images done and saved."]
    assert 10 <= billed < 200
    assert answers_in(work) == billed


INTERRUPTED = """
import pickle, sys
from airflow_provider_platerec_ocr.worker.parent import ChildProcess

class Heard:
    def __init__(self, pipe):
        self.close, self.lines = pipe.close, pipe

    def __iter__(self):
        print("waiting", flush=True)
        return iter(self.lines)

with open(sys.argv[1], "rb") as file:
    process = ChildProcess(pickle.load(file))
process._said = Heard(process._said)
try:
    process.wait()
except KeyboardInterrupt:
    print("stopped", flush=True)
    process._process.wait()
"""
"""A task's process that lives on for a while after Ctrl-C, as that of ``airflow dags test`` does."""


def test_ctrl_c_of_the_task_starts_nothing_new(tmp_path: Path) -> None:
    with running_sandbox(latency="2", faults=["always:hold"]) as sandbox:
        work = job(tmp_path, sandbox, 200, at_once=10)
        (tmp_path / "job").write_bytes(pickle.dumps(work))
        task = subprocess.Popen(  # noqa: S603  # our own code
            [sys.executable, "-c", INTERRUPTED, str(tmp_path / "job")], stdout=subprocess.PIPE, text=True
        )
        assert task.stdout is not None
        waiting = task.stdout.readline()  # a signal that comes before would be another story
        sandbox.wait_held(10)
        task.send_signal(signal.SIGINT)
        stopped = task.stdout.readline()
        sandbox.let_go()
        task.communicate()

        books = sandbox.books()
    assert (waiting, stopped) == ("waiting\n", "stopped\n")
    assert 10 <= books["posts"] < 200
    assert answers_in(work) == books["billed"] == books["posts"]


@pytest.mark.usefixtures("own_handlers")
def test_a_signal_before_the_reading_begins_is_kept_for_it() -> None:
    signals = DrainSignals()
    signal.raise_signal(signal.SIGTERM)
    heard: list[Exception] = []
    signals.begin(heard.append)
    signal.raise_signal(signal.SIGHUP)

    assert ["SIGTERM" in str(heard[0]), "SIGHUP" in str(heard[1])] == [True, True]


class Deaf:
    """A pipe whose reader reads nothing until it is told to."""

    def __init__(self) -> None:
        self.reads = threading.Event()
        self.lines: list[bytes] = []

    def write(self, data: bytes) -> int:
        self.reads.wait()
        self.lines.append(data)
        return len(data)

    def flush(self) -> None:
        pass


def test_a_parent_that_does_not_read_holds_up_no_answer() -> None:
    parent = Deaf()
    handler = LinesHandler(Lines(cast("BinaryIO", parent)))
    for number in range(MOST_LINES + 100):  # a handler that waits for the parent would never get through this
        handler.handle(logging.makeLogRecord({"msg": str(number), "levelno": logging.INFO}))
    parent.reads.set()
    handler.drain(60)

    assert len(parent.lines) <= MOST_LINES + 2
    assert any(b" dropped: nobody read them in time" in line for line in parent.lines)


@pytest.fixture
def odd_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(TESTS))  # where the child finds them


@pytest.mark.usefixtures("odd_jobs")
def test_a_pipe_that_nobody_reads_stops_neither_the_loop_nor_an_answer(tmp_path: Path) -> None:
    with running_sandbox() as sandbox:
        work = job(tmp_path, sandbox, 20)
        process = ChildProcess(Chatty(work))
        until("answers did not come", lambda: answers_in(work) == 20)

        assert sandbox.books()["billed"] == 20
    assert process.wait().counts["read"] == 20


@pytest.mark.usefixtures("odd_jobs")
def test_what_is_printed_in_the_child_is_logged_and_holds_nothing_up(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        ended = ChildProcess(Prints(ClientSettings(token="t"))).wait()

    assert (ended.error, ended.counts) == (None, {"read": 0})
    assert ("stdout", "INFO", "by print and more on one line") in lines_of(caplog)
    assert ("stderr", "WARNING", "to standard error") in lines_of(caplog)
    assert any(text.startswith("past Python") for _, _, text in lines_of(caplog))


@pytest.mark.usefixtures("odd_jobs")
def test_an_error_that_nobody_expects_travels_and_its_traceback_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    ended = ChildProcess(Fails(ClientSettings(token="t"))).wait()

    assert isinstance(ended.error, ZeroDivisionError)
    assert "odd_jobs.py" in caplog.text


def lines_of(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, str]]:
    return [(record.name, record.levelname, record.getMessage()) for record in caplog.records]


@pytest.mark.parametrize("python_path", [None, "", ":", ":/opt/ours", ".", "./"])
def test_the_working_directory_is_not_on_the_childs_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, python_path: str | None
) -> None:
    (tmp_path / "secrets.py").write_text("raise RuntimeError('not the standard library')")
    monkeypatch.chdir(tmp_path)
    if python_path is None:
        monkeypatch.delenv("PYTHONPATH", raising=False)
    else:
        monkeypatch.setenv("PYTHONPATH", python_path)
    with running_sandbox() as sandbox:
        ended = ChildProcess(job(tmp_path, sandbox, 3)).wait()

    assert (ended.error, ended.counts["read"]) == (None, 3)


def test_what_holds_the_package_stays_on_the_childs_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(TESTS.parent)

    assert without_working_directory("::/opt/ours:lib:.") == "/opt/ours:."


def test_a_child_that_nobody_waits_for_any_more_is_reaped(tmp_path: Path) -> None:
    with running_sandbox(faults=["always:hold"]) as sandbox:
        process = ChildProcess(job(tmp_path, sandbox, 3))
        with pytest.raises(TimesUp), alarm(TimesUp(), when=lambda: sandbox.wait_held(3)):
            process.wait()
        sandbox.let_go()

        until("it is still there", lambda: not Path(f"/proc/{process.pid}").exists())

        assert sandbox.books()["billed"] == 3


def test_the_child_raises_its_limit_of_open_files() -> None:
    code = (
        "import resource as r; _, hard = r.getrlimit(r.RLIMIT_NOFILE); r.setrlimit(r.RLIMIT_NOFILE, (200, hard));"
        "from airflow_provider_platerec_ocr.worker.child import raise_file_limit; raise_file_limit();"
        "print(r.getrlimit(r.RLIMIT_NOFILE)[0])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603  # ours
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]

    assert int(done.stdout) == min(hard if hard != resource.RLIM_INFINITY else child.MOST_FILES, child.MOST_FILES)


def test_notes_of_an_error_survive_the_way_to_the_parent() -> None:
    error = OCRIncomplete("Some are missing.", retry=False)
    error.add_note("7 of 9 images done and saved")

    again = pickle.loads(pickle.dumps(error))  # noqa: S301  # our own

    assert again.__notes__ == ["7 of 9 images done and saved"]
