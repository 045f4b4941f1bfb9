"""What is done in one place alone: asking for a version, time, files. Read from the source, not from a run."""

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

HOMES_OF_FILES = {
    "dataset/manifest/walk.py",  # looks for images by the million: names alone, in the order that a plan takes them
    *["demo/__main__.py", "demo/home.py"],  # the folder that `make demo` works in, on the machine of whoever tries it
    "sandbox/samples.py",  # draws sample images into a folder, and may import nothing of ours
}
"""Where files are made, moved, removed or listed outside of ``storage``."""
FILE_CALLS = {
    *["mkdir", "makedirs", "rmdir", "touch", "write_bytes", "write_text", "pipe_file", "put_file", "symlink_to"],
    *["rename", "mv", "unlink", "rmtree", "rm", "rm_file", "removedirs", "copyfile", "copytree"],
    *["ls", "iterdir", "scandir", "listdir", "rglob"],
}
"""Methods and functions of paths, of file systems and of the standard library."""


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
    return found + probes(path)


def imports_that_may_fail(node: ast.Try) -> list[str]:
    """Return the imports of Airflow whose failure is caught."""
    caught = {name for each in node.handlers if each.type for name in ast.unparse(each.type).strip("()").split(", ")}
    if caught.isdisjoint({"ImportError", "ModuleNotFoundError"}):
        return []
    tried = [line for each in node.body for line in ast.walk(each) if isinstance(line, (ast.Import, ast.ImportFrom))]
    return [text for text in map(ast.unparse, tried) if text.split()[1].partition(".")[0] == "airflow"]


def probes(path: Path) -> list[str]:
    """Return where a file asks whether something of Airflow's, or of a task's context, has an attribute.

    ``getattr`` with a default counts for what is imported from Airflow alone: what is in a context may lack a value.
    """
    imported, of_context = names_of_airflow(path), names_of_context(path)
    found = []
    for node in nodes_of(path):
        match node:
            case ast.Call(func=ast.Name("hasattr"), args=[about, _]):
                is_probe = root_of(about) in imported | of_context or is_of_context(about)
            case ast.Call(func=ast.Name("getattr"), args=[about, _, _]):
                is_probe = root_of(about) in imported
            case _:
                is_probe = False
        found += [ast.unparse(node)] if is_probe else []
    return found


def root_of(node: ast.expr) -> str:
    return ast.unparse(node).partition(".")[0]


def names_of_airflow(path: Path) -> set[str]:
    found = set()
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            found |= {alias.asname or "airflow" for alias in node.names if alias.name.partition(".")[0] == "airflow"}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "airflow":
            found |= {alias.asname or alias.name for alias in node.names}
    return found


def names_of_context(path: Path) -> set[str]:
    """Return the names that are given something of a task's context."""
    pairs: list[tuple[ast.expr, ast.expr]] = []
    for node in nodes_of(path):
        match node:
            case ast.Assign(targets=[ast.Tuple(names)], value=ast.Tuple(values)):
                pairs += zip(names, values, strict=False)
            case ast.Assign(targets=[name], value=value) | ast.AnnAssign(target=name, value=ast.expr() as value):
                pairs.append((name, value))
    return {ast.unparse(name) for name, value in pairs if is_of_context(value)}


def is_of_context(node: ast.expr) -> bool:
    return ast.unparse(node).startswith(("context[", "context.get("))


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
        "from airflow import sdk\nhasattr(sdk, 'RetryPolicy')",
        "import airflow.sdk\ngetattr(airflow.sdk, 'RetryPolicy', None)",
        "hasattr(context['ti'], 'get_task_states')",
        "ti: Any = context['ti']\nhasattr(ti, 'get_task_states')",
        "ti, task = context['ti'], context.get('task')\nhasattr(task, 'dag')",
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


def file_calls_of(path: Path) -> list[str]:
    """Return the calls of a file that make, move, remove or list files."""
    found = []
    for node in nodes_of(path):
        match node:
            case ast.Call(func=ast.Attribute(attr=name)) if name in FILE_CALLS:
                found.append(name)
            case ast.Call(func=ast.Attribute(value=ast.Name("os"), attr="replace" | "remove" | "link" as name)):
                found.append(name)
            case ast.Call(func=ast.Attribute(attr="replace"), args=[_], keywords=[]):  # a text has two, a time none
                found.append("replace")
            case ast.ImportFrom(module="os" | "shutil"):
                found += [alias.name for alias in node.names if alias.name not in {"PathLike", "stat_result"}]
    return found


def test_only_the_storage_makes_moves_and_lists_files() -> None:
    at_work = {name_of(path) for path in FILES if file_calls_of(path)}

    assert "storage/files.py" in at_work
    assert {name for name in at_work if not name.startswith("storage/")} == HOMES_OF_FILES


@pytest.mark.parametrize(
    "line",
    [
        "folder.mkdir(parents=True)",
        "Path(place.path).rename(to)",
        "path.replace(kept)",
        "os.replace(path, kept)",
        "place.fs.rm_file(place.path)",
        "names = [name for name in root.fs.ls(root.path, detail=False)]",
        "from shutil import rmtree",
    ],
)
def test_the_ways_to_touch_a_file_are_seen(line: str, tmp_path: Path) -> None:
    file = tmp_path / "touches.py"
    file.write_text(line)

    assert len(file_calls_of(file)) == 1


@pytest.mark.parametrize("line", ["text.replace('a', 'b')", "at.replace(tzinfo=UTC)", "replace(job, urls=urls)"])
def test_what_only_sounds_like_it_is_not(line: str, tmp_path: Path) -> None:
    file = tmp_path / "sounds.py"
    file.write_text(line)

    assert file_calls_of(file) == []


def test_only_a_clock_reads_time_or_sleeps() -> None:
    assert {name_of(path) for path in FILES if time_calls_of(path)} == HOMES_OF_TIME
