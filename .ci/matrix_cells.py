"""The environments in which the product is tried, and how a command runs in one of them."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / ".cache" / "matrix"
LONGEST_STEP_S = 2400
NOT_HANDED_ON = ("AIRFLOW", "PYTEST", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV")
"""Beginnings of variables that a command in a cell does not see: each Python would compile everything anew, too."""
ANY_PRE_RELEASE = ("apache-airflow-core>=3.3.0rc0", "apache-airflow-task-sdk>=1.3.0rc0")
"""Parts of Airflow of which a pre-release is welcome; nobody else's is."""


@dataclass(frozen=True)
class Cell:
    """One environment."""

    name: str
    pythons: tuple[str, ...]
    """Versions of Python to take, best first."""
    airflow: tuple[str, ...] = ()
    """Requirements that decide on Airflow; none takes `constraints.txt`."""
    day: str | None = None
    """Day whose packages are taken; none takes today's."""
    pre_release: bool = False
    """Whether the newest Airflow is taken even if it is none that is released."""
    lowest: bool = False
    """Whether each of our own requirements is taken at its lower bound."""
    stores_dags_first: bool = False
    """Whether `airflow dags test` needs `airflow dags reserialize` before, as in 3.0."""
    may_fail: bool = False
    """Whether a failure is reported only."""

    @property
    def folder(self) -> Path:
        """Environment, copy of the clone, and logs."""
        return HOME / self.name

    @property
    def tree(self) -> Path:
        """The copy, so that cells do not share a demo or a cache."""
        return self.folder / "tree"

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.folder / "env" / "bin" / "python"


CELLS = (
    Cell("3.0.6", ("3.12", "3.11"), ("apache-airflow==3.0.6",), "2025-08-29", stores_dags_first=True),
    Cell("3.1.8", ("3.13", "3.12", "3.11"), ("apache-airflow==3.1.8",), "2026-03-11"),
    Cell("3.2.2", ("3.12", "3.11"), ("apache-airflow==3.2.2",), "2026-05-29"),
    Cell("3.3.1", ("3.14", "3.13", "3.12", "3.11"), ("apache-airflow==3.3.1",), "2026-08-12"),
    Cell("newest", ("3.11", "3.12")),
    Cell("pre-release", ("3.14", "3.13", "3.12", "3.11"), ANY_PRE_RELEASE, pre_release=True, may_fail=True),
    Cell("lowest", ("3.11",), ("apache-airflow==3.0.6",), "2025-08-29", lowest=True, stores_dags_first=True),
)


class StepError(Exception):
    """A step failed; its text is what the table shows, and the log has the rest."""


def run(cell: Cell, log: str, *command: str | Path, ok: tuple[int, ...] = (0,), **environment: str) -> str:
    """Run a command in the cell's copy of the clone, keep what it said, and return it."""
    mine = {key: value for key, value in os.environ.items() if not key.startswith(NOT_HANDED_ON)}
    path = cell.folder / f"{log}.log"
    with path.open("a") as output:
        begin = output.tell()
        output.write(f"$ {' '.join(map(str, command))}\n")
        output.flush()
        try:
            code = subprocess.run(
                [str(part) for part in command],
                cwd=cell.tree,
                env=mine | environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                timeout=LONGEST_STEP_S,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            code = -1
    said = path.read_bytes()[begin:].decode(errors="replace")
    if code not in ok:
        message = f"exit code {code}"
        raise StepError(message)
    return said


def copy_tree(cell: Cell) -> None:
    """Copy what git has or would have, changes included."""
    shutil.rmtree(cell.tree, ignore_errors=True)
    command = [shutil.which("git") or "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            target = cell.tree / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
