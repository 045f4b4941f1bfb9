"""What is tried in each environment. A step returns what the table shows, or raises `StepError`."""

from __future__ import annotations

import os
import re
import shutil
from typing import TYPE_CHECKING

from matrix_cells import StepError, run
from matrix_environments import UV

if TYPE_CHECKING:
    from matrix_cells import Cell

PACKAGE = "airflow_provider_platerec_ocr"
WORKERS = os.environ.get("WORKERS", "3")


def changes(cell: Cell) -> str:
    """Look what `pip install` of our package would change today, in an environment that has this Airflow alone."""
    if not cell.day or cell.lowest:
        return "-"
    bare = cell.folder / "bare"
    shutil.rmtree(bare, ignore_errors=True)
    run(cell, "changes", UV, "venv", "--no-python-downloads", "--python", cell.python.resolve(), bare)
    install = [UV, "pip", "install", "--python", bare / "bin" / "python"]
    run(cell, "changes", *install, "--exclude-newer", cell.day, *cell.airflow)
    said = run(cell, "changes", *install, "--dry-run", ".")
    changed = re.findall(r"(?m)^ - (\S+)==", said)
    if [name for name in changed if not name.startswith("apache-airflow-providers-")]:
        raise StepError(", ".join(changed))
    return ", ".join(name.removeprefix("apache-airflow-providers-") for name in changed) or "nothing"


IMPORT_ALL = """
import importlib, runpy, sys
for name in sys.argv[1:]:
    runpy.run_path(name) if name.endswith(".py") else importlib.import_module(name)
"""


OF_AN_EXTRA = {f"{PACKAGE}.tasks.telling.lineage_facets"}
"""Modules that only an extra's packages let be imported, and that nothing imports without them."""


def imports(cell: Cell) -> str:
    """Import every module of the package that needs no extra, and run every example DAG's file."""
    files = [path.relative_to(cell.tree).with_suffix("") for path in (cell.tree / PACKAGE).rglob("*.py")]
    names = {".".join(path.parts).removesuffix(".__init__") for path in files if path.stem != "__main__"}
    modules = sorted(names - OF_AN_EXTRA)
    dags = sorted(str(path) for path in (cell.tree / "dags").glob("*.py"))
    run(cell, "imports", cell.python, "-c", IMPORT_ALL, *modules, *dags, AIRFLOW_HOME=str(cell.folder / "home"))
    return f"{len(modules)} and {len(dags)} DAGs"


def commands(cell: Cell) -> str:
    """Look whether what is installed fits together, and whether Airflow's command line finds us."""
    run(cell, "commands", UV, "pip", "check", "--python", cell.python)
    wanted = {"list": PACKAGE.replace("_", "-"), "hooks": "PlateRecOCRHook"}
    for command, text in wanted.items():
        airflow = [cell.python, "-m", "airflow", "providers", command, "--output", "plain"]
        if text not in run(cell, "commands", *airflow, AIRFLOW_HOME=str(cell.folder / "home"), COLUMNS="500"):
            raise StepError(command)
    return f"{len(wanted)} ok"


STORE_DAGS = f"""
from {PACKAGE}.demo import processes
from {PACKAGE}.demo.home import DemoHome
home = DemoHome.find()
home.root.mkdir()
for command in ("db", "migrate"), ("dags", "reserialize"):
    processes.airflow(home, home.environment("http://127.0.0.1:1"), *command, log=command[0])
"""


def nightly(cell: Cell) -> str:
    """Run the nightly DAG over the sample images with the sandbox, as `make demo` does."""
    if cell.stores_dags_first:
        run(cell, "nightly", cell.python, "-c", STORE_DAGS)
    said = run(cell, "nightly", cell.python, "-m", f"{PACKAGE}.demo", "run")
    found = re.search(
        r"(\d+) of (\d+) sample images are in the table, (\d+) read exactly[\s\S]*run: (\d+) calls billed", said
    )
    read, samples, exact, billed = found.groups() if found else ("0", "24", "0", "0")
    if {read, exact, billed} != {samples}:
        message = f"{read} read, {exact} exact, {billed} billed"
        raise StepError(message)
    return f"{billed} billed, {exact} exact"


def provider_tests(cell: Cell) -> str:
    """Run the tests that face Airflow."""
    return pytest(cell, "provider-tests", "tests/provider")


def quick_tests(cell: Cell) -> str:
    """Run the tests that `make check` runs, but for those that were run already, and those of the clone."""
    others = ["tests", "--ignore=tests/provider", "--ignore=tests/test_project.py", "--ignore=tests/test_site.py"]
    return pytest(cell, "quick-tests", *others, "-m", "not airflow and not ocr and not slow")


def pytest(cell: Cell, log: str, *arguments: str) -> str:
    """Run tests, and return how many passed, were skipped, and failed.

    Where old packages are taken, what they do with a Python that has deprecated it since is no error.
    """
    workers = ["-n", WORKERS, "--dist", "loadgroup"]
    lenient = ["-W", "ignore::DeprecationWarning"] if cell.day else []
    said = run(cell, log, cell.python, "-m", "pytest", "-q", *workers, *lenient, *arguments, ok=(0, 1))
    summaries = re.findall(r"(?m)^.*\b(?:passed|failed|errors?)\b.* in [\d.]+s", said)  # something may be said after it
    found = re.findall(r"(\d+) (passed|skipped|failed|error)", "".join(summaries[-1:]))
    counts = {kind: int(number) for number, kind in found}
    bad = counts.get("failed", 0) + counts.get("error", 0)
    text = f"{counts.get('passed', 0)} ok, {counts.get('skipped', 0)} skipped"
    if bad or not counts.get("passed"):
        message = f"{bad} failed, {text}"
        raise StepError(message)
    return text
