"""Start the sandbox for a test: in a thread of this process, or as a process of its own.

Both give the same handle. The thread is fast to start and deterministic unless told otherwise; the process is for tests
that kill things, or that want the command line itself.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_provider_platerec_ocr.sandbox.api.server import serve
from airflow_provider_platerec_ocr.sandbox.state.options import Latency, Options, ReaderKind
from airflow_provider_platerec_ocr.sandbox.state.webhooks import WebhookSettings
from support.waiting import PATIENCE_S, until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from airflow_provider_platerec_ocr.sandbox.state.clock import Clock

TOKEN = "YOUR_API_TOKEN"


class Sandbox:
    """A running sandbox: its address, and its books."""

    def __init__(self, url: str, token: str = TOKEN, process: subprocess.Popen[str] | None = None) -> None:
        self.url = url
        """Base URL, ``http://127.0.0.1:PORT``, without a slash at the end."""
        self.token = token
        """A token that is good."""
        self.process = process
        """The process, for ``sandbox_process``."""

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Make one of the sandbox's own calls; an error status becomes an AssertionError with its text."""
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        if response.status != 200:
            message = f"{method} {path}: {response.status} {text}"
            raise AssertionError(message)
        answer: dict[str, Any] = json.loads(text)
        return answer

    def calls(self, since: int = 0) -> list[dict[str, Any]]:
        """All POSTs to the reader in order of arrival, or those after the first ``since``."""
        found: list[dict[str, Any]] = self.ask("GET", f"/_sandbox/calls?since={since}")["calls"]
        return found

    def books(self, grace_s: float = 0.1) -> dict[str, Any]:
        """The sums: billed, unique images, early starts, statuses, peak in flight."""
        return self.ask("GET", f"/_sandbox/books?grace_s={grace_s}")

    def state(self) -> dict[str, Any]:
        """Settings and accounts."""
        return self.ask("GET", "/_sandbox/state")

    def deliveries(self) -> list[dict[str, Any]]:
        """All attempts to deliver a webhook."""
        found: list[dict[str, Any]] = self.ask("GET", "/_sandbox/webhooks")["deliveries"]
        return found

    def control(self, **wishes: Any) -> dict[str, Any]:
        """Change settings while it runs; gives the new state."""
        return self.ask("POST", "/_sandbox/control", wishes)

    def wait_held(self, calls: int) -> None:
        """Return when exactly so many calls are held, see the kind ``hold`` of the fault script."""
        until(f"{calls} calls were never held", lambda: self.state()["held"] == calls)

    def let_go(self, *faults: str, **wishes: Any) -> dict[str, Any]:
        """Let the held calls go on; what comes later meets ``faults`` and the other settings. Gives the new state."""
        return self.control(faults=list(faults), **wishes)

    def reset(self) -> dict[str, Any]:
        """Go back to how it was started."""
        return self.ask("POST", "/_sandbox/reset")


@contextmanager
def running_sandbox(
    *,
    rate: float | None = None,
    faults: Sequence[str] = (),
    latency: str = "fast",
    webhook: str | None = None,
    clock: Clock | None = None,
    **options: Any,
) -> Iterator[Sandbox]:
    """Run a sandbox in a thread, on a free port, with the deterministic reader.

    :param rate: call starts per second; None for no limit.
    :param faults: the fault script, for example ``["every=7:503"]``.
    :param latency: ``fast``, ``api``, seconds or ``FROM-TO``.
    :param webhook: URL that answers are sent to.
    :param options: any other field of the sandbox's ``Options``: ``burst``, ``tokens``, ``quota``, ``used``, ``log`` …
    """
    hooks = WebhookSettings((webhook,) if webhook else (), timeout_s=PATIENCE_S)
    defaults: dict[str, Any] = {"reader": ReaderKind.DETERMINISTIC, "port": 0, "webhooks": hooks}
    settings = Options(rate_per_s=rate, faults=tuple(faults), latency=Latency.parse(latency), **(defaults | options))
    ready = threading.Event()
    started: list[str] = []
    failed: list[BaseException] = []
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def say_ready(url: str) -> None:
        started.append(url)
        ready.set()

    async def run() -> None:
        stopping = asyncio.Event()
        loops.append((asyncio.get_running_loop(), stopping))
        await serve(settings, say_ready, stopping, clock)

    def thread() -> None:
        try:
            asyncio.run(run())
        except BaseException as error:  # noqa: BLE001 - handed to the test's thread, which raises it
            failed.append(error)
        finally:
            ready.set()

    worker = threading.Thread(target=thread, name="sandbox", daemon=True)
    worker.start()
    ready.wait(PATIENCE_S)
    if failed or not started:
        message = "the sandbox did not start"
        raise RuntimeError(message) from (failed[0] if failed else None)
    try:
        yield Sandbox(started[0], _a_token(settings.tokens))
    finally:
        loop, stopping = loops[0]
        loop.call_soon_threadsafe(stopping.set)
        worker.join(PATIENCE_S)
        assert not worker.is_alive(), "the sandbox did not stop"
    if failed:
        raise failed[0]


@contextmanager
def sandbox_process(*arguments: str, log: Path | None = None) -> Iterator[Sandbox]:
    """Run ``python -m airflow_provider_platerec_ocr.sandbox --port 0`` with further arguments, as a process.

    Deterministic unless the arguments name another reader. Its standard error goes to this process's.
    """
    line = [sys.executable, "-m", "airflow_provider_platerec_ocr.sandbox", "--port", "0"]
    if "--reader" not in arguments:
        line += ["--reader", "deterministic"]
    if log is not None:
        line += ["--log", str(log)]
    process = subprocess.Popen([*line, *arguments], stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own program
    assert process.stdout is not None
    try:
        said = process.stdout.readline()
        if not said.startswith("sandbox listening on "):
            message = f"the sandbox did not start; it said {said!r}"
            raise RuntimeError(message)
        tokens = [value for option, value in pairwise(arguments) if option == "--token"]
        yield Sandbox(said.split()[-1], _a_token(tokens), process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_S)
        process.stdout.close()


def _a_token(tokens: Sequence[str]) -> str:
    return tokens[0].rpartition("=")[2] if tokens else TOKEN
