"""Who may import whom, how long things may get, and what a DAG file loads. Read from the source, not from a run."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.forks import loaded
from support.rooms import (
    FILES,
    PACKAGE,
    PAGE,
    SOURCE,
    imports_of,
    name_of,
    nodes_of,
    our_rooms,
    page_with,
    picture,
    room_of,
    rooms_below,
    sizes,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.xdist_group("parse")  # each file is read once

ROOT = Path(__file__).parents[1]
DAGS = sorted((ROOT / "dags").glob("*.py"))
LONGEST_FILE = 400
LONGEST_FUNCTION = 60


@dataclass(frozen=True)
class Room:
    """What one folder of modules, or one module at the top, may import."""

    ours: frozenset[str] = frozenset()
    """Rooms of this package; its own is always allowed."""
    others: frozenset[str] = frozenset()
    """Packages that are neither ours nor the standard library's."""


def room(ours: str = "", others: str = "") -> Room:
    return Room(frozenset(ours.split()), frozenset(others.split()))


ROOMS = {
    "__init__": room(),
    "__main__": room("cli"),
    "provider_info": room("__init__"),
    "compat": room("stand_ins", "airflow asgiref"),
    "stand_ins": room(""),
    "assets": room("core", "airflow"),
    "core": room("core.answer core.saying __init__"),
    "core.answer": room("core.saying"),
    "core.images": room("core"),
    "core.rate": room(),
    "core.saying": room(),
    "core.spending": room("core core.saying"),
    "storage": room("core", "fsspec"),
    "engine.client": room("core", "aiohttp"),
    "engine.ledger": room("storage core"),
    "engine.kept": room("engine.ledger core.answer core.images storage core"),
    "engine.rate": room("storage core"),
    "engine.images": room("storage core", "PIL"),
    "engine.reading": room("engine.ledger engine.rate engine.images engine.client storage core"),
    "dataset": room("dataset.search dataset.table dataset.upkeep cli"),
    "dataset.layout": room("storage core", "pyarrow"),
    "dataset.manifest": room("dataset.layout storage core", "pyarrow"),
    "dataset.figures": room("", "pyarrow numpy"),
    "dataset.plan": room("dataset.manifest dataset.layout storage core", "pyarrow numpy"),
    "dataset.table": room(
        "dataset.corrections dataset.figures dataset.plan dataset.manifest dataset.layout storage core",
        "pyarrow pandas fsspec",
    ),
    "dataset.corrections": room("storage core", "pyarrow"),
    "dataset.review": room("dataset.corrections dataset.table storage core", "pyarrow"),
    "dataset.upkeep": room(
        "dataset.corrections dataset.table dataset.plan dataset.layout storage core", "pyarrow numpy"
    ),
    "dataset.search": room(
        "dataset.corrections dataset.table dataset.layout core.images storage core", "pyarrow numpy pandas xlsxwriter"
    ),
    "dataset.report": room("dataset.table dataset.plan dataset.layout storage core"),
    "dataset.report_page": room("dataset.report dataset.figures core.images core", "jinja2 markupsafe"),
    "webhook": room("storage core", "fastapi starlette uvicorn python_multipart"),
    "web": room(
        "web.frame web.yard analysis dataset engine storage core runtime compat", "airflow fastapi starlette pyarrow"
    ),
    "web.frame": room("dataset engine storage core __init__", "fastapi starlette jinja2"),
    "web.yard": room("web.frame analysis dataset storage core", "fastapi"),
    "analysis": room("cli"),
    "analysis.results": room("analysis.rules analysis.yard dataset storage core", "pyarrow numpy"),
    "analysis.rules": room("core"),
    "analysis.yard": room("analysis.rules dataset.search dataset storage core", "pyarrow pandas ultravin vininfo"),
    "worker": room("engine dataset webhook storage core"),
    "listeners": room("runtime core compat", "airflow opentelemetry"),
    "notifications": room("runtime core compat", "airflow"),
    "runtime": room("engine dataset webhook storage core compat", "airflow fsspec sqlalchemy"),
    "hooks": room("listeners runtime worker engine core", "airflow requests"),
    "tasks": room(
        "tasks.telling analysis hooks listeners runtime worker dataset engine storage core compat", "airflow"
    ),
    "tasks.telling": room("analysis runtime dataset engine storage core compat", "airflow attrs openlineage"),
    "links": room("provider_info core", "airflow"),
    "retry_policy": room("core compat", "airflow"),
    "operators": room("tasks hooks worker core assets links retry_policy compat", "airflow"),
    "triggers": room("runtime engine core compat", "airflow"),
    "sensors": room("triggers hooks runtime core links compat", "airflow"),
    "task_group": room("operators assets retry_policy core compat", "airflow"),
    "plugin": room("runtime web webhook core compat"),
    "upkeep": room("engine dataset webhook storage core", "pyarrow"),
    "cli": room("", "airflow"),
    "cli.shared": room("runtime storage core", "rich"),
    "cli.ledger": room("cli.shared engine storage core"),
    "cli.dataset": room("cli.shared upkeep dataset engine storage core"),
    "cli.account": room("cli.shared cli.ledger hooks operators tasks runtime dataset engine storage core compat"),
    "cli.analysis": room("cli.shared analysis dataset.layout storage core"),
    "ledger": room("cli"),
    "sandbox": room("sandbox.api sandbox.ocr sandbox.state", "numpy PIL"),
    "sandbox.ocr": room("", "rapidocr cv2 numpy PIL"),
    "sandbox.api": room("sandbox.ocr sandbox.state", "aiohttp"),
    "sandbox.state": room("", "aiohttp"),
    "demo": room("cli.analysis dataset core.saying", "psutil"),
}
"""Each room: what it may import of ours (one without a dot stands for its sub-rooms, too), and of others."""

