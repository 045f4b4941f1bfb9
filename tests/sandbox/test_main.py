"""The sandbox as a program: the ready line, a clean stop, and plain words when it cannot start."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.sandbox.__main__ import main
from airflow_provider_platerec_ocr.sandbox.api.server import serve
from airflow_provider_platerec_ocr.sandbox.state.options import Options, ReaderKind
from support.sandbox import sandbox_process
from support.waiting import PATIENCE_S, until

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = [sys.executable, "-m", "airflow_provider_platerec_ocr.sandbox"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly_even_with_a_call_hanging(number: signal.Signals, tmp_path: Path) -> None:
    log = tmp_path / "calls.jsonl"
    with sandbox_process("--fault", "always:hang", log=log) as sandbox:
        assert sandbox.process is not None
        host, port = sandbox.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as client:
            client.sendall(
                b"POST /v1/ocr/reader/ HTTP/1.1\r\nHost: x\r\nAuthorization: Token YOUR_API_TOKEN\r\n"
                b"Content-Length: 2\r\n\r\nab"
            )
            until("the call never hung", lambda: [call for call in sandbox.calls() if call["fault"]])
            sandbox.process.send_signal(number)
            assert sandbox.process.wait(PATIENCE_S) == 0
    assert '"fault": "always:hang"' in log.read_text()


def test_a_port_that_is_taken_is_one_line_and_status_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        line = [*PROGRAM, "--reader", "deterministic", "--port", str(taken.getsockname()[1])]
        done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=PATIENCE_S)  # noqa: S603 - our own program
    assert done.returncode == 1
    assert done.stderr.startswith("sandbox: cannot start: ")
    assert done.stderr.count("\n") == 1


def test_a_log_that_cannot_be_written_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--reader", "deterministic", "--port", "0", "--log", str(tmp_path / "no" / "calls.jsonl")]) == 1
    assert "No such file or directory" in capsys.readouterr().err


def test_without_the_engine_the_extra_is_named(tmp_path: Path) -> None:
    # A folder whose `rapidocr` cannot be imported stands in front of the installed one.
    (tmp_path / "rapidocr.py").write_text("raise ImportError('No module named rapidocr')\n")
    done = subprocess.run(  # noqa: S603 - our own program
        [*PROGRAM, "--port", "0"],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
        env={"PYTHONPATH": str(tmp_path), "PATH": ""},
    )
    assert done.returncode == 1
    assert "install airflow-provider-platerec-ocr[sandbox] or use --reader deterministic" in done.stderr


def test_the_ready_line_names_the_port_and_stopping_ends_the_run() -> None:
    stopping = asyncio.Event()
    said: list[str] = []

    def ready(url: str) -> None:
        said.append(url)
        stopping.set()

    asyncio.run(serve(Options(port=0, reader=ReaderKind.DETERMINISTIC), ready, stopping))
    assert said[0].startswith("http://127.0.0.1:")
    assert int(said[0].rpartition(":")[2]) > 0
