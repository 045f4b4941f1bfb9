"""The receiver of webhooks for tests: the app without a server, and the real command as a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.webhook.app import build_app
from airflow_provider_platerec_ocr.webhook.inbox import Inbox
from airflow_provider_platerec_ocr.webhook.receiver import Listener
from airflow_provider_platerec_ocr.webhook.settings import ReceiverSettings
from support.stores import local_place
from support.waiting import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fastapi import FastAPI

SECRET = "good-secret-of-32-characters-xxx"
OTHER_SECRET = "next-secret-of-32-characters-xxx"
PATH = f"/webhook/{SECRET}"


@dataclass
class Receiver:
    """The app over an inbox on the local disk, and how to ask it."""

    app: FastAPI
    inbox: Inbox
    folder: Path

    def ask(self, method: str = "POST", path: str = PATH, **request: Any) -> httpx.Response:
        """Send one request to the app, without a server and without its lifespan."""
        return self.ask_all([(method, path, request)])[0]

    def ask_all(
        self, requests: list[tuple[str, str, dict[str, Any]]], *, peer: str = "127.0.0.1"
    ) -> list[httpx.Response]:
        """Send requests one after the other from an address."""

        async def run() -> list[httpx.Response]:
            transport = httpx.ASGITransport(self.app, client=(peer, 5))
            async with httpx.AsyncClient(transport=transport, base_url="http://receiver") as client:
                return [await client.request(method, path, **more) for method, path, more in requests]

        return asyncio.run(run())

    def kept(self) -> list[dict[str, Any]]:
        """Return the data of all payloads, whatever their age."""
        return [payload.data for payload in self.inbox.scan(settle_s=-1)]

    def files(self) -> set[str]:
        """Return the relative paths of the inbox's files."""
        return {file.relative_to(self.folder).as_posix() for file in self.folder.rglob("*") if file.is_file()}


def receiver(
    folder: Path,
    settings: ReceiverSettings | None = None,
    **more: Any,
) -> Receiver:
    """Return the app over an inbox in ``folder``.

    :param more: ``clock``, ``open_inbox``, and what a ``Listener`` takes.
    """
    clock = more.pop("clock", SystemClock())
    inbox = Inbox(local_place(folder), clock=clock)
    open_inbox = more.pop("open_inbox", lambda: inbox)
    app = build_app(settings or ReceiverSettings((SECRET,)), open_inbox, clock=clock, listener=Listener(**more))
    return Receiver(app, inbox, folder)


@dataclass
class ReceiverProcess:
    """The command, running."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def post(self, payload: dict[str, Any], **more: Any) -> int:
        """Deliver a payload and return the status."""
        return httpx.post(f"{self.url}{PATH}", json=payload, timeout=PATIENCE_S, **more).status_code

    def kill(self) -> None:
        """End it as ``kill -9`` does."""
        self.process.kill()
        self.process.wait(PATIENCE_S)

    def stop(self) -> int:
        """End it as ``kill`` does, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

    def memory_kb(self) -> int:
        """Return its resident memory."""
        with open(f"/proc/{self.process.pid}/status") as status:  # noqa: PTH123  # no path of ours
            return int(next(line for line in status if line.startswith("VmRSS")).split()[1])


@contextmanager
def receiver_process(
    folder: Path, inbox: str | Path, *options: str, environment: dict[str, str] | None = None
) -> Iterator[ReceiverProcess]:
    """Run the command on a free port of loopback; its log goes to ``folder``."""
    log = folder / f"receiver-{time.monotonic_ns()}.log"
    command = [sys.executable, "-m", "airflow_provider_platerec_ocr.webhook", "--port", "0", "--inbox", str(inbox)]
    mine = {key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW", "PLATEREC", "COVERAGE"))}
    mine |= {"AIRFLOW__PLATEREC_OCR__WEBHOOK_SECRETS": SECRET} | (environment or {})
    with log.open("wb") as output:
        process = subprocess.Popen([*command, *options], env=mine, stdout=output, stderr=output)  # noqa: S603  # ours
    try:
        yield ReceiverProcess(_url(process, log), process, log)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(PATIENCE_S)


def wait_for_answer(url: str, process: subprocess.Popen[bytes], log: Path, within_s: float = PATIENCE_S) -> None:
    """Return when ``url`` answers with 200."""
    until = time.monotonic() + within_s
    while True:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(url, timeout=60).status_code == 200:
                return
        assert process.poll() is None, log.read_text()[-3000:]
        assert time.monotonic() < until, f"{url} did not answer: {log.read_text()[-3000:]}"
        time.sleep(0.2)


def _url(process: subprocess.Popen[bytes], log: Path) -> str:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        found = re.search(r"running on (https?://[\d.]+:\d+)", log.read_text())
        if found:
            return found.group(1)
        assert process.poll() is None, log.read_text()
        time.sleep(0.05)
    message = f"the receiver did not start: {log.read_text()}"
    raise AssertionError(message)
