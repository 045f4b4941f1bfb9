"""One fault case under a real scheduler: its own sandbox, images, ledger, dataset and connection."""

from __future__ import annotations

import contextlib
import json
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import psutil

from airflow_provider_platerec_ocr.sandbox.samples import make_load_images
from support.fault_books import books_of, table_of
from support.sandbox import TOKEN, running_sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from support.fault_books import Books
    from support.fleet import Fleet, TaskProcesses
    from support.sandbox import Sandbox

IMAGES = 120
"""Images of a case: enough for 50 calls in flight and as many that have not begun."""
READ = "ocr.read"
Found = TypeVar("Found")


@dataclass
class Stage:
    """A case, with all that it needs."""

    airflow: Fleet
    sandbox: Sandbox
    root: Path
    conn_id: str
    dag_id: str = "faults"
    images: list[Path] = field(default_factory=list)
    runs: list[tuple[str, str]] = field(default_factory=list)
    host: str = ""
    every_s: float = 0.5

    @property
    def base_url(self) -> str:
        """The sandbox's address as the connection has it."""
        return f"http://{self.host}:{self.sandbox.url.rpartition(':')[2]}" if self.host else self.sandbox.url

    @property
    def ledger(self) -> Path:
        """The case's ledger."""
        return self.root / "ledger"

    @property
    def dataset(self) -> Path:
        """The table of the case's first run."""
        return self.root / "reads"

    def until(self, what: str, check: Callable[[], Found], within_s: float) -> Found:
        """Return the first true value of ``check``, asking as often as suits the number of cases under way."""
        return until(what, check, within_s, every_s=self.every_s / 5)

    def trigger(self, dag_id: str | None = None, **conf: Any) -> str:
        """Start a run over the case's images."""
        places = {"manifest": str(self.root / "images"), "dataset": str(self.dataset), "ledger": str(self.ledger)}
        dag_id = dag_id or self.dag_id
        run_id = self.airflow.trigger(dag_id, places | {"conn_id": self.conn_id} | conf)
        self.runs.append((dag_id, run_id))
        return run_id

    def processes(self, run_id: str, within_s: float = 90) -> TaskProcesses:
        """Return the processes of the run's one running read task."""
        return self.until(
            "the read task never ran", lambda: self.airflow.processes_of(self.dag_id, run_id, READ), within_s
        )[0]

    def wait_in_flight(self, least: int = 50, within_s: float = 240) -> int:
        """Return the number of calls in flight once it is at least ``least``."""
        return self.until(
            f"fewer than {least} calls in flight",
            lambda: found if (found := self.sandbox.books()["in_flight"]) >= least else 0,
            within_s,
        )

    def wait_calls(self, least: int, within_s: float = 240) -> int:
        """Return the number of calls that were made once it is at least ``least``."""
        return self.until(
            f"fewer than {least} calls",
            lambda: found if (found := self.sandbox.books()["posts"]) >= least else 0,
            within_s,
        )

    def wait(self, run_id: str | None = None, within_s: float = 300) -> str:
        """Return the state in which the run ended, when no process makes calls any more."""
        dag_id, last = self.runs[-1]
        state = self.airflow.wait(dag_id, run_id or last, within_s=within_s, every_s=self.every_s)
        self.until("calls in flight after the run", lambda: self.sandbox.books()["in_flight"] == 0, 60)
        return state

    def logs(self) -> str:
        """Return all that the case's tasks logged."""
        parts = []
        for dag_id, run_id in self.runs:
            folder = self.airflow.home / "logs" / f"dag_id={dag_id}" / f"run_id={run_id}"
            parts += [path.read_text(errors="replace") for path in folder.rglob("*.log")]
        return "\n".join(parts)

    def books(self) -> Books:
        """Return the case's books."""
        return books_of(self.sandbox, self.ledger, self.images, self.logs(), base_url=self.base_url)

    def table(self) -> list[dict[Any, Any]]:
        """Return the case's table."""
        return table_of(self.dataset)


def until(what: str, check: Callable[[], Found], within_s: float, *, every_s: float = 0.1) -> Found:
    """Return the first true value of ``check``."""
    end = time.monotonic() + within_s
    while not (found := check()):
        assert time.monotonic() < end, what
        time.sleep(every_s)
    return found


def wait_gone(process: psutil.Process, within_s: float = 60) -> None:
    """Return when a process has ended."""

    def gone() -> bool:
        with contextlib.suppress(psutil.NoSuchProcess):
            return bool(process.status() == psutil.STATUS_ZOMBIE)
        return True

    until(f"{process} never ended", gone, within_s)


@contextmanager
def staged(  # noqa: PLR0913  # by name only
    airflow: Fleet,
    root: Path,
    *,
    latency: str,
    count: int = IMAGES,
    faults: Sequence[str] = (),
    host: str = "",
    every_s: float = 0.5,
    **extra: Any,
) -> Iterator[Stage]:
    """Set a case up.

    :param latency: of the sandbox.
    :param faults: its script.
    :param host: name under which the tasks know it, see :meth:`Fleet.know_host`.
    :param every_s: pause between two questions how a run stands.
    :param extra: settings of the connection: ``rate_per_s``, ``call_timeout_s``, ….
    """
    root.mkdir(parents=True, exist_ok=True)
    images = make_load_images(root / "images", count, 3_000)
    conn_id = f"faults_{root.name}".replace("-", "_")
    settings = {"call_timeout_s": 20, "rate_per_s": 30} | ({"allow_plain_http": True} if host else {}) | extra
    with running_sandbox(latency=latency, faults=faults) as sandbox:
        stage = Stage(airflow, sandbox, root, conn_id, images=images, host=host, every_s=every_s)
        airflow.add_connection(conn_id, stage.base_url, TOKEN, json.dumps(settings))
        yield stage
