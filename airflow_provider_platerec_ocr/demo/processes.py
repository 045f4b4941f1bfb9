"""Starting and stopping what the demo needs: the sandbox, and Airflow's own commands."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

from airflow_provider_platerec_ocr.demo.home import TOKEN, DemoError
from airflow_provider_platerec_ocr.demo.process_tree import running

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from airflow_provider_platerec_ocr.demo.home import DemoHome

READY_WITHIN_S = 120.0


@contextlib.contextmanager
def sandbox(home: DemoHome) -> Iterator[str]:
    """Run the sandbox with the real OCR engine, and give its base URL."""
    port = home.port()
    command = [sys.executable, "-m", "airflow_provider_platerec_ocr.sandbox", "--port", str(port), "--token", TOKEN]
    with home.log("sandbox").open("w") as output, running(command, output) as process:
        _await_ready(process, home)
        yield f"http://127.0.0.1:{port}"


def _await_ready(process: subprocess.Popen[bytes], home: DemoHome) -> None:
    until = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < until:
        if "listening on" in home.log("sandbox").read_text():
            return
        if process.poll() is not None:
            break
        time.sleep(0.2)
    message = f"The sandbox did not start; {home.log('sandbox')} ends with:\n{home.log('sandbox').read_text()[-2000:]}"
    raise DemoError(message)


def books(url: str) -> dict[str, Any]:
    """Return what the sandbox has billed since it started."""
    with urlopen(f"{url}/_sandbox/books", timeout=10) as response:  # noqa: S310  # loopback
        data: dict[str, Any] = json.load(response)
    return data


def airflow(home: DemoHome, environment: dict[str, str], *arguments: str, log: str) -> str:
    """Run one of Airflow's commands to its end and return what it printed."""
    command = [sys.executable, "-m", "airflow", *arguments]
    path = home.log(log)
    with path.open("w") as output, running(command, output, environment) as process:
        code = process.wait()
    said = path.read_text()
    if code:
        message = f"`airflow {' '.join(arguments[:2])}` failed; {path} ends with:\n{said[-3000:]}"
        raise DemoError(message)
    return said


@contextlib.contextmanager
def standalone(home: DemoHome, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run all of Airflow's parts until the block ends."""
    command = [sys.executable, "-m", "airflow", "standalone"]
    with home.log("standalone").open("w") as output, running(command, output, environment) as process:
        yield process