APART = ("operators", "sensors", "triggers")
"""Rooms whose modules never import one another."""
MOST_FILES = 14
"""A room with more is two."""

HEAVY = (
    *["aiohttp", "pyarrow", "pandas", "numpy", "fsspec", "requests", "PIL", "cv2"],
    *(f"airflow.{name}" for name in ("executors", "models", "providers.http")),
    *(
        f"{PACKAGE}.{name}"
        for name in ["tasks", "hooks", "engine", "dataset", "webhook", "storage", "sandbox", "demo", "analysis", "web"]
    ),
    f"{PACKAGE}.triggers.statistics",
)
"""What must not be loaded because a DAG file was parsed."""


def functions_of(path: Path) -> Iterator[tuple[str, int]]:
    """Yield each function with the length of its body in lines, signature and docstring not counted."""
    for node in nodes_of(path):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
            yield node.name, (node.end_lineno or 0) - body[0].lineno + 1


def docstring_of(path: Path) -> str | None:
    module = nodes_of(path)[0]
    assert isinstance(module, ast.Module)
    return ast.get_docstring(module)


def test_every_part_of_the_package_has_a_place_among_the_rooms() -> None:
    empty = {"engine", "dataset"} - {room_of(path) for path in FILES if path.name != "__init__.py"}

    assert {room_of(path) for path in FILES} - empty == set(ROOMS) - empty


def may_import(path: Path) -> set[str]:
    allowed = ROOMS[room_of(path)].ours
    return {name for name in ROOMS if name in allowed or name.partition(".")[0] in allowed}


def test_a_file_imports_only_from_the_rooms_below_it() -> None:
    wrong = {name_of(path): our_rooms(path) - may_import(path) for path in FILES if room_of(path) in ROOMS}

    assert {name: rooms for name, rooms in wrong.items() if rooms} == {}


def test_rooms_form_no_circle() -> None:
    assert tuple(TopologicalSorter(rooms_below()).static_order())  # raises CycleError and names the circle


def test_the_picture_of_the_rooms_is_what_the_imports_say() -> None:
    assert PAGE.read_text() == page_with(picture()), "run: python tests/support/rooms.py"


def test_a_library_is_used_only_where_it_is_at_home() -> None:
    used = {path: {name.partition(".")[0] for name in imports_of(path)} for path in FILES}
    foreign = {path: names - set(sys.stdlib_module_names) - {PACKAGE} for path, names in used.items()}
    wrong = {name_of(path): names - ROOMS[room_of(path)].others for path, names in foreign.items() if names}

    assert {name: libraries for name, libraries in wrong.items() if libraries} == {}


def test_no_room_may_import_what_it_does_not() -> None:
    used: dict[str, set[str]] = {name: set() for name in ROOMS}
    for path in FILES:
        if room_of(path) in ROOMS:
            ours = our_rooms(path)
            names = {name.partition(".")[0] for name in imports_of(path)}
            used[room_of(path)] |= ours | {name.partition(".")[0] for name in ours} | names
    spare = {name: (allowed.ours | allowed.others) - used[name] for name, allowed in ROOMS.items()}

    assert {name: rooms for name, rooms in spare.items() if rooms} == {}


