"""What `make up` promises: a phone's call becomes a row by webhook, receiver, asset event and DAG; and all of it ends.

It is started as `make up &` in a script starts it: with SIGINT ignored, so that only what it hears itself can end it.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psutil
import pytest

from airflow_provider_platerec_ocr.dataset import read_dataset
from support.processes import is_alive, with_environment
from support.waiting import PATIENCE_S, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
PACKAGE = "airflow_provider_platerec_ocr"
VIN = "1WHEYKVM4G9DW8655"
PARTS = 4
"""What `airflow standalone` starts."""
IN_THE_BACKGROUND = '"$@" > up.log 2>&1 & echo $! > up.pid; wait $!'
"""A script's ``&``: its shell is not interactive, and has SIGINT ignored in what it starts."""

pytestmark = [
    *(pytest.mark.airflow, pytest.mark.ocr, pytest.mark.slow, pytest.mark.scheduler),
    pytest.mark.xdist_group("demo"),  # `make demo` takes the same port
]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone as `make up` sees it; the second start finds the database that the first one made."""
    folder = tmp_path_factory.mktemp("clone")
    for name in (PACKAGE, "dags"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@dataclass
class Up:
    """A running `make up`."""

    script: subprocess.Popen[bytes]
    process: psutil.Process
    clone: Path

    @property
    def said(self) -> str:
        log = self.clone / "up.log"  # which the shell makes, in its own time
        return log.read_text() if log.exists() else ""

    def wait(self, what: str) -> None:
        until(f"never: {what}", lambda: what in self.said or self.script.poll() is not None)
        assert what in self.said

    def tree(self) -> list[psutil.Process]:
        """Return it and all that descends from it."""
        return [self.process, *self.process.children(recursive=True)]

    def wait_for_all_parts(self) -> None:
        """Return when Airflow's parts have been started, whether they are ready or not."""

        def started() -> bool:
            heads = [process for process in self.tree() if "standalone" in words_of(process)]
            with suppress(psutil.NoSuchProcess):
                return any(len(head.children()) >= PARTS for head in heads)
            return False

        until("Airflow's parts were never started", started, every_s=0.5)

    def end(self, ending: signal.Signals) -> list[psutil.Process]:
        """Send it a signal, wait until it has ended, and return what it left behind."""
        tree = self.tree()
        self.process.send_signal(ending)
        self.script.wait(PATIENCE_S)
        return [process for process in tree if is_alive(process)] + self.strays()

    def strays(self) -> list[psutil.Process]:
        return with_environment("AIRFLOW_HOME", str(self.clone / ".demo" / "airflow"))


def words_of(process: psutil.Process) -> list[str]:
    try:
        words: list[str] = process.cmdline()
    except psutil.NoSuchProcess:
        return []
    return words


@contextmanager
def started(clone: Path) -> Iterator[Up]:
    """Run the command in the background until the block ends."""
    (clone / "up.pid").unlink(missing_ok=True)
    words = ["sh", "-c", IN_THE_BACKGROUND, "sh", sys.executable, "-m", f"{PACKAGE}.demo", "up"]
    script = subprocess.Popen(  # noqa: S603  # our own module
        words,
        cwd=clone,
        preexec_fn=partial(signal.signal, signal.SIGHUP, signal.SIG_DFL),  # noqa: PLW1509  # who runs this may ignore it
    )
    pid = int(until("it was not started", lambda: (clone / "up.pid").exists() and (clone / "up.pid").read_text()))
    up = Up(script, psutil.Process(pid), clone)
    try:
        yield up
    finally:
        for process in (*(up.tree() if is_alive(up.process) else ()), *up.strays()):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        script.wait()


def test_a_phones_call_becomes_a_row_and_ctrl_c_ends_it_all(clone: Path) -> None:
    dataset = clone / ".demo" / "airflow" / "platerec_ocr" / "reads"
    with started(clone) as up:
        up.wait("Ready.")
        api, token = re.search(r"Token (\S+)' (\S+)$", up.said, re.MULTILINE).group(2, 1)  # type: ignore[union-attr]
        image = clone / "dags" / "sample_images" / "vin_plate_01.jpg"
        answer = httpx.post(
            api,
            headers={"Authorization": f"Token {token}"},
            data={"type": "vin"},
            files={"upload": ("phone.jpg", image.read_bytes(), "image/jpeg")},
            timeout=PATIENCE_S,
        )
        until("no row came", lambda: list(dataset.rglob("*.parquet")))
        (row,) = read_dataset(str(dataset)).to_dict("records")

        left = up.end(signal.SIGINT)

    assert answer.status_code == 200
    assert (row["code_normalized"], row["calls_billed"], row["dag_id"]) == (VIN, 0, "webhook_ingest")
    assert row["image"].startswith(api.partition("/v1/")[0])
    assert left == []
    assert up.script.returncode == 0
    assert "secret" not in up.said.lower()


@pytest.mark.parametrize(
    ("ending", "moment"),
    [(signal.SIGTERM, Up.wait_for_all_parts), (signal.SIGHUP, partial(Up.wait, what="Starting Airflow"))],
    ids=["kill", "closed-terminal"],
)
def test_kill_and_a_closed_terminal_end_it_all_too_even_while_it_starts(
    clone: Path, ending: signal.Signals, moment: Callable[[Up], None]
) -> None:
    with started(clone) as up:
        moment(up)

        left = up.end(ending)

    assert left == []
    assert up.said.endswith("Stopping ...\n")
