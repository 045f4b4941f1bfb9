"""The wheel as users get it: what is in it, and what works once it is installed without the source tree.

CI installs it into an environment of its own and names that environment's Python in ``PLATEREC_OCR_WHEEL_PYTHON``.
Without that, the wheel goes into a bare environment that borrows this one's other packages, which is quick.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr import __version__
from support.forks import ask
from support.waiting import PATIENCE_S

if TYPE_CHECKING:
    from support.forks import Answer

ROOT = Path(__file__).parents[1]
PACKAGE = "airflow_provider_platerec_ocr"
INFO = f"{PACKAGE}-{__version__}.dist-info"
DAGS = sorted((ROOT / "dags").glob("*.py"))

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("wheel")]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from what is there."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own arguments
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a Python that has the wheel and not the source tree."""
    given = os.environ.get("PLATEREC_OCR_WHEEL_PYTHON")
    if given:
        return given
    folder = tmp_path_factory.mktemp("installed")
    bare = str(folder / "bin" / "python")
    pip = [sys.executable, "-m", "pip", "--python", bare, "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)  # noqa: S603  # as above
    subprocess.run([*pip, "--no-deps", "--no-index", str(wheel)], check=True)  # noqa: S603  # as above
    places = subprocess.run(  # noqa: S603  # as above
        [bare, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    )
    # A .pth file adds the other packages behind the wheel's own; .pth files there, such as that of the source tree's
    # editable installation, are not read.
    Path(places.stdout.strip(), "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return bare


def environment(home: Path) -> dict[str, str]:
    """Return this process's own, less all of Airflow's and Python's, with an Airflow home of its own."""
    mine = {key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW", "PYTHON"))}
    return mine | {"AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "COLUMNS": "500"}


def run(python: str, home: Path, *arguments: str) -> str:
    """Run the installed Python away from the clone, and return what it said."""
    done = subprocess.run(  # noqa: S603  # our own arguments
        [python, *arguments],
        cwd=home,
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def text_in(wheel: Path, name: str) -> str:
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(name).decode()


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    assert {name.partition("/")[0] for name in names_in(wheel)} == {PACKAGE, INFO}


def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    here = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / PACKAGE).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert {name for name in names_in(wheel) if name.startswith(f"{PACKAGE}/")} == here
    assert f"{PACKAGE}/py.typed" in here


def test_the_wheel_says_what_it_is(wheel: Path) -> None:
    metadata = Parser().parsestr(text_in(wheel, f"{INFO}/METADATA"))

    assert metadata["Version"] == __version__
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert "Framework :: Apache Airflow :: Provider" in metadata.get_all("Classifier", [])
    assert "apache-airflow<4,>=3.0.6" in metadata.get_all("Requires-Dist", [])
    assert "pandas" in metadata.get_all("Provides-Extra", [])  # empty, for old install lines
    assert f"{INFO}/licenses/LICENSE" in names_in(wheel)
    assert "[apache_airflow_provider]" in text_in(wheel, f"{INFO}/entry_points.txt")


def test_a_package_index_can_follow_every_link_and_image_of_the_readme(wheel: Path) -> None:
    readme = Parser().parsestr(text_in(wheel, f"{INFO}/METADATA")).get_payload()
    assert isinstance(readme, str)
    links = re.findall(r"\]\(([^)\s]+)\)", readme)
    here = re.findall(r"\]\((?!https?://)([^)\s]+)\)", (ROOT / "README.md").read_text())

    assert len(here) > 8
    assert [link for link in links if not link.startswith("https://")] == []
    for path in here:
        ends = [link for link in links if link.endswith(f"/v{__version__}/{path}")]
        assert len(ends) == here.count(path), path
        assert (ROOT / path).exists()
    pictures = re.findall(r"!\[[^\]]*\]\(([^)\s]+)\)", readme)
    assert [url for url in pictures if "://raw." not in url] == []  # a page around a picture is no picture


def test_the_sdist_holds_what_its_tests_look_at(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "build", "--no-isolation", "--sdist", "--outdir", str(tmp_path), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own arguments
    assert done.returncode == 0, done.stdout + done.stderr
    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    git = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S607  # whichever git there is

    assert {"constraints.txt", "Makefile", ".mkdocs.yml", ".ci/run", "benchmarks/__main__.py"} <= names
    assert [name for name in git.stdout.splitlines() if (ROOT / name).is_file() and name not in names] == []


def test_the_installed_package_is_the_wheels_own(python: str, tmp_path: Path) -> None:
    said = run(python, tmp_path, "-c", f"import {PACKAGE} as p; print(p.__version__, p.__file__)")

    assert said.startswith(__version__)
    assert str(ROOT / PACKAGE) not in said


COMMANDS = {
    "get": ("airflow-provider-platerec-ocr", __version__),
    "hooks": ("", f"{PACKAGE}.hooks.ocr.PlateRecOCRHook"),
}
"""What `airflow providers …` is asked for, and what it has to show."""


@pytest.fixture(scope="module")
def asked(python: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answer]:
    """What came of two commands and of importing each example DAG; Airflow is imported once for all of them."""
    home = tmp_path_factory.mktemp("asked")
    lines = {
        name: ["airflow", "providers", name, *argument.split(), "--output", "plain"]
        for name, (argument, _) in COMMANDS.items()
    }
    commands = {name: f"sys.argv = {line!r}; airflow.__main__.main()" for name, line in lines.items()}
    dag = "import runpy, airflow_provider_platerec_ocr as p; runpy.run_path({!r}); print(p.__file__)"
    questions = commands | {path.stem: dag.format(str(path)) for path in DAGS}
    shared = "import airflow.sdk, airflow.__main__, airflow.cli.commands.provider_command"
    code = [f"import airflow.__main__; {question}" for question in questions.values()]
    answers = ask(shared, code, python=python, cwd=home, env=environment(home))
    return dict(zip(questions, answers, strict=True))


@pytest.mark.airflow
@pytest.mark.parametrize("name", COMMANDS)
def test_airflow_finds_the_installed_provider(name: str, asked: dict[str, Answer]) -> None:
    assert asked[name].code == 0, asked[name].said
    assert COMMANDS[name][1] in asked[name].said
    assert str(ROOT / PACKAGE) not in asked[name].said


@pytest.mark.airflow
@pytest.mark.parametrize("dag", [dag.stem for dag in DAGS])
def test_an_example_dag_can_be_imported_with_the_installed_provider(dag: str, asked: dict[str, Answer]) -> None:
    assert asked[dag].code == 0, asked[dag].said
    assert PACKAGE in asked[dag].said
    assert str(ROOT / PACKAGE) not in asked[dag].said


@pytest.mark.parametrize("module", ["sandbox", "ledger"])
def test_a_command_of_the_installed_package_says_how_it_is_used(module: str, python: str, tmp_path: Path) -> None:
    said = run(python, tmp_path, "-m", f"{PACKAGE}.{module}", "--help")

    assert said.startswith(f"usage: python -m {PACKAGE}.{module}")


def test_the_demo_says_that_it_needs_a_clone(python: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="needs a clone of the project"):
        run(python, tmp_path, "-m", f"{PACKAGE}.demo", "run")