def test_nobody_imports_the_demo() -> None:
    users = [name_of(path) for path in FILES if "demo" in our_rooms(path)]

    assert users == []


def test_a_room_holds_no_more_files_than_a_person_remembers() -> None:
    assert {name: size for name, size in sizes().items() if size > MOST_FILES} == {}


def modules_of_ours(function: ast.AST) -> set[str]:
    """Return the modules of this package that a function imports when it runs."""
    lines = [node for node in ast.walk(function) if isinstance(node, ast.ImportFrom) and node.module]
    names = {f"{line.module}.{alias.name}" for line in lines for alias in line.names}
    names |= {alias.name for node in ast.walk(function) if isinstance(node, ast.Import) for alias in node.names}
    ours = {name.partition(".")[2] for name in names if name.startswith(f"{PACKAGE}.")}
    return {name if is_module(name) else name.rpartition(".")[0] for name in ours}


def is_module(dotted: str) -> bool:
    place = SOURCE.joinpath(*dotted.split("."))
    return place.is_dir() or place.with_suffix(".py").exists()


def test_an_operator_that_runs_goes_down_once() -> None:
    found = {
        f"{name_of(path)}:{node.name}": modules_of_ours(node)
        for path in sorted((SOURCE / "operators").glob("*.py"))
        for node in nodes_of(path)
        if isinstance(node, ast.FunctionDef) and node.name in {"execute", "execute_complete"}
    }

    assert found["operators/read.py:execute"] == {"tasks.read"}
    assert {name: modules for name, modules in found.items() if len(modules) > 1} == {}


@pytest.mark.parametrize("folder", APART)
def test_operators_sensors_and_triggers_do_not_import_one_another(folder: str) -> None:
    package = f"{PACKAGE}.{folder}"
    found = []
    for path in sorted((SOURCE / folder).glob("*.py")):
        inside = {name.removeprefix(f"{package}.").split(".")[0] for name in imports_of(path) if package in name}
        found += [(path.name, name) for name in inside - {path.stem}]

    assert found == []


def test_the_rules_do_no_input_or_output() -> None:
    forbidden = {
        "os",
        "io",
        "pathlib",
        "shutil",
        "tempfile",
        "subprocess",
        "socket",
        "ssl",
        "http",
        "logging",
        "random",
    }
    found = [
        (name_of(path), name)
        for path in sorted((SOURCE / "core").rglob("*.py"))
        for name in imports_of(path)
        if name.partition(".")[0] in forbidden or name.startswith("urllib.request")
    ]

    assert found == []


def test_paid_calls_are_never_run_in_a_group_that_cancels_them() -> None:
    users = [
        name_of(path)
        for path in FILES
        for node in nodes_of(path)
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "asyncio.TaskGroup"
    ]

    assert users == []


def test_a_trigger_makes_no_paid_call() -> None:
    called = {
        node.func.attr
        for path in (SOURCE / "triggers").glob("*.py")
        for node in nodes_of(path)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }

    assert "statistics" in called
    assert called.isdisjoint({"read", "post", "request", "read_one", "attempt"})


def test_no_file_is_longer_than_a_person_reads() -> None:
    files = [path for folder in (PACKAGE, "dags", "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    lengths = {path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines()) for path in files}

    assert {path: lines for path, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_no_function_is_longer_than_a_screen() -> None:
    long = {
        f"{name_of(path)}:{name}": lines
        for path in FILES
        for name, lines in functions_of(path)
        if lines > LONGEST_FUNCTION
    }

    assert long == {}


def test_every_module_says_why_it_exists() -> None:
    assert [name_of(path) for path in FILES if not docstring_of(path)] == []


def test_the_package_has_no_airflow_namespace_inside() -> None:
    assert [path for path in SOURCE.rglob("airflow") if path.is_dir()] == []


@pytest.fixture(scope="module")
def parsed() -> dict[str, set[str]]:
    """Modules that parsing each example DAG loads, beyond those of Airflow itself."""
    alone = """
import airflow.sdk
from airflow.sdk import DAG, Asset, BaseOperator, BaseSensorOperator, Param, TaskGroup, task
"""
    sets = loaded(alone, [f"import runpy; runpy.run_path({str(dag)!r})" for dag in DAGS])
    return dict(zip((dag.stem for dag in DAGS), sets, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("dag", [dag.stem for dag in DAGS])
def test_parsing_an_example_dag_loads_nothing_heavy_through_us(dag: str, parsed: dict[str, set[str]]) -> None:
    assert sorted(name for name in parsed[dag] if name.startswith(HEAVY)) == []
