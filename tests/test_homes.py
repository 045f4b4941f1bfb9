"""What is done in one place alone: asking for a version, reading time. Read from the source, not from a run."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from support.rooms import FILES, name_of, nodes_of

pytestmark = pytest.mark.xdist_group("parse")  # each file is read once

DAGS = sorted((Path(__file__).parents[1] / "dags").glob("*.py"))

HOMES_OF_TIME = {"core/clock.py", "sandbox/state/clock.py"} | {
    f"demo/{name}.py" for name in ("__main__", "process_tree", "processes", "web")
}
"""Clocks, and commands that wait for processes; the sandbox may not use our clock."""
TIME_CALLS = {
    "time": {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "sleep", "localtime", "gmtime"},
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "asyncio": {"sleep"},
}


def asks_for_a_version(path: Path) -> list[str]:
    """Return the lines of a file that only have a reason if Airflow's versions differ."""
    found = []
    for node in nodes_of(path):
        if isinstance(node, ast.Try):
            found += imports_that_may_fail(node)
        elif isinstance(node, ast.ImportFrom) and node.module in {"airflow", "airflow.version"}:
            found += [alias.name for alias in node.names if "version" in alias.name]
        elif isinstance(node, ast.Attribute) and ast.unparse(node) in {"airflow.__version__", "airflow.version"}:
            found.append(ast.unparse(node))
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "version":
            found += [text for text in map(ast.unparse, node.args) if "apache-airflow" in text]
    return found


def imports_that_may_fail(node: ast.Try) -> list[str]:
    """Return the imports of Airflow whose failure is caught."""
    caught = {name for each in node.handlers if each.type for name in ast.unparse(each.type).strip("()").split(", ")}
    if caught.isdisjoint({"ImportError", "ModuleNotFoundError"}):
        return []
    tried = [line for each in node.body for line in ast.walk(each) if isinstance(line, (ast.Import, ast.ImportFrom))]
    return [text for text in map(ast.unparse, tried) if text.split()[1].partition(".")[0] == "airflow"]


def test_only_compat_knows_that_airflow_has_versions() -> None:
    asking = {name_of(path) for path in FILES if asks_for_a_version(path)}
    asking |= {path.name for path in DAGS if asks_for_a_version(path)}

    assert asking == {"compat.py"}


@pytest.mark.parametrize(
    "line",
    [
        "try:\n    from airflow.sdk import RetryPolicy\nexcept ImportError:\n    RetryPolicy = None",
        "try:\n    import airflow.sdk.log\nexcept (OSError, ModuleNotFoundError):\n    pass",
        "from airflow import __version__",
        "import airflow\nprint(airflow.__version__)",
        "from importlib.metadata import version\nversion('apache-airflow-core')",
    ],
)
def test_the_ways_to_ask_for_a_version_are_seen(line: str, tmp_path: Path) -> None:
    file = tmp_path / "asks.py"
    file.write_text(line)

    assert len(asks_for_a_version(file)) == 1


def time_calls_of(path: Path) -> list[str]:
    found = []
    for node in nodes_of(path):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.attr in TIME_CALLS.get(node.value.id, ()):
                found.append(f"{node.value.id}.{node.attr}")
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            found += [f"time.{alias.name}" for alias in node.names]
    return found


def test_only_a_clock_reads_time_or_sleeps() -> None:
    assert {name_of(path) for path in FILES if time_calls_of(path)} == HOMES_OF_TIME
