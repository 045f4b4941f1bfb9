"""One fault case under a real scheduler: its own sandbox, images, ledger, dataset and connection."""

from __future__ import annotations

import contextlib
import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psutil

from airflow_provider_platerec_ocr.sandbox.samples import make_load_images
from support.fault_books import books_of, table_of
from support.sandbox import TOKEN, running_sandbox
from support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from support.fault_books import Books
    from support.fleet import Fleet, TaskProcesses
    from support.sandbox import Sandbox
    from support.waiting import Found

IMAGES = 120
"""Images of a case: enough for :data:`HELD` calls in flight and as many that have not begun."""
HELD = 50
"""Calls in flight, no more and no fewer, when something happens to a task."""
STILL: dict[str, Any] = {"faults": ("always:hold",), "at_once": HELD}
"""For :func:`staged`: :data:`HELD` calls are in flight until :meth:`Stage.let_go`, and nothing moves meanwhile."""
CALL_TIMEOUT_S = 120
"""Of a call; longer than it takes any machine to do something to a task whose calls are held."""
READ = "ocr.read"


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
    at_once: int = 0
    """Most calls that a task has in flight."""

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

    def until(self, what: str, check: Callable[[], Found]) -> Found:
        """Return the first true value of ``check``, asking as often as suits the number of cases under way."""
        return until(what, check, every_s=self.every_s / 5)

    def trigger(self, dag_id: str | None = None, **conf: Any) -> str:
        """Start a run over the case's images."""
        places = {"manifest": str(self.root / "images"), "dataset": str(self.dataset), "ledger": str(self.ledger)}
        dag_id = dag_id or self.dag_id
        run_id = self.airflow.trigger(dag_id, places | {"conn_id": self.conn_id} | conf)
        self.runs.append((dag_id, run_id))
        return run_id

    def processes(self, run_id: str, task_id: str = READ) -> TaskProcesses:
        """Return the processes of the run's one running read task."""
        return self.until("the read task never ran", lambda: self.airflow.processes_of(self.dag_id, run_id, task_id))[0]

    def wait_held(self, calls: int | None = None) -> int:
        """Return how many calls are held once it is ``calls``: by default, all that the connection lets be in flight.

        From then on the stage stands still: nothing is answered, and no other call can start.
        """
        calls = self.at_once if calls is None else calls
        self.until(f"{calls} calls were never held", lambda: self.sandbox.state()["held"] == calls)
        return calls

    def let_go(self, *faults: str, **wishes: Any) -> None:
        """Let the held calls go on; what comes later meets ``faults`` and the other settings."""
        self.sandbox.let_go(*faults, **wishes)

    def presume_dead(self, run_id: str) -> None:
        """Have Airflow notice that the read task's supervisor was killed."""
        self.airflow.presume_dead(self.dag_id, run_id, READ)

    def wait(self, run_id: str | None = None) -> str:
        """Return the state in which the run ended, when no process makes calls any more."""
        dag_id, last = self.runs[-1]
        state = self.airflow.wait(dag_id, run_id or last, every_s=self.every_s)
        self.until("calls in flight after the run", lambda: self.sandbox.books()["in_flight"] == 0)
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


def wait_gone(process: psutil.Process) -> None:
    """Return when a process has ended."""

    def gone() -> bool:
        with contextlib.suppress(psutil.NoSuchProcess):
            return bool(process.status() == psutil.STATUS_ZOMBIE)
        return True

    until(f"{process} never ended", gone)


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
    at_once: int = 512,
    **extra: Any,
) -> Iterator[Stage]:
    """Set a case up.

    :param latency: of the sandbox.
    :param faults: its script.
    :param host: name under which the tasks know it, see :meth:`Fleet.know_host`.
    :param every_s: pause between two questions how a run stands.
    :param at_once: most calls that a task may have in flight.
    :param extra: settings of the connection: ``rate_per_s``, ``call_timeout_s``, ….
    """
    root.mkdir(parents=True, exist_ok=True)
    images = make_load_images(root / "images", count, 3_000)
    conn_id = f"faults_{root.name}".replace("-", "_")
    settings = (
        {"call_timeout_s": CALL_TIMEOUT_S, "rate_per_s": 30, "max_in_flight": at_once}
        | ({"allow_plain_http": True} if host else {})
        | extra
    )
    with running_sandbox(latency=latency, faults=faults) as sandbox:
        stage = Stage(airflow, sandbox, root, conn_id, images=images, host=host, every_s=every_s, at_once=at_once)
        airflow.add_connection(conn_id, stage.base_url, TOKEN, json.dumps(settings))
        yield stage
