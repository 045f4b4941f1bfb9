"""What the clone as a whole promises: one version, pinned packages, nothing tracked that is nobody's business."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections import Counter
from functools import cache
from importlib.metadata import packages_distributions, requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from airflow_provider_platerec_ocr import __version__
from airflow_provider_platerec_ocr.core import wire
from airflow_provider_platerec_ocr.provider_info import get_provider_info
from support.rooms import SOURCE

pytestmark = pytest.mark.xdist_group("clone")  # each file is read once

ROOT = Path(__file__).parents[1]
NAME = "airflow-provider-platerec-ocr"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
TOP = {
    "pyproject.toml",
    "airflow_provider_platerec_ocr",
    "dags",
    "tests",
    "docs",
    "README.md",
    "Makefile",
    "constraints.txt",
    "benchmarks",
    "LICENSE",
}
MOST_PATCHES = 10
MOST_TEST_FILES = 14
"""As in a room of the package: a folder with more is two."""
NO_ROOM = {
    "contract": "one suite for the sandbox and for what the real API once answered",
    "explorer": "searches for a way to break the laws of the ledger",
    "faults": "breaks processes, disks, stores and the API under a whole Airflow",
    "provider/package": "the modules at the top of the package, and what Airflow is told of it",
    "provider/runs": "whole runs, from the plan to the table",
    "readers": "what is not ours and opens the table",
    "scheduler": "a whole Airflow as a service",
}
"""Folders of tests that stand for no room, and what is tried in them."""


@cache
def tracked() -> list[Path]:
    """Return the files that git has and that are there, relative to the clone."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S607  # whichever git there is
    if done.returncode:
        pytest.skip("this is no clone: only git knows what is tracked")
    return [Path(name) for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


@cache
def texts() -> dict[str, str]:
    found = {}
    for path in tracked():
        data = (ROOT / path).read_bytes()
        if b"\0" not in data[:1000]:
            found[path.as_posix()] = data.decode()
    return found


@cache
def nodes_of(text: str) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(text)))


def test_the_version_is_written_in_one_place() -> None:
    # The changelog has each release, and pins of other packages may look alike.
    places = [
        name
        for name, text in texts().items()
        if re.search(rf'(?i)version[^\n]{{0,10}}["\' ]{re.escape(__version__)}["\' \n]', text)
        and not name.startswith(("docs/", "tests/", "constraints"))
        and name != "airflow_provider_platerec_ocr/provider_info.py"  # says since when an option exists
    ]

    assert places == ["airflow_provider_platerec_ocr/__init__.py"]


def test_everybody_says_the_same_version() -> None:
    assert version(NAME) == __version__
    assert get_provider_info()["versions"] == [__version__]
    assert "version" in PROJECT["project"]["dynamic"]
    assert f"/{__version__}" in wire.USER_AGENT


def test_the_changelog_begins_with_this_version() -> None:
    releases = re.findall(r"(?m)^## (\S+)(.*)$", (ROOT / "docs" / "changelog.md").read_text())
    released = [(number, rest) for number, rest in releases if number != "Unreleased"]

    assert released[0][0] == __version__
    assert re.fullmatch(r" - \d{4}-\d\d-\d\d", released[0][1])


def test_nothing_unexpected_lies_at_the_top() -> None:
    names = {path.parts[0] for path in tracked()}

    assert {name for name in names if not name.startswith(".")} - TOP == set()


def test_no_lock_of_another_tool_and_no_address_of_an_index_is_tracked() -> None:
    addresses = re.compile("|".join(["--(extra-)?" + "index-url", r"/sim" + r"ple/\b", r"files\.python" + "hosted"]))

    assert [path for path in tracked() if path.name in {"uv.lock", "poetry.lock", "Pipfile.lock", ".env"}] == []
    assert [name for name, text in texts().items() if addresses.search(text)] == []


def test_no_path_of_somebodys_machine_is_tracked() -> None:
    paths = re.compile(r"(?<![\w.:/-])/(root|work|home/\w+|Users/\w+)/\w")

    assert [(name, found[0]) for name, text in texts().items() if (found := paths.search(text))] == []


def test_every_pin_is_exact_and_comes_from_an_index() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and line[0] != "#"]

    assert len(lines) > 100
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[^\s;]+( *; .+)?", line)] == []


def test_every_requirement_is_pinned_within_its_range() -> None:
    pins: dict[str, list[str]] = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if line and line[0] != "#":
            name, _, rest = line.partition("==")
            pins.setdefault(canonicalize_name(name), []).append(rest.partition(";")[0].strip())
    needed = [Requirement(text) for text in requires(NAME) or []]

    wrong = [
        str(need)
        for need in needed
        if canonicalize_name(need.name) != NAME
        and not any(
            need.specifier.contains(pin, prereleases=True) for pin in pins.get(canonicalize_name(need.name), [])
        )
    ]
    assert len(needed) > 15
    assert wrong == []


