"""How fast the receiver of webhooks takes deliveries that are durable before they are answered.

``python -m benchmarks.webhook_load [SECONDS RATE]`` sends 200 deliveries a second for 60 s over loopback, to the
receiver alone (``python -m …webhook``, a process of its own), and prints one line; ``airflow`` as the last word puts it
into Airflow's API server instead. Latency counts from the time at which a delivery was due to its 200, by which time
payload and marks are synced to the disk. *lost* are payloads that got 200 and are not in the inbox, *double* those
that it has more than once. The figure to reach: 200 a second, nothing lost.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from benchmarks.measure import machine
from support.deliveries import Sender, kept_in
from support.standalone import free_port, settings
from support.webhook_stage import PATH, SECRET, receiver_process, wait_for_answer

if TYPE_CHECKING:
    from collections.abc import Iterator

WARM_UP = 200
"""Deliveries beforehand: the first ones pay for imports and folders."""


@dataclass(frozen=True)
class Stand:
    """A running receiver."""

    url: str
    """Where deliveries go."""
    process: psutil.Process

    def memory_mb(self) -> float:
        """Return the resident memory of all its processes."""
        return float(sum(each.memory_info().rss for each in self._all()) / 2**20)

    def cpu_s(self) -> float:
        """Return the processor time that all its processes have taken."""
        return float(sum(sum(each.cpu_times()[:2]) for each in self._all()))

    def _all(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]


@contextmanager
def alone(folder: Path, inbox: Path) -> Iterator[Stand]:
    """Run the receiver as its command does."""
    with receiver_process(folder, inbox) as running:
        yield Stand(f"{running.url}{PATH}", psutil.Process(running.process.pid))


@contextmanager
def in_airflow(folder: Path, inbox: Path) -> Iterator[Stand]:
    """Run Airflow's API server with the receiver mounted in it."""
    home = folder / "home"
    port = free_port()
    (home / "dags").mkdir(parents=True)
    environment = settings(home, home / "dags", port) | {
        "AIRFLOW__PLATEREC_OCR__INBOX": str(inbox),
        "AIRFLOW__PLATEREC_OCR__WEBHOOK_SECRETS": SECRET,
    }
    command = [sys.executable, "-m", "airflow"]
    with (folder / "airflow.log").open("wb") as log:
        migrate = [*command, "db", "migrate"]
        subprocess.run(migrate, env=environment, stdout=log, stderr=log, check=True)  # noqa: S603  # our own command
        server = subprocess.Popen([*command, "api-server"], env=environment, stdout=log, stderr=log)  # noqa: S603
    try:
        base = f"http://127.0.0.1:{port}/platerec_ocr"
        wait_for_answer(f"{base}/health", server, folder / "airflow.log")
        yield Stand(f"{base}{PATH}", psutil.Process(server.pid))
    finally:
        server.terminate()
        server.wait(60)


def main(seconds: float = 60, rate: float = 200, *, where: str = "alone") -> None:
    """Deliver, and print what came of it."""
    number = int(seconds * rate)
    print(f"{machine()}; {rate:g} deliveries a second for {seconds:g} s to the receiver {where}")
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as name:
        inbox = Path(name) / "inbox"
        with (in_airflow if where == "airflow" else alone)(Path(name), inbox) as stand:
            asyncio.run(Sender(lambda: stand.url).at_rate(range(-WARM_UP, 0), rate))
            before_mb, before_s = stand.memory_mb(), stand.cpu_s()
            sender = Sender(lambda: stand.url)
            asyncio.run(sender.at_rate(range(number), rate))
            after_mb, after_s = stand.memory_mb(), stand.cpu_s()
        sent, kept = sender.sent, kept_in(inbox)
    lost = [id_ for id_ in sent.kept if not kept.records[id_] or not kept.scanned[id_]]
    double = [id_ for found in (kept.records, kept.scanned) for id_, times in found.items() if times > 1]
    print(
        f"{'sent':>8}{'got 200':>9}{'others':>8}{'in inbox':>10}{'lost':>6}{'double':>8}{'per s':>8}{'p50 ms':>8}"
        f"{'p99 ms':>8}{'max ms':>8}{'cpu ms':>8}{'MB before':>11}{'MB after':>10}"
    )
    print(
        f"{number:>8,}{sent.statuses[200]:>9,}{sent.statuses.total() - sent.statuses[200]:>8,}"
        f"{sum(kept.records[id_] for id_ in sent.asked):>10,}{len(lost):>6}{len(double):>8}"
        f"{number / sent.lasted_s:>8.1f}{1000 * sent.percentile(0.5):>8.1f}{1000 * sent.percentile(0.99):>8.1f}"
        f"{1000 * max(sent.took_s):>8.1f}{1000 * (after_s - before_s) / number:>8.2f}"
        f"{before_mb:>11.1f}{after_mb:>10.1f}"
    )
    assert not lost
    assert not double
    assert set(sent.statuses) == {200}


if __name__ == "__main__":
    given = sys.argv[1:]
    place = given.pop() if given and not given[-1][0].isdigit() else "alone"
    main(*(float(word) for word in given), where=place)