def test_every_library_that_the_package_imports_is_required_by_it() -> None:
    providers = packages_distributions()
    imported = (
        {
            name.partition(".")[0]
            for path in (ROOT / "airflow_provider_platerec_ocr").rglob("*.py")
            for node in ast.walk(ast.parse(path.read_text()))
            for name in _imported_by(node)
        }
        - sys.stdlib_module_names
        - {"airflow_provider_platerec_ocr"}
    )
    needed = {canonicalize_name(Requirement(text).name) for text in requires(NAME) or [] if "'dev'" not in text}
    through = {"numpy"}  # by pandas, and by the engine that the sandbox reads with
    through |= {"opentelemetry"}  # used where it is there, as Airflow has it

    assert {"fastapi", "starlette", "python_multipart", "uvicorn", "sqlalchemy", "pandas"} <= imported
    assert [
        name
        for name in sorted(imported - through)
        if needed.isdisjoint(canonicalize_name(each) for each in providers.get(name, [name]))
    ] == []


def _imported_by(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []


def test_every_ignored_lint_rule_has_its_reason() -> None:
    section = (
        (ROOT / "pyproject.toml")
        .read_text()
        .partition("[tool.ruff.lint]")[2]
        .partition("[tool.ruff.lint.flake8-tidy")[0]
    )
    rules = [line for line in section.splitlines() if re.match(r'\s+"[A-Z]+\d*"', line)]

    assert len(rules) > 10
    assert [rule for rule in rules if not re.search(r"# \w+", rule)] == []


def test_an_exception_from_a_rule_says_why_where_a_file_first_makes_it() -> None:
    exception = re.compile(r"# (?:noqa: |type: ignore\[)([A-Z]+\d+(?:, ?[A-Z]+\d+)*|[a-z, -]+)\]?(.*)$")
    silent = []
    for name, text in texts().items():
        explained: set[str] = set()
        lines = enumerate(text.splitlines(), start=1) if name.endswith(".py") and not name.startswith("tests/") else ()
        for number, line in lines:
            for rules, reason in exception.findall(line):
                named = {rule.strip() for rule in rules.split(",")}
                if re.search(r"\w", reason):
                    explained |= named
                elif named - explained:
                    silent.append(f"{name}:{number}")

    assert silent == []


def test_the_suite_hardly_patches_anything() -> None:
    patches = [
        f"{name}: {ast.unparse(node.func)}"
        for name, text in texts().items()
        if name.startswith("tests/") and name.endswith(".py")
        for node in nodes_of(text)
        if isinstance(node, ast.Call)
        and re.search(r"monkeypatch\.setattr$|(^|\.)patch(\.\w+)?$", ast.unparse(node.func))
    ]

    assert len(patches) <= MOST_PATCHES, patches


def test_test_folders_are_no_packages_and_shadow_none() -> None:
    folders = {path.parent.name for path in (ROOT / "tests").rglob("*.py")}

    assert list((ROOT / "tests").rglob("__init__.py")) == []
    assert folders.isdisjoint({"airflow", "airflow_provider_platerec_ocr", "pytest", "fastapi", "aiohttp"})
    assert [path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and path.name == "airflow"] == []


def files_of_folders() -> Counter[str]:
    """Return how many files of tests each folder holds, those of the tests' own helpers left out."""
    files = [path.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py")]
    return Counter(path.parent.as_posix() for path in files if path.parts[0] != "support")


def test_a_folder_of_tests_holds_no_more_files_than_a_person_remembers() -> None:
    assert {name: files for name, files in files_of_folders().items() if files > MOST_TEST_FILES} == {}


def test_a_folder_of_tests_is_called_as_the_room_or_the_module_that_it_tries() -> None:
    """What tries the Airflow face lies below ``provider``."""
    rooms = {name: SOURCE / name.removeprefix("provider/") for name in files_of_folders() if name != "."}

    assert {name for name, room in rooms.items() if not (room.is_dir() or room.with_suffix(".py").is_file())} == set(
        NO_ROOM
    )


def test_every_skip_and_expected_failure_says_why() -> None:
    silent = []
    for name, text in texts().items():
        if not (name.startswith("tests/") and name.endswith(".py")):
            continue
        for node in nodes_of(text):
            call = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            if re.search(r"mark\.(skip|skipif|xfail)$", call) and not any(
                keyword.arg == "reason" for keyword in getattr(node, "keywords", [])
            ):
                silent.append(f"{name}: {call}")

    assert silent == []


def test_the_continuous_integration_is_a_script_that_stops_at_the_first_failure() -> None:
    script = ROOT / ".ci" / "run"

    assert script.stat().st_mode & 0o111
    assert "set -euo pipefail" in script.read_text()
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0  # noqa: S603, S607  # our own script


def test_the_licence_is_the_one_that_is_declared() -> None:
    assert PROJECT["project"]["license"] == "Apache-2.0"
    assert "Apache License\n                           Version 2.0" in (ROOT / "LICENSE").read_text()
